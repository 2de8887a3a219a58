#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_lab.py PROBE: xenlab's command line, jobs in dom0, and what becomes of
them when their client dies. Speaks TAP."""
import os
import sys
import tempfile

from xenlab_test import (case, command, expect, expect_match, hear, main, sh,
                         started, until, xenlab)

PROBE = sys.argv[1]


# ---------------------------------------------------------------- Command line

@case
def help_and_version():
    status, out, err = xenlab("--help")
    expect((status, err), (0, ""))
    expect_match("xenlab guest", out)
    expect_match("exit status:", out)
    status, out, err = xenlab("--version")
    expect((status, err), (0, ""))
    expect_match(r"^xenlab \d+\.\d+\.\d+\n$", out)


def refuses(words, pattern):
    status, out, err = xenlab(*words)
    expect((status, out), (2, ""))
    expect_match(pattern, err)


@case
def wrong_command_lines_end_with_2_and_the_remedy():
    refuses([], "required: COMMAND")
    refuses(["nonsense"], "invalid choice")
    refuses(["guest"], "required: IMAGE")
    refuses(["guest", "/nonexistent"], "no image /nonexistent")
    refuses(["guest", "--memory", "much", PROBE], "invalid int")
    refuses(["guest", "--vif", "=lab0", PROBE], "give NAME or NAME=BRIDGE")
    refuses(["guest", "--vif", "a=b;c", PROBE], "give NAME or NAME=BRIDGE")
    refuses(["guest", "--disk", "a", PROBE], "give NAME=FILE")
    refuses(["guest", "--disk", "a=/nonexistent", PROBE], "no file")
    refuses(["guest", "--disk", f"a={PROBE},rw", PROBE], "'rw' is none of")
    refuses(["guest", PROBE, "x" * 1100], "more than 1023")
    refuses(["copy", "here", "there"], "one of FROM and TO")


@case
def a_disk_fills_its_sectors():
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(4608))
        file.flush()
        refuses(["guest", "--disk", f"a={file.name},sector=4096", PROBE],
                "do not fill sectors of 4096")


@case
def a_missing_package_is_named():
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": "/nonexistent", "XENLAB_DIR": folder}
        wanted = "^xenlab: .* is not installed: apt-get install qemu"
        status, out, err = xenlab("start", env=env)
        expect((status, out), (77, ""))
        expect_match(wanted, err)
        status, _, err = xenlab("start", env={**env, "CI": "true"})
        expect(status, 99)
        expect_match(wanted, err)


# ------------------------------------------------------------------------ Jobs

@case
def a_command_has_its_status_and_two_outputs():
    expect(xenlab("sh", "echo out; echo err >&2; exit 7"),
           (7, "out\n", "err\n"))


@case
def many_start_and_run_at_once():
    with started("sh", "echo 1") as one, started("sh", "echo 2") as two, \
            started("start") as three, started("sh", "echo 4") as four:
        said = [child.communicate(timeout=100)[0]
                for child in (one, two, three, four)]
    expect(said, [b"1\n", b"2\n", b"", b"4\n"])


@case
def output_comes_while_the_command_runs():
    with started("sh", "echo first; while ! [ -e /tmp/go ]; do usleep 10000; "
                 "done; echo second; rm /tmp/go") as child:
        hear(child, b"first\n")
        sh("touch /tmp/go")
        hear(child, b"second\n")
        expect(child.wait(60), 0)


@case
def a_file_goes_in_and_comes_out_the_same():
    data = os.urandom(300000)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/in", "wb") as file:
            file.write(data)
        name = "lab:/tmp/a name"
        expect(xenlab("copy", f"{folder}/in", name), (0, "", ""))
        expect(xenlab("copy", name, f"{folder}/out"), (0, "", ""))
        with open(f"{folder}/out", "rb") as file:
            expect(file.read() == data, True)
        status, _, err = xenlab("copy", "lab:/tmp/none", f"{folder}/none")
        expect((status, os.path.exists(f"{folder}/none")), (1, False))
        expect_match("No such file", err)


@case
def a_timeout_ends_with_124():
    status, _, err = xenlab("sh", "--timeout", "1", "sleep 1000")
    expect(status, 124)
    expect_match("not done after 1 s", err)
    gone("sleep 1000")


def gone(process):
    until(lambda: process not in sh("ps -o args | grep -v grep"), process)


@case
def a_job_dies_with_its_client():
    with started("sh", "echo here; exec sleep 1001") as child:
        hear(child, b"here\n")
        child.kill()
    gone("sleep 1001")


@case
def a_guest_dies_with_its_client():
    with started("guest", PROBE, "wait") as child:
        hear(child, b"waiting\n")
        expect(sh("xl list | grep -c lab-"), "1\n")
        child.kill()
    until(lambda: "lab-" not in sh("xl list"), "the domain is gone")
    until(lambda: sh("ls /disks /lab/console") == "/disks:\n\n/lab/console:\n"
          or not sh("ls /disks"), "its memory is free")


@case
def guests_run_side_by_side():
    with started("guest", PROBE, "wait") as one, \
            started("guest", PROBE, "wait") as two:
        hear(one, b"waiting\n")
        hear(two, b"waiting\n")
        expect(sh("xl list | grep -c lab-"), "2\n")
        one.terminate()
        expect(one.wait(60), 0)
        two.terminate()
        expect(two.wait(60), 0)


@case
def status_and_console_tell_of_the_lab():
    status, out, _ = xenlab("status")
    expect(status, 0)
    expect_match("^running with (kvm|tcg) in ", out)
    expect_match("Xen version", xenlab("console")[1])
    with tempfile.TemporaryDirectory() as folder:
        status, out, _ = xenlab("--dir", folder, "status")
    expect((status, out), (1, f"not running (in {folder})\n"))


if __name__ == "__main__":
    assert command()
    main()
