"""Rare words of the pages, and their links to the glossary: ``python tests/doc_words.py PAGE..``.

The first use of each on a page must be a link to its entry; run as a program, this file sets the
links that are missing. Code, headings, rows of tables, hidden blocks and other links do not count.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs/glossary.md"
#: Entry of the glossary to the forms in which pages use the word.
RARE = {
    "acc": r"acc",
    "agmm": r"AGMM",
    "beat": r"beats?",
    "direct-coding": r"direct(?:-coded| coding)",
    "directed-stimuli": r"[Dd]irected",
    "drive": r"drive(?= of| never|,|;|\.)",
    "dyadic": r"dyadic",
    "fan-in": r"fan-in|fan-out",
    "first-divergence": r"first divergence",
    "held": r"\*held\*|held neurons?",
    "judge": r"(?<=he )judge",
    "lattice": r"lattice",
    "mac": r"MACs?",
    "near-tie": r"[Nn]ear-ties?",
    "pe-and-simd": r"PE|SIMD",
    "popcount": r"popcounts?",
    "population": r"[Pp]opulations?",
    "read-out": r"[Rr]ead-outs?",
    "sop": r"SOPs?",
    "tie": r"[Tt]ies",
}
#: What is no prose, and what is a link: each is passed over as a whole.
PASSED = re.compile(
    r"^```.*?^```|<!--.*?-->|^#.*?$|^\|.*?$|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)",
    re.DOTALL | re.MULTILINE,
)


def pages() -> list[Path]:
    """Return README, CONTRIBUTING and every page of docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def link(page: Path, entry: str) -> str:
    """Return the address of an entry of the glossary, as a page writes it."""
    return f"{Path(os.path.relpath(GLOSSARY, page.parent)).as_posix()}#{entry}"


def unlinked(page: Path, text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (entry, start, end) of every rare word whose first use on a page is no link to it."""
    places = [(m.start(), m.end()) for m in PASSED.finditer(text)]
    for entry, form in RARE.items():
        linked = text.find(f"]({link(page, entry)})")
        for found in re.finditer(rf"(?<![\w-])(?:{form})(?![\w-])", text):
            if 0 <= linked < found.start():
                break
            if not any(start <= found.start() < end for start, end in places):
                yield entry, found.start(), found.end()
                break


def with_links(page: Path, text: str) -> str:
    """Return a page's text with every first use linked."""
    for entry, start, end in sorted(unlinked(page, text), key=lambda item: -item[1]):
        word = text[start:end]
        text = f"{text[:start]}[{word}]({link(page, entry)}){text[end:]}"
    return text


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name).resolve()
        path.write_text(with_links(path, path.read_text("utf-8")), "utf-8")
