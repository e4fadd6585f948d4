"""Folded: nets of Verilog text that nothing reads any more, once Yosys has folded constants."""

from __future__ import annotations

import re
from collections import Counter

_WORD = re.compile(r"[A-Za-z_]\w*")
_ASSIGN = re.compile(r"  assign (\w+) = .*;")
_WIRE = re.compile(r"  wire (?:\[\d+:0\] )?(\w+);")
_PORT = re.compile(r"  (?:input|output) (?:\[\d+:0\] )?(\w+);")


def without_folded(text: str) -> str:
    """Drop assignments to nets that nothing reads, module by module, and their declarations."""
    modules = text.split("\nendmodule\n")
    return "\nendmodule\n".join(_module(module) for module in modules)


def _module(text: str) -> str:
    lines = text.split("\n")
    words = [_WORD.findall(line) for line in lines]
    uses = Counter(word for line in words for word in line)
    ports = {found[1] for line in lines if (found := _PORT.fullmatch(line))}
    driven: dict[str, int] = {}
    declared: dict[str, int] = {}
    for at, line in enumerate(lines):
        if found := _ASSIGN.fullmatch(line):
            driven[found[1]] = at
        elif found := _WIRE.fullmatch(line):
            declared[found[1]] = at
    gone: set[int] = set()
    left = [name for name in driven if name in declared and name not in ports]
    while left:
        name = left.pop()
        # Its declaration and its own assignment are two; whatever is more reads it.
        if name in driven and name in declared and name not in ports and uses[name] == 2:
            at = driven.pop(name)
            gone |= {at, declared[name]}
            uses.subtract(words[at])
            left += words[at]
    return "\n".join(line for at, line in enumerate(lines) if at not in gone)
