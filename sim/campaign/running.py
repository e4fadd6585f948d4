"""A campaign: many random networks, several backends, everything compared; it resumes.

Half of the networks are drawn as TrainedNetworks and folded. Of kind "all", every node kind and
combination is drawn, and what a backend refuses by name is counted; a network that shows a
mismatch is shrunk and saved. Networks come in groups of one structure: one of them in a build of
its own, the others loaded into a second by its port. Of kind "all" a group holds several structures
where no design can be loaded with the first, and builds of one network's own beside a loadable one
are what ``verilog`` emits unasked. Every group's results are one line of a journal, so that a
campaign that was killed goes on where it was.

Only two things are no failure, and both are counted by reason: a backend that refuses a network
by name, and a drawn network that fold refuses by name (``Unsupported``, ``TooWide``), for which
another is drawn. Anything else that is raised is a problem with its seed; the other groups go on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..ability import missing
from ..cluster import opened
from ..run import backend_module
from ..tools import MissingTool
from .group import run_group
from .journal import Result, append, read


def campaign(
    networks: int,
    backends: Sequence[str],
    seed: int = 0,
    per_build: int | None = None,
    samples: int = 12,
    journal: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    kinds: str = "dense",
    cluster: str | None = None,
) -> dict[str, Any]:
    """Draw networks, run every backend, compare with the reference.

    Args:
        networks: how many to draw. backends: names; the reference is always run.
        seed: of everything. per_build: networks of a group, which share a structure and RTL builds;
            5 of kind "dense" and 1 of kind "all", unless told.
        samples: stimuli per network, directed ones among them.
        journal: a JSON-lines file; one that is there is gone on with.
        progress: called with (networks done, networks in all).
        kinds: "dense", or "all".
        cluster: where groups are run, see ``sim.cluster.opened``; None: here. The result is the
            same, line for line.

    Returns
    -------
        The summary; the same whether the campaign was interrupted or not, but for "seconds".
        "ok" is False where a backend differs, anything was raised that is no refusal by name, or
        nothing was compared.

    Raises
    ------
        ValueError: an unknown backend, or a journal of another campaign.
        MissingTool: a backend lacks a package or program. ClusterLost: the cluster went away.
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
    if per_build is None:
        per_build = 5 if kinds == "dense" else 1
    began = time.monotonic()
    head = {"campaign": 3, "seed": seed, "networks": networks, "backends": names,
            "kinds": kinds, "per_build": per_build, "samples": samples}  # fmt: skip
    done = read(journal, head) if journal is not None else {}
    groups = -(-networks // per_build)
    left = [group for group in range(groups) if group not in done]
    tasks = [
        (g, min(per_build, networks - g * per_build), kinds, names, seed, samples) for g in left
    ]
    told = len(done)
    for task, result in zip(tasks, _results(tasks, cluster, journal), strict=True):
        done[task[0]] = result
        told += 1
        if journal is not None:
            append(journal, asdict(result))
        if progress is not None:
            progress(min(told * per_build, networks), networks)
    if progress is not None:
        progress(networks, networks)
    results = [done[g] for g in range(groups)]
    problems = [problem for r in results for problem in r.problems]
    compared = _total(r.compared for r in results)
    if not any(compared.values()) and not problems:
        problems.append("nothing was compared: every backend refused every network")
    folded = [r for r in results if r.folded]
    return {
        "format": 1,
        "ok": not problems and all(r.mismatches == 0 for r in results),
        "seed": seed,
        "networks": networks,
        "groups": groups,
        "builds": _total(r.builds for r in results),
        "networks_by_build": _total(r.built for r in results),
        "backends": ["reference", *names],
        "folded": sum(r.networks for r in folded),
        "certified_exact": sum(r.exact for r in folded),
        "compared": sum(compared.values()),
        "compared_by_backend": compared,
        "mismatches": sum(r.mismatches for r in results),
        "threshold_hits": sum(r.threshold_hits for r in results),
        "below_threshold": sum(r.below_threshold for r in results),
        "refused": _total(r.refused for r in results),
        "passed_over": _total(r.passed_over for r in results),
        "problems": problems,
        "seconds": round(time.monotonic() - began, 1),
    }


def _results(tasks: list[tuple], cluster: str | None, journal: Path | None) -> Iterator[Result]:
    """Yield what groups come to, in order; a mismatch is shrunk, and saved, by this process."""

    def here(task: tuple) -> Result:
        saved = None if journal is None else journal.with_name(f"{journal.name}-{task[0]}")
        return run_group(*task, saved)

    if cluster is None or not tasks:
        yield from map(here, tasks)
        return
    with opened(cluster) as workers:
        found = workers.in_order(run_group, [(*task, None) for task in tasks])
        for task, result in zip(tasks, found, strict=True):
            yield here(task) if result.mismatches and journal is not None else result


def _total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up counts by name, in the order of their names."""
    total = sum((Counter(each) for each in counts), Counter())
    return {name: total[name] for name in sorted(total)}
