"""One group of a campaign: its networks are drawn, run on every backend, and compared."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, Unsupported, save
from mapping.files import beside

from ..compare import agreement
from ..run import run
from ..tools import MissingTool, ProtocolError
from . import parallelism
from .builds import Build, builds, traces
from .generate.groups import draw_families, draw_group, reason
from .journal import Result
from .shrink import shrink
from .stimuli import stimuli, threshold_hits

#: Rounds of the search for directed stimuli, of each of many networks.
ROUNDS = 5
#: What this machine lacks is no finding about a network: it ends the campaign.
MACHINE = (MissingTool, OSError, MemoryError)


def _raised(error: Exception) -> str:
    """Say what was raised and where: one line."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {said} ({Path(at.filename).name}:{at.lineno})"


def run_group(
    group: int, count: int, kinds: str, names: list[str], seed: int, samples: int,
    saved: Path | None,
) -> Result:  # fmt: skip
    """Draw and run one group; what it raises is its problem."""
    passed_over: Counter[str] = Counter()
    families: list[list[Network]] = []
    try:
        if kinds == "dense":
            families = [draw_group(group, count, seed, passed_over)]
        else:
            families = draw_families(group, count, seed, passed_over)
        result = _Group(group, names, seed, samples, saved, plain=kinds == "all").run(families)
    except MACHINE:
        raise
    except Exception as error:
        what = "reference" if families else "drawing and folding"
        problem = f"seed {seed}, group {group}, {what}: {_raised(error)}"
        result = Result(group, sum(map(len, families)), bool(group % 2), problems=[problem])
    return replace(result, passed_over=dict(passed_over))


@dataclass
class _Group:
    """What is done with a group, and what it has come to so far.

    ``plain``: a network with a build of its own beside a loadable one has what is emitted unasked.
    """

    group: int
    names: list[str]
    seed: int
    samples: int
    saved: Path | None
    plain: bool
    compared: Counter[str] = field(default_factory=Counter)
    mismatches: int = 0
    problems: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)
    built: Counter[str] = field(default_factory=Counter)

    def run(self, families: list[list[Network]]) -> Result:
        """Run every family; return what the group came to."""
        rng = np.random.default_rng([self.seed, self.group, 5])
        read = np.random.default_rng([self.seed, self.group, 6])
        exact = at = 0
        hits = [0, 0]
        for family in families:
            networks = parallelism.reading(family, read)
            options = parallelism.draw(networks[0], rng)
            inputs = [
                stimuli(n, self.samples, self.seed + at + k, ROUNDS) for k, n in enumerate(networks)
            ]
            expected = [run(n, x) for n, x in zip(networks, inputs, strict=True)]
            for name in self.names:
                for build in builds(name, len(networks), options, {} if self.plain else options):
                    self._run(name, build, networks, inputs, expected, at)
            for network, trace in zip(networks, expected, strict=True):
                for found in threshold_hits(network, trace).values():
                    hits = [hits[0] + found[0], hits[1] + found[1]]
            exact += sum(n.exact for n in networks)
            at += len(networks)
        return Result(
            self.group,
            at,
            bool(self.group % 2),
            exact,
            dict(self.compared),
            self.mismatches,
            *hits,
            self.problems,
            dict(self.refused),
            builds=dict(self.builds),
            built=dict(self.built),
        )

    def _run(
        self, name: str, build: Build, networks: list[Network], inputs: list[np.ndarray],
        expected: list, at: int,
    ) -> None:  # fmt: skip
        """Run a build on a backend, and compare; ``at``: networks of the group before."""
        case = f"seed {self.seed}, group {self.group}, backend {name}, {build.told}"
        try:
            found = traces(name, build, networks, inputs)
        except ProtocolError as error:
            self.problems.append(f"{case}: {error}")
            return
        except Unsupported as error:
            self.refused[f"{name}: {reason(error)}"] += len(build.members)
            return
        except MACHINE:
            raise
        except Exception as error:
            self.problems.append(f"{case}: {_raised(error)}")
            return
        if build.kind:
            self.builds[build.kind] += 1
            self.built[build.kind] += len(build.members)
        for k, got in zip(build.members, found, strict=True):
            want, number = expected[k], at + k
            same = agreement(want, got)
            self.compared[name] += same.compared
            self.mismatches += same.mismatches
            given = got.info.get("classes")
            if given is not None and (want.classes != np.asarray(given)).any():
                self.problems.append(
                    f"{case}, network {number}: classes differ from the reference's"
                )
            if same.divergence is not None:
                problem = f"{case}, network {number}: {same.divergence}"
                if self.saved is not None:
                    path = f"{self.saved}-{name}-{number}"
                    problem += f"; {_smallest(networks[k], inputs[k], name, build.options, path)}"
                self.problems.append(problem)
            elif same.compared == 0:
                self.problems.append(f"{case}, network {number}: nothing was compared")


def _smallest(
    network: Network, inputs: np.ndarray, name: str, options: dict[str, Any], saved: str
) -> str:
    """Shrink what shows a mismatch in a build of its own, save it, and say where.

    What differs in a build that others share, and not in its own, is saved as it is.
    """

    def fails(network: Network, inputs: np.ndarray) -> bool:
        return agreement(run(network, inputs), run(network, inputs, name, **options)).mismatches > 0

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
