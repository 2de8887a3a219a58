#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""lint.py PAGE...: what mandoc has to say about manual pages. Fails on anything
that is not scdoc's habit of putting a paragraph before each heading."""
import re
import shutil
import subprocess
import sys

HABITS = re.compile(r"skipping paragraph macro: PP (empty|after SH)")


def complaints(page):
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    lines = lint.stdout.decode().splitlines()
    return [line for line in lines if not HABITS.search(line)]


def main(pages):
    if shutil.which("mandoc") is None:
        print("mandoc is not installed")
        return 77
    lines = [line for page in pages for line in complaints(page)]
    print("\n".join(lines) or f"{len(pages)} pages are clean")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
