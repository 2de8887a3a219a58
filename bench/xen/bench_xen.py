#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Measures Xen guests against a Linux PVH guest and xl, in one run of the lab.

    bench_xen.py OUT.jsonl HELLO XEN_RUN GUEST HTTP_PAGE DOM0 CREATE LINUX_INIT \
                 HTTP_LOAD

Both guests have an interface and a disk of the same kind, and the same orders
from dom0 (work.h), in turns. xenlab is found on the path; environment: XENLAB_DIR,
and ROUNDS, of which there are 9.
"""
import glob
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import run  # noqa: E402
import web  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "9"))
BOOT_ROUNDS = min(ROUNDS, 3)
PLACE = "/tmp/bench"  # in dom0
# Without AVX (noxsave): QEMU's emulation of SVM now and then forgets that the
# guest has enabled it, and libc's memset dies of an invalid instruction.
LINUX_LINE = ("console=hvc0 quiet panic=-1 mitigations=off nokaslr noxsave "
              "tsc=reliable clocksource=tsc lpj=8400000")
MODULES = ["drivers/net/xen-netfront.ko", "drivers/block/xen-blkfront.ko"]

run.TARGETS = {
    "boot_to_main": ("<=", 0.05),
    "create_to_output": ("<=", 0.5),
    "net_tx_1514": (">=", 1.0),
    "net_rx_1514": (">=", 1.0),
    "block_seqread_1m": (">=", 1.0),
    "block_randread_4k_qd32": (">=", 1.0),
    "xen_http": (">=", 1.0),
}
# Figures with nothing to be compared with, but a limit; see `lone`.
LIMITS = {
    "hello_image_bytes": 102400,
    "boot_to_main_hypercalls": 60,
    "net_tx_1514_hypercalls": 1 / 8,
    "net_rx_1514_hypercalls": 1 / 8,
    "net_tx_1514_copies": 1,
    "net_rx_1514_copies": 1,
    "block_randread_4k_qd32_hypercalls": 0.25,
}
for _name in LIMITS:
    run.TARGETS[_name] = ("<=", 1.0)


def lone(name, value, unit):
    """A figure whose peer is its limit, so that a ratio of 1 just meets it."""
    limit = LIMITS.get(name)
    return {"name": name, "value": value, "unit": unit,
            "against": limit and "limit", "against_value": limit,
            "ratio": limit and round(value / limit, 3)}


def dom0(script, **more):
    """Standard output of a script in dom0, which must succeed."""
    done = subprocess.run(["xenlab", "sh"], input=f"cd {PLACE}\n{script}",
                          stdout=subprocess.PIPE, text=True, check=False,
                          **more)
    if done.returncode != 0:
        sys.exit(f"bench_xen.py: in dom0: exit status {done.returncode}\n"
                 f"{script}\n{done.stdout}")
    return done.stdout


def give(source, name):
    subprocess.run(["xenlab", "copy", source, f"lab:{PLACE}/{name}"],
                   check=True)


# ------------------------------------------------------------------- Preparing

def kernel():
    """The newest kernel with both frontends: (image, folder of modules)."""
    for image in sorted(glob.glob("/boot/vmlinuz-*"), reverse=True):
        folder = image.replace("/boot/vmlinuz-", "/lib/modules/") + "/kernel"
        if all(os.path.exists(f"{folder}/{name}") for name in MODULES):
            return image, folder
    sys.exit("bench_xen.py: no kernel: apt-get install linux-image-amd64")


def initramfs(folder, init, out):
    """Of the Linux guest: one program and two modules."""
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(init, f"{root}/init")
        for name in MODULES:
            shutil.copy(f"{folder}/{name}", root)
        subprocess.run(f"find . | cpio -o -H newc --quiet -R 0:0 > '{out}'",
                       shell=True, cwd=root, check=True)


def guest_config(name, number, kernel_lines):
    return (f'name="{name}"\ntype="pvh"\nvcpus=1\ncpus="1"\n{kernel_lines}'
            f'vif=["script=vif-lab,mac=00:16:3e:00:00:0{number}"]\n'
            'disk=["format=raw,vdev=xvda,access=r,target=/disks/bench.img"]\n')


def configs():
    return {
        "hello.xl": 'name="hello-xl"\ntype="pvh"\nmemory=16\nvcpus=1\n'
                    f'kernel="{PLACE}/hello"\ncmdline="hello"\n',
        "boot.xl": 'name="hello-boot"\ntype="pvh"\nmemory=16\nvcpus=1\n'
                   f'cpus="1"\nkernel="{PLACE}/hello"\n'
                   'cmdline="hello -v -v"\n',
        "ours.xl": guest_config(
            "ours", 1, f'memory=32\nkernel="{PLACE}/guest"\ncmdline="guest '
            '--net peer=vif:0 --block disk=vbd:xvda"\n'),
        "linux.xl": guest_config(
            "linux", 2, f'memory=192\nkernel="{PLACE}/vmlinuz"\nramdisk='
            f'"{PLACE}/initramfs"\ncmdline="{LINUX_LINE}"\n'),
        **web.configs(PLACE, LINUX_LINE),
    }


def prepare(hello, xen_run, guest, page, dom0_program, create, init, load):
    subprocess.run(["xenlab", "sh", f"mkdir -p {PLACE}"], check=True)
    image, folder = kernel()
    with tempfile.TemporaryDirectory() as scratch:
        initramfs(folder, init, f"{scratch}/initramfs")
        web.initramfs(folder, f"{scratch}/web.cpio")
        files = {"hello": hello, "mirage-xen-run": xen_run, "guest": guest,
                 "bench_dom0": dom0_program, "bench_create": create,
                 "vmlinuz": image, "initramfs": f"{scratch}/initramfs",
                 "http_page": page, "http_load": load,
                 "web.cpio": f"{scratch}/web.cpio"}
        for name, source in files.items():
            give(source, name)
        for name, text in configs().items():
            with open(f"{scratch}/{name}", "w", encoding="utf-8") as out:
                out.write(text)
            give(f"{scratch}/{name}", name)
    dom0("chmod 755 mirage-xen-run bench_* http_load\n"
         "dd if=/dev/urandom of=/disks/bench.img bs=1M count=64 2>/dev/null\n"
         "xl vcpu-pin Domain-0 0 0\n")


# ------------------------------------------------------------------- Measuring

def image_bytes(hello):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "-o", out.name, hello], check=True)
        return os.path.getsize(out.name)


def start(name, word, keep=False):
    """Creates a guest, waits for `word` on its console, which it returns."""
    log = f"/lab/console/guest-{name}.log"
    config = "boot" if name == "hello-boot" else name
    end = "" if keep else f"xl destroy {name} 2>/dev/null\n"
    return dom0(f"rm -f {log}\nxl create -q -e {config}.xl 2>create.log || "
                "{ cat create.log; exit 1; }\n"
                f"n=0; until grep -q '{word}' {log} 2>/dev/null; do "
                "usleep 100000; n=$((n+1)); [ $n -lt 900 ] || "
                f"{{ echo no {word}; cat {log}; exit 1; }}; done\n"
                f"cat {log}\n{end}true\n", timeout=150)


def boots():
    """From the entry of a guest to its first line, by its own clock; the Linux
    guest of the last round stays."""
    mine, his, calls = [], [], []
    for i in range(BOOT_ROUNDS):
        text = start("hello-boot", "us to start")
        said = re.search(r"hypercalls: (\d+) to start.* (\d+) us to start",
                         text)
        calls.append(int(said[1]))
        mine.append(int(said[2]) / 1000)
        text = start("linux", "^ready", keep=i == BOOT_ROUNDS - 1)
        his.append(int(re.search(r"us to main: (\d+)", text)[1]) / 1000)
    ratio = statistics.median(a / b for a, b in zip(mine, his))
    yield {"name": "boot_to_main", "value": statistics.median(mine),
           "unit": "ms", "against": "Linux, to init",
           "against_value": statistics.median(his), "ratio": round(ratio, 4)}
    yield lone("boot_to_main_hypercalls", statistics.median(calls), "")


def lines(text):
    for line in text.splitlines():
        figure = json.loads(line)
        if figure["name"] in LIMITS:
            figure = lone(figure["name"], figure["value"], figure["unit"])
        yield figure


def creates():
    return lines(dom0(
        f"./bench_create {min(ROUNDS, 5)} ./mirage-xen-run --memory 16 hello "
        "-- xl create -q -c hello.xl\n", timeout=300))


def devices():
    start("ours", "^ready", keep=True)
    return lines(dom0(
        "PATH=$PATH:.\nbench_dom0 vif$(xl domid ours).0 "
        f"vif$(xl domid linux).0 {ROUNDS}\n", timeout=900))


def measure(hello):
    yield lone("hello_image_bytes", image_bytes(hello), "bytes")
    yield from creates()
    yield from boots()
    yield from devices()
    yield from web.measure(dom0, start, ROUNDS)


def main():
    if len(sys.argv) != 10:
        print(__doc__, file=sys.stderr)
        return 2
    if web.lacks():
        sys.exit(f"bench_xen.py: {web.lacks()}")
    # So that `finally` is run, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    out, programs = sys.argv[1], sys.argv[2:]
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    prepare(*programs)
    rows = []
    try:
        with open(out, "w", encoding="utf-8") as file:
            for figure in measure(programs[0]):
                print(json.dumps(figure), file=file, flush=True)
                rows.append(run.row(figure))
    finally:
        dom0("for name in ours linux web weblinux hello-boot hello-xl; do "
             "xl destroy $name 2>/dev/null; done; true\n")
    run.table(rows)
    missed = [row[0] for row in rows if row[-1] == "MISS"]
    print(f"\n{len(rows)} figures in {out}; "
          + (f"missed: {', '.join(missed)}" if missed else "no target missed"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
