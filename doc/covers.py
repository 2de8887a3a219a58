#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""covers.py PROGRAM PAGE...: whether the pages speak of each option and of each
device URI that a program's help lists."""
import pathlib
import re
import subprocess
import sys

program, *pages = sys.argv[1:]
text = "".join(pathlib.Path(page).read_text() for page in pages)
text = re.sub(r"[*_\\]", "", text)
usage = subprocess.run([program, "--help"], stdout=subprocess.PIPE,
                       check=True).stdout.decode()
words = set(re.findall(r"^  (--[a-z-]+|[a-z]+:)", usage, re.M))
# The keys of URIs: mtu=N, sector=512|4096, and the like.
words |= set(re.findall(r"[ ,\[]([a-z]+=)", usage))
missing = sorted(word for word in words if word not in text)
print(f"{len(words)} words of {program} --help, missing: {missing}")
sys.exit(1 if missing or len(words) < 8 else 0)
