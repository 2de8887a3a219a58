# SPDX-License-Identifier: ISC
"""The dom0 image: an initramfs of busybox, Xen's tools and kernel modules, all
taken from installed Debian packages."""
import glob
import os
import re
import shutil
import subprocess

PACKAGES = ["qemu-system-x86", "xen-hypervisor-4.17-amd64", "xen-utils-4.17",
            "xenstore-utils", "linux-image-amd64", "busybox-static", "cpio",
            "kmod", "iproute2"]

XEN_LIB = "/usr/lib/xen-4.17"
XEN_BOOT = "/boot/xen-4.17-amd64.gz"

# What xl, the test programs and the scripts use, besides busybox.
PROGRAMS = ["/usr/bin/xenstore-ls",
            "/usr/bin/xenstore-read", "/usr/bin/xenstore-write",
            "/usr/bin/xenstore-rm", "/usr/bin/xenstore-list",
            "/usr/bin/xenstore-watch", "/usr/bin/xenstore-exists",
            "/sbin/ip", "/sbin/bridge"]
XEN_PROGRAMS = ["xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0", "xenctx",
                "libxl-save-helper", "lsevtchn", "xen-hvmctx"]
MODULES = ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs", "xen-privcmd",
           "xen-netback", "xen-blkback", "bridge", "loop", "tun", "veth",
           "virtio_pci", "virtio_console", "9p", "9pnet_virtio", "af_packet"]


class Missing(Exception):
    pass


def kernel():
    images = sorted(glob.glob("/boot/vmlinuz-*"))
    if not images:
        raise Missing("no kernel in /boot: install linux-image-amd64")
    return images[-1], images[-1].removeprefix("/boot/vmlinuz-")


def check_packages():
    for package, path in [("xen-hypervisor-4.17-amd64", XEN_BOOT),
                          ("xen-utils-4.17", f"{XEN_LIB}/bin/xl"),
                          ("xenstore-utils", "/usr/bin/xenstore-ls"),
                          ("busybox-static", "/bin/busybox"),
                          ("iproute2", "/sbin/ip")]:
        if not os.path.exists(path):
            raise Missing(f"{path} is missing: install {package}")
    for package, program in [("qemu-system-x86", "qemu-system-x86_64"),
                             ("cpio", "cpio"), ("kmod", "modprobe")]:
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing: install {package}")
    kernel()


def copy(root, path, target=None):
    """Copies a file under its own name, links followed."""
    where = root + (target or path)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    shutil.copy2(os.path.realpath(path), where)


def libraries(path):
    out = subprocess.run(["ldd", path], capture_output=True, text=True)
    return re.findall(r"(/[^ ]+\.so[^ ]*)", out.stdout)


def copy_program(root, path):
    copy(root, path)
    for library in libraries(path):
        copy(root, library)


def copy_modules(root, version):
    for module in MODULES:
        out = subprocess.run(
            ["modprobe", "-S", version, "--show-depends", module],
            capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"^insmod (\S+)", out, re.M):
            copy(root, path)
    base = f"/lib/modules/{version}"
    for name in ["modules.order", "modules.builtin",
                 "modules.builtin.modinfo"]:
        copy(root, f"{base}/{name}")
    subprocess.run(["depmod", "-b", root, version], check=True)


def build(directory):
    """Makes `directory`/xen, vmlinuz and dom0.cpio.gz."""
    check_packages()
    root = f"{directory}/root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ["proc", "sys", "dev", "run", "tmp", "lab", "var/log/xen/console",
                 "var/lib/xen", "var/run", "etc/xen/scripts", "bin", "sbin",
                 "usr/bin", "usr/sbin", "root"]:
        os.makedirs(f"{root}/{name}")
    copy(root, "/bin/busybox")
    for path in PROGRAMS:
        copy_program(root, path)
    for name in XEN_PROGRAMS:
        copy_program(root, f"{XEN_LIB}/bin/{name}")
    for extra in glob.glob("/lib/x86_64-linux-gnu/libgcc_s.so.1"):
        copy(root, extra)  # pthread_exit loads it by name
    image, version = kernel()
    copy_modules(root, version)
    here = os.path.dirname(os.path.realpath(__file__))
    shutil.copytree(f"{here}/dom0", root, dirs_exist_ok=True)
    for script in ["init", "sbin/agent", "etc/xen/scripts/block",
                   "etc/xen/scripts/vif-lab"]:
        os.chmod(f"{root}/{script}", 0o755)
    with open(f"{directory}/dom0.cpio.gz", "wb") as out:
        subprocess.run("find . | cpio -o -H newc --quiet -R 0:0 | gzip -1",
                       shell=True, cwd=root, stdout=out, check=True)
    with open(f"{directory}/xen", "wb") as out:
        subprocess.run(["zcat", XEN_BOOT], stdout=out, check=True)
    copy(directory, image, "/vmlinuz")
    shutil.rmtree(root)
