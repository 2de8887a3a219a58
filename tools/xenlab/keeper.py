#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""keeper.py FOLDER ACCEL IDLE_S: the process beside QEMU.

It boots the lab, hands jobs to dom0's agent, and sees to it that nothing is left
behind: a job whose client went away is killed; the lab is powered off when nobody
has used it for a while, or when its folder is gone; and QEMU dies with the keeper.

A client connects to `socket` and says `run N`, for the script in share/jobs/N, or
`term N`, or `off`, or `retire`, which is `off` unless others are at work. The
connection is closed when the job has ended.
"""
import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

import dom0
import qemu

BOOT_SECONDS = {"kvm": 60, "tcg": 180}
OFF_SECONDS = 20


class BootError(Exception):
    pass


def boot_log():
    try:
        with open("boot.log", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def start_qemu(accel):
    for name in ["agent", "boot.log"]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    with open("qemu.log", "wb") as log:
        return subprocess.Popen(qemu.command(accel), stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)


def connect(process, deadline):
    """A connection to the agent's port, as soon as QEMU has made it."""
    while process.poll() is None and time.monotonic() < deadline:
        agent = socket.socket(socket.AF_UNIX)
        try:
            agent.connect("agent")
            return agent
        except OSError:
            agent.close()
            time.sleep(0.05)
    raise BootError("QEMU did not start; see qemu.log")


def hear(agent):
    """What it says in half a second. QEMU may die meanwhile."""
    try:
        data = agent.recv(64)
    except TimeoutError:
        return b""
    except ConnectionError:
        data = b""
    if not data:
        time.sleep(0.05)
    return data


def await_ready(process, agent, deadline):
    """Until the agent has said so."""
    heard = b""
    agent.settimeout(0.5)
    while b"ready\n" not in heard:
        heard += hear(agent)
        if process.poll() is not None:
            raise BootError("QEMU ended; see qemu.log and boot.log")
        if time.monotonic() > deadline:
            raise BootError("dom0 did not come up in time; see boot.log")
    if "HVM: Hardware Assisted Paging (HAP) detected" not in boot_log():
        raise BootError("Xen found nothing to run guests with; see boot.log")


def boot_with(accel):
    process = start_qemu(accel)
    deadline = time.monotonic() + BOOT_SECONDS[accel]
    try:
        agent = connect(process, deadline)
        await_ready(process, agent, deadline)
    except BaseException:
        process.kill()
        process.wait()
        raise
    with open("accel", "w", encoding="utf-8") as file:
        file.write(accel)
    return process, agent


def boot(wanted):
    """With KVM where it works, otherwise without."""
    attempts = qemu.accelerators(wanted)
    for accel in attempts:
        try:
            return boot_with(accel)
        except BootError as error:
            print(f"{accel}: {error}", file=sys.stderr, flush=True)
            if accel == attempts[-1]:
                raise


def build_image():
    key = dom0.key()
    with contextlib.suppress(OSError):
        with open("key", encoding="utf-8") as file:
            if file.read() == key:
                return
    dom0.build(os.getcwd())
    with open("key", "w", encoding="utf-8") as file:
        file.write(key)


# --------------------------------------------------------------------- Serving

class Keeper:
    def __init__(self, process, agent, idle_s):
        self.process = process
        self.agent = agent
        self.idle_s = idle_s
        self.jobs = {}  # connection: number of its job, or None
        self.used = time.monotonic()
        self.home = os.stat(".").st_ino
        self.path = os.getcwd()
        self.ending = False
        self.heard = b""
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.selector.register(agent, selectors.EVENT_READ, self.from_agent)

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink("socket")
        self.listener.bind("socket")
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ,
                               self.accept)

    def tell(self, line):
        with contextlib.suppress(OSError):
            self.agent.sendall(line.encode() + b"\n")

    def accept(self, _):
        client = self.listener.accept()[0]
        self.jobs[client] = None
        self.selector.register(client, selectors.EVENT_READ, self.from_client)

    def drop(self, client):
        self.selector.unregister(client)
        del self.jobs[client]
        client.close()
        self.used = time.monotonic()

    def from_client(self, client):
        try:
            text = client.recv(256).decode(errors="replace")
        except OSError:
            text = ""
        if not text and self.jobs[client] is not None:
            self.tell(f"kill {self.jobs[client]}")
        if not text:
            self.drop(client)
        for line in text.splitlines():
            self.obey(client, line.split())

    def obey(self, client, words):
        match words:
            case ["run", number] if number.isdigit():
                self.jobs[client] = number
                self.tell(f"run {number}")
            case ["term", number] if number.isdigit():
                self.tell(f"term {number}")
            case ["retire"] if any(self.jobs.values()):
                client.sendall(b"busy\n")
            case ["off"] | ["retire"]:
                self.ending = True

    def from_agent(self, _):
        data = self.agent.recv(4096)
        if not data:
            self.ending = True
        *lines, self.heard = (self.heard + data).split(b"\n")
        for line in lines:
            word, _, number = line.decode(errors="replace").partition(" ")
            if word == "done":
                for client in [c for c, n in self.jobs.items() if n == number]:
                    self.drop(client)

    def forgotten(self):
        """Whether nobody wants the lab any more."""
        try:
            home = os.stat(self.path).st_ino
        except OSError:
            home = None
        idle = time.monotonic() - self.used > self.idle_s
        return home != self.home or (idle and not self.jobs)

    def serve(self):
        while not self.ending and self.process.poll() is None:
            for key, _ in self.selector.select(1):
                # One event may have dropped the client of the next.
                if key.fileobj in self.selector.get_map():
                    key.data(key.fileobj)
            self.ending = self.ending or self.forgotten()

    def power_off(self):
        self.tell("off")
        try:
            self.process.wait(OFF_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.path}/socket")


def keep(accel, idle_s):
    build_image()
    process, agent = boot(accel)
    keeper = Keeper(process, agent, idle_s)
    signal.signal(signal.SIGTERM, lambda *_: setattr(keeper, "ending", True))
    keeper.listen()
    # Whoever started this waits for the end of its output.
    os.write(1, b"ready\n")
    os.dup2(2, 1)
    try:
        keeper.serve()
    finally:
        keeper.power_off()


def main():
    folder, accel, idle_s = sys.argv[1:]
    os.chdir(folder)
    # Held as long as this process lives, which is how others know.
    with open("keeper.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        try:
            keep(accel, float(idle_s))
        except (BootError, dom0.Missing) as error:
            kind = "missing" if isinstance(error, dom0.Missing) else "failed"
            os.write(1, f"{kind} {error}\n".encode())


if __name__ == "__main__":
    main()
