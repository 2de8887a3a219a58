#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""IP, ICMP and UDP with Linux at the other end: test_ip.py TCPAPP PEER WIRE
[KIND [CASE...]]"""
import errno
import socket
import struct
import time

import world  # which finds the lab
import lab
from lab import expect
from world import APP4, APP6, HOST, US4, US6, fields, interface, pattern, udp


def ping(ip, *options):
    return lab.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", *options,
                   ip)


def case_ping():
    world.link()
    app = world.app()
    local = interface(app)["ipv6"].split(",")[0].split("%")[0]
    for ip in (APP4, APP6, local + "%tap0"):
        for size in ("0", "56", "1400", "1472", "1473", "5000", "20000"):
            out = ping(ip, "-s", size)
            assert " 3 received, 0% packet loss" in out, out
    out = lab.run("ping", "-n", "-f", "-q", "-c", "1000", APP4)
    assert " 1000 received, 0% packet loss" in out, out
    app.end()
    world.unlink()


def case_info():
    world.link()
    app = world.app("--ipv4", "10.0.0.2/24", "--gateway", US4, "--ipv6",
                    "fd00::2/64", "--dns", "10.0.0.1", "--dns", "fd00::1")
    info = interface(app)
    expect((info["name"], info["mtu"], info["link"]), ("service", "1500", "1"))
    expect((info["ipv4"], info["gateway4"]), ("10.0.0.2/24", US4))
    expect((info["server"], info["lease_ms"]), ("-", "0"))
    local, static, *_ = info["ipv6"].split(",")
    assert local.startswith("fe80::"), local
    expect(static, "fd00::2")
    expect(info["dns"], "10.0.0.1,fd00::1,")
    app.end()
    world.unlink()


def case_beyond_the_router():
    """What is not on the link goes through the router, and comes back."""
    world.link()
    lab.run("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
    lab.run("ip", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad")
    app = world.app("--ipv4", "10.0.0.2/24", "--gateway", US4, "--ipv6",
                    "fd00::2/64", "--gateway", US6)
    for ip in ("192.0.2.1", "2001:db8::1"):
        s = udp(ip)
        s.bind((ip, 0))
        s.sendto(b"across", (APP6 if ":" in ip else APP4, 7))
        expect(s.recvfrom(100)[0], b"across")
        app.tell("udp %s %d 5000" % (ip, s.getsockname()[1]))
        expect(app.hear("sent"), "sent OK")
        assert s.recvfrom(9000)[0] == pattern(5000), "content"
        s.close()
    app.end()
    world.unlink()


def case_udp_echo():
    world.link()
    app = world.app()
    for ip in (APP4, APP6):
        s = udp(ip)
        for size in (0, 1, 1000, 1452, 1453, 1472, 1473, 9000, 20000, 65507):
            if ":" in ip and size == 65507:
                size = 65487  # what Linux sends
            s.sendto(pattern(size), (ip, 7))
            data, source = s.recvfrom(1 << 17)
            expect(len(data), size)
            assert data == pattern(size), "content"
            expect(source[:2], (ip, 7))
        s.close()
    app.end()
    world.unlink()


def case_udp_out():
    world.link()
    app = world.app()
    for ip in (US4, US6):
        s = udp(ip)
        s.bind((ip, 0))
        port = s.getsockname()[1]
        most = 65507 if "." in ip else 65527 if HOST else 65487
        for size in (0, 1, 1472, 1473, 20000, most):
            app.tell("udp %s %d %d" % (ip, port, size))
            expect(app.hear("sent"), "sent OK")
            data, source = s.recvfrom(1 << 17)
            assert data == pattern(size), "content of %d" % size
            s.sendto(data[:30000], source[:2])
            line = app.hear("datagram")
            assert line.endswith("bytes=%d good=1" % min(size, 30000)), line
        s.close()
        for size in (most + 1, 65535, 65536):
            expect(app.ask("udp %s %d %d" % (ip, port, size), "sent"),
                   "sent EMSGSIZE")
        expect(app.ask("udp %s 0 1" % ip, "sent"), "sent EINVAL")
    if not HOST:
        expect(app.ask("udp 192.0.2.1 9 1", "sent"), "sent EUNREACH")
    app.end()
    world.unlink()


def case_burst_of_datagrams():
    """More than can be answered: some are lost, and nothing else is."""
    world.link()
    app = world.app()
    s = udp(APP4)
    s.setblocking(False)
    got = 0
    for i in range(20000):
        try:
            s.sendto(struct.pack("!I", i) * 300, (APP4, 7))
        except BlockingIOError:
            pass
    s.settimeout(0.5)
    try:
        while True:
            s.recv(2000)
            got += 1
    except socket.timeout:
        pass
    assert got > 100, got
    s.settimeout(lab.PATIENCE_S)
    s.sendto(b"after", (APP4, 7))
    expect(s.recv(2000), b"after")
    world.peer("get", APP4, world.MIB)
    app.end()
    world.unlink()


# ------------------------------------------------------------------ Bad frames

def case_broken_frames_are_counted():
    world.link()
    app = world.app()
    s = lab.packet_socket("tap0")
    mac = bytes.fromhex(interface_mac())
    before = fields(app, "counters")

    def frame(message, **fields):
        fields = dict({"source": US4, "to": APP4}, **fields)
        return lab.ether(lab.ipv4(message, 1, **fields), mac, lab.HOST, 0x800)

    good = frame(lab.echo(b"x"))
    for broken, counter in (
            (good[:24] + b"\0\0" + good[26:], "rx_dropped_checksum"),
            (frame(lab.echo(b"x", spoil=1)), "rx_dropped_checksum"),
            (good[:14] + b"\x41" + good[15:], "rx_dropped_invalid"),
            (good[:33], "rx_dropped_invalid"),
            (frame(lab.echo(b"x"), to="10.0.0.9"), "rx_dropped_nobody")):
        s.send(broken)
        deadline = time.monotonic() + lab.PATIENCE_S
        while fields(app, "counters")[counter] == before[counter]:
            assert time.monotonic() < deadline, counter
            time.sleep(0.01)
        before = fields(app, "counters")
    app.end()
    world.unlink()


def interface_mac():
    """The application's address, from Linux's table of neighbours."""
    ping(APP4)
    line = lab.run("ip", "neigh", "show", APP4)
    return line.split("lladdr ")[1].split()[0].replace(":", "")


# ------------------------------------------------------------------------ Link

def heard(s, wanted, what):
    """Waits for a frame from the application for which `wanted` holds."""
    deadline = time.monotonic() + lab.PATIENCE_S
    while time.monotonic() < deadline:
        try:
            frame, = lab.receive_from_app(s, 1)
        except TimeoutError:
            break
        except OSError as error:
            expect(error.errno, errno.ENETDOWN)  # it was, when we began
            continue
        if wanted(frame):
            return frame
    raise AssertionError("no " + what)


def announces4(frame):
    """An ARP packet that says who has 10.0.0.2 (RFC 5227)."""
    return frame[12:14] == b"\x08\x06" and frame[:6] == lab.ANYONE and \
        frame[28:32] == frame[38:42] == socket.inet_aton(APP4)


def announces6(frame):
    """An unsolicited neighbour advertisement (RFC 4861, 7.2.6)."""
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and \
        frame[54] == 136 and \
        frame[62:78] == socket.inet_pton(socket.AF_INET6, APP6)


def case_link_goes_down_and_up():
    world.link()
    app = world.app()
    s = world.tcp(APP4, 7)
    s.sendall(b"before")
    expect(s.recv(100), b"before")
    lab.run("ip", "link", "set", "dev", "tap0", "down")
    expect(app.hear("event link"), "event link")
    expect(interface(app)["link"], "0")
    seen = lab.packet_socket("tap0")
    world.address_again()
    expect(app.hear("event link"), "event link")
    heard(seen, announces4, "gratuitous ARP")
    seen.close()
    lab.run("ip", "link", "set", "dev", "tap0", "down")
    app.hear("event link")
    seen = lab.packet_socket("tap0")
    world.address_again()
    heard(seen, announces6, "unsolicited advertisement")
    s.sendall(b"after")
    expect(s.recv(100), b"after")
    out = ping(APP6)
    assert " 3 received" in out, out
    app.end()
    world.unlink()


def case_gratuitous_arp_at_the_start():
    world.link()
    seen = lab.packet_socket("tap0")
    app = world.app()
    heard(seen, announces4, "gratuitous ARP")
    app.end()
    world.unlink()


def case_two_interfaces():
    world.link()
    lab.tap("tap1", "10.0.9.1/24")
    app = world.app("--net", "other=tap:tap1", "--interface", "other",
                    "--ipv4", "service:10.0.0.2/24", "--ipv4",
                    "other:10.0.9.2/24")
    for ip in (APP4, "10.0.9.2"):
        out = ping(ip)
        assert " 3 received" in out, out
        world.peer("get", ip, world.MIB)
        world.peer("put", ip, world.MIB)
    app.end()
    world.unlink()
    lab.delete("tap1")


if __name__ == "__main__":
    cases = globals()
    if HOST:  # the rest is about what the host's stack has of its own
        cases = {k: v for k, v in cases.items() if k.startswith("case_udp")}
    world.main(cases, "ping")
