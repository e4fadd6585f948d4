"""Run the code blocks of a page of documentation: ``python tests/doc_blocks.py PAGE``.

They run in order, in one namespace and the current folder. What stands behind the fence says what
a block is:

``python``          runs; a comment ``<!--python .. -->`` runs too, and prepares what readers have
``console``         ``$ command`` runs in a shell and must succeed; lines below it, where there are
                    any, stand in its output in this order (``..`` is anything)
``console parsed``  takes too long, or needs what is not at hand: its options and files must exist
``python file``     is written to the file that its first line names: ``# my_net.py``
``toml``            is, too: ``# net.toml, and more words``
``text``            is no code

Anything else is an error: a block that nobody runs goes wrong unseen.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("python", "python file", "console", "console parsed", "toml", "text")
HIDDEN = re.compile(r"<!--(python)\n(.*?)-->", re.DOTALL)


class PageError(Exception):
    """What is wrong with a page, and in which line; what its Python raises is left as it is."""


@dataclass(frozen=True)
class Block:
    """One block: its kind, its text, and the line of the page on which the text begins."""

    kind: str
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """Give the blocks of a page in order; PageError of one whose kind is not said."""
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(page):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "fence":
            if token.info.strip() not in KINDS:
                raise PageError(f"line {line}: a block is one of {', '.join(KINDS)}, not "
                                 f"{token.info.strip()!r}")  # fmt: skip
            yield Block(token.info.strip(), token.content, line + 1)
        elif token.type == "code_block":
            raise PageError(f"line {line}: an indented block does not say what it is: fence it")
        elif token.type == "html_block" and (found := HIDDEN.match(token.content)):
            yield Block(found[1], found[2], line + 1)


def run(path: Path) -> int:
    """Run a page's blocks in the current folder; return how many."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    count = 0
    for block in blocks(path.read_text(encoding="utf-8")):
        count += 1
        if block.kind == "python":  # empty lines in front: a traceback names the page's own line
            code = compile("\n" * (block.line - 1) + block.text, str(path), "exec")
            exec(code, namespace)
        elif block.kind in ("python file", "toml"):
            Path(block.text.lstrip("# ").split()[0].rstrip(",:")).write_text(block.text, "utf-8")
        elif block.kind != "text":
            for line, command, output in commands(block):
                try:
                    parse(command) if block.kind == "console parsed" else shell(command, output)
                except (PageError, OSError) as error:
                    raise PageError(f"line {line}: {command}: {error}") from None
    return count


def commands(block: Block) -> Iterator[tuple[int, str, list[str]]]:
    """Give a console block's commands: line, command, and the lines of output below it."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if found and found[-1][1].endswith("\\"):
            found[-1] = (found[-1][0], found[-1][1][:-1] + line.strip(), [])
        elif line.startswith("$ "):
            found.append((number, line[2:].strip(), []))
        elif not found:
            raise PageError(f"line {number}: a console block begins with '$ command'")
        elif line.strip():
            found[-1][2].append(line.strip())
    yield from found


def shell(command: str, output: list[str]) -> None:
    """Run a command, which must succeed and say what the page says it does."""
    done = subprocess.run(
        command, shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise PageError(f"exit status {done.returncode}: {done.stdout[-2000:]}")
    rest = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in output:
        pattern = ".*".join(re.escape(part) for part in " ".join(line.split()).split(".."))
        where = next((k for k, said in enumerate(rest) if re.fullmatch(pattern, said)), None)
        if where is None:
            raise PageError(f"it does not say {line!r}: {done.stdout[-2000:]}")
        rest = rest[where + 1 :]


def parse(command: str) -> None:
    """Check a command without running it: program, files and options exist."""
    program, *words = shlex.split(command, comments=True)
    if program == "spikexact":
        _spikexact(words)
    elif program == "torchrun":
        _spikexact(words[words.index("spikexact") + 1 :])
    elif program == "make":
        dry = ["make", "-n", *words]
        if subprocess.run(dry, cwd=ROOT, capture_output=True).returncode:
            raise PageError("make knows no such target")
    elif program == "python":
        text = (ROOT / words[0]).read_text(encoding="utf-8")
        for word in words[1:]:
            if word.startswith("--") and f'"{word}"' not in text:
                raise PageError(f"{words[0]} has no option {word}")
    elif program == "pip":
        _pip(words)
    else:
        raise PageError(f"no way to check {program!r} without running it")


def _spikexact(words: list[str]) -> None:
    import typer

    from spikexact.cli import app

    group = typer.main.get_command(app)
    try:
        with group.make_context("spikexact", [words[0]], resilient_parsing=True) as context:
            if (command := group.get_command(context, words[0])) is None:
                raise PageError(f"No such command {words[0]!r}")
            command.make_context(words[0], words[1:])
    except Exception as error:
        if (message := getattr(error, "format_message", None)) is None:
            raise
        raise PageError(message()) from None  # a usage error of the parser


def _pip(words: list[str]) -> None:
    """Every extra that is asked of this project is one of its extras."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words:
        if (found := re.fullmatch(r"(?:\.|spikexact)\[(.*)\]", word)) is None:
            continue
        for extra in found[1].split(","):
            if extra not in project["optional-dependencies"]:
                raise PageError(f"there is no extra {extra!r}")


if __name__ == "__main__":
    try:
        print(f"{run(Path(sys.argv[1]))} blocks ran")
    except PageError as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
