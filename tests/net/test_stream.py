#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_stream.py BUILD: unix:PATH against a peer that behaves, one that does
not, and one that comes and goes. Speaks TAP."""
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from netlib import (App, IN_NODE, NETAPP, Peer, Skip, case, expect, expect_refused,
                    frame, framed, listener, main, until)

NONE = {"rx": 0, "tx": 0, "nobody": 0, "memory": 0, "size": 0, "invalid": 0,
        "tx_link": 0, "tx_error": 0, "refused": 0}


def wire(folder, *options):
    return "--net", ",".join(["wire=unix:" + folder + "/wire", *options])


def opened(folder, mode, *options, link="down"):
    app = App(*wire(folder, *options), mode)
    app.line(rf"open mtu=\d+ mac=02:[0-9a-f:]+ link={link}")
    return app


def met(folder, mode, *options):
    """A program that listens, and the peer that has connected to it."""
    app = opened(folder, mode, *options)
    peer = Peer.connect(folder + "/wire")
    app.line("link up")
    return app, peer


@case
def listens_and_receives_in_order(folder):
    app, peer = met(folder, "watch")
    peer.send(frame(14, 1), frame(60, 2), frame(1514, 3))
    for length, fill in ((14, 1), (60, 2), (1514, 3)):
        app.line(f"frame {length} {fill:02x} {fill:02x}")
    expect(app.end(), {**NONE, "rx": 3})
    expect(os.path.exists(folder + "/wire"), False)


@case
def connects_to_a_listener(folder):
    with listener(folder + "/wire") as server:
        app = opened(folder, "watch", link="up")
        peer = Peer(server.accept()[0])
        peer.send(frame(100, 7))
        app.line("frame 100 07 07")
        expect(app.end(), {**NONE, "rx": 1})
        expect(peer.sock.recv(1), b"")


@case
def frames_arrive_byte_by_byte(folder):
    app, peer = met(folder, "watch")
    for byte in framed(frame(20, 1), frame(21, 2)):
        peer.sock.sendall(bytes([byte]))
    app.line("frame 20 01 01")
    app.line("frame 21 02 02")
    expect(app.end(), {**NONE, "rx": 2})


@case
def frames_of_a_forbidden_length_are_counted(folder):
    app, peer = met(folder, "watch", "mtu=1000")
    peer.send(frame(0), frame(13), frame(1015), frame(65536), frame(69632),
              frame(1014, 9))
    app.line("frame 1014 09 09")
    expect(app.end(), {**NONE, "rx": 1, "size": 5})


@case
def a_peer_without_framing_is_left(folder):
    app, peer = met(folder, "watch")
    peer.sock.sendall(framed(frame(50, 4)) + b"GET / HTTP/1.0\r\n\r\n")
    app.line("frame 50 04 04")
    app.line("link down")
    peer = Peer.connect(folder + "/wire")
    app.line("link up")
    peer.send(frame(60, 5))
    app.line("frame 60 05 05")
    expect(app.end(), {**NONE, "rx": 2, "invalid": 1})
    expect(app.log, [
        "netapp: warning: network 'wire': the peer announces a frame of more than "
        "69632 bytes, it does not speak QEMU's stream framing"])


@case
def one_byte_more_than_the_longest_breaks_the_framing(folder):
    app, peer = met(folder, "watch")
    peer.sock.sendall(struct.pack(">I", 69633))
    app.line("link down")
    expect(app.end(), {**NONE, "invalid": 1})


@case
def a_frame_cut_off_by_the_end_is_counted(folder):
    app, peer = met(folder, "watch")
    peer.sock.sendall(framed(frame(50, 4)) + framed(frame(500))[:100])
    peer.close()
    app.line("frame 50 04 04")
    app.line("link down")
    expect(app.end(), {**NONE, "rx": 1, "invalid": 1})


@case
def what_a_leaving_peer_sent_is_received(folder):
    app, peer = met(folder, "watch")
    peer.send(*[frame(200, i) for i in range(50)])
    peer.close()
    for i in range(50):
        app.line(f"frame 200 {i:02x} {i:02x}")
    app.line("link down")
    expect(app.end(), {**NONE, "rx": 50})


@case
def listener_takes_the_next_peer(folder):
    app, peer = met(folder, "watch")
    for i in range(3):
        peer.close()
        app.line("link down")
        peer = Peer.connect(folder + "/wire")
        app.line("link up")
        peer.send(frame(60, i))
        app.line(f"frame 60 {i:02x} {i:02x}")
    expect(app.end(), {**NONE, "rx": 3})


@case
def a_second_peer_is_turned_away(folder):
    app, peer = met(folder, "watch")
    second = Peer.connect(folder + "/wire")
    expect(second.sock.recv(1), b"")
    peer.send(frame(60, 8))
    app.line("frame 60 08 08")
    expect(app.end(), {**NONE, "rx": 1})
    expect(app.log, [f"netapp: warning: network 'wire': {folder}/wire: refused a "
                     "second peer, there is room for one"])


@case
def connecter_comes_again(folder):
    server = listener(folder + "/wire")
    app = opened(folder, "watch", link="up")
    peer = Peer(server.accept()[0])
    server.close()
    os.unlink(folder + "/wire")
    peer.close()
    app.line("link down")
    with listener(folder + "/wire") as server:
        peer = Peer(server.accept()[0])
        app.line("link up")
        peer.send(frame(60, 6))
        app.line("frame 60 06 06")
        expect(app.end(), {**NONE, "rx": 1})


@case
def connect_waits_for_a_listener(folder):
    app = opened(folder, "watch", "connect")
    expect(os.path.exists(folder + "/wire"), False)
    with listener(folder + "/wire") as server:
        server.accept()
        app.line("link up")
        app.end()


@case
def a_dead_socket_is_replaced(folder):
    listener(folder + "/wire").close()
    app, peer = met(folder, "watch")
    peer.send(frame(60, 3))
    app.line("frame 60 03 03")
    app.end()


@case
def two_started_at_once_meet(folder):
    for i in range(20):
        if i % 2 == 1:
            listener(folder + "/wire").close()  # a dead one is in their way
        apps = [App(*wire(folder), "exchange", "100") for _ in range(2)]
        for app in apps:
            app.line("received 100 wrong 0")
        expect([app.end()["rx"] for app in apps], [100, 100])


@case
def ten_thousand_frames_each_way(folder):
    one = App(*wire(folder), "exchange", "10000")
    one.line("open .*link=down")
    two = App(*wire(folder), "exchange", "10000")
    for app in (one, two):
        app.line("received 10000 wrong 0")
    wanted = {**NONE, "rx": 10000, "tx": 10000}
    expect(one.end(), wanted)
    expect(two.end(), wanted)


@case
def addresses_of_two_processes_differ(folder):
    macs = set()
    for _ in range(2):
        app = App(*wire(folder), "watch")
        macs.add(app.line("open mtu=1500 mac=(.*) link=.*").group(1))
    expect(len(macs), 2)
    expect({mac[:8] for mac in macs}, {min(macs)[:8]})


@case
def mtu_and_mac_are_taken(folder):
    app = App(*wire(folder, "mtu=9000", "mac=02:00:00:0A:0b:0c"), "watch")
    app.line("open mtu=9000 mac=02:00:00:0a:0b:0c link=down")
    app.end()


@case
def a_burst_without_a_receiver_is_counted(folder):
    app, peer = met(folder, "deaf")
    for _ in range(100):
        peer.send(*[frame(100)] * 100)
    peer.close()
    app.line("link down")
    expect(app.end(), {**NONE, "nobody": 10000})


@case
def a_burst_to_a_hoarder_is_counted(folder):
    app, peer = met(folder, "hold")
    for _ in range(100):
        peer.send(*[frame(100)] * 100)
    peer.close()
    app.line("link down")
    expect(app.end(), {**NONE, "rx": 256, "memory": 9744})


@case
def frames_without_a_peer_are_counted(folder):
    app = App(*wire(folder), "send", "1000")
    app.line("sent 1000")
    expect(app.end(), {**NONE, "tx": 1000, "tx_link": 1000})


@case
def a_peer_that_reads_late_holds_the_sender_back(folder):
    with listener(folder + "/wire") as server:
        app = App(*wire(folder), "send", "5000")
        app.line("open .* link=up")
        peer = Peer(server.accept()[0])
        until(lambda: stalled(app), "the sender is held back")
        for _ in range(5000):
            peer.receive()
        app.line("sent 5000")
        expect(app.end(), {**NONE, "tx": 5000})


def stalled(app):
    """Whether it has sent something, not all, and sleeps: for a while, as Node
    also sleeps on its way there."""
    with open(f"/proc/{app.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().split()
    now = fields[2:3] + fields[13:15]  # the state, times in user and in kernel
    app.calm = app.calm + 1 if [*now] == ["S", *app.times] else 0
    app.times = now[1:]
    return app.calm >= 10


@case
def what_a_dead_peer_did_not_take_is_counted(folder):
    with listener(folder + "/wire") as server:
        app = App(*wire(folder), "send", "5000")
        app.line("open .* link=up")
        peer = Peer(server.accept()[0])
        until(lambda: stalled(app), "the sender is held back")
        for _ in range(10):
            peer.receive()
        peer.close()
        server.close()
        until(lambda: len(app.lines.queue) == 2, "link down and all sent")
        got = app.end()
        expect(sorted(app.seen[1:3]), ["link down", "sent 5000"])
        expect(got["tx"], 5000)
        expect(got["tx_error"] > 0, True)
        expect({**got, "tx": 0, "tx_error": 0, "tx_link": 0}, NONE)


def leave_talking(folder, last_deed):
    """Frames that a peer sends and then leaves, while others wait for it."""
    with listener(folder + "/wire") as server:
        app = App(*wire(folder), "exchange", "5000")
        app.line("open .* link=up")
        peer = Peer(server.accept()[0])
        until(lambda: stalled(app), "the sender is held back")
        app.process.send_signal(signal.SIGSTOP)
        last_deed(peer)
        peer.send(*[frame(100)] * 100)
        peer.close()
        server.close()
        app.process.send_signal(signal.SIGCONT)
        app.line("link down")
        expect(app.end()["rx"], 100)


@case
def a_peer_that_leaves_without_reading_is_heard(folder):
    leave_talking(folder, lambda peer: None)


@case
def a_peer_that_leaves_after_reading_is_heard(folder):
    def drain(peer):
        peer.sock.setblocking(False)
        try:
            while peer.sock.recv(1 << 20):
                pass
        except BlockingIOError:
            peer.sock.setblocking(True)
    leave_talking(folder, drain)


@case
def closing_hands_over_what_was_taken(folder):
    with listener(folder + "/wire") as server:
        app = App(*wire(folder), "send", "5000")
        app.line("open .* link=up")
        peer = Peer(server.accept()[0])
        until(lambda: stalled(app), "the sender is held back")
        app.process.terminate()
        received = 0
        while peer.receive_or_end() is not None:
            received += 1
        expect(app.counters(), {**NONE, "tx": received})


@case
def closing_does_not_wait_for_ever(folder):
    with listener(folder + "/wire") as server:
        app = App(*wire(folder), "send", "5000")
        app.line("open .* link=up")
        peer = Peer(server.accept()[0])
        until(lambda: stalled(app), "the sender is held back")
        got = app.end()
        peer.close()
        expect(got["tx_error"] > 0, True)


@case
def without_descriptors_the_peer_waits(folder):
    if IN_NODE:
        raise Skip("Node turns the peer away, without telling us")
    app = opened(folder, "watch")
    limit = resource.RLIMIT_NOFILE
    old = resource.prlimit(app.process.pid, limit)
    n_open = len(os.listdir(f"/proc/{app.process.pid}/fd"))
    resource.prlimit(app.process.pid, limit, (n_open, old[1]))
    peer = Peer.connect(folder + "/wire")
    until(lambda: len(app.log) >= 2, "two warnings")
    resource.prlimit(app.process.pid, limit, old)
    app.line("link up")
    peer.send(frame(60, 1))
    app.line("frame 60 01 01")
    app.end()
    expect(set(app.log), {f"netapp: warning: network 'wire': {folder}/wire: no "
                          "peer: Too many open files"})
    expect(len(app.log) < 10, True)


@case
def no_permission_is_named(folder):
    if os.geteuid() != 0:
        raise Skip("needs root to become somebody else")
    at = folder + "/wire"
    with tempfile.TemporaryDirectory() as other:
        os.chmod(other, 0o755)
        program = shutil.copy(NETAPP, other)
        done = subprocess.run(
            [program, "--net", f"wire=unix:{at}", "watch"], check=False,
            capture_output=True, text=True, user=65534, group=65534,
            extra_groups=[])
    expect((done.returncode, done.stdout, done.stderr), (
        1, "open EACCES\n", f"netapp: error: network 'wire' (unix:{at}): no "
        f"permission for {at}; give a path in a directory of yours, or become "
        "the owner's user\n"))


@case
def mistakes_are_named(folder):
    at = folder + "/wire"

    def refused(uri, error, message, name="wire"):
        expect_refused(("--net", f"{name}={uri}", "watch"), error,
                       f"network 'wire' ({uri}): {message}")

    expect_refused(("--net", f"other=unix:{at}", "watch"), "ENODEV",
                   "network 'wire': nobody gave it; start the program with "
                   "--net wire=URI, such as --net wire="
                   + ("bc:lan" if IN_NODE else "slirp:"))
    refused("vde:/x", "EINVAL", "unknown scheme 'vde:'; there are "
            + ("unix:, ws:, wss:, bc:, fd:" if IN_NODE else
               "slirp:, tap:IFACE, unix:PATH and pair:LAN"))
    refused("unix:", "EINVAL", "the path of the socket has 0 bytes; give 1 to "
            "98, such as unix:/tmp/wire")
    refused("unix:" + "x" * 99, "EINVAL", "the path of the socket has 99 "
            "bytes; give 1 to 98, such as unix:/tmp/wire")
    refused(f"unix:{at},speed=9", "EINVAL",
            "unix: has no option 'speed'; --help lists them")
    refused(f"unix:{at},mtu=67", "EINVAL",
            "mtu=67 is no number of bytes from 68 to 65521")
    refused(f"unix:{at},mtu=65522", "EINVAL",
            "mtu=65522 is no number of bytes from 68 to 65521")
    for mac in ("03:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00",
                "02:00:00:00:00:0x", "02-00-00-00-00-01"):
        refused(f"unix:{at},mac={mac}", "EINVAL", f"mac={mac} is no unicast "
                "address such as 02:00:00:00:00:01")
    for pcap in ("pcap", "pcap=", "pcap=" + "x" * 256):
        refused(f"unix:{at},{pcap}", "EINVAL",
                "pcap= writes a file, which WebAssembly cannot; record at the "
                "other end, or see frames by --trace wire" if IN_NODE else
                "pcap= needs the path of a file, 1 to 255 bytes of it")
    refused(f"unix:{at},listen,connect", "EINVAL", "'listen' and 'connect' "
            "exclude each other; leave one out, or both")
    refused(f"unix:{folder}/no/wire", "ENODEV", f"the directory of {folder}"
            "/no/wire does not exist; make it first")
    refused(f"unix:{folder}", "EINVAL", f"{folder} is no socket; remove it or "
            "give another path")
    with open(at, "wb"):
        pass
    refused(f"unix:{at}", "EINVAL", f"{at} is no socket; remove it or give "
            "another path")
    expect(os.path.getsize(at), 0)
    os.unlink(at)
    with listener(at):
        refused(f"unix:{at},listen", "EIO", f"somebody listens at {at} "
                "already; leave out 'listen' to connect to it")
    os.unlink(at)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(at)
        refused(f"unix:{at}", "EINVAL", f"{at} is no stream socket; give "
                "another path")


main()
