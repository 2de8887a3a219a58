#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""TCP between two stacks over a bad simulated medium, under many seeds.

    seeds.py LOSS [SEEDS [FIRST]]

Each seed also decides how bad the medium is. Every failing run is printed as the
command that repeats it, and none may hang.
"""
import concurrent.futures
import os
import random
import subprocess
import sys
import time

SEEDS = 1000
TIMEOUT_S = 60
LOSS = os.path.abspath(sys.argv[1])


def medium(chance):
    """What a device does to its frames: sometimes one fault, sometimes all."""
    options = ["lan:wire"]
    for fault, worst in (("loss", 0.2), ("reorder", 0.2), ("duplicate", 0.2),
                         ("corrupt", 0.1)):
        if chance.random() < 0.6:
            options.append("%s=%.3f" % (fault, chance.uniform(0, worst)))
    if chance.random() < 0.5:
        options.append("jitter=%dus" % chance.randrange(1, 2000))
    if chance.random() < 0.5:
        options.append("delay=%dus" % chance.randrange(1, 50000))
    if chance.random() < 0.2:
        options.append("queue=16")
    return options


def command(seed):
    chance = random.Random(seed)
    a, b = medium(chance), medium(chance)
    if seed % 10 == 0:  # the worst that is promised, both ways
        a = b = ["lan:wire", "loss=0.2"]
    if chance.random() < 0.5:
        a, b = a + ["gso"], b + ["gso"]
    return [LOSS, "--seed", str(seed), "--net", "a=" + ",".join(a), "--net",
            "b=" + ",".join(b), str(chance.randrange(1, 400000)),
            chance.choice("46")]


def run(seed):
    """What went wrong, or None."""
    try:
        done = subprocess.run(command(seed), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT_S, text=True)
    except subprocess.TimeoutExpired:
        return "still running after %d s" % TIMEOUT_S
    if done.returncode != 0:
        return "status %d: %s" % (done.returncode, done.stdout.strip())
    return None


def main():
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    began, failed = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for seed, wrong in zip(range(first, first + seeds),
                               pool.map(run, range(first, first + seeds))):
            if wrong is None:
                continue
            failed += 1
            print("FAIL:", wrong)
            print("  again:", " ".join(command(seed)), flush=True)
    print("%d seeds, %d failed, %.0f s" %
          (seeds, failed, time.monotonic() - began))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
