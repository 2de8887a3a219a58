# SPDX-License-Identifier: ISC
"""The running lab: start, jobs, stop. State is one folder, shared by all who use
the lab: `share` is /lab in dom0, `qemu.pid` its process, `boot.log` the serial
console, `control` the socket to the agent."""
import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import time

import dom0

BOOT_SECONDS = 180
IDLE_SECONDS = 900


class LabError(Exception):
    pass


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    return os.path.join(base, "mirage", "xenlab")


class Lab:
    def __init__(self, directory=None, accel="auto"):
        self.dir = os.path.abspath(
            directory or os.environ.get("XENLAB_DIR") or cache_dir())
        self.share = f"{self.dir}/share"
        self.accel = accel
        os.makedirs(f"{self.share}/jobs", exist_ok=True)

    # ---------------------------------------------------------------- State

    @contextlib.contextmanager
    def locked(self):
        with open(f"{self.dir}/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def pid(self):
        try:
            with open(f"{self.dir}/qemu.pid") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return pid if self.dir.encode() in file.read() else None
        except (OSError, ValueError):
            return None

    def console_log(self):
        try:
            with open(f"{self.dir}/boot.log", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    # ---------------------------------------------------------------- Start

    def image_key(self):
        """Changes when a part of the dom0 image does."""
        here = os.path.dirname(os.path.realpath(__file__))
        key = hashlib.sha256(dom0.kernel()[0].encode())
        for folder, _, names in sorted(os.walk(here)):
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    with open(f"{folder}/{name}", "rb") as file:
                        key.update(file.read())
        return key.hexdigest()

    def build_image(self):
        key = self.image_key()
        with contextlib.suppress(OSError):
            with open(f"{self.dir}/key") as file:
                if file.read() == key:
                    return
        dom0.build(self.dir)
        with open(f"{self.dir}/key", "w") as file:
            file.write(key)

    def command(self, accel):
        cpu = "host" if accel == "kvm" else "max,-smap,-rdtscp"
        version = dom0.kernel()[1]
        assert version
        return [
            "qemu-system-x86_64", "-kernel", f"{self.dir}/xen",
            "-append", "console=com1 com1=115200,8n1 guest_loglvl=all "
            "loglvl=info dom0_mem=1024M,max:1024M dom0_max_vcpus=1",
            "-initrd", f"{self.dir}/vmlinuz console=hvc0 quiet panic=-1,"
            f"{self.dir}/dom0.cpio.gz",
            "-smp", "2", "-m", "3072", "-display", "none", "-no-reboot",
            "-nodefaults", "-serial", f"file:{self.dir}/boot.log",
            "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi",
            "-cpu", cpu,
            "-fsdev", f"local,id=lab,path={self.share},security_model=none",
            "-device", "virtio-9p-pci,fsdev=lab,mount_tag=lab",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self.dir}/control,"
            "server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent",
        ]

    def start(self):
        try:
            with self.locked():
                if self.pid() is None:
                    self.boot()
        except dom0.Missing as missing:
            raise LabError(str(missing)) from None

    def boot(self):
        self.build_image()
        for name in ["control", "boot.log", "ready"]:
            with contextlib.suppress(OSError):
                os.unlink(f"{self.dir}/{name}")
        shutil.rmtree(f"{self.share}/jobs", ignore_errors=True)
        os.makedirs(f"{self.share}/jobs")
        with open(f"{self.dir}/qemu.log", "wb") as log:
            process = subprocess.Popen(
                self.command("tcg"), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        with open(f"{self.dir}/qemu.pid", "w") as file:
            file.write(str(process.pid))
        self.await_ready(process)

    def await_ready(self, process):
        deadline = time.monotonic() + BOOT_SECONDS
        control = None
        text = b""
        while b"ready" not in text:
            if process.poll() is not None:
                raise LabError(f"QEMU ended; see {self.dir}/qemu.log")
            if time.monotonic() > deadline:
                process.kill()
                raise LabError(f"dom0 did not come up in {BOOT_SECONDS} s; "
                               f"see {self.dir}/boot.log")
            try:
                if control is None:
                    control = socket.socket(socket.AF_UNIX)
                    control.connect(f"{self.dir}/control")
                    control.settimeout(0.2)
                text += control.recv(64)
            except (FileNotFoundError, ConnectionRefusedError):
                control = None
                time.sleep(0.1)
            except TimeoutError:
                pass
        control.close()

    # ----------------------------------------------------------------- Jobs

    def send(self, line):
        with self.locked(), socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{self.dir}/control")
            control.sendall(line.encode() + b"\n")

    def new_job(self, script):
        with self.locked():
            number = 1 + max((int(n) for n in os.listdir(f"{self.share}/jobs")
                              if n.isdigit()), default=0)
            folder = f"{self.share}/jobs/{number}"
            os.mkdir(folder)
        with open(f"{folder}/script", "w") as file:
            file.write(script)
        return number, folder

    def shell(self, script, timeout, out, err):
        number, folder = self.new_job(script)
        self.send(str(number))
        deadline = time.monotonic() + timeout
        done = {"out": 0, "err": 0}

        def relay():
            for name, sink in [("out", out), ("err", err)]:
                with contextlib.suppress(FileNotFoundError):
                    with open(f"{folder}/{name}", "rb") as file:
                        file.seek(done[name])
                        data = file.read()
                    done[name] += len(data)
                    sink.write(data)
                    sink.flush()

        while not os.path.exists(f"{folder}/status"):
            if self.pid() is None:
                raise LabError(f"the lab died; see {self.dir}/boot.log")
            if time.monotonic() > deadline:
                raise LabError(f"no answer from dom0 in {timeout:.0f} s")
            relay()
            time.sleep(0.02)
        relay()
        with open(f"{folder}/status") as file:
            status = int(file.read())
        shutil.rmtree(folder)
        return status

    def stop(self):
        if self.pid() is None:
            return
        self.send("off")
        deadline = time.monotonic() + 20
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        pid = self.pid()
        if pid is not None:
            os.kill(pid, 9)
