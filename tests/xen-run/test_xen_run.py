#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_xen_run.py MIRAGE-XEN-RUN: all of it that needs no Xen. Speaks TAP."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])


def run(*words):
    """(status, standard output, standard error)"""
    done = subprocess.run([PROGRAM, *map(str, words)], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def expect(got, status, out="", err=""):
    err = f"mirage-xen-run: {err}\n" if err else ""
    assert got == (status, out, err), f"{got}\nis not\n{(status, out, err)}"


# ---------------------------------------------------------------------- Images

def note(owner=b"Xen\0", kind=18, size=4):
    return struct.pack("<III", len(owner), size, kind) + owner + b"\0\0\x10\0"


def image(notes=note(), top=0x200000, offset=None, machine=62):
    """The least of an ELF file: a segment to load and one of notes."""
    at = 64 + 2 * 56
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, 0x100000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x100000, 0x100000, at,
                       top - 0x100000, 4096)
    notes_ = struct.pack("<IIQQQQQQ", 4, 4, at if offset is None else offset,
                         0, 0, len(notes), len(notes), 4)
    return head + load + notes_ + notes


def write(name, content):
    path = pathlib.Path(name)
    path.write_bytes(content)
    return path


# ------------------------------------------------------------- The command line

NAMES = ("a name has letters, digits, '.', '_' and '-', at most 63, and begins "
         "with a letter or digit")
WRONG = {
    "no image": ([], "which image? See --help"),
    "an option that is not there":
        (["--vcpus", "2"], "--vcpus: there is no such option; see --help"),
    "no value": (["--net"], "--net: a value is missing; see --help"),
    "memory in words": (["--memory", "much", "guest"],
                        "--memory much: expected a number from 2 to 3072"),
    "memory below zero": (["--memory", "-1", "guest"],
                          "--memory -1: expected a number from 2 to 3072"),
    "memory without end": (["--memory", "99999999999999999999", "guest"],
                           "--memory 99999999999999999999: expected a number "
                           "from 2 to 3072"),
    "no time": (["--timeout", "0", "guest"],
                "--timeout 0: expected a number from 1 to 31536000"),
    "a name with a slash": (["--name", "a/b", "guest"],
                            f"--name a/b: {NAMES}"),
    "a network without a name": (["--net", "=bridge=br0", "guest"],
                                 f"--net : {NAMES}"),
    "a network twice": (["--net", "a", "--net", "a=bridge=br0", "guest"],
                        "--net a=bridge=br0: 'a' was given before"),
    "a key of no network": (["--net", "a=ip=10.0.0.1", "guest"],
                            "--net a=ip=10.0.0.1: no option 'ip'; there are "
                            "bridge, mac, mtu and script"),
    "a key without a value": (["--net", "a=bridge", "guest"],
                              "--net a=bridge: expected bridge=BRIDGE, "
                              "mac=ADDRESS, mtu=BYTES or script=FILE, not "
                              "'bridge'"),
    "a group's address": (["--net", "a=mac=01:00:5e:00:00:01", "guest"],
                          "--net a=mac=01:00:5e:00:00:01: '01:00:5e:00:00:01' "
                          "is not the address of one station; "
                          "00:16:3e:12:34:56 is"),
    "a packet of 64 bytes": (["--net", "a=mtu=64", "guest"],
                             "--net mtu 64: expected a number from 68 to "
                             "65521"),
    "half an address": (["--net", "a=mac=00:16:3e", "guest"],
                        "--net a=mac=00:16:3e: '00:16:3e' is not the address "
                        "of one station; 00:16:3e:12:34:56 is"),
    "a bridge of 16 letters": (["--net", "a=bridge=abcdefghijklmnop", "guest"],
                               "--net a=bridge=abcdefghijklmnop: the bridge's "
                               "name has more than 15 characters"),
    "a disk without a file": (["--disk", "a", "guest"],
                              "--disk a: expected NAME=FILE"),
    "a disk's option": (["--disk", "a=b,rw", "guest"],
                        "--disk a=b,rw: no option 'rw'; there is ro"),
    "a disk twice": (["--disk", "a=b", "--disk", "a=c", "guest"],
                     "--disk a=c: 'a' was given before"),
    "nine networks": ([f"--net=n{i}" for i in range(9)] + ["guest"],
                      "--net n8: more than 8 networks"),
    "seventeen disks": ([f"--disk=d{i}=f" for i in range(17)] + ["guest"],
                        "--disk d16=f: more than 16 disks"),
    "an image to destroy": (["--destroy", "a", "guest"],
                            "--destroy a: takes no image"),
}


def test_wrong_command_lines():
    for name, (words, message) in WRONG.items():
        got = run(*words)
        assert got == (2, "", f"mirage-xen-run: {message}\n"), (name, got)


def test_help_and_version():
    status, out, err = run("--help")
    assert (status, err) == (0, "") and out.startswith("usage: "), out
    status, out, err = run("--version")
    assert (status, err) == (0, "") and out.startswith("mirage-xen-run 0."), out


def test_images():
    expect(run("--dry-run", "none"), 127, err="none: No such file or directory")
    refused = {
        "empty": b"", "text": b"#!/bin/sh\n" * 100, "short": image()[:40],
        "no-notes": image(notes=b""),
        "other-note": image(notes=note(kind=17)),
        "other-owner": image(notes=note(owner=b"GNU\0")),
        "long-note": image(notes=note(size=0xffffffff)),
        "notes-outside": image(offset=1 << 63),
        "other-machine": image(machine=183),
    }
    for name, content in refused.items():
        got = run("--dry-run", write(name, content))
        assert got == (126, "", f"mirage-xen-run: {name}: not a Xen guest; it "
                       "must be linked with mirage-xen\n"), (name, got)
    expect(run("--dry-run", "."), 126,
           err=".: not a Xen guest; it must be linked with mirage-xen")
    write("large", image(top=17 << 20))
    expect(run("--dry-run", "large"), 2,
           err="--memory 16: large needs more than 17 MiB")
    assert run("--dry-run", "--memory", 18, "large")[0] == 0


def test_disks():
    write("guest", image())
    write("odd", bytes(1000))
    write("none", b"")
    expect(run("--dry-run", "--disk", "a=gone", "guest"), 1,
           err="--disk a=gone: no such file; make one with "
           "'truncate -s 64M FILE'")
    expect(run("--dry-run", "--disk", "a=odd", "guest"), 1,
           err="--disk a=odd: its size is not a multiple of 512 bytes; mend it "
           "with 'truncate -s %512 FILE'")
    expect(run("--dry-run", "--disk", "a=none", "guest"), 1,
           err="--disk a=none: it is empty; make it larger with "
           "'truncate -s 64M FILE'")
    expect(run("--dry-run", "--disk", "a=/dev/null", "guest"), 1,
           err="--disk a=/dev/null: neither a file nor a block device")


def test_network_script():
    write("guest", image())
    expect(run("--dry-run", "--net", "a=script=gone", "guest"), 1,
           err="--net a: script gone: No such file or directory")


# ------------------------------------------------------------------- The dry run

FULL = ["--name", "g1", "--memory", "32",
        "--net", "wan=bridge=br0,mac=00:16:3e:00:00:07,mtu=9000", "--disk", "root=disk",
        "--disk", "data=disk,ro", "guest", "--log", "info", "two words", "it's"]
LINE = ("guest --net wan=vif:0 --block root=vbd:xvda --block data=vbd:xvdb "
        "--log info 'two words' 'it'\"'\"'s'")


def test_dry_run():
    write("guest", image())
    write("disk", bytes(1024))
    before = sorted(os.listdir())
    status, out, err = run("--dry-run", *FULL)
    assert (status, err) == (0, ""), (status, err)
    assert sorted(os.listdir()) == before, "a dry run made files"
    lines = out.splitlines()
    told = [
        "xenstore: /tool/mirage-xen-run/g1/uuid = 'UUID'",
        "create a domain: PVH, 1 CPU, 32 MiB",
        "xenstore: /local/domain/ID/name = 'g1'",
        "xenstore: access /local/domain/ID/control: guest reads",
        "xenstore: access /local/domain/ID/data: guest owns",
        "xenstore: access /local/domain/ID/device/vif/0: guest owns",
        "xenstore: access /local/domain/0/backend/vif/ID/0: guest reads",
        "xenstore: /local/domain/0/backend/vif/ID/0/mac = '00:16:3e:00:00:07'",
        "xenstore: /local/domain/ID/device/vif/0/mtu = '9000'",
        "xenstore: /local/domain/0/backend/vif/ID/0/mtu = '9000'",
        "xenstore: /local/domain/0/backend/vif/ID/0/state = '1'",
        "disk root: block device for disk",
        "xenstore: /local/domain/0/backend/vbd/ID/51712/mode = 'w'",
        "disk data: block device for disk, read-only",
        "xenstore: /local/domain/0/backend/vbd/ID/51728/mode = 'r'",
        f"load {os.path.realpath('guest')} with the command line: {LINE}",
        "introduce the domain to xenstored",
        "network wan: set vifID.0 up in bridge br0",
        "start the domain, and relay its console",
    ]
    at = [lines.index(line) for line in told]  # each of them is there
    assert at == sorted(at), "the steps are out of order"
    assert not any("/console" in line for line in lines)
    assert lines[-1] == told[-1]


def test_dry_run_detached():
    write("guest", image())
    status, out, _ = run("--dry-run", "--detach", "guest")
    assert status == 0
    assert "xenstore: /local/domain/ID/console/type = 'xenconsoled'\n" in out
    assert out.endswith("start the domain\n"), out


def split(line):
    """What the guest makes of its command line (backends/xen/libc.c)."""
    words, quote, word = [], None, None
    for char in line:
        if char == " " and quote is None:
            words += [word] if word is not None else []
            word = None
        elif char == quote:
            quote = None
        elif quote is None and char in "'\"":
            quote, word = char, word or ""
        else:
            word = (word or "") + char
    return words + ([word] if word is not None else [])


def test_command_line_comes_back():
    write("guest", image())
    words = ["", "a  b", "'", '"', "'\"'", "a'b\"c d", "--", "=", "\\", "é\n"]
    status, out, _ = run("--dry-run", "guest", *words)
    assert status == 0
    line = out.split("with the command line: ", 1)[1]
    line = line.split("\nintroduce", 1)[0]
    assert split(line)[1:] == words, line


def test_command_line_too_long():
    write("guest", image())
    assert run("--dry-run", "guest", "x" * 1017)[0] == 0
    expect(run("--dry-run", "guest", "x" * 1018), 2,
           err="the guest's command line has 1024 bytes, more than 1023")


def test_same_address_each_time():
    write("guest", image())
    runs = [run("--write-xl", "-", "--net", name, "guest")[1]
            for name in ["a", "a", "b"]]
    assert runs[0] == runs[1] != runs[2], runs
    assert "vif = [\"mac=00:16:3e:" in runs[0], runs[0]


# ------------------------------------------------------------- Other tools' files

def test_write_xl():
    write("guest", image())
    write("disk", bytes(1024))
    expect(run("--write-xl", "g1.xl", *FULL), 0)
    here = os.path.realpath(".")
    line = LINE.replace('"', '\\"')
    assert pathlib.Path("g1.xl").read_text() == f"""# xl create -c THIS-FILE
name = "g1"
type = "pvh"
kernel = "{here}/guest"
cmdline = "{line}"
memory = 32
vcpus = 1
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "destroy"
vif = ["mac=00:16:3e:00:00:07,mtu=9000,bridge=br0"]
disk = ["format=raw,vdev=xvda,access=rw,target={here}/disk", \
"format=raw,vdev=xvdb,access=ro,target={here}/disk"]
"""


def test_write_libvirt():
    write("guest", image())
    write("disk", bytes(1024))
    expect(run("--write-libvirt", "g1.xml", *FULL, "<&>"), 0)
    here = os.path.realpath(".")
    line = LINE.replace("'", "&#39;").replace('"', "&#34;")
    assert pathlib.Path("g1.xml").read_text() == f"""\
<!-- virsh create THIS-FILE -->
<domain type='xen'>
  <name>g1</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpvh'>xenpvh</type>
    <kernel>{here}/guest</kernel>
    <cmdline>{line} &#60;&#38;&#62;</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <interface type='bridge'>
      <mac address='00:16:3e:00:00:07'/>
      <source bridge='br0'/>
      <mtu size='9000'/>
    </interface>
    <disk type='file' device='disk'>
      <driver type='raw'/>
      <source file='{here}/disk'/>
      <target dev='xvda' bus='xen'/>
    </disk>
    <disk type='file' device='disk'>
      <driver type='raw'/>
      <source file='{here}/disk'/>
      <target dev='xvdb' bus='xen'/>
      <readonly/>
    </disk>
    <console type='pty'>
      <target type='xen' port='0'/>
    </console>
  </devices>
</domain>
"""
    if shutil.which("xmllint") is not None:
        subprocess.run(["xmllint", "--noout", "g1.xml"], check=True)


def test_cannot_write():
    write("guest", image())
    expect(run("--write-xl", "gone/g.xl", "guest"), 1,
           err="gone/g.xl: No such file or directory")
    expect(run("--dry-run", "--write-xl", "g.xl", "guest"), 0,
           out="write g.xl\n")
    assert not os.path.exists("g.xl")


def test_without_xen():
    if os.path.exists("/dev/xen/privcmd") or os.path.exists("/proc/xen/privcmd"):
        return "this machine has Xen"
    write("guest", image())
    message = ("cannot reach Xen (No such file or directory); this must run as "
               "root in dom0")
    expect(run("guest"), 1, err=message)
    expect(run("--detach", "guest"), 1, err=message)
    expect(run("--destroy", "guest"), 1, err=message)
    return None


# -------------------------------------------------------------------------- Main

def main():
    cases = {name: case for name, case in globals().items()
             if name.startswith("test_")}
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, case) in enumerate(cases.items(), 1):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                skip = case()
                print(f"ok {number} - {name[5:]}"
                      + (f" # SKIP {skip}" if skip else ""))
            except (AssertionError, ValueError, IndexError,
                    subprocess.CalledProcessError) as error:
                failed += 1
                print(f"not ok {number} - {name[5:]}")
                print("\n".join(f"# {l}" for l in str(error).splitlines()))
            os.chdir("/")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
