# SPDX-License-Identifier: ISC
"""The dom0 image: an initramfs of busybox, Xen's tools and kernel modules, all
taken from installed Debian packages."""
import glob
import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import zlib

HERE = os.path.dirname(os.path.realpath(__file__))

# What xl, the scripts and the tests use, besides busybox.
PROGRAMS = ["/usr/bin/xenstore-ls", "/usr/bin/xenstore-read",
            "/usr/bin/xenstore-write", "/usr/bin/xenstore-rm",
            "/usr/bin/xenstore-list", "/usr/bin/xenstore-watch",
            "/usr/bin/xenstore-exists", "/sbin/ip", "/sbin/bridge",
            "/sbin/losetup"]
XEN_PROGRAMS = ["xl", "xenstored", "xenconsoled", "xenconsole",
                "xen-init-dom0", "xenctx", "libxl-save-helper", "lsevtchn",
                "xen-hvmctx"]
# Besides what `ldd` names: pthread_exit loads the first one by name, and the
# others are for programs of the tests, which run from the shared folder.
LIBRARIES = ["libgcc_s.so.1", "libxenctrl.so.*", "libxenguest.so.*",
             "libxenstore.so.*", "libxengnttab.so.*", "libxenevtchn.so.*",
             "libxenforeignmemory.so.*", "libxentoolcore.so.*",
             "libxentoollog.so.*", "libxencall.so.*",
             "libxendevicemodel.so.*"]
# The first line before the agent is ready, the second beside it.
MODULES_FIRST = ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs",
                 "xen-privcmd", "virtio_pci", "virtio_console",
                 "9pnet_virtio", "9p"]
MODULES_THEN = ["xen-netback", "xen-blkback", "bridge", "loop", "tun", "veth",
                "af_packet"]


class Missing(Exception):
    """What is not installed, and the package that has it."""

    def __init__(self, what, package):
        super().__init__(f"{what} is not installed: apt-get install {package}")


def natural(text):
    """A sort key by which 4.9 comes before 4.17."""
    return [int(part) if part.isdigit() else part
            for part in re.split(r"(\d+)", text)]


def xen():
    """The newest installed Xen: (hypervisor, folder of its tools)."""
    images = glob.glob("/boot/xen-*-amd64.gz")
    for image in sorted(images, key=natural, reverse=True):
        version = re.fullmatch(r".*/xen-(.*)-amd64\.gz", image)[1]
        if os.path.exists(f"/usr/lib/xen-{version}/bin/xl"):
            return image, f"/usr/lib/xen-{version}"
    if images:
        version = re.fullmatch(r".*/xen-(.*)-amd64\.gz", images[-1])[1]
        raise Missing(f"/usr/lib/xen-{version}", f"xen-utils-{version}")
    raise Missing("/boot/xen-VERSION-amd64.gz", "xen-system-amd64")


def kernel():
    """The newest installed kernel that can be dom0: (image, version)."""
    for image in sorted(glob.glob("/boot/vmlinuz-*"), key=natural,
                        reverse=True):
        version = image.removeprefix("/boot/vmlinuz-")
        if glob.glob(f"/lib/modules/{version}/kernel/drivers/block/"
                     "xen-blkback/*"):
            return image, version
    raise Missing("a kernel with xen-blkback", "linux-image-amd64")


def check_packages():
    xen()
    kernel()
    for package, path in [("xenstore-utils", "/usr/bin/xenstore-ls"),
                          ("busybox-static", "/bin/busybox"),
                          ("iproute2", "/sbin/ip"),
                          ("mount", "/sbin/losetup")]:
        if not os.path.exists(path):
            raise Missing(path, package)
    for package, program in [("qemu-system-x86", "qemu-system-x86_64"),
                             ("cpio", "cpio"), ("kmod", "modprobe")]:
        if shutil.which(program, path=search_path()) is None:
            raise Missing(program, package)
    if "statically linked" not in interpreter("/bin/busybox"):
        raise Missing("a static busybox", "busybox-static")


def interpreter(path):
    """What `ldd` says of a program."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True,
                          check=False)
    return done.stdout + done.stderr.replace("not a dynamic executable",
                                             "statically linked")


def search_path():
    """modprobe and depmod are outside of a user's path."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(*command, **more):
    env = {**os.environ, "PATH": search_path()}
    return subprocess.run(command, env=env, check=True, **more)


def key():
    """Changes when something does from which the image is made."""
    digest = hashlib.sha256()
    for path in installed():
        stat = os.stat(path)
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for path in own():
        with open(path, "rb") as file:
            digest.update(path.removeprefix(HERE).encode() + file.read())
    return digest.hexdigest()


def installed():
    image, folder = xen()
    return [image, kernel()[0], f"{folder}/bin/xl", "/bin/busybox", *PROGRAMS]


def own():
    paths = [f"{HERE}/dom0.py"]
    for where, _, names in os.walk(f"{HERE}/dom0"):
        paths += [f"{where}/{name}" for name in names]
    return sorted(paths)


# --------------------------------------------------------------------- Building

def copy(root, path, target=None):
    """Copies a file under its own name, links followed."""
    where = root + (target or path)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    shutil.copy2(os.path.realpath(path), where)


def copy_program(root, path):
    copy(root, path)
    for library in re.findall(r"(/[^ ]+\.so[^ ]*)", interpreter(path)):
        copy(root, library)


def copy_libraries(root, folder):
    for name in LIBRARIES:
        for path in glob.glob(f"{folder}/lib/x86_64-linux-gnu/{name}") + \
                glob.glob(f"/lib/x86_64-linux-gnu/{name}"):
            copy_program(root, path)


def module_order(version, modules):
    """The files of modules, each after those it needs."""
    order = []
    for module in modules:
        out = run("modprobe", "-S", version, "--show-depends", module,
                  capture_output=True, text=True).stdout
        order += re.findall(r"^insmod (\S+)", out, re.M)
    return list(dict.fromkeys(order))


def copy_modules(root, version):
    """Also for `modprobe`, which a test may want."""
    first = module_order(version, MODULES_FIRST)
    then = module_order(version, MODULES_FIRST + MODULES_THEN)[len(first):]
    for path in first + then:
        copy(root, path)
    for name, paths in [("first", first), ("then", then)]:
        with open(f"{root}/etc/modules-{name}", "w", encoding="utf-8") as out:
            out.write("".join(path + "\n" for path in paths))
    for name in ["modules.order", "modules.builtin",
                 "modules.builtin.modinfo"]:
        copy(root, f"/lib/modules/{version}/{name}")
    run("depmod", "-b", root, version)


def fill(root):
    for name in ["proc", "sys", "dev", "run", "tmp", "lab", "var/lib/xen",
                 "var/log/xen", "etc/xen/scripts", "bin", "sbin", "usr/bin",
                 "usr/sbin", "root"]:
        os.makedirs(f"{root}/{name}")
    os.symlink("/run", f"{root}/var/run")
    os.symlink("/run/lock", f"{root}/var/lock")
    copy(root, "/bin/busybox")
    for path in PROGRAMS:
        copy_program(root, path)
    folder = xen()[1]
    for name in XEN_PROGRAMS:
        copy_program(root, f"{folder}/bin/{name}")
    os.symlink(f"{folder}/bin", f"{root}/xen")
    copy_libraries(root, folder)
    copy_modules(root, kernel()[1])
    shutil.copytree(f"{HERE}/dom0", root, dirs_exist_ok=True)


def unpack_kernel(image):
    """The ELF file inside a bzImage (Documentation/arch/x86/boot.rst in Linux),
    or the image as it is. Xen, emulated, would take seconds for it."""
    with open(image, "rb") as file:
        data = file.read()
    setup_sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = data[start:start + length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(payload)
    return data


def build(directory):
    """Makes `directory`/xen, vmlinux and dom0.cpio.gz."""
    check_packages()
    root = f"{directory}/root"
    shutil.rmtree(root, ignore_errors=True)
    fill(root)
    with open(f"{directory}/dom0.cpio.gz", "wb") as out:
        subprocess.run("find . | cpio -o -H newc --quiet -R 0:0 | gzip -1",
                       shell=True, cwd=root, stdout=out, check=True)
    with open(f"{directory}/xen", "wb") as out:
        subprocess.run(["gzip", "-dc", xen()[0]], stdout=out, check=True)
    with open(f"{directory}/vmlinux", "wb") as out:
        out.write(unpack_kernel(kernel()[0]))
    shutil.rmtree(root)
