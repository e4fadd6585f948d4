"""Extreme numbers through the fold: ``python tests/extremes.py [--every 1]`` sweeps them all.

Each combination of a kind of population with huge, tiny and subnormal parameters must end in a
Network that the judge finds right, its bounds included, or in one sentence that names the
population and the number. Exit status 1 if one does not.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from judge_network import judge

from mapping import Dense, Input, Readout, TrainedNetwork, Unsupported, fold
from mapping.coding import encode
from mapping.trained import Connection, Gate, Neuron, Norm, Population, Table
from sim import run

STEPS = 2
#: Leak, whether it fires, and how it is read.
KINDS = (
    (0.5, True, "count"), (0.3, True, "count"), (0.3, False, "membrane"), (0.0, False, "count"),
)  # fmt: skip
SCALES = (1e-310, 1e-160, 0.3, 1e200)
GAMMAS = (None, 5e-324, 1e-160, 1e200, 1e308)
ROOTS = ((1.0, 0.0), (0.0, 5e-324), (1e308, 1e-5))
#: One more number beside these.
OTHERS: tuple[dict[str, float], ...] = (
    {}, {"beta": 2.0}, {"beta": 1e-310}, {"beta": -1e250}, {"mean": 1e300}, {"mean": 5e-324},
    {"threshold": 5e-324}, {"threshold": 1e250}, {"threshold": 1e300}, {"v_reset": -1e-310},
    {"v_reset": -1e200}, {"v_rest": 1e-200}, {"v_init": 1e250}, {"bias": 0.1}, {"bias": 1e200},
    {"bias": -1e-310}, {"input_gain": 1e-300}, {"input_gain": 1e200},
)  # fmt: skip
GATES: tuple[dict[str, Any] | None, ...] = (
    None, {"alpha": 1.0}, {"alpha": 1e300}, {"alpha": 5e-324}, {"constant": 5e-324},
    {"weights": 1e-310}, {"weights": 1e16}, {"weights": 1e300},
)  # fmt: skip


def network(
    leak: float, fires: bool, kind: str, scale: Any = 0.3, gamma: Any = None, var: Any = 1.0,
    eps: float = 0.0, beta: Any = 0.0, mean: Any = 0.0, threshold: float = 1.0, bias: Any = 0.0,
    v_reset: float = 0.0, gate: dict[str, Any] | None = None, reset: str = "zero", **more: float,
) -> TrainedNetwork:  # fmt: skip
    """Return one population of two channels that reads three spikes.

    Raises
    ------
        ValueError: numbers that no TrainedNetwork has.
    """
    norm = None if gamma is None else Norm(gamma, beta, mean, var, eps)
    neuron = Neuron(leak, **more)
    if fires:
        neuron = Neuron(leak, threshold, reset=reset, v_reset=v_reset, **more)
    edge = Connection("input", Dense(OP), scale, bias, norm, made(gate))
    return TrainedNetwork(
        Input((3,)), (Population("a", (edge,), neuron),), Readout("a", kind), STEPS
    )


OP = np.array([[1, -1, 1], [1, 1, 1]])


def made(gate: dict[str, Any] | None) -> Gate | None:
    """Return a gate of a description in which one number is given."""
    if gate is None:
        return None
    if "constant" in gate:
        return Gate(np.ones(STEPS), constant=np.full(STEPS, gate["constant"]))
    if "weights" in gate:
        factors = np.array([[0.25, 0.5, 0.75]] * STEPS)
        return Gate(np.ones(STEPS), table=Table(gate["weights"], 0.5, factors))
    return Gate(np.full(STEPS, gate["alpha"]))


def combinations() -> Iterator[dict[str, Any]]:
    """Yield the fields of every combination."""
    for kind, scale, gamma, root, other, gate in itertools.product(
        KINDS, SCALES, GAMMAS, ROOTS, OTHERS, GATES
    ):
        if gamma is None and (root != ROOTS[0] or {"beta", "mean"} & set(other)):
            continue  # they say nothing without a norm
        fields = dict(zip(("leak", "fires", "kind"), kind, strict=True))
        norm = {"scale": scale, "gamma": gamma, "var": root[0], "eps": root[1]}
        yield {**fields, **norm, **other, "gate": gate}


def outcome(value: TrainedNetwork, samples: int = 6) -> str:
    """Fold and judge; return ``"exact"``, ``"bounded"`` or ``"refused"``.

    Raises
    ------
        AssertionError: the judge finds it wrong, or a refusal is no sentence that names it.
    """
    try:
        folded = fold(value)
    except Unsupported as error:
        assert str(error).startswith("population 'a'") and "\n" not in str(error), error
        return "refused"
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (samples, value.timesteps, 3))
    x[0], x[1] = 0, 1
    found = judge(value, folded, encode(folded.input, x, value.timesteps), run(folded, x))
    assert not found["wrong"], found["problems"]
    assert found["compared"]
    return "exact" if folded.exact else "bounded"


def sweep(every: int, first: int = 0) -> Counter[str]:
    """Fold and judge every so manieth combination; return the outcomes.

    Raises
    ------
        AssertionError: the fields of the first that is wrong.
    """
    counts: Counter[str] = Counter()
    for fields in itertools.islice(combinations(), first, None, every):
        try:
            counts[outcome(network(**fields))] += 1
        except Exception as error:
            raise AssertionError(f"{fields}: {type(error).__name__}: {error}") from error
    return counts


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="every so manieth of them (1)")
    options = parser.parse_args()
    began = time.monotonic()
    counts = sweep(options.every)
    print(dict(counts), f"of {sum(counts.values()):,}; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
