#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_examples.py FOLDER TESTS [SUFFIX [RUNNER...]]: what the examples print and
return.

FOLDER holds the examples, TESTS the programs that are only for this test; with
the suffix -sim those of the simulation are run, with .wasm those of JavaScript, by
RUNNER. Speaks TAP.
"""
import fcntl
import hashlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile

from exampleslib import (BACKEND, DEADLINE_S, MEM, SHOWN, Skip, case, expect,
                         expect_error, host_only, image, main, run, sim_only,
                         started, unix_only)

# ----------------------------------------------------------------- hello --


@case
def hello_says_hello():
    expect(run("hello"), (0, "Hello, world!\n", ""))


@case
def hello_help():
    status, out, err = run("hello", "--help")
    expect((status, err), (0, ""))
    for part in (f"usage: hello{SHOWN} ", "--net NAME=URI",
                 "--block NAME=URI", "--version"):
        assert part in out, f"no {part!r} in {out}"


@case
def hello_version():
    expect(run("hello", "--version"),
           (0, f"hello{SHOWN} (Mirage for C 0.1.0, {BACKEND} backend)\n", ""))


@case
def unknown_option():
    expect_error("hello", ["--blok", "a=mem:1M"], 2,
                 "error: unknown argument '--blok'; see --help")


@case
def unknown_argument_after_dashes():
    expect_error("hello", ["--", "--help"], 2,
                 "error: unknown argument '--help'; see --help")


@case
def bad_log_level():
    expect_error("hello", ["--log", "loud"], 2,
                 "--log: expected error, warn, info or debug, got 'loud'; "
                 "see --help")


@case
def option_without_value():
    expect_error("hello", ["--net"], 2,
                 "--net: expected NAME=URI, got 'nothing'; see --help")


@case
def device_without_name():
    expect_error("hello", ["--block", "mem:1M"], 2,
                 "--block: expected NAME=URI, got 'mem:1M'; see --help")


@case
def device_given_twice():
    expect_error("hello", ["--block=a=mem:1M", "--block=a=mem:2M"], 2,
                 "--block: 'a' is given twice")


# --------------------------------------------------------------- console --


@case
def stdin_closed():
    expect(run("hello", preexec_fn=lambda: os.close(0)),
           (0, "Hello, world!\n", ""))


@unix_only
def stdout_closed():
    expect_error("hello", [], 1, "error: device closed or its backend gone",
                 preexec_fn=lambda: os.close(1))


@unix_only
def stderr_closed():
    expect(run("hello", "--blok", preexec_fn=lambda: os.close(2)), (2, "", ""))


@host_only
def stdout_full():
    with open("/dev/full", "wb") as full:
        expect_error("hello", [], 1,
                     "error: no space left behind the device", stdout=full)


@host_only
def stdout_reader_gone():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        expect_error("hello", [], 1,
                     "error: device closed or its backend gone", stdout=writer)
    finally:
        os.close(writer)


@host_only
def ticker_reader_leaves():
    """Nobody ticks for ever into a pipe without a reader."""
    with started("ticker", "1000") as ticker:
        ticker.stdout.readline()
        ticker.stdout.close()
        expect(ticker.wait(DEADLINE_S), 1)
        err = ticker.stderr.read().decode()
    expect(err, "ticker: error: console: device closed or its backend gone\n")


@host_only
def echo_input_to_its_end():
    expect(run("echo", stdin=None, input=b"one\ntwo\n"),
           (0, "one\ntwo\nend\n", ""))


@host_only
def echo_stdin_closed():
    status, out, _ = run("echo", stdin=None, preexec_fn=lambda: os.close(0))
    expect((status, out), (0, "end\n"))


@host_only
def echo_stdin_is_a_file():
    with open(__file__, "rb") as file:
        wanted = file.read().decode() + "end\n"
        file.seek(0)
        expect(run("echo", stdin=file), (0, wanted, ""))


def flood():
    return "".join(f"{number}\n" for number in range(100000))


@host_only
def slow_reader_gets_all():
    with started("flood") as child:
        first = os.read(child.stdout.fileno(), 1)
        try:
            child.wait(0.2)  # nobody reads: it cannot end
            raise AssertionError("ended before its lines were read")
        except subprocess.TimeoutExpired:
            pass
        rest = child.communicate(timeout=DEADLINE_S)[0]
        expect(child.returncode, 0)
    assert (first + rest).decode() == flood(), "lines are lost or mixed up"


@host_only
def output_to_a_file():
    with tempfile.TemporaryFile() as file:
        expect(run("flood", stdout=file), (0, "", ""))
        file.seek(0)
        assert file.read().decode() == flood(), "lines are lost or mixed up"


@host_only
def shared_pipe_keeps_its_flags():
    """Whoever shares the pipe does not find it non-blocking."""
    reader, writer = os.pipe()
    try:
        before = fcntl.fcntl(writer, fcntl.F_GETFL)
        expect(run("hello", stdout=writer)[0], 0)
        expect(fcntl.fcntl(writer, fcntl.F_GETFL), before)
        expect(os.read(reader, 100), b"Hello, world!\n")
    finally:
        os.close(reader)
        os.close(writer)


@host_only
def terminal():
    outer, inner = pty.openpty()
    try:
        before = fcntl.fcntl(inner, fcntl.F_GETFL)
        os.write(outer, b"typed\n\x04")
        expect(run("echo", stdin=inner, stdout=inner)[0], 0)
        expect(fcntl.fcntl(inner, fcntl.F_GETFL), before)
        out = ""
        # The terminal hands on what was written in pieces, a little later.
        while (not out.endswith("typed\r\nend\r\n") and
               select.select([outer], [], [], DEADLINE_S)[0]):
            out += os.read(outer, 1000).decode()
        expect(out, "typed\r\ntyped\r\nend\r\n")
    finally:
        os.close(outer)
        os.close(inner)


# --------------------------------------------------------------- signals --


def signalled(name, args, numbers):
    """Starts a program, waits for a line before each signal: status, lines."""
    lines = []
    with started(name, *args) as child:
        for number in numbers:
            lines.append(child.stdout.readline().decode())
            child.send_signal(number)
        status = child.wait(DEADLINE_S)
    return status, lines


@host_only
def interrupt_ends():
    for number in (signal.SIGINT, signal.SIGTERM):
        expect(signalled("ticker", ["1000"], [number])[0], 0)


@host_only
def second_interrupt_ends_at_once():
    for number in (signal.SIGINT, signal.SIGTERM):
        expect(signalled("stubborn", [], [number, number]),
               (-number, ["ready\n", "asked\n"]))


# ---------------------------------------------------------------- ticker --


@case
def ticker_ticks():
    status, out, err = run("ticker", "3")
    expect((status, err), (0, ""))
    ticks = re.findall(r"^tick (\d) of 3: (\d+) ms after the start, "
                       r"\d+\.\d{3} s since 1970$", out, re.M)
    expect([tick for tick, _ in ticks], ["1", "2", "3"])
    for n, (_, after_ms) in enumerate(ticks):
        assert int(after_ms) >= 100 * (n + 1), f"early: {out}"


@case
def ticker_arguments():
    for wrong in ("0", "x", "3x", "-1", "", "1000001",
                  "99999999999999999999999"):
        expect_error("ticker", [wrong], 2,
                     f"error: '{wrong}' is not a number of ticks from 1 to "
                     "1000000; see --help")
    expect_error("ticker", ["1", "2"], 2,
                 "error: unknown argument '2'; see --help")


# ------------------------------------------------------------------ disk --

ODD = os.urandom(5 * 1024 * 1024 + 512)


def copy(source, target, *args):
    return run("disk", "--block", f"from={source}", "--block", f"to={target}",
               *args)


def expect_copy_error(source, target, message):
    status, out, err = copy(source, target)
    expect((status, out, err), (1, "", f"disk{SHOWN}: error: {message}\n"))


def expect_copied(result, content):
    status, out, err = result
    expect((status, err), (0, ""))
    lines = out.splitlines()
    expect(lines[0], f"copying {len(content)} bytes: 10% 20% 30% 40% 50% 60% "
           "70% 80% 90% 100%")
    assert re.fullmatch(r"copied and flushed in \d+ ms", lines[1]), out
    expect(lines[2:], ["SHA-256 " + hashlib.sha256(content).hexdigest()])


@host_only
def disk_copies():
    with tempfile.TemporaryDirectory() as folder:
        source = image(folder, "source", 0, ODD)
        target = image(folder, "target", len(ODD) + 4096)
        expect_copied(copy(f"file:{source},ro", f"file:{target}"), ODD)
        with open(target, "rb") as file:
            assert file.read() == ODD + bytes(4096), "the copy differs"


def copies_file_system(name, *args):
    """A file system of somebody else's, compared by sha256sum."""
    program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise Skip(f"{name} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source = image(folder, "source", 48 << 20)
        target = image(folder, "target", 48 << 20)
        subprocess.run([program, *args, source], check=True,
                       stdout=subprocess.DEVNULL)
        status, out, err = copy(f"file:{source},ro", f"file:{target}")
        expect((status, err), (0, ""))
        sums = subprocess.run(["sha256sum", source, target], check=True,
                              stdout=subprocess.PIPE).stdout.decode().split()
        said = re.search(r"^SHA-256 (\w{64})$", out, re.M)[1]
        expect(sums[::2], [said, said])


@host_only
def disk_copies_ext4():
    copies_file_system("mkfs.ext4", "-q")


@host_only
def disk_copies_vfat():
    copies_file_system("mkfs.vfat")


@host_only
def disk_copies_to_larger_sectors():
    content = ODD[:1 << 20]
    with tempfile.TemporaryDirectory() as folder:
        source = image(folder, "source", 0, content)
        target = image(folder, "target", len(content))
        expect_copied(copy(f"file:{source},ro,sector=512",
                           f"file:{target},sector=4096"), content)
        with open(target, "rb") as file:
            assert file.read() == content, "the copy differs"


@case
def disk_copies_memory():
    expect_copied(copy(f"{MEM}:3M", f"{MEM}:3M"), bytes(3 << 20))


@case
def disk_target_too_small():
    expect_copy_error(f"{MEM}:2M", f"{MEM}:1M",
                      "block 'to' has 1048576 bytes, fewer than the 2097152 "
                      "of block 'from': give a larger one")


@case
def disk_sectors_do_not_fit():
    expect_copy_error(f"{MEM}:1536", f"{MEM}:1M,sector=4096",
                      "block 'to' has sectors of 4096 bytes, and the 1536 "
                      "bytes of block 'from' do not fill them")


@sim_only
def disk_read_fails():
    status, _, err = copy("disk:6M,fail=3", "disk:6M")
    expect((status, err), (1, "disk-sim: error: block 'from': read at 262144: "
                           "input/output error\n"))


@sim_only
def disk_target_full():
    status, _, err = copy("disk:6M", "disk:6M,full")
    expect((status, err), (1, "disk-sim: error: block 'to': write at 0: "
                           "no space left behind the device\n"))


@sim_only
def disk_of_the_simulation_has_a_file():
    with tempfile.TemporaryDirectory() as folder:
        source = image(folder, "source", 0, ODD)
        expect_copied(copy(f"disk:6M,file={source}", "disk:6M"),
                      ODD + bytes((6 << 20) - len(ODD)))


@host_only
def disk_target_read_only():
    with tempfile.TemporaryDirectory() as folder:
        target = image(folder, "target", 1 << 20)
        status, out, err = copy("mem:4096", f"file:{target},ro")
        expect((status, out, err),
               (1, "copying 4096 bytes:\n",
                "disk: error: block 'to': write at 0: read-only device\n"))


@host_only
def disk_missing_file():
    expect_copy_error("file:/nonexistent/image", "mem:1M",
                      "block 'from' (file:/nonexistent/image): no such file; "
                      "make one with: truncate -s 64M /nonexistent/image")


@host_only
def disk_missing_option():
    remedy = {"unix": "file:PATH or --block from=mem:64M",
              "js": "mem:64M, file:PATH or disk:NAME"}[BACKEND]
    expect_error("disk", [], 1,
                 "error: block 'from': no disk was given; add "
                 f"--block from={remedy}")


@case
def disk_unknown_argument():
    expect_error("disk", ["a", "b"], 2,
                 "error: unknown argument 'a'; see --help")


@host_only
def disk_interrupted():
    """Half a copy is not a success."""
    with tempfile.TemporaryDirectory() as folder:
        source = image(folder, "source", 64 << 30)
        target = image(folder, "target", 64 << 30)
        with started("disk", "--block", f"from=file:{source}", "--block",
                     f"to=file:{target}") as disk:
            disk.stdout.read(len("copying"))
            disk.send_signal(signal.SIGTERM)
            err = disk.communicate(timeout=DEADLINE_S)[1].decode()
    expect(disk.returncode, 1)
    assert re.fullmatch(r"disk: error: stopped: \d+ of 68719476736 bytes "
                        r"are copied\n", err), err


# -------------------------------------------------------------- http-get --

@sim_only
def http_get_gives_up_in_virtual_time():
    """Nobody else is in that world; all its patience takes no time."""
    expect_error("http-get", ["--net", "service=lan:x", "--ipv4",
                              "10.0.0.1/24", "http://10.0.0.2/"], 1,
                 "error: http://10.0.0.2/: timed out")


main()
