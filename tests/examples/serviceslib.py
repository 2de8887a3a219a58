# SPDX-License-Identifier: ISC
"""What the tests of the examples on TCP/IP share: servers that are running, curl,
dig, and messages of DNS."""
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess

from exampleslib import DEADLINE_S, Skip, command, expect

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.normpath(os.path.join(HERE, "../../examples"))
SITE = os.path.join(EXAMPLES, "homepage/site")


def needed(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")


def free_port():
    """A port of loopback that nobody has, for TCP and UDP."""
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


class Server:
    """A program that has said it is ready."""

    def __init__(self, name, *args, ready=1):
        self.process = subprocess.Popen(
            command(name, *args), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = [self.line() for _ in range(ready)]

    def line(self):
        line = self.process.stdout.readline().decode()
        if line == "":
            raise AssertionError(
                "it has ended: " + self.process.stderr.read().decode())
        return line

    def end(self, status=0):
        """Asks it to end: the rest of what it says."""
        self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end") from None
        expect((self.process.returncode, err.decode()), (status, ""))
        return out.decode()


@contextlib.contextmanager
def serving(name, *args, ready=1):
    server = Server(name, *args, ready=ready)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def on_host(name, *args):
    """(server, port) of a program on the host's sockets."""
    port = free_port()
    return serving(name, "--net", "service=host:", "--port", str(port),
                   *args), port


def run_tool(*words, status=0):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE_S, check=False)
    expect((done.returncode, done.stderr.decode()), (status, ""))
    return done.stdout


def curl(*args, status=0):
    needed("curl")
    return run_tool("curl", "-sS", "--max-time", "20", "--noproxy", "*", *args,
                    status=status)




def site(name):
    with open(os.path.join(SITE, name), "rb") as file:
        return file.read()


# -------------------------------------------------------------------- DNS --

def wire(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(one)]) + one for one in labels) + b"\0"


def question(name, kind=1, number=1, flags=0x0100):
    return struct.pack(">6H", number, flags, 1, 0, 0, 0) + wire(name) + \
        struct.pack(">2H", kind, 1)


def rcode(answer):
    return answer[3] & 15
