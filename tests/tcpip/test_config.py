#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Who configures a stack: dnsmasq, radvd, and a server of our own that is less
polite. test_config.py TCPAPP PEER WIRE [KIND [CASE...]]"""
import os
import socket
import subprocess
import tempfile
import time

import world  # which finds the lab
import dhcpd
import lab
from dhcpd import ACK, DISCOVER, NAK, REQUEST
from lab import App, expect
from world import APP4, US4, US6, fields, interface

FOLDER = tempfile.mkdtemp()


def waiting(*arguments):
    """tcpapp, which is not ready before somebody gives it an address."""
    return App(world.TCPAPP, "--net", "service=" + world.net(), *arguments)


def until(app, holds, what):
    deadline = time.monotonic() + lab.PATIENCE_S
    while True:
        info = interface(app)
        if holds(info):
            return info
        assert time.monotonic() < deadline, "%s: %s" % (what, info)
        time.sleep(0.05)


def dnsmasq(*options):
    process = world.child(
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
        "--log-facility=-", "--log-dhcp", "--user=root", "--group=root",
        "--no-hosts", "--no-resolv", "--no-ping", "--interface=tap0",
        "--bind-dynamic", "--except-interface=lo", "--pid-file=",
        "--dhcp-leasefile=" + os.path.join(FOLDER, "leases"),
        "--dhcp-authoritative",
        "--local=/test/", "--host-record=one.test,192.0.2.1,2001:db8::1",
        "--host-record=four.test,192.0.2.4",
        "--host-record=six.test,2001:db8::6", "--cname=alias.test,one.test",
        *("--host-record=many.test,192.0.2.%d" % i for i in range(10, 20)),
        *options)
    # It opens its sockets before it says so.
    line = process.stdout.readline()
    while "started" not in line:
        assert line, "dnsmasq has ended"
        line = process.stdout.readline()
    return process


# ----------------------------------------------------------------------- DHCP

def case_lease_of_dnsmasq():
    world.link()
    server = dnsmasq("--dhcp-range=10.0.0.100,10.0.0.100,255.255.255.0,1h",
                     "--dhcp-option=option:dns-server,10.0.0.1")
    app = waiting("--dhcp")
    expect(app.hear("ready"), "ready OK")
    info = interface(app)
    expect((info["ipv4"], info["gateway4"], info["server"]),
           ("10.0.0.100/24", US4, US4))
    assert 3500000 < int(info["lease_ms"]) <= 3600000, info
    expect(info["dns"], "10.0.0.1,,")
    world.peer("get", "10.0.0.100", world.MIB)
    expect(app.ask("resolve one.test 4", "resolved"),
           "resolved OK 192.0.2.1")
    world.stop(server)
    app.end()
    world.unlink()


def case_dhcp_without_being_asked_to():
    world.link()
    server = dhcpd.Server()
    app = waiting()
    server.lease("10.0.0.50", 3600)
    expect(app.hear("ready"), "ready OK")
    expect(interface(app)["ipv4"], "10.0.0.50/24")
    app.end()
    server.close()
    world.unlink()


def case_short_lease_is_renewed():
    world.link()
    server = dhcpd.Server()
    app = waiting("--dhcp")
    server.lease("10.0.0.50", 4)
    app.hear("ready")
    s = world.tcp("10.0.0.50", 7)
    for _ in range(3):
        kind, ciaddr, _ = server.hear()
        expect((kind, ciaddr), (REQUEST, "10.0.0.50"), "renewal")
        server.say(ACK, "10.0.0.50", 4)
        until(app, lambda i: int(i["lease_ms"]) > 2500, "a new lease")
        s.sendall(b"still there")
        expect(s.recv(100), b"still there")
    app.end()
    server.close()
    world.unlink()


def case_server_gone():
    """The lease runs out: the address is not used any more, and asked for anew."""
    world.link()
    server = dhcpd.Server()
    app = waiting("--dhcp")
    server.lease("10.0.0.50", 4)
    app.hear("ready")
    until(app, lambda i: i["ipv4"].startswith("-"), "no address")
    kind, _, _ = server.hear()
    while kind == REQUEST:  # the attempts to keep it
        kind, _, _ = server.hear()
    expect(kind, DISCOVER)
    server.say(dhcpd.OFFER, "10.0.0.51", 3600)
    kind, _, _ = server.hear()
    while kind == DISCOVER:
        server.say(dhcpd.OFFER, "10.0.0.51", 3600)
        kind, _, _ = server.hear()
    server.say(ACK, "10.0.0.51", 3600)
    until(app, lambda i: i["ipv4"] == "10.0.0.51/24", "another address")
    world.peer("get", "10.0.0.51", 1000)
    app.end()
    server.close()
    world.unlink()


def case_renewal_refused():
    world.link()
    server = dhcpd.Server()
    app = waiting("--dhcp")
    server.lease("10.0.0.50", 4)
    app.hear("ready")
    expect(server.hear()[0], REQUEST)
    server.say(NAK, "0.0.0.0")
    server.lease("10.0.0.51", 3600)
    until(app, lambda i: i["ipv4"] == "10.0.0.51/24", "another address")
    app.end()
    server.close()
    world.unlink()


def case_link_comes_back_and_the_lease_is_confirmed():
    world.link()
    server = dhcpd.Server()
    app = waiting("--dhcp")
    server.lease("10.0.0.50", 3600)
    app.hear("ready")
    lab.run("ip", "link", "set", "dev", "tap0", "down")
    app.hear("event link")
    world.address_again()
    kind, _, options = server.hear()
    assert kind in (REQUEST, DISCOVER), kind
    if kind == REQUEST:
        expect(options[50], socket.inet_aton("10.0.0.50"), "INIT-REBOOT")
    app.end()
    server.close()
    world.unlink()


# ------------------------------------------------------------------------ DNS

def case_names():
    world.link()
    server = dnsmasq()
    for dns in (US4, US6):
        app = world.app("--ipv4", APP4 + "/24", "--ipv6", "fd00::2/64",
                        "--dns", dns)
        for name, version, answer in (
                ("one.test", 4, "OK 192.0.2.1"),
                ("one.test", 6, "OK 2001:db8::1"),
                ("one.test", 0, "OK 2001:db8::1 192.0.2.1"),
                ("ONE.Test", 4, "OK 192.0.2.1"),
                ("alias.test", 4, "OK 192.0.2.1"),
                ("four.test", 6, "ENOENT"),
                ("four.test", 0, "OK 192.0.2.4"),
                ("six.test", 4, "ENOENT"),
                ("six.test", 0, "OK 2001:db8::6"),
                ("none.test", 4, "ENOENT"), ("none.test", 0, "ENOENT"),
                ("192.0.2.7", 0, "OK 192.0.2.7"),
                ("2001:db8::7", 6, "OK 2001:db8::7"),
                ("a..b", 4, "EINVAL")):
            expect(app.ask("resolve %s %d" % (name, version), "resolved"),
                   "resolved " + answer, name)
        got = app.ask("resolve many.test 4", "resolved").split()
        expect(got[1], "OK")
        assert len(set(got[2:])) >= 1 and \
            all(ip.startswith("192.0.2.1") for ip in got[2:]), got
        # A burst: each gets its own answer.
        for _ in range(20):
            app.tell("resolve one.test 4")
            app.tell("resolve none.test 4")
        answers = [app.hear("resolved") for _ in range(40)]
        expect(answers.count("resolved OK 192.0.2.1"), 20, answers)
        expect(answers.count("resolved ENOENT"), 20, answers)
        app.end()
    world.stop(server)
    world.unlink()


def case_nobody_resolves():
    world.link()
    app = world.app("--ipv4", APP4 + "/24", "--no-slaac")
    expect(app.ask("resolve one.test 4", "resolved"), "resolved EUNREACH")
    app.end()
    app = world.app("--ipv4", APP4 + "/24", "--dns", "10.0.0.77")
    expect(app.ask("resolve one.test 4", "resolved"), "resolved ETIMEDOUT")
    app.end()
    world.unlink()


def case_second_server():
    """One name server is silent; the next one answers."""
    world.link()
    server = dnsmasq()
    app = world.app("--ipv4", APP4 + "/24", "--dns", "10.0.0.77", "--dns", US4)
    expect(app.ask("resolve one.test 4", "resolved"), "resolved OK 192.0.2.1")
    app.end()
    world.stop(server)
    world.unlink()


# ------------------------------------------------------- Router advertisements

RADVD = """
interface tap0 {
	AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
	IgnoreIfMissing off; AdvLinkMTU 1400;
	prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; };
	%s
};
"""


def link_local_is_ready():
    """Whether Linux's own address is there: only then radvd can speak."""
    said = subprocess.run(["ip", "-6", "addr", "show", "dev", "tap0", "scope",
                           "link", "-tentative"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return "fe80:" in said


def radvd(more=""):
    """To be started when the application has brought the link up."""
    deadline = time.monotonic() + lab.PATIENCE_S
    while not link_local_is_ready():
        assert time.monotonic() < deadline, "no link-local address of Linux"
        time.sleep(0.05)
    path = os.path.join(FOLDER, "radvd.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(RADVD % more)
    world.setting("ipv6/conf/all/forwarding", 1)
    process = world.child("radvd", "-n", "-C", path, "-m", "stderr", "-p",
                          os.path.join(FOLDER, "radvd.pid"))
    return process


def case_advertised_prefix():
    world.link()
    lab.run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "tap0", "nodad")
    lab.run("ip", "addr", "add", "2001:db8:2::1/128", "dev", "lo", "nodad")
    app = world.app("--ipv4", APP4 + "/24")
    router = radvd()
    info = until(app, lambda i: "2001:db8:1:" in i["ipv6"] and
                 i["gateway6"] != "-", "an address")
    ip, = (a for a in info["ipv6"].split(",") if a.startswith("2001:db8:1:"))
    assert info["gateway6"].startswith("fe80::"), info
    world.peer("get", ip, world.MIB)
    world.peer("put", ip, world.MIB)
    # Through the router, which nobody but the advertisement named.
    s = world.udp("::1")
    s.bind(("2001:db8:2::1", 0))
    app.tell("udp 2001:db8:2::1 %d 2000" % s.getsockname()[1])
    expect(app.hear("sent"), "sent OK")
    data, source = s.recvfrom(4000)
    assert data == world.pattern(2000), "content"
    expect(source[0], ip)
    app.end()
    app = world.app("--ipv4", APP4 + "/24", "--no-slaac")
    time.sleep(5)  # more than one advertisement
    assert "2001:db8:1:" not in interface(app)["ipv6"], "--no-slaac"
    app.end()
    world.stop(router)
    world.unlink()


if __name__ == "__main__":
    world.main(globals(), "dnsmasq", "radvd")
