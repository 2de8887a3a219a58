#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""report.py: the conformance suite's results as one page, case by backend.

  report.py HEADER OUTPUT.html [NAME=]RESULT...

A RESULT is what a Check runner wrote with --json FILE, or the TAP of a TAP
runner (NAME names its column). With --run PROGRAM:FIXTURE in place of a RESULT
the program is run first.
"""
import html
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import requirements  # noqa: E402  pylint: disable=wrong-import-position

TAP = re.compile(r'^(not )?ok \d+ - (\S+)(?: # SKIP (.*))?$')
MARKS = {'pass': '\N{CHECK MARK}', 'fail': '\N{BALLOT X}',
         'skip': '\N{EN DASH}'}

STYLE = '''
:root { color-scheme: light dark; --paper: #fdfdfb; --ink: #1c1e21;
  --soft: #6a6f76; --line: #dcdcd6; --head: #f1f1ec; --good: #19713a;
  --bad: #b3261e; --bad-back: #fbe4e1; }
@media (prefers-color-scheme: dark) { :root { --paper: #15171a; --ink: #e4e4e0;
  --soft: #989ea6; --line: #2e3238; --head: #1e2126; --good: #6fcf8f;
  --bad: #ff9b92; --bad-back: #43201d; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  font: 15px/1.45 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { color: var(--soft); margin: .2rem 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .22rem .6rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; }
thead th { background: var(--head); position: sticky; top: 0;
  white-space: nowrap; }
td.mark, th.mark { text-align: center; width: 5.5rem; }
td.tags { color: var(--soft); font-size: .85rem; }
code { font: .92em ui-monospace, monospace; }
.pass { color: var(--good); } .skip { color: var(--soft); }
.fail { color: var(--bad); background: var(--bad-back); font-weight: 600; }
summary { cursor: pointer; } dt { font-weight: 600; margin-top: .7rem; }
dd { margin: 0 0 0 1.2rem; color: var(--soft); }
'''


def from_json(text):
    """column -> case -> (verdict, text), and case -> tags."""
    columns, tags = {}, {}
    for line in text.splitlines():
        row = json.loads(line)
        column = columns.setdefault(row['fixture'], {})
        column[row['case']] = (row['verdict'], row['text'])
        tags[row['case']] = row['tags']
    return columns, tags


def from_tap(name, text):
    column = {}
    for match in filter(None, map(TAP.match, text.splitlines())):
        verdict = 'fail' if match[1] else 'skip' if match[3] else 'pass'
        column[match[2]] = (verdict, match[3] or '')
    return {name: column}, {}


def run(what):
    program, fixture = what.rsplit(':', 1)
    with tempfile.NamedTemporaryFile('r', suffix='.json') as file:
        subprocess.run([program, '--fixture', fixture, '--json', file.name],
                       stdout=subprocess.DEVNULL, check=False)
        return file.read()


def read(argument):
    name, _, path = argument.rpartition('=')
    text = pathlib.Path(path).read_text(encoding='utf-8')
    if text.startswith('{'):
        return from_json(text)
    return from_tap(name or pathlib.Path(path).stem, text)


def collect(arguments):
    columns, tags = {}, {}
    arguments = iter(arguments)
    for argument in arguments:
        found, cited = from_json(run(next(arguments))) \
            if argument == '--run' else read(argument)
        columns.update(found)
        tags.update(cited)
    return columns, tags


def count(column, verdict):
    return sum(1 for found, _ in column.values() if found == verdict)


def summary_table(columns):
    yield '<div class="scroll"><table><thead><tr><th>fixture</th>'
    yield ''.join(f'<th class="mark">{what}</th>' for what in
                  ('passed', 'failed', 'skipped')) + '</tr></thead><tbody>'
    for name, column in columns.items():
        cells = ''.join(
            f'<td class="mark {verdict if count(column, verdict) else ""}">'
            f'{count(column, verdict)}</td>'
            for verdict in ('pass', 'fail', 'skip'))
        yield f'<tr><td>{html.escape(name)}</td>{cells}</tr>'
    yield '</tbody></table></div>'


def cell(column, case):
    verdict, text = column.get(case, ('', 'not in this runner'))
    return (f'<td class="mark {verdict}" title="{html.escape(text)}">'
            f'{MARKS.get(verdict, "")}</td>')


def matrix(columns, tags, sentences):
    cases = list(dict.fromkeys(c for column in columns.values()
                               for c in column))
    for group in dict.fromkeys(case.split('.')[0] for case in cases):
        yield f'<h2>{html.escape(group)}</h2><div class="scroll"><table>'
        yield '<thead><tr><th>case</th><th>sentences</th>' + ''.join(
            f'<th class="mark">{html.escape(name)}</th>' for name in columns)
        yield '</tr></thead><tbody>'
        for case in (c for c in cases if c.split('.')[0] == group):
            cited = ' '.join(
                f'<span title="{html.escape(sentences.get(tag, ""))}">{tag}'
                '</span>' for tag in tags.get(case, '').split())
            yield (f'<tr><td><code>{html.escape(case.split(".", 1)[1])}</code>'
                   f'</td><td class="tags">{cited}</td>' +
                   ''.join(cell(column, case) for column in columns.values())
                   + '</tr>')
        yield '</tbody></table></div>'


def notes(columns, verdict, title):
    reasons = {}
    for name, column in columns.items():
        for case, (found, text) in column.items():
            if found == verdict:
                reasons.setdefault((case, text), []).append(name)
    if not reasons:
        return
    yield f'<h2>{title}</h2><details{" open" if verdict == "fail" else ""}>'
    yield f'<summary>{len(reasons)}</summary><dl>'
    for (case, text), names in reasons.items():
        yield (f'<dt><code>{html.escape(case)}</code></dt><dd>'
               f'{html.escape(text)} ({", ".join(names)})</dd>')
    yield '</dl></details>'


def page(columns, tags, sentences):
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f'<title>Mirage conformance</title><style>{STYLE}</style>'
    yield '<h1>Mirage conformance</h1>'
    yield (f'<p>{len(sentences)} sentences of <code>mirage.h</code>, by case '
           'and backend. A skip is not a pass: hover over it for the reason, '
           'and over a tag for its sentence.</p>')
    yield from summary_table(columns)
    yield from notes(columns, 'fail', 'Failures')
    yield from matrix(columns, tags, sentences)
    yield from notes(columns, 'skip', 'Skips, with their reasons')


def main(arguments):
    if len(arguments) < 3:
        sys.exit(__doc__)
    header = pathlib.Path(arguments[0]).read_text(encoding='utf-8')
    columns, tags = collect(arguments[2:])
    text = '\n'.join(page(columns, tags, requirements.sentences(header)))
    pathlib.Path(arguments[1]).write_text(text + '\n', encoding='utf-8')
    cases = {case for column in columns.values() for case in column}
    print(f'{arguments[1]}: {len(cases)} cases, {len(columns)} fixtures')


if __name__ == '__main__':
    main(sys.argv[1:])
