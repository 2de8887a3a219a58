#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The tap network against Linux: tap_test.py TAPAPP PING."""
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib

import lab
from lab import App, ether, expect

RX_CSUM, RX_GSO4, RX_GSO6 = 1 << 4, 1 << 5, 1 << 6
ALL = RX_CSUM | RX_GSO4 | RX_GSO6
TX = 1 << 1 | 1 << 2 | 1 << 3
FRAGMENTS, LINK = 1 << 0, 1 << 7
BLANK = 2

TAPAPP = os.path.abspath(sys.argv[1])
PING = os.path.abspath(sys.argv[2])


def start(name, accept=0, options="", *more, **keywords):
    app = App(TAPAPP, "--net", "service=tap:%s%s" % (name, options), *more,
              **keywords)
    expect(app.open(accept), "OK", "open")
    return app


def shown(app):
    """The next frame received: its length, marks and Adler-32."""
    line = app.hear("rx ")
    return tuple(int(v) for v in re.findall(r"=(\d+)", line))


# ------------------------------------------------------------------------ Ping

def ping_program(name):
    app = App(PING, "--net", "service=tap:" + name, "10.0.0.2")
    app.hear("ping: ready")
    return app


def case_ping_of_linux():
    lab.tap("tap0", "10.0.0.1/24")
    app = ping_program("tap0")
    capture = subprocess.Popen(
        ["tcpdump", "-i", "tap0", "-n", "-l", "-c", "6", "icmp or arp"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    capture.stderr.readline()
    capture.stderr.readline()  # it listens
    for size in ("56", "0", "1472"):
        out = lab.run("ping", "-n", "-c", "3", "-i", "0.2", "-s", size,
                      "10.0.0.2")
        assert " 3 received, 0% packet loss" in out, out
    out = lab.run("ping", "-n", "-f", "-q", "-c", "1000", "10.0.0.2")
    assert " 1000 received, 0% packet loss" in out, out
    out = lab.run("arping", "-c", "2", "-I", "tap0", "10.0.0.2")
    assert "Received 2 response(s)" in out or "2 packets received" in out, out
    text, _ = capture.communicate(timeout=lab.PATIENCE_S)
    assert "ARP, Reply 10.0.0.2 is-at 02:" in text, text
    assert "10.0.0.2 > 10.0.0.1: ICMP echo reply" in text, text
    app.process.send_signal(signal.SIGTERM)
    expect(app.end(), "")
    lab.delete("tap0")


def case_ping_passes_over_what_is_broken():
    lab.tap("tap0")
    app = ping_program("tap0")
    s = lab.packet_socket("tap0")
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, lab.HOST,
                      socket.inet_aton("10.0.0.1"), b"\0" * 6,
                      socket.inet_aton("10.0.0.2"))
    s.send(ether(arp, source=lab.HOST, type=0x806))
    mac = lab.receive_from_app(s, 1)[0][6:12]

    def frame(message=lab.echo(b"x" * 9), **fields):
        fields = dict({"source": "10.0.0.1", "to": "10.0.0.2"}, **fields)
        return ether(lab.ipv4(message, 1, **fields), mac, lab.HOST, 0x800)

    good = frame()
    for broken in (
            ether(arp[:27], source=lab.HOST, type=0x806),
            ether(arp, source=lab.CLIENT, type=0x806),
            ether(b"", source=lab.HOST, type=0x800),
            good[:33], good[:-1],
            good[:14] + b"\x46" + good[15:],
            good[:24] + b"\0\0" + good[26:],
            frame(fragment=0x2000), frame(fragment=1),
            frame(source="10.0.0.2"), frame(source="224.0.0.1"),
            frame(to="10.0.0.3"), frame(to="255.255.255.255"),
            frame(lab.echo(b"x", spoil=1)), frame(lab.echo(b"x", type=0)),
            frame(b"\x08"),
            lab.ANYONE + good[6:],
            mac + b"\x03" + good[7:]):
        s.send(broken)
    s.send(good + b"padding")
    # The only answer is that to the good one, cut to what it says it is.
    answer, = lab.receive_from_app(s, 1)
    expect(answer, ether(lab.ipv4(lab.echo(b"x" * 9, type=0), 1), lab.HOST,
                         mac, 0x800), "the answer")
    s.settimeout(0.2)
    try:
        raise AssertionError("more answers: %r" % lab.receive_from_app(s, 1))
    except socket.timeout:
        pass
    app.kill()
    lab.delete("tap0")


# ---------------------------------------------------------------- Plain frames

def case_info():
    lab.tap("tap0", mtu=9000)
    app = start("tap0")
    info = app.fields("info")
    expect(info["caps"], FRAGMENTS | LINK, "caps without accept")
    expect((info["mtu"], info["gso_max"], info["link"]), (9000, 0, 1))
    assert info["pool"] >= 16 and info["mac"].startswith("02:")
    app.end()
    again = start("tap0")
    expect(again.fields("info")["mac"], info["mac"], "the same name's address")
    again.end()
    app = start("tap0", ALL, ",mtu=1400,mac=02:00:00:00:00:09")
    info = app.fields("info")
    expect(info["caps"], FRAGMENTS | LINK | TX | ALL, "caps")
    expect((info["mtu"], info["mac"]), (1400, "02:00:00:00:00:09"))
    assert info["gso_max"] > 65535
    app.end()
    app = start("tap0", RX_GSO4)
    expect(app.fields("info")["caps"], FRAGMENTS | LINK, "no csum, no gso")
    app.end()
    lab.delete("tap0")


def case_sends_what_it_was_given():
    for accept in (0, ALL):
        lab.tap("tap0")
        app = start("tap0", accept)
        s = lab.packet_socket("tap0")
        for length, fragments in ((14, 1), (60, 2), (1514, 1), (1514, 64)):
            frame = ether(lab.noise(length - 14, length))
            expect(app.send(frame, fragments=fragments), "1 OK")
            expect(lab.receive_from_app(s, 1), [frame], "frame")
        expect(app.send(ether(b"x" * 1501), fragments=2), "0 EMSGSIZE",
               "mtu + 15")
        expect(app.send(ether(b"")[:13]), "0 EMSGSIZE", "13 bytes")
        expect(app.send(ether(b"x" * 100), fragments=65), "0 EMSGSIZE",
               "too many fragments")
        counters = app.counters()
        expect((counters["tx_frames"], counters["tx_bytes"],
                counters["tx_refused"]), (4, 14 + 60 + 1514 + 1514, 3))
        app.end()
        lab.delete("tap0")


def case_receives_what_was_sent():
    for accept in (0, ALL):
        lab.tap("tap0", mtu=1500)
        app = start("tap0", accept, ",mtu=1000")
        app.ask("receive show")
        s = lab.packet_socket("tap0")
        for length in (14, 60, 1014):
            frame = ether(lab.noise(length - 14, length))
            s.send(frame)
            expect(shown(app), (length, 0, 0, 0, 0, 0, zlib.adler32(frame)))
        for length in (1015, 1016, 1514):
            s.send(ether(b"x" * (length - 14)))
        app.until(lambda c: c["rx_dropped_size"] == 3, "too long")
        frame = ether(b"after")
        s.send(frame)
        expect(shown(app)[0], 19)
        app.end()
        lab.delete("tap0")


def burst(app, name, n=10000):
    """Sends `n` frames while the application is held; returns how many of them
    the kernel dropped before it could read them."""
    s = lab.packet_socket(name)
    before = lab.statistics(name, ("tx", "dropped"))
    refused = 0
    os.kill(app.process.pid, signal.SIGSTOP)
    for i in range(n):
        try:
            s.send(ether(struct.pack("!I", i)))
        except OSError as error:
            assert error.errno == 105, error  # ENOBUFS
            refused += 1
    os.kill(app.process.pid, signal.SIGCONT)
    s.close()
    return max(refused, lab.statistics(name, ("tx", "dropped")) - before)


def case_burst_with_nobody_reading():
    for accept in (0, ALL):
        lab.tap("tap0")
        app = start("tap0", accept)
        dropped = burst(app, "tap0")
        assert 0 < dropped < 10000, dropped
        app.until(lambda c: c["rx_dropped_nobody"] + dropped == 10000,
                  "10000 less %d" % dropped)
        counters = app.counters()
        expect(counters["rx_frames"], 0)
        app.end()
        lab.delete("tap0")


def case_burst_that_is_never_released():
    for accept in (0, ALL):
        lab.tap("tap0")
        app = start("tap0", accept)
        pool = app.fields("info")["pool"]
        app.ask("receive hold")
        dropped = burst(app, "tap0")
        app.until(lambda c: c["rx_frames"] + c["rx_dropped_memory"] +
                  dropped == 10000, "10000 less %d" % dropped)
        expect(app.counters()["rx_frames"], pool, "held")
        # Whoever holds everything is still able to send.
        expect(app.send(ether(b"still here")), "1 OK")
        expect(app.ask("release", "released"), "released %d" % pool)
        lab.packet_socket("tap0").send(ether(b"one more"))
        app.until(lambda c: c["rx_frames"] == pool + 1, "one more")
        app.end()
        lab.delete("tap0")


# ------------------------------------------------------------------------ Link

def case_link_goes_down_and_up():
    for accept in (0, ALL):
        lab.tap("tap0", up=False)
        app = start("tap0", accept)
        expect(app.fields("info")["link"], 0, "before it was ever up")
        expect(app.send(ether(b"x"), n=2), "2 OK", "taken")
        lab.run("ip", "link", "set", "dev", "tap0", "up")
        expect(app.hear("event"), "event link link=1")
        s = lab.packet_socket("tap0")
        expect(app.send(ether(b"x")), "1 OK")
        expect(lab.receive_from_app(s, 1), [ether(b"x")])
        lab.run("ip", "link", "set", "dev", "tap0", "down")
        expect(app.hear("event"), "event link link=0")
        expect(app.send(ether(b"x"), n=3), "3 OK", "taken")
        counters = app.counters()
        expect((counters["tx_frames"], counters["tx_dropped_link"]), (6, 5))
        lab.run("ip", "link", "set", "dev", "tap0", "up")
        expect(app.hear("event"), "event link link=1")
        app.end()
        lab.delete("tap0")


def case_link_down_seen_by_writing_first():
    lab.tap("tap0")
    app = start("tap0")
    os.kill(app.process.pid, signal.SIGSTOP)
    app.tell("send 2 1 0 0 0 0 0 " + ether(b"x").hex())
    lab.run("ip", "link", "set", "dev", "tap0", "down")
    os.kill(app.process.pid, signal.SIGCONT)
    expect(app.hear("sent"), "sent 2 OK")
    expect(app.hear("event"), "event link link=0")
    expect(app.counters()["tx_dropped_link"], 2)
    app.end()
    lab.delete("tap0")


def case_interface_deleted():
    for accept in (0, ALL):
        lab.tap("tap0")
        app = start("tap0", accept)
        app.ask("receive count")
        lab.delete("tap0")
        expect(sorted([app.hear("event"), app.hear("event")]),
               ["event link link=0", "event lost link=0"])
        expect(app.send(ether(b"x"), n=2), "2 OK", "taken")
        expect(app.counters()["tx_dropped_link"], 2)
        app.tell("close")
        expect(app.hear("event closed"), "event closed link=0")
        expect(app.open(), "ENODEV")
        lab.tap("tap0")
        expect(app.open(accept), "OK", "open again")
        log = app.end()
        assert "interface 'tap0' is lost" in log, log
        lab.delete("tap0")


def case_close_frees_the_interface():
    lab.tap("tap0")
    app = start("tap0")
    app.ask("receive hold")
    s = lab.packet_socket("tap0")
    s.send(ether(b"kept"))
    app.until(lambda c: c["rx_frames"] == 1, "one frame")
    for _ in range(3):
        app.tell("close")
        app.hear("event closed")
        expect(app.open(), "OK", "open again")
    expect(app.ask("release", "released"), "released 1",)
    app.end()
    lab.delete("tap0")


# -------------------------------------------------------------------- Offloads

def segments(raw, wanted, version):
    """Reads TCP segments until `wanted` bytes of data are there."""
    data, seq = b"", 1000
    while len(data) < wanted:
        frame = raw.read()
        if frame[6:12] != lab.CLIENT:
            continue  # the host's own
        assert len(frame) <= 1514, "a segment of %d bytes" % len(frame)
        if version == 4:
            expect(lab.checksum(frame[14:34]), 0, "IPv4 checksum")
            addresses, tcp = frame[26:34], frame[34:]
            cover = addresses + struct.pack("!BBH", 0, 6, len(tcp))
        else:
            addresses, tcp = frame[22:54], frame[54:]
            cover = addresses + struct.pack("!II", len(tcp), 6)
        expect(lab.checksum(cover + tcp), 0, "TCP checksum")
        expect(struct.unpack("!I", tcp[4:8])[0], seq, "sequence number")
        data += tcp[20:]
        seq += len(tcp) - 20
    return data


def superframe(version, data):
    if version == 4:
        a, b = "10.0.0.2", "10.0.0.1"
        packet = lab.ipv4(lab.tcp_blank(data, a, b), 6, a, b)
        return ether(packet, lab.HOST, lab.CLIENT, 0x800), 34
    a, b = "fd00::2", "fd00::1"
    packet = lab.ipv6(lab.tcp_blank(data, a, b), 6, a, b)
    return ether(packet, lab.HOST, lab.CLIENT, 0x86DD), 54


def case_sends_segments():
    lab.tap("tap0")
    lab.tap("tap1")
    lab.bridge("br0", "tap0", "tap1")
    raw = lab.RawTap("tap1")
    app = start("tap0", ALL)
    for version, gso in ((4, 1), (6, 2)):
        for size, fragments in ((60000, 1), (60001, 7), (65000, 64)):
            data = lab.noise(size, size)
            frame, at = superframe(version, data)
            expect(app.send(frame, fragments=fragments, csum=(BLANK, at, 16),
                            gso=(gso, 1400)), "1 OK")
            assert segments(raw, size, version) == data, "content"
    # A blank checksum without segments.
    frame, at = superframe(4, lab.noise(999))
    expect(app.send(frame, csum=(BLANK, at, 16)), "1 OK")
    assert segments(raw, 999, 4) == lab.noise(999), "content"
    counters = app.counters()
    expect(counters["tx_dropped_error"], 0)
    # Marks that make no sense are refused, or dropped and counted.
    expect(app.send(frame, csum=(BLANK, len(frame), 16)), "0 EINVAL")
    expect(app.send(frame, csum=(BLANK, at, 16), gso=(1, 0)), "0 EINVAL")
    expect(app.send(frame, gso=(1, 1400)), "0 EINVAL")
    frame, at = superframe(4, lab.noise(999))
    expect(app.send(frame, csum=(BLANK, at, 16), gso=(2, 100)), "1 OK")
    expect(app.counters()["tx_refused"], 3)
    app.end()
    app = start("tap0", 0)
    expect(app.send(frame, csum=(BLANK, at, 16)), "0 ENOTSUP")
    app.end()
    raw.close()
    lab.delete("br0", "tap0", "tap1")


def case_receives_segments():
    lab.tap("tap0")
    for version, gso, virtio in ((4, 1, 1), (6, 2, 4)):
        data = lab.noise(50000, version)
        frame, at = superframe(version, data)
        header = struct.pack("=BBHHHH", 1, virtio, at + 20, 1400, at, 16)
        app = start("tap0", ALL)
        app.ask("receive show")
        s = lab.packet_socket("tap0", vnet=True)
        s.send(header + frame)
        expect(shown(app), (len(frame), BLANK, gso, 1400, at, 16,
                            zlib.adler32(frame)), "whole")
        app.end()
        # Who does not take them gets what goes over a wire.
        for accept in (0, RX_CSUM):
            app = start("tap0", accept)
            app.ask("receive show")
            s.send(header + frame)
            left = 50000
            while left > 0:
                length, csum, kind, *_ = shown(app)
                expect((csum, kind), (BLANK if accept else 0, 0))
                assert length <= 1514, length
                left -= length - at - 20
            expect(left, 0)
            app.end()
        s.close()
    lab.delete("tap0")


def case_receives_more_segments_than_there_is_room():
    lab.tap("tap0")
    app = start("tap0", ALL)
    app.ask("receive hold")
    frame, at = superframe(4, lab.noise(30000))
    header = struct.pack("=BBHHHH", 1, 1, at + 20, 1400, at, 16)
    s = lab.packet_socket("tap0", vnet=True)
    for n in range(1, 81):
        s.send(header + frame)
        app.until(lambda c: c["rx_frames"] + c["rx_dropped_memory"] == n, "n")
    expect(app.counters()["rx_dropped_memory"], 16)
    s.send(struct.pack("=BBHHHH", 0, 0, 0, 0, 0, 0) + ether(b"small"))
    app.until(lambda c: c["rx_frames"] == 65, "a small one")
    app.ask("release", "released 65")
    app.ask("receive show")
    s.send(header + frame)
    expect(shown(app)[0], len(frame))
    app.end()
    lab.delete("tap0")


SERVER = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], 7)); print("up", flush=True)
c, _ = s.accept(); h = hashlib.sha256(); n = 0
while True:
    d = c.recv(1 << 20)
    if not d: break
    h.update(d); n += len(d)
print(n, h.hexdigest())
"""
CLIENT = """
import hashlib, socket, sys, random
s = socket.create_connection((sys.argv[1], 7), timeout=20)
d = random.Random(1).randbytes(1 << 20); h = hashlib.sha256()
for _ in range(20): s.sendall(d); h.update(d)
s.close(); print(20 << 20, h.hexdigest())
"""


def case_relays_tcp_of_linux():
    """Two kernels' TCP with us between them: marks go in and out again."""
    rooms = [subprocess.Popen(["unshare", "-n", "sleep", "100"])
             for _ in range(2)]
    lab.tap("tap0")
    lab.tap("tap1")
    app = App(TAPAPP, "--net", "service=tap:tap0", "--net", "other=tap:tap1")
    expect(app.ask("relay", "relay"), "relay OK")
    enter = [["nsenter", "-n", "-t", str(room.pid)] for room in rooms]
    time.sleep(0.2)  # unshare has become sleep
    for i in range(2):
        name = "tap%d" % i
        lab.run("ip", "link", "set", "dev", name, "netns", str(rooms[i].pid))
        lab.run(*enter[i], "ip", "addr", "add", "10.0.0.%d/24" % (i + 1),
                "dev", name)
        lab.run(*enter[i], "ip", "link", "set", "dev", name, "up")
    server = subprocess.Popen(
        enter[0] + [sys.executable, "-c", SERVER, "10.0.0.1"],
        stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    sent = lab.run(*enter[1], sys.executable, "-c", CLIENT, "10.0.0.1")
    got, _ = server.communicate(timeout=lab.PATIENCE_S)
    expect(got, sent, "20 MiB")
    counters = app.counters()  # of tap0, which sent it on
    assert counters["tx_bytes"] > 20 << 20, counters
    mean = counters["tx_bytes"] / counters["tx_frames"]
    assert mean > 3000, "frames of %d bytes are no segments to be" % mean
    expect((counters["rx_dropped_invalid"], counters["tx_dropped_error"]),
           (0, 0))
    app.end()
    for room in rooms:
        room.kill()
        room.wait()


# --------------------------------------------------------------- Full and back

def tun_of(app):
    """A copy of the application's file of its tap."""
    libc = ctypes.CDLL(None, use_errno=True)
    pid = app.process.pid
    for number in os.listdir("/proc/%d/fd" % pid):
        if os.readlink("/proc/%d/fd/%s" % (pid, number)) == "/dev/net/tun":
            pidfd = os.pidfd_open(pid)
            fd = libc.syscall(438, pidfd, int(number), 0)  # pidfd_getfd
            assert fd >= 0, os.strerror(ctypes.get_errno())
            os.close(pidfd)
            return fd
    raise AssertionError("no tap is open")


def case_full_and_writable_again():
    lab.tap("tap0")
    lab.run("ip", "link", "add", "slow", "type", "veth", "peer", "name",
            "sink")
    for name in ("slow", "sink"):
        lab.quiet(name)
        lab.run("ip", "link", "set", "dev", name, "up")
    lab.run("tc", "qdisc", "add", "dev", "slow", "root", "tbf", "rate",
            "800kbit", "burst", "2kb", "limit", "1mb")
    lab.bridge("br0", "tap0", "slow")
    app = start("tap0")
    tun = tun_of(app)
    fcntl.ioctl(tun, 0x400454D4, struct.pack("i", 20000))  # TUNSETSNDBUF
    os.close(tun)
    sent, full = 0, 0
    while full < 3:
        n, how = app.send(ether(b"x" * 1486, to=lab.HOST), n=100).split()
        sent += int(n)
        if how == "full":
            full += 1
            expect(app.hear("event"), "event writable link=1")
    counters = app.counters()
    expect((counters["tx_frames"], counters["tx_dropped_error"]), (sent, 0))
    app.end()
    lab.delete("br0", "tap0", "slow")


# ------------------------------------------------------------------- Bad input

def refused(uri, error, message, *, wrap=(), **options):
    app = App(*wrap, TAPAPP, "--net", "service=" + uri, **options)
    expect(app.open(), error, uri)
    log = app.end()
    wanted = "network 'service' (%s): %s" % (uri, message)
    assert wanted in log, "%s:\n  got    %s\n  wanted %s" % (uri, log, wanted)


def case_bad_names():
    long = "a" * 16
    shape = "1 to 15 bytes, none of them '/', ':', '%' or a space"
    refused("tap:nowhere", "ENODEV",
            "there is no interface 'nowhere'; make it: ip tuntap add dev "
            "nowhere mode tap user $USER && ip link set dev nowhere up")
    refused("tap:" + long, "EINVAL",
            "'%s' is no name of an interface: %s" % (long, shape))
    refused("tap:a%d", "EINVAL",
            "'a%%d' is no name of an interface: %s" % shape)
    refused("tap:", "EINVAL", "'' is no name of an interface: " + shape)
    refused("tap:lo", "EINVAL",
            "'lo' is not a tap of one queue; make one: "
            "ip tuntap add dev NAME mode tap user $USER")


def case_bad_options():
    lab.tap("tap0")
    lab.run("ip", "link", "set", "dev", "tap0", "address", "02:00:00:00:00:07")
    refused("tap:tap0,mtu=1501", "EINVAL",
            "mtu=1501 is above 1500, the mtu of 'tap0'; "
            "raise that: ip link set dev tap0 mtu 1501")
    refused("tap:tap0,mtu=67", "EINVAL", "mtu=67 ")
    refused("tap:tap0,mac=02:00:00:00:00:07", "EINVAL",
            "mac= is the host's own address on 'tap0'; choose another")
    refused("tap:tap0,mac=01:00:00:00:00:07", "EINVAL",
            "mac=01:00:00:00:00:07 is no unicast address")
    refused("tap:tap0,colour=red", "EINVAL", "tap: has no option 'colour'")
    lab.delete("tap0")


def case_busy():
    lab.tap("tap0")
    raw = lab.RawTap("tap0")
    refused("tap:tap0", "EBUSY", "another process is attached to 'tap0'; "
            "end it or use another interface")
    raw.close()
    start("tap0").end()
    lab.delete("tap0")


def case_no_permission():
    lab.tap("tap0")
    refused("tap:tap0", "EACCES", "no permission to open /dev/net/tun; "
            "as root: chmod 666 /dev/net/tun", wrap=deny("chmod 600"))
    lab.delete("tap0")
    lab.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user", "1")
    refused("tap:tap0", "EACCES", "no permission to attach to 'tap0'; make it "
            "yours: ip tuntap del dev tap0 mode tap && "
            "ip tuntap add dev tap0 mode tap user $USER",
            wrap=deny("chmod 666"))
    refused("tap:tap0", "EACCES", "there is no /dev/net/tun; "
            "load it: modprobe tun", wrap=deny("rm"))
    lab.delete("tap0")
    lab.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "user",
            "65534")
    app = App(*deny("chmod 666"), TAPAPP, "--net", "service=tap:tap0")
    expect(app.open(), "OK", "one's own tap without privileges")
    app.end()
    lab.delete("tap0")


def deny(what):
    """Runs a command as nobody, with a /dev/net/tun after `what`."""
    script = ("mount -t tmpfs none /dev/net && mknod /dev/net/tun c 10 200 && "
              + what + " /dev/net/tun && exec setpriv --reuid 65534 --regid "
              "65534 --clear-groups \"$@\"")
    return ["unshare", "-m", "sh", "-euc", script, "deny"]


def main():
    lab.enter()
    lab.run("ip", "link", "set", "dev", "lo", "up")
    only = sys.argv[3:]
    for name, case in list(globals().items()):
        if name.startswith("case_") and (not only or name[5:] in only):
            print(name[5:].replace("_", " "), end=" ... ", flush=True)
            case()
            print("ok", flush=True)


if __name__ == "__main__":
    main()
