"""No file asks which class an op is, but those that are one file or line a kind.

An op answers what is asked of its kind (``mapping.ops``); a file that asked for its class would
have to be found and changed for every new kind. Building an op is free.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapping.ops import OPS

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("mapping", "sim", "hdl", "lava_procs", "training", "spikexact")
#: What is one file or line a kind: the ops, their twins in torch, and what runs one kind.
FREE = (
    "mapping/ops/",
    "mapping/exporters/",
    "training/ops.py",
    "hdl/",
    "lava_procs/processes/",
    "lava_procs/arithmetic/accumulate.py",
    "lava_procs/stock_weights.py",
    "sim/backends/fast_ops.py",
)
#: Classes of ops, and of what some kinds have in common.
CLASSES = {kind.__name__ for kind in OPS} | {"Op", "Weighted"}


def questions(path: str, source: str) -> Iterator[str]:
    """Yield a sentence for each place of a file that asks which class an op is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            asks = node.func.id in ("isinstance", "issubclass") and named(node.args[-1])
            if asks or (node.func.id == "type" and is_op(node.args[0])):
                yield f"{path}:{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Attribute) and node.attr == "__class__" and is_op(node.value):
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.MatchClass) and named(node.cls):
            yield f"{path}:{node.cls.lineno}: case {ast.unparse(node)}"


def named(classes: ast.expr) -> bool:
    """Tell whether one of these classes is a kind of op."""
    words = {n.id for n in ast.walk(classes) if isinstance(n, ast.Name)}
    return bool(
        (words | {n.attr for n in ast.walk(classes) if isinstance(n, ast.Attribute)}) & CLASSES
    )


def is_op(value: ast.expr) -> bool:
    """Tell whether an expression is called an op: ``op``, ``c.op``, ``a_op``."""
    word = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
    return word == "op" or word.endswith("_op")


def files() -> list[str]:
    """Return the files that may not ask."""
    paths = (p.relative_to(ROOT).as_posix() for room in ROOMS for p in (ROOT / room).rglob("*.py"))
    return sorted(path for path in paths if not path.startswith(FREE))


def test_no_file_asks_which_class_an_op_is() -> None:
    assert len(files()) > 100
    found = [line for path in files() for line in questions(path, (ROOT / path).read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("free", FREE)
def test_what_is_free_to_ask_is_there(free: str) -> None:
    assert (ROOT / free).exists()


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(c.op, Dense)",
        "isinstance(x, mapping.Conv | Pool)",
        "isinstance(x, (Identity, int))",
        "def f(op):\n    return issubclass(type(op), ops.Weighted)",
        "type(c.op) is Dense",
        "x in (type(op), Conv)",
        "type(op).__name__ == 'Dense'",
        "work[c.op.__class__]",
        "match c.op:\n    case Dense(bits=1):\n        pass",
        "match c.op:\n    case mapping.Pool():\n        pass",
    ],
)
def test_planted_question_is_found(source: str) -> None:
    assert list(questions("sim/x.py", source))


@pytest.mark.parametrize(
    "source",
    ["Dense(weights, bits=1)", "x in (Dense, Conv)", "c.op.name in takes", "type(value).__name__"],
)
def test_building_and_answers_are_free(source: str) -> None:
    assert not list(questions("sim/x.py", source))
