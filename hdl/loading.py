"""Loading: what is written into a loadable design, and which networks it can hold.

An image is words of 32 bits: the rows of every memory in the order of ``places``, each row from its
lowest bits on and filled up with zeros to whole words, and then the CRC-32 of them all as bytes,
the lowest first (that of zlib, Ethernet and PNG). docs/hdl.md has it as a table.

Why nothing overflows: all that a core computes of a network is bounded by ``network.facts``, or is
a number of a table. A network is taken where each of these lies within the bits that the design has
for it; then every signal holds its value, as in the design that would be emitted of that network
alone. Raw sums have the bits that any weights need, with any values that the design has bits for,
and their products are cut to the bits of the drive, which is their sum and fits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mapping import Network

from .answers import reading
from .contents import memories
from .cores.parameters import current
from .numbers import term
from .plan import plan as make_plan
from .planned import VALUES, Bits, Plan, label
from .structure import difference, stated
from .takes import LOADABLE

#: Bits of a word.
WORD = 32


@dataclass(frozen=True)
class Place:
    """A memory as it is written.

    Attributes
    ----------
        name: of the memory. bits: of a row. rows: how many. words: of a row, in the image.
        first: the word of the image with which it begins.
    """

    name: str
    bits: int
    rows: int
    words: int
    first: int


def places(plan: Plan) -> tuple[Place, ...]:
    """Return the memories of a loadable design, in the order in which they are written."""
    made, first = [], 0
    for name, (bits, rows) in _sizes(plan):
        words = -(-bits // WORD)
        made.append(Place(name, bits, rows, words, first))
        first += words * rows
    return tuple(made)


def _sizes(plan: Plan) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield name, bits and rows of every memory, in the order of ``hdl.contents.memories``."""
    for k, p in enumerate(plan.populations):
        for j, c in enumerate(p.connections):
            if c.rom[1]:
                yield f"weights_{label(plan, k, j)}", c.rom
        yield f"parameters_{k}", (p.order.lanes * sum(p.memory.values()), p.order.channel_rows)


def drain(plan: Plan) -> int:
    """Return cycles after which nothing moves any more once every buffer is at rest.

    From a pass's last word to its last membrane: its sums, the neurons of the pass one after the
    other, and the registers on their way to the buffer of a reader, 8 at most.
    """
    return 8 + max(p.connections[0].shape.latency + p.period + p.latency for p in plan.populations)


def bits(plan: Plan) -> Bits:
    """Return the signed bits of every population's values and columns."""
    return {p.name: p.bits for p in plan.populations}


def ranges(plan: Plan) -> list[dict[str, Any]]:
    """Return the bits and the range of every population's values and columns, as JSON values."""
    return [
        {"population": name, "value": value, "bits": width, "range": list(held(width))}
        for name, widths in bits(plan).items()
        for value, width in widths.items()
    ]


def held(width: int) -> tuple[int, int]:
    """Return the least and the largest number of so many signed bits."""
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def refuse(plan: Plan, network: Network) -> None:
    """Raise ValueError where a design cannot hold a network: one sentence, with name and value.

    Gates are no part of a structure: no loadable design has any (Unsupported).
    """
    differs = difference(stated(plan.network), network)
    if differs is not None:
        raise ValueError(f"the design holds networks of another structure: {differs}")
    LOADABLE.refuse(network)
    if plan.answer is not None:
        own = reading((plan.network, network), plan.blocks, plan.answer.stop)
        if own.bits > plan.answer.bits:
            raise ValueError(
                f"the score needs {own.bits} bits, and the design holds {plan.answer.bits}"
            )
    for p in plan.populations:
        population, facts = network[p.name], network.facts[p.name]
        spans = {name: getattr(facts, name).span for name in VALUES}
        spans |= {current(j): term(population.connections[j], facts.acc[j]) for j in p.widths.terms}
        columns = p.parameters(population).columns()
        spans |= {name: (min(column), max(column)) for name, column in columns.items()}
        for name, width in p.bits.items():
            low, high = held(width)
            verb = "is" if name in p.memory else "reaches"
            for value in spans[name]:
                if not low <= value <= high:
                    raise ValueError(
                        f"population {p.name!r}: {name} {verb} {value}, and the design "
                        f"holds {low} .. {high} ({width} bits)"
                    )


def contents(plan: Plan, network: Network) -> list[int]:
    """Return the words of a network, without their CRC.

    Raises
    ------
        ValueError: see ``refuse``.
    """
    refuse(plan, network)
    rows = memories(plan, network)
    return [
        row >> WORD * k & ((1 << WORD) - 1)
        for place in places(plan)
        for row in rows[place.name]
        for k in range(place.words)
    ]


def crc(words: list[int]) -> int:
    """Return the CRC-32 of words."""
    return zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words))


def stated_loading(plan: Plan, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return as JSON values how networks are written into a design, and which; see docs/json.md.

    Args:
        options: parallelism as it was given to ``hdl.plan.plan``, which makes the plan anew.
    """
    words = contents(plan, plan.network)
    return {
        "stream": "w",
        "structure": stated(plan.network),
        "options": {name: _plain(value) for name, value in options.items()},
        "words": len(words),
        "crc": crc(words),
        "memories": [asdict(place) for place in places(plan)],
        "ranges": ranges(plan),
    }


def _plain(value: Any) -> Any:
    """Return a choice of parallelism as JSON values."""
    if isinstance(value, Mapping):
        return {name: int(number) for name, number in value.items()}
    if hasattr(value, "__len__"):
        return [name if isinstance(name, str) else int(name) for name in value]
    return value if value is None or isinstance(value, bool) else int(value)


def planned(loading: Mapping[str, Any], network: Network) -> Plan:
    """Return the plan of a design that exists, for another network that it shall hold.

    Args:
        loading: of its manifest.

    Raises
    ------
        ValueError: a network of another structure, or a design of another program's.
    """
    differs = difference(loading["structure"], network)
    if differs is not None:
        raise ValueError(f"the design holds networks of another structure: {differs}")
    widths: dict[str, dict[str, int]] = {}
    try:
        for row in loading["ranges"]:
            widths.setdefault(row["population"], {})[row["value"]] = row["bits"]
        made = make_plan(network, loadable=widths, **loading["options"])
    except (KeyError, TypeError, ValueError):
        made = None
    memories = None if made is None else [asdict(place) for place in places(made)]
    if made is None or memories != loading["memories"] or bits(made) != widths:
        raise ValueError(
            "manifest.json states other memories than this program would write: it is damaged, or "
            "another program's; write it anew with 'verilog --loadable'"
        )
    return made


def image(plan: Plan, network: Network) -> list[int]:
    """Return the words that write a network into a design, the last one their CRC.

    Raises
    ------
        ValueError: see ``refuse``.
    """
    words = contents(plan, network)
    return [*words, crc(words)]
