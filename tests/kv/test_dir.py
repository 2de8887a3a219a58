#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Directories of the host as stores.

    test_dir.py KVAPP CRUNCH VERSION [unittest's arguments]
"""
import os
import random
import subprocess
import threading

from kvlib import KVAPP, PATIENCE_S, Case, checksum, main, set_value

TEMPORARY = '.mirage-kv-'


class Dir(Case):
    def setUp(self):
        super().setUp()
        self.root = self.path('store')
        os.mkdir(self.root)

    def app(self, *commands, options='', run=None):
        return (run or self.good)('--kv', f's=dir:{self.root}{options}',
                                  'named', *commands)

    def refused(self, *commands, options=''):
        return self.app(*commands, options=options, run=self.bad)

    def mounted(self, mount, script):
        """Runs `script`, whose "$@" is kvapp, after `mount` in a world of its own."""
        script = f'set -eu; {mount}; set +e; {script}'
        run = subprocess.run(
            ['unshare', '-m', 'sh', '-c', script, 'sh', KVAPP, '--kv',
             f's=dir:{self.root}', 'named'], capture_output=True, text=True,
            env={**os.environ, 'STORE': self.root}, timeout=PATIENCE_S)
        if 'unshare:' in run.stderr or 'mount:' in run.stderr:
            self.skipTest('needs the right to mount: ' + run.stderr)
        return run

    def put(self, key, data=b'x'):
        return self.write('store/' + key, data)


class Files(Dir):
    def test_what_is_there_is_found(self):
        rng = random.Random(1)
        files = {f'{i % 7}/{i % 61:02}-x/{i}': rng.randbytes(rng.randrange(3000))
                 for i in range(10000)}
        files.update({'0-a': b'', '0.b': b'b', 'z\xe9': b'utf-8'})
        for key, data in files.items():
            self.put(key, data)
        sums = self.app('sums').sums()
        self.assertEqual(sums, {key: checksum(data)
                                for key, data in files.items()})
        listed = [os.fsencode(line[0])
                  for line in self.app('list', '').listed()]
        self.assertEqual(listed, sorted(map(os.fsencode, files)))
        listed = [line[0] for line in self.app('list', '3/1').listed()]
        self.assertEqual(listed, sorted(key for key in files
                                        if key.startswith('3/1')))

    def test_set_is_in_the_file(self):
        self.app('set', 'a/b/c', '70000', 'set', 'a/b/d', '0')
        with open(os.path.join(self.root, 'a/b/c'), 'rb') as file:
            self.assertEqual(file.read(), set_value(70000))
        self.assertEqual(os.path.getsize(os.path.join(self.root, 'a/b/d')), 0)
        self.app('remove', 'a/b/c', 'remove', 'a/b/d')
        self.assertEqual(os.listdir(self.root), [])

    def test_time_is_the_files(self):
        os.utime(self.put('old'), ns=(1, 1234567890123456789))
        self.assertEqual(self.app('list', '').listed()[0][2],
                         1234567890123456789)

    def test_change_from_outside_is_seen(self):
        path = self.put('k', b'one')
        one = self.app('list', '').listed()
        os.replace(self.write('other', b'two'), path)
        two = self.app('list', '').listed()
        self.assertNotEqual(one[0][3], two[0][3])
        self.assertEqual(self.app('cat', 'k').bytes, b'two')

    def test_key_and_folder_exclude_each_other(self):
        self.put('a')
        run = self.refused('set', 'a/b', '1')
        self.assertEqual(run.text, 'a/b: EINVAL\n')
        self.assertIn("store 's': 'a/b' cannot be set: a name in it is a key",
                      run.log)
        self.put('d/e')
        self.assertEqual(self.refused('set', 'd', '1').text, 'd: EINVAL\n')
        self.assertEqual(self.refused('cat', 'd').text, 'd: ENOENT\n')
        self.assertEqual(self.refused('remove', 'd').text, 'd: ENOENT\n')
        self.assertEqual(self.refused('cat', 'a/b').text, 'a/b: ENOENT\n')
        os.mkdir(os.path.join(self.root, 'bare'))
        self.app('set', 'bare', '1', 'cat', 'bare')

    def test_disk_full(self):
        """A file system of a mebibyte: the old value stays, nothing is left."""
        run = self.mounted('mount -t tmpfs -o size=1m none "$STORE"',
                           '"$@" set k 9; "$@" set k 2000000; '
                           '"$@" cat k | wc -c; ls -A "$STORE"')
        self.assertEqual(run.stdout.split(), ['k:', 'ENOSPC', '9', 'k'],
                         run.stderr)


class Escapes(Dir):
    """No link leads out, nor anywhere else."""

    def setUp(self):
        super().setUp()
        self.secret = self.write('secret', b'secret')
        self.put('real/key', b'real')
        for name, target in [('file', self.secret), ('folder', self.folder),
                             ('up', '..'), ('inside', 'real'),
                             ('inner', 'real/key'), ('loop', 'loop'),
                             ('dangling', 'nowhere')]:
            os.symlink(target, os.path.join(self.root, name))

    def test_not_listed(self):
        self.assertEqual(
            [line[0] for line in self.app('list', '').listed()], ['real/key'])
        for prefix in ('folder/', 'up/', 'inside/', 'loop/'):
            self.assertEqual(self.app('list', prefix).text, '')

    def test_not_read(self):
        for key in ('file', 'folder/secret', 'up/secret', 'inside/key',
                    'inner', 'loop', 'loop/x', 'dangling'):
            self.assertEqual(self.refused('cat', key).text, f'{key}: ENOENT\n')
            self.assertEqual(self.refused('remove', key).text,
                             f'{key}: ENOENT\n')

    def test_not_written(self):
        for key in ('folder/new', 'up/new', 'inside/new', 'dangling/new'):
            self.assertEqual(self.refused('set', key, '3').text,
                             f'{key}: EINVAL\n')
        self.assertFalse(os.path.exists(self.path('new')))
        self.assertEqual(os.listdir(os.path.join(self.root, 'real')), ['key'])
        # A link is replaced by a key; what it pointed to stays.
        self.app('set', 'file', '5')
        with open(self.secret, 'rb') as file:
            self.assertEqual(file.read(), b'secret')
        self.assertEqual(self.app('cat', 'file').bytes, set_value(5))

    def test_devices_and_pipes(self):
        os.mkfifo(os.path.join(self.root, 'pipe'))
        self.assertEqual(self.refused('cat', 'pipe').text, 'pipe: ENOENT\n')
        self.assertNotIn('pipe', self.app('list', '').text)


class Opening(Dir):
    def test_missing(self):
        run = self.bad('--kv', f's=dir:{self.root}/no', 'named')
        self.assertEqual(run.text, 'open: ENODEV\n')
        self.assertIn(f"store 's' (dir:{self.root}/no): no such directory; make "
                      f'one with: mkdir -p {self.root}/no', run.log)

    def test_no_directory(self):
        self.put('file')
        run = self.bad('--kv', f's=dir:{self.root}/file', 'named')
        self.assertIn('is no directory; give the path of one', run.log)

    def test_mistakes(self):
        for uri, text in [('dir:', 'no path; write dir:PATH'),
                          ('tar:x', "unknown scheme 'tar:'; stores are "
                           'dir:PATH'),
                          (f'dir:{self.root},rw', "has no option 'rw'"),
                          (f'dir:{self.root},ro=1', 'takes no value')]:
            run = self.bad('--kv', f's={uri}', 'named')
            self.assertEqual(run.text, 'open: EINVAL\n')
            self.assertIn(text, run.log)
        run = self.bad('named')
        self.assertEqual(run.text, 'open: ENODEV\n')
        self.assertIn('no store was given; add --kv s=dir:PATH', run.log)
        run = self.bad('--kv', f't=dir:{self.root}', 'named')
        self.assertIn('no --kv option has this name', run.log)

    def test_read_only(self):
        self.put('k', b'v')
        self.assertEqual(self.app('cat', 'k', options=',ro').bytes, b'v')
        self.assertEqual(self.refused('set', 'k', '1', options=',ro').text,
                         'k: EROFS\n')

    def test_permissions(self):
        if os.geteuid() == 0:
            self.skipTest('root may write everywhere')
        os.chmod(self.root, 0o555)
        self.assertIn('or add ,ro', self.refused().log)

    def test_read_only_file_system(self):
        run = self.mounted('mount --bind "$STORE" "$STORE"; '
                           'mount -o remount,bind,ro "$STORE"', '"$@"')
        self.assertEqual(run.stdout, 'open: EROFS\n')
        self.assertIn('on a read-only file system; add ,ro', run.stderr)

    def test_one_writer(self):
        with Torture(self.root) as torture:
            torture.await_values(1)
            run = self.refused('list', '')
            self.assertEqual(run.text, 'open: EBUSY\n')
            self.assertIn('another store or program writes there; close that '
                          'one, or add ,ro', run.log)
            # Whoever reads sees no temporary file, and a whole value.
            for _ in range(20):
                run = self.app('list', '', 'check', 'v', options=',ro')
                self.assertNotIn(TEMPORARY, run.text)
                self.assertRegex(run.text, r'\nwhole \d+\n$')

    def test_reserved_names(self):
        self.put(TEMPORARY + '3', b'half')
        self.assertEqual(self.refused('cat', TEMPORARY + '3', options=',ro').text,
                         TEMPORARY + '3: ENOENT\n')
        self.assertEqual(self.app('list', '', options=',ro').text, '')
        self.assertEqual(os.listdir(self.root), [TEMPORARY + '3'])
        self.assertEqual(self.refused('set', TEMPORARY + '9', '1').text,
                         TEMPORARY + '9: EINVAL\n')
        # Whoever writes has taken away what was left behind.
        self.assertEqual(os.listdir(self.root), [])


class Torture:
    """A kvapp that sets one key again and again."""

    def __init__(self, root):
        self.process = subprocess.Popen(
            [KVAPP, '--kv', f's=dir:{root}', 'named', 'torture', 'v'],
            stdout=subprocess.PIPE, text=True)
        self.last = 0

    def await_values(self, n):
        watchdog = threading.Timer(PATIENCE_S, self.process.kill)
        watchdog.start()
        for _ in range(n):
            self.last = int(self.process.stdout.readline())
        watchdog.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        for line in self.process.stdout:
            if line.endswith('\n'):
                self.last = int(line)
        self.process.wait()
        self.process.stdout.close()


class Killed(Dir):
    def root_names(self):
        return os.listdir(self.root)

    def test_old_or_new(self):
        """After kill -9 during SET the value is one of those set, the last
        completed one or the next, and what was half written goes away."""
        left = 0
        for i in range(40):
            with Torture(self.root) as torture:
                torture.await_values(1 + i % 3)
                while (i % 2 == 0 and self.root_names() == ['v'] and
                       torture.process.poll() is None):
                    pass
            left += any(name.startswith(TEMPORARY)
                        for name in self.root_names())
            run = self.app('list', '', 'check', 'v', options=',ro')
            self.assertEqual(len(run.lines()), 2, run.text)
            self.assertIn(run.lines()[1], (f'whole {torture.last}',
                                           f'whole {torture.last + 1}'))
            self.app('check', 'v')
            self.assertEqual(self.root_names(), ['v'])
        # Else nothing was caught in the act.
        self.assertGreater(left, 0)


if __name__ == '__main__':
    main()
