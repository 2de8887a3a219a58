#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_guests.py EXAMPLES PROBE ANSWER: the examples as guests of a real Xen, and what
`xenlab guest` returns. Speaks TAP."""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from xenlab_test import (case, expect, expect_match, hear, main, sh, started,
                         xenlab)

EXAMPLES, PROBE, ANSWER = sys.argv[1:4]


def image(name):
    return f"{EXAMPLES}/{name}-xen"


def guest(name, *arguments, options=()):
    path = PROBE if name == "probe" else image(name)
    return xenlab("guest", *options, path, *arguments)


# ---------------------------------------------------------------- Console, ends

@case
def hello_prints_one_line_in_8_mib():
    expect(guest("hello", options=["--memory", "8"]),
           (0, "Hello, world!\n", ""))


@case
def words_arrive_as_they_were_given():
    for word in ["two words", "it's \"so\"", "", "$HOME\\n", "ä"]:
        status, out, _ = guest("hello", word)
        expect(status, 2)
        expect(out, f"hello-xen: error: unknown argument '{word}'; "
               "see --help\n")


@case
def an_unknown_option_ends_with_2():
    status, out, _ = guest("hello", "--nonsense")
    expect(status, 2)
    expect_match("nonsense", out)


@case
def ticker_is_never_early():
    status, out, _ = guest("ticker", "4")
    expect(status, 0)
    ticks = re.findall(r"^tick (\d) of 4: (\d+) ms after the start, "
                       r"\d{10}\.\d{3} s since 1970$", out, re.M)
    expect([int(number) for number, _ in ticks], [1, 2, 3, 4])
    for number, ms in ticks:
        if int(ms) < 100 * int(number):
            raise AssertionError(f"tick {number} at {ms} ms")


@case
def the_exit_status_is_the_guests():
    for status in (0, 1, 77, 99, 127):
        expect(guest("probe", "status", str(status))[0], status)


@case
def tap_passes_through_unchanged():
    expect(guest("probe", "tap"),
           (0, "1..2\nok 1 - first\nnot ok 2 - second # TODO\n", ""))


@case
def nothing_of_many_lines_is_lost():
    status, out, _ = guest("probe", "lines", "2000")
    expect(status, 0)
    expect(out, "".join(f"line {n} of 2000\n" for n in range(1, 2001)))


@case
def what_is_typed_arrives():
    typed = "".join(f"line {n}\n" for n in range(500)) + "end\n"
    expect(xenlab("guest", ANSWER, "echo", typed=typed.encode()),
           (7, "ready\n" + "".join(f"heard line {n}\n" for n in range(500)),
            ""))


@case
def what_is_typed_later_arrives_too():
    with started("guest", ANSWER, "echo", stdin=subprocess.PIPE) as child:
        hear(child, b"ready\n")
        for word in [b"one\n", b"\0\x04\x03\n"]:
            child.stdin.write(word)
            child.stdin.flush()
            hear(child, b"heard " + word)
        child.stdin.write(b"end\n")
        child.stdin.close()
        expect(child.wait(60), 7)


@case
def a_guest_that_does_not_listen_ends_all_the_same():
    typed = b"much\n" * 20000
    expect(xenlab("guest", PROBE, "status", "3", typed=typed), (3, "", ""))


@case
def an_abort_is_134_with_its_reason():
    status, out, err = guest("probe", "abort")
    expect(status, 134)
    expect_match("^before the end", out)
    expect_match(r"\(d\d+\) .*abort", err)


@case
def a_fault_is_134_with_its_registers():
    status, _, err = guest("probe", "fault")
    expect(status, 134)
    expect_match(r"\(d\d+\) .*page fault", err)
    expect_match(r"rip|  at [0-9a-f]{16}", err)


@case
def termination_shuts_the_guest_down():
    with started("guest", PROBE, "wait") as child:
        hear(child, b"waiting\n")
        child.terminate()
        expect(child.wait(60), 0)


# ----------------------------------------------------------------------- Disks

def disk_file(folder, name, size):
    path = f"{folder}/{name}"
    with open(path, "wb") as file:
        file.write(random.Random(size).randbytes(size))
    return path


def sha256_by_dom0(path):
    expect(xenlab("copy", path, "lab:/tmp/sum")[0], 0)
    return sh("sha256sum /tmp/sum; rm /tmp/sum").split()[0]


def copies(source_options, target_options, size=3 << 20):
    """disk copies one disk to another, and says what dom0 says of it."""
    with tempfile.TemporaryDirectory() as folder:
        source = disk_file(folder, "source", size)
        target = disk_file(folder, "target", size + (1 << 20))
        status, out, err = guest("disk", options=[
            "--disk", f"from={source}{source_options}",
            "--disk", f"to={target}{target_options}"])
        expect((status, err), (0, ""))
        wanted = sha256_by_dom0(source)
        expect_match(f"\nSHA-256 {wanted}\n$", out)
        with open(target, "rb") as file:
            expect(hashlib.sha256(file.read(size)).hexdigest(), wanted)


@case
def disk_copies_to_the_sum_that_dom0_has():
    copies("", "")


@case
def disk_copies_from_read_only_to_4096_byte_sectors():
    copies(",ro", ",sector=4096")


@case
def disk_does_not_write_to_a_read_only_disk():
    with tempfile.TemporaryDirectory() as folder:
        source = disk_file(folder, "source", 65536)
        target = disk_file(folder, "target", 131072)
        shutil.copy(target, f"{folder}/before")
        status, out, _ = guest("disk", options=[
            "--disk", f"from={source}", "--disk", f"to={target},ro"])
        expect(status, 1)
        expect_match("block 'to'", out)
        with open(target, "rb") as file, \
                open(f"{folder}/before", "rb") as before:
            expect(file.read() == before.read(), True)


@case
def disk_without_disks_says_which_is_missing():
    status, out, _ = guest("disk")
    expect(status, 1)
    expect_match("'from'", out)


# --------------------------------------------------------------------- Network

class Ping:
    """ping as a guest in a bridge of its own, and dom0 on it, too."""

    def __init__(self, bridge, network):
        self.host, self.guest = f"{network}.1", f"{network}.2"
        self.bridge = bridge
        self.child = started("guest", "--vif", f"service={bridge}",
                             image("ping"), self.guest)

    def __enter__(self):
        sh(f"/sbin/ip link add {self.bridge} type bridge && "
           f"/sbin/ip addr add {self.host}/24 dev {self.bridge}")
        self.process = self.child.__enter__()
        hear(self.process, b"ping: ready\n")
        return self

    def __exit__(self, *what):
        self.child.__exit__(*what)
        sh(f"/sbin/ip link del {self.bridge}")

    def answers(self, count, options=""):
        out = sh(f"ping -c {count} {options} {self.guest} | tail -n 4")
        expect_match(f"{count} packets transmitted, {count} packets received, "
                     "0% packet loss", out)


@case
def ping_answers_dom0():
    with Ping("lab1", "10.9.1") as ping:
        ping.answers(10)
        ping.answers(10, "-s 1472")
        ping.answers(300, "-A -s 1000")


@case
def ping_answers_fragments_with_silence_and_lives():
    with Ping("lab2", "10.9.2") as ping:
        out = sh(f"ping -c 2 -s 4000 -W 1 {ping.guest} | tail -n 3; true")
        expect_match("2 packets transmitted, 0 packets received", out)
        ping.answers(3)


@case
def ping_refuses_what_is_no_address():
    status, out, _ = guest("ping", "10.0.0.300",
                           options=["--vif", "service=lab3"])
    expect(status, 2)
    expect_match("usage", out)


@case
def ping_without_a_network_says_which_is_missing():
    status, out, _ = guest("ping")
    expect(status, 1)
    expect_match("'service'", out)


@case
def nothing_is_left_in_dom0():
    expect(sh("xl list | tail -n +2 | grep -v Domain-0; /sbin/losetup -a; "
              "ls /disks; ls /sys/class/net | grep vif; true"), "")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
