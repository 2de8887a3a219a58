#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_machine.py FAULTS LIBC EXAMPLES: the machine of a Xen guest, on a real Xen:
how it crashes, sleeps, does without random numbers, and survives a suspension.
Speaks TAP."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../xenlab"))
# pylint: disable=wrong-import-position
from xenlab_test import case, expect, expect_match, main, sh, xenlab

FAULTS, LIBC, EXAMPLES = sys.argv[1:4]
LINE = r"\n  (?:at|by|perhaps by) [0-9a-f]{16} "


# -------------------------------------------------------------------- Crashes

def crash(fault, what, function, memory="8"):
    """The guest says `what` and names `function`, and its domain has crashed."""
    status, out, _ = xenlab("guest", "--memory", memory, FAULTS, fault)
    expect(status, 134)
    expect_match(f"^about to {fault}\n", out)
    expect("survived" in out, False)
    expect_match(what, out)
    expect_match(f"{LINE}{function}\n", out)
    expect_match(r"\nmirage: crashed: ", out)
    if what != r"abort\(\) was called":
        expect_match(r"\n  r15 [0-9a-f]{16} (?s:.*) rax [0-9a-f]{16}"
                     r"(?s:.*) rsp [0-9a-f]{16} rflags [0-9a-f]{16}", out)


@case
def text_is_not_writable():
    crash("write-text", r"page fault: write to [0-9a-f]{16}, text, which is "
          "not writable", "write_text")


@case
def constants_are_not_writable():
    crash("write-rodata", r"page fault: write to [0-9a-f]{16}, read-only data",
          "write_rodata")


@case
def data_is_not_executable():
    crash("run-data", r"page fault: execution of [0-9a-f]{16}, data, which is "
          "not executable", "mirage_run|run")


@case
def the_heap_is_not_executable():
    crash("run-heap", r"page fault: execution of [0-9a-f]{16}, data, which is "
          "not executable", "mirage_run|run")


@case
def a_null_pointer_is_told():
    crash("read-null", "page fault: read from 0{16}, page zero: a null pointer",
          "read_null")


@case
def a_stack_overflow_is_told():
    crash("overflow-stack", r"page fault: write to [0-9a-f]{16}, the guard of "
          "a stack: it has overflowed", "recurse")


@case
def a_division_by_zero_is_told():
    crash("divide-by-zero", "mirage: divide error", "divide_by_zero")


@case
def memory_without_access_has_none():
    crash("touch-protected", r"write to [0-9a-f]{16}, memory that the program "
          "has protected", "touch_protected")


@case
def memory_made_read_only_is():
    crash("use-read-only", r"still 1\n(?s:.*)write to [0-9a-f]{16}, memory that "
          "the program has protected", "write_read_only")


@case
def a_trap_is_told():
    crash("trap", "mirage: invalid opcode", "trap")


@case
def abort_is_told():
    crash("abort", r"abort\(\) was called", "abort")


@case
def a_broken_contract_is_told():
    crash("break-contract", r"abort\(\) was called", "mirage_timer_start")


# ----------------------------------------------------------- Domains of our own

def domain(name, image, command_line, more="", memory=16):
    """Creates a domain from an image in dom0's /tmp."""
    expect(xenlab("copy", image, f"lab:/tmp/{name}.img")[0], 0)
    sh(f"""
cat >/tmp/{name}.xl <<'END'
name = "{name}"
type = "pvh"
kernel = "/tmp/{name}.img"
memory = {memory}
vcpus = 1
on_crash = "destroy"
on_poweroff = "destroy"
cmdline = "{command_line}"
{more}
END
xl create -q /tmp/{name}.xl
""")


def gone(name, seconds=60):
    """Waits for its end; returns what it has said."""
    return sh(f"""
i=0
while xl domid {name} >/dev/null 2>&1; do
	i=$((i+1)); [ $i -lt {seconds * 4} ] || {{ xl destroy {name}; break; }}
	sleep 0.25
done
cat /lab/console/guest-{name}.log
rm -f /lab/console/guest-{name}.log /tmp/{name}.*
""")


@case
def random_numbers_are_there():
    status, out, _ = xenlab("guest", LIBC, "random")
    expect((status, out), (0, "OK filled\n"))


@case
def random_numbers_fail_closed():
    domain("closed", LIBC, "libc random", 'cpuid = "host,rdrand=0,rdseed=0"')
    out = gone("closed")
    expect_match(r"error: random: .* neither RDRAND nor RDSEED", out)
    expect_match("\nEIO zero\n", out)


@case
def an_idle_guest_sleeps():
    # Ten ticks a second: what it does in between is counted.
    domain("idle", f"{EXAMPLES}/ticker-xen", "ticker -v -v 20")
    ticks = int(re.search(r"hypercalls: \d+ to start, (\d+) total",
                          gone("idle")).group(1))
    # A tick takes a poll, a line, perhaps a wake-up for the line's reader, and more
    # of them on a busy host. One that does not sleep makes them by the 100,000.
    if ticks > 20 * 250:
        raise AssertionError(f"{ticks} hypercalls for 20 ticks")


@case
def boot_takes_few_hypercalls():
    domain("boot", f"{EXAMPLES}/hello-xen", "hello -v -v", memory=8)
    to_start = int(re.search(r"hypercalls: (\d+) to start", gone("boot"))
                   .group(1))
    if to_start > 60:
        raise AssertionError(f"{to_start} hypercalls")


# ----------------------------------------------------------------- Suspension

@case
def a_ticker_goes_on_where_it_was():
    domain("susp", f"{EXAMPLES}/ticker-xen", "ticker -v 120")
    out = sh("""
sleep 1
xl save -c susp /tmp/susp.save >/dev/null 2>&1
xl save susp /tmp/susp.save >/dev/null 2>&1
sleep 5
xl restore /tmp/susp.save >/dev/null 2>&1
rm /tmp/susp.save
""") + gone("susp")
    expect_match("suspension canceled\n", out)
    expect_match("resumed\n", out)
    ticks = [(int(n), int(ms), float(wall)) for n, ms, wall in re.findall(
        r"tick (\d+) of 120: (\d+) ms after the start, ([\d.]+) s", out)]
    expect([n for n, _, _ in ticks], list(range(1, 121)))
    before = [tick for tick in ticks
              if out.index(f"tick {tick[0]} of") < out.index("resumed\n")][-1]
    after = ticks[before[0]]
    if not before[1] <= after[1] < before[1] + 4000:
        raise AssertionError(f"the monotonic clock: {before} {after}")
    if after[2] < before[2] + 5:
        raise AssertionError(f"the wall clock: {before} {after}")


@case
def a_copy_of_a_disk_survives_a_suspension():
    sh("""
dd if=/dev/urandom of=/tmp/from.disk bs=1M count=48 2>/dev/null
dd if=/dev/zero of=/tmp/to.disk bs=1M count=48 2>/dev/null
""")
    domain("copy", f"{EXAMPLES}/disk-xen",
           "disk -v --block from=vbd:xvda --block to=vbd:xvdb",
           'disk = ["/tmp/from.disk,raw,xvda,r", "/tmp/to.disk,raw,xvdb,w"]',
           memory=32)
    out = sh("""
xl save copy /tmp/copy.save >/dev/null 2>&1
xl restore /tmp/copy.save >/dev/null 2>&1
rm /tmp/copy.save
""") + gone("copy", 100)
    expect_match("resumed\n", out)
    sums = sh("sha256sum /tmp/from.disk /tmp/to.disk | cut -c 1-64; "
              "rm /tmp/from.disk /tmp/to.disk").split()
    expect(sums[0], sums[1])
    expect_match(f"SHA-256 {sums[0]}\n", out)


main()
