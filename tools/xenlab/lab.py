# SPDX-License-Identifier: ISC
"""The lab as its users see it: start it, run jobs in it, stop it.

Its folder holds `share`, which is /lab in dom0, with a folder for each job;
`boot.log`, the serial console; and the keeper's socket (see keeper.py).
"""
import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import dom0

IDLE_S = 600
STOP_S = 40


class LabError(Exception):
    """The lab's own failure, as opposed to that of a program in it."""


class Timeout(LabError):
    """A program in the lab took longer than it was given."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "mirage", "xenlab")


def tail(path, lines):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def said(keeper, line):
    """What the keeper answers; nothing when it ends."""
    with contextlib.suppress(ConnectionError):
        keeper.sendall(line)
        return keeper.recv(16)
    return b""


class Lab:
    def __init__(self, directory=None, accel="auto"):
        self.dir = os.path.abspath(
            directory or os.environ.get("XENLAB_DIR") or cache_dir())
        self.share = f"{self.dir}/share"
        self.accel = accel

    # ---------------------------------------------------------------- State

    @contextlib.contextmanager
    def locked(self, name="lock"):
        with open(f"{self.dir}/{name}", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def keeper_alive(self):
        try:
            with open(f"{self.dir}/keeper.lock", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True

    def connect(self):
        """A connection to the keeper, or None. The way through /proc is for
        folders whose name is too long for the address of a socket."""
        with contextlib.suppress(OSError):
            folder = os.open(self.dir, os.O_PATH)
            try:
                client = socket.socket(socket.AF_UNIX)
                client.connect(f"/proc/self/fd/{folder}/socket")
                return client
            except OSError:
                client.close()
            finally:
                os.close(folder)
        return None

    def status(self):
        """What is so, in words, and whether the lab runs."""
        client = self.connect()
        if client is None:
            return f"not running (in {self.dir})", False
        client.close()
        with open(f"{self.dir}/accel", encoding="utf-8") as file:
            accel = file.read()
        return f"running with {accel} in {self.dir}", True

    # ---------------------------------------------------------------- Start

    def start(self):
        """Boots the lab unless it runs. Any number of processes may do this."""
        os.makedirs(f"{self.share}/jobs", exist_ok=True)
        os.makedirs(f"{self.share}/console", exist_ok=True)
        with self.locked():
            if not self.runs_current():
                dom0.check_packages()
                self.boot()

    def runs_current(self):
        """Whether the lab runs, with an image of today. Retires an old one
        that nobody is using."""
        client = self.connect()
        if client is None:
            return False
        with client, open(f"{self.dir}/key", encoding="utf-8") as file:
            if file.read() == dom0.key():
                return True
            if said(client, b"retire\n") == b"busy\n":
                print("xenlab: the running lab is older than its sources, and "
                      "others use it: going on with it", file=sys.stderr)
                return True
        return False

    def boot(self):
        with self.locked("keeper.lock"):  # an ending keeper has ended
            shutil.rmtree(f"{self.share}/jobs")
            os.makedirs(f"{self.share}/jobs")
        here = os.path.dirname(os.path.realpath(__file__))
        idle_s = os.environ.get("XENLAB_IDLE_S", str(IDLE_S))
        with open(f"{self.dir}/keeper.log", "wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, f"{here}/keeper.py", self.dir, self.accel,
                 idle_s], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, start_new_session=True)
        said = keeper.stdout.read().decode().strip()
        if said == "ready":
            return
        kind, _, reason = said.partition(" ")
        if kind == "failed":
            raise LabError(f"{reason} in {self.dir}\n" +
                           tail(f"{self.dir}/boot.log", 5))
        raise LabError(f"the keeper died: {said}\n" +
                       tail(f"{self.dir}/keeper.log", 5))

    def stop(self):
        client = self.connect()
        if client is not None:
            with client, contextlib.suppress(OSError):
                client.sendall(b"off\n")
        deadline = time.monotonic() + STOP_S
        while self.keeper_alive():
            if time.monotonic() > deadline:
                raise LabError(f"the lab in {self.dir} does not stop")
            time.sleep(0.05)

    # ----------------------------------------------------------------- Jobs

    def new_job(self):
        with self.locked():
            path = f"{self.dir}/last-job"
            number = int(tail(path, 1) or 0) + 1
            with open(path, "w", encoding="utf-8") as file:
                file.write(str(number))
        os.mkdir(f"{self.share}/jobs/{number}")
        return Job(self, number)

    def shell(self, script, timeout_s=None):
        """Runs a script in dom0, its output relayed. Returns its status."""
        with self.new_job() as job:
            return job.run(script, timeout_s)


class Job:
    """A folder, /lab/jobs/NUMBER in dom0, in which a script runs."""

    def __init__(self, lab, number):
        self.lab = lab
        self.number = number
        self.folder = f"{lab.share}/jobs/{number}"
        self.inside = f"/lab/jobs/{number}"
        self.relayed = {"out": sys.stdout.buffer, "err": sys.stderr.buffer}
        self.positions = {}
        self.input = None
        self.running = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """The folder of a job that still runs is dom0's to remove."""
        if not self.running:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def relay(self):
        """Passes on what has been written since the last time."""
        for name, sink in self.relayed.items():
            with contextlib.suppress(FileNotFoundError):
                with open(f"{self.folder}/{name}", "rb") as file:
                    file.seek(self.positions.get(name, 0))
                    data = file.read()
                    self.positions[name] = file.tell()
                sink.write(data)
                sink.flush()

    def take_input(self):
        """From now on, standard input is passed on to a file that dom0 sees
        grow; returns False where there is none that could be."""
        with contextlib.suppress(OSError):
            mode = os.fstat(0).st_mode
            if (os.isatty(0) or stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or
                    stat.S_ISSOCK(mode)):
                self.input = open(f"{self.folder}/input", "wb", buffering=0)
        return self.input is not None

    def pass_input(self):
        """Passes on what there is. Who reads a terminal from behind is stopped,
        so it waits until this is its program again."""
        if (self.input is None or not select.select([0], [], [], 0)[0] or
                os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp()):
            return
        data = os.read(0, 65536)
        self.input.write(data)
        if not data:
            self.write("input-end", "")
            self.input.close()
            self.input = None

    def ended(self, keeper):
        """Waits a moment for the keeper to close the connection."""
        keeper.settimeout(0.02)
        try:
            return keeper.recv(16) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def status(self):
        try:
            with open(f"{self.folder}/status", encoding="utf-8") as file:
                return int(file.read())
        except (OSError, ValueError):
            raise LabError(f"the lab ended; see {self.lab.dir}/boot.log "
                           "and qemu.log") from None

    def run(self, script, timeout_s=None):
        """The connection is what keeps the job alive: when this process ends,
        however it does, the keeper kills the job."""
        self.write("script", script)
        keeper = self.lab.connect()
        if keeper is None:
            raise LabError(f"the lab in {self.lab.dir} has ended")
        deadline = time.monotonic() + (timeout_s or float("inf"))
        with keeper, self.signals(keeper):
            keeper.sendall(f"run {self.number}\n".encode())
            self.running = True
            while not self.ended(keeper):
                self.relay()
                self.pass_input()
                if time.monotonic() > deadline:
                    raise Timeout(f"not done after {timeout_s:g} s: killed")
        self.running = False
        self.relay()
        return self.status()

    @contextlib.contextmanager
    def signals(self, keeper):
        """The first interrupt or termination goes to the job, which may end in
        its own way; the second ends this process and, with it, the job."""
        def on_signal(number, _):
            keeper.sendall(f"term {self.number}\n".encode())
            signal.signal(number, signal.SIG_DFL)

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, on_signal) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)
