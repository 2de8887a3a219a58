#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The tap network against Linux: tap_test.py TAPAPP PING."""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import zlib

import lab
from lab import ALL, App, PING, RX_GSO4, ether, expect, shown, start

FRAGMENTS, LINK = 1 << 0, 1 << 7
TX = 1 << 1 | 1 << 2 | 1 << 3


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
            frame(b"\x08"), frame(b"\x08\0\xf7\xff"),
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
    for accept, options in ((RX_GSO4, ""), (ALL, ",plain")):
        app = start("tap0", accept, options)
        expect(app.fields("info")["caps"], FRAGMENTS | LINK, "no offloads")
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


if __name__ == "__main__":
    lab.main(globals())
