# SPDX-License-Identifier: ISC
"""What the tests of block devices share: a conversation with blockapp, and disks
to open."""
import ctypes
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

WAIT_S = 30
SECTOR = 512
KIB, MIB = 1 << 10, 1 << 20
MASK = (1 << 64) - 1

BLOCKAPP, FORBID = (os.path.abspath(path) for path in sys.argv[1:3])


def pattern(length, seed):
    """What blockapp writes for `seed`."""
    words = []
    for _ in range(length // 8):
        seed = (seed * 6364136223846793005 + 1442695040888963407) & MASK
        words.append(seed.to_bytes(8, "little"))
    return b"".join(words)


def checksum(data):
    """What blockapp says of `data`."""
    total = 0xcbf29ce484222325
    for i in range(0, len(data) // 8 * 8, 8):
        word = int.from_bytes(data[i:i + 8], "little")
        total = ((total ^ word) * 0x100000001b3) & MASK
    return f"{total:016x}"


def io_uring_works():
    if os.environ.get("HAVE_LIBURING") == "0":
        return False
    parameters = ctypes.create_string_buffer(120)
    fd = ctypes.CDLL(None).syscall(425, 1, parameters)  # io_uring_setup
    if fd >= 0:
        os.close(fd)
    return fd >= 0


class App:
    """A blockapp with its disks, one conversation."""

    def __init__(self, *uris, uring=True, prefix=()):
        names = ["d", "e"]
        args = list(prefix)
        args += [] if uring else [FORBID, "io_uring"]
        args += [BLOCKAPP, "-v"]
        for name, uri in zip(names, uris):
            args += ["--block", f"{name}={uri}"]
        self.process = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.lines, self.events, self.log = queue.Queue(), [], []
        self.threads = [
            threading.Thread(target=self._pump, args=a, daemon=True)
            for a in ((self.process.stdout, self.lines.put),
                      (self.process.stderr, self.log.append))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _pump(stream, put):
        for line in stream:
            # A remark of LeakSanitizer's, not the program's.
            if "Unable to get registers from thread" not in line:
                put(line.rstrip("\n"))

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def next(self):
        try:
            return self.lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError("no answer; log: " + self.logged()) from None

    def ask(self, line):
        """Sends a command and returns what its answer says; keeps events."""
        head = " ".join(line.split()[:2]) + " "
        self.send(line)
        while True:
            answer = self.next()
            if answer.startswith(head):
                return answer[len(head):]
            self.events.append(answer)
            if not answer.startswith("event "):
                raise AssertionError(f"{line!r} was answered by {answer!r}")

    def event(self, start):
        """The next event that starts so, or one that was kept."""
        while True:
            answer = self.events.pop(0) if self.events else self.next()
            if answer.startswith("event " + start):
                return answer

    def logged(self):
        return "\n".join(self.log)

    def end(self):
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait(timeout=WAIT_S)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return status


class Case(unittest.TestCase):
    uring = True

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("BLOCK_TEST_DIR",
                                                          "/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = os.path.join(self.folder, "disk.img")

    def image(self, size=MIB, path=None):
        data = os.urandom(size)
        with open(path or self.path, "wb") as file:
            file.write(data)
        return data

    def app(self, *uris, **more):
        app = App(*uris, uring=self.uring, **more)
        self.addCleanup(self.ended, app)
        return app

    def ended(self, app):
        self.assertEqual(app.end(), 0, app.logged())

    def opened(self, options="", **more):
        app = self.app(f"file:{self.path}{options}", **more)
        answer = app.ask("open d")
        self.assertTrue(answer.startswith("OK "), answer + app.logged())
        app.info = dict(pair.split("=") for pair in answer.split()[1:])
        return app

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()


def without_override():
    """Root without its power over file modes."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def mounted(kind, folder, then, options=""):
    """Runs the rest of the command where `folder` is a new file system."""
    prefix = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run(prefix + ["true"], check=False,
                      capture_output=True).returncode != 0:
        raise unittest.SkipTest("needs root or user namespaces to mount")
    return prefix + ["sh", "-ceu", f"mount -t {kind} {options} none {folder}"
                     f" && {then} && exec \"$@\"", "sh"]
