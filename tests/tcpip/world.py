# SPDX-License-Identifier: ISC
"""What the tests of stacks share, beside the lab of the tap tests: tcpapp on an
interface, or on the host's sockets, and Linux as its peer.

    TEST TCPAPP PEER WIRE [tap|plain|host] [CASE...]
"""
import atexit
import os
import re
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tap"))
import lab  # noqa: E402
from lab import App, expect  # noqa: E402

TCPAPP, PEER, WIRE = (os.path.abspath(p) for p in sys.argv[1:4])
KIND = sys.argv[4] if len(sys.argv) > 4 else "tap"
# The host's stack has no interface of its own: everything is this machine's.
HOST = KIND == "host"
US4, US6 = ("127.0.0.1", "::1") if HOST else ("10.0.0.1", "fd00::1")
APP4, APP6 = (US4, US6) if HOST else ("10.0.0.2", "fd00::2")
MIB = 1 << 20
# What make test takes a moment for; MIRAGE_BULK=1024 is the gigabyte.
BULK = int(os.environ.get("MIRAGE_BULK", "64")) * MIB


def needs(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            lab.skip(tool + " is not installed")


def setting(path, value):
    """Sets a value of this namespace's network."""
    with open("/proc/sys/net/" + path, "w", encoding="ascii") as file:
        file.write(str(value))


def link(name="tap0"):
    """An interface with addresses of both versions that are usable at once."""
    lab.run("ip", "link", "set", "dev", "lo", "up")
    if HOST:
        return
    lab.run("ip", "tuntap", "add", "dev", name, "mode", "tap")
    address(name)


def address(name):
    setting("ipv6/conf/%s/disable_ipv6" % name, 0)
    lab.run("ip", "addr", "add", US4 + "/24", "dev", name)
    lab.run("ip", "addr", "add", US6 + "/64", "dev", name, "nodad")
    lab.run("ip", "link", "set", "dev", name, "up")


def address_again(name="tap0"):
    """Sets the interface up anew; it has lost its IPv6 addresses."""
    lab.run("ip", "link", "set", "dev", name, "up")
    lab.run("ip", "addr", "replace", US6 + "/64", "dev", name, "nodad")


def unlink(name="tap0"):
    if not HOST:
        lab.delete(name)


def net(name="tap0"):
    return "host:" if HOST else "tap:" + name + (
        ",plain" if KIND == "plain" else "")


# Where it is there, AddressSanitizer keeps no freed memory, which would count.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
    ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


def app(*arguments, name="tap0", uri=None):
    """tcpapp, ready; with static addresses unless others are given."""
    if not arguments and not HOST:
        arguments = ("--ipv4", APP4 + "/24", "--ipv6", APP6 + "/64")
    app = App(TCPAPP, "--net", "service=" + (uri or net(name)), *arguments)
    app.ready = app.hear("ready", "open")
    expect(app.ready, "ready OK")
    return app


def fields(app, word):
    """What the line of that word says: numbers where they are some."""
    pairs = (p.split("=", 1) for p in app.ask(word, word).split()[1:])
    return {k: int(v) if v.isdigit() else v for k, v in pairs}


def interface(app):
    line = app.ask("info", "interface")
    info = app.hear("info")
    return dict(p.split("=", 1) for p in
                line.split()[1:] + info.split()[1:])


def rss_kib(app):
    with open("/proc/%d/status" % app.process.pid, encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))


def peer(*arguments):
    """Runs the Linux peer; returns what it says."""
    return lab.run(PEER, *map(str, arguments))


_PATTERN = subprocess.run([PEER, "pattern"], stdout=subprocess.PIPE,
                          check=True).stdout


def pattern(n, offset=0):
    offset %= len(_PATTERN)
    times = (offset + n) // len(_PATTERN) + 1
    return (_PATTERN * times)[offset:offset + n]


def tcp(ip, port, timeout=lab.PATIENCE_S):
    return socket.create_connection((ip, port), timeout=timeout)


def udp(ip):
    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET,
                      socket.SOCK_DGRAM)
    s.settimeout(lab.PATIENCE_S)
    return s


def read_all(s):
    pieces = []
    while True:
        piece = s.recv(MIB)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def child(*command, **options):
    """A program that ends with the test, at the latest."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, **options)

    def end():
        if process.poll() is None:
            process.kill()
            process.wait()
    atexit.register(end)
    return process


def stop(process):
    process.kill()
    process.wait()


class Wire:
    """A bad wire: the application's side is `tap0`, ours `us`. Between them is a
    bridge, since a program has the file of a tap and not its interface."""

    def __init__(self, *options):
        lab.tap("tap0")
        for name in ("left", "us"):
            lab.tap(name, up=name == "left")
        self.process = child(WIRE, "left", "us", *options)
        expect(self.process.stdout.readline(), "ready\n")
        lab.bridge("br0", "tap0", "left")
        # The bridge answers for none of our addresses.
        lab.run("ip", "link", "set", "dev", "br0", "arp", "off")
        address("us")

    def end(self):
        stop(self.process)
        lab.delete("br0", "left", "us", "tap0")


def main(cases, *tools):
    needs(*tools)
    lab.enter()
    # lab.main takes the names of cases from the fourth argument on.
    sys.argv[3:5] = []
    lab.main(cases)
