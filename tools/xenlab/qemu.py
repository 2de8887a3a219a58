# SPDX-License-Identifier: ISC
"""The machine: QEMU's command line, and whether KVM can run it."""
import os
import shlex

# The tools want room on the console ring for what a crashing guest says.
XEN_OPTIONS = ("console=com1 com1=115200,8n1 console_timestamps=boot loglvl=info guest_loglvl=all "
               "conring_size=256k dom0_mem=1024M,max:1024M dom0_max_vcpus=1")
LINUX_OPTIONS = "console=hvc0 quiet panic=-1 nokaslr mitigations=off"

# With SMAP dom0 dies in its first page fault, and a Linux guest that sees RDTSCP
# dies of it: QEMU's emulation of SVM says nothing of the instruction's length.
TCG_CPU = "max,-smap,-rdtscp"


def kvm_lacks():
    """Why KVM is no use here, or None. The last word has the boot itself: if
    Xen does not come up with it, the keeper goes on without."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no access to /dev/kvm"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = file.read().split()
    for flag, module in [("vmx", "kvm_intel"), ("svm", "kvm_amd")]:
        if flag in flags:
            return nested_lacks(module)
    return "the processor shows neither VMX nor SVM"


def nested_lacks(module):
    try:
        with open(f"/sys/module/{module}/parameters/nested",
                  encoding="utf-8") as file:
            nested = file.read().strip() in ("1", "Y")
    except OSError:
        nested = False
    return None if nested else f"{module} does not nest"


def accelerators(wanted):
    """What to try, in order."""
    if wanted != "auto":
        return [wanted]
    return ["tcg"] if kvm_lacks() else ["kvm", "tcg"]


def command(accel):
    """To be run in the lab's folder. Ends with its parent, however that ends."""
    return [
        "setpriv", "--pdeathsig", "KILL",
        "qemu-system-x86_64", "-kernel", "xen", "-append", XEN_OPTIONS,
        "-initrd", f"vmlinux {LINUX_OPTIONS},dom0.cpio.gz",
        "-smp", "2", "-m", "3072", "-display", "none", "-no-reboot",
        "-nodefaults", "-serial", "file:boot.log",
        "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi",
        "-cpu", "host" if accel == "kvm" else TCG_CPU,
        "-fsdev", "local,id=lab,path=share,security_model=none",
        "-device", "virtio-9p-pci,fsdev=lab,mount_tag=lab",
        "-device", "virtio-serial-pci",
        "-chardev", "socket,id=agent,path=agent,server=on,wait=off",
        "-device", "virtserialport,chardev=agent,name=agent",
    ] + shlex.split(os.environ.get("XENLAB_QEMU", ""))
