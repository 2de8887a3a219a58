#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Runs the benchmarks and compares them with their targets.

    run.py OUT.jsonl PROGRAM...

Each PROGRAM prints one JSON object a line (see bench.h); all lines go to
OUT.jsonl. Exits 1 if a target is missed or a program fails. Programs run in the
folder of OUT.jsonl, where they may make files.
"""
import json
import os
import subprocess
import sys

TIMEOUT_S = 300

# What the ratio to the floor has to be: throughput at least, time at most.
TARGETS = {
    "block_randread_4k_qd1": (">=", 0.80),
    "block_randread_4k_qd32": (">=", 0.90),
    "block_direct_randread_4k_qd32": (">=", 0.90),
    "block_seqread_1m": (">=", 0.95),
    "net_tap_tx_64": (">=", 0.90),
    "net_tap_tx_1514": (">=", 0.90),
    "net_tap_rx_64": (">=", 0.90),
    "net_tap_rx_1514": (">=", 0.90),
    "net_tap_gso_64k": (">=", 0.90),
    "net_tap_pingpong": ("<=", 1.25),
    "timer_jitter": ("<=", 1.10),
    "timer_arm_cancel": ("<=", 3.00),
    "tcp_tx": (">=", 0.55),
    "tcp_rx": (">=", 0.90),
    "tcp_rtt": ("<=", 1.20),
    "tcp_plain_tx": (">=", 0.45),
    "tcp_plain_rx": (">=", 0.28),
    "tcp_netem": (">=", 0.70),
    "tcp_netem_rx": (">=", 0.70),
    "http_tap": (">=", 1.30),
    "http_tap_nginx": (">=", 1.80),
    "http_host": (">=", 0.90),
    "call_overhead_lto": ("<=", 1.05),
    "start": ("<=", 1.20),
    "node_block_randread_4k_qd32": (">=", 0.90),
    "node_unix_1514": (">=", 0.80),
    "ws_1514": (">=", 0.90),
    "opfs_block_randread_4k": (">=", 0.80),
    "bc_batched_1514": (">=", 0.80),
    "sha256": (">=", 0.50),
}

# What the value itself has to be, at most.
LIMITS = {
    "node_crossing_submit": 50,
    "node_crossing_out": 150,
    "node_crossing_in": 150,
    "node_crossing_out_heap": 0,
    "node_crossing_in_heap": 0,
}


def figures(program, folder):
    """The lines that one program prints, and whether it ended well."""
    try:
        done = subprocess.run([program], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        print(f"{program}: still running after {TIMEOUT_S} s",
              file=sys.stderr)
        return [], False
    if done.returncode != 0:
        print(f"{program}: exit status {done.returncode}", file=sys.stderr)
    lines = done.stdout.decode().splitlines()
    return [json.loads(line) for line in lines], done.returncode == 0


def verdict(figure):
    """The target and PASS or MISS, or nothing where there is no target."""
    if figure["name"] in LIMITS:
        limit = LIMITS[figure["name"]]
        return (f"{limit} at most",
                "PASS" if figure["value"] <= limit else "MISS")
    if figure["name"] not in TARGETS or figure["ratio"] is None:
        return "", ""
    sign, target = TARGETS[figure["name"]]
    ratio = figure["ratio"]
    met = ratio >= target if sign == ">=" else ratio <= target
    return f"{sign} {target:.2f}", "PASS" if met else "MISS"


def number(value):
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1000 \
        else f"{value:,.0f}"


def row(figure):
    target, word = verdict(figure)
    ratio = figure["ratio"]
    return (figure["name"], number(figure["value"]), figure["unit"],
            number(figure["against_value"]), figure["against"] or "-",
            "-" if ratio is None else f"{ratio:.2f}", target, word)


def table(rows):
    heads = ("name", "value", "unit", "floor", "against", "ratio", "target",
             "")
    right = {1, 3, 5}
    rows = [heads] + rows
    widths = [max(len(r[i]) for r in rows) for i in range(len(heads))]
    for r in rows:
        print("  ".join(cell.rjust(w) if i in right else cell.ljust(w)
                        for i, (cell, w) in enumerate(zip(r, widths))
                        ).rstrip())


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    out, programs = os.path.abspath(sys.argv[1]), sys.argv[2:]
    rows, well = [], True
    with open(out, "w", encoding="utf-8") as lines:
        for program in programs:
            print(f"running {os.path.basename(program)}", file=sys.stderr)
            got, ended_well = figures(os.path.abspath(program),
                                      os.path.dirname(out))
            well &= ended_well
            for figure in got:
                lines.write(json.dumps(figure) + "\n")
                rows.append(row(figure))
    table(rows)
    missed = [r[0] for r in rows if r[-1] == "MISS"]
    print(f"\n{len(rows)} figures in {out}; "
          + (f"missed: {', '.join(missed)}" if missed else "no target missed"))
    return 0 if well and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
