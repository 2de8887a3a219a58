#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mirage-crunch: makes a folder into a C file, which mirage_kv_crunched_open
(mirage-kv.h) makes into a store. See mirage-crunch(1)."""
import argparse
import datetime
import fnmatch
import hashlib
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import zlib

VERSION = '0.1.0'
KEY_MAX = 255
NS = 10 ** 9
# A compressed form takes memory of its own: it must save a tenth.
WORTH = 0.9


class Wrong(Exception):
    """What is wrong, with the remedy."""


class File:
    """A key with its bytes."""

    def __init__(self, key, data, modified_ns):
        self.key = key
        self.data = data
        self.modified_ns = modified_ns
        self.version = hashlib.sha256(data).digest()[:16]
        self.content_type = None


# ----------------------------------------------------------------- Folder ---

def excluded(key, globs):
    name = key.rsplit(b'/', 1)[-1]
    return any(fnmatch.fnmatchcase(text, os.fsencode(glob))
               for glob in globs for text in (key, name))


def walk(folder, globs, seen, prefix=b''):
    """(key, path) of each file below `folder`; notes the folders in `seen`."""
    seen.append(folder)
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        key = prefix + entry.name
        if excluded(key, globs):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, globs, seen, key + b'/')
            continue
        try:
            mode = os.stat(entry.path).st_mode
        except FileNotFoundError:
            raise Wrong(f'{os.fsdecode(entry.path)}: is a link to nothing; '
                        'remove it, or leave it out with --exclude') from None
        if not stat.S_ISREG(mode):
            raise Wrong(f'{os.fsdecode(entry.path)}: is no file; remove it, or '
                        'leave it out with --exclude')
        if len(key) > KEY_MAX:
            raise Wrong(f'{os.fsdecode(key)}: a key has at most {KEY_MAX} '
                        'bytes; shorten it')
        yield key, entry.path


def modified_ns(path, when):
    return os.stat(path).st_mtime_ns if when == 'files' else when


def read_folder(folder, globs, when):
    """The files, and the paths that they depend on."""
    files, paths = [], []
    for key, path in walk(os.fsencode(folder), globs, paths):
        with open(path, 'rb') as file:
            files.append(File(key, file.read(), modified_ns(path, when)))
        paths.append(path)
    return files, paths


# ------------------------------------------------------------ Compression ---

def gzipped(data):
    """RFC 1952, without a time or a name, so that it is always the same."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return (b'\x1f\x8b\x08\0\0\0\0\0\x02\xff' + deflate.compress(data) +
            deflate.flush() +
            struct.pack('<II', zlib.crc32(data), len(data) & 0xffffffff))


def brotlied(data):
    """RFC 7932, by brotli(1)."""
    run = subprocess.run(['brotli', '--best', '--stdout'], input=data,
                         stdout=subprocess.PIPE, check=True)
    return run.stdout


FORMS = {'gz': gzipped, 'br': brotlied}


def compressed(files, forms):
    """The compressed forms that are worth it and not there already."""
    there = {file.key for file in files}
    for file in files:
        if file.key.endswith((b'.gz', b'.br')):
            continue
        for form in forms:
            key = file.key + b'.' + form.encode()
            if key in there or len(key) > KEY_MAX:
                continue
            data = FORMS[form](file.data)
            if len(data) <= len(file.data) * WORTH:
                yield File(key, data, file.modified_ns)


# --------------------------------------------------------------------- C ---

ESCAPES = {byte: f'\\{byte:03o}' for byte in range(256)}
ESCAPES.update({byte: chr(byte) for byte in range(0x20, 0x7f)
                if byte not in b'"\\?'})


def literal(data, indent):
    """A C string of `data`, in lines."""
    lines, line = [], ''
    for byte in data:
        line += ESCAPES[byte]
        if len(line) > 68:
            lines.append(line)
            line = ''
    if line or not lines:
        lines.append(line)
    return '\n'.join(f'{indent}"{line}"' for line in lines)


def c_file(file, number):
    version = ', '.join(f'{byte:#04x}' for byte in file.version)
    fields = [f'.key =\n{literal(file.key, "			")}',
              f'.bytes = bytes_{number}',
              f'.length_bytes = {len(file.data)}',
              f'.modified_ns = {file.modified_ns}',
              f'.version = {{{version}}}']
    if file.content_type is not None:
        quoted = literal(file.content_type.encode(), '\t\t\t')
        fields.append(f'.content_type =\n{quoted}')
    body = ''.join(f'\t\t{field},\n' for field in fields)
    return f'\t{{\n{body}\t}},\n'


def c_source(files, name):
    yield '/* Made by mirage-crunch. */\n#include <mirage-kv.h>\n\n'
    yield '#if defined(__GNUC__)\n'
    yield '#pragma GCC diagnostic ignored "-Woverlength-strings"\n#endif\n\n'
    for number, file in enumerate(files):
        # The array has no room for the NUL, unless there is nothing else.
        yield (f'static const unsigned char bytes_{number}'
               f'[{max(len(file.data), 1)}] =\n'
               f'{literal(file.data, chr(9))};\n\n')
    if files:
        yield 'static const struct mirage_kv_crunched_file files[] = {\n'
        for number, file in enumerate(files):
            yield c_file(file, number)
        yield '};\n\n'
    yield f'extern const struct mirage_kv_crunched {name};\n'
    yield (f'const struct mirage_kv_crunched {name} = {{\n'
           f'\t.size = sizeof {name},\n'
           f'\t.n_files = {len(files)},\n'
           f'\t.files = {"files" if files else "NULL"},\n}};\n')


# --------------------------------------------------------------- Arguments ---

def c_name(text):
    if not re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', text):
        raise argparse.ArgumentTypeError(f"'{text}' is no name in C")
    return text


def time_of(text):
    """files, none, seconds since 1970, or a date: nanoseconds, or 'files'."""
    if text in ('files', 'none'):
        return 'files' if text == 'files' else 0
    if re.fullmatch(r'\d{1,10}', text):
        return int(text) * NS
    try:
        date = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is none of: files, none, seconds since 1970, a date "
            'such as 2026-01-31 or 2026-01-31T12:00:00Z') from None
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    return int(date.timestamp()) * NS


def forms_of(text):
    if text == 'auto':
        return ['gz'] + (['br'] if shutil.which('brotli') else [])
    forms = [] if text == 'none' else text.split(',')
    for form in forms:
        if form not in FORMS:
            raise argparse.ArgumentTypeError(
                f"'{form}' is none of: auto, none, gz, br")
    if 'br' in forms and not shutil.which('brotli'):
        raise argparse.ArgumentTypeError(
            'br needs the command brotli (Debian: brotli)')
    return forms


def type_of(text):
    suffix, equals, content_type = text.partition('=')
    if not suffix or not equals or '/' not in content_type:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not SUFFIX=TYPE, such as foo=text/plain")
    return '.' + suffix.lower().lstrip('.'), content_type


def arguments():
    parser = argparse.ArgumentParser(
        prog='mirage-crunch', allow_abbrev=False,
        description='Makes the files of a folder into data of a C program.')
    add = parser.add_argument
    add('folder', metavar='FOLDER', help='whose files become keys')
    add('--output', metavar='FILE', help='where the C goes; else it is printed')
    add('--name', metavar='NAME', type=c_name, default='site',
        help='of the struct mirage_kv_crunched (site)')
    add('--modified', metavar='WHEN', type=time_of,
        help='when the files were modified: files, none, seconds since 1970, '
        'or a date; else SOURCE_DATE_EPOCH, or none')
    add('--compress', metavar='FORMS', type=forms_of, default='auto',
        help='gz,br, one of them, or none; auto: gz, and br if brotli is there')
    add('--exclude', metavar='GLOB', action='append', default=[],
        help='leaves keys or names out; may be repeated')
    add('--type', metavar='SUFFIX=TYPE', action='append', type=type_of,
        default=[], help='a content type that is not in the table, or another')
    add('--depfile', metavar='FILE',
        help='notes what the output depends on, for make and ninja')
    add('--version', action='version', version=f'mirage-crunch {VERSION}')
    taken = parser.parse_args()
    if taken.modified is None:
        epoch = os.environ.get('SOURCE_DATE_EPOCH', 'none')
        try:
            taken.modified = time_of(epoch)
        except argparse.ArgumentTypeError:
            parser.error(f'SOURCE_DATE_EPOCH={epoch} is no number of seconds')
    return taken


def write_depfile(path, output, paths):
    def quote(name):
        return re.sub(r'([ #\\])', r'\\\1', os.fsdecode(name)).replace('$',
                                                                      '$$')
    with open(path, 'w', encoding='utf-8', errors='surrogateescape') as file:
        file.write(quote(output or '-') + ':')
        file.writelines(f' \\\n  {quote(name)}' for name in paths)
        file.write('\n')


def crunch(taken):
    files, paths = read_folder(taken.folder, taken.exclude, taken.modified)
    files += compressed(files, taken.compress)
    files.sort(key=lambda file: file.key)
    types = dict(taken.type)
    for file in files:
        suffix = os.path.splitext(os.fsdecode(file.key))[1].lower()
        file.content_type = types.get(suffix)
    source = ''.join(c_source(files, taken.name))
    if taken.output is None:
        sys.stdout.write(source)
    else:
        with open(taken.output, 'w', encoding='ascii') as file:
            file.write(source)
    if taken.depfile is not None:
        write_depfile(taken.depfile, taken.output, paths)


def main():
    taken = arguments()
    try:
        crunch(taken)
    except Wrong as wrong:
        sys.exit(f'mirage-crunch: {wrong}')
    except OSError as error:
        sys.exit(f'mirage-crunch: {os.fsdecode(error.filename or "")}: '
                 f'{error.strerror}')
    except subprocess.CalledProcessError:
        sys.exit('mirage-crunch: brotli failed; leave it out with '
                 '--compress=gz')


if __name__ == '__main__':
    main()
