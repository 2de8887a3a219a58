# SPDX-License-Identifier: ISC
"""What the tests of the lab share: running xenlab, and TAP."""
import contextlib
import os
import re
import subprocess
import sys
import time
import traceback

XENLAB = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                      "../../tools/xenlab/xenlab")
PATIENCE_S = 120  # with an emulated processor, shared with others
cases = []


def case(function):
    cases.append(function)
    return function


def command(*words):
    return [sys.executable, XENLAB, *words]


def xenlab(*words, typed=b"", **more):
    """Runs it to its end: (status, stdout, stderr), as text."""
    given = {"input": typed} if typed else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command(*words), **given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE_S, check=False, **more)
    return (done.returncode, done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"))


def sh(script):
    """Runs a script in dom0, which must succeed; returns its output."""
    status, out, err = xenlab("sh", script)
    if status != 0:
        raise AssertionError(f"{script}: status {status}: {out}{err}")
    return out


@contextlib.contextmanager
def started(*words, stdin=subprocess.DEVNULL):
    """xenlab beside us; it does not outlive the block."""
    with subprocess.Popen(command(*words), stdin=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def hear(child, wanted):
    """Reads lines of the child until one is as wanted."""
    heard = b""
    while True:
        line = child.stdout.readline()
        heard += line
        if line == wanted:
            return
        if not line:
            raise AssertionError(f"ended after {heard!r}, "
                                 f"{child.stderr.read()!r}")


def until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.1)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"\n got    {cut(got)}\n wanted {cut(wanted)}")


def expect_match(pattern, text):
    if not re.search(pattern, text):
        raise AssertionError(f"\n got    {cut(text)}\n wanted {pattern!r}")


def cut(value):
    """The ends of it, when it is long."""
    text = repr(value)
    return text if len(text) < 2000 else f"{text[:900]} … {text[-900:]}"


def main():
    """Runs the cases, as a TAP program, and ends with 0 as those do."""
    print(f"1..{len(cases)}")
    for number, function in enumerate(cases, 1):
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # whatever it is, the other cases run
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {number} - {name}", flush=True)
