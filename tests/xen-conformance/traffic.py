#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""traffic.py XENLAB FRAMES FRAMES_DOM0 GIGABYTE: no byte is lost or changed between a
guest and dom0: 10,000 frames each way through netback, 1 GiB through blkback. Both
sides sum up what they got. Prints TAP."""
import re
import subprocess
import sys
import tempfile

DISK_BYTES = 16 << 20
PATIENCE_S = 300


def start(*command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                            errors="replace")


def finish(program):
    out = program.communicate(timeout=PATIENCE_S)[0]
    return out, program.returncode


def sum_of(path):
    """FNV-1a, as in traffic.h; dom0 sees the same file."""
    value = 0xcbf29ce484222325
    with open(path, "rb") as file:
        for byte in file.read():
            value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return f"{value:016x}"


def result(number, good, name, details):
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for line in "\n".join(details).splitlines():
        print(f"# {line}")
    sys.stdout.flush()
    return good


def frames(xenlab, guest, dom0):
    subprocess.run([xenlab, "copy", dom0, "lab:/run/frames"], check=True)
    subprocess.run([xenlab, "sh", "ip link add traffic address 02:00:00:00:00:01 type "
                    "bridge 2>/dev/null;"
                    "ip link set traffic up; chmod +x /run/frames"], check=True)
    other = start(xenlab, "sh", "exec /run/frames traffic")
    other.stdout.readline()
    one = start(xenlab, "guest", "--timeout", str(PATIENCE_S), "--vif",
                "net=traffic", guest)
    said, status = finish(one)
    other_said, other_status = finish(other)
    got = re.search(r"^sum (\w+)", said, re.M)
    sent = re.search(r"^sent 10000 sum (\w+)", other_said, re.M)
    good = (status == other_status == 0 and got and sent and
            got[1] == sent[1] and "received 10000 sum" in other_said)
    return good, [said, other_said]


def gigabyte(xenlab, guest, folder):
    path = f"{folder}/disk"
    with open(path, "wb") as file:
        file.truncate(DISK_BYTES)
    said, status = finish(start(xenlab, "guest", "--memory", "32", "--timeout",
                                str(PATIENCE_S), "--disk", f"disk={path}",
                                guest))
    moved = re.search(r"^moved (\d+) sum (\w+)", said, re.M)
    there = sum_of(path)
    good = (status == 0 and moved and int(moved[1]) >= 1 << 30 and
            moved[2] == there)
    return good, [said, f"the disk's file: {there}"]


def main():
    xenlab, frames_guest, frames_dom0, gigabyte_guest = sys.argv[1:]
    subprocess.run([xenlab, "start"], check=True)
    print("TAP version 13\n1..2")
    first = result(1, *named("10,000 frames each way", frames(
        xenlab, frames_guest, frames_dom0)))
    with tempfile.TemporaryDirectory() as folder:
        second = result(2, *named("1 GiB through a disk", gigabyte(
            xenlab, gigabyte_guest, folder)))
    return 0 if first and second else 1


def named(name, outcome):
    good, details = outcome
    return good, name, details


if __name__ == "__main__":
    sys.exit(main())
