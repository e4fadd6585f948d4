"""What holds of every page: length of lines, links, names of files, sections of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import doc_words
import pytest
from doc_words import GLOSSARY, RARE, ROOT, unlinked, with_links

PAGES = [str(path.relative_to(ROOT)) for path in doc_words.pages()]
LONGEST = 120
ROOMS = "mapping|hdl|lava_procs|sim|training|spikexact|tests|docs|benchmarks|examples|tools"
PATH = re.compile(rf"(?<![\w/.-])(?:{ROOMS})/[\w/.*-]*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCES = [
    path
    for room in (*ROOMS.split("|"), "hdl/testbench")
    for pattern in ("*.py", "*.md")
    for path in (ROOT / room).rglob(pattern)
]
#: "contract, section 4", also where a line ends in between, of a comment too.
SECTION = re.compile(r"[Cc]ontract(?:\]\([^)]*\))?,?[\s#]+(?:\[)?section[\s#]+(\d+)")


def too_long(text: str) -> list[int]:
    """Return the numbers of the lines that are too long; an address alone on a line may be."""
    lines = enumerate(text.splitlines(), 1)
    return [n for n, line in lines if len(line) > LONGEST and not re.fullmatch(r"\s*\S+", line)]


def missing_paths(text: str) -> list[str]:
    """Return the files and folders that a page names, does not write itself, and that are not."""
    written = re.findall(r"^```python file\n# (\S+)", text, re.MULTILINE)
    named = {path.rstrip("./") for path in PATH.findall(text)}
    return sorted(p for p in named if not any(ROOT.glob(p)) and Path(p).name not in written)


def anchors(text: str) -> set[str]:
    """Return the addresses of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    return {re.sub(r"\s", "-", heading.strip()) for heading in plain}


def broken_links(page: Path, text: str) -> list[str]:
    """Return the links of a page to files or headings that are not there."""
    found = []
    for target in LINK.findall(re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)):
        name, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", name):
            continue
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            found.append(target)
    return found


def unknown_sections(text: str, sections: set[str]) -> list[str]:
    """Return the sections of the contract that a text names and that do not exist."""
    return [number for number in SECTION.findall(text) if number not in sections]


def sections() -> set[str]:
    """Return the numbers of the contract's sections."""
    return set(re.findall(r"^## (\d+)\. ", (ROOT / "docs/contract.md").read_text("utf-8"), re.M))


@pytest.mark.parametrize("page", [*PAGES, "hdl/testbench/TESTBENCH.md"])
def test_lines_are_short(page: str) -> None:
    assert too_long((ROOT / page).read_text("utf-8")) == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page: str) -> None:
    assert missing_paths((ROOT / page).read_text("utf-8")) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert broken_links(ROOT / page, (ROOT / page).read_text("utf-8")) == []


@pytest.mark.parametrize("page", [p for p in PAGES if ROOT / p != GLOSSARY])
def test_first_use_of_a_rare_word_leads_to_the_glossary(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    lines = [(entry, text[:at].count("\n") + 1) for entry, at, _ in unlinked(ROOT / page, text)]
    assert lines == [], f"python tests/doc_words.py {page}"


def test_the_glossary_has_every_rare_word() -> None:
    assert RARE.keys() <= anchors(GLOSSARY.read_text("utf-8"))


def test_sections_of_the_contract_are_numbered_from_one() -> None:
    assert sections() == {str(n) for n in range(1, len(sections()) + 1)} and len(sections()) == 7


def test_sections_that_are_named_exist() -> None:
    named = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in SOURCES}
    named.pop("tests/test_docs_form.py")
    found = {path: wrong for path, t in named.items() if (wrong := unknown_sections(t, sections()))}
    assert found == {}
    assert sum(len(SECTION.findall(text)) for text in named.values()) >= 12


def test_planted_faults_of_form_are_found() -> None:
    page = ROOT / "docs/page.md"
    assert too_long("x y" + "z" * 120) == [1] and too_long("https://" + "z" * 120) == []
    assert missing_paths("see `mapping/nothing.py`, and docs/figures/.") == ["mapping/nothing.py"]
    assert missing_paths("```python file\n# toy.py\n```\nas sim/toy.py and sim/no.py") == [
        "sim/no.py"
    ]
    assert broken_links(page, "[a](nothing.md) [b](contract.md#0-no) [c](json.md)") == [
        "nothing.md", "contract.md#0-no",
    ]  # fmt: skip
    assert unknown_sections("# (contract,\n    # section 9)", sections()) == ["9"]
    assert unknown_sections("contract, [section 8](contract.md#x)", sections()) == ["8"]
    assert unknown_sections("contract section 4, and (contract,\nsection 5)", sections()) == []


def test_first_use_is_found_and_linked() -> None:
    page = ROOT / "docs/tutorials/page.md"
    passed = "# A lattice\n\n`lattice` [lattice](x.md)\n| lattice |\n\n```text\nlattice\n```\n"
    text = f"{passed}The lattice, a lattice\n"
    ((entry, start, _),) = unlinked(page, text)
    assert (entry, text[start : start + 10]) == ("lattice", "lattice, a")
    linked = with_links(page, text)
    assert linked.endswith("The [lattice](../glossary.md#lattice), a lattice\n")
    assert not list(unlinked(page, linked))
    late = "The lattice, the [lattice](../glossary.md#lattice)\n"
    assert [entry for entry, *_ in unlinked(page, late)] == ["lattice"]
