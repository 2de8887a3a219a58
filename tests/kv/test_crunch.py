#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mirage-crunch, and the stores of what it makes.

    test_crunch.py KVAPP CRUNCH VERSION [unittest's arguments]
"""
import gzip
import hashlib
import os
import re
import shutil
import subprocess

from kvlib import CRUNCH, SITE, VERSION, Case, checksum, main


def crunch(*args, **env):
    """(status, output, errors) of a run."""
    run = subprocess.run([CRUNCH, *args], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True,
                         env={**os.environ, **env})
    return run.returncode, run.stdout, run.stderr


def site_files():
    for folder, _, names in os.walk(SITE):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as file:
                yield os.path.relpath(path, SITE), file.read()


class Store(Case):
    """The site that kvapp was built with."""

    def expected(self):
        files = dict(site_files())
        files['index.html.gz'] = self.good('crunched', 'cat',
                                           'index.html.gz').bytes
        return files

    def test_every_file_is_a_key(self):
        files = self.expected()
        sums = self.good('crunched', 'sums').sums()
        self.assertEqual(sums, {key: checksum(data)
                                for key, data in files.items()})

    def test_list(self):
        files = self.expected()
        listed = self.good('crunched', 'list', '').listed()
        self.assertEqual([line[0] for line in listed], sorted(files))
        types = {'css/style.css': 'text/css; charset=utf-8',
                 'index.html': 'text/html; charset=utf-8',
                 'index.html.gz': 'application/gzip',
                 'index.html.br': 'application/x-brotli',
                 'odd name.txt': 'text/plain; charset=utf-8',
                 'all.bin': 'application/x-test'}
        for key, size, time, version, kind in listed:
            data = files[key]
            self.assertEqual(size, len(data))
            self.assertEqual(time, 1769817600 * 10 ** 9)
            self.assertEqual(version, hashlib.sha256(data).hexdigest()[:32])
            self.assertEqual(kind, types.get(key, '-'))

    def test_compressed_form(self):
        files = self.expected()
        self.assertEqual(gzip.decompress(files['index.html.gz']),
                         files['index.html'])
        self.assertLess(len(files['index.html.gz']),
                        len(files['index.html']) // 2)
        # Not worth it, and not by us.
        self.assertNotIn('css/style.css.gz', files)
        self.assertTrue(files['index.html.br'].startswith(b'pre-compressed'))

    def test_cannot_be_changed(self):
        self.assertIn('empty: EROFS',
                      self.bad('crunched', 'remove', 'empty').text)

    def test_memory(self):
        run = self.good('memory', 'set', 'b.TXT', '3', 'set', 'a/b', '60000',
                        'sums', 'list', 'b')
        self.assertIn('text/plain; charset=utf-8 b.TXT', run.text)
        run = self.good('memory', 'set', 'k', '9', 'remove', 'k', 'list', '')
        self.assertEqual(run.text, '')


class Types(Case):
    def test_suffixes(self):
        for key, kind in [
                ('a.html', 'text/html; charset=utf-8'),
                ('a/b.HtM', 'text/html; charset=utf-8'),
                ('x.tar.gz', 'application/gzip'), ('a.wasm', 'application/wasm'),
                ('a.svg', 'image/svg+xml'), ('a.woff2', 'font/woff2'),
                ('a.mjs', 'text/javascript; charset=utf-8'),
                ('.html', 'text/html; charset=utf-8'),
                ('html', '-'), ('a.htmlx', '-'), ('a.', '-'), ('', '-'),
                ('a.html/b', '-'), ('a.ht', '-'), ('a.html ', '-')]:
            self.assertEqual(self.good('type', key).text.strip(), kind, key)

    def test_table(self):
        """In order, without doubles, in lower case."""
        table = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             '../../lib/kv/content_types.h')
        with open(table, encoding='utf-8') as file:
            rows = re.findall(r'X\("([^"]*)", "([^"]*)"\)', file.read())
        suffixes = [suffix for suffix, _ in rows]
        self.assertGreater(len(suffixes), 50)
        self.assertEqual(suffixes, sorted(set(suffixes)))
        self.assertEqual(suffixes, [suffix.lower() for suffix in suffixes])
        for suffix, kind in rows:
            self.assertRegex(kind, r'^[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?$')
            self.assertEqual(self.good('type', 'x.' + suffix).text.strip(),
                             kind)


class Tool(Case):
    def test_reproducible(self):
        """Whatever the order of the folder and the times of its files."""
        copy = self.path('copy')
        os.makedirs(copy)
        for name in reversed(sorted(os.listdir(SITE))):
            path = os.path.join(SITE, name)
            if os.path.isdir(path):
                shutil.copytree(path, os.path.join(copy, name))
            else:
                shutil.copy(path, copy)
            os.utime(os.path.join(copy, name), (1, 1))
        one, other = crunch(SITE), crunch(copy)
        self.assertEqual(one[0], 0, one[2])
        self.assertEqual(one, other)
        self.assertIn('.modified_ns = 0,', one[1])

    def test_times(self):
        self.write('site/a')
        os.utime(self.path('site/a'), ns=(5, 1234567890123456789))
        site = self.path('site')
        for args, env, expected in [
                ((), {'SOURCE_DATE_EPOCH': '77'}, 77 * 10 ** 9),
                (('--modified', 'files'), {}, 1234567890123456789),
                (('--modified', 'none'), {'SOURCE_DATE_EPOCH': '77'}, 0),
                (('--modified', '1600000000'), {}, 1600000000 * 10 ** 9),
                (('--modified', '2026-01-31T01:00:00+01:00'), {},
                 1769817600 * 10 ** 9)]:
            status, text, errors = crunch(site, *args, **env)
            self.assertEqual(status, 0, errors)
            self.assertIn(f'.modified_ns = {expected},', text)

    def test_exclude_and_forms(self):
        self.write('site/a.html', b'a' * 1000)
        self.write('site/.git/config')
        self.write('site/b.html~')
        args = ['--exclude', '.git', '--exclude', '*~', self.path('site')]
        _, text, _ = crunch('--compress', 'none', *args)
        self.assertEqual(re.findall(r'^\t\t\t"(.*)"', text, re.M), ['a.html'])
        _, text, _ = crunch('--compress', 'gz', *args)
        self.assertEqual(re.findall(r'^\t\t\t"(.*)"', text, re.M),
                         ['a.html', 'a.html.gz'])

    def test_brotli(self):
        if shutil.which('brotli') is None:
            status, _, errors = crunch('--compress', 'br', SITE)
            self.assertEqual(status, 2)
            self.assertIn('needs the command brotli (Debian: brotli)', errors)
            self.skipTest('brotli is not installed')
        self.write('site/a.html', b'say it again, ' * 100)
        status, text, errors = crunch('--compress', 'gz,br', self.path('site'))
        self.assertEqual(status, 0, errors)
        self.assertEqual(re.findall(r'^\t\t\t"(.*)"', text, re.M),
                         ['a.html', 'a.html.br', 'a.html.gz'])

    def test_depfile(self):
        self.write('site/sub/a b')
        status, _, errors = crunch('--output', self.path('o.c'), '--depfile',
                                   self.path('d'), self.path('site'))
        self.assertEqual(status, 0, errors)
        with open(self.path('d'), encoding='utf-8') as file:
            text = file.read()
        self.assertTrue(text.startswith(self.path('o.c') + ':'))
        for name in ('site', 'site/sub', 'site/sub/a\\ b'):
            self.assertIn(self.path(name), text)

    def test_compiles_without_a_warning(self):
        self.write('site/' + 'k' * 200, bytes(range(256)) * 300)
        self.write('site/n\xe9 "quoted" \\', b'??=')
        os.makedirs(self.path('none'))
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            '../..')
        for folder in ('site', 'none'):
            status, _, errors = crunch('--output', self.path('o.c'),
                                       self.path(folder))
            self.assertEqual(status, 0, errors)
            for compiler in ('gcc', 'clang-14'):
                if shutil.which(compiler) is None:
                    continue
                run = subprocess.run(
                    [compiler, '-std=c11', '-Wall', '-Wextra', '-Wpedantic',
                     '-Werror', '-fsyntax-only', f'-I{root}/include',
                     f'-I{root}/lib/kv', self.path('o.c')],
                    stderr=subprocess.PIPE, text=True)
                self.assertEqual(run.returncode, 0, run.stderr)

    def test_complaints(self):
        self.write('site/a')
        os.symlink('nowhere', self.path('site/dangling'))
        self.assertIn('is a link to nothing; remove it',
                      crunch(self.path('site'))[2])
        os.remove(self.path('site/dangling'))
        os.mkfifo(self.path('site/pipe'))
        self.assertIn('is no file; remove it', crunch(self.path('site'))[2])
        os.remove(self.path('site/pipe'))
        self.write('site/' + '/'.join(['d' * 100] * 3))
        self.assertIn('a key has at most 255 bytes', crunch(self.path('site'))[2])
        self.assertIn('No such file', crunch(self.path('nowhere'))[2])
        for args, text in [
                (('--name', '9a'), "'9a' is no name in C"),
                (('--modified', 'soon'), "'soon' is none of"),
                (('--compress', 'zip'), "'zip' is none of"),
                (('--type', 'foo'), 'is not SUFFIX=TYPE'),
                (('--nope',), 'unrecognized arguments')]:
            status, _, errors = crunch(*args, SITE)
            self.assertEqual(status, 2)
            self.assertIn(text, errors)
        self.assertEqual(crunch(SITE, SOURCE_DATE_EPOCH='x')[0], 2)

    def test_help_and_version(self):
        self.assertEqual(crunch('--version')[1], f'mirage-crunch {VERSION}\n')
        self.assertIn('--exclude GLOB', crunch('--help')[1])


if __name__ == '__main__':
    main()
