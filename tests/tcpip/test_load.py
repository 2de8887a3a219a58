#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What floods and crowds leave behind: test_load.py TCPAPP PEER WIRE
[KIND [CASE...]]"""
import resource
import socket
import struct
import time

import world  # which finds the lab
import lab
from lab import expect
from world import APP4, APP6, HOST, MIB, fields, peer, tcp

CROWD = 10000
FEW = 200
CROWD_KIB = 256 << 10


def settled(app):
    """Waits for all connections to be gone, and returns the memory in use."""
    deadline = time.monotonic() + lab.PATIENCE_S
    while fields(app, "flows")["open"] != 0:
        assert time.monotonic() < deadline, "flows are left"
        time.sleep(0.05)
    return world.rss_kib(app)


def idle_cpu(app):
    """Seconds of the processor that it takes in one second."""
    def ticks():
        with open("/proc/%d/stat" % app.process.pid, encoding="ascii") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return int(words[11]) + int(words[12])
    before = ticks()
    time.sleep(1)
    return (ticks() - before) / 100


def case_ten_thousand_idle():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < CROWD + 100:
        lab.skip("needs leave to open %d files" % (CROWD + 100))
    world.link()
    app = world.app()
    crowd = []
    for i in range(CROWD):
        crowd.append(tcp(APP6 if i % 4 == 0 else APP4, 7))
    deadline = time.monotonic() + lab.PATIENCE_S
    while fields(app, "flows")["open"] != CROWD:  # the last are being accepted
        assert time.monotonic() < deadline, fields(app, "flows")
    kib = world.rss_kib(app)
    print("%d MiB" % (kib >> 10), end=" ... ", flush=True)
    assert kib < CROWD_KIB, "%d KiB" % kib
    peer("get", APP4, 64 * MIB)
    peer("put", APP4, 64 * MIB)
    # A few at a time: the queue of a tap holds no more, and what it drops is sent
    # again later and later.
    for at in range(0, CROWD, FEW):
        for i in range(at, at + FEW):
            crowd[i].sendall(b"%d" % i)
        for i in range(at, at + FEW):
            expect(crowd[i].recv(100), b"%d" % i)
    kib = world.rss_kib(app)
    assert kib < CROWD_KIB, "%d KiB" % kib
    for at in range(0, CROWD, FEW):
        for i in range(at, at + FEW):
            crowd[i].close()
        fields(app, "flows")  # it has its turn
    settled(app)
    peer("get", APP4, MIB)
    app.end()
    world.unlink()


def case_churn():
    """Connections that come and go, by either side's end."""
    world.link()
    # Linux remembers each for a minute, and looks long for a free port.
    world.setting("ipv4/ip_local_port_range", "1024 65535")
    app = world.app()
    peer("churn", APP4, 5000)
    peer("churn", APP6, 5000)
    before = settled(app)
    for _ in range(2):
        peer("churn", APP4, 10000)
        peer("churn", APP6, 5000)
        for _ in range(500):  # the application closes first
            peer_closes_last()
    after = settled(app)
    assert after < before + 2048, "%d KiB, then %d KiB" % (before, after)
    expect(fields(app, "counters")["tcp_dropped_backlog"], 0)
    app.end()
    world.unlink()


def peer_closes_last():
    s = tcp(APP4, 19)
    s.sendall(b"10\n")
    expect(len(world.read_all(s)), 10)
    s.close()


def syn(mac, port, source, source_port):
    header = struct.pack("!HHIIBBHHH", source_port, port, source_port * 7, 0,
                         0x50, 2, 65535, 0, 0)
    cover = lab.pseudo(source, APP4, 6, len(header))
    total = lab.checksum(cover + header)
    header = header[:16] + struct.pack("!H", total) + header[18:]
    return lab.ether(lab.ipv4(header, 6, source, APP4), mac, lab.HOST, 0x800)


def case_syn_flood():
    """Nobody answers for what a flood has begun; others are served meanwhile, and
    afterwards nothing of it is left."""
    world.link()
    app = world.app()
    peer("get", APP4, MIB)
    mac = bytes.fromhex(lab.run("ip", "neigh", "show", APP4).split(
        "lladdr ")[1].split()[0].replace(":", ""))
    before = settled(app)
    s = lab.packet_socket("tap0")
    frames = [syn(mac, 7, "10.0.0.%d" % (3 + i % 250), 1024 + i // 250)
              for i in range(20000)]
    for round in range(3):
        for i, frame in enumerate(frames):
            try:
                s.send(frame)
            except OSError:
                time.sleep(0.001)  # the queue of the interface is full
            if i % 4000 == 0:
                peer("rtt", APP4, 1)
    kept = tcp(APP4, 7)
    kept.sendall(b"here")
    expect(kept.recv(100), b"here")
    kept.close()
    peer("churn", APP4, 100)
    after = settled(app)
    assert after < before + (32 << 10), "%d KiB, then %d KiB" % (before, after)
    app.end()
    world.unlink()


def case_idle_costs_nothing():
    world.link()
    app = world.app()
    s = tcp(APP4, 7)
    s.sendall(b"x")
    s.recv(1)
    time.sleep(1)
    assert idle_cpu(app) < 0.05, "busy while idle"
    s.close()
    app.end()
    world.unlink()


if __name__ == "__main__":
    cases = {k: v for k, v in globals().items()
             if not HOST or k not in ("case_syn_flood",)}
    world.main(cases)
