# SPDX-License-Identifier: ISC
"""Requests a second of a page of 128 bytes, asked for by dom0 on 32 kept connections,
in turns: our guest with lib/http, and nginx in a Linux guest."""
import os
import shutil
import statistics
import subprocess
import tempfile

CONNECTIONS, MILLISECONDS = 32, 2000
NETFRONT = "drivers/net/xen-netfront.ko"
# (name, number of the network, memory in MiB); dom0 is .1 there, the guest .2.
OURS, LINUX = ("web", 71, 16), ("weblinux", 72, 192)

NGINX = """
daemon off; master_process off; user root; pid /nginx.pid; error_log stderr crit;
events { worker_connections 256; }
http {
	access_log off; keepalive_requests 1000000000; open_file_cache max=10;
	client_body_temp_path /tmp; proxy_temp_path /tmp; fastcgi_temp_path /tmp;
	uwsgi_temp_path /tmp; scgi_temp_path /tmp;
	types { text/html html; }
	server { listen 80; root /www; }
}
"""
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox insmod /xen-netfront.ko
/bin/busybox ifconfig eth0 10.7.%d.2 netmask 255.255.255.0 up
echo ready
exec %s -c /nginx.conf
"""


def lacks():
    """What the peer is without, or None."""
    for name in ("nginx", "busybox"):
        if shutil.which(name) is None:
            return f"no {name}: apt-get install nginx-light busybox-static"
    return None


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def libraries(program):
    """The files that the dynamic linker wants."""
    text = subprocess.run(["ldd", program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return [word for word in text.split() if word.startswith("/")]


def initramfs(modules, out):
    nginx = shutil.which("nginx")
    with tempfile.TemporaryDirectory() as root:
        for path in [nginx] + libraries(nginx):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(path, root + path)
        for folder in ("bin", "dev", "tmp", "var/log/nginx", "var/lib/nginx"):
            os.makedirs(f"{root}/{folder}", exist_ok=True)
        shutil.copy(shutil.which("busybox"), f"{root}/bin/busybox")
        shutil.copy(f"{modules}/{NETFRONT}", root)
        write(f"{root}/init", INIT % (LINUX[1], nginx), 0o755)
        write(f"{root}/nginx.conf", NGINX)
        write(f"{root}/www/index.html", ("0123456789" * 13)[:127] + "\n")
        write(f"{root}/etc/passwd", "root:x:0:0::/:/bin/sh\n")
        write(f"{root}/etc/group", "root:x:0:\n")
        subprocess.run(f"find . | cpio -o -H newc --quiet -R 0:0 > '{out}'",
                       shell=True, cwd=root, check=True)


def config(guest, kernel_lines):
    name, number, memory = guest
    return (f'name="{name}"\ntype="pvh"\nvcpus=1\ncpus="1"\nmemory={memory}\n'
            f'{kernel_lines}'
            f'vif=["script=vif-lab,mac=00:16:3e:00:00:{number}"]\n')


def configs(place, linux_line):
    return {
        "web.xl": config(
            OURS, f'kernel="{place}/http_page"\ncmdline="http_page --net '
            f'service=vif:0 --ipv4 10.7.{OURS[1]}.2/24"\n'),
        "weblinux.xl": config(
            LINUX, f'kernel="{place}/vmlinuz"\nramdisk="{place}/web.cpio"\n'
            f'cmdline="{linux_line}"\n'),
    }


def load(dom0, guest):
    return float(dom0(f"./http_load 10.7.{guest[1]}.2 80 {CONNECTIONS} "
                      f"{MILLISECONDS}\n", timeout=60))


def measure(dom0, start, rounds):
    for guest in (OURS, LINUX):
        start(guest[0], "^ready", keep=True)
        dom0(f"/sbin/ip addr add 10.7.{guest[1]}.1/24 "
             f"dev vif$(xl domid {guest[0]}).0\n")
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(load(dom0, OURS))
        theirs.append(load(dom0, LINUX))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    yield {"name": "xen_http", "value": statistics.median(ours),
           "unit": "requests/s", "against": "nginx on Linux",
           "against_value": statistics.median(theirs),
           "ratio": round(ratio, 3)}
