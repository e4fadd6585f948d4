"""Who may import whom, between rooms and inside every room; and no circle anywhere."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from arrows import (
    ROOT,
    allowed,
    arrows,
    circles,
    drawn,
    files,
    inner_violations,
    named,
    part_of,
    violations,
    within,
)
from rooms import PARTS, ROOMS, RULES

FILES = files()


def some_file(folder: str, label: str) -> str:
    """Return the path of a file that could stand in a part of a folder."""
    name = min(PARTS[folder][label].names)
    return f"{folder}/{name}/x.py" if (ROOT / folder / name).is_dir() else f"{folder}/{name}.py"


def an_arrow(room: str) -> tuple[str, str]:
    """Return two files of a room's own folder, of which the first imports the second."""
    here = {path[:-3].replace("/", ".") for path in FILES if path.rpartition("/")[0] == room}
    return min((m, o) for m, led in arrows(FILES).items() if m in here for o in led & here)


# Between rooms


def test_no_file_imports_what_its_room_may_not() -> None:
    assert {path.partition("/")[0] for path in FILES} == set(ROOMS)
    found = [line for path, source in FILES.items() for line in violations(path, source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("room", "other"),
    [
        (room, other)
        for room in ROOMS
        for other in (*ROOMS, "tests", "benchmarks")
        if other not in {room} | RULES[room].anywhere | RULES[room].in_functions
    ],
)
@pytest.mark.parametrize("line", ["from {} import x", "def f():\n    import {}.x"])
def test_planted_arrow_between_rooms_is_found(room: str, other: str, line: str) -> None:
    (found,) = violations(f"{room}/x.py", line.format(other))
    assert f"{room} must not import {other}" in found


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("hdl/x.py", "def f():\n    import sim.trace", "hdl/x.py:2: hdl must not import sim.trace"),
        ("mapping/x.py", "import scipy", "mapping/x.py:1: scipy only inside a function"),
        (
            "mapping/x.py",
            "class C:\n    import safetensors.numpy",
            "mapping/x.py:2: safetensors.numpy only inside a function",
        ),
        ("mapping/x.py", "f = lambda: __import__('sim')", "mapping must not import sim"),
        ("mapping/x.py", "import_module('hdl.dense')", "mapping must not import hdl.dense"),
        ("sim/x.py", "import hdl", "sim/x.py:1: hdl only inside a function"),
        ("hdl/testbench/x.py", "import numpy", "hdl/testbench must not import numpy"),
        ("hdl/testbench/x.py", "from hdl import dense", "hdl/testbench must not import hdl"),
        ("hdl/testbench/x.py", "from . import run", "must not import hdl.testbench"),
        ("training/data/x.py", "import torch", "training/data must not import torch"),
        ("training/data/x.py", "from .. import agmm", "training/data must not import training"),
        ("training/x.py", "async def f():\n    import sim", "training must not import sim"),
        ("spikexact/x.py", "import amaranth", "spikexact must not import amaranth"),
    ],
)
def test_planted_violation_is_found(path: str, source: str, sentence: str) -> None:
    (found,) = violations(path, source)
    assert found.endswith(sentence)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("mapping/x.py", "import json, numpy as np\nfrom .value import Network"),
        ("mapping/x.py", "def f():\n    import scipy.sparse"),
        ("sim/x.py", "def f():\n    from hdl import emit"),
        ("training/data/x.py", "from .digits import read\nfrom training.data import digits"),
        ("hdl/testbench/x.py", "import cocotb\nfrom cocotb.triggers import RisingEdge"),
    ],
)
def test_allowed_import_is_not(path: str, source: str) -> None:
    assert violations(path, source) == []


# Between the parts of a folder


def test_every_room_is_divided_into_parts() -> None:
    assert set(ROOMS) <= PARTS.keys()


@pytest.mark.parametrize("folder", PARTS)
def test_no_file_imports_what_its_part_may_not(folder: str) -> None:
    inner = {path: source for path, source in FILES.items() if path.startswith(folder + "/")}
    found = [line for path, text in inner.items() for line in inner_violations(folder, path, text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", PARTS)
def test_parts_name_only_parts_above_them(folder: str) -> None:
    above: set[str] = set()
    for label, part in PARTS[folder].items():
        assert part.may <= above, label
        above.add(label)


@pytest.mark.parametrize("folder", PARTS)
def test_every_file_is_of_one_part(folder: str) -> None:
    inside = {within(folder, path) for path in FILES if path.startswith(folder + "/")}
    assert not {path for path in inside - {"__init__"} if part_of(folder, path) is None}
    names = [name for part in PARTS[folder].values() for name in part.names]
    assert len(names) == len(set(names))
    assert {name for path in inside if (name := named(folder, path))} == set(names)  # none is gone


@pytest.mark.parametrize("folder", PARTS)
def test_every_arrow_of_the_table_is_drawn_by_a_file(folder: str) -> None:
    assert allowed(PARTS[folder]) <= drawn(folder, FILES)


@pytest.mark.parametrize(
    ("folder", "label", "other"),
    [
        (folder, label, other)
        for folder, parts in PARTS.items()
        for label, part in parts.items()
        for other in parts
        if other not in {label, *part.may}
    ],
)
def test_planted_arrow_inside_is_found(folder: str, label: str, other: str) -> None:
    path = some_file(folder, label)
    target = f"{folder}/{min(PARTS[folder][other].names)}".replace("/", ".")
    package, _, name = target.rpartition(".")
    for line in (
        f"from {package} import {name}",
        f"from {target} import x",
        f"def f():\n    import {target}.x",
    ):
        (found,) = inner_violations(folder, path, line)
        assert found.endswith(f"{label} must not import {target}")


@pytest.mark.parametrize(
    ("folder", "path", "source", "sentence"),
    [
        (
            "mapping", "mapping/certificate/x.py", "def f():\n    from ..network import Network",
            "mapping/certificate/x.py:2: certificate must not import mapping.network",
        ),
        ("mapping", "mapping/certificate/x.py", "from .. import folding", "import mapping.folding"),
        ("mapping", "mapping/real.py", "from mapping import fold", "must not import mapping.fold"),
        ("mapping", "mapping/real.py", "import mapping", "must not import mapping.__init__"),
        ("sim", "sim/trace.py", "from . import run", "trace must not import sim.run"),
        ("hdl", "hdl/cores/x.py", "from ..top import Top", "cores must not import hdl.top"),
        *((room, f"{room}/no_such.py", "", f"belongs to no part of {room}") for room in PARTS),
    ],
)  # fmt: skip
def test_planted_violation_inside_is_found(
    folder: str, path: str, source: str, sentence: str
) -> None:
    (found,) = inner_violations(folder, path, source)
    assert found.endswith(sentence)


# Circles


def test_no_module_imports_itself_in_a_circle() -> None:
    assert circles(FILES) == set()


@pytest.mark.parametrize(
    "line",
    [
        "from . import {name}",
        "def f():\n    from .{name} import g",
        "def f():\n    import {module}",
        "if TYPE_CHECKING:\n    from {module} import C",
    ],
)
@pytest.mark.parametrize("room", ROOMS)
def test_planted_circle_is_found(room: str, line: str) -> None:
    module, other = an_arrow(room)
    path = other.replace(".", "/") + ".py"
    back = line.format(name=module.rpartition(".")[2], module=module)
    (found,) = circles({**FILES, path: f"{FILES[path]}\n{back}\n"})
    assert {module, other} <= found


def test_long_circle_is_found_across_rooms() -> None:
    planted = {"hdl/a.py": "import sim.b", "sim/b.py": "import sim.c", "sim/c.py": "import hdl.a"}
    assert circles(planted) == {frozenset({"hdl.a", "sim.b", "sim.c"})}


# Frozen values


def forgeries(path: str, source: str) -> list[str]:
    """Return where a file writes past a frozen value, as into a cached property of another."""
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in ("__dict__", "__setattr__"))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "vars"))
    ]


def test_nothing_in_mapping_forges_a_cached_property() -> None:
    inner = [f for f in FILES if f.startswith("mapping/") and "/importers/" not in f]
    (only,) = [at for path in inner for at in forgeries(path, FILES[path])]
    assert only.startswith("mapping/value.py:")  # Value.set, for __post_init__


@pytest.mark.parametrize(
    "source", ["x.__dict__['y'] = 1", "object.__setattr__(x, 'y', 1)", "setattr(x, 'y', 1)"]
)
def test_planted_forgery_is_found(source: str) -> None:
    assert forgeries("mapping/x.py", source) == ["mapping/x.py:1"]


# What an import loads

HEAVY = (
    "torch", "lava", "amaranth", "cocotb", "numba", "scipy", "sklearn", "matplotlib", "jinja2"
)  # fmt: skip


@pytest.mark.parametrize("module", ["mapping", "sim", "spikexact.cli"])
def test_import_is_light(module: str) -> None:
    code = (
        "import json, sys, time; start = time.perf_counter();"
        f"import {module}; seconds = time.perf_counter() - start;"
        "print(json.dumps([seconds, sorted({name.partition('.')[0] for name in sys.modules})]))"
    )

    def once() -> tuple[float, list[str]]:
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return json.loads(run.stdout)

    runs = [once() for _ in range(3)]
    seconds = min(seconds for seconds, _ in runs)
    print(f"import {module}: {seconds:.2f} s")
    assert not set(HEAVY) & set(runs[0][1])
    assert seconds < 1
