# SPDX-License-Identifier: ISC
"""What the tests of the examples share: running one, and saying how it went."""
import contextlib
import os
import re
import subprocess
import sys

FOLDER, TESTS = sys.argv[1:3]
SUFFIX = sys.argv[3] if len(sys.argv) > 3 else ""
RUNNER = sys.argv[4:]  # what starts a program that this machine cannot
BACKEND = {"": "unix", "-sim": "sim", ".wasm": "js"}[SUFFIX]
SHOWN = "" if RUNNER else SUFFIX  # in the names that programs give themselves
MEM = "disk" if BACKEND == "sim" else "mem"  # the scheme of disks in memory
DEADLINE_S = 30
cases = []


class Skip(Exception):
    """Why a case cannot run here."""


def case(function):
    cases.append(function)
    return function


def unix_only(function):
    if BACKEND == "unix":
        cases.append(function)
    return function


def host_only(function):
    """For programs that have the machine's files, streams and signals."""
    if BACKEND != "sim":
        cases.append(function)
    return function


def sim_only(function):
    if BACKEND == "sim":
        cases.append(function)
    return function


def command(name, *args):
    folder = TESTS if name in ("stubborn", "echo", "flood") else FOLDER
    return [*RUNNER, os.path.join(folder, name + SUFFIX), *args]


def own_words(log):
    """What the program said, without a remark of LeakSanitizer's on a thread that
    ended while it was looking."""
    return re.sub(r"==\d+==Unable to get registers from thread \d+\.\n", "", log)


def run(name, *args, **more):
    """Runs a program to its end: (status, stdout, stderr), as text."""
    more.setdefault("stdin", subprocess.DEVNULL)
    more.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(command(name, *args), stderr=subprocess.PIPE,
                          timeout=DEADLINE_S, check=False, **more)
    out = (done.stdout or b"").decode()
    return done.returncode, out, own_words(done.stderr.decode())


@contextlib.contextmanager
def started(name, *args):
    """A program that runs beside us, and does not outlive the block."""
    with subprocess.Popen(command(name, *args), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"\n got    {got!r}\n wanted {wanted!r}")


def expect_error(name, args, status, message, **more):
    """It fails with `status`, says `message` and nothing else."""
    expect(run(name, *args, **more),
           (status, "", f"{name}{SHOWN}: {message}\n"))


def image(folder, name, size, content=None):
    """A file of `size` bytes, and its path."""
    at = os.path.join(folder, name)
    with open(at, "wb") as file:
        if content is None:
            file.truncate(size)
        else:
            file.write(content)
    return at


def main():
    print(f"1..{len(cases)}")
    for number, function in enumerate(cases, 1):
        try:
            function()
            print(f"ok {number} - {function.__name__}")
        except Skip as why:
            print(f"ok {number} - {function.__name__} # SKIP {why}")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(f"not ok {number} - {function.__name__}")
            for line in str(error).splitlines():
                print(f"# {line}")
        sys.stdout.flush()
