"""Imports as arrows. Reads the syntax trees, function bodies included, and runs nothing."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rooms import ALONE, PARTS, ROOMS, RULES, Part

ROOT = Path(__file__).resolve().parent.parent
STANDARD = set(sys.stdlib_module_names) - {"tomllib"}  # absent from 3.10, so never at module level


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

    def below(self, package: str) -> list[str]:
        """Return what this import leads to in a package, as paths in it; nothing if elsewhere."""
        if self.name != package and not self.name.startswith(package + "."):
            return []
        within = self.name[len(package) + 1 :].replace(".", "/")
        return ["/".join(filter(None, [within, m])) for m in self.members or ("",)]


@functools.cache
def imports(source: str, package: str) -> tuple[Import, ...]:
    """Return the imports of a file that lies in `package`, relative ones made absolute."""

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

    return tuple(walk(ast.parse(source), True))


def package_of(path: str) -> str:
    """Return the package in which a file lies."""
    return ".".join(Path(path).parent.parts)


def files() -> dict[str, str]:
    """Return every Python file of every room, its path from the root to its text."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def violations(path: str, source: str) -> list[str]:
    """Return a sentence for each import in the file `path` that its room may not make."""
    folder = max((f for f in RULES if path == f or path.startswith(f + "/")), key=len)
    rule, alone = RULES[folder], ALONE.get(folder)
    own = {path.partition("/")[0]} if alone is None else set()
    if alone == "":  # copied out of its package: its files know only each other
        own = {file.stem for file in (ROOT / folder).glob("*.py")}
    found = []
    for item in imports(source, package_of(path)):
        if item.top in STANDARD | own | rule.anywhere:
            continue
        if alone and (item.name == alone or item.name.startswith(alone + ".")):
            continue
        if item.top in rule.in_functions:
            if item.at_module_level:
                found.append(f"{path}:{item.line}: {item.name} only inside a function")
        else:
            found.append(f"{path}:{item.line}: {folder} must not import {item.name}")
    return found


def within(folder: str, path: str) -> str:
    """Return where a file stands in a folder, as the table of its parts names it."""
    return path[len(folder) + 1 :].removesuffix(".py")


def named(folder: str, path: str) -> str | None:
    """Return the longest name in the table of a folder's parts that holds a path; or None."""
    names = [name for part in PARTS[folder].values() for name in part.names]
    holding = [name for name in names if path == name or path.startswith(name + "/")]
    return max(holding, key=len, default=None)


def part_of(folder: str, path: str) -> str | None:
    """Return the part of a folder that holds a path in it; None if it belongs to no part."""
    name = named(folder, path)
    return next((label for label, part in PARTS[folder].items() if name in part.names), None)


def inner_arrows(folder: str, path: str, source: str) -> Iterator[tuple[Import, str]]:
    """Yield a file's imports within a folder, and the paths in it to which they lead."""
    for item in imports(source, package_of(path)):
        for led in item.below(folder.replace("/", ".")):
            yield item, led or "__init__"


def inner_violations(folder: str, path: str, source: str) -> list[str]:
    """Return a sentence for each import of a file that its part of the folder may not make."""
    if within(folder, path) == "__init__":
        return []
    here = part_of(folder, within(folder, path))
    if here is None:
        return [f"{path} belongs to no part of {folder}"]
    allowed, found = {here, *PARTS[folder][here].may}, []
    for item, led in inner_arrows(folder, path, source):
        if part_of(folder, led) not in allowed:
            what = f"{folder}/{named(folder, led) or led}".replace("/", ".")
            found.append(f"{path}:{item.line}: {here} must not import {what}")
    return found


def drawn(folder: str, sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return the arrows between different parts of a folder that its files draw."""
    found = set()
    for path, source in sources.items():
        if path.startswith(folder + "/"):
            here = part_of(folder, within(folder, path))
            found |= {(here, part_of(folder, led)) for _, led in inner_arrows(folder, path, source)}
    return {(a, b) for a, b in found if a is not None and b is not None and a != b}


def allowed(parts: Mapping[str, Part]) -> set[tuple[str, str]]:
    """Return the arrows that a table of parts allows."""
    return {(label, other) for label, part in parts.items() for other in part.may}


def arrows(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return each module's imports among the given files, those inside functions included."""
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources
    }
    led: dict[str, set[str]] = {}
    for module, path in modules.items():
        led[module] = set()
        for item in imports(sources[path], package_of(path)):
            below = {f"{item.name}.{member}" for member in item.members} & modules.keys()
            led[module] |= below or {item.name} & modules.keys()
        led[module].discard(module)
    return led


def circles(sources: Mapping[str, str]) -> set[frozenset[str]]:
    """Return the sets of modules that import each other in a circle, however long."""
    led = arrows(sources)
    reached = {module: _reached(module, led) for module in led}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in led
        if module in reached[module]
    }


def _reached(module: str, led: Mapping[str, set[str]]) -> set[str]:
    """Return all modules to which a way of one or more imports leads."""
    found, ahead = set(), list(led[module])
    while ahead:
        if (other := ahead.pop()) not in found:
            found.add(other)
            ahead.extend(led[other])
    return found
