"""Certificates: what is called exact fires as the exact rational judge does, on every input."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge import Judge

from mapping import Dense, Input, Readout, TrainedNetwork, fold
from mapping.certificate.classes import class_constants, classes_hold
from mapping.certificate.exact import Real, Surd
from mapping.certificate.lattice import Leak
from mapping.trained import Connection, Neuron, Norm, Population

LEAKS = {"1/2": 0.5, "1/4": 0.25, "3/4": 0.75, "1": 1.0}


def draw_layer(seed: int, leak: float, steps: int, channels: int = 10) -> TrainedNetwork:
    """Draw one population of trained channels; ties and tiny gammas among them."""
    rng = np.random.default_rng(seed)
    fan = int(rng.choice([1, 3, 16, 64, 200, 576]))
    spread = math.sqrt(fan)

    def real(values: np.ndarray) -> np.ndarray:
        """Float32 as trained, or coarse dyadics, which make ties."""
        return np.round(values * 4) / 4 if coarse else values.astype(np.float32)

    coarse = bool(rng.random() < 0.3)
    gamma = real(rng.normal(1, 0.5, channels))
    gamma = np.where(rng.random(channels) < 0.05, 0, gamma)
    tiny = rng.random(channels) < 0.05
    gamma = np.where(tiny, gamma * 10.0 ** -rng.integers(3, 40, channels), gamma)
    norm = Norm(
        gamma=gamma,
        beta=real(rng.normal(0, 0.5, channels)),
        mean=real(rng.normal(0, spread / 2, channels)),
        # 16 - eps is stored so that var + eps has a rational root: exact ties of batch norm
        var=np.full(channels, 16.0) if coarse else real(rng.uniform(0.3, 2, channels) * fan),
        eps=0.0 if coarse else 1e-5,
    )
    kind = rng.random()
    connection = Connection(
        "input",
        Dense(rng.choice([-1, 1], (channels, fan))),
        scale=1.0 if coarse else float(np.float32(rng.uniform(0.05, 2))),
        bias=real(rng.normal(0, 0.3, channels)) if kind < 0.5 else 0.0,
        norm=norm if kind < 0.85 else None,
    )
    other = float(rng.choice([0.0, 0.25, -0.5, np.float32(0.1)]))
    neuron = Neuron(
        leak=leak,
        threshold=float(rng.choice([1.0, 0.5, np.float32(0.7)])),
        compare=str(rng.choice([">=", ">"])),
        reset=str(rng.choice(["zero", "zero", "zero", "none"])),
        v_reset=other if rng.random() < 0.5 else 0.0,
        v_init=float(rng.choice([0.0, other])),
        input_gain=float(rng.choice([1.0, 1.0, 0.5])),
    )
    bits = int(rng.choice([1, 1, 1, 5]))
    return TrainedNetwork(
        Input((fan,), bits=bits, unit=float(rng.choice([1.0, 1 / 16]))),
        (Population("a", (connection,), neuron),),
        Readout("a", "count"),
        steps,
    )


def judged(value: TrainedNetwork, network: object, samples: int, seed: int) -> dict[str, int]:
    """Run each channel of the integer network beside the judge, over searched acc sequences."""
    rng = random.Random(seed)
    p = network["a"]
    neuron, c = p.neuron, p.connections[0]
    acc_fact = network.facts["a"].acc[0]
    count = {"steps": 0, "ties": 0, "hits": 0, "below": 0, "wrong": 0}
    for i in range(len(c.gain)):
        gain, bias, threshold = int(c.gain[i]), int(c.bias[i]), int(neuron.threshold[i])
        low, high = int(acc_fact.low[i]), int(acc_fact.high[i])
        judge = Judge(value["a"], i, value.input.unit)
        # a flipped channel's acc is minus the trained one's: the judge runs the trained weights
        trained_weights = value["a"].connections[0].op.weights
        sign = 1 if (c.op.weights[i] == trained_weights[i]).all() else -1
        for _ in range(samples):
            v = int(neuron.v_init[i])
            judge.start()
            for _ in range(network.timesteps):
                before = (v * neuron.num) >> neuron.q
                acc = rng.randint(low, high)
                if gain and rng.random() < 0.7:  # aim at the threshold, or just below it
                    acc = -(-(threshold - before - bias) // gain) - rng.choice((0, 0, 1, 1, 2))
                    acc = min(max(acc, low), high)
                v = before + gain * acc + bias
                fires = v >= threshold
                count["steps"] += 1
                count["wrong"] += fires != judge.step(sign * acc)
                count["ties"] += judge.tie
                count["hits"] += v == threshold
                count["below"] += threshold - gain <= v < threshold
                if fires and neuron.reset == "zero":
                    v = int(neuron.v_reset[i])
    return count


def total(counts: list[dict[str, int]]) -> dict[str, int]:
    return {key: sum(c[key] for c in counts) for key in counts[0]}


def campaign(layers: int, steps_list: tuple[int, ...], samples_per_steps: int) -> None:
    """Draw layers of ten channels for every T, certify, and judge those that are exact."""
    counts, exact, drawn = [], 0, 0
    for steps in steps_list:
        others = []
        for k in range(layers):
            name = list(LEAKS)[k % 4]
            seed = 1000 * steps + k
            value = draw_layer(seed, LEAKS[name], steps)
            network = fold(value)
            drawn += 10
            certificate = network["a"].certificate
            if not certificate.exact:
                others.append((seed, name, certificate.reason))
                continue
            exact += 10
            counts.append(judged(value, network, max(1, samples_per_steps // steps), seed))
            assert counts[-1]["wrong"] == 0, f"seed {seed}, leak {name}, T = {steps}"
        print(f"T = {steps}: {layers - len(others)} of {layers} layers exact; others: {others}")
        assert len(others) <= layers * 0.01, others
    result = total(counts)
    print(f"{exact} of {drawn} channels exact; {result}")
    assert result["hits"] > 0 and result["ties"] > 0 and result["below"] > 0


def test_certified_channels_agree_with_the_judge() -> None:
    campaign(12, (1, 2, 3, 4, 8, 16), 60)


@pytest.mark.slow
def test_thousand_channels_for_each_t_agree_with_the_judge_on_a_million_steps() -> None:
    campaign(100, (1, 2, 3, 4, 5, 6, 7, 8, 16), 120)


@pytest.mark.parametrize(
    ("what", "steps"),
    [("threshold+1", 4), ("threshold-1", 1), ("bias+1", 1), ("bias-1", 4), ("F-1", 4)],
)
def test_a_wrong_constant_is_caught(what: str, steps: int) -> None:
    """The comparison that passes above fails when one integer is off by one.

    A threshold is the upper end of those that work, so one more is always wrong; one less may
    lie within the proven room, but not at T = 1, where F = 0 leaves none.
    """
    caught = 0
    for seed in range(8):
        value = draw_layer(seed, 0.5, steps)
        network = fold(value)
        p = network["a"]
        assert p.certificate.exact
        c, neuron = p.connections[0], p.neuron
        off = 1 if what.endswith("+1") else -1
        if what.startswith("threshold"):
            neuron = replace(neuron, threshold=neuron.threshold + off)
        elif what.startswith("bias"):
            c = replace(c, bias=c.bias + off)
        else:
            c = replace(c, gain=c.gain >> 1)
        wrong = replace(network, populations=(replace(p, connections=(c,), neuron=neuron),))
        caught += judged(value, wrong, 40, seed)["wrong"] > 0
    print(f"{what}: caught in {caught} of 8 layers")
    assert caught >= 7


def test_channels_of_the_same_numbers_have_their_own_constants() -> None:
    """Constants are computed once for channels that are alike, of which channel 0 may be none."""
    bias = np.array([0.0, 1.75, -0.5, 1.75, -0.5])
    edge = Connection("input", Dense([[1, -1, 1, -1, 1, 1]] * len(bias)), bias=bias)
    value = TrainedNetwork(
        Input((6,)),
        (Population("a", (edge,), Neuron(leak=0.5, threshold=1.25)),),
        Readout("a", "count"),
        4,
    )
    network = fold(value)
    certificate = network["a"].certificate
    assert certificate.exact and certificate.lattice is not None, certificate
    for i, j in np.ndindex(len(bias), len(bias)):
        same = (certificate.lattice[:, :, i] == certificate.lattice[:, :, j]).all()
        assert same == (bias[i] == bias[j]), (i, j)
    result = judged(value, network, 40, 0)
    assert result["wrong"] == 0 and result["ties"] > 0 and result["hits"] > 0, result


def test_large_if_network_is_exact_at_256_steps() -> None:
    value = replace(draw_layer(5, 1.0, 256), timesteps=256)
    network = fold(value)
    assert network["a"].certificate.exact
    result = judged(value, network, 4, 5)
    print(result)
    assert result["wrong"] == 0 and result["steps"] == 10 * 4 * 256


def integer_constants(
    leak: Leak, fraction_bits: int, threshold: int, bias: int, start: int, steps: int
) -> list[int]:
    """Return c'_n of an integer neuron, n = 1..steps, unclamped (needs F >= q(T-1))."""
    return [
        -((beta - threshold) >> (fraction_bits - leak.q * n))
        for n, beta in enumerate(leak.path(start, bias, steps))
    ]


def test_the_stored_constants_are_those_of_the_integers() -> None:
    """What the certificate claims follows from the Network's own numbers alone."""
    for seed in range(12):
        value = draw_layer(seed, list(LEAKS.values())[seed % 4], 1 + seed % 6)
        network = fold(value)
        p = network["a"]
        c, n, lattice = p.connections[0], p.neuron, p.certificate.lattice
        for i in range(len(c.gain)):
            if c.gain[i] == 0:
                continue
            starts = (n.v_reset[i], n.v_init[i]) if len(lattice) == 2 else (n.v_init[i],)
            low, high = (
                int(network.facts["a"].acc[0].low[i]),
                int(network.facts["a"].acc[0].high[i]),
            )
            for row, start in zip(lattice[:, :, i], starts, strict=True):
                found = integer_constants(
                    Leak(n.num, n.q), p.certificate.fraction_bits, int(n.threshold[i]),
                    int(c.bias[i]), int(start), network.timesteps,
                )  # fmt: skip
                sums = Leak(n.num, n.q).sums(network.timesteps)
                for step, (want, got) in enumerate(zip(row, found, strict=True)):
                    weight = int(sums[step] * (1 << n.q * step))
                    assert min(max(got, low * weight), high * weight + 1) == want


rationals = st.fractions(min_value=-50, max_value=50, max_denominator=64)


@given(r=rationals, s=rationals, w=st.fractions(min_value="1/64", max_value=90, max_denominator=64))
def test_surd_floor_is_exact(r: Fraction, s: Fraction, w: Fraction) -> None:
    x = Surd(r, s, w)
    scale = 10**40
    root = Fraction(math.isqrt(w.numerator * w.denominator * scale**2), w.denominator * scale)
    low = r + s * root
    low, high = sorted((low, low + s * Fraction(1, scale)))
    whole = math.floor(x)
    assert whole <= high and whole + 1 > low
    assert math.ceil(x) - whole in (0, 1)
    if math.ceil(x) == whole:
        assert low <= whole <= high
    assert abs(float(Real.of(x)) - float(low)) <= 1e-12 * max(1, abs(float(low)))


def test_surd_decides_a_tie_that_float64_gets_wrong() -> None:
    """(a / b) ** 2 is not a float; its root is exactly a / b, and ceil must not move up."""
    for a, b in [(1, 3), (10**9 + 7, 3), (2**60 + 1, 7)]:
        assert math.ceil(Surd(-Fraction(a, b), 1, Fraction(a, b) ** 2)) == 0
        assert math.ceil(Surd(-Fraction(a, b) + Fraction(1, 10**30), 1, Fraction(a, b) ** 2)) == 1


def test_class_order_by_pairs_matches_brute_force() -> None:
    """The integrator's certificate against an exact argmax over every data part."""
    rng = random.Random(3)
    leak, steps = Leak(1, 0), 3
    for _ in range(50):
        real = [Surd(Fraction(rng.randint(-20, 20), rng.choice((2, 3, 4)))) for _ in range(3)]
        bits = rng.choice((0, 2, 6))
        integer = [math.floor(x * (1 << bits)) for x in real]
        constants = class_constants(leak, steps, [Real.of(x) for x in real])
        proof = classes_hold(leak, bits, constants, integer, 0)
        agree = True
        for n in range(1, steps + 1):
            for i in range(3):
                for j in range(i + 1, 3):
                    for d in range(-60, 61):
                        trained = d >= (real[j].r - real[i].r) * n
                        mapped = d * (1 << bits) + (integer[i] - integer[j]) * n >= 0
                        agree &= trained == mapped
        assert (proof is None) == agree
