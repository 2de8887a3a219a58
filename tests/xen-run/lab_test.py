#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""lab_test.py MIRAGE-XEN-RUN EXAMPLES ANSWER PROBE: mirage-xen-run in the dom0
of a real Xen. Speaks TAP."""
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{HERE}/../xenlab")

import xenlab_test  # noqa: E402
from xenlab_test import case, expect, expect_match, main, xenlab  # noqa: E402

xenlab_test.PATIENCE_S = 400  # for what is done fifty times

PROGRAM, EXAMPLES, ANSWER, PROBE = sys.argv[1:5]
ROUNDS = 50
BRIDGE = ("ip link add xr0 type bridge 2>/dev/null && "
          "ip addr add 10.7.0.1/24 dev xr0; ip link set xr0 up\n")


def dom0(script):
    """(status, standard output, standard error) of a script in dom0."""
    return xenlab("sh", f"cd /tmp/xr\n{script}")


def run(*words, after=""):
    return dom0("mirage-xen-run " + " ".join(words) + after)


def setup():
    status, out, err = xenlab("sh", "mkdir -p /tmp/xr")
    assert status == 0, f"no lab: {status} {out}{err}"
    files = {PROGRAM: "/usr/bin/mirage-xen-run", ANSWER: "/tmp/xr/answer",
             PROBE: "/tmp/xr/probe", f"{HERE}/count.sh": "/tmp/xr/count.sh"}
    for name in ["hello", "disk", "ping"]:
        files[f"{EXAMPLES}/{name}-xen"] = f"/tmp/xr/{name}"
    for source, target in files.items():
        assert xenlab("copy", source, f"lab:{target}")[0] == 0, source
    dom0("chmod 755 /usr/bin/mirage-xen-run")


def nothing_is_left(name):
    """Not a node, domain or interface of `name` is there any more."""
    status, out, _ = dom0(
        "xenstore-ls -f / | grep -e /vm/. -e /tool/mirage-xen-run/. "
        "-e '/local/domain/[1-9]' -e '/backend/v../.'; xl list | tail -n +3; "
        "ls /sys/class/net | grep vif; losetup -a")
    expect((status, out[:200]), (0, ""))


def said(message):
    return f"mirage-xen-run: {message}\n"


# --------------------------------------------------------------- Console, status

@case
def hello_says_it_all():
    expect(run("--memory", "8", "hello"), (0, "Hello, world!\n", ""))
    nothing_is_left("hello")


@case
def a_status_is_passed_on():
    expect(run("probe", "status", "42"), (42, "", ""))


@case
def the_log_is_apart():
    expect(run("hello", "nonsense"),
           (2, "", "hello: error: unknown argument 'nonsense'; see --help\n"))
    expect(run("disk", "--log", "info", "2>/dev/null"), (1, "", ""))


@case
def ten_thousand_lines_arrive_in_order():
    lines = "".join(f"line {i} of 10000\n" for i in range(1, 10001))
    status, out, err = run("probe", "lines", "10000")
    expect((status, out == lines, out[-40:], err),
           (0, True, lines[-40:], ""))


@case
def input_arrives():
    expect(dom0("printf 'one\\ntwo words\\nend\\n' | "
                "mirage-xen-run --timeout 30 answer echo"),
           (7, "ready\nheard one\nheard two words\n", ""))


@case
def a_reader_that_leaves_does_not_stop_the_guest():
    status, out, err = dom0(
        "{ mirage-xen-run --timeout 60 probe lines 10000; echo $? >&2; } "
        "| head -n 1")
    expect((status, out, err), (0, "line 1 of 10000\n", "0\n"))


@case
def a_crash_is_134():
    status, out, err = run("probe", "fault")
    expect((status, err),
           (134, said("probe crashed; 'xl dmesg' has its last words")))
    status, out, err = run("probe", "abort")
    expect((status, out[:14]), (134, "before the end"))
    nothing_is_left("probe")


# ----------------------------------------------------------------------- Devices

@case
def a_disk_is_copied():
    status, out, err = dom0(
        "head -c 4194304 /dev/urandom >from; truncate -s 4M to; "
        "mirage-xen-run --disk from=from,ro --disk to=to disk; echo $?; "
        "sha256sum from to")
    sums = re.findall(r"\b[0-9a-f]{64}\b", out)
    expect((status, len(sums), len(set(sums)), err), (0, 3, 1, ""))
    expect_match(r"(?m)^0$", out)
    nothing_is_left("disk")


@case
def a_read_only_disk_stays_as_it_is():
    status, out, err = dom0(
        "head -c 65536 /dev/urandom >from; rm to; truncate -s 64K to; "
        "mirage-xen-run --disk from=from --disk to=to,ro disk >/dev/null; "
        "echo $?; tr -d '\\0' <to | wc -c")
    expect(out.split()[1:], ["0"])
    assert out.split()[0] != "0", out


@case
def a_disk_in_use_is_refused():
    status, out, err = dom0(
        "truncate -s 64K to; mirage-xen-run --disk from=to --disk to=to disk")
    expect((status, out, err), (1, "", said(
        "--disk to=to: in use by another program; two may share it if both "
        "say ro")))
    nothing_is_left("disk")


@case
def ping_is_answered():
    status, out, err = dom0(
        BRIDGE + "mirage-xen-run --net service=bridge=xr0 ping 10.7.0.2 >log &\n"
        "guest=$!\n"
        "for i in 1 2 3 4 5; do grep -q ready log && break; sleep 1; done\n"
        "for i in 1 2 3 4 5; do ping -c 1 -W 1 10.7.0.2 >one && break; done\n"
        "ping -c 5 -A 10.7.0.2 | grep received; kill $guest; wait $guest")
    expect((status, out, err), (0, "5 packets transmitted, 5 packets received, "
                                "0% packet loss\n", ""))
    nothing_is_left("ping")


@case
def a_network_has_its_mtu():
    status, out, err = dom0(
        BRIDGE + "mirage-xen-run --net service=bridge=xr0,mtu=9000 ping 10.7.0.2 "
        ">log &\nguest=$!\n"
        "for i in 1 2 3 4 5; do grep -q ready log && break; sleep 1; done\n"
        "cat /sys/class/net/vif*.0/mtu\n"
        "ping -c 3 -A -s 8972 10.7.0.2 | grep received; "
        "kill $guest; wait $guest")
    expect((status, out, err), (0, "9000\n3 packets transmitted, 3 packets "
                                "received, 0% packet loss\n", ""))
    nothing_is_left("ping")


@case
def a_script_plugs_the_network():
    status, out, err = dom0(
        "cat >plug <<'END'\n#!/bin/sh\n"
        "echo $1 $vif $XENBUS_PATH $(xenstore-read $XENBUS_PATH/mac) >>plugged\n"
        "END\nchmod 755 plug; rm -f plugged\n"
        "mirage-xen-run --net a=mac=00:16:3e:00:00:09,script=/tmp/xr/plug hello"
        "\necho $?; sed 's/[0-9]*\\([./]0 \\)/N\\1/g' plugged")
    expect((status, out, err), (0, "Hello, world!\n0\n" + "".join(
        f"{what} vifN.0 /local/domain/0/backend/vif/N/0 00:16:3e:00:00:09\n"
        for what in ["online", "offline"]), ""))


@case
def a_script_that_fails_is_told():
    status, out, err = dom0(
        "printf '#!/bin/sh\\n[ $1 = offline ]\\n' >plug; chmod 755 plug; "
        "mirage-xen-run --net a=script=/tmp/xr/plug hello")
    expect((status, out, err), (1, "", said(
        "script /tmp/xr/plug online: ended with status 1")))
    nothing_is_left("hello")


@case
def a_bridge_that_is_not_there():
    expect(run("--net", "a=bridge=nobr", "hello"), (1, "", said(
        "--net a: no bridge 'nobr'; 'ip link add nobr type bridge' makes one")))


# -------------------------------------------------------------------------- Ends

@case
def a_timeout_is_124():
    expect(run("--timeout", "2", "probe", "wait"), (124, "waiting\n", said(
        "probe ran longer than 2 s; destroyed")))
    nothing_is_left("probe")


START = ("mirage-xen-run {} >log 2>err & guest=$!\n"
         "for i in 1 2 3 4 5 6 7 8 9 10; do grep -q {} log && break; "
         "sleep 1; done\n")


@case
def a_signal_asks_the_guest():
    status, out, err = dom0(START.format("probe wait", "waiting")
                            + "kill -TERM $guest; wait $guest; echo $?; "
                            "cat log err")
    expect((status, out, err), (0, "0\nwaiting\n", ""))
    nothing_is_left("probe")


@case
def a_second_signal_does_not_ask():
    status, out, err = dom0(START.format("answer deaf", "ready")
                            + "kill -INT $guest; sleep 1; kill -TERM $guest; "
                            "wait $guest; echo $?; cat log err")
    expect((status, out, err), (0, "143\nready\n", ""))
    nothing_is_left("answer")


@case
def a_deaf_guest_is_destroyed_in_the_end():
    status, out, err = dom0(START.format("answer deaf", "ready")
                            + "kill -TERM $guest; wait $guest; echo $?; "
                            "cat log err")
    expect((status, out, err), (0, "143\nready\n" + said(
        "answer did not power off in 10 s; destroyed"), ""))
    nothing_is_left("answer")


@case
def somebody_else_destroys_it():
    status, out, err = dom0(START.format("probe wait", "waiting")
                            + "xl destroy probe 2>/dev/null; wait $guest; echo $?; "
                            "cat log err")
    expect((status, out, err), (0, "1\nwaiting\n" + said(
        "probe was destroyed by somebody else"), ""))
    nothing_is_left("probe")


@case
def what_a_killed_one_leaves_is_destroyed():
    status, out, err = dom0(
        BRIDGE + "truncate -s 64K to\n" + START.format(
            "--disk d=to --net n=bridge=xr0 probe wait", "waiting")
        + "kill -KILL $guest; wait $guest 2>/dev/null; echo $?\n"
        "mirage-xen-run probe wait; echo $?\n"
        "mirage-xen-run --destroy probe; echo $?\n"
        "mirage-xen-run --destroy probe; echo $?\n"
        "mirage-xen-run probe status 3; echo $?")
    expect((status, out, err), (0, "137\n1\n0\n1\n3\n", said(
        "there is a guest 'probe' already; 'mirage-xen-run --destroy probe' "
        "ends it, --name takes another name") + said(
        "no guest 'probe' was started by mirage-xen-run; 'xl list' and "
        "'xl destroy' know about others")))
    nothing_is_left("probe")


@case
def a_reboot_is_another_start():
    status, out, err = dom0(START.format("--name again probe wait", "waiting")
                            + "one=$(xl domid again); xl reboot again 2>/dev/null\n"
                            "for i in 1 2 3 4 5 6 7 8 9 10; do "
                            "[ $(grep -c waiting log) = 2 ] && break; sleep 1; "
                            "done\n[ $(xl domid again) -gt $one ] && echo other\n"
                            "kill -TERM $guest; wait $guest; echo $?; "
                            "cat log err")
    expect((status, out, err), (0, "other\n0\nwaiting\nwaiting\n", ""))
    nothing_is_left("again")


@case
def a_store_that_does_not_answer_keeps_nobody():
    for end in ["echo end >&4", "kill -TERM $guest"]:
        status, out, err = dom0(
            "rm -f typed; mkfifo typed; store=$(pidof xenstored)\n"
            "trap 'kill -CONT $store' EXIT\n"
            "mirage-xen-run --name lost answer echo <typed >log 2>err & guest=$!\n"
            "exec 4>typed\n"
            "for i in 1 2 3 4 5 6 7 8 9 10; do grep -q ready log && break; "
            f"sleep 1; done\nkill -STOP $store; {end}; wait $guest; echo $?; "
            "cat log err; kill -CONT $store\n"
            "mirage-xen-run --destroy lost; echo $?")
        expect_match(r"^(1|143)\nready\nmirage-xen-run: xenstored does not "
                     "answer; once it does, 'mirage-xen-run --destroy lost' "
                     "removes what is left\n(?s:.*)0\n$", out + err)
        nothing_is_left("lost")


@case
def dom0_is_none_of_ours():
    expect(run("--destroy", "Domain-0"), (1, "", said(
        "no guest 'Domain-0' was started by mirage-xen-run; 'xl list' and "
        "'xl destroy' know about others")))
    expect(run("--name", "Domain-0", "hello"), (1, "", said(
        "domain 0 has the name 'Domain-0' already; --name takes another name")))


@case
def more_memory_than_there_is():
    status, out, err = run("--memory", "3072", "hello")
    expect((status, out), (1, ""))
    expect_match(r"^mirage-xen-run: .*[Mm]emory.*\n$", err)
    nothing_is_left("hello")


@case
def detached_it_runs_alone_and_cleans_up():
    status, out, err = dom0(
        "mirage-xen-run --detach --name alone probe wait; echo $?\n"
        "sleep 2; xl list alone | tail -n +2 | wc -l\n"
        "id=$(xl domid alone); xenstore-read /local/domain/$id/console/tty\n"
        "xenstore-write /local/domain/$id/control/shutdown poweroff\n"
        "for i in 1 2 3 4 5 6 7 8 9 10; do "
        "xl list alone >/dev/null 2>&1 || break; sleep 1; done; sleep 1")
    expect((status, err), (0, ""))
    expect_match(r"^0\n1\n/dev/pts/\d+\n$", out)
    nothing_is_left("alone")


@case
def xl_runs_what_is_written_for_it():
    status, out, err = dom0(
        "mirage-xen-run --name x --write-xl x.xl --memory 8 hello "
        "\"it's\" '\"so\" \\'\n"
        "rm -f /lab/console/guest-x.log; xl create -q x.xl; "
        "for i in 1 2 3 4 5 6 7 8 9; do xl list x >/dev/null 2>&1 || break; "
        "sleep 1; done; cat /lab/console/guest-x.log")
    expect((status, err), (0, ""))
    expect(out.replace("\r", ""),
           "hello: error: unknown argument 'it's'; see --help\n")


# -------------------------------------------------------------------------- Leaks

@case
def fifty_rounds_leave_nothing():
    status, out, err = dom0(
        BRIDGE + "truncate -s 1M a b\n"
        "one() { mirage-xen-run --disk a=a --disk b=b,ro --net n=bridge=xr0 "
        "probe wait >log 2>&1 & guest=$!\n"
        "for i in $(seq 100); do "
        "grep -q waiting log && break; usleep 100000; done\n"
        "case $(($1 % 3)) in\n"
        "0) kill -TERM $guest; wait $guest;;\n"
        "1) kill -KILL $guest; wait $guest 2>/dev/null; "
        "mirage-xen-run --destroy probe || echo round $1;;\n"
        "2) kill -INT $guest; kill -TERM $guest; wait $guest;;\n"
        "esac; }\n"
        "one 0; one 1; one 2; sh count.sh >before\n"
        f"round=0; while [ $round -lt {ROUNDS} ]; do "
        "one $round; round=$((round+1)); done\n"
        "sleep 1; sh count.sh >after; diff before after && cat after")
    expect((status, err), (0, ""))
    for what in ["domains 1", "loop 0", "vif 0", "grants 0"]:
        expect_match(rf"(?m)^{what}$", out)


if __name__ == "__main__":
    setup()
    main()
