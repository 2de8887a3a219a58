#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""selftest.py PROGRAM BUGS_H: does the conformance suite notice planted bugs?

Without a bug no case may fail. With each bug of BUGS_H planted, every case that
the table names for it must fail, and the first of them must blame the tag that
the table says is broken. Prints TAP.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

ENTRY = re.compile(r'X\((\w+), "([^"]+)", "([^"]+)", "([^"]+)"\)')
TIMEOUT_S = 120


def verdicts(program, fixture, pattern, bug=None):
    """What became of the cases that match `pattern`, as the runner reports it."""
    environment = {k: v for k, v in os.environ.items()
                   if k != 'MIRAGE_SELFTEST_BUG'}
    if bug is not None:
        environment['MIRAGE_SELFTEST_BUG'] = bug
    with tempfile.NamedTemporaryFile('r', suffix='.json') as report:
        subprocess.run(
            [program, '--fixture', fixture, '--filter', pattern,
             '--json', report.name],
            env=environment, timeout=TIMEOUT_S, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [json.loads(line) for line in report]


def unbroken(program, fixture):
    """What is wrong without a bug: a list of lines."""
    found = verdicts(program, fixture, '*')
    if not any(case['verdict'] == 'pass' for case in found):
        return ['no case passed']
    return [f'{case["case"]}: {case["text"]}' for case in found
            if case['verdict'] == 'fail']


def escape(program, bug, tag, claim):
    """Why `claim` is not true, or None. `tag` is None where any may be blamed."""
    fixture, _, pattern = claim.rpartition(':')
    found = verdicts(program, fixture or 'full', pattern, bug)
    if len(found) != 1:
        return f'{claim}: {len(found)} cases'
    case = found[0]
    # An option that is refused ends the program with status 2: no bug was there.
    if case['verdict'] != 'fail' or \
            case['text'].startswith('mirage_run returned 2'):
        return f'{claim}: {case["verdict"]} {case["text"]}'
    if tag is not None and tag not in (case['claimed'] or case['tags']).split():
        return f'{claim}: blames {case["claimed"] or case["tags"]}'
    return None


def escapes(program, bug, tag, claims):
    """The claims that did not notice `bug`."""
    found = [escape(program, bug, tag if claim == claims[0] else None, claim)
             for claim in claims]
    return [why for why in found if why is not None]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program, table = sys.argv[1:3]
    wanted = sys.argv[3] if len(sys.argv) == 4 else ''
    with open(table, encoding='utf-8') as text:
        bugs = [(name, tag, claims.split())
                for _, name, tag, claims in ENTRY.findall(text.read())
                if wanted in name]
    results = []
    if not wanted:
        results = [(f'{fixture}: passes unbroken', unbroken(program, fixture))
                   for fixture in ('full', 'plain')]
    results += [(f'{name} [{tag}]: caught by {", ".join(claims)}',
                 escapes(program, name, tag, claims))
                for name, tag, claims in bugs]
    print(f'1..{len(results)}')
    for number, (what, wrong) in enumerate(results, 1):
        print(f'{"not " if wrong else ""}ok {number} - {what}')
        for line in wrong:
            print(f'# {line}')


if __name__ == '__main__':
    main()
