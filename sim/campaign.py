"""A campaign: many random networks, several backends, everything compared; it resumes.

Half of the networks are drawn as TrainedNetworks and folded. Of kind "all", every node kind and
combination is drawn, and what a backend refuses by name is counted; a network that shows a
mismatch is shrunk and saved. Of kind "dense", networks come in groups of one structure, which
share one RTL build (weights and numbers are written into it). Every group's results are one line
of a journal, so that a campaign that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, Unsupported, fold, save
from mapping.files import beside, target

from . import draw
from .ability import missing
from .compare import agreement
from .draw_trained import draw_trained_whole
from .draw_whole import draw_whole
from .run import backend_module, run
from .shrink import shrink
from .stimuli import stimuli, threshold_hits
from .tools import MissingTool, ProtocolError
from .trace import Trace

#: Rounds of the search for directed stimuli, of each of many networks.
ROUNDS = 5
#: Foldings that are drawn; they seldom divide a layer's sizes.
PES, SIMDS = (1, 2, 3, 5), (1, 3, 8, 13, 32)


@dataclass(frozen=True)
class Result:
    """What one group of networks came to."""

    group: int
    networks: int
    folded: bool
    exact: int
    compared: int
    mismatches: int
    threshold_hits: int
    below_threshold: int
    problems: list[str]
    refused: dict[str, int] = field(default_factory=dict)


def campaign(
    networks: int,
    backends: Sequence[str],
    seed: int = 0,
    per_build: int = 5,
    samples: int = 12,
    journal: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    kinds: str = "dense",
) -> dict[str, Any]:
    """Draw networks, run every backend, compare with the reference.

    Args:
        networks: how many to draw. backends: names; the reference is always run.
        seed: of everything. per_build: networks that share a structure and an RTL build.
        samples: stimuli per network, directed ones among them.
        journal: a JSON-lines file; one that is there is gone on with.
        progress: called with (networks done, networks in all).
        kinds: "dense", or "all" (every network is a group of its own then).

    Returns
    -------
        The summary; the same whether the campaign was interrupted or not, but for "seconds".

    Raises
    ------
        ValueError: an unknown backend, or a journal of another campaign.
    """
    names = [name for name in dict.fromkeys(backends) if name != "reference"]
    for name in names:
        backend_module(name)
    lacks = [f"{name}: not installed: {why}" for name in names if (why := missing(name))]
    if lacks:
        raise MissingTool("; ".join(lacks))
    if not names:
        raise ValueError("a campaign needs a backend besides the reference")
    if kinds not in ("dense", "all"):
        raise ValueError(f"kinds must be 'dense' or 'all', not {kinds!r}")
    if kinds == "all":
        per_build = 1
    began = time.monotonic()
    head = {"campaign": 1, "seed": seed, "networks": networks, "backends": names,
            "kinds": kinds, "per_build": per_build, "samples": samples}  # fmt: skip
    done = _read(journal, head) if journal is not None else {}
    groups = -(-networks // per_build)
    for group in range(groups):
        if group not in done:
            count = min(per_build, networks - group * per_build)
            networks_of = draw_group if kinds == "dense" else draw_any
            saved = None if journal is None else journal.with_name(f"{journal.name}-{group}")
            drawn = networks_of(group, count, seed)
            done[group] = _group(group, drawn, names, seed, samples, saved)
            if journal is not None:
                _append(journal, asdict(done[group]))
        if progress is not None:
            progress(min((group + 1) * per_build, networks), networks)
    results = [done[g] for g in range(groups)]
    problems = [problem for r in results for problem in r.problems]
    folded = [r for r in results if r.folded]
    return {
        "ok": not problems and all(r.mismatches == 0 for r in results),
        "seed": seed,
        "networks": networks,
        "builds": groups,
        "backends": ["reference", *names],
        "folded networks": sum(r.networks for r in folded),
        "of these certified exact": sum(r.exact for r in folded),
        "neuron-values compared": sum(r.compared for r in results),
        "mismatches": sum(r.mismatches for r in results),
        "membranes exactly at their threshold": sum(r.threshold_hits for r in results),
        "membranes one step below": sum(r.below_threshold for r in results),
        "refused": dict(sum((Counter(r.refused) for r in results), Counter())),
        "problems": problems,
        "seconds": round(time.monotonic() - began, 1),
    }


def draw_group(group: int, count: int, seed: int) -> list[Network]:
    """Draw the networks of one group: the same structure, odd groups by folding."""
    base = (seed * 1_000_003 + group) * 1000
    if group % 2:
        first = draw.draw_trained(base)
        others = [draw.draw_trained_like(first, base + k) for k in range(1, count)]
        return [fold(value) for value in (first, *others)]
    first_network = draw.draw_network(base, joins=False, delays=False)
    return [
        first_network, *(draw.draw_like(first_network, base + k) for k in range(1, count))
    ]  # fmt: skip


def draw_any(group: int, count: int, seed: int) -> list[Network]:
    """Draw one network of any kind; of odd groups by folding.

    A drawn network that would need more bits than a Network may have is passed over.
    """
    number = seed * 1_000_003 + group
    if not group % 2:
        return [draw_whole(number)]
    while True:
        try:
            network = fold(draw_trained_whole(number))
            network.facts  # noqa: B018  refuses widths
        except ValueError:
            number += 1_000_000_007
            continue
        return [network]


def _group(
    group: int, networks: list[Network], names: list[str], seed: int, samples: int,
    saved: Path | None,
) -> Result:  # fmt: skip
    rng = np.random.default_rng([seed, group, 5])
    pe, simd = int(rng.choice(PES)), int(rng.choice(SIMDS))
    inputs = [stimuli(n, samples, seed + k, ROUNDS) for k, n in enumerate(networks)]
    expected = [run(n, x) for n, x in zip(networks, inputs, strict=True)]
    compared = mismatches = 0
    problems = []
    refused: dict[str, int] = {}
    for name in names:
        where = f"seed {seed}, group {group}, backend {name}, PE {pe}, SIMD {simd}"
        try:
            traces = _traces(name, networks, inputs, pe, simd)
        except ProtocolError as error:
            problems.append(f"{where}: {error}")
            continue
        except Unsupported as error:
            what = str(error).rpartition(": ")[2]
            refused[f"{name}: {what}"] = refused.get(f"{name}: {what}", 0) + len(networks)
            continue
        for k, (want, got) in enumerate(zip(expected, traces, strict=True)):
            found = agreement(want, got)
            compared += found.compared
            mismatches += found.mismatches
            if found.divergence is not None:
                told = f"{where}, network {k}: {found.divergence}"
                if saved is not None:
                    told += f"; {_smallest(networks[k], inputs[k], name, saved)}"
                problems.append(told)
            elif found.compared == 0:
                problems.append(f"{where}, network {k}: nothing was compared")
    hits = [
        h for n, t in zip(networks, expected, strict=True) for h in threshold_hits(n, t).values()
    ]
    return Result(
        group,
        len(networks),
        bool(group % 2),
        sum(n.exact for n in networks),
        compared,
        mismatches,
        sum(h[0] for h in hits),
        sum(h[1] for h in hits),
        problems,
        refused,
    )


def _smallest(network: Network, inputs: np.ndarray, name: str, saved: Path) -> str:
    """Shrink what shows a mismatch, save it beside the journal, and say where."""

    def fails(network: Network, inputs: np.ndarray) -> bool:
        return agreement(run(network, inputs), run(network, inputs, name)).mismatches > 0

    small, few = shrink(network, inputs, fails)
    path, data = saved.with_suffix(".safetensors"), saved.with_suffix(".npy")
    save(small, path)
    with beside(data) as part, part.open("wb") as file:
        np.save(file, few)
    return (
        f"shrunk to {len(small.populations)} populations in {path.name}, its input in {data.name}"
    )


def _traces(
    name: str, networks: list[Network], inputs: list[np.ndarray], pe: int, simd: int
) -> list[Trace]:
    if name == "rtl" and len(networks) > 1:
        from .rtl_backend import run_many

        return run_many(networks, inputs, pe, simd)
    options = {"pe": pe, "simd": simd} if name in ("rtl", "cocotb") else {}
    return [run(n, x, name, **options) for n, x in zip(networks, inputs, strict=True)]


def _read(journal: Path, head: dict[str, Any]) -> dict[int, Result]:
    """Read a journal's results; a torn last line is dropped."""
    journal = target(journal)
    text = ""
    with _journals(journal):
        if journal.exists():
            text = journal.read_text(encoding="utf-8")
        if json.dumps(head).startswith(text):  # nothing yet, or a torn first line
            journal.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return {}
        whole = text[: text.rfind("\n") + 1]
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines or not isinstance(lines[0], dict) or "campaign" not in lines[0]:
            raise ValueError("its first line does not say so")
        results = [Result(**line) for line in lines[1:]]
    if whole != text:
        with beside(journal) as part:
            part.write_text(whole, encoding="utf-8")
    if lines[0] != head:
        raise ValueError(f"{journal} is of another campaign ({lines[0]}): name another file")
    return {r.group: r for r in results}


def _append(journal: Path, line: dict[str, Any]) -> None:
    """Append one line and see it to the disk."""
    with _journals(journal), journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _journals(journal: Path) -> Iterator[None]:
    """Name the journal in what goes wrong with it."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{journal}: {error.strerror or error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{journal} is there and is not a campaign's journal ({error}): name another file"
        ) from None
