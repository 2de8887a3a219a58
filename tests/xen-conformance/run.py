#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""run.py XENLAB BACKEND XEN_RUN SUITE CASE [--real] [GLOB...]: the conformance suite as
Xen guests.

The guest SUITE runs all cases that can share a program; each case that needs a
program or a console of its own is a guest CASE. BACKEND runs in dom0 and does to
their world what they ask for; unless --real it plays their devices, too. Prints TAP.
"""
import contextlib
import os
import re
import subprocess
import sys
import tempfile

PATIENCE_S = 60  # for one case; the suite has more
SUITE_PATIENCE_S = 600
CRASHED = 134

# A guest of its own gives these another chance.
OWN = re.compile(r"needs a process of its own|the fixture cannot (see what|type"
                 r"|stop reading|see the log|suspend)")
# Xen has one console, where log lines and data follow each other. mirage-xen-run
# keeps them apart.
APART = ["console.log_apart", "console.log_never_blocks"]
DISKS = [("small", 2 << 20, 0, ""), ("large", 2 << 20, 0, ",sector=4096"),
         ("fixed", 64 << 10, 0x5a, ",ro")]


class Runner:
    def __init__(self, xenlab, backend, xen_run, real, folder):
        self.xenlab = xenlab
        self.backend = backend
        self.xen_run = xen_run
        self.real = real
        self.folder = folder
        self.number = self.failed = 0

    # ------------------------------------------------------------ Devices

    def devices(self):
        """What the toolstack gives to the guest, as xenlab's options."""
        if not self.real:
            return []
        options = ["--vif", "a=conf", "--vif", "b=conf"]
        for name, size, value, more in DISKS:
            path = f"{self.folder}/{name}"
            with open(path, "wb") as file:
                file.write(bytes([value]) * size)
            options += ["--disk", f"{name}={path}{more}"]
        return options

    @contextlib.contextmanager
    def world(self, image):
        """The program in dom0, for guests of `image`."""
        page = page_of(image, "conf_world")
        subprocess.run([self.xenlab, "copy", self.backend,
                        "lab:/run/xen-backend"], check=True)
        with subprocess.Popen(
                [self.xenlab, "sh", "chmod +x /run/xen-backend;"
                 f"exec /run/xen-backend {page:#x}"],
                stdout=subprocess.PIPE, text=True) as program:
            try:
                if program.stdout.readline() != "ready\n":
                    raise SystemExit("Bail out! xen-backend does not start")
                yield
            finally:
                program.terminate()
                program.stdout.close()

    def guest(self, image, arguments, patience_s, memory_mib):
        """Yields its lines and, last, its status."""
        command = [self.xenlab, "guest", "--memory", str(memory_mib),
                   "--timeout", str(patience_s), *self.devices(), image,
                   *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              errors="replace") as guest:
            for line in guest.stdout:
                yield line.rstrip("\r\n")
        yield guest.returncode

    def apart(self, image, name):
        """The same for a case, by mirage-xen-run in dom0."""
        for source, target in [(image, "case"), (self.xen_run, "xen-run")]:
            subprocess.run([self.xenlab, "copy", source, f"lab:/run/{target}"],
                           check=True)
        done = subprocess.run(
            [self.xenlab, "sh", "cd /run; mv xen-run mirage-xen-run; "
             "chmod +x mirage-xen-run; file=/lab/console/guest-apart; "
             "./mirage-xen-run --name apart --memory 32 "
             f"--timeout {PATIENCE_S} case --case {name} "
             ">$file.log 2>$file.err; status=$?; "
             "cat $file.err $file.log; rm $file.err $file.log; exit $status"],
            check=False, capture_output=True, text=True, errors="replace")
        return [*done.stdout.splitlines(), done.returncode]

    # -------------------------------------------------------------- Results

    def result(self, good, case, more="", details=()):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {case}{more}")
        for line in details:
            print(f"# {line}")
        sys.stdout.flush()

    def suite(self, image, globs):
        """Passes on the results of shared cases; returns the others' names."""
        alone, planned, seen, status = [], None, 0, None
        for line in self.guest(image, globs, SUITE_PATIENCE_S, 48):
            if isinstance(line, int):
                status = line
            elif match := re.match(r"1\.\.(\d+)$", line):
                planned = int(match[1])
            elif match := re.match(r"(not )?ok \d+ - (\S+)( # SKIP (.*))?$",
                                   line):
                seen += 1
                if match[4] and OWN.search(match[4]):
                    alone.append(match[2])
                else:
                    self.result(not match[1], match[2], match[3] or "")
            else:
                print(line if line.startswith("#") else f"# {line}")
        if status != 0 or seen != planned:
            self.result(False, "the suite's guest", details=[
                f"status {status}, {seen} of {planned} cases"])
        return alone

    def case(self, image, name):
        """Judges a guest by what it said and by how it ended."""
        if name in APART and self.xen_run == "none":
            self.result(True, name, " # SKIP mirage-xen-run is not built")
            return
        if name in APART:
            *lines, status = self.apart(image, name)
        else:
            *lines, status = self.guest(image, ["--case", name], PATIENCE_S,
                                        32)
        text = "\n".join(lines)
        result = re.search(r"^(not )?ok 1 - \S+( # SKIP .*)?$", text, re.M)
        ended = re.search(r"^# status (\d+)$", text, re.M)
        aborts = re.search(r"^# aborts (\S+)$", text, re.M)
        if result:
            good = not result[1] and ended and status == int(ended[1])
            self.result(good, name, result[2] or "",
                        [] if good else [f"the guest's status: {status}",
                                         *lines])
        else:
            good = (aborts and status == CRASHED and
                    f"broken contract [{aborts[1]}]" in text)
            self.result(good, name, "", [] if good else
                        [f"the guest's status: {status}", *lines])


def page_of(image, symbol):
    out = subprocess.run(["nm", image], check=True, capture_output=True,
                         text=True).stdout
    return int(re.search(rf"^(\w+) \w {symbol}$", out, re.M)[1], 16) // 4096


def main():
    arguments = [a for a in sys.argv[1:] if a != "--real"]
    xenlab, backend, xen_run, suite, case, *globs = arguments
    subprocess.run([xenlab, "start"], check=True)
    print("TAP version 13")
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(xenlab, backend, xen_run, "--real" in sys.argv, folder)
        with runner.world(suite):
            alone = runner.suite(suite, globs)
        with runner.world(case):
            for name in alone:
                runner.case(case, name)
    print(f"1..{runner.number}")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
