# SPDX-License-Identifier: ISC
"""What the tap tests share: interfaces in a network namespace of their own, the
application under test, and frames made and checked independently of it."""
import atexit
import fcntl
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

PATIENCE_S = 20
TYPE = 0x88B5  # for local experiments, IEEE 802
HOST, CLIENT = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
ANYONE = b"\xff" * 6
RX_CSUM, RX_GSO4, RX_GSO6 = 1 << 4, 1 << 5, 1 << 6
ALL = RX_CSUM | RX_GSO4 | RX_GSO6
TAPAPP = os.path.abspath(sys.argv[1])
PING = os.path.abspath(sys.argv[2])


def enter():
    """Goes on in a namespace with no network; skips where that cannot be."""
    if os.environ.get("MIRAGE_TAP_LAB") == "inside":
        return
    if os.geteuid() != 0:
        skip("needs root for taps in a network namespace of its own")
    if not os.path.exists("/dev/net/tun"):
        skip("needs /dev/net/tun")
    for tool in ("ip", "unshare", "ping", "arping", "tcpdump"):
        if shutil.which(tool) is None:
            skip("needs the command " + tool)
    if subprocess.run(["unshare", "-n", "-m", "true"]).returncode != 0:
        skip("needs leave to make namespaces")
    os.environ["MIRAGE_TAP_LAB"] = "inside"
    os.execvp("unshare", ["unshare", "-n", "-m", sys.executable] + sys.argv)


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, "%s: %s" % (" ".join(command), done.stdout)
    return done.stdout


def expect(got, wanted, what=""):
    assert got == wanted, "%s:\n  got    %r\n  wanted %r" % (what, got, wanted)


# ------------------------------------------------------------------ Interfaces

def tap(name, address=None, up=True, mtu=1500):
    run("ip", "tuntap", "add", "dev", name, "mode", "tap")
    quiet(name)
    run("ip", "link", "set", "dev", name, "mtu", str(mtu))
    if address:
        run("ip", "addr", "add", address, "dev", name)
    if up:
        run("ip", "link", "set", "dev", name, "up")


def quiet(name):
    """Keeps the host from sending on its own."""
    path = "/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name
    if os.path.exists(path):
        with open(path, "w") as file:
            file.write("1")


def bridge(name, *ports):
    run("ip", "link", "add", name, "type", "bridge")
    quiet(name)
    for port in ports:
        run("ip", "link", "set", "dev", port, "master", name)
    run("ip", "link", "set", "dev", name, "up")


def delete(*names):
    for name in names:
        run("ip", "link", "del", "dev", name)


def statistics(name, which):
    """From `ip`, since /sys may show another namespace."""
    links = json.loads(run("ip", "-j", "-s", "link", "show", "dev", name))
    direction, key = which
    return links[0]["stats64"][direction][key]


def packet_socket(name, vnet=False):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    if vnet:
        s.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
    s.bind((name, 0))
    s.settimeout(PATIENCE_S)
    return s


def receive_from_app(s, n):
    """The next `n` frames that came out of the interface, not went into it."""
    frames = []
    while len(frames) < n:
        frame, address = s.recvfrom(1 << 17)
        if address[2] != 4:  # PACKET_OUTGOING
            frames.append(frame)
    return frames


class RawTap:
    """The plainest of taps: read and write, no header."""

    def __init__(self, name):
        self.fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.fd, 0x400454CA,
                    struct.pack("16sH22x", name.encode(), 0x1002))

    def read(self):
        ready, _, _ = select.select([self.fd], [], [], PATIENCE_S)
        assert ready, "no frame came"
        return os.read(self.fd, 1 << 17)

    def close(self):
        os.close(self.fd)


# ---------------------------------------------------------------------- Frames

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def noise(n, seed=1):
    out, x = bytearray(), seed
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(x >> 16 & 0xFF)
    return bytes(out)


def ether(payload, to=ANYONE, source=CLIENT, type=TYPE):
    return to + source + struct.pack("!H", type) + payload


def ipv4(payload, protocol, source="10.0.0.2", to="10.0.0.1", fragment=0,
         ttl=64):
    def header(sum):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7,
                           fragment, ttl, protocol, sum,
                           socket.inet_aton(source), socket.inet_aton(to))
    return header(checksum(header(0))) + payload


def pseudo(source, to, protocol, length):
    if ":" in source:
        return (socket.inet_pton(socket.AF_INET6, source) +
                socket.inet_pton(socket.AF_INET6, to) +
                struct.pack("!II", length, protocol))
    return (socket.inet_aton(source) + socket.inet_aton(to) +
            struct.pack("!BBH", 0, protocol, length))


def ipv6(payload, protocol, source, to):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + \
        socket.inet_pton(socket.AF_INET6, source) + \
        socket.inet_pton(socket.AF_INET6, to) + payload


def tcp_blank(data, source, to, seq=1000):
    """A TCP segment whose checksum is only that of the pseudo-header."""
    fold = checksum(pseudo(source, to, 6, 20 + len(data))) ^ 0xFFFF
    return struct.pack("!HHIIBBHHH", 1234, 80, seq, 1, 0x50, 0x10, 4096, fold,
                       0) + data


def echo(data, type=8, spoil=0):
    def message(sum):
        return struct.pack("!BBHHH", type, 0, sum, 5, 1) + data
    return message(checksum(message(0)) ^ spoil)


# ----------------------------------------------------------------- Application

class App:
    """tapapp, or another program, and what it says."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **options)
        atexit.register(self.kill)
        self.buffer = b""
        self.lines = []
        os.set_blocking(self.process.stdout.fileno(), False)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read(self, deadline):
        left = deadline - time.monotonic()
        assert left > 0, "silent; heard only %r" % self.lines
        out = self.process.stdout
        select.select([out], [], [], left)
        data = out.read()
        if data == b"":
            raise AssertionError("died, status %s: %s" % (
                self.process.wait(), self.process.stderr.read().decode()))
        *lines, self.buffer = (self.buffer + (data or b"")).split(b"\n")
        self.lines += [line.decode() for line in lines]

    def hear(self, *starts):
        """The first line, not heard before, that begins with one of these."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for i, line in enumerate(self.lines):
                if line.startswith(starts):
                    return self.lines.pop(i)
            self._read(deadline)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, line, *starts):
        self.tell(line)
        return self.hear(*(starts or ("ok",)))

    def open(self, accept=0):
        return self.ask("open %#x" % accept, "open ")[5:]

    def send(self, frame, n=1, fragments=1, csum=(0, 0, 0), gso=(0, 0)):
        text = frame if isinstance(frame, str) else frame.hex()
        marks = " ".join(str(v) for v in (n, fragments) + csum + gso)
        return self.ask("send %s %s" % (marks, text), "sent ")[5:]

    def fields(self, word):
        pairs = (p.split("=") for p in self.ask(word, word).split()[1:])
        return {k: int(v, 0) if ":" not in v else v for k, v in pairs}

    def counters(self):
        return self.fields("counters")

    def until(self, holds, what):
        """Waits for the counters to be so."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            counters = self.counters()
            if holds(counters):
                return counters
            assert time.monotonic() < deadline, "%s: %s" % (what, counters)
            time.sleep(0.01)

    def end(self, status=0):
        """Closes the input, on which it ends; returns what it logged."""
        _, log = self.process.communicate(timeout=PATIENCE_S)
        expect(self.process.returncode, status, "exit status of " + str(log))
        return log.decode()


def start(name, accept=0, options=""):
    """tapapp on interface `name`, open."""
    app = App(TAPAPP, "--net", "service=tap:%s%s" % (name, options))
    expect(app.open(accept), "OK", "open")
    return app


def shown(app):
    """The next frame received: its length, marks and Adler-32."""
    line = app.hear("rx ")
    return tuple(int(v) for v in re.findall(r"=(\d+)", line))


def main(cases):
    """Runs what is called case_…, or those named on the command line."""
    enter()
    only = sys.argv[3:]
    for name, case in list(cases.items()):
        if name.startswith("case_") and (not only or name[5:] in only):
            print(name[5:].replace("_", " "), end=" ... ", flush=True)
            case()
            print("ok", flush=True)
