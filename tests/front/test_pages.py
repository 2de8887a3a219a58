#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_pages.py SOURCE COMPILER...: every link within the project leads
somewhere, what the pages tell people to type exists, and their programs compile.
Speaks TAP."""
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1]).resolve()
COMPILER = sys.argv[2:] + [
    "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
    "-Wno-unused-parameter", "-x", "c", "-"]
COMPILER += [f"-I{SOURCE / folder}"
             for folder in ("include", "backends/unix", "conformance")]
PAGES = [page for page in SOURCE.rglob("*.md")
         if not re.match(r"(build|subprojects|\.)",
                         page.relative_to(SOURCE).parts[0])]


def dead_links(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    return [link for link in links if not (page.parent / link).exists()]


def unknown_targets(page):
    """`make` targets on a page that the Makefile does not have."""
    makefile = (SOURCE / "Makefile").read_text()
    words = re.findall(r"^(?:    |`*)make ([a-z][a-z-]*)|`make ([a-z-]+)",
                       page.read_text(), re.M)
    return [a or b for a, b in words
            if not re.search(rf"^[a-z -]*\b{a or b}\b[a-z -]*:", makefile,
                             re.M)]


def broken_programs(page):
    """What the compiler says of the C files that are on a page as a whole."""
    files = re.findall(r"```c\n(.*?)```", page.read_text(), re.S)
    said = [subprocess.run(COMPILER, input=file, text=True, check=False,
                           stderr=subprocess.PIPE).stderr
            for file in files if "#include" in file]
    return [line for text in said for line in text.splitlines()]


def main():
    print(f"1..{len(PAGES)}")
    for number, page in enumerate(sorted(PAGES), 1):
        wrong = (dead_links(page) + unknown_targets(page) +
                 broken_programs(page))
        name = page.relative_to(SOURCE)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for what in wrong:
            print(f"# wrong: {what}")


main()
