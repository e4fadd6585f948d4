"""One group of a campaign: its networks are drawn, run on every backend, and compared."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, Unsupported, save
from mapping.files import beside

from ..compare import agreement
from ..run import backend_module, row_of, run
from ..tools import MissingTool, ProtocolError
from ..trace import Trace
from . import parallelism
from .generate.groups import draw_any, draw_group, reason
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
    networks: list[Network] = []
    try:
        networks = (draw_group if kinds == "dense" else draw_any)(group, count, seed, passed_over)
        result = _run(group, networks, names, seed, samples, saved)
    except MACHINE:
        raise
    except Exception as error:
        what = "reference" if networks else "drawing and folding"
        problem = f"seed {seed}, group {group}, {what}: {_raised(error)}"
        result = Result(group, len(networks), bool(group % 2), problems=[problem])
    return replace(result, passed_over=dict(passed_over))


def _run(
    group: int, networks: list[Network], names: list[str], seed: int, samples: int,
    saved: Path | None,
) -> Result:  # fmt: skip
    rng = np.random.default_rng([seed, group, 5])
    networks = parallelism.reading(networks, np.random.default_rng([seed, group, 6]))
    options = parallelism.draw(networks[0], rng)
    inputs = [stimuli(n, samples, seed + k, ROUNDS) for k, n in enumerate(networks)]
    expected = [run(n, x) for n, x in zip(networks, inputs, strict=True)]
    compared = mismatches = 0
    problems = []
    refused: dict[str, int] = {}
    for name in names:
        case = f"seed {seed}, group {group}, backend {name}, {parallelism.told(options)}"
        try:
            traces = _traces(name, networks, inputs, options)
        except ProtocolError as error:
            problems.append(f"{case}: {error}")
            continue
        except Unsupported as error:
            what = f"{name}: {reason(error)}"
            refused[what] = refused.get(what, 0) + len(networks)
            continue
        except MACHINE:
            raise
        except Exception as error:
            problems.append(f"{case}: {_raised(error)}")
            continue
        for k, (want, got) in enumerate(zip(expected, traces, strict=True)):
            same = agreement(want, got)
            compared += same.compared
            mismatches += same.mismatches
            given = got.info.get("classes")
            if given is not None and (want.classes != np.asarray(given)).any():
                problems.append(f"{case}, network {k}: classes differ from the reference's")
            if same.divergence is not None:
                problem = f"{case}, network {k}: {same.divergence}"
                if saved is not None:
                    problem += f"; {_smallest(networks[k], inputs[k], name, f'{saved}-{name}-{k}')}"
                problems.append(problem)
            elif same.compared == 0:
                problems.append(f"{case}, network {k}: nothing was compared")
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
    name: str, networks: list[Network], inputs: list[np.ndarray], options: dict[str, Any]
) -> list[Trace]:
    run_many = getattr(backend_module(name), "run_many", None)
    if run_many is not None and len(networks) > 1:
        return run_many(networks, inputs, **options)
    options = options if row_of(name).verilog else {}
    return [run(n, x, name, **options) for n, x in zip(networks, inputs, strict=True)]
