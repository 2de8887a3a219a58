#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_services.py FOLDER TESTS: the examples on TCP/IP, on the host's sockets and on
loopback, against peers that are not ours: curl, dig, Python. Speaks TAP."""
import gzip
import http.server
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading

from exampleslib import (DEADLINE_S, case, command, expect, expect_error, main,
                         run)
from serviceslib import (SITE, curl, needed, on_host, question, rcode, run_tool,
                         site)

# ---------------------------------------------------------------- homepage --


@case
def homepage_serves_its_files():
    program, port = on_host("homepage")
    with program as server:
        expect(server.said, [f"homepage: http://127.0.0.1:{port}/\n"])
        url = f"http://127.0.0.1:{port}"
        expect(curl(url), site("index.html"))
        for name in sorted(os.listdir(SITE)):
            expect(curl(f"{url}/{name}"), site(name))
        plain = curl("-H", "Accept-Encoding: gzip", f"{url}/style.css")
        expect(gzip.decompress(plain), site("style.css"))
        expect(curl("-o", "/dev/null", "-w", "%{content_type}", url),
               b"text/html; charset=utf-8")
        log = server.end()
    expect(log.count('"GET /'), 3 + len(os.listdir(SITE)))
    expect(re.findall(r'"GET /404.html HTTP/1.1" (\d+) (\d+)', log),
           [("200", str(len(site("404.html"))))])


@case
def homepage_keeps_to_http():
    program, port = on_host("homepage", "--quiet")
    with program as server:
        url = f"http://127.0.0.1:{port}/inside.html"
        head = curl("-I", url).decode()
        etag = re.search(r'(?im)^etag: (.*)\r$', head)[1]
        expect(int(re.search(r"(?im)^content-length: (\d+)", head)[1]),
               len(site("inside.html")))
        code = ["-o", "/dev/null", "-w", "%{http_code}"]
        expect(curl(*code, "-H", f"If-None-Match: {etag}", url), b"304")
        expect(curl("-r", "10-19", url), site("inside.html")[10:20])
        expect(curl(*code, "-X", "POST", "-d", "x", url), b"405")
        missing = curl("-w", "%{http_code}", f"{url}/nothing")
        expect(missing, site("404.html") + b"404")
        expect(curl(*code, "--path-as-is",
                    f"http://127.0.0.1:{port}/../../etc/passwd"), b"404")
        expect(server.end(), "")


@case
def homepage_says_how_it_is():
    program, port = on_host("homepage", "--quiet")
    with program:
        url = f"http://127.0.0.1:{port}"
        curl(url, url, "-o", "/dev/null", "-o", "/dev/null")
        status = json.loads(curl(f"{url}/status"))
        expect((status["backend"], status["requests"]), ("unix", 2))
        expect(curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x",
                    f"{url}/status"), b"405")


@case
def homepage_ends_idle_connections_and_itself():
    program, port = on_host("homepage", "--quiet")
    with program as server:
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.settimeout(DEADLINE_S)
            idle.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            text = b""
            while not text.endswith(site("robots.txt")):
                text += idle.recv(4096)
            expect(server.end(), "")
            expect(idle.recv(1), b"")


@case
def homepage_from_a_tar_image():
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "site.tar")
        run_tool("tar", "-cf", image, "-C", SITE, ".")
        os.truncate(image, (os.path.getsize(image) + 511) // 512 * 512)
        program, port = on_host("homepage", "--quiet", "--site", "tar",
                                "--block", f"site=file:{image},ro")
        with program as server:
            url = f"http://127.0.0.1:{port}"
            expect(curl(f"{url}/"), site("index.html"))
            expect(curl("-w", "%{http_code}", f"{url}/x"),
                   site("404.html") + b"404")
            expect(server.end(), "")


@case
def homepage_from_a_folder():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "index.html"), "w") as file:
            file.write("one")
        program, port = on_host("homepage", "--quiet", "--site", "kv",
                                "--kv", f"site=dir:{folder},ro")
        with program as server:
            expect(curl(f"http://127.0.0.1:{port}/"), b"one")
            with open(os.path.join(folder, "index.html"), "w") as file:
                file.write("another")
            expect(curl(f"http://127.0.0.1:{port}/"), b"another")
            expect(server.end(), "")


@case
def homepage_arguments():
    host = ["--net", "service=host:"]
    expect_error("homepage", [*host, "--site", "cd"], 2,
                 "error: --site: expected builtin, tar or kv, got 'cd'")
    for wrong in ("0", "65536", "x", "-1"):
        expect_error("homepage", [*host, f"--port={wrong}"], 2,
                     "error: --port: expected a number from 1 to 65535, got "
                     f"'{wrong}'")
    expect_error("homepage", [*host, "--port"], 2,
                 "error: --port: it needs a value")
    expect_error("homepage", [*host, "more"], 2,
                 "error: unknown argument 'more'; see --help")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, out, err = run("homepage", *host, f"--port={port}")
        expect((status, out), (1, ""))
        assert f"port {port}: already open or in use; choose another with " \
            "--port" in err, err


@case
def homepage_wants_a_tar_image_on_the_disk():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"no archive, but of whole sectors" * 32)
        file.flush()
        status, out, err = run("homepage", "--net", "service=host:", "--site",
                               "tar", "--block", f"site=file:{file.name},ro")
    expect((status, out), (1, ""))
    assert "block 'site': no tar image on it" in err, err


# ---------------------------------------------------------------- http-get --

class Answers(http.server.BaseHTTPRequestHandler):
    """A server that is not ours."""
    protocol_version = "HTTP/1.1"
    big = bytes(range(256)) * 20000

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        step = re.fullmatch(r"/again/(\d+)", self.path)
        if step:
            self.send_response(302)
            left = int(step[1])
            self.send_header("Location",
                             f"/again/{left - 1}" if left else "/big")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.big if self.path == "/big" else b"nothing\n"
        self.send_response(200 if self.path == "/big" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


class Web:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Answers)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def get(*args):
    done = subprocess.run(command("http-get", "--net", "service=host:", *args),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE_S, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


@case
def http_get_follows_redirects():
    with Web() as url:
        expect(get(f"{url}/again/5"), (0, Answers.big, ""))
        status, out, err = get(f"{url}/again/10")
        expect((status, out), (1, b""))
        assert "again/10: beyond the end or above a limit" in err, err


@case
def http_get_waits_for_a_slow_reader():
    with Web() as url:
        with subprocess.Popen(
                command("http-get", "--net", "service=host:", f"{url}/big"),
                stdout=subprocess.PIPE) as child:
            first = os.read(child.stdout.fileno(), 1)
            try:
                child.wait(0.2)  # nobody reads: it cannot end
                raise AssertionError("ended before all was read")
            except subprocess.TimeoutExpired:
                pass
            rest = child.communicate(timeout=DEADLINE_S)[0]
        expect((child.returncode, first + rest == Answers.big), (0, True))


@case
def http_get_says_what_is_wrong():
    with Web() as url:
        expect(get(f"{url}/x"),
               (3, b"nothing\n", f"http-get: warning: {url}/x: 404 Not Found\n"))
        status, out, err = get("--head", f"{url}/big")
        expect((status, err), (0, ""))
        assert out.startswith(b"200 OK\n"), out
        assert b"Content-Length: 5120000\n" in out, out
    expect(get(f"{url}/x"),
           (1, b"", f"http-get: error: {url}/x: connection refused\n"))
    expect(get("gopher://localhost/")[0], 1)
    expect(get()[0], 2)


@case
def http_get_and_homepage():
    program, port = on_host("homepage", "--quiet")
    with program:
        expect(get(f"http://127.0.0.1:{port}/inside.html"),
               (0, site("inside.html"), ""))


# ---------------------------------------------------------------- udp-echo --

@case
def udp_echo_echoes():
    program, port = on_host("udp-echo")
    with program as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(DEADLINE_S)
        expect(server.said, [f"udp-echo: port {port}\n"])
        for size in (0, 1, 512, 1472, 9000, 65507):
            data = os.urandom(size)
            peer.sendto(data, ("127.0.0.1", port))
            expect(peer.recvfrom(70000), (data, ("127.0.0.1", port)))
        expect(server.end(), "udp-echo: 6 echoed, 0 dropped\n")


# -------------------------------------------------------------- dns-server --

def dig(port, *words):
    needed("dig")
    return run_tool("dig", "@127.0.0.1", "-p", str(port), "+norecurse",
                    "+time=5", "+tries=1", *words).decode()


def short(port, *words):
    return dig(port, "+short", *words).splitlines()


@case
def dns_server_answers_dig():
    program, port = on_host("dns-server")
    z = "mirage.example"
    with program as server:
        for words, wanted in [
                ((z, "A"), ["192.0.2.80"]),
                ((z, "AAAA"), ["2001:db8::80"]),
                ((z, "NS"), [f"ns1.{z}.", f"ns2.{z}."]),
                ((z, "SOA"), [f"ns1.{z}. hostmaster.{z}. 2026112201 14400 "
                              "3600 1209600 300"]),
                ((z, "MX"), [f"10 mail.{z}.", "20 mail.elsewhere.example."]),
                ((z, "TXT"), ['"a library operating system, in C"']),
                ((f"_http._tcp.{z}", "SRV"), [f"0 5 80 {z}."]),
                ((f"docs.{z}", "A"), [f"www.{z}.", f"{z}.", "192.0.2.80"]),
                ((f"docs.{z}", "CNAME"), [f"www.{z}."]),
                ((f"away.{z}", "A"), ["www.elsewhere.example."]),
                ((f"a.b.guests.{z}", "A"), ["192.0.2.100"]),
                ((f"xen.guests.{z}", "A"), ["192.0.2.101"]),
                ((f"long.{z}", "TXT"), [
                    '"several strings" "of one record" '
                    '"with \\"quotes\\" and \\226\\130\\172"']),
                ((z, "A", "+tcp"), ["192.0.2.80"])]:
            expect(sorted(short(port, *words)), sorted(wanted))
        expect(len(short(port, f"many.{z}", "+noedns")), 32)
        said = server.end()
    expect(re.search(r"(\d+) answers truncated", said)[1], "1")


@case
def dns_server_says_what_is_not_there():
    program, port = on_host("dns-server")
    z = "mirage.example"
    with program as server:
        for words, status, flags, soa in [
                ((f"nothing.{z}",), "NXDOMAIN", "qr aa", True),
                ((f"xen.guests.{z}", "TXT"), "NOERROR", "qr aa", True),
                ((f"guests.{z}",), "NOERROR", "qr aa", True),
                ((f"dangling.{z}",), "NXDOMAIN", "qr aa", True),
                ((z, "TYPE65"), "NOERROR", "qr aa", True),
                (("example",), "REFUSED", "qr", False),
                ((z, "-c", "CH"), "REFUSED", "qr", False),
                ((z, "+opcode=status"), "NOTIMP", "qr", False),
                ((z, "+edns=1", "+noednsneg"), "BADVERS", "qr", False)]:
            text = dig(port, *words)
            assert f"status: {status}," in text, text
            assert f"flags: {flags};" in text, text
            expect((words, "\tSOA\t" in text), (words, soa))
        text = dig(port, f"deep.lab.{z}")
        assert "flags: qr;" in text, text
        words = " ".join(text.split())
        assert f" lab.{z}. 3600 IN NS ns1.lab.{z}. " in words, text
        assert f" ns1.lab.{z}. 3600 IN A 192.0.2.54 " in words, text
        assert "Transfer failed" in dig(port, z, "AXFR")
        server.end()


@case
def dns_server_survives_a_burst():
    """As dnsperf does: many at once, each answer its question's."""
    program, port = on_host("dns-server")
    total, window = 20000, 64
    with program as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(DEADLINE_S)
        peer.connect(("127.0.0.1", port))
        asked = answered = 0
        while answered < total:
            while asked < min(total, answered + window):
                name = f"n{asked}.guests.mirage.example"
                peer.send(question(name, number=asked & 0xffff))
                asked += 1
            answer = peer.recv(2000)
            expect((rcode(answer), answer[-4:]), (0, bytes([192, 0, 2, 100])))
            answered += 1
        said = server.end()
    assert f"{total} queries: {total} found" in said, said


HOSTILE = [
    (b"", None),
    (b"\0" * 11, None),
    (question("mirage.example", flags=0x8000), None),  # an answer: no loop
    (b"\0" * 12, 1),
    (question("mirage.example")[:-1], 1),
    (question("mirage.example") + b"!", 1),
    (struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", 1),
    (struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x3f" * 300 + b"\0\1\0\1", 1),
    (struct.pack(">6H", 1, 0, 2, 0, 0, 0) + b"\0\0\1\0\1" * 2, 1),
    (struct.pack(">6H", 1, 0, 1, 0, 0, 65535) + b"\0\0\1\0\1", 1),
    (question("mirage.example", 252), 5),
    (question("mirage.example", flags=0x2800), 4),
]


@case
def dns_server_counts_what_is_hostile():
    program, port = on_host("dns-server")
    with program as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(DEADLINE_S)
        peer.connect(("127.0.0.1", port))
        for message, wanted in HOSTILE:
            peer.send(message)
            if wanted is not None:
                expect((message, rcode(peer.recv(2000))), (message, wanted))
        peer.send(question("mirage.example", number=99))
        expect(peer.recv(2000)[:2], b"\0\x63")  # nothing else was answered
        said = server.end()
    assert "13 queries: 1 found, 0 without data, 0 without such a name, " \
        "2 refused, 7 malformed, 3 ignored" in said, said


def read_message(stream):
    length = struct.unpack(">H", stream.read(2))[0]
    return stream.read(length)


@case
def dns_server_by_tcp():
    """Several questions in one piece, one in pieces of a byte, and nonsense."""
    program, port = on_host("dns-server")
    whole = question("many.mirage.example", number=7)
    framed = struct.pack(">H", len(whole)) + whole
    with program as server:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.settimeout(DEADLINE_S)
            stream = peer.makefile("rb")
            peer.sendall(framed * 50)
            for _ in range(50):
                answer = read_message(stream)
                expect((answer[:2], answer[7], rcode(answer)), (b"\0\7", 32, 0))
            for i in range(len(framed)):
                peer.sendall(framed[i:i + 1])
            expect(len(read_message(stream)), len(answer))
        for nonsense in (b"\0\0", b"\xff\xff", b"\0\1a"):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.settimeout(DEADLINE_S)
                peer.sendall(nonsense)
                try:
                    expect(peer.recv(1), b"")
                except ConnectionResetError:
                    pass
        said = server.end()
    assert "4 connections, 3 of them broken" in said, said


ZONE = "$ORIGIN a.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n NS ns\n"


@case
def dns_server_reads_zones():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.zone"), "w") as file:
            file.write(ZONE + "b 1h30m IN TXT x ( y\n ; no\n z )\n"
                       "c\\.d IN 7 A 192.0.2.9\n$ORIGIN e\nf A 192.0.2.8\n")
        program, port = on_host("dns-server", "--zone", "kv", "--kv",
                                f"zone=dir:{folder},ro", "--file", "a.zone")
        with program as server:
            text = dig(port, "b.a.test", "TXT", "+noall", "+answer")
            expect(text.split(), ["b.a.test.", "5400", "IN", "TXT", '"x"', '"y"',
                                  '"z"'])
            expect(short(port, "c\\.d.a.test"), ["192.0.2.9"])
            expect(short(port, "f.e.a.test"), ["192.0.2.8"])
            server.end()


@case
def dns_server_refuses_wrong_zones():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "z")
        for text, message in [
                ("", "line 1: no SOA in the zone"),
                (ZONE + "b A 1.2.3\n", "line 5: not an IPv4 address: '1.2.3'"),
                (ZONE + "b AAAA 1.2.3.4\n",
                 "line 5: not an IPv6 address: '1.2.3.4'"),
                (ZONE + "b (\n", "line 6: a '(' without ')'"),
                (ZONE + "b )\n", "line 5: a ')' without '('"),
                (ZONE + "b MX mail\n", "line 5: not a number: 'mail'"),
                (ZONE + "b MX 1\n", "line 5: a record ends too early"),
                (ZONE + "b A 1.2.3.4 5\n", "line 5: too much in a record: '5'"),
                (ZONE + "b WKS 1\n", "line 5: a type that this server does not "
                 "know: 'WKS'"),
                (ZONE + "b..c A 1.2.3.4\n", "line 5: not a name: 'b..c'"),
                (ZONE + "b CNAME c\nb A 1.2.3.4\n",
                 "line 5: a name with a CNAME has nothing else"),
                (ZONE + "b.test. A 1.2.3.4\n",
                 "line 5: a name outside of the zone"),
                (ZONE + "@ SOA ns h 2 2 3 4 5\n", "line 5: a second SOA"),
                ("a. 1 SOA b. c. 1 2 3 4 5\n",
                 "line 1: no NS of the zone itself"),
                ("a. SOA b. c. 1 2 3 4 5\n", "line 1: a record without a TTL, "
                 "and no $TTL before it"),
                ("$INCLUDE x\n", "line 1: a directive that this server does "
                 "not know: '$INCLUDE'")]:
            with open(path, "w") as file:
                file.write(text)
            expect_error("dns-server",
                         ["--net", "service=host:", "--zone", "kv", "--kv",
                          f"zone=dir:{folder},ro", "--file", "z"], 1,
                         f"error: zone 'z': {message}")
        expect_error("dns-server", ["--net", "service=host:", "--file", "no"],
                     1, "error: zone 'no': no such name")


# -------------------------------------------------------------------- dhcp --

@case
def dhcp_wants_a_network_of_its_own():
    expect_error("dhcp", ["--net", "service=host:"], 1,
                 "error: host: says nothing of its interfaces; add --net "
                 "service=slirp: or another network")


@case
def dhcp_of_slirp():
    status, out, err = run("dhcp", "--net", "service=slirp:")
    expect((status, err), (0, ""))
    for line in ("address      10.0.2.15/24", "router       10.0.2.2",
                 "server       10.0.2.2", "lease        86400 s",
                 "name server  10.0.2.3"):
        assert f"  {line}\n" in out, out


main()
