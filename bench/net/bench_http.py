#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""HTTP of lib/http against a minimal server on epoll and against nginx: a page of
128 bytes, 32 kept connections, one processor for the server. MIRAGE_BUILD names the
build folder.

    bench_http.py [ROW...]
"""
import os
import shutil
import sys
import tempfile
import time

import netbench
from netbench import APP, FAR, row

ROUNDS = 7
CONNECTIONS, MILLISECONDS = 32, 1000
NGINX = """
daemon off; master_process off; worker_processes 1; pid %(folder)s/pid;
error_log stderr crit;
events { worker_connections 256; }
http {
	access_log off; keepalive_requests 1000000000;
	open_file_cache max=10;
	client_body_temp_path %(folder)s; proxy_temp_path %(folder)s;
	fastcgi_temp_path %(folder)s; uwsgi_temp_path %(folder)s;
	scgi_temp_path %(folder)s;
	types { text/html html; }
	server { listen 81; root %(folder)s; }
}
"""


def load(ip, port):
    return netbench.answer(netbench.start_client(
        "bench/net/http_load", ip, port, CONNECTIONS, MILLISECONDS))


def start_nginx():
    folder = tempfile.mkdtemp()
    with open(folder + "/nginx.conf", "w", encoding="ascii") as file:
        file.write(NGINX % {"folder": folder})
    with open(folder + "/index.html", "w", encoding="ascii") as file:
        file.write(("0123456789" * 13)[:127] + "\n")
    os.chmod(folder, 0o755)
    process = netbench.start(
        netbench.inside() + netbench.SERVER +
        ["nginx", "-c", folder + "/nginx.conf", "-p", folder], None)
    time.sleep(0.5)
    return process


def over_tap(wanted):
    with netbench.world():
        page = netbench.start(
            netbench.SERVER + [netbench.program("bench/net/http_page"),
                               "--net", "service=tap:tap0", "--ipv4",
                               APP + "/24"], "ready")
        epoll = netbench.start(
            netbench.inside() + netbench.SERVER +
            [netbench.program("bench/net/epoll_http"), "80"], "ready")
        if "http_tap" in wanted:
            row("http_tap", "requests/s", "epoll in C over veth", ROUNDS,
                lambda: load(APP, 80), lambda: load(FAR, 80))
        if "http_tap_nginx" in wanted:
            if shutil.which("nginx") is None:
                print("http_tap_nginx: skipped: nginx is not installed",
                      file=sys.stderr)
            else:
                nginx = start_nginx()
                row("http_tap_nginx", "requests/s", "nginx over veth", ROUNDS,
                    lambda: load(APP, 80), lambda: load(FAR, 81))
                netbench.stop(nginx)
        netbench.stop(epoll)
        netbench.stop(page)


def host_sockets():
    """Both in the second namespace, at different ports."""
    with netbench.world():
        page = netbench.start(
            netbench.inside() + netbench.SERVER +
            [netbench.program("bench/net/http_page"), "--net",
             "service=host:"], "ready")
        epoll = netbench.start(
            netbench.inside() + netbench.SERVER +
            [netbench.program("bench/net/epoll_http"), "82"], "ready")
        row("http_host", "requests/s", "epoll in C", ROUNDS,
            lambda: load(FAR, 80), lambda: load(FAR, 82))
        netbench.stop(epoll)
        netbench.stop(page)


def main():
    every = ["http_tap", "http_tap_nginx", "http_host"]
    wanted = sys.argv[1:] or every
    netbench.enter(every)
    if {"http_tap", "http_tap_nginx"} & set(wanted):
        over_tap(wanted)
    if "http_host" in wanted:
        host_sockets()


if __name__ == "__main__":
    main()
