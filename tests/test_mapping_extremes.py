"""Numbers of any size: folded and judged right, bounds included, or refused in a sentence."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import extremes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping import (
    Cause,
    Dense,
    Input,
    Kind,
    Readout,
    TrainedNetwork,
    Unsupported,
    fold,
    trained,
)
from mapping.budgets import TINY
from mapping.certificate.exact import Real
from mapping.folding.error import gap, upward
from mapping.folding.units import as_floats, unit_next_to

SPIKES, STREAM = (0.3, True, "count"), (0.3, False, "count")


@pytest.mark.parametrize(
    "fields",
    [
        {"scale": 1.0, "gamma": 5e-324, "var": 2.0, "beta": 2.0},
        {"scale": 1e-160, "gamma": 1e-160},
        {"scale": 1e-160, "gamma": 1e-160, "threshold": 1e-319, "beta": 3e-320},
        {"scale": [1e-310, 0.3], "bias": [1e-311, 0.1], "threshold": 1e-310},
        {"scale": 1e-200, "gamma": 1e-200, "threshold": 1e-3, "beta": 1e-300},
    ],
)
@pytest.mark.parametrize("kind", [SPIKES, STREAM])
def test_bounds_hold_where_slopes_are_subnormal(fields: dict[str, Any], kind: tuple) -> None:
    """The unit was the slope in float64, and the division by the slope itself."""
    assert extremes.outcome(extremes.network(*kind, **fields), samples=20) == "bounded"


def test_a_sample_of_the_sweep() -> None:
    """``python tests/extremes.py`` goes through all of them."""
    counts = extremes.sweep(every=97)
    print(dict(counts))
    assert min(counts[what] for what in ("exact", "bounded", "refused")) >= 10


@pytest.mark.slow
def test_a_ninth_of_the_sweep() -> None:
    """All of it is ``python tests/extremes.py``: ten minutes and more."""
    counts = extremes.sweep(every=9)
    print(dict(counts))
    assert sum(counts.values()) > 3_000


def sized(top: int) -> st.SearchStrategy[float]:
    """Draw floats of any exponent below, subnormals and zero among them."""
    return st.builds(
        lambda m, e, sign: sign * float(np.ldexp(m, e)),
        st.floats(0.5, 1, exclude_max=True), st.integers(-1074, top), st.sampled_from([-1, 1, 0]),
    )  # fmt: skip


EXTREME = st.one_of(sized(900), sized(900), sized(8), st.sampled_from([0.0, 5e-324, 1.0, 0.3]))
NORM = st.fixed_dictionaries(
    {
        "gamma": st.lists(EXTREME, min_size=2, max_size=2),
        "beta": st.lists(EXTREME, min_size=2, max_size=2),
        "mean": EXTREME,
        "var": EXTREME.map(abs),
        "eps": EXTREME.map(abs),
    }
)
GATE = st.sampled_from([None, None, *extremes.GATES])
FIELDS = st.fixed_dictionaries(
    {
        "leak": st.sampled_from([0.5, 0.3, 0.9, 1.0, 0.0, 5e-324, 1e-300]),
        "fires": st.booleans(),
        "kind": st.sampled_from(["count", "membrane"]),
        "scale": st.lists(EXTREME, min_size=2, max_size=2),
        "bias": EXTREME,
        "threshold": EXTREME,
        "reset": st.sampled_from(["zero", "subtract"]),
        "gate": GATE,
    },
    optional={"v_reset": EXTREME, "v_rest": EXTREME, "v_init": EXTREME, "input_gain": EXTREME},
)


@settings(max_examples=250)
@given(fields=FIELDS, norm=st.one_of(st.just({}), NORM))
def test_whatever_their_size_the_judge_finds_the_bound_to_hold(fields: dict, norm: dict) -> None:
    try:
        value = extremes.network(**fields, **norm)
    except ValueError:  # var + eps = 0, a gain of 0
        return
    extremes.outcome(value, samples=4)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"scale": 1e200, "gamma": 1e200},
            "population 'a', connection from 'input': the scale of channel 0 is about 1e400",
        ),
        ({"threshold": -1e300}, "population 'a': the threshold of channel 0 is about 1e300"),
        (
            {"bias": [0.0, 1e280]},
            "the bias of channel 1 is about 1e280, beyond the 1e270 up to which is folded",
        ),
        (
            {"scale": 1.0, "input_gain": 1e-300, "bias": 1.0, "gate": {"weights": 1e300}},
            "connection from 'input': the sums of its gate's table take [0-9]+ bits; 62 are",
        ),
    ],
)
def test_what_is_too_large_is_named(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unsupported, match=sentence):
        fold(extremes.network(*SPIKES, **fields))


@pytest.mark.parametrize(
    "fields", [{"scale": 1e-310, "bias": 0.1}, {"scale": 1e-160}, {"scale": 1e250, "bias": -1e249}]
)
@pytest.mark.parametrize("alpha", [1.0, 1e300, 5e-324, -1e-300])
def test_gates_of_extreme_sums_keep_their_bound(fields: dict[str, Any], alpha: float) -> None:
    value = extremes.network(*SPIKES, **fields, gate={"alpha": alpha})
    assert extremes.outcome(value) == "bounded"


def test_an_alpha_far_below_one_is_flat_nowhere_near() -> None:
    """A mean of 1e12 by an alpha of 1e-11 is 10: the table reaches as far."""
    value = extremes.network(*SPIKES, scale=1e12, gate={"alpha": 1e-11}, threshold=1e12)
    assert extremes.outcome(value, samples=20) == "bounded"


def test_a_table_of_weights_too_fine_is_not_exact_although_its_factors_are_alike() -> None:
    """Its bins are met or not as they are; its one factor, 0.3, is no multiple of 1/256."""
    table = trained.Table(weights=2.0**-50, offset=0.0, factors=np.array([[0.3]]))
    edge = trained.Connection(
        "input", Dense(np.ones((1, 2))), gate=trained.Gate([1.0], table=table)
    )
    p = trained.Population("a", (edge,), trained.Neuron(threshold=0.3005))
    value = TrainedNetwork(Input((2,)), (p,), Readout("a"), 1)
    certificate = fold(value)["a"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.TABLE, Cause.GATE)


@pytest.mark.parametrize(
    ("fan", "first", "second", "edges"), [(60, 127, 127, 6), (54, 109, 122, 5), (6, 93, 117, 5)]
)
def test_sums_of_merged_connections_beyond_machine_words_are_not_merged(
    fan: int, first: int, second: int, edges: int
) -> None:
    """2**32 times what 16 bits become in two layers of weights of 8 bits would pass 64 bits.

    The last two would leave less than 2**51 of it, as small as what fits.
    """
    wide = trained.Connection("input", Dense(np.full((fan, 1), first), 8))
    a = trained.Population("a", (wide,), trained.Neuron(leak=0.0))
    op = Dense(np.full((1, fan), second), 8)
    joined = tuple(trained.Connection("a", op, scale=2.0 ** (-8 * k)) for k in range(edges))
    b = trained.Population("b", joined, trained.Neuron(threshold=1e9))
    certificate = fold(TrainedNetwork(Input((1,), bits=16), (a, b), Readout("b"), 2))[
        "b"
    ].certificate
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.WIDTH)


def test_units_are_floats_and_bounds_are_rounded_upward() -> None:
    for x in (Fraction(1, 3), Fraction(10) ** -400, Fraction(2) ** 1000, Fraction(7)):
        assert Fraction(upward(x)) >= x
    assert upward(Fraction(10) ** 400) == np.inf
    root = Real(Fraction(0), ((Fraction(2), Fraction(10) ** -200),))
    for x in (root, Real(Fraction(1, 3)), Real(Fraction(10) ** -400)):
        unit = unit_next_to(x)
        assert as_floats([unit], bounded=True)[0] == float(unit) >= 2.0**TINY
    with pytest.raises(AssertionError, match="this very unit"):
        as_floats([Fraction(1, 3)], bounded=True)
    assert gap(Real(Fraction(1, 3))) >= 1 / 3
