"""What a certificate says: its kind and cause for programs, its sentence for people; both true."""

from __future__ import annotations

import functools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from test_mapping_corners import alone, check

from mapping import Cause, Kind, TrainedNetwork, fold, folding, load, save, trained
from mapping.certificate import search
from mapping.certificate.exact import Real
from mapping.certificate.lattice import Leak
from mapping.certificate.neurons import Exhausted, TrainedNeurons
from mapping.folding import lattice
from mapping.show import rows_of

ROOT = trained.Norm(gamma=1.0, beta=0.1, mean=0.0, var=2.0, eps=0.0)  # an irrational scale
THIRD = trained.Norm(gamma=1.0, beta=0.1, mean=0.0, var=3.0, eps=0.0)
UNORDERED = "but the order of the membranes that are read out is not proved"
MULTIPLES = "is proved only in whole multiples of one unit: its real scales have no common unit"


def gate(kind: str, off: float = 0.0) -> trained.Gate:
    """Return a gate of 4 timesteps; ``off`` takes its factors off the multiples of 1/256."""
    ones = np.ones(4)
    if kind == "constant":
        return trained.Gate(ones, constant=np.full(4, 0.75 + off))
    if kind == "table":
        factors = np.array([[0.25, 0.5, 0.75 + off]] * 4)
        return trained.Gate(ones, table=trained.Table(0.5, 1.0, factors))
    return trained.Gate(ones)


def joined(value: TrainedNetwork, *norms: trained.Norm, **fields: Any) -> TrainedNetwork:
    """Return a network whose population has more connections like its first, but for these."""
    (p,) = value.populations
    plain = replace(p.connections[0], gate=None)
    more = tuple(replace(plain, norm=norm, **fields) for norm in norms)
    return replace(value, populations=(replace(p, connections=(*p.connections, *more)),))


def lif(**fields: Any) -> trained.Neuron:
    return trained.Neuron(leak=0.5, threshold=0.7, **fields)


SOFT = lif(reset="subtract")
CASES: dict[str, tuple[Any, str, str | None, str]] = {
    "one scale": (alone(lif(), 3, norm=ROOT), "spikes", None, "thresholds proved for every input"),
    "a leak": (
        alone(replace(lif(), leak=0.9), 3), "rounded", "leak",
        "leak 0.9 is not dyadic: snapped to 115/128",
    ),
    "three scales": (
        joined(alone(lif(), 3, norm=ROOT), THIRD, replace(THIRD, var=5.0)), "rounded", "scales",
        "3 real scales meet in its membranes (two can be proved)",
    ),
    "a soft reset and refractory steps": (
        alone(lif(reset="subtract", refractory=1), 3, norm=ROOT), "rounded", "reset",
        "a soft reset with refractory steps",
    ),
    "many histories": (
        alone(SOFT, 20, norm=ROOT), "rounded", "count", "a leaky soft reset has 2**19 histories",
    ),
    "too wide": (
        alone(replace(lif(), leak=255 / 256), 8, norm=ROOT), "rounded", "width",
        "its data alone takes 63 bits, and a proof has room for 57",
    ),
    "an order": (
        alone(lif(), 3, kind="membrane", norm=ROOT), "spikes", "order",
        f"fires exactly, {UNORDERED}",
    ),
    "a sigmoid": (
        alone(lif(), 4, norm=ROOT, gate=gate("sigmoid")), "table", "gate",
        "exact to its gate's table, for every input; bounded to the sigmoid",
    ),
    "a sigmoid that is read": (
        alone(lif(), 4, kind="membrane", norm=ROOT, gate=gate("sigmoid")), "table", "gate",
        f"fires as its gate's table says, for every input, {UNORDERED}; bounded to the sigmoid",
    ),
    "a sigmoid beside a skip": (
        joined(alone(lif(), 4, norm=ROOT, gate=gate("sigmoid")), THIRD), "rounded", "gate",
        "its gate is a table of the sigmoid",
    ),
    "a sigmoid and a leak": (
        alone(replace(lif(), leak=0.9), 4, gate=gate("sigmoid")), "rounded", "leak",
        "leak 0.9 is not dyadic: snapped to 115/128; its gate is a table of the sigmoid",
    ),
    "a sigmoid and a soft reset": (
        alone(SOFT, 4, norm=ROOT, gate=gate("sigmoid")), "rounded", "gate",
        "its gate is a table of the sigmoid",
    ),
    "a table": (
        alone(lif(), 4, norm=ROOT, gate=gate("table")), "table", None,
        "exact to its gate's table, for every input",
    ),
    "constants": (
        alone(lif(), 4, norm=ROOT, gate=gate("constant")), "table", None,
        "exact to its gate's constants, for every input",
    ),
    "a table that is read": (
        alone(lif(), 4, kind="membrane", norm=ROOT, gate=gate("table")), "table", "order",
        f"fires as its gate's table says, for every input, {UNORDERED}",
    ),
    "a table off the grid": (
        alone(lif(), 4, norm=ROOT, gate=gate("table", 0.001)), "table", "gate",
        ("exact to its gate's table, for every input; "
        "bounded to the trained gate, which was rounded"),
    ),
    "constants and a soft reset": (
        alone(SOFT, 4, norm=ROOT, gate=gate("constant")), "rounded", "reset",
        f"a soft reset beside a gate {MULTIPLES}",
    ),
    "a table and a soft reset": (
        alone(SOFT, 4, norm=ROOT, gate=gate("table")), "rounded", "reset",
        f"a soft reset beside a gate {MULTIPLES}",
    ),
    "a table beside a skip": (
        joined(alone(lif(), 4, norm=ROOT, gate=gate("table")), THIRD), "rounded", "scales",
        f"a gated connection beside others {MULTIPLES}",
    ),
    "constants off the grid and a soft reset": (
        alone(SOFT, 4, norm=ROOT, gate=gate("constant", 0.001)), "rounded", "gate",
        "its gate's constant factors are not all multiples of 1/256 below 1, and were rounded",
    ),
    "a table off the grid and a soft reset": (
        alone(SOFT, 4, norm=ROOT, gate=gate("table", 0.001)), "rounded", "gate",
        ("its gate's table was rounded: its factors are not all multiples of 1/256 below 1, or its "
        "sums too fine"),
    ),
    "a table and a soft reset in whole numbers": (
        alone(replace(SOFT, threshold=0.75), 4, bias=0.25, gate=gate("table")), "whole", None,
        "its numbers are whole multiples of one unit",
    ),
    "classes": (
        alone(trained.Neuron(), 3, kind="membrane", norm=ROOT), "classes", None,
        "classes ordered alike after every step, for every input",
    ),
    "classes of different scales": (
        alone(trained.Neuron(), 3, kind="membrane", scale=[0.1, 0.2, 0.3, 1 / 3]), "rounded",
        "scales", "its classes have different scales, which were rounded to one unit",
    ),
    "classes that start elsewhere": (
        alone(trained.Neuron(v_init=0.1), 3, kind="membrane", norm=ROOT), "rounded", "scales",
        "the order of its classes is proved only of membranes that start and rest at 0",
    ),
    "classes of one scale that are too wide": (
        alone(trained.Neuron(leak=255 / 256), 8, kind="membrane", scale=0.75), "rounded", "width",
        ("with 56 fractional bits, which its classes need at least, its membranes take 62 bits or "
        "more"),
    ),
    "classes that hear nothing": (
        alone(trained.Neuron(leak=255 / 256), 8, kind="membrane", scale=0.0, bias=0.5), "rounded",
        "width", "its values take 68 bits in the unit that no leak rounds, and were rounded",
    ),
    "a stream": (
        alone(trained.Neuron(leak=0.0), 3, scale=0.5), "whole", None,
        "its values are whole multiples of one unit",
    ),
    "a stream of roots": (
        alone(trained.Neuron(leak=0.0), 3, norm=ROOT), "rounded", "scales",
        "its real scales have no common unit, and were rounded",
    ),
    "a stream of far numbers": (
        alone(trained.Neuron(leak=0.0), 3, scale=[1.0, 1e-12, 1.0, 1.0]), "rounded", "scales",
        "its numbers take 93 bits in their common unit, and were rounded (32 are the most)",
    ),
    "a stream and a table": (
        alone(trained.Neuron(leak=0.0), 4, norm=ROOT, gate=gate("table")), "rounded", "scales",
        "its real scales have no common unit",
    ),
    "a stream and a sigmoid": (
        alone(trained.Neuron(leak=0.0), 4, norm=ROOT, gate=gate("sigmoid")), "rounded", "gate",
        "its gate is a table of the sigmoid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_kind_cause_and_sentence(name: str) -> None:
    value, kind, cause, reason = CASES[name]
    certificate = check(value, samples=6)["a"].certificate
    assert (certificate.kind, certificate.cause, certificate.reason) == (kind, cause, reason)


def test_every_kind_and_cause_is_met() -> None:
    kinds, causes = ({case[k] for case in CASES.values()} for k in (1, 2))
    assert kinds == {str(kind) for kind in Kind}
    searched = {Cause.UNDECIDED, Cause.BUDGET}  # below
    assert causes == {None, *(str(cause) for cause in Cause if cause not in searched)}


FAILED = {
    "one scale": {},
    "a leak": {"lattice": "leak 0.9 is not dyadic: snapped to 115/128"},
    "three scales": {
        "lattice": "3 real scales meet in its membranes (two can be proved)",
        "whole": "its real scales have no common unit",
    },
    "a table": {
        "lattice": "its gate's factor changes with the input, so data lies on no fixed lattice",
        "whole": "its real scales have no common unit",
    },
    "a sigmoid beside a skip": {
        "lattice": "a gated connection beside others is proved only in whole multiples of one unit",
        "whole": "its gate is a table of the sigmoid",
    },
    "a table and a soft reset in whole numbers": {
        "lattice": "a soft reset beside a gate is proved only in whole multiples of one unit",
    },
    "classes": {},
    "classes of different scales": {
        "classes": "its classes have different scales, which were rounded to one unit",
        "whole": "its numbers take 54 bits in their common unit, and were rounded "
        "(32 are the most)",
    },
    "a stream": {},
    "a stream of roots": {"whole": "its real scales have no common unit, and were rounded"},
}


@pytest.mark.parametrize("name", FAILED)
def test_a_certificate_says_which_ways_failed_and_why(name: str) -> None:
    certificate = fold(CASES[name][0])["a"].certificate
    assert dict(certificate.failed) == FAILED[name]
    assert len(certificate.failed) == len(FAILED[name])


def test_ways_are_tried_in_their_order_and_none_after_one_that_succeeds() -> None:
    succeeds: set[tuple[bool, str]] = set()
    for value, *_ in CASES.values():
        (p,) = fold(value).populations
        names = [name for name, _ in (folding.SPIKING if p.spiking else folding.STREAM)]
        failed = [way for way, _ in p.certificate.failed]
        assert failed == [name for name in names if name in failed]
        last = "rounded" if p.certificate.kind is Kind.ROUNDED else str(p.certificate.kind)
        succeeds.add((p.spiking, {"spikes": "lattice"}.get(last, last)))
        assert names.index({"spikes": "lattice"}.get(last, last)) >= len(failed)
    everything = {(True, name) for name, _ in folding.SPIKING} | {
        (False, n) for n, _ in folding.STREAM
    }
    assert succeeds == everything - {(True, "static")}  # below


def test_a_constant_drive_is_proved_with_any_leak_where_the_lattice_is_not() -> None:
    value = alone(replace(lif(), leak=0.9), 3, norm=ROOT)
    value = replace(value, input=replace(value.input, coding="direct"))
    certificate = check(value)["a"].certificate
    assert (certificate.exact, certificate.kind, certificate.lattice) == (True, Kind.SPIKES, None)
    assert dict(certificate.failed) == FAILED["a leak"]


def test_a_constant_drive_that_is_not_proved_gives_its_own_search_as_the_reason() -> None:
    value = alone(replace(lif(), leak=0.9), 4, scale=0.0003, bias=0.07)
    value = replace(value, input=replace(value.input, coding="direct", bits=12))
    certificate = check(value)["a"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.WIDTH)
    assert certificate.reason.startswith("with none of 0 to 24 fractional bits does every channel")
    assert dict(certificate.failed) == {**FAILED["a leak"], "static": certificate.reason}


def test_a_search_ends_at_its_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    value = joined(alone(lif(), 3, norm=ROOT), THIRD)
    assert fold(value).exact
    monkeypatch.setattr(lattice, "certify", functools.partial(search.certify, steps=1000))
    certificate = check(value)["a"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.BUDGET)
    assert certificate.reason == "its search was ended after 1,000 steps"


def test_steps_are_counted_alike_every_time() -> None:
    """The least budget that is enough, by halving, is the same for a population and its copy."""

    def enough(limit: int) -> bool:
        bias = Real(Fraction(1, 3))
        theta = [Real(Fraction(k, 7)) for k in (10, 30)]
        ends = np.array([-9, -9]), np.array([9, 9])
        neurons = TrainedNeurons(
            Leak(1, 1), 4, theta, [bias, bias], [(Real(),)] * 2, False, *ends, np.zeros(2, bool)
        )
        try:
            search.certify(neurons, steps=limit)
        except Exhausted:
            return False
        return True

    found = [next(n for n in range(1, 1 << 20, 64) if enough(n)) for _ in range(2)]
    assert found[0] == found[1] > 1


def test_roots_that_cannot_be_told_apart_name_their_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In channel 2, 1/sqrt(2) + 1/sqrt(3) - 2/sqrt(8) - 2/sqrt(12) is 0, and 1 is reached or not.

    Scales of 0 leave the biases, of which more than two roots may meet.
    """
    monkeypatch.setattr(search, "_BLOCK", 1)  # every channel is searched by itself
    only = np.array([0.0, 0.0, 1.0, 0.0])
    norms = [
        trained.Norm(gamma * only, 0.0, 0.0, var, 0.0)
        for gamma, var in ((1.0, 2.0), (1.0, 3.0), (-2.0, 8.0), (-2.0, 12.0))
    ]
    value = joined(alone(replace(lif(), threshold=1.0), 3), *norms, scale=0.0, bias=1.0)
    certificate = check(value)["a"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.UNDECIDED)
    assert certificate.reason == "channel 2 has sums of square roots that cannot be told apart"


def test_kinds_and_causes_are_kept_in_files_and_shown(tmp_path: Any) -> None:
    for name in ("one scale", "an order", "a table", "a leak"):
        value, kind, cause, _ = CASES[name]
        network = fold(value)
        save(network, tmp_path / "n")
        again = load(tmp_path / "n")["a"].certificate
        assert (again.kind, again.cause) == (Kind(kind), cause and Cause(cause))
        assert again.failed == network["a"].certificate.failed
        (row,) = rows_of(network)
        assert (row["kind"], row["cause"]) == (kind, cause)
        assert [(x["way"], x["reason"]) for x in row["failed"]] == list(again.failed)
