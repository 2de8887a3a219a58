#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_slirp.py BUILD: the network of the user's own, slirp:, and its program.
Datagrams go through port forwards on 127.0.0.1 only. Speaks TAP."""
import os
import signal
import socket
import subprocess
import time

from netlib import (App, BUILD, DEADLINE_S, case, expect, expect_refused, main,
                    run, until)

SLIRP = os.path.join(BUILD, "tools", "slirp", "mirage-slirp")


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def child(app):
    """The process id of the app's mirage-slirp, or None."""
    at = f"/proc/{app.process.pid}/task/{app.process.pid}/children"
    with open(at, encoding="ascii") as file:
        pids = file.read().split()
    return int(pids[0]) if pids else None


def arguments(app):
    with open(f"/proc/{child(app)}/cmdline", "rb") as file:
        return file.read().decode().split("\0")[:-1]


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().split(") ")[1][0] == "Z"
    except FileNotFoundError:
        return True


def echoes(port, text):
    """Whether a datagram to a forwarded port comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            try:
                sock.send(text)
                return sock.recv(2000) == text
            except (TimeoutError, ConnectionError):
                pass
    return False


@case
def is_the_default_and_gives_an_address(folder):
    status, out, log = run("dhcp", cwd=folder)
    lines = out.splitlines()
    expect(lines[1:3], ["offer 10.0.2.15", "ack 10.0.2.15"])
    expect((status, lines[-1], log), (0, "closed", ""))


@case
def forwards_datagrams(folder):
    ports = [free_port(), free_port()]
    rules = f"udp:127.0.0.1:{ports[0]}-:7+udp::{ports[1]}-10.0.2.15:77"
    app = App("--net", f"wire=slirp:hostfwd={rules}", "echo")
    app.line("ack 10.0.2.15")
    for port in ports:
        expect(echoes(port, b"hello" * 100), True)
    app.end()


@case
def forwards_connections(folder):
    port = free_port(socket.SOCK_STREAM)
    app = App("--net", f"wire=slirp:hostfwd=tcp::{port}-:80,ipv6=off", "watch")
    app.line("open .*")
    with socket.create_connection(("127.0.0.1", port)):
        app.line("frame 42 ff .*")  # who has 10.0.2.15?
    app.end()


@case
def restarts_its_program(folder):
    port = free_port()
    app = App("--net", f"wire=slirp:hostfwd=udp::{port}-:7", "echo")
    app.line("open .*link=up")
    app.line("ack 10.0.2.15")
    for _ in range(2):
        first = child(app)
        os.kill(first, signal.SIGKILL)
        for line in ("link down", "lost", "link up", "back"):
            app.line(line)
        expect(child(app) != first, True)
        expect(echoes(port, b"again"), True)
    app.end()
    warning = ("netapp: warning: network 'wire': mirage-slirp has ended: "
               "closed by the peer; starting it again")
    expect(app.log, [warning] * 2)


@case
def program_ends_with_its_parent(folder):
    app = App("watch")
    app.line("open .*")
    pid = until(lambda: child(app), "a child")
    app.process.kill()
    until(lambda: gone(pid), "the end of mirage-slirp")


@case
def interrupts_are_for_the_parent(folder):
    port = free_port()
    app = App("--net", f"wire=slirp:hostfwd=udp::{port}-:7", "echo")
    app.line("ack 10.0.2.15")
    pid = child(app)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    expect(echoes(port, b"still there"), True)
    expect(child(app), pid)
    app.end()
    expect(app.log, [])


@case
def closing_frees_the_ports(folder):
    port = free_port()
    for _ in range(5):
        app = App("--net", f"wire=slirp:hostfwd=udp::{port}-:7", "watch")
        app.line("open .*")
        pid = child(app)
        app.end()
        expect(gone(pid), True)


@case
def options_reach_the_program(folder):
    app = App("--net", "wire=slirp:restrict,ipv6=off,mtu=900", "watch")
    app.line("open mtu=900 .*")
    expect(arguments(app), ["mirage-slirp", "--no-ipv6", "--restrict",
                            "--mtu=900"])
    app.end()
    app = App("--net", "wire=slirp:,mac=02:00:00:00:00:09", "watch")
    app.line("open mtu=1500 mac=02:00:00:00:00:09 link=up")
    expect(arguments(app), ["mirage-slirp", "--mtu=1500"])
    app.end()


@case
def address_is_the_same_every_time(folder):
    first = App("watch").line("open .* mac=(.*) link=up").group(1)
    expect(App("watch").line("open .* mac=(.*) link=up").group(1), first)


@case
def mistakes_in_forwards_are_named(folder):
    half = "the guest's half is missing, such as -:80"
    for rule, message in (
            ("tcp::80", half),
            ("sctp::80-:80", "give tcp:[ADDR]:PORT-[GUEST]:PORT or udp:..."),
            ("tcp:80-:80", "a colon before the port is missing"),
            ("tcp:localhost:80-:80", "not an IPv4 address"),
            ("tcp::80-10.0.2.999:80", "not an IPv4 address"),
            ("tcp::0-:80", "a port is a number from 1 to 65535"),
            ("tcp::80-:65536", "a port is a number from 1 to 65535"),
            ("tcp::80-:8x", "a port is a number from 1 to 65535"),
            ("tcp::80-:" + "8" * 200, "too long")):
        expect_refused(("--net", f"wire=slirp:hostfwd={rule}", "watch"),
                       "EINVAL", f"network 'wire' (slirp:hostfwd={rule}): "
                       f"hostfwd={rule}: {message}")


@case
def ports_in_use_are_named(folder):
    for name, kind in (("tcp", socket.SOCK_STREAM),
                       ("udp", socket.SOCK_DGRAM)):
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.bind(("127.0.0.1", 0))
            if name == "tcp":
                sock.listen()
            rule = f"{name}::{sock.getsockname()[1]}-:80"
            expect_refused(("--net", f"wire=slirp:hostfwd={rule}", "watch"),
                           "EIO", f"network 'wire' (slirp:hostfwd={rule}): "
                           f"hostfwd={rule}: Address already in use; choose "
                           "another host port or address")


@case
def other_mistakes_are_named(folder):
    for uri, message in (
            ("slirp:ipv6=no", "ipv6=no is neither ipv6=on nor ipv6=off"),
            ("slirp:wlan", "slirp: has no option 'wlan'; --help lists them"),
            ("slirp:hostfwd=" + "+".join(["udp::9-:9"] * 17),
             "more than 16 rules in hostfwd=; use fewer"),
            ("slirp:mtu=1,mtu=2", "the same option twice")):
        expect_refused(("--net", f"wire={uri}", "watch"), "EINVAL",
                       f"network 'wire' ({uri}): {message}")


@case
def a_missing_program_is_named(folder):
    where = {**os.environ, "MIRAGE_LIBEXEC": folder}
    status, out, log = run("watch", env=where)
    expect((status, out, log), (
        1, "open ENODEV\n", "netapp: error: network 'wire': the program "
        "mirage-slirp is missing: install it (it is built with Mirage where "
        "libslirp-dev is), or set MIRAGE_LIBEXEC to its directory\n"))


@case
def a_broken_program_is_named(folder):
    where = {**os.environ, "MIRAGE_LIBEXEC": folder}
    at = os.path.join(folder, "mirage-slirp")
    for script, message in (
            ("exit 1", "mirage-slirp ended at once; try it with --version"),
            ("echo hello >&3", "mirage-slirp ended at once; try it with "
             "--version")):
        with open(at, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + script + "\n")
        os.chmod(at, 0o755)
        expect(run("watch", env=where), (
            1, "open EIO\n", f"netapp: error: network 'wire': {message}\n"))
    with open(at, "w", encoding="ascii") as file:
        file.write("#!/no/interpreter\n")
    expect(run("watch", env=where), (
        1, "open ENODEV\n", f"netapp: error: network 'wire': {at} does not "
        "start: no such file or directory\n"))


@case
def the_program_explains_itself(folder):
    done = subprocess.run([SLIRP, "--version"], capture_output=True, text=True,
                          check=True)
    expect(done.stdout.startswith("mirage-slirp 0.1.0 (libslirp "), True)
    done = subprocess.run([SLIRP, "--help"], capture_output=True, text=True,
                          check=True)
    expect(done.stdout.startswith("Usage: mirage-slirp [OPTION]...\n"), True)
    done = subprocess.run([SLIRP], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stderr), (
        2, "mirage-slirp: descriptor 3 is no stream socket; Mirage programs "
        "start this, see --help\n"))


main()
