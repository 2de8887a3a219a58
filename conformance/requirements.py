#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""requirements.py: which sentences of mirage.h are tested, and by what.

  requirements.py check HEADER CASE_FILE...   every tag has a case, and every
                                              cited tag exists
  requirements.py table HEADER                C source: tag -> sentence
  requirements.py list HEADER CASE_FILE...    tag, cases, sentence
"""
import re
import sys

TAG = re.compile(r'\[([A-Z]{3}-\d\d)\]')
CASE = re.compile(r'^(?:[A-Z0-9]+_)*CASE\(\s*(\w+),\s*(\w+),\s*((?:"[^"]*"\s*)+)', re.M)


def comments(text):
    """Each comment of the header, with what it annotates on its first line."""
    for match in re.finditer(r'/\*.*?\*/', text, re.S):
        start = text.rfind('\n', 0, match.start()) + 1
        yield text[start:match.start()].strip(), match.group(0)


def paragraphs(comment):
    """Runs of lines; each line of an indented table that ends in a tag ends
    its run."""
    lines, table = [], False
    for line in comment[2:-2].split('\n'):
        line = re.sub(r'^\s*\*?[* ]?', '', line)
        indented = line.startswith('\t')
        if not line.strip() or indented != table:
            yield ' '.join(lines)
            lines = []
        table = indented
        lines.append(line.strip())
        if indented and TAG.search(line):
            yield ' '.join(lines)
            lines = []
    yield ' '.join(lines)


def sentences(header):
    """tag -> the sentence that it ends or stands in, in the header's order."""
    found = {}
    for before, comment in comments(header):
        for paragraph in paragraphs(comment):
            paragraph = re.sub(r'\s+', ' ', paragraph)
            for sentence in re.split(r'(?<=[.!?\]])(?<!\w\.\w)\.? (?=[A-Z`])',
                                     paragraph):
                tags = TAG.findall(sentence)
                if 'a tag such as' in sentence:
                    continue
                for tag in tags:
                    # With several tags they tell which part is whose.
                    text = sentence if len(tags) > 1 \
                        else TAG.sub('', sentence)
                    text = re.sub(r'\s+', ' ', text)
                    text = re.sub(r' ([.,;:)]|$)', r'\1', text).strip()
                    if before and not before.startswith('#'):
                        name = re.findall(r'\w+(?=\[|;|,|$)', before)
                        text = f'{" ".join(name) or before}: {text}'
                    found.setdefault(tag, text)
    return found


def citations(paths):
    """tag -> the ids of the cases that cite it."""
    cited = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            for group, name, tags in CASE.findall(file.read()):
                for tag in re.sub(r'"\s*"', '', tags).strip().strip('"').split():
                    cited.setdefault(tag, []).append(f'{group}.{name}')
    return cited


def check(header, paths):
    required, cited = sentences(header), citations(paths)
    wrong = 0
    for tag, sentence in required.items():
        if tag not in cited:
            print(f'no case cites {tag}: {sentence}')
            wrong += 1
    for tag, cases in cited.items():
        if tag not in required:
            print(f'{", ".join(cases)}: mirage.h has no tag {tag}')
            wrong += 1
    cases = {case for ids in cited.values() for case in ids}
    print(f'{len(required)} tags, {len(cases)} cases, {wrong} wrong')
    return 1 if wrong else 0


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def table(header):
    print('/* Made from mirage.h by requirements.py. */')
    print('#include "harness.h"\n')
    print('static const struct {\n\tchar tag[8];\n\tconst char *sentence;')
    print('} sentences[] = {')
    for tag, sentence in sentences(header).items():
        print(f'\t{{"{tag}", {c_string(sentence)}}},')
    print('};\n')
    print('const char *conf_sentence(const char *tag)\n{')
    print('\tunsigned i;\n')
    print('\tfor (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)')
    print('\t\tif (conf_same(sentences[i].tag, tag, 6))')
    print('\t\t\treturn sentences[i].sentence;')
    print('\treturn NULL;\n}')
    return 0


def listing(header, paths):
    cited = citations(paths)
    for tag, sentence in sentences(header).items():
        print(f'{tag}  {" ".join(cited.get(tag, ["(none)"]))}\n\t{sentence}')
    return 0


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in ('check', 'table', 'list'):
        sys.exit(__doc__)
    with open(arguments[1], encoding='utf-8') as file:
        header = file.read()
    if arguments[0] == 'check':
        return check(header, arguments[2:])
    if arguments[0] == 'list':
        return listing(header, arguments[2:])
    return table(header)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
