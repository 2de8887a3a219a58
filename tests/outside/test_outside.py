#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_outside.py SOURCE BUILD: Mirage as somebody else meets it.

Installs BUILD into a folder of its own, then builds outside of the tree with
pkg-config and nothing else. CC and CFLAGS are heeded. Speaks TAP.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
HERE = SOURCE / "tests" / "outside"
CC = os.environ.get("CC", "cc").split()
CFLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
          *os.environ.get("CFLAGS", "").split()]
DEADLINE_S = 300


class Skip(Exception):
    """Why a case cannot run here."""


def run(*command, **more):
    """Runs a command to its end; its output is its standard output."""
    done = subprocess.run([str(word) for word in command], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DEADLINE_S, **more)
    out = done.stdout.decode(errors="replace")
    assert done.returncode == 0, \
        f"{command} ended with {done.returncode}:\n{out}"
    return out


class Outside:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
            "--destdir", self.folder / "root")
        found = list((self.folder / "root").rglob("pkgconfig"))
        assert len(found) == 1, f"pkgconfig folders: {found}"
        self.packages = found[0]
        core = (self.packages / "mirage-core.pc").read_text()
        if not core.startswith("prefix=${pcfiledir}"):
            raise Skip("this build was set up without "
                       "-Dpkgconfig.relocatable=true")
        self.work = self.folder / "work"
        self.work.mkdir()

    def pkg_config(self, *words):
        env = dict(os.environ, PKG_CONFIG_PATH=str(self.packages))
        return run("pkg-config", *words, env=env).split()

    def has(self, package):
        return (self.packages / f"{package}.pc").exists()

    def need(self, *packages):
        for package in packages:
            if not self.has(package):
                raise Skip(f"this build has no {package}")

    def compile(self, source, package, *more):
        target = self.work / (pathlib.Path(source).stem + ".o")
        run(*CC, "-std=gnu11", *CFLAGS, *more,
            *self.pkg_config("--cflags", package),
            "-c", source, "-o", target)
        return target

    def link(self, name, objects, *packages):
        target = self.work / name
        run(*CC, *CFLAGS, "-o", target, *objects,
            *self.pkg_config("--libs", *packages))
        return target


def app_linked_twice(outside):
    """One object, two programs."""
    outside.need("mirage-unix", "mirage-sim")
    assert (outside.pkg_config("--cflags", "mirage-unix") ==
            outside.pkg_config("--cflags", "mirage-sim")), "cflags differ"
    app = outside.compile(SOURCE / "examples" / "hello.c", "mirage-unix")
    for package, version in (("mirage-unix", "unix"), ("mirage-sim", "sim")):
        program = outside.link(f"hello-{version}", [app], package)
        assert run(program) == "Hello, world!\n"
        assert f"{version} backend" in run(program, "--version")


def third_party_objects(outside):
    sources = sorted((HERE / "thirdparty").glob("tiny*.c"))
    return [outside.compile(source, "mirage-core") for source in sources]


def app_on_third_party_backend(outside):
    """A backend that this tree knows nothing of runs an application."""
    app = outside.compile(SOURCE / "examples" / "ticker.c", "mirage-core")
    program = outside.link("ticker-tiny", [app, *third_party_objects(outside)],
                           "mirage-core")
    assert "tick 2 of 2: 2" in run(program, "2")
    assert "tiny backend" in run(program, "--version")


def suite_on_third_party_backend(outside):
    """With one fixture file the suite runs on it, and it passes."""
    outside.need("mirage-conformance")
    fixture = outside.compile(HERE / "thirdparty" / "fixture.c",
                              "mirage-conformance")
    program = outside.link("conformance-tiny",
                           [fixture, *third_party_objects(outside)],
                           "mirage-conformance", "mirage-core")
    out = run(program, cwd=outside.work)
    passed = len(re.findall(r"^pass ", out, re.M))
    print(f"# the tiny backend passes {passed} cases")
    assert passed >= 150, out


def c_blocks(path):
    return re.findall(r"^```c\n(.*?)^```$", path.read_text(), re.M | re.S)


def files_in_a_program(outside):
    """The installed mirage-crunch and mirage-kv make a store of a folder."""
    outside.need("mirage-unix", "mirage-kv")
    crunch = next(path for path in outside.folder.rglob("mirage-crunch")
                  if path.is_file())
    folder = outside.work / "content"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "note.txt").write_text("from a folder\n")
    source = outside.work / "test_site.c"
    run(crunch, "--name", "test_site", "--output", source, folder)
    objects = [outside.compile(path, "mirage-kv")
               for path in (source, SOURCE / "tests" / "kv" / "kvapp.c")]
    program = outside.link("kvapp", objects, "mirage-kv", "mirage-unix")
    assert run(program, "crunched", "cat", "sub/note.txt") == \
        "from a folder\n"


def readme_compiles(outside):
    """The program in README.md is a program."""
    outside.need("mirage-unix")
    blocks = c_blocks(SOURCE / "README.md")
    assert len(blocks) == 1, f"{len(blocks)} C blocks in README.md"
    source = outside.work / "readme.c"
    source.write_text(blocks[0])
    program = outside.link("readme", [outside.compile(source, "mirage-unix")],
                           "mirage-unix")
    assert run(program) == "Hello, world!\n"


def worked_example_compiles(outside):
    """The backend file in CONTRIBUTING.md fits the backend that it is for."""
    outside.need("mirage-unix")
    blocks = c_blocks(SOURCE / "CONTRIBUTING.md")
    assert len(blocks) == 1, f"{len(blocks)} C blocks in CONTRIBUTING.md"
    source = outside.work / "block_zero.c"
    source.write_text(blocks[0])
    outside.compile(source, "mirage-unix", "-I", SOURCE / "backends" / "unix")


def exported(library):
    """The names that a library defines for others, sanitizers' apart."""
    out = run("readelf", "--wide", "--symbols", library)
    return {match[1] for match in re.finditer(
        r"\b(?:GLOBAL|WEAK)\s+DEFAULT\s+(?:\d+|COM)\s+(\S+)$", out, re.M)
        if not match[1].startswith(("__odr_asan", "__asan", "__ubsan"))}


def libraries_export_only_ours(outside):
    """mirage_* and nothing else, conf_* in the suite."""
    libraries = list(outside.folder.rglob("libmirage-*.a"))
    assert libraries, "nothing installed"
    for library in libraries:
        prefix = ("mirage_", "conf_") if "conformance" in library.name \
            else ("mirage_",)
        wrong = {name for name in exported(library)
                 if not name.startswith(prefix)}
        if "conformance" in library.name:
            wrong.discard("main")
        assert not wrong, f"{library.name} exports {sorted(wrong)}"


def declared(header):
    """The functions that a header declares for linking."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return set(re.findall(r"MIRAGE_API[^;{]*?\b(mirage_\w+)\(", text))


def libraries_export_all(outside):
    """What the header declares, each backend's library has, or lib/tcpip."""
    header = next(outside.folder.rglob("mirage.h"))
    stacks = exported(next(outside.folder.rglob("libmirage-tcpip.a")))
    names = declared(header)
    assert "mirage_run" in names and len(names) > 20, names
    for backend in ("unix", "sim"):
        for library in outside.folder.rglob(f"libmirage-{backend}.a"):
            lacks = names | {"mirage_backend"}
            lacks -= exported(library) | stacks
            assert not lacks, f"{library.name} lacks {sorted(lacks)}"


CASES = [app_linked_twice, app_on_third_party_backend,
         suite_on_third_party_backend, files_in_a_program, readme_compiles,
         worked_example_compiles, libraries_export_only_ours,
         libraries_export_all]


def verdict(number, case, outside):
    try:
        case(outside)
    except Skip as why:
        return f"ok {number} - {case.__name__} # SKIP {why}"
    except (AssertionError, subprocess.TimeoutExpired) as error:
        lines = "".join(f"\n# {line}" for line in str(error).splitlines())
        return f"not ok {number} - {case.__name__}{lines}"
    return f"ok {number} - {case.__name__}"


def main():
    for program in ("meson", "pkg-config", "readelf", CC[0]):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {program} is not installed")
            return
    with tempfile.TemporaryDirectory() as folder:
        try:
            outside = Outside(folder)
        except Skip as why:
            print(f"1..0 # SKIP {why}")
            return
        print(f"1..{len(CASES)}")
        for number, case in enumerate(CASES, 1):
            print(verdict(number, case, outside), flush=True)


main()
