"""Every gradient of training against a derivative written out here, in float64."""

from __future__ import annotations

from typing import Any

import needs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

needs.package("torch")
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from mapping import INPUT, Input  # noqa: E402
from training.data.dataset import Arrays  # noqa: E402
from training.gate import Gate, Table  # noqa: E402
from training.graph import Connection, Population, SpikingNetwork  # noqa: E402
from training.hardware import constant_gates  # noqa: E402
from training.losses import LOSSES  # noqa: E402
from training.networks import NETWORKS  # noqa: E402
from training.neurons import Dynamics, Fire, Integrator  # noqa: E402
from training.norm import Dyadic, Norm  # noqa: E402
from training.ops import Dense  # noqa: E402
from training.style import Style  # noqa: E402
from training.weights import Bipolar, Fixed, Round, Sign, dyadic  # noqa: E402

pytestmark = pytest.mark.torch
seeds = st.integers(0, 2**32 - 1)


def drawn(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> torch.Tensor:
    return torch.tensor(rng.normal(0, scale, shape), dtype=torch.float64).requires_grad_()


def grad(y: torch.Tensor, g: torch.Tensor, *of: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(y, of, g)


# --- weights ---------------------------------------------------------------------------------


@settings(max_examples=30)
@given(seeds)
def test_sign_passes_within_one(draw: int) -> None:
    rng = np.random.default_rng(draw)
    w = drawn(rng, 4, 9)
    with torch.no_grad():
        w[0, :6] = torch.tensor([1.0, -1.0, 0.0, -0.0, np.nextafter(1, 2), -np.nextafter(1, 2)])
    g = drawn(rng, 4, 9).detach()
    signs = Sign.apply(w)
    assert signs.tolist() == np.where(w.detach().numpy() >= 0, 1.0, -1.0).tolist()
    (found,) = grad(signs, g, w)
    assert torch.equal(found, torch.where(w.abs() <= 1, g, 0.0))


@settings(max_examples=30)
@given(seeds, st.sampled_from(["channel", "layer", "dyadic", "none"]), st.booleans())
def test_a_binary_layer_has_its_scales_gradient(draw: int, scale: str, centred: bool) -> None:
    """Of y = alpha sign(w) x: dL/dw = alpha (g x) where the clip passes; alpha is a constant."""
    rng = np.random.default_rng(draw)
    layer = Dense(7, 3, Bipolar(scale, centred)).double()
    with torch.no_grad():
        layer.weight.copy_(drawn(rng, 3, 7, scale=0.8))
    x, g = drawn(rng, 5, 7), drawn(rng, 5, 3).detach()
    by_w, by_x = grad(layer(x, 0.5), g, layer.weight, x)
    w, xs, gs = layer.weight.detach().numpy(), x.detach().numpy(), g.numpy()
    if centred:
        w = w - w.mean(1, keepdims=True)
    alpha = {
        "channel": np.abs(w).mean(1, keepdims=True), "layer": np.abs(w).mean(), "none": 1.0,
        "dyadic": 2.0 ** np.round(np.log2(np.abs(w).mean())),
    }[scale]  # fmt: skip
    count = np.where(w >= 0, 1.0, -1.0) * alpha * 0.5
    outer = gs.T @ xs * alpha * 0.5 * (np.abs(w) <= 1)
    if centred:  # the mean comes off w, so off what arrives at it
        outer = outer - outer.mean(1, keepdims=True)
    np.testing.assert_allclose(by_w.numpy(), outer, atol=1e-12)
    np.testing.assert_allclose(by_x.numpy(), gs @ count, atol=1e-12)


@settings(max_examples=30)
@given(seeds, st.sampled_from(["channel", "layer", "dyadic"]), st.integers(2, 8))
def test_rounding_passes_straight_through(draw: int, scale: str, bits: int) -> None:
    """Of y = s round(w / s) x: dL/dw = g x, whatever s is; weights lie within half a step of w."""
    rng = np.random.default_rng(draw)
    kind = Fixed(bits, scale)
    layer = Dense(7, 3, kind, bias=True).double()
    with torch.no_grad():
        layer.weight.copy_(drawn(rng, 3, 7))
    x, g = drawn(rng, 5, 7), drawn(rng, 5, 3).detach()
    by_w, by_b = grad(layer(x), g, layer.weight, layer.bias)
    np.testing.assert_allclose(by_w.numpy(), g.numpy().T @ x.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(by_b.numpy(), g.numpy().sum(0), atol=1e-12)
    whole, step = kind(layer.weight)
    top = 2 ** (bits - 1) - 1
    assert torch.equal(whole, whole.round()) and whole.abs().max() <= top
    wide = step.reshape(-1, 1)
    assert ((whole * wide - layer.weight).abs() <= wide * (0.5 + 1e-9)).all()
    if scale == "dyadic":
        assert torch.equal(step, torch.exp2(torch.log2(step).round()))


def test_large_weights_count_as_they_are_and_the_clip_stops_the_rest() -> None:
    w = torch.tensor([[-200.0, -127.4, 3.5, 2.5, 126.6]], requires_grad=True)
    whole, scale = Fixed(8, "none")(w)
    assert whole.tolist() == [[-127, -127, 4, 2, 127]] and scale == 1
    assert grad(whole, torch.ones_like(whole), w)[0].tolist() == [[0, 1, 1, 1, 1]]
    y = Round.apply(w)
    assert grad(y, torch.full_like(y, 3.0), w)[0].tolist() == [[3.0] * 5]
    assert dyadic(torch.tensor([1.0, 1.4, 1.5, 3.0, 0.3])).tolist() == [1, 1, 2, 4, 0.25]


# --- neurons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1.0, 0.5, 2.0])
def test_the_surrogate_is_a_triangle_of_area_one(width: float) -> None:
    dynamics = Dynamics(threshold=0.75, surrogate_width=width)
    u = torch.linspace(-4, 6, 20001, dtype=torch.float64)
    h = dynamics.surrogate(u)
    want = np.array([max(0.0, width - abs(x - 0.75)) / width**2 for x in u.tolist()])
    np.testing.assert_allclose(h.numpy(), want, atol=1e-15)
    assert abs(float(torch.trapezoid(h, u)) - 1) < 1e-6
    assert float(h.max()) == pytest.approx(1 / width, abs=1e-3)


class Triangle(torch.autograd.Function):
    """A step whose derivative is a triangle, written anew here."""

    @staticmethod
    def forward(ctx: Any, over: torch.Tensor, width: float, strict: bool) -> torch.Tensor:
        ctx.save_for_backward(over)
        ctx.width = width
        return ((over > 0) if strict else (over >= 0)).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (over,) = ctx.saved_tensors
        a = ctx.width
        return g * torch.relu(1 - over.abs() / a) / a, None, None


def unrolled(current: torch.Tensor, steps: int, d: Dynamics) -> torch.Tensor:
    """Run step by step and leave the rest to autograd."""
    v, spikes = torch.zeros_like(current[0]), []
    for t in range(steps):
        u = d.leak * v + current[min(t, len(current) - 1)]
        s = Triangle.apply(u - d.threshold, d.surrogate_width, d.compare == ">")
        back = s.detach() if d.detach_reset else s
        v = u * (1 - back) if d.reset == "zero" else u - d.threshold * back
        spikes.append(s)
    return torch.stack(spikes)


dynamics = st.builds(
    Dynamics,
    leak=st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
    threshold=st.sampled_from([0.5, 1.0, 1.5]),
    compare=st.sampled_from([">", ">="]),
    reset=st.sampled_from(["zero", "subtract"]),
    surrogate_width=st.sampled_from([0.5, 1.0, 2.0]),
    detach_reset=st.booleans(),
)


@settings(max_examples=200)
@given(dynamics, st.integers(1, 6), st.booleans(), st.booleans(), seeds)
def test_firing_through_time_is_the_unrolled_recurrence(
    d: Dynamics, steps: int, constant: bool, on_grid: bool, draw: int
) -> None:
    rng = np.random.default_rng(draw)
    values = rng.normal(0.6, 1, (1 if constant else steps, 3, 2, 2))
    if on_grid:  # many membranes are the threshold exactly
        values = np.round(values * 2) / 2
    current = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    g = drawn(rng, steps, 3, 2, 2).detach()
    ours, theirs = Fire.apply(current, steps, d), unrolled(current, steps, d)
    assert ours.shape == (steps, 3, 2, 2) and torch.equal(ours, theirs)
    (by_ours,), (by_theirs,) = grad(ours, g, current), grad(theirs, g, current)
    torch.testing.assert_close(by_ours, by_theirs, rtol=1e-12, atol=1e-12)


@settings(max_examples=50)
@given(dynamics, st.integers(1, 5), seeds)
def test_a_constant_current_is_the_same_current_every_timestep(
    d: Dynamics, steps: int, draw: int
) -> None:
    rng = np.random.default_rng(draw)
    one = drawn(rng, 1, 4, 3)
    g = drawn(rng, steps, 4, 3).detach()
    every = one.detach().expand(steps, 4, 3).clone().requires_grad_()
    a, b = Fire.apply(one, steps, d), Fire.apply(every, steps, d)
    assert torch.equal(a, b)
    total = grad(b, g, every)[0].sum(0, keepdim=True)
    torch.testing.assert_close(grad(a, g, one)[0], total, rtol=1e-12, atol=1e-12)


def test_two_timesteps_by_hand() -> None:
    """u1 = 1.25 fires and u2 = 0.75 does not: each product of the chain rule, written out."""
    for reset, detach, want in (
        ("zero", True, 3 * 0.75 + 7 * 0.75 * 0.5 * 0),
        ("zero", False, 3 * 0.75 + 7 * 0.75 * 0.5 * (0 - 1.25 * 0.75)),
        ("subtract", True, 3 * 0.75 + 7 * 0.625 * 0.5),
        ("subtract", False, 3 * 0.75 + 7 * 0.625 * 0.5 * (1 - 0.75)),
    ):
        d = Dynamics(reset=reset, detach_reset=detach)
        second = 0.75 if reset == "zero" else 0.5  # u2 = 0.75, or 0.5 + 0.5 * 0.25 = 0.625
        current = torch.tensor([[[1.25]], [[second]]], dtype=torch.float64, requires_grad=True)
        spikes = Fire.apply(current, 2, d)
        assert spikes.flatten().tolist() == [1, 0]
        g = torch.tensor([[[3.0]], [[7.0]]], dtype=torch.float64)
        assert grad(spikes, g, current)[0][0].item() == pytest.approx(want, abs=1e-15)


# --- gate ------------------------------------------------------------------------------------


def gate_of(rng: np.random.Generator, steps: int, axes: str) -> Gate:
    gate = Gate(steps, axes).double()
    with torch.no_grad():
        gate.alpha.copy_(drawn(rng, steps, scale=1.5))
    return gate


@pytest.mark.parametrize("axes", ["all", "map"])
@pytest.mark.parametrize("shape", [(3, 2, 4, 2, 3), (1, 2, 4, 2, 3), (3, 2, 5), (1, 2, 5)])
def test_the_gate_is_differentiated_through_its_mean(
    axes: str, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    gate = gate_of(rng, 3, axes)
    x = drawn(rng, *shape, scale=2.0)

    def of(x: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(gate, {"alpha": alpha}, (x, x.detach()))

    assert torch.autograd.gradcheck(of, (x, gate.alpha))
    # written out: y = f x, f = sigmoid(alpha m), dm/dx = 1/n
    y, g = gate(x, x), drawn(rng, 3, *shape[1:]).detach()
    by_x, by_alpha = grad(y, g, x, gate.alpha)
    xs = np.broadcast_to(x.detach().numpy(), y.shape)
    over = tuple(range(2 if axes == "all" else 3, x.ndim))
    m = xs.mean(over, keepdims=True) if over else xs
    n = xs.size / m.size
    alpha = gate.alpha.detach().numpy().reshape(-1, *(1,) * (x.ndim - 1))
    f = 1 / (1 + np.exp(-alpha * m))
    slope = f * (1 - f)
    arrives = g.numpy() * xs
    arrives = arrives.sum(over, keepdims=True) if over else arrives
    want = g.numpy() * f + arrives * slope * alpha / n
    want = want.sum(0, keepdims=True) if len(x) == 1 else want
    np.testing.assert_allclose(y.detach().numpy(), f * xs, atol=1e-12)
    np.testing.assert_allclose(by_x.numpy(), want, atol=1e-12)
    want = (arrives * slope * m).reshape(3, -1).sum(1)
    np.testing.assert_allclose(by_alpha.numpy(), want, atol=1e-12)


@settings(max_examples=60)
@given(seeds, st.sampled_from(["all", "map"]), st.booleans())
def test_a_table_has_its_own_value_and_the_sigmoids_gradient(
    draw: int, axes: str, single: bool
) -> None:
    rng = np.random.default_rng(draw)
    gate = gate_of(rng, 3, axes).to(torch.float32 if single else torch.float64)
    x = drawn(rng, 3, 2, 4, 2, 2, scale=3).detach().to(gate.alpha.dtype).requires_grad_()
    acc = torch.tensor(rng.integers(-9, 10, x.shape)).to(x.dtype)
    soft = gate.factor(x, acc)
    g = torch.ones_like(soft)
    smooth = grad(soft, g, x, gate.alpha)
    factors = torch.tensor(rng.integers(0, 256, (3, 16)) / 256)
    weights = torch.tensor(rng.integers(-9, 10, 4) / 8.0)
    offset = torch.tensor(rng.integers(0, 64, () if axes == "all" else 4) / 8.0)
    gate.table = Table(weights, offset, factors)
    looked = gate.factor(x, acc, 0.5)
    total = 0.5 * (acc.double().sum((3, 4)) * weights).numpy()
    total = total.sum(2, keepdims=True) if axes == "all" else total
    bins = np.clip(np.floor(total + offset.numpy()), 0, 15).astype(int)[..., None, None]
    want = np.stack([row[b] for row, b in zip(factors.numpy(), bins, strict=True)])
    assert np.array_equal(looked.detach().numpy(), want)  # to the last bit, in float32 too
    for a, b in zip(smooth, grad(looked, g, x, gate.alpha), strict=True):
        assert torch.equal(a, b)


def test_a_table_looks_one_current_up_for_every_timestep() -> None:
    gate = Gate(2)
    half, one = torch.tensor([0.5, 0.5]).double(), torch.tensor(1.0).double()
    gate.table = Table(half, one, torch.tensor([[0.25, 0.5], [0.0, 0.75]]))
    x = torch.tensor([[[-0.5, -0.5], [0.5, 0.5], [-9.0, -9.0], [9.0, 9.0]]])
    assert gate.factor(x, x).flatten().tolist() == [0.25, 0.5, 0.25, 0.5, 0.0, 0.75, 0.0, 0.75]


def test_a_constant_gate_is_a_factor(rng: np.random.Generator) -> None:
    gate = gate_of(rng, 3, "all")
    gate.constant = torch.tensor([0.5, 0.25, 0.75], dtype=torch.float64)
    x, g = drawn(rng, 3, 2, 4), drawn(rng, 3, 2, 4).detach()
    y = gate(x, x)
    assert torch.equal(y, x * gate.constant[:, None, None])
    assert torch.equal(grad(y, g, x)[0], g * gate.constant[:, None, None])


def test_constant_gates_are_the_means_of_the_factors(rng: np.random.Generator) -> None:
    enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
    model = NETWORKS["cnn"](enter, 10, 2, Style(gates=True), width=4)
    part = Arrays(rng.integers(0, 17, (21, 1, 8, 8), dtype=np.uint8), rng.integers(0, 10, 21))
    model.eval()
    seen: dict[Gate, list[torch.Tensor]] = {}
    gates = [c.gate for _, c in model.connections() if c.gate is not None]
    handles = [
        g.register_forward_pre_hook(lambda g, x: seen.setdefault(g, []).append(g.factor(*x)))
        for g in gates
    ]
    with torch.no_grad():
        model(torch.tensor(part.inputs))
    for handle in handles:
        handle.remove()
    want = [torch.cat(seen[g], 1).flatten(1).mean(1) for g in gates]
    constant_gates(model, part, batch=6)
    for g, mean in zip(gates, want, strict=True):
        assert (g.constant - mean).abs().max() <= 0.5 / 256 + 1e-6
        assert torch.equal(g.constant * 256, (g.constant * 256).round())
        assert not g.alpha.requires_grad


# --- norms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 2)])
def test_dyadic_gain_and_bias_pass_straight_through(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    norm = Dyadic(drawn(rng, 3).detach(), drawn(rng, 3).detach(), bits=4)
    x, g = drawn(rng, *shape), drawn(rng, *shape).detach()
    y = norm(x)
    per = (1, 3, *(1,) * (len(shape) - 2))
    gain = np.round(norm.gain.detach().numpy() * 16).reshape(per) / 16
    shift = np.round(norm.shift.detach().numpy() * 16).reshape(per) / 16
    xs, gs = x.detach().numpy(), g.numpy()
    np.testing.assert_allclose(y.detach().numpy(), xs * gain + shift, atol=1e-14)
    by_x, by_gain, by_shift = grad(y, g, x, norm.gain, norm.shift)
    rest = (0, *range(2, len(shape)))
    np.testing.assert_allclose(by_x.numpy(), gs * gain, atol=1e-14)
    np.testing.assert_allclose(by_gain.numpy(), (gs * xs).sum(rest), atol=1e-12)
    np.testing.assert_allclose(by_shift.numpy(), gs.sum(rest), atol=1e-12)


@pytest.fixture
def group(tmp_path: Any) -> Any:
    """Form a process group of one."""
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("shape", [(7, 3), (5, 3, 4, 2)])
def test_the_synchronised_formula_is_batch_norm(
    shape: tuple[int, ...], momentum: float | None, group: None, rng: np.random.Generator
) -> None:
    ours, plain = (Norm(3, momentum=momentum).double() for _ in range(2))
    ours.synchronised = True
    with torch.no_grad():
        for norm in (ours, plain):
            norm.weight.copy_(torch.tensor([0.5, -2.0, 1.5]))
            norm.bias.copy_(torch.tensor([0.1, 0.0, -3.0]))
    for offset in (0.0, 50.0, -3.0):
        x = drawn(rng, *shape)
        moved, g = x + offset, drawn(rng, *shape).detach()
        a, b = ours(moved), plain(moved)
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
        for p, q in zip(
            grad(a, g, x, *ours.parameters()), grad(b, g, x, *plain.parameters()), strict=True
        ):
            torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-9)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-11, atol=1e-11)


def test_the_synchronised_formula_holds_in_float32_far_from_zero(group: None) -> None:
    """A mean a thousand times the deviation: the squares' difference would lose it all."""
    torch.manual_seed(0)
    x = torch.randn(64, 3, 4, 4) + 1000
    ours, plain = Norm(3), Norm(3)
    ours.synchronised = True
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(ours.running_var, plain.running_var, rtol=1e-3, atol=1e-3)


def test_frozen_norms_keep_their_statistics_in_training(rng: np.random.Generator) -> None:
    norm = Norm(3).double()
    norm(drawn(rng, 20, 3, 2, 2))
    kept = {k: v.clone() for k, v in norm.state_dict().items()}
    norm.frozen = True
    x, g = drawn(rng, 4, 3, 2, 2), drawn(rng, 4, 3, 2, 2).detach()
    y = norm.train()(x)
    root = (norm.running_var + norm.eps).sqrt().reshape(1, 3, 1, 1)
    want = (x - norm.running_mean.reshape(1, 3, 1, 1)) / root
    torch.testing.assert_close(y, want, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(grad(y, g, x)[0], g / root, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(norm.state_dict()[k], v) for k, v in kept.items())


# --- losses and a whole network --------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_by_finite_differences(
    name: str, smoothing: float, rng: np.random.Generator
) -> None:
    drive, labels = drawn(rng, 3, 4, 5), torch.tensor(rng.integers(0, 5, 4))
    loss = LOSSES[name](drive, labels, smoothing)
    assert loss.shape == (4,)
    (found,) = torch.autograd.grad(loss.sum(), drive)
    step = 1e-6
    for index in np.ndindex(3, 4, 5):
        moved = drive.detach().clone()
        moved[index] += step
        above = LOSSES[name](moved, labels, smoothing).sum()
        moved[index] -= 2 * step
        slope = (above - LOSSES[name](moved, labels, smoothing).sum()) / (2 * step)
        assert float(found[index]) == pytest.approx(float(slope), abs=1e-8)
    # written out: minus the mean over time of log softmax, weighted with the smoothed label
    d = drive.detach().numpy()
    d = d if name == "tet" else d.mean(0, keepdims=True)
    target = np.eye(5)[labels.numpy()] * (1 - smoothing) + smoothing / 5
    log = d - np.log(np.exp(d).sum(-1, keepdims=True))
    want = -(target * log).sum(-1).mean(0)
    np.testing.assert_allclose(loss.detach().numpy(), want, atol=1e-12)


def test_of_one_timestep_the_losses_are_one(rng: np.random.Generator) -> None:
    drive, labels = drawn(rng, 1, 4, 5), torch.tensor(rng.integers(0, 5, 4))
    assert torch.equal(LOSSES["tet"](drive, labels), LOSSES["mean"](drive, labels))


def test_a_whole_network_by_finite_differences_of_its_biases(rng: np.random.Generator) -> None:
    """Where no spike changes, a read-out is smooth: its gradient is its difference quotient."""
    op = Dense(6, 3, Bipolar(), bias=True)
    out = Population("out", Integrator(), [Connection(INPUT, op, Norm(3))])
    model = SpikingNetwork(Input((6,), bits=4, coding="direct"), [out], 2).double()
    x = torch.tensor(rng.integers(0, 16, (5, 6)))
    with torch.no_grad():
        out.connections[0].norm.weight.copy_(drawn(rng, 3))
    labels = torch.tensor(rng.integers(0, 3, 5))

    def loss() -> torch.Tensor:
        return functional.cross_entropy(model(x).mean(0), labels)

    parameter = out.connections[0].norm.weight
    (found,) = torch.autograd.grad(loss(), parameter)
    with torch.no_grad():
        for i in range(3):
            parameter[i] += 1e-6
            above = loss()
            parameter[i] -= 2e-6
            slope = (above - loss()) / 2e-6
            parameter[i] += 1e-6
            assert float(found[i]) == pytest.approx(float(slope), abs=1e-7)


# --- mixed precision -------------------------------------------------------------------------


@pytest.mark.parametrize("gates", [False, True], ids=["ste", "agmm"])
@pytest.mark.parametrize("norm", [True, False], ids=["norm", "plain"])
def test_a_step_in_bfloat16_is_finite_and_leaves_float32(
    gates: bool, norm: bool, seed: int
) -> None:
    from training.loop import optimizer_of
    from training.objective import Classify
    from training.recipe import Recipe

    torch.manual_seed(seed)
    enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
    model = NETWORKS["cnn"](enter, 10, 3, Style(gates=gates, norm=norm), width=8).train()
    if not norm:  # so that something fires
        with torch.no_grad():
            for _, c in model.connections():
                if hasattr(c.op, "weight"):
                    c.op.weight.mul_(6)
    recipe = Recipe(optimizer="sgd", rate=0.1, loss="tet")
    optimizer = optimizer_of(model, recipe)
    x, y = torch.randint(0, 17, (16, 1, 8, 8)), torch.randint(0, 10, (16,))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    with torch.autocast("cpu", torch.bfloat16):
        losses = Classify(recipe).losses(model(x), y)
    assert losses.dtype == torch.float32
    losses.mean().backward()
    optimizer.step()
    moved = []
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.dtype == torch.float32, name
        assert torch.isfinite(p.grad).all() and p.dtype == torch.float32, name
        assert torch.isfinite(p).all(), name
        moved.append(not torch.equal(p, before[name]))
    assert sum(moved) > len(moved) / 2, "hardly anything was trained"
    for name, value in model.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64), name
