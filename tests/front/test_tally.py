#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_tally.py TALLY: what the sum of all tests counts. Speaks TAP."""
import json
import os
import subprocess
import sys
import tempfile

TAP = "1..4\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no tap here\nok 4 d\n"
SUITE = ("pass  a.b\nskip  a.c: the disk has no flush\n"
         "mine: 5 passed, 0 failed, 1 skipped\n")
SUITE_BAD = SUITE.replace("0 failed", "1 failed") + "FAIL  a.d: 1 is 2\n"


def tally(*tests, ci="false"):
    """(exit status, lines) of a log of tests (result, stdout)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for result, stdout in tests:
            json.dump({"name": "t", "result": result, "stdout": stdout}, log)
            log.write("\n")
        log.flush()
        done = subprocess.run([sys.argv[1], log.name], check=False,
                              stdout=subprocess.PIPE,
                              env=dict(os.environ, CI=ci))
    return done.returncode, done.stdout.decode().splitlines()


CASES = {
    "passes": (tally(("OK", ""), ("OK", "")),
               0, "2 passed, 0 failed, 0 skipped"),
    "failure": (tally(("OK", ""), ("FAIL", "")),
                1, "1 passed, 1 failed, 0 skipped"),
    "timeout": (tally(("OK", ""), ("TIMEOUT", "")),
                1, "1 passed, 1 failed, 0 skipped"),
    "skip": (tally(("OK", ""), ("SKIP", "no /dev/net/tun\n")),
             0, "1 passed, 0 failed, 1 skipped"),
    "cases of TAP": (tally(("FAIL", TAP)),
                     1, "2 passed, 1 failed, 1 skipped"),
    "conformance suite": (tally(("OK", SUITE)),
                          0, "5 passed, 0 failed, 1 skipped"),
    "conformance suite, failed": (tally(("FAIL", SUITE_BAD)),
                                  1, "5 passed, 1 failed, 1 skipped"),
    "crash after the suite": (tally(("FAIL", SUITE)),
                              1, "5 passed, 1 failed, 1 skipped"),
    "crash after TAP": (tally(("ERROR", "1..2\nok 1 - a\n")),
                        1, "1 passed, 1 failed, 0 skipped"),
    "nothing run": (tally(), 1, "0 passed, 1 failed, 0 skipped"),
    "whole TAP skipped": (
        tally(("OK", ""), ("SKIP", "1..0 # SKIP cc is not installed\n")),
        0, "1 passed, 0 failed, 1 skipped"),
    "only skips": (tally(("SKIP", "why\n")),
                   1, "0 passed, 1 failed, 1 skipped"),
    "missing package": (tally(("OK", ""), ("SKIP", "ping is not installed\n")),
                        0, "1 passed, 0 failed, 1 skipped"),
    "missing package, CI": (
        tally(("OK", ""), ("SKIP", "ping is not installed\n"), ci="true"),
        1, "1 passed, 1 failed, 0 skipped"),
    "missing device, CI": (
        tally(("OK", ""), ("SKIP", "no /dev/net/tun\n"), ci="true"),
        0, "1 passed, 0 failed, 1 skipped"),
    "missing package in TAP, CI": (
        tally(("OK", "1..2\nok 1 - a\nok 2 - b # SKIP qemu is not installed"),
              ci="true"),
        1, "1 passed, 1 failed, 0 skipped"),
}

print(f"1..{len(CASES)}")
for number, (name, (got, status, last)) in enumerate(CASES.items(), 1):
    good = got[0] == status and got[1][-1:] == [last]
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print(f"# got {got}, wanted {status} and {last!r}")
