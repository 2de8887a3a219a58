# SPDX-License-Identifier: ISC
"""What the tests of stores share: a run of kvapp, and what it says."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

KVAPP, CRUNCH, VERSION = sys.argv[1:4]
SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'site')
PATIENCE_S = 120


def checksum(data):
    """FNV-1a of 64 bits, as kvapp has it."""
    total = 0xcbf29ce484222325
    for byte in data:
        total = ((total ^ byte) * 0x100000001b3) & ((1 << 64) - 1)
    return f'{total:016x}'


def set_value(length):
    """What kvapp sets."""
    return bytes((i * 7 + i // 256) & 0xff for i in range(length))


class Run:
    """A run of kvapp to its end."""

    def __init__(self, *args, env=None):
        run = subprocess.run([KVAPP, *args], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=PATIENCE_S,
                             env=env)
        self.status, self.bytes = run.returncode, run.stdout
        self.text = run.stdout.decode(errors='surrogateescape')
        self.log = run.stderr.decode(errors='surrogateescape')

    def lines(self):
        return self.text.split('\n')[:-1]

    def sums(self):
        """key -> checksum, in the order in which they were told."""
        return dict(reversed(line.split(' ', 1)) for line in self.lines())

    def listed(self):
        """(key, size, time, version, type) of each line of a list."""
        found = []
        for line in self.lines():
            size, time, version, rest = line.split(' ', 3)
            # A type may have a space before its charset.
            kind, _, key = rest.partition('; ')
            if key.startswith('charset='):
                charset, key = key.split(' ', 1)
                kind += '; ' + charset
            else:
                kind, key = rest.split(' ', 1)
            found.append((key, int(size), int(time), version, kind))
        return found


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir='/var/tmp')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data=b'x'):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)
        return path

    def good(self, *args):
        run = Run(*args)
        self.assertEqual(run.status, 0, run.text[-300:] + run.log)
        return run

    def bad(self, *args, status=1):
        run = Run(*args)
        self.assertEqual(run.status, status, run.text[-300:] + run.log)
        return run


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
