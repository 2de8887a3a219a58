#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_hostile.py HOSTILE BACKEND: what a guest does about a backend that breaks its
protocol, on a real Xen: tools/xen-backend in dom0 plays the devices. Speaks TAP."""
import contextlib
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, f"{HERE}/../xenlab")
# pylint: disable=wrong-import-position
from xenlab_test import cases, expect, main, started, hear, xenlab

HOSTILE, BACKEND = sys.argv[1:3]
WORLD_H = f"{HERE}/../../tools/xen-backend/world.h"
DEVICES = ["--net", "a=vif:0", "--net", "b=vif:1", "--block", "small=vbd:xvda"]

# What the other side did, in the words of the message, and how many of the two
# frames that provoked it are lost.
NETS = {
    "WRONG_ID": ("answered a frame that was not sent", 2),
    "TWICE": ("answered a frame that was not sent", 1),
    "INDEX_JUMPS": ("moved its index beyond what was sent", 2),
    "INDEX_BACK": ("moved its index beyond what was sent", 2),
    "LONG": ("sent a frame beyond the end of its page", 2),
    "RX_JUMPS": ("moved its index beyond the pages it has", 2),
    "KEEPS": ("holds a page that it has answered for", 1),
}
DISKS = {
    "WRONG_ID": "answered a request that was not sent",
    "TWICE": "answered a request that was not sent",
    "INDEX_JUMPS": "moved its index beyond what was sent",
    "INDEX_BACK": "moved its index beyond what was sent",
}
LOG = "hostile: "
OTHER = "the other device works\n"


def breaches():
    with open(WORLD_H, encoding="utf-8") as file:
        text = file.read().split("enum world_breach {")[1].split("};")[0]
    return dict(re.findall(r"WORLD_(\w+) = (\d+)", text))


def hostile(device, name, end):
    """What the guest says. A state that stands for a moment only may be missed, and
    the reads may be done before the store is nonsense, or not."""
    status, out, err = xenlab("guest", HOSTILE, *DEVICES, device,
                              breaches()[name], end)
    expect((status, err), (0, ""))
    if name == "NONSENSE":
        out = re.sub(r"hostile: warning: .* state '.*' makes no sense\n", "", out)
    if (device, name) == ("block", "NONSENSE"):
        out = re.sub("done 2, (OK|EIO|EGONE), ", "", out)
    return out


def case_of(device, name, end, wanted):
    def run():
        expect(hostile(device, name, end), wanted)

    run.__name__ = f"{device}_{name.lower()}_{end}"
    cases.append(run)


def declare_nets():
    for name, (what, lost) in NETS.items():
        case_of("net", name, "dies",
                f"{LOG}error: network 'a': its backend {what}; the network is "
                f"shut down\nfailed {lost}, breaches 1\n{OTHER}"
                "then link 0, received 0\nclosed\n")
    case_of("net", "STATUS", "lives",
            f"failed 2, breaches 0\n{OTHER}then link 1, received 1\nclosed\n")
    case_of("net", "NONSENSE", "lives",
            f"failed 0, breaches 0\n{OTHER}then link 1, received 1\nclosed\n")
    case_of("net", "SILENT", "waits", f"failed 0, breaches 0\n{OTHER}")


def declare_disks():
    dead = f"breaches 1\n{OTHER}then EGONE\nclosed\n"
    for name, what in DISKS.items():
        case_of("block", name, "dies",
                f"{LOG}error: block 'small': its backend {what}; the disk is "
                f"shut down\ndone 2, EIO, {dead}")
    case_of("block", "NONSENSE", "dies",
            f"{LOG}error: block 'small': its backend changed what it is while in "
            f"use; the disk is shut down\n{dead}")
    case_of("block", "STATUS", "lives",
            f"done 2, EIO, breaches 0\n{OTHER}then OK\nclosed\n")
    case_of("block", "REFUSE", "lives",
            "capabilities changed\ndone 2, ENOTSUP, breaches 0\n"
            f"{OTHER}then OK\nclosed\n")
    case_of("block", "SILENT", "waits", f"done 0, OK, breaches 0\n{OTHER}")


def page_of(symbol):
    out = subprocess.run(["nm", HOSTILE], check=True, capture_output=True,
                         text=True).stdout
    return int(re.search(rf"^(\w+) \w {symbol}$", out, re.M)[1], 16) // 4096


if __name__ == "__main__":
    declare_nets()
    declare_disks()
    expect(xenlab("start")[0], 0)
    expect(xenlab("copy", BACKEND, "lab:/run/xen-backend")[0], 0)
    with started("sh", "chmod +x /run/xen-backend; exec /run/xen-backend "
                 f"{page_of('conf_world'):#x}") as backend:
        hear(backend, b"ready\n")
        main()
