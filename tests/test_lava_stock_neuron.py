"""The certificate of a stock neuron, against both neurons stepped through every input there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from lava_networks import LEAKS

from lava_procs.stock_neuron import (
    EXP_MAX,
    MANT_MAX,
    MANT_MIN,
    STATE_MAX,
    VTH_MAX,
    Numbers,
    fit,
    shifts,
)
from lava_procs.stock_wanted import Wanted, wanted


def network_fires(
    acc: np.ndarray, num: int, q: int, gain: int, bias: int, threshold: int, starts: tuple
) -> np.ndarray:
    """Step a Network's neuron: acc and the spikes are (sequences, T)."""
    v = np.full(len(acc), starts[0], np.int64)
    spikes = np.zeros(acc.shape, bool)
    for t in range(acc.shape[1]):
        v = ((v * num) >> q) + gain * acc[:, t] + bias
        spikes[:, t] = v >= threshold
        v = np.where(spikes[:, t], starts[1], v)
    return spikes


def stock_fires(acc: np.ndarray, num: int, q: int, numbers: Numbers) -> np.ndarray:
    """Step Lava's LIF as its source says: decay toward zero, then input and bias, then v > vth."""
    v = np.zeros(len(acc), np.int64)
    spikes = np.zeros(acc.shape, bool)
    factor = 4096 * num >> q
    for t in range(acc.shape[1]):
        v = np.sign(v) * (np.abs(v) * factor >> 12)
        v = v + 64 * (acc[:, t] << numbers.k) + (numbers.mant << numbers.exp)
        assert np.abs(v).max() <= STATE_MAX
        spikes[:, t] = v > 64 * numbers.vth
        v = np.where(spikes[:, t], 0, v)
    return spikes


def sequences(low: int, high: int, steps: int) -> np.ndarray:
    """Return every sequence of acc, (many, steps)."""
    return np.array(list(itertools.product(range(low, high + 1), repeat=steps)), np.int64)


def draw(rng: np.random.Generator) -> tuple[int, int, int, int, int, int, tuple, tuple]:
    num, q = LEAKS[int(rng.integers(len(LEAKS)))]
    num, q = (num, q) if num else (1, 0)
    steps = int(rng.integers(1, 6))
    spread = {1: 40, 2: 20, 3: 9, 4: 5, 5: 3}[steps]
    low = int(rng.integers(-spread, 1))
    high = low + int(rng.integers(0, spread + 1))
    gain = int(rng.integers(1, 4)) << (q * (steps - 1) if num > 1 else int(rng.integers(0, 5)))
    bias = int(rng.integers(-2 * gain, 2 * gain + 1)) if rng.random() < 0.7 else 0
    threshold = int(rng.integers(-gain, gain * (max(high, 0) + 3) + 1)) + max(0, bias)
    reset = int(rng.integers(-gain, gain + 1)) if rng.random() < 0.5 else 0
    init = reset if rng.random() < 0.8 else 0
    return num, q, steps, gain, bias, threshold, (init, reset), (low, high)


def test_certified_neurons_fire_alike_for_every_input(seed: int) -> None:
    rng = np.random.default_rng([seed, 5])
    fitted = steps_taken = spikes_seen = 0
    for _ in range(600):
        num, q, steps, gain, bias, threshold, starts, acc = draw(rng)
        one = wanted(num, q, steps, gain, bias, threshold, starts, acc)
        assert isinstance(one, Wanted)
        numbers = fit(one)
        if isinstance(numbers, str):
            continue
        assert 0 <= numbers.vth <= VTH_MAX and 0 <= numbers.exp <= EXP_MAX
        assert MANT_MIN <= numbers.mant <= MANT_MAX
        every = sequences(*acc, steps)
        expected = network_fires(every, num, q, gain, bias, threshold, starts)
        assert np.array_equal(stock_fires(every, num, q, numbers), expected), (one, numbers)
        fitted, steps_taken = fitted + 1, steps_taken + expected.size
        spikes_seen += int(expected.sum())
    print(f"{fitted} of 600 neurons, {steps_taken} steps, {spikes_seen} spikes")
    assert fitted > 300 and 0.1 < spikes_seen / steps_taken < 0.9


def test_a_threshold_or_bias_off_by_one_is_seen(seed: int) -> None:
    rng = np.random.default_rng([seed, 6])
    seen = tried = 0
    while tried < 60:
        num, q, steps, gain, bias, threshold, starts, acc = draw(rng)
        one = wanted(num, q, steps, gain, bias, threshold, starts, acc)
        numbers = fit(one)
        if isinstance(numbers, str):
            continue
        every = sequences(*acc, steps)
        expected = network_fires(every, num, q, gain, bias, threshold, starts)
        if expected.mean() in (0, 1):
            continue
        tried += 1
        shift = 1 << numbers.k  # of one lattice step, in units of vth
        for wrong in (numbers.vth - shift, numbers.vth + shift):
            moved = Numbers(numbers.k, numbers.mant, numbers.exp, wrong)
            seen += not np.array_equal(stock_fires(every, num, q, moved), expected)
    assert seen > 100


def test_every_exact_stock_neuron_is_found_again(seed: int) -> None:
    # a stock neuron that rounds nothing is itself a Network's neuron with F = 6 + k bits
    rng = np.random.default_rng([seed, 7])
    for _ in range(300):
        num, q = LEAKS[int(rng.integers(7))]
        steps = int(rng.integers(1, 6 // max(q, 1) + 2))
        k = max(0, q * (steps - 1) - 6) + int(rng.integers(0, 3))
        exp = max(min(q * (steps - 1), 7), int(rng.integers(0, 8)))
        mant, vth = int(rng.integers(-300, 301)), int(rng.integers(0, 400))
        acc = (-int(rng.integers(0, 100)), int(rng.integers(0, 100)))
        if q * (steps - 1) > exp:
            mant = 0
        one = wanted(num, q, steps, 64 << k, mant << exp, 64 * vth + 1, (0, 0), acc)
        numbers = fit(one)
        assert isinstance(numbers, Numbers), (one, k, mant, exp, vth, numbers)
        assert numbers.k <= max(k, shifts(one).start)


def test_integrate_and_fire_needs_no_search() -> None:
    one = wanted(1, 0, 9, 1, 0, 17, (0, 0), (-30, 30))
    assert fit(one) == Numbers(0, 0, 0, 16)


def test_the_contracts_limit_of_seven_steps_at_tau_one_half() -> None:
    # contract, section 6: with bias_exp = 6 and k = 0, n <= 7
    for steps, least in ((7, 0), (8, 1), (13, 6)):
        one = wanted(1, 1, steps, 1 << steps - 1, 0, 5 << steps - 1, (0, 0), (-2, 2))
        assert shifts(one).start == least


@pytest.mark.parametrize(
    ("neuron", "sentence"),
    [
        (
            wanted(1, 0, 4, 1, 0, 140000, (0, 0), (-65000, 65000)),
            "its threshold needs vth = 139999, which must lie within 0..131071",
        ),
        (
            wanted(1, 0, 4, 1, 0, -3, (0, 0), (-9, 9)),
            "its threshold needs vth = -4, which must lie within 0..131071",
        ),
        (
            wanted(1, 0, 4, 1, 9000, 20000, (0, 0), (-3000, 3000)),
            "its bias needs a mantissa of 4500, which must lie within -4096..4095",
        ),
        (
            wanted(1, 0, 4, 1, 0, 50000, (0, 0), (-65000, 10)),
            "its membrane needs 25 bits, and the state has 24",
        ),
        (
            wanted(1, 1, 16, 1 << 15, 0, 5 << 15, (0, 0), (-300, 300)),
            (
                "a leak of 1/2 over 16 timesteps needs inputs of 25 bits where nothing may be "
                "rounded, and the state has 24"
            ),
        ),
        (
            wanted(3, 2, 4, 16, 0, 50, (0, 0), (-3, 3)),
            "gain 16 is no multiple of 2**6, so that its leak 3/4 rounds within 4 timesteps",
        ),
        (
            wanted(1, 0, 4, 1, 0, 5, (2, 0), (-3, 3)),
            (
                "v_init is 2, v_reset is 0 and they differ in what the neuron fires on, and a "
                "stock LIF starts and restarts at 0"
            ),
        ),
    ],
)
def test_refusals_name_the_limit_and_the_value(neuron: Wanted | str, sentence: str) -> None:
    assert (neuron if isinstance(neuron, str) else fit(neuron)) == sentence
