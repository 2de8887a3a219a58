#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_lan.py FOLDER TESTS: the examples on our own TCP/IP, on taps in a network
namespace that the test makes, with dnsmasq, curl and dig on the other side; and with
each other on a stream. Speaks TAP."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile

from exampleslib import (DEADLINE_S, Skip, case, command, expect, main)
from serviceslib import curl, needed, run_tool, serving, site


def enter():
    """Goes on in a namespace of our own, where that can be."""
    if os.environ.get("EXAMPLES_LAN") is None and os.geteuid() == 0 and \
            subprocess.run(["unshare", "-n", "true"], check=False,
                           stderr=subprocess.DEVNULL).returncode == 0:
        os.environ["EXAMPLES_LAN"] = "inside"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])


def ip(*words):
    run_tool("ip", *words)


@contextlib.contextmanager
def tap(name, network):
    """A tap of Linux, with the address `network`.1."""
    if os.environ.get("EXAMPLES_LAN") != "inside":
        raise Skip("needs root, for a network namespace of its own")
    if not os.path.exists("/dev/net/tun"):
        raise Skip("no /dev/net/tun")
    needed("ip")
    ip("link", "set", "lo", "up")
    ip("tuntap", "add", "dev", name, "mode", "tap")
    try:
        ip("address", "add", f"{network}.1/24", "dev", name)
        ip("address", "add", "fd00:1::1/64", "dev", name, "nodad")
        ip("link", "set", name, "up")
        yield
    finally:
        ip("link", "del", name)


@contextlib.contextmanager
def dnsmasq(device, network):
    """Leases from `network`.50 on, of half an hour, and the name web.lan.test."""
    needed("dnsmasq")
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen(
                ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                 "--user=root", "--group=root", "--no-resolv", "--no-hosts",
                 "--pid-file=", f"--dhcp-leasefile={folder}/leases",
                 "--bind-interfaces", f"--interface={device}",
                 "--except-interface=lo",
                 f"--dhcp-range={network}.50,{network}.99,30m",
                 f"--address=/web.lan.test/{network}.1", "--local=/lan.test/",
                 "--log-facility=-"], stderr=subprocess.PIPE) as child:
            try:
                line = child.stderr.readline().decode()
                assert "started" in line, line
                yield
            finally:
                child.send_signal(signal.SIGTERM)
                child.communicate(timeout=DEADLINE_S)


@case
def dhcp_shows_its_lease():
    with tap("tap0", "10.7.0"), dnsmasq("tap0", "10.7.0"):
        out = run_tool(*command("dhcp", "--net", "service=tap:tap0")).decode()
    assert re.search(r"^service: (..:){5}.., mtu 1500, link up$", out, re.M), out
    assert re.search(r"^  address      10\.7\.0\.\d\d/24$", out, re.M), out
    for line in ("router       10.7.0.1", "server       10.7.0.1",
                 "lease        1800 s", "name server  10.7.0.1"):
        assert f"  {line}\n" in out, out


@case
def homepage_with_a_lease():
    with tap("tap0", "10.7.0"), dnsmasq("tap0", "10.7.0"), \
            serving("homepage", "--net", "service=tap:tap0") as server:
        url = re.fullmatch(r"homepage: (http://10\.7\.0\.\d\d/)\n",
                           server.said[0])[1]
        expect(curl(url), site("index.html"))
        expect(curl(f"{url}style.css"), site("style.css"))
        log = server.end()
    expect(len(re.findall(r'^10\.7\.0\.1 - - \[.*\] "GET .*" 200', log, re.M)), 2)


@case
def homepage_by_ipv6():
    with tap("tap0", "10.7.0"), \
            serving("homepage", "--net", "service=tap:tap0", "--ipv4",
                    "10.7.0.2/24", "--ipv6", "fd00:1::2/64",
                    ready=2) as server:
        expect(server.said, ["homepage: http://10.7.0.2/\n",
                             "homepage: http://[fd00:1::2]:80/\n"])
        expect(curl("http://[fd00:1::2]/inside.html"), site("inside.html"))
        server.end()


@case
def http_get_by_name():
    with tap("tap0", "10.7.0"), dnsmasq("tap0", "10.7.0"):
        homepage = serving("homepage", "--net", "service=host:", "--port",
                           "8000", "--quiet")
        with homepage as server:
            out = run_tool(*command(
                "http-get", "--net", "service=tap:tap0",
                "http://web.lan.test:8000/style.css"))
            expect(out, site("style.css"))
            server.end()


@case
def dns_server_on_a_tap():
    needed("dig")
    with tap("tap0", "10.7.0"), \
            serving("dns-server", "--net", "service=tap:tap0", "--ipv4",
                    "10.7.0.2/24") as server:
        dig = ["dig", "@10.7.0.2", "+norecurse", "+short", "+time=5"]
        expect(run_tool(*dig, "mirage.example"), b"192.0.2.80\n")
        many = run_tool(*dig, "+noedns", "many.mirage.example")
        expect(len(many.splitlines()), 32)
        server.end()


@case
def udp_echo_on_a_tap():
    """What is larger than a frame comes in fragments, and goes so."""
    script = "import os,socket\n" \
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n" \
        "s.settimeout(20)\n" \
        "for n in (1, 1472, 1473, 8000):\n" \
        "    data=os.urandom(n)\n" \
        "    s.sendto(data, ('10.7.0.2', 7))\n" \
        "    assert s.recvfrom(9000) == (data, ('10.7.0.2', 7)), n\n"
    with tap("tap0", "10.7.0"), \
            serving("udp-echo", "--net", "service=tap:tap0", "--ipv4",
                    "10.7.0.2/24") as server:
        run_tool(sys.executable, "-c", script)
        expect(server.end(), "udp-echo: 4 echoed, 0 dropped\n")


@case
def one_program_fetches_anothers_homepage():
    """Two processes of ours, on a stream: no network of the host at all."""
    with tempfile.TemporaryDirectory() as folder:
        wire = f"service=unix:{folder}/wire"
        with serving("homepage", "--net", wire, "--ipv4", "10.8.0.1/24",
                     "--quiet") as server:
            for name in ("index.html", "inside.html"):
                out = run_tool(*command(
                    "http-get", "--net", wire, "--ipv4", "10.8.0.2/24",
                    f"http://10.8.0.1/{name}"))
                expect(out, site(name))
            server.end()


enter()
main()
