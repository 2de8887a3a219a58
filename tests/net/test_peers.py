#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_peers.py BUILD: unix:PATH against QEMU and passt, and recordings against
tcpdump. passt runs in a network namespace of its own. Speaks TAP."""
import os
import shutil
import subprocess

from netlib import App, Skip, case, expect, main, run

# Without a guest: a hub between QEMU's own user-mode network and the stream.
HUB = ["-M", "none", "-nodefaults", "-display", "none",
       "-netdev", "user,id=user",
       "-netdev", "hubport,hubid=0,id=port0,netdev=user",
       "-netdev", "hubport,hubid=0,id=port1,netdev=stream"]

# An interface with a default route that leads nowhere.
PASST = """set -eu
ip link set lo up
ip tuntap add passt0 mode tap
ip address add 192.0.2.2/24 dev passt0
ip link set passt0 up
ip route add default via 192.0.2.1
exec passt --foreground --quiet --socket "$1"
"""


def need(program, root=False):
    if shutil.which(program) is None:
        raise Skip(f"{program} is not installed")
    if root and os.geteuid() != 0:
        raise Skip("needs root for a network namespace")
    return program


def qemu(folder, server):
    return App(*HUB, "-netdev", f"stream,id=stream,server={server},"
               f"addr.type=unix,addr.path={folder}/wire",
               program=need("qemu-system-x86_64"))


@case
def qemu_connects(folder):
    need("qemu-system-x86_64")
    app = App("--net", f"wire=unix:{folder}/wire", "echo")
    app.line("open .*link=down")
    for _ in range(2):
        peer = qemu(folder, "off")
        app.line("link up")
        if peer is App.running[1]:
            app.line("ack 10.0.2.15")
        peer.kill()
        app.line("link down")
    app.end()


@case
def qemu_listens(folder):
    need("qemu-system-x86_64")
    peer = qemu(folder, "on")
    app = App("--net", f"wire=unix:{folder}/wire,connect", "dhcp")
    app.line("ack 10.0.2.15")
    app.counters()
    peer.kill()


@case
def passt_listens(folder):
    need("passt")
    need("unshare", root=True)
    os.chmod(folder, 0o777)  # passt becomes nobody
    peer = App("-n", "sh", "-c", PASST, "passt", folder + "/wire",
               program="unshare")
    app = App("--net", f"wire=unix:{folder}/wire,connect,mtu=65520", "dhcp")
    app.line("ack 192.0.2.2")
    app.counters()
    peer.kill()


@case
def tcpdump_reads_the_recording(folder):
    need("tcpdump")
    at = folder + "/wire.pcap"
    status, _, log = run("--net", f"wire=slirp:pcap={at}", "dhcp")
    expect((status, log), (0, ""))
    done = subprocess.run(["tcpdump", "-n", "-t", "-r", at], check=True,
                          capture_output=True, text=True)
    ask = "IP 0.0.0.0.68 > 255.255.255.255.67: BOOTP/DHCP, Request"
    tell = "IP 10.0.2.2.67 > 255.255.255.255.68: BOOTP/DHCP, Reply"
    lines = [line for line in done.stdout.splitlines() if "BOOTP" in line]
    expect([line[:len(ask)] for line in lines[::2]], [ask] * 2)
    expect([line[:len(tell)] for line in lines[1::2]], [tell] * 2)


main()
