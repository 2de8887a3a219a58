# SPDX-License-Identifier: ISC
"""What the benchmarks of stacks share: a network namespace with a tap for the
application, and a veth to a second namespace, where Linux does the same work."""
import atexit
import contextlib
import json
import os
import select
import shutil
import statistics
import subprocess
import sys

MIB, GIB = 1 << 20, 1 << 30
PATIENCE_S = 60
US, APP = "10.0.0.1", "10.0.0.2"
FAR = "10.0.1.2"
# One processor for who serves, another for who asks.
SERVER, CLIENT = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def program(path):
    return os.path.join(os.environ["MIRAGE_BUILD"], path)


def enter(rows):
    """Goes on in a namespace of its own, or says why the rows are missing."""
    if os.environ.get("MIRAGE_BENCH_NET") == "inside":
        run("ip", "link", "set", "dev", "lo", "up")
        return
    why = None
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        why = "needs root and /dev/net/tun"
    for tool in ("ip", "unshare", "nsenter", "taskset", "ethtool"):
        if shutil.which(tool) is None:
            why = tool + " is not installed"
    if why is None and os.cpu_count() < 2:
        why = "needs two processors"
    if why is not None:
        for name in rows:
            print("%s: skipped: %s" % (name, why), file=sys.stderr)
        sys.exit(0)
    os.environ["MIRAGE_BENCH_NET"] = "inside"
    os.execvp("unshare", ["unshare", "-n", "-m", sys.executable] + sys.argv)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE_S)
    if done.returncode != 0:
        sys.exit("%s: %s" % (" ".join(command), done.stdout))
    return done.stdout


def start(command, ready):
    """A program that ends when its input does; waits for the word."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    atexit.register(stop, process)
    if ready:
        select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline()
        if not line.startswith(ready):
            sys.exit("%s: said %r" % (" ".join(command), line))
    return process


def stop(process):
    if process.poll() is None:
        process.kill()
        process.wait()


# ------------------------------------------------------------------ The world

_room = None  # a process in the second namespace


def inside():
    return ["nsenter", "-n", "-t", str(_room.pid)]


@contextlib.contextmanager
def room():
    """A second namespace."""
    global _room
    _room = start(["unshare", "-n", "sh", "-c", "echo in; read end"], "in")
    run(*inside(), "ip", "link", "set", "dev", "lo", "up")
    yield
    stop(_room)


def up(name, address, *where):
    run(*where, "ip", "addr", "add", address + "/24", "dev", name)
    run(*where, "ip", "link", "set", "dev", name, "up")


@contextlib.contextmanager
def world(plain=False):
    """The tap, the veth, and Linux's services at the end of it."""
    with room():
        run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap")
        up("tap0", US)
        run("ip", "link", "add", "veth0", "type", "veth", "peer", "name",
            "veth1")
        run("ip", "link", "set", "dev", "veth1", "netns", str(_room.pid))
        up("veth0", "10.0.1.1")
        up("veth1", FAR, *inside())
        if plain:
            off = ["gro", "off", "gso", "off", "tso", "off"]
            for where, name in (([], "tap0"), ([], "veth0"),
                                (inside(), "veth1")):
                run(*where, "ethtool", "-K", name, *off)
        server = start(inside() + SERVER + [program("tests/tcpip/peer"),
                                            "serve"], "ready")
        yield
        stop(server)
        run("ip", "link", "del", "dev", "tap0")
        run("ip", "link", "del", "dev", "veth0")


@contextlib.contextmanager
def mirage(options="", *where):
    app = start([*where, *SERVER, program("tests/tcpip/tcpapp"), "--net",
                 "service=tap:tap0" + options, "--ipv4", APP + "/24"],
                "ready OK")
    yield app
    stop(app)


# ---------------------------------------------------------------- A bad wire

@contextlib.contextmanager
def bad_wire(*options):
    """Ours is `us`; in the second namespace a bridge leads to the application's
    tap, or has the address itself, for Linux."""
    with room():
        for name in ("us", "them"):
            run("ip", "tuntap", "add", "dev", name, "mode", "tap")
        wire = start([program("tests/tcpip/wire"), "us", "them", *options],
                     "ready")
        up("us", US)
        run("ip", "link", "set", "dev", "them", "netns", str(_room.pid))
        for command in ("tuntap add dev tap0 mode tap",
                        "link add br0 type bridge",
                        "link set dev tap0 master br0 up",
                        "link set dev them master br0 up",
                        "link set dev br0 up"):
            run(*inside(), "ip", *command.split())
        yield
        stop(wire)
        run("ip", "link", "del", "dev", "us")


def over_wire(with_mirage, measure):
    """Measures one side of it, alone on the wire."""
    run("ip", "neigh", "flush", "dev", "us")
    run("ip", "tcp_metrics", "flush")
    if with_mirage:
        with mirage("", *inside()):
            return measure()
    up("br0", APP, *inside())
    server = start(inside() + [program("tests/tcpip/peer"), "serve"], "ready")
    figure = measure()
    stop(server)
    run(*inside(), "ip", "addr", "flush", "dev", "br0")
    return figure


# ------------------------------------------------------------------- Figures

def start_client(path, *arguments):
    return subprocess.Popen([*CLIENT, program(path), *map(str, arguments)],
                            stdout=subprocess.PIPE, text=True)


def start_peer(*arguments):
    return start_client("tests/tcpip/peer", *arguments)


def answer(process):
    """What a peer has measured."""
    try:
        said, _ = process.communicate(timeout=PATIENCE_S * 2)
    except subprocess.TimeoutExpired:
        process.kill()
        sys.exit("a peer hangs: %s" % " ".join(process.args))
    if process.returncode != 0:
        sys.exit("%s: failed" % " ".join(process.args))
    return int(said)


def peer(*arguments):
    return answer(start_peer(*arguments))


def row(name, unit, against, rounds, value, floor):
    """Measures both in turns; prints the line that bench.h describes."""
    pairs = [(value(), floor()) for _ in range(rounds)]
    print(json.dumps({
        "name": name,
        "value": round(statistics.median(v for v, _ in pairs), 3),
        "unit": unit,
        "against": against,
        "against_value": round(statistics.median(f for _, f in pairs), 3),
        "ratio": round(statistics.median(v / f for v, f in pairs), 3),
    }), flush=True)
