#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""test_pages.py SOURCE: every link within the project leads somewhere, and what
the pages tell people to type exists. Speaks TAP."""
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1]).resolve()
PAGES = [page for page in SOURCE.rglob("*.md")
         if not re.match(r"(build|subprojects|\.)",
                         page.relative_to(SOURCE).parts[0])
         and "node_modules" not in page.parts]


def dead_links(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    return [link for link in links if not (page.parent / link).exists()]


def unknown_targets(page):
    """`make` targets on a page that the Makefile does not have."""
    makefile = (SOURCE / "Makefile").read_text()
    words = re.findall(r"^(?:    |`*)make ([a-z][a-z-]*)|`make ([a-z-]+)",
                       page.read_text(), re.M)
    return [a or b for a, b in words
            if not re.search(rf"^[a-z -]*\b{a or b}\b[a-z -]*:", makefile,
                             re.M)]


def main():
    print(f"1..{len(PAGES)}")
    for number, page in enumerate(sorted(PAGES), 1):
        wrong = dead_links(page) + unknown_targets(page)
        name = page.relative_to(SOURCE)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        if wrong:
            print(f"# leads nowhere: {wrong}")


main()
