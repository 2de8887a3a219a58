#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""TCP with Linux at the other end: test_tcp.py TCPAPP PEER WIRE [KIND [CASE...]]"""
import errno
import os
import select
import socket
import struct
import time

import world  # which finds the lab
import lab
from lab import expect
from world import (APP4, APP6, BULK, HOST, KIND, MIB, US4, US6, fields, pattern,
                   peer, read_all, tcp)

REFUSED, RESET = errno.ECONNREFUSED, errno.ECONNRESET
# What a flow may hold, with all windows open: both buffers, and some.
HELD_KIB = 16 << 10


def fails(what, *codes):
    try:
        what()
    except OSError as error:
        assert error.errno in codes, error
        return
    raise AssertionError("nothing failed")


def gone(app):
    """Nothing is left of the connections."""
    deadline = time.monotonic() + lab.PATIENCE_S
    while fields(app, "flows")["open"] != 0:
        assert time.monotonic() < deadline, "flows are left"
        time.sleep(0.01)


# ----------------------------------------------------------------------- Bulk

def case_bulk_to_us():
    world.link()
    app = world.app()
    for ip in (APP4, APP6):
        peer("get", ip, BULK)
    gone(app)
    app.end()
    world.unlink()


def case_bulk_from_us():
    world.link()
    app = world.app()
    for ip in (APP4, APP6):
        peer("put", ip, BULK)
    gone(app)
    app.end()
    world.unlink()


def case_bulk_both_ways_at_once():
    world.link()
    app = world.app()
    jobs = [world.child(world.PEER, way, ip, str(BULK // 4))
            for ip in (APP4, APP6) for way in ("get", "put", "echo")]
    for job in jobs:
        said, _ = job.communicate(timeout=120)
        expect(job.returncode, 0, said)
    gone(app)
    app.end()
    world.unlink()


def talk(listener, n):
    """A connection of the application's: it sends `n` bytes and takes as many."""
    s, address = listener.accept()
    s.settimeout(lab.PATIENCE_S)
    s.sendall(pattern(n))
    s.shutdown(socket.SHUT_WR)
    assert read_all(s) == pattern(n), "content"
    s.close()
    return address


def case_connects_out():
    world.link()
    app = world.app()
    for ip, us in ((US4, APP4), (US6, APP6)):
        listener = socket.create_server(
            (ip, 0), family=socket.AF_INET6 if ":" in ip else socket.AF_INET)
        listener.settimeout(lab.PATIENCE_S)
        port = listener.getsockname()[1]
        for n in (0, 1, 70000, 3 * MIB):
            app.tell("connect %s %d %d 5000" % (ip, port, n))
            expect(talk(listener, n)[0], us, "its address")
            line = app.hear("connected OK")
            assert line.endswith("peer=%s" % (
                "[%s]:%d" if ":" in ip else "%s:%d") % (ip, port)), line
            expect(app.hear("done"), "done sent=%d received=%d good=1 read=OK "
                   "write=OK" % (n, n))
        listener.close()
        expect(app.ask("connect %s %d 9 5000" % (ip, port), "connected"),
               "connected EREFUSED")
    counted = fields(app, "counters")
    expect(counted["tcp_connected"], 8)
    app.end()
    world.unlink()


# ------------------------------------------------------------------- The end

def case_half_close():
    world.link()
    app = world.app()
    for ip in (APP4, APP6):
        s = tcp(ip, 7)
        s.sendall(pattern(100000))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == pattern(100000), "echo after our end"
        s.close()
        s = tcp(ip, 12)  # ends first
        expect(s.recv(1), b"", "its end")
        s.sendall(pattern(100000))
        s.shutdown(socket.SHUT_WR)
        expect(app.hear("sink"), "sink bytes=100000 good=1 result=OK")
        s.close()
    gone(app)
    app.end()
    world.unlink()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def case_resets():
    world.link()
    app = world.app()
    for ip in (APP4, APP6):
        fails(lambda ip=ip: tcp(ip, 99), REFUSED)
        s = tcp(ip, 12)
        s.sendall(pattern(1000))
        time.sleep(0.05)  # read, not thrown away with the reset
        reset(s)
        expect(app.hear("sink"), "sink bytes=1000 good=1 result=ERESET")
        s = tcp(ip, 11)  # aborts
        s.sendall(b"x")
        fails(lambda s=s: s.recv(1), RESET)
        s.close()
        # In the middle of a transfer.
        s = tcp(ip, 19)
        s.sendall(b"%d\n" % (1 << 30))
        assert s.recv(MIB)
        reset(s)
        s = tcp(ip, 9)
        s.sendall(pattern(MIB))
        reset(s)
    gone(app)
    app.end()
    world.unlink()


# ---------------------------------------------------------- Many, and slow ones

def case_many_at_once():
    world.link()
    app = world.app()
    n = 500
    sockets = [tcp(APP6 if i % 2 else APP4, 7) for i in range(n)]
    for i, s in enumerate(sockets):
        s.sendall(pattern(3000, i))
    for i, s in enumerate(sockets):
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == pattern(3000, i), "somebody else's bytes"
        s.close()
    gone(app)
    app.end()
    world.unlink()


def push(s, most):
    """Sends until nothing more is taken for a while; returns how much was."""
    s.setblocking(False)
    sent = 0
    while sent < most:
        if not select.select([], [s], [], 1.0)[1]:
            break
        sent += s.send(pattern(65536, sent)[:most - sent])
    s.settimeout(lab.PATIENCE_S)
    return sent


def case_application_that_does_not_read():
    world.link()
    app = world.app()
    before = world.rss_kib(app)
    sockets = []
    for ip in (APP4, APP6):
        s = tcp(ip, 10)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MIB)
        sent = push(s, 64 * MIB)
        assert 0 < sent < 16 * MIB, "it took %d bytes" % sent
        sockets.append((s, sent))
    assert world.rss_kib(app) < before + 2 * HELD_KIB, "memory"
    # The others are served all the same.
    peer("get", APP4, MIB)
    peer("put", APP4, MIB)
    app.ask("release", "released")
    for s, sent in sockets:
        s.sendall(pattern(MIB, sent))
        s.shutdown(socket.SHUT_WR)
        expect(read_all(s), b"%d good\n" % (sent + MIB))
        s.close()
    gone(app)
    app.end()
    world.unlink()


def case_peer_that_does_not_read():
    world.link()
    app = world.app()
    before = world.rss_kib(app)
    sockets = []
    for ip in (APP4, APP6):
        s = tcp(ip, 19)
        s.sendall(b"%d\n" % (32 * MIB))
        sockets.append(s)
    time.sleep(1)
    assert world.rss_kib(app) < before + 2 * HELD_KIB, "memory"
    peer("get", APP4, MIB)
    for s in sockets:
        assert read_all(s) == pattern(32 * MIB), "content"
        s.close()
    gone(app)
    app.end()
    world.unlink()


def case_link_down_in_a_transfer():
    """The peer's window closes, and its opening is lost: probes find it."""
    world.link()
    app = world.app()
    s = tcp(APP4, 19)
    s.sendall(b"%d\n" % (16 * MIB))
    time.sleep(0.5)
    lab.run("ip", "link", "set", "dev", "tap0", "down")
    app.hear("event link")
    got = b""
    s.setblocking(False)
    while True:
        try:
            got += s.recv(MIB)
        except BlockingIOError:
            break
    s.settimeout(lab.PATIENCE_S)
    world.address_again()
    got += read_all(s)
    assert got == pattern(16 * MIB), "content"
    app.end()
    world.unlink()


# ------------------------------------------------------------ Unreachable peers

def case_nobody_answers():
    world.link()
    app = world.app()
    for ip in ("10.0.0.77", "fd00::77"):
        line = app.ask("connect %s 9 0 1500" % ip, "connected")
        assert line in ("connected ETIMEDOUT", "connected EUNREACH"), line
    expect(app.ask("connect 192.0.2.1 9 0 1500", "connected"),
           "connected EUNREACH", "no router")
    app.tell("connect 10.0.0.77 9 0 60000")
    app.tell("cancel")
    expect(app.hear("connected"), "connected ECANCELED")
    app.end()
    world.unlink()


def case_bad_wire():
    """Loss, reordering and duplication of whole superframes and of segments."""
    for faults in (("loss=20", "reorder=20", "duplicate=20"), ("loss=50",),
                   ("reorder=200", "duplicate=100")):
        bad = world.Wire("delay=200", *faults,
                         *(["vnet"] if KIND == "tap" else []))
        app = world.app()
        for ip in (APP4, APP6):
            peer("get", ip, 3 * MIB)
            peer("put", ip, 3 * MIB)
            peer("echo", ip, 2 * MIB)
        gone(app)
        app.end()
        bad.end()


if __name__ == "__main__":
    cases = dict(globals())
    if HOST:  # which has no link of its own
        for name in ("link_down_in_a_transfer", "nobody_answers", "bad_wire"):
            del cases["case_" + name]
    world.main(cases)
