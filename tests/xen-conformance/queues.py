#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""queues.py XENLAB PING FRAMES FRAMES_DOM0: a guest uses two queues of a real netback
when it offers as many. dom0's xen-netback offers as many as dom0 has processors, or
as its parameter says. Prints TAP."""
import contextlib
import re
import subprocess
import sys

from traffic import frames, named, result, start

PARAMETER = "/sys/module/xen_netback/parameters/max_queues"
SOURCES = 8  # addresses of dom0: flows
PINGS = 20  # of each


class Lab:
    def __init__(self, xenlab):
        self.xenlab = xenlab

    def sh(self, script):
        done = subprocess.run([self.xenlab, "sh", script], timeout=120,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{script}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def offering(self, n):
        before = self.sh(f"cat {PARAMETER}; echo {n} >{PARAMETER}").strip()
        try:
            yield
        finally:
            self.sh(f"echo {before} >{PARAMETER}")

    @contextlib.contextmanager
    def bridge(self, name):
        """A bridge on which dom0 has SOURCES addresses."""
        self.sh(f"ip link add {name} type bridge && ip link set {name} up" +
                "".join(f" && ip addr add 10.9.8.{101 + i}/24 dev {name}"
                        for i in range(SOURCES)))
        try:
            yield
        finally:
            self.sh(f"ip link del {name}")


def queues_used(lab):
    """What the guest told dom0 about its queues, in words."""
    told = lab.sh("xenstore-ls -f /local/domain | grep /device/vif/0/")
    number = re.search(r'/multi-queue-num-queues = "(\d+)"', told)
    rings = re.findall(r"/device/vif/0/(?:(queue-\d)/)?tx-ring-ref", told)
    return number and int(number[1]), rings


def notifications(lab):
    """How often the guest notified dom0 of frames that it sent, by queue. The
    handlers have names of their own only where there are two."""
    said = lab.sh("grep vif /proc/interrupts")
    return [int(count) for count in
            re.findall(r"^ *\d+: +(\d+) .*vif\d+\.0-q\d-tx$", said, re.M)]


def ping(lab, guest, offer):
    """Every flow is answered, and both queues carry some."""
    with lab.offering(offer), lab.bridge("queues"):
        with start(lab.xenlab, "guest", "--memory", "16", "--vif",
                   "service=queues", guest, "10.9.8.1") as child:
            try:
                line = child.stdout.readline()
                if line != "ping: ready\n":
                    return False, [line + child.stdout.read()]
                used, rings = queues_used(lab)
                said = "".join(
                    lab.sh(f"ping -q -A -c {PINGS} -I 10.9.8.{101 + i} "
                           "10.9.8.1") for i in range(SOURCES))
                counts = notifications(lab)
            finally:
                child.kill()
    answered = said.count(f" {PINGS} packets received")
    good = answered == SOURCES and used == offer and (
        rings == ["queue-0", "queue-1"] and len(counts) == 2 and
        min(counts) >= PINGS // 2 if offer == 2 else rings == [""])
    return good, [f"{used} queues {rings}, notifications {counts}, "
                  f"{answered} flows answered"]


def main():
    xenlab, ping_guest, frames_guest, frames_dom0 = sys.argv[1:]
    subprocess.run([xenlab, "start"], check=True)
    lab = Lab(xenlab)
    print("TAP version 13\n1..3")
    good = result(1, *named("ping through two queues",
                            ping(lab, ping_guest, 2)))
    good &= result(2, *named("ping through one queue",
                             ping(lab, ping_guest, 1)))
    with lab.offering(2):
        good &= result(3, *named("10,000 frames each way with two queues",
                                 frames(xenlab, frames_guest, frames_dom0)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
