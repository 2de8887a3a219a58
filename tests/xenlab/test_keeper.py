#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the lab's keeper sees to, with a fake of QEMU. Speaks TAP."""
import contextlib
import os
import shutil
import signal
import sys
import tempfile

from xenlab_test import (XENLAB, case, expect, expect_match, main, started,
                         until, xenlab)

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(XENLAB))
import dom0  # noqa: E402
import keeper  # noqa: E402
import qemu  # noqa: E402


@contextlib.contextmanager
def folder(**environment):
    """A lab's folder, with an image that needs no building and a name that is
    too long for a socket's address."""
    here = os.path.dirname(os.path.realpath(__file__))
    with tempfile.TemporaryDirectory() as top:
        path = f"{top}/{'x' * 100}"
        os.makedirs(f"{top}/bin")
        os.makedirs(path)
        os.symlink(f"{here}/fake_qemu.py", f"{top}/bin/qemu-system-x86_64")
        with open(f"{path}/key", "w", encoding="utf-8") as file:
            file.write(dom0.key())
        os.environ.update(environment, XENLAB_DIR=path)
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{top}/bin:{before}"
        try:
            yield path
        finally:
            if os.path.exists(path):
                xenlab("stop")
            os.environ["PATH"] = before
            for name in environment:
                del os.environ[name]


def read(path):
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8") as file:
            return file.read()
    return ""


def start(path):
    """Starts the lab; returns the process ids of the keeper and of QEMU."""
    status, _, err = xenlab("start")
    expect((status, err), (0, ""))
    return int(read(f"{path}/keeper.lock")), int(read(f"{path}/fake.pid"))


def gone(pid):
    until(lambda: not read(f"/proc/{pid}/cmdline"), f"process {pid} is gone")


@case
def a_job_runs_and_the_lab_stops():
    with folder() as path:
        pids = start(path)
        expect(xenlab("sh", "true"), (5, "fake\n", ""))
        expect(xenlab("stop"), (0, "", ""))
        expect(read(f"{path}/told"), "run 1\noff\n")
        for pid in pids:
            gone(pid)
        expect(xenlab("status")[0], 1)
        expect(xenlab("stop"), (0, "", ""))


@case
def an_idle_lab_powers_itself_off():
    with folder(XENLAB_IDLE_S="0.5") as path:
        for pid in start(path):
            gone(pid)
        expect(read(f"{path}/told"), "off\n")


@case
def a_lab_in_use_is_not_idle():
    with folder(XENLAB_IDLE_S="0.5") as path:
        pids = start(path)
        with started("sh", "--timeout", "4", "hang") as child:
            expect(child.wait(60), 124)
        expect_match("^run 1\nkill 1\n", read(f"{path}/told"))
        for pid in pids:
            gone(pid)


@case
def a_lab_whose_folder_is_removed_ends():
    with folder() as path:
        pids = start(path)
        shutil.rmtree(path)
        for pid in pids:
            gone(pid)


@case
def qemu_dies_with_its_keeper():
    with folder() as path:
        keeper_pid, qemu_pid = start(path)
        os.kill(keeper_pid, signal.SIGKILL)
        gone(qemu_pid)
        # And the next one starts as if nothing had been.
        start(path)
        expect(xenlab("sh", "true")[0], 5)


@case
def the_job_of_a_killed_client_is_killed():
    with folder() as path:
        start(path)
        with started("sh", "hang") as child:
            until(lambda: read(f"{path}/told") == "run 1\n", "the job runs")
            child.kill()
        until(lambda: read(f"{path}/told") == "run 1\nkill 1\n", "kill")


@case
def a_signal_reaches_the_job_and_the_second_ends_the_client():
    with folder() as path:
        start(path)
        with started("sh", "hang") as child:
            until(lambda: read(f"{path}/told") == "run 1\n", "the job runs")
            child.terminate()
            until(lambda: read(f"{path}/told") == "run 1\nterm 1\n", "term")
            child.terminate()
            expect(child.wait(60), -signal.SIGTERM)
        until(lambda: read(f"{path}/told") == "run 1\nterm 1\nkill 1\n",
              "kill")


@case
def a_lab_that_dies_in_a_job_is_99():
    with folder(FAKE="dies-in-job") as path:
        start(path)
        status, out, err = xenlab("sh", "true")
        expect((status, out), (99, ""))
        expect_match("the lab ended; see .*boot.log", err)


@case
def a_lab_that_does_not_boot_is_99_with_its_last_words():
    with folder(FAKE="dies"):
        status, out, err = xenlab("start")
        expect((status, out), (99, ""))
        expect_match("QEMU .*; see qemu.log", err)
        expect_match("last words", err)


@case
def where_kvm_fails_it_goes_on_without():
    with folder(FAKE="no-kvm") as path:
        here = os.getcwd()
        os.chdir(path)
        qemu.kvm_lacks = lambda: None
        try:
            process, agent = keeper.boot("auto")
            expect(read("accel"), "tcg")
            agent.close()
            process.kill()
            process.wait()
        finally:
            os.chdir(here)


if __name__ == "__main__":
    try:
        dom0.check_packages()
    except dom0.Missing as missing:
        print(f"1..0 # SKIP {missing}")
        sys.exit(0)
    main()
