#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Checksums and segments left to the other side: offload_test.py TAPAPP PING."""
import atexit
import struct
import subprocess
import sys
import time
import zlib

import lab
from lab import ALL, App, RX_CSUM, TAPAPP, ether, expect, shown, start

BLANK = 2


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
    for room in rooms:
        atexit.register(room.kill)
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


if __name__ == "__main__":
    lab.main(globals())
