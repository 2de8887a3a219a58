#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The host's sockets, where the host has its limits: test_host.py TCPAPP PEER WIRE
host [CASE...]"""
import os
import re
import socket
import time

import world  # which finds the lab
import lab
from lab import App, expect
from world import APP4, MIB, TCPAPP, fields, peer, tcp

DESCRIPTORS = 100
CROWD = 300


def held(app):
    return len(os.listdir("/proc/%d/fd" % app.process.pid))


def cpu_ticks(app):
    with open("/proc/%d/stat" % app.process.pid, encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def launch(*before):
    """tcpapp, by another program that starts it."""
    app = App(*before, TCPAPP, "--net", "host")
    app.ready = app.hear("ready", "open")
    return app


def case_descriptors_run_out():
    """Who cannot be accepted waits, costs nothing, and has its turn."""
    world.link()
    app = launch("prlimit", "--nofile=%d" % DESCRIPTORS)
    expect(app.ready, "ready OK")
    crowd = []
    for i in range(CROWD):
        s = tcp(APP4, 7)
        s.sendall(b"%d" % i)
        crowd.append(s)
    expect(crowd[0].recv(100), b"0")
    deadline = time.monotonic() + lab.PATIENCE_S
    while held(app) < DESCRIPTORS:
        assert time.monotonic() < deadline, "%d files" % held(app)
        time.sleep(0.01)
    before = cpu_ticks(app)
    time.sleep(1)
    assert cpu_ticks(app) - before < 20, "busy while it waits"
    # Each that leaves makes room for one that waits.
    crowd[0].close()
    for i, s in enumerate(crowd[1:], 1):
        expect(s.recv(100), b"%d" % i)
        s.close()
    peer("get", APP4, MIB)
    counters = fields(app, "counters")
    assert counters["rx_dropped_memory"] > 0, counters
    expect(counters["tcp_accepted"], CROWD + 1)
    log = app.end()
    expect(log.count("connections wait"), 1, log)
    assert "ulimit -n" in log, log


def case_ports_need_a_right():
    world.link()
    world.setting("ipv4/ip_unprivileged_port_start", 1024)
    app = launch("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 "--bounding-set=-all")
    expect(app.ready, "ready EACCES")
    log = app.end()
    assert "permission denied" in log and \
        "net.ipv4.ip_unprivileged_port_start=" in log, log


def case_a_peer_that_stays():
    """A connection that was closed waits for its peer's end, but not for ever."""
    world.link()
    app = world.app()
    before = held(app)
    s = tcp(APP4, 19)
    s.sendall(b"10\n")
    expect(len(world.read_all(s)), 10)
    expect(held(app), before + 1)
    s.sendall(b"x" * 1000)  # which nobody wants
    deadline = time.monotonic() + 20
    while held(app) > before:
        assert time.monotonic() < deadline, "the socket is held for ever"
        time.sleep(0.1)
    s.close()
    app.end()


def case_a_lookup_does_not_hold_up_the_end():
    """The name server is silent, which the host would wait for."""
    world.link()
    with open("/etc/resolv.conf", encoding="ascii") as file:
        servers = re.findall(r"^nameserver\s+(\d\S+)", file.read(), re.M)
    if not servers:
        lab.skip("no name server in /etc/resolv.conf")
    silent = []
    for ip in servers:
        if not ip.startswith("127."):
            lab.run("ip", "addr", "add", ip + "/32", "dev", "lo")
        silent.append(world.udp(ip))
        silent[-1].bind((ip, 53))
    app = world.app()
    app.tell("resolve nobody.example 4")
    silent[0].recvfrom(512)
    before = time.monotonic()
    app.end()
    assert time.monotonic() - before < 3, "it waited for the lookup"


def case_link_local():
    """An address of one interface, by the host's number of that."""
    world.link()
    lab.run("ip", "tuntap", "add", "dev", "there", "mode", "tap")
    world.setting("ipv6/conf/there/disable_ipv6", 0)
    world.setting("ipv6/conf/there/accept_dad", 0)
    lab.run("ip", "link", "set", "dev", "there", "up")
    lab.run("ip", "addr", "add", "fe80::77/64", "dev", "there", "nodad")
    at = "fe80::77%%%d" % socket.if_nametoindex("there")
    app = world.app()
    said = app.ask("connect %s 7 1000 5000" % at, "connected ")
    assert "peer=[%s]:7" % at in said and "local=[%s]" % at in said, said
    app.end()
    lab.delete("there")


if __name__ == "__main__":
    world.main(globals(), "prlimit", "setpriv")
