#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_guests.py EXAMPLES PROBE ANSWER: the examples as guests of a real Xen, and what
`xenlab guest` returns. Speaks TAP."""
import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

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


# ------------------------------------------------------------------- TCP/IP

SITE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                    "../../examples/homepage/site")


class Served:
    """A guest on a bridge of its own with dom0, who is network.1."""

    def __init__(self, name, bridge, network, *arguments, ready):
        self.bridge, self.network, self.ready = bridge, network, ready
        self.child = started("guest", "--memory", "16", "--vif",
                             f"service={bridge}", image(name), *arguments)

    def __enter__(self):
        sh(f"/sbin/ip link add {self.bridge} type bridge && "
           f"/sbin/ip link set {self.bridge} up && "
           f"/sbin/ip addr add {self.network}.1/24 dev {self.bridge}")
        self.process = self.child.__enter__()
        if self.ready:
            hear(self.process, self.ready)
        return self

    def __exit__(self, *what):
        self.child.__exit__(*what)
        sh(f"/sbin/ip link del {self.bridge}")

    def end(self):
        """Asks it to shut down: what it says then."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=60)
        expect((self.process.returncode, err), (0, b""))
        return out.decode()


@case
def homepage_in_16_mib_is_fetched_by_dom0():
    with Served("homepage", "lab4", "10.9.4", "--ipv4", "10.9.4.2/24",
                ready=b"homepage: http://10.9.4.2/\n") as served:
        for name in sorted(os.listdir(SITE)):
            with open(f"{SITE}/{name}", "rb") as file:
                wanted = hashlib.sha256(file.read()).hexdigest()
            expect(sh(f"wget -q -O - http://10.9.4.2/{name} | sha256sum")
                   .split()[0], wanted)
        expect_match('"backend":"xen"',
                     sh("wget -q -O - http://10.9.4.2/status"))
        expect_match('"GET /status HTTP/1.1" 200 ', served.end())


def loaded_bytes(path):
    """What of an image is loaded: the segments in the file."""
    with open(path, "rb") as file:
        content = file.read()
    at, = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    headers = [struct.unpack_from("<IIQQQQ", content, at + size * i)
               for i in range(count)]
    return sum(header[5] for header in headers if header[0] == 1)


@case
def homepage_is_small():
    content = 0
    for name in os.listdir(SITE):
        with open(f"{SITE}/{name}", "rb") as file:
            plain = file.read()
        content += len(plain) + len(zlib.compress(plain, 9))
    own = loaded_bytes(image("homepage")) - content
    if own > 300 * 1024:
        raise AssertionError(f"{own} bytes without its content")


@case
def dns_server_answers_dom0():
    with Served("dns-server", "lab5", "10.9.5", "--ipv4", "10.9.5.2/24",
                ready=b"dns-server: 57 records, port 53\n") as served:
        out = sh("nslookup -type=mx mirage.example 10.9.5.2")
        expect_match("mail exchanger = 10 mail.mirage.example", out)
        expect_match("1 queries: 1 found", served.end())


LEASES = """
interface lab6
start 10.9.6.50
end 10.9.6.50
lease_file /tmp/leases
pidfile /tmp/udhcpd.pid
option subnet 255.255.255.0
option router 10.9.6.1
option lease 600
"""


@case
def dhcp_has_a_lease_of_dom0():
    with Served("dhcp", "lab6", "10.9.6", ready=None) as served:
        sh(f"printf '{LEASES}' > /tmp/udhcpd.conf && touch /tmp/leases && "
           "udhcpd /tmp/udhcpd.conf")
        try:
            out, _ = served.process.communicate(timeout=60)
        finally:
            sh("kill $(cat /tmp/udhcpd.pid)")
    expect(served.process.returncode, 0)
    for line in ("address      10.9.6.50/24", "router       10.9.6.1",
                 "server       10.9.6.1", "lease        600 s"):
        expect_match(f"  {line}\n", out.decode())


@case
def nothing_is_left_in_dom0():
    expect(sh("xl list | tail -n +2 | grep -v Domain-0; /sbin/losetup -a; "
              "ls /disks; ls /sys/class/net | grep vif; true"), "")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
