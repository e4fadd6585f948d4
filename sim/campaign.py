"""A campaign: many random networks, several backends, everything compared; it resumes.

Half of the networks are drawn as TrainedNetworks and folded. Of kind "all", every node kind and
combination is drawn, and what a backend refuses by name is counted; a network that shows a
mismatch is shrunk and saved. Of kind "dense", networks come in groups of one structure, which
share one RTL build (weights and numbers are written into it). Every group's results are one line
of a journal, so that a campaign that was killed goes on where it was.

Only two things are no failure, and both are counted by reason: a backend that refuses a network
by name, and a drawn network that fold refuses by name (``Unsupported``, ``TooWide``), for which
another is drawn. Anything else that is raised is a problem with its seed; the other groups go on.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mapping import WIDTH_MAX, Network, TooWide, TrainedNetwork, Unsupported, fold, save
from mapping.files import beside

from . import draw
from .ability import missing
from .compare import agreement
from .draw_trained import draw_trained_whole
from .draw_whole import draw_whole
from .journal import Result, append, read
from .run import backend_module, run
from .shrink import shrink
from .stimuli import stimuli, threshold_hits
from .tools import MissingTool, ProtocolError
from .trace import Trace

#: Rounds of the search for directed stimuli, of each of many networks.
ROUNDS = 5
#: Foldings that are drawn; they seldom divide a layer's sizes.
PES, SIMDS = (1, 2, 3, 5), (1, 3, 8, 13, 32)
#: Networks that may be passed over for one; a fold that refuses all of them is a problem.
TRIES = 50
#: What this machine lacks is no finding about a network: it ends the campaign.
MACHINE = (MissingTool, OSError, MemoryError)


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
        "ok" is False where a backend differs, anything was raised that is no refusal by name, or
        nothing was compared.

    Raises
    ------
        ValueError: an unknown backend, or a journal of another campaign.
        MissingTool: a backend lacks a package or program.
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
    head = {"campaign": 2, "seed": seed, "networks": networks, "backends": names,
            "kinds": kinds, "per_build": per_build, "samples": samples}  # fmt: skip
    done = read(journal, head) if journal is not None else {}
    groups = -(-networks // per_build)
    for group in range(groups):
        if group not in done:
            count = min(per_build, networks - group * per_build)
            saved = None if journal is None else journal.with_name(f"{journal.name}-{group}")
            done[group] = _group(group, count, kinds, names, seed, samples, saved)
            if journal is not None:
                append(journal, asdict(done[group]))
        if progress is not None:
            progress(min((group + 1) * per_build, networks), networks)
    results = [done[g] for g in range(groups)]
    problems = [problem for r in results for problem in r.problems]
    compared = sum(r.compared for r in results)
    if not compared and not problems:
        problems.append("nothing was compared: every backend refused every network")
    folded = [r for r in results if r.folded]
    return {
        "format": 1,
        "ok": not problems and all(r.mismatches == 0 for r in results),
        "seed": seed,
        "networks": networks,
        "builds": groups,
        "backends": ["reference", *names],
        "folded": sum(r.networks for r in folded),
        "certified_exact": sum(r.exact for r in folded),
        "compared": compared,
        "mismatches": sum(r.mismatches for r in results),
        "threshold_hits": sum(r.threshold_hits for r in results),
        "below_threshold": sum(r.below_threshold for r in results),
        "refused": _total(r.refused for r in results),
        "passed_over": _total(r.passed_over for r in results),
        "problems": problems,
        "seconds": round(time.monotonic() - began, 1),
    }


def draw_group(
    group: int, count: int, seed: int, passed_over: Counter[str] | None = None
) -> list[Network]:
    """Draw the networks of one group: the same structure, odd groups by folding.

    Args:
        passed_over: counts, by reason, the drawn networks that fold refuses by name.
    """
    base = (seed * 1_000_003 + group) * 1000
    if not group % 2:
        first_network = draw.draw_network(base, joins=False, delays=False)
        others = (draw.draw_like(first_network, base + k) for k in range(1, count))
        return [first_network, *others]
    first: TrainedNetwork | None = None
    found: list[Network] = []
    for number in range(base, base + count + TRIES):
        if first is None:
            value = draw.draw_trained(number)
        else:
            value = draw.draw_trained_like(first, number)
        network = _folded(value, passed_over)
        if network is not None:
            first = first or value
            found.append(network)
            if len(found) == count:
                return found
    raise RuntimeError(f"fold refused more than {TRIES} of the networks drawn")


def draw_any(
    group: int, count: int, seed: int, passed_over: Counter[str] | None = None
) -> list[Network]:
    """Draw one network of any kind; of odd groups by folding. Arguments as of ``draw_group``."""
    number = seed * 1_000_003 + group
    if not group % 2:
        return [draw_whole(number, passed_over)]
    for attempt in range(TRIES):
        value = draw_trained_whole(number + attempt * 1_000_000_007)
        network = _folded(value, passed_over)
        if network is not None:
            return [network]
    raise RuntimeError(f"fold refused all of the {TRIES} networks drawn")


def _folded(value: TrainedNetwork, passed_over: Counter[str] | None) -> Network | None:
    """Fold, or count the reason of a refusal by name; whatever else is raised goes through."""
    try:
        network = fold(value)
        if not isinstance(network, Network):
            raise TypeError(f"fold gave {network!r}, which is no Network")
        network.facts  # noqa: B018  refuses widths
    except Unsupported as error:
        if passed_over is not None:
            passed_over[reason(error)] += 1
        return None
    return network


def reason(error: Unsupported) -> str:
    """Return why something was refused, without the place; all that is too wide is one reason."""
    if isinstance(error, TooWide):
        return f"needs more than {WIDTH_MAX} bits"
    return str(error).rpartition(": ")[2]


def _total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(one) for one in counts), Counter()))


def _raised(error: Exception) -> str:
    """Say what was raised and where: one line."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {said} ({Path(at.filename).name}:{at.lineno})"


def _group(
    group: int, count: int, kinds: str, names: list[str], seed: int, samples: int,
    saved: Path | None,
) -> Result:  # fmt: skip
    """Draw and run one group; what it raises is its problem."""
    passed_over: Counter[str] = Counter()
    networks: list[Network] = []
    try:
        networks = (draw_group if kinds == "dense" else draw_any)(group, count, seed, passed_over)
        found = _run(group, networks, names, seed, samples, saved)
    except MACHINE:
        raise
    except Exception as error:
        what = "reference" if networks else "drawing and folding"
        told = f"seed {seed}, group {group}, {what}: {_raised(error)}"
        found = Result(group, len(networks), bool(group % 2), problems=[told])
    return replace(found, passed_over=dict(passed_over))


def _run(
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
            what = f"{name}: {reason(error)}"
            refused[what] = refused.get(what, 0) + len(networks)
            continue
        except MACHINE:
            raise
        except Exception as error:
            problems.append(f"{where}: {_raised(error)}")
            continue
        for k, (want, got) in enumerate(zip(expected, traces, strict=True)):
            found = agreement(want, got)
            compared += found.compared
            mismatches += found.mismatches
            if found.divergence is not None:
                told = f"{where}, network {k}: {found.divergence}"
                if saved is not None:
                    told += f"; {_smallest(networks[k], inputs[k], name, f'{saved}-{name}-{k}')}"
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


def _smallest(network: Network, inputs: np.ndarray, name: str, saved: str) -> str:
    """Shrink what shows a mismatch, save it beside the journal, and say where."""

    def fails(network: Network, inputs: np.ndarray) -> bool:
        return agreement(run(network, inputs), run(network, inputs, name)).mismatches > 0

    try:
        small, few = shrink(network, inputs, fails)
    except Exception as error:  # the mismatch stands all the same
        return f"not shrunk: {_raised(error)}"
    path, data = Path(f"{saved}.safetensors"), Path(f"{saved}.npy")
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
