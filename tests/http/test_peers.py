#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The server on a port of the host, and the programs of others as its clients:
    test_peers.py APP corpus|curl|load|python|slow|idle|many [COUNT]
    test_peers.py HTTP-GET client
On loopback only; the port is one that was free."""
import http.client
import http.server
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
APP = sys.argv[1]
PATTERN = bytes(i % 251 for i in range(251))


def skip(why):
    print(why)
    sys.exit(77)


def pattern(n, first=0):
    whole = PATTERN * ((n + first) // 251 + 1)
    return whole[first:first + n]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """The application, from its "ready" to its "closed"."""

    def __init__(self, *options):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.app = subprocess.Popen(
            [APP, "--net", "service=host:", "--port", str(self.port),
             *options], stdout=subprocess.PIPE, stderr=self.log)
        line = self.app.stdout.readline()
        assert line == b"ready\n", line
        self.base = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.app.kill()
            self.app.wait()
            return
        self.app.send_signal(signal.SIGTERM)
        rest = self.app.stdout.read().decode()
        assert self.app.wait(20) == 0, rest
        assert rest.endswith("closed\n"), rest
        self.counters = dict(re.findall(r"(\w+) (\d+)", rest))
        self.text = rest

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def resident(self):
        status = open(f"/proc/{self.app.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, **more)
    assert done.returncode == 0, (command, done.returncode, done.stderr)
    return done.stdout


def need(program):
    if shutil.which(program) is None:
        skip(f"{program} is not installed")


# ---------------------------------------------------------------- The corpus

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    out, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
        elif text[at + 1] == "x":
            out += bytes([int(text[at + 2:at + 4], 16)])
            at += 4
        elif text[at + 1] == "{":
            end = text.index("}", at)
            times, what = text[at + 2:end].split(":", 1)
            out += unescape(what) * int(times)
            at = end + 1
        else:
            out += ESCAPES[text[at + 1]]
            at += 2
    return out


def read_cases():
    cases = []
    folder = os.path.join(HERE, "corpus")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".http"):
            continue
        first = len(cases)
        for line in open(os.path.join(folder, name), newline="\n"):
            line = line.rstrip("\n")
            if line.startswith("== "):
                title, section, expect = line[3:].split(" | ")
                cases.append([f"{name}: {title} (RFC {section})",
                              expect.split(), b""])
            elif len(cases) > first:
                more = re.search(r"(^|[^\\])\\$", line) is not None
                cases[-1][2] += unescape(line[:-1] if more else line)
                cases[-1][2] += b"" if more else b"\r\n"
    return cases


def take_response(data, head, closed):
    """Returns (status, text, rest) of the first response, or None."""
    top, mark, rest = data.partition(b"\r\n\r\n")
    if not mark:
        return None
    status = int(re.match(rb"HTTP/1\.1 (\d{3}) ", top).group(1))
    length = re.search(rb"(?im)^content-length: (\d+)\r?$", top)
    if head or status < 200 or status in (204, 304):
        size = 0
    elif re.search(rb"(?i)transfer-encoding: chunked", top):
        body = re.match(rb"(?s)(.*?)(?<![^\n])0\r\n\r\n", rest)
        if body is None:
            return None
        size = body.end()
    elif length:
        size = int(length.group(1))
    else:
        size = len(rest) if closed else len(rest) + 1
    if size > len(rest):
        return None
    return status, top + mark + rest[:size], rest[size:]


def take_all(data, request, closed):
    heads = re.findall(rb"([A-Z]{3,8}) [/*h]\S* HTTP/1\.\d\r\n", request)
    found = []
    while True:
        head = bool(heads) and heads[0] == b"HEAD"
        taken = take_response(data, head, closed)
        if taken is None:
            return found
        found.append(taken[:2])
        data = taken[2]
        if taken[0] >= 200:
            heads = heads[1:]


def ask(server, request, expect):
    """Sends it, and returns what came and whether the server ended."""
    statuses = [word for word in expect if word.isdigit()]
    data, closed = b"", False
    with server.connect() as s:
        s.setblocking(False)
        left, end = request, time.monotonic() + 8
        while time.monotonic() < end:
            whole = len(take_all(data, request, False)) >= len(statuses)
            patience = 0.15 if whole and not left else 1
            r, w, _ = select.select([s], [s] if left else [], [], patience)
            if w:
                try:
                    left = left[s.send(left[:100000]):]
                except (ConnectionResetError, BrokenPipeError):
                    left = b""
                if not left and "eof" in expect:
                    s.shutdown(socket.SHUT_WR)
            if r:
                try:
                    got = s.recv(1 << 20)
                except ConnectionResetError:
                    got = b""
                if not got:
                    closed = True
                    break
                data += got
            elif not w and whole and "close" not in expect:
                break
    return data, closed


def judge(case, data, closed):
    name, expect, request = case
    found = take_all(data, request, closed)
    want = [int(word) for word in expect if word.isdigit()]
    assert [status for status, _ in found] == want, (name, data[:300])
    assert closed == ("close" in expect), (name, closed, data[:300])
    last = found[-1][1] if found else b""
    for word in expect:
        text = word[4:].replace("_", " ").encode()
        if word.startswith("has:"):
            assert text in last, (name, word, last[:300])
        if word.startswith("not:"):
            assert text not in last, (name, word, last[:300])
        if word == "empty":
            assert last.endswith(b"\r\n\r\n"), (name, last[:300])


def test_corpus():
    cases = read_cases()
    assert len(cases) >= 150
    with Server("--quick") as server:
        for case in cases:
            judge(case, *ask(server, case[2], case[1]))
    print(f"{len(cases)} cases")


# --------------------------------------------------------------------- curl

def test_curl():
    need("curl")
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        def curl(path, *options):
            return run("curl", "-sS", "--max-time", "60", *options,
                       server.base + path)

        upload = os.path.join(folder, "upload")
        data = os.urandom(3000000)
        with open(upload, "wb") as file:
            file.write(data)
        sums = f"{len(data)} {sum(data)}\n".encode()
        assert curl("/page") == pattern(128)
        assert curl("/bytes?5000000") == pattern(5000000)
        assert curl("/chunks?5000000") == pattern(5000000)
        assert curl("/big") == pattern(1000000)
        assert curl("/source") == pattern(100000)
        assert b"HTTP/1.1 200 OK" in curl("/page", "-I")
        assert curl("/page", "-0") == pattern(128)
        # Up: with a length, in chunks, with and without asking before.
        assert curl("/sink", "-T", upload) == sums
        assert curl("/sink", "-T", upload, "-H", "Expect:") == sums
        assert curl("/sink", "-T", upload, "-H",
                    "Transfer-Encoding: chunked") == sums
        assert curl("/sink", "--data-binary", "@" + upload) == sums
        assert curl("/echo", "--data-binary", "@" + upload) == data
        assert curl("/echo", "-T", upload, "-H",
                    "Transfer-Encoding: chunked") == data
        status = ["-o", "/dev/null", "-w", "%{http_code}"]
        assert curl("/deaf", "-T", upload, *status) == b"403"
        assert curl("/sink", "-F", f"f=@{upload}", *status) == b"200"
        # Ranges, one and several; going on with half a file.
        assert curl("/content", "-r", "10-19") == pattern(10, 10)
        parts = curl("/content", "-r", "0-9,20-29")
        assert pattern(10) in parts and pattern(10, 20) in parts
        half = os.path.join(folder, "half")
        with open(half, "wb") as file:
            file.write(pattern(300000))
        curl("/big", "-C", "-", "-o", half)
        assert open(half, "rb").read() == pattern(1000000)
        # Conditions, by what curl has kept of the first answer.
        etag = os.path.join(folder, "etag")
        curl("/content", "--etag-save", etag)
        assert curl("/content", "--etag-compare", etag, *status) == b"304"
        assert curl("/content", "-z", "Sun, 06 Nov 1994 08:49:37 GMT",
                    *status) == b"304"
        # Redirects; several over one connection; compressed forms.
        assert b"<title>a" in curl("/files/a", "-L")
        assert curl("/page", server.base + "/page", "-w", "%{num_connects}\n",
                    "-o", "/dev/null", "-o", "/dev/null") == b"1\n0\n"
        assert b"brotli" in curl("/files/long.html", "-H",
                                 "Accept-Encoding: br")
        assert curl("/late?300") == b"late\n"
        short = subprocess.run(
            ["curl", "-sS", "-o", "/dev/null", server.base + "/cut?100000"],
            stderr=subprocess.PIPE, timeout=60)
        assert short.returncode in (18, 56), short


# ------------------------------------------------------------ Python's client

def test_python():
    with Server("--accesses") as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, 30)
        for _ in range(3):
            client.request("GET", "/bytes?100000")
            assert client.getresponse().read() == pattern(100000)
        client.request("POST", "/sink", body=b"hello")
        assert client.getresponse().read() == b"5 532\n"
        client.request("POST", "/echo", body=iter([b"a" * 70000, b"b"]),
                       encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
        assert client.getresponse().read() == b"a" * 70000 + b"b"
        client.request("HEAD", "/big")
        answer = client.getresponse()
        assert answer.read() == b"" and answer.length == 0
        client.request("GET", "/chunks?100000")
        assert client.getresponse().read() == pattern(100000)
        client.close()
    lines = server.text.splitlines()
    common = re.compile(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}(:\d\d){3} '
                        r'\+0000\] "\w+ \S+ HTTP/1\.1" 200 (\d+|-)$')
    assert len([line for line in lines if common.match(line)]) == 7, lines


# ------------------------------------------------------------ Python's server

class Pages(http.server.BaseHTTPRequestHandler):
    """A file in each way that a server may send one."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        data = pattern(300000)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "length")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/length":
            self.send_header("Content-Length", str(len(data)))
        elif self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        for at in range(0, len(data), 7001):
            part = data[at:at + 7001]
            if self.path == "/chunks":
                part = b"%x;x=y\r\n%s\r\n" % (len(part), part)
            self.wfile.write(part)
        if self.path == "/chunks":
            self.wfile.write(b"0\r\nX: y\r\n\r\n")

    def log_message(self, *_):
        pass


def test_client():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    for path in ("/length", "/chunks", "/to-the-end", "/moved"):
        got = run(APP, "--net", "service=host:", base + path)
        assert got == pattern(300000), (path, len(got))
    server.shutdown()


# ---------------------------------------------------------------------- Load

def test_load():
    need("ab")
    need("wrk")
    with Server() as server:
        for options in ([], ["-k"]):
            text = run("ab", "-q", "-n", "5000", "-c", "32", *options,
                       server.base + "/page").decode()
            assert re.search(r"Failed requests: +0\n", text), text
            assert re.search(r"Complete requests: +5000\n", text), text
        for options in ([], ["-H", "Connection: close"]):
            text = run("wrk", "-t1", "-c32", "-d2s", *options,
                       server.base + "/page").decode()
            assert "Non-2xx" not in text, text
            assert int(re.search(r"(\d+) requests in", text).group(1)) > 100
    assert server.counters["aborted"] == "0" or \
        int(server.counters["aborted"]) <= 64, server.counters


def test_many():
    """COUNT requests on kept connections: the memory is flat."""
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000000
    need("ab")
    with Server() as server:
        run("ab", "-q", "-k", "-n", str(count // 10), "-c", "32",
            server.base + "/page")
        before = server.resident()
        for _ in range(10):
            run("ab", "-q", "-k", "-n", str(count // 10), "-c", "32",
                server.base + "/page")
        after = server.resident()
        print(f"{count} requests: {before} KiB before, {after} KiB after")
        assert after <= before + 256, (before, after)


# ---------------------------------------------------------------------- Slow

def until_closed(s, seconds):
    data, end = b"", time.monotonic() + seconds
    s.settimeout(seconds)
    while time.monotonic() < end:
        try:
            got = s.recv(65536)
        except ConnectionResetError:
            return data
        except socket.timeout:
            break
        if not got:
            return data
        data += got
    raise AssertionError(("not closed", data[:100]))


def test_slow():
    with Server("--quick") as server:
        # A head, and a body, a byte at a time: both are cut off.
        for begin in (b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
                      b"POST /sink HTTP/1.1\r\nHost: a\r\n"
                      b"Content-Length: 100000\r\n\r\n"):
            with server.connect() as s:
                s.sendall(begin)
                answer = b""
                for _ in range(100):
                    r, _, _ = select.select([s], [], [], 0.05)
                    if r:
                        answer = until_closed(s, 5)
                        break
                    s.sendall(b"x")
                assert b" 408 " in answer, answer
        # Nothing at all, and nothing more.
        with server.connect() as s:
            assert until_closed(s, 5) == b""
        with server.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b" 200 " in until_closed(s, 5)
        # A hundred that read nothing: no memory for them, and no patience.
        before = server.resident()
        readers = [server.connect() for _ in range(100)]
        for s in readers:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b"GET /bytes?500000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        grown = server.resident() - before
        assert grown < 16384, grown
        time.sleep(4)
        for s in readers:
            s.close()
    assert int(server.counters["timed_out"]) >= 104, server.counters
    assert server.counters["connections"] == "0", server.counters


def test_idle():
    """COUNT idle connections within 256 MiB."""
    import resource
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 100:
        skip(f"no more than {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, hard))
    with Server() as server:
        before = server.resident()
        idle = []
        for _ in range(count):
            s = server.connect()
            s.sendall(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
            idle.append(s)
        for s in idle:
            assert b" 200 " in s.recv(4096)
        after = server.resident()
        print(f"{count} idle connections: {after} KiB, {before} KiB before")
        assert after < 256 * 1024
        for s in idle:
            s.close()
        with server.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b" 200 " in s.recv(4096)
    assert server.counters["no_memory"] == "0", server.counters


globals()["test_" + sys.argv[2]]()
