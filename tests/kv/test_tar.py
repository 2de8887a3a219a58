#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tar images as others make them, and as nobody should.

    test_tar.py KVAPP CRUNCH VERSION [unittest's arguments]
"""
import io
import os
import random
import subprocess
import tarfile

from kvlib import Case, checksum, main

FORMATS = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT,
           'pax': tarfile.PAX_FORMAT}
SECTORS = ('512', '4096')


def some_files(more=()):
    """Contents of all lengths about a sector's."""
    rng = random.Random(7)
    files = {'index.html': b'<p>hello', 'empty': b'', 'a/b/c.bin': b'c' * 513,
             'one': b'1', 'Z': rng.randbytes(512), 'deep/er/x': b'x' * 511,
             'large.bin': rng.randbytes(300007),
             'sectors': rng.randbytes(8192),
             'n\xe4me \u2603.txt': b'snow', 'a-b': b'-', 'a.c': b'.'}
    files.update(more)
    return files


class Tar(Case):
    def image(self, data):
        """An image of whole sectors, of any size."""
        path = self.path('disk.img')
        with open(path, 'wb') as file:
            file.write(data)
            file.write(bytes(-len(data) % 4096))
        return path

    def app(self, data, *commands, sector='512', run=None):
        uri = f'd=file:{self.image(data)},ro,sector={sector}'
        return (run or self.good)('--block', uri, '-v', 'tar', *commands)

    def report(self, data):
        line = self.app(data, 'report').text.strip()
        pairs, _, damage = line.partition(' damage=')
        found = {key: int(n) for key, n in
                 (pair.split('=') for pair in pairs.split())}
        return {key: n for key, n in found.items() if n}, damage

    def check(self, data, files):
        expected = {key: checksum(value) for key, value in files.items()}
        for sector in SECTORS:
            run = self.app(data, 'sums', sector=sector)
            self.assertEqual(run.sums(), expected, run.log)
        run = self.app(data, 'list', '')
        keys = sorted(os.fsencode(key) for key in files)
        self.assertEqual([os.fsencode(line[0]) for line in run.listed()], keys)


def archive(entries, fmt='pax', end=True):
    """An archive of (name, bytes or a dict of what is special)."""
    out = io.BytesIO()
    with tarfile.TarFile(fileobj=out, mode='w', format=FORMATS[fmt]) as tar:
        for name, what in entries:
            info = tarfile.TarInfo(name)
            info.mtime = 1600000000
            data = what if isinstance(what, bytes) else what.pop('data', b'')
            if not isinstance(what, bytes):
                for key, value in what.items():
                    setattr(info, key, value)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        length = tar.offset
    return out.getvalue() if end else out.getvalue()[:length]


def summed(header):
    """A header with the right checksum."""
    header[148:156] = b' ' * 8
    header[148:156] = b'%06o\0 ' % sum(header)
    return header


class Good(Tar):
    def test_gnu_tar(self):
        for fmt in ('v7', 'oldgnu', 'gnu', 'ustar', 'posix'):
            files = some_files()
            long = 'l' * 80 + '/' + 'm' * 90
            if fmt != 'v7':
                files[long] = b'a name of 171 bytes'
            if fmt not in ('v7', 'ustar'):
                files['/'.join(['p' * 84] * 3)] = b'one of 254'
            for key, data in files.items():
                self.write(f'{fmt}/{key}', data)
            tar = subprocess.run(
                ['tar', '-H', fmt, '-cf', '-', '-C', self.path(fmt), '.'],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
            self.check(tar.stdout, files)
            self.assertEqual(self.report(tar.stdout),
                             ({'files': len(files)}, '-'), fmt)

    def test_python_tarfile(self):
        for fmt in FORMATS:
            more = {'p' * 100 + '/' + 'q' * 99: b'by its prefix'}
            if fmt != 'ustar':
                more['/'.join(['r' * 63] * 4)] = b'255 bytes'
            files = some_files(more)
            data = archive(files.items(), fmt)
            self.check(data, files)
            self.assertEqual(self.report(data), ({'files': len(files)}, '-'))

    def test_ten_thousand_files(self):
        rng = random.Random(3)
        files = {f'{i % 97:02}/{i % 13}/{i}': rng.randbytes(rng.randrange(900))
                 for i in range(10000)}
        self.check(archive(files.items(), 'ustar'), files)

    def test_times(self):
        data = archive([('a', {'mtime': 1234567890.25}),
                        ('b', {'mtime': -1.5}), ('c', {'mtime': 0})])
        times = [line[2] for line in self.app(data, 'list', '').listed()]
        self.assertEqual(times, [1234567890250000000, -1500000000, 0])

    def test_versions(self):
        """They follow from the header: the same for the same archive, and another
        for another time or size."""
        def versions(entries):
            listed = self.app(archive(entries), 'list', '').listed()
            return [line[3] for line in listed]
        base = [('a', b'one'), ('b', b'two')]
        one = versions(base)
        self.assertEqual(one, versions(base))
        self.assertNotEqual(one[0], one[1])
        later = versions([('a', {'data': b'one', 'mtime': 1600000001}),
                          ('b', b'two')])
        self.assertNotEqual(one[0], later[0])
        self.assertEqual(one[1], later[1])
        self.assertNotEqual(one[0], versions([('a', b'ones'), base[1]])[0])

    def test_content_types(self):
        data = archive([('a.html', b'x'), ('b', b'y')])
        self.assertEqual([line[4] for line in self.app(data, 'list', '').listed()],
                         ['text/html; charset=utf-8', '-'])

    def test_last_one_counts(self):
        data = archive([('a', b'old'), ('b', b'other'), ('./a', b'new'),
                        ('/a', b'newest')])
        self.check(data, {'a': b'newest', 'b': b'other'})
        self.assertEqual(self.report(data),
                         ({'files': 2, 'duplicates': 2}, '-'))

    def test_sparse_files_are_left_out(self):
        self.write('s/a', b'before')
        self.write('s/z', b'after')
        with open(self.path('s/holes'), 'wb') as file:
            for i in range(40): # more than a header has room for
                file.seek(i * 100000)
                file.write(b'data')
        for fmt in ('gnu', 'oldgnu', 'posix'):
            tar = subprocess.run(['tar', '-S', '-H', fmt, '--sort=name', '-cf',
                                  '-', '-C', self.path('s'), '.'],
                                 stdout=subprocess.PIPE, check=True)
            self.check(tar.stdout, {'a': b'before', 'z': b'after'})
            self.assertEqual(self.report(tar.stdout),
                             ({'files': 2, 'others': 1}, '-'), fmt)

    def test_size_in_base_256(self):
        """A file of more than 8 GiB: the hole costs nothing."""
        header = bytearray(tarfile.TarInfo('big').tobuf(tarfile.GNU_FORMAT))
        size = 9 << 30
        header[124:136] = bytes([0x80, 0, 0, 0]) + size.to_bytes(8, 'big')
        tail = archive([('after', b'there')])
        path = self.path('big.img')
        with open(path, 'wb') as file:
            file.write(summed(header))
            file.seek(512 + size)
            file.write(tail)
        run = self.good('--block', f'd=file:{path},ro', 'tar', 'list', '')
        self.assertEqual([line[:2] for line in run.listed()],
                         [('after', 5), ('big', size)])

    def test_empty(self):
        run = self.app(bytes(10240), 'list', '')
        self.assertEqual(run.text, '')
        self.assertIn("tar image 'd': has no files", run.log)

    def test_several_megabytes_by_runs_of_sectors(self):
        data = random.Random(5).randbytes((5 << 20) + 123)
        self.check(archive([('x', b'1'), ('big', data)]),
                   {'x': b'1', 'big': data})


class Hostile(Tar):
    def test_links_are_left_out(self):
        data = archive([('a', b'a'),
                        ('s', {'type': tarfile.SYMTYPE, 'linkname': '/etc/x'}),
                        ('h', {'type': tarfile.LNKTYPE, 'linkname': 'a'}),
                        ('c', {'type': tarfile.CHRTYPE}),
                        ('f', {'type': tarfile.FIFOTYPE}),
                        ('d', {'type': tarfile.DIRTYPE}), ('z', b'z')])
        self.check(data, {'a': b'a', 'z': b'z'})
        self.assertEqual(self.report(data),
                         ({'files': 2, 'links': 2, 'others': 2}, '-'))

    def test_names_that_are_no_keys(self):
        data = archive([('../a', b'1'), ('b/../../c', b'2'), ('d/..', b'3'),
                        ('/abs//o/./lute', b'4'), ('.', b'5'),
                        ('k' * 256, b'6'), ('k' * 255, b'7'), ('..a', b'8')])
        self.check(data, {'abs/o/lute': b'4', 'k' * 255: b'7', '..a': b'8'})
        self.assertEqual(self.report(data), ({'files': 3, 'names': 5}, '-'))

    def test_very_long_name(self):
        for fmt in ('gnu', 'pax'):
            data = archive([('a', b'1'), ('x' * 100000, b'2'), ('b', b'3')], fmt)
            self.check(data, {'a': b'1', 'b': b'3'})
            self.assertEqual(self.report(data), ({'files': 2, 'names': 1}, '-'))

    def test_no_archive(self):
        run = self.app(b'\x7fELF' + bytes(8000), run=self.bad)
        self.assertEqual(run.text, 'open: EINVAL\n')
        self.assertIn("tar image 'd': the disk does not begin with a tar "
                      'archive; write one: tar -cf DISK -C FOLDER .', run.log)

    def test_wrong_checksum(self):
        data = bytearray(archive([('a', b'1'), ('b', b'2'), ('c', b'3')],
                                 'ustar'))
        data[1024 + 3] ^= 1
        self.check(bytes(data), {'a': b'1'})
        self.assertEqual(self.report(bytes(data)), (
            {'files': 1}, 'the checksum of a header is wrong'))
        self.assertIn('the checksum of a header is wrong, at byte 1024',
                      self.app(bytes(data)).log)

    def test_past_the_end(self):
        for size in (b'%011o\0' % 5000, b'77777777777\0',
                     b'\x80\0\0\0' + b'\x7f' + b'\xff' * 7):
            header = bytearray(tarfile.TarInfo('long').tobuf(
                tarfile.USTAR_FORMAT))
            header[124:136] = size
            data = archive([('a', b'1')], 'ustar', end=False) + summed(header)
            self.check(data, {'a': b'1'})
            self.assertEqual(self.report(data)[1],
                             'a file goes past the end of the disk')

    def test_sizes_that_are_no_numbers(self):
        for size in (b'12x4567890\0\0', b'\xff' * 12, b'\x80' + b'\xff' * 11,
                     b'-0000000001\0'):
            header = bytearray(tarfile.TarInfo('odd').tobuf(
                tarfile.USTAR_FORMAT))
            header[124:136] = size
            data = archive([('a', b'1')], 'ustar', end=False) + summed(header)
            self.check(data, {'a': b'1'})
            self.assertEqual(self.report(data)[1], 'a size is no number')

    def test_malformed_pax(self):
        for record in (b'5 a=', b'999999999999 path=x\n', b'0 path=x\n',
                       b'11 path=x\n', b'path=x\n', b'8 path=x\n',
                       b'13 size=abc\n\n', b'12 size=-1\n\n'):
            header = bytearray(tarfile.TarInfo('p').tobuf(tarfile.USTAR_FORMAT))
            header[124:136] = b'%011o\0' % len(record)
            header[156:157] = b'x'
            data = (archive([('a', b'1')], 'ustar', end=False) +
                    summed(header) + record.ljust(512, b'\0') +
                    archive([('b', b'2')], 'ustar'))
            self.check(data, {'a': b'1'})
            self.assertIn(self.report(data)[1], ('a pax header is malformed',
                                                 'a size is no number'))

    def test_end_mark_missing(self):
        data = archive([('a', b'1'), ('b', b'2' * 4096)], 'ustar', end=False)
        data += archive([('c', bytes([1]) * (4096 - 1024 - 512 - 512))],
                        'ustar', end=False)
        self.assertEqual(len(data) % 4096, 0)
        self.assertEqual(self.report(data), (
            {'files': 3}, 'its end mark is missing'))

    def test_cut_anywhere(self):
        """An image that ends anywhere has what was whole, and does not crash."""
        entries = [('a' * 200, b'1' * 700), ('b', b'2' * 1500)]
        data = archive(entries)
        for end in range(512, len(data), 512):
            path = self.path('cut.img')
            with open(path, 'wb') as file:
                file.write(data[:end])
            run = self.good('--block', f'd=file:{path},ro', 'tar', 'sums')
            for key, total in run.sums().items():
                self.assertEqual(total, checksum(dict(entries)[key]))


if __name__ == '__main__':
    main()
