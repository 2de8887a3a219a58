#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""TCP of lib/tcpip through a tap, against Linux's through a veth, in a network
namespace of its own. Every byte is checked. MIRAGE_BUILD names the build folder.

    bench_tcp.py [ROW...]
"""
import sys

import netbench
from netbench import APP, FAR, GIB, MIB, row

ROUNDS = 7
NETEM_ROUNDS = 3
NETEM_FLOWS = 24
NETEM_BYTES = 2 * MIB


def mbit(n_bytes, ns):
    return n_bytes * 8e3 / ns


def bulk(way, n_bytes):
    """Megabits a second, from and to `ip`."""
    return lambda ip: mbit(n_bytes, int(netbench.peer(way, ip, n_bytes)))


def tcp_rows(prefix, n_bytes, wanted):
    """Both ways, application and floor in turns."""
    for name, way in ((prefix + "tx", "get"), (prefix + "rx", "put")):
        if name in wanted:
            measure = bulk(way, n_bytes)
            row(name, "Mbit/s", "Linux over veth", ROUNDS,
                lambda measure=measure: measure(APP),
                lambda measure=measure: measure(FAR))


def offloads(wanted):
    with netbench.world():
        with netbench.mirage():
            tcp_rows("tcp_", GIB, wanted)
            if "tcp_rtt" in wanted:
                row("tcp_rtt", "ns", "Linux over veth", 2 * ROUNDS,
                    lambda: int(netbench.peer("rtt", APP, 20000)),
                    lambda: int(netbench.peer("rtt", FAR, 20000)))


def plain(wanted):
    with netbench.world(plain=True):
        with netbench.mirage(",plain"):
            tcp_rows("tcp_plain_", GIB // 4, wanted)


def flows(way, ip):
    """Several at once, of which each has its own luck."""
    jobs = [netbench.start_peer(way, ip, NETEM_BYTES)
            for _ in range(NETEM_FLOWS)]
    return mbit(NETEM_BYTES, sum(netbench.answer(job)
                                 for job in jobs) / NETEM_FLOWS)


def netem(wanted):
    """The same bad wire for both: 25 ms and 1 % loss in each direction."""
    with netbench.bad_wire("delay=25000", "loss=10"):
        for name, way in (("tcp_netem", "get"), ("tcp_netem_rx", "put")):
            if name in wanted:
                row(name, "Mbit/s", "Linux, same wire", NETEM_ROUNDS,
                    lambda way=way: netbench.over_wire(
                        True, lambda: flows(way, APP)),
                    lambda way=way: netbench.over_wire(
                        False, lambda: flows(way, APP)))


def main():
    every = ["tcp_tx", "tcp_rx", "tcp_rtt", "tcp_plain_tx", "tcp_plain_rx",
             "tcp_netem", "tcp_netem_rx"]
    wanted = sys.argv[1:] or every
    netbench.enter(every)
    if {"tcp_tx", "tcp_rx", "tcp_rtt"} & set(wanted):
        offloads(wanted)
    if {"tcp_plain_tx", "tcp_plain_rx"} & set(wanted):
        plain(wanted)
    if {"tcp_netem", "tcp_netem_rx"} & set(wanted):
        netem(wanted)


if __name__ == "__main__":
    main()
