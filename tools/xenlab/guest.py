# SPDX-License-Identifier: ISC
"""Guests in the lab: from a command line to a running domain and back."""
import contextlib
import os
import re
import shlex
import shutil
import sys

COMMAND_LINE_MAX = 1023  # bytes, what the Xen backend keeps
VIFS_MAX = 8
DISKS_MAX = 16


class UsageError(Exception):
    pass


class Vif:
    """NAME[=BRIDGE]"""

    def __init__(self, text):
        self.name, _, bridge = text.partition("=")
        self.bridge = bridge or "lab0"
        if not self.name or not re.fullmatch(r"[\w.-]{1,15}", self.bridge):
            raise UsageError(f"--vif {text}: give NAME or NAME=BRIDGE")


class Disk:
    """NAME=FILE[,ro][,sector=BYTES]"""

    def __init__(self, text):
        self.name, _, file = text.partition("=")
        self.file, *options = file.split(",")
        self.writable = "ro" not in options
        self.sector = 512
        for option in options:
            if option == "sector=4096":
                self.sector = 4096
            elif option not in ("ro", "sector=512"):
                raise UsageError(f"--disk {text}: '{option}' is none of ro, "
                                 "sector=512 and sector=4096")
        if not self.name or not self.file:
            raise UsageError(f"--disk {text}: give NAME=FILE")
        self.check(text)

    def check(self, text):
        if not os.path.isfile(self.file):
            raise UsageError(f"--disk {text}: no file {self.file}")
        size = os.path.getsize(self.file)
        if size == 0 or size % self.sector != 0:
            raise UsageError(f"--disk {text}: its {size} bytes do not fill "
                             f"sectors of {self.sector}")


class Guest:
    def __init__(self, image, arguments, vifs, disks, memory_mib):
        self.image = image
        self.memory_mib = memory_mib
        self.vifs = [Vif(text) for text in vifs]
        self.disks = [Disk(text) for text in disks]
        if not os.path.isfile(image):
            raise UsageError(f"no image {image}")
        if len(self.vifs) > VIFS_MAX or len(self.disks) > DISKS_MAX:
            raise UsageError(f"at most {VIFS_MAX} --vif, {DISKS_MAX} --disk")
        self.command_line = self.join(arguments)

    def devices(self):
        """(disk, name in the guest, number on the store)"""
        return [(disk, f"xvd{chr(ord('a') + i)}")
                for i, disk in enumerate(self.disks)]

    def join(self, arguments):
        words = [os.path.basename(self.image)]
        for i, vif in enumerate(self.vifs):
            words += ["--net", f"{vif.name}=vif:{i}"]
        for disk, device in self.devices():
            words += ["--block", f"{disk.name}=vbd:{device}"]
        line = " ".join(map(shlex.quote, words + arguments))
        if len(line.encode()) > COMMAND_LINE_MAX:
            raise UsageError(f"the command line has {len(line.encode())} "
                             f"bytes, more than {COMMAND_LINE_MAX}")
        return line

    # ------------------------------------------------------------- Toolstack

    def xl_config(self, job):
        vifs = [f"bridge={vif.bridge},script=vif-lab" for vif in self.vifs]
        disks = [f"format=raw,vdev={device},access={'w' if disk.writable else 'r'}"
                 f",target=/disks/{job.number}/{device}"
                 for disk, device in self.devices()]
        entries = {
            "name": f"lab-{job.number}", "type": "pvh", "vcpus": 1,
            "memory": self.memory_mib, "kernel": f"{job.inside}/image",
            "cmdline": self.command_line, "vif": vifs, "disk": disks,
            "on_poweroff": "preserve", "on_reboot": "preserve",
            "on_crash": "preserve",
        }
        return "".join(f"{key} = {xl_value(value)}\n"
                       for key, value in entries.items())

    def script(self, job):
        """The one place that knows how a domain is made and waited for: dom0's
        /sbin/guest, with xl."""
        job.write("guest.xl", self.xl_config(job))
        bridges = " ".join(sorted({vif.bridge for vif in self.vifs}))
        disks = " ".join(f"{device}:{disk.sector}:{'w' if disk.writable else 'r'}"
                         for disk, device in self.devices())
        typed = "input" if job.take_input() else ""
        return (f"exec /sbin/guest {job.number} '{bridges}' '{disks}' "
                f"'{typed}'\n")

    def run(self, lab, timeout_s=None):
        """Returns the guest's exit status. Changed disks are written back."""
        with lab.new_job() as job, console_log(lab, job):
            shutil.copyfile(self.image, f"{job.folder}/image")
            for disk, device in self.devices():
                place(disk.file, f"{job.folder}/{device}")
            status = job.run(self.script(job), timeout_s)
            for disk, device in self.devices():
                if disk.writable:
                    bring_back(f"{job.folder}/{device}", disk.file)
        return status


def xl_value(value):
    """In the syntax of xl.cfg(5)."""
    if isinstance(value, list):
        return "[" + ", ".join(map(xl_value, value)) + "]"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@contextlib.contextmanager
def console_log(lab, job):
    """xenconsoled writes what the guest says to a file that we see."""
    path = f"{lab.share}/console/guest-lab-{job.number}.log"
    job.relayed[os.path.relpath(path, job.folder)] = sys.stdout.buffer
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def place(file, target):
    """The same file under another name, or a copy of it."""
    try:
        os.link(os.path.realpath(file), target)
    except OSError:
        shutil.copyfile(file, target)


def bring_back(source, file):
    if not os.path.samefile(source, file):
        shutil.copyfile(source, file)
