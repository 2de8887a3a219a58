# SPDX-License-Identifier: ISC
"""What the tests of networks share: cases that speak TAP, the program netapp,
and a peer on a socket that speaks QEMU's stream framing."""
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

DEADLINE_S = 20
BUILD = os.path.abspath(sys.argv[1])  # the build tree
# Another one is that of the JavaScript backend, in Node.
NETAPP = os.environ.get("NETAPP",
                        os.path.join(BUILD, "tests", "net", "netapp"))
IN_NODE = "NETAPP" in os.environ
cases = []


class Skip(Exception):
    pass


def case(function):
    cases.append(function)
    return function


def main():
    """Runs the cases; each gets a directory of its own."""
    print(f"1..{len(cases)}", flush=True)
    for number, function in enumerate(cases, 1):
        name = function.__name__.replace("_", " ")
        try:
            with tempfile.TemporaryDirectory() as folder:
                App.running = []
                try:
                    function(folder)
                finally:
                    for app in App.running:
                        app.kill()
            print(f"ok {number} - {name}", flush=True)
        except Skip as skip:
            print(f"ok {number} - {name} # SKIP {skip}", flush=True)
        except Exception:  # pylint: disable=broad-except
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {number} - {name}", flush=True)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"\n got    {got!r}\n wanted {wanted!r}")


def until(holds, what):
    """Waits for `holds()` to be true, and returns what it returned."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        got = holds()
        if got:
            return got
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


class App:
    """netapp, or another program, with its lines in a queue."""
    running = []

    def __init__(self, *arguments, program=NETAPP, **more):
        self.process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        self.lines = queue.Queue()
        self.seen = []
        self.log = []
        self.calm, self.times = 0, []
        self.readers = [
            threading.Thread(target=self.read, daemon=True),
            threading.Thread(target=self.read_log, daemon=True)]
        for reader in self.readers:
            reader.start()
        App.running.append(self)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def line(self, pattern):
        """Waits for a line that matches, and returns the match."""
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self.lines.get(
                    timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"no line {pattern!r} after {self.seen[-20:]!r}, "
                    f"log {self.log[-20:]!r}") from None
            self.seen.append(line)
            match = re.fullmatch(pattern, line)
            if match:
                return match

    def end(self):
        """Asks it to close its network and returns its counters."""
        self.process.send_signal(signal.SIGTERM)
        return self.counters()

    def counters(self):
        text = self.line(r"counters (.*)").group(1)
        self.line("closed")
        expect(self.process.wait(DEADLINE_S), 0)
        for reader in self.readers:
            reader.join()
        return {k: int(v) for k, v in (i.split("=") for i in text.split())}

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


def own_words(log):
    """What the program said, without a remark of LeakSanitizer's on a thread that
    ended while it was looking."""
    return re.sub(r"==\d+==Unable to get registers from thread \d+\.\n", "", log)


def run(*arguments, **more):
    """netapp to its end: (status, stdout, stderr)."""
    done = subprocess.run([NETAPP, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False,
                          timeout=DEADLINE_S, **more)
    return done.returncode, done.stdout, own_words(done.stderr)


def expect_refused(arguments, error, message):
    """The open fails with `error` and says `message`, nothing more."""
    expect(run(*arguments), (1, f"open {error}\n", f"netapp: error: {message}\n"))


def framed(*frames):
    return b"".join(struct.pack(">I", len(f)) + f for f in frames)


def frame(length, fill=0x5a):
    return bytes([fill]) * length


class Peer:
    """A raw peer on a connected socket."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(DEADLINE_S)

    @classmethod
    def connect(cls, path):
        def attempt():
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return sock
            except OSError:
                sock.close()
                return None
        return cls(until(attempt, f"a listener at {path}"))

    def send(self, *frames):
        self.sock.sendall(framed(*frames))

    def exactly(self, n):
        got = b""
        while len(got) < n:
            more = self.sock.recv(n - len(got))
            if not more:
                raise AssertionError("the stream ended")
            got += more
        return got

    def receive(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def receive_or_end(self):
        """The next frame, or None when the stream has ended between frames."""
        first = self.sock.recv(1)
        if not first:
            return None
        return self.exactly(struct.unpack(">I", first + self.exactly(3))[0])

    def close(self):
        self.sock.close()


def listener(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(4)
    sock.settimeout(DEADLINE_S)
    return sock
