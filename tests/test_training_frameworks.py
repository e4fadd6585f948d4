"""The same binary network in snnTorch and SpikingJelly: same spikes, outputs and gradients.

Both are written here with a sign and a surrogate of their own; only initial weights are copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from importing import framework

torch = framework("torch")

from mapping import Input  # noqa: E402
from training.losses import tet  # noqa: E402
from training.networks import NETWORKS  # noqa: E402
from training.neurons import Dynamics  # noqa: E402
from training.style import Style  # noqa: E402

pytestmark = pytest.mark.torch
nn, functional = torch.nn, torch.nn.functional
T, SIZES, SAMPLES = 5, (20, 24, 16, 6), 60


class Triangle(torch.autograd.Function):
    """A step; its derivative rises from 0 at -1 to 1 at 0 and falls to 0 at 1."""

    @staticmethod
    def forward(ctx: Any, over: Any, strict: bool = True) -> Any:
        ctx.save_for_backward(over)
        return (over > 0).to(over) if strict else (over >= 0).to(over)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (over,) = ctx.saved_tensors
        return g * functional.relu(1 - torch.abs(over)), None


class BinaryLinear(nn.Module):
    """``x (alpha sign(w))^T``, sign by the detach trick and a hard clip, no autograd function."""

    def __init__(self, weight: Any, shared: bool) -> None:
        super().__init__()
        self.shared = shared  # one alpha for all outputs, as classes have
        self.weight = nn.Parameter(weight.detach().clone())

    def forward(self, x: Any) -> Any:
        clipped = self.weight.clamp(-1, 1)
        signs = torch.where(self.weight < 0, -torch.ones_like(clipped), torch.ones_like(clipped))
        signs = (signs - clipped).detach() + clipped
        size = self.weight.detach().abs()
        alpha = size.mean() if self.shared else size.mean(dim=1, keepdim=True)
        return functional.linear(x, signs * alpha)


def ours(compare: str, detach: bool, beta: float, seed: int) -> Any:
    """Build the network of this project: T, three binary layers, batch norms, in float64."""
    torch.manual_seed(seed)
    style = Style(
        first="binary", last="binary",
        dynamics=Dynamics(leak=beta, threshold=0.75, compare=compare, detach_reset=detach),
    )  # fmt: skip
    enter = Input(SIZES[:1], bits=3, coding="steps", unit=0.25)
    model = NETWORKS["mlp"](enter, SIZES[-1], T, style, hidden=SIZES[1:-1]).double().train()
    with torch.no_grad():
        for p in model.populations:
            p.connections[0].op.weight.mul_(6)  # some beyond the clip of the sign's gradient
            if p.connections[0].norm is not None:
                p.connections[0].norm.weight.uniform_(0.5, 1.5)
                p.connections[0].norm.bias.uniform_(-0.2, 0.8)
    return model


class Theirs(nn.Module):
    """The layers between, written with nn.Module's own means; neurons come from a framework."""

    def __init__(self, model: Any, step: Any) -> None:
        super().__init__()
        connections = [p.connections[0] for p in model.populations]
        self.layers = nn.ModuleList(
            [BinaryLinear(c.op.weight, c is connections[-1]) for c in connections]
        )
        self.bias = nn.Parameter(connections[-1].op.bias.detach().clone())
        self.norms = nn.ModuleList()
        for c in connections[:-1]:
            norm = nn.BatchNorm1d(len(c.norm.weight)).double()
            norm.load_state_dict(c.norm.state_dict())
            self.norms.append(norm)
        self.step = step

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        """Layer by layer over all timesteps, as statistics are shared by them."""
        flow, spikes = x.transpose(0, 1) * 0.25, []
        for k, layer in enumerate(self.layers):
            y = layer(flow)
            if k == len(self.norms):
                return y + self.bias, spikes
            y = self.norms[k](y.flatten(0, 1)).unflatten(0, y.shape[:2])
            flow = self.step(k, y)
            spikes.append(flow)
        raise AssertionError


def compare(model: Any, theirs: Any, seed: int) -> None:
    """Assert spikes, outputs, losses and the gradients of every parameter."""
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.integers(0, 8, (SAMPLES, T, SIZES[0])), dtype=torch.float64)
    labels = torch.tensor(rng.integers(0, SIZES[-1], SAMPLES))
    seen = []
    drive = model(x, lambda name, y: seen.append(y))
    other, spikes = theirs(x)
    for a, b in zip(seen[:-1], spikes, strict=True):
        assert a.shape == b.shape == (T, SAMPLES, a.shape[2])
        assert torch.equal(a, b)
        assert 0.05 < float(a.detach().mean()) < 0.95
    torch.testing.assert_close(drive, other, rtol=1e-12, atol=1e-12)
    tet(drive, labels).mean().backward()
    terms = [functional.cross_entropy(step, labels) for step in other]
    (sum(terms) / T).backward()
    pairs = []
    for k, p in enumerate(model.populations):
        c = p.connections[0]
        pairs.append((f"weight {k}", c.op.weight, theirs.layers[k].weight))
        if c.norm is not None:
            pairs.append((f"gamma {k}", c.norm.weight, theirs.norms[k].weight))
            pairs.append((f"beta {k}", c.norm.bias, theirs.norms[k].bias))
        else:
            pairs.append((f"bias {k}", c.op.bias, theirs.bias))
    for name, a, b in pairs:
        assert float(a.grad.abs().max()) > 1e-6, name
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-13, msg=name)
    for k, norm in enumerate(theirs.norms):
        mine = model.populations[k].connections[0].norm
        torch.testing.assert_close(mine.running_mean, norm.running_mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(mine.running_var, norm.running_var, rtol=1e-12, atol=1e-12)
    clipped = (model.populations[0].connections[0].op.weight.abs() > 1).float().mean()
    assert 0.05 < float(clipped) < 0.95, "the clip is not met"


def test_snntorch_has_the_same_spikes_and_gradients(seed: int) -> None:
    """Its reset is computed one step late, from a membrane kept: of a reset to zero, the same.

    It takes no gradient through the reset in any setting, so that only ``detach_reset`` compares.
    """
    snn = framework("snntorch")
    model = ours(">", True, 0.5, seed)
    nodes = [
        snn.Leaky(
            beta=0.5, threshold=0.75, reset_mechanism="zero", spike_grad=lambda u: Triangle.apply(u)
        )
        for _ in SIZES[1:-1]
    ]

    def step(k: int, current: Any) -> Any:
        memory, spikes = torch.zeros_like(current[0]), []
        for now in current:
            spike, memory = nodes[k](now, memory)
            spikes.append(spike)
        return torch.stack(spikes)

    compare(model, Theirs(model, step), seed)


@pytest.mark.parametrize("detach", [True, False], ids=["detached", "through the reset"])
@pytest.mark.parametrize("tau", [2.0, 4.0])
def test_spikingjelly_has_the_same_spikes_and_gradients(
    detach: bool, tau: float, seed: int
) -> None:
    """``decay_input=False``: the leak 1 - 1/tau weighs what was there, not the current."""
    neuron = framework("spikingjelly.activation_based.neuron")
    model = ours(">=", detach, 1 - 1 / tau, seed)
    nodes = [
        neuron.LIFNode(
            tau=tau, decay_input=False, v_threshold=0.75, v_reset=0.0, detach_reset=detach,
            surrogate_function=lambda u: Triangle.apply(u, False), step_mode="s",
        )
        for _ in SIZES[1:-1]
    ]  # fmt: skip

    def step(k: int, current: Any) -> Any:
        return torch.stack([nodes[k](now) for now in current])

    compare(model, Theirs(model, step), seed)


def test_spikingjelly_soft_reset(seed: int) -> None:
    """``v_reset=None`` takes the threshold off."""
    neuron = framework("spikingjelly.activation_based.neuron")
    for detach in (True, False):
        model = ours(">=", detach, 0.5, seed)
        for p in model.spiking():
            p.neurons.dynamics = Dynamics(
                leak=0.5, threshold=0.75, compare=">=", reset="subtract", detach_reset=detach
            )
        nodes = [
            neuron.LIFNode(
                tau=2.0, decay_input=False, v_threshold=0.75, v_reset=None, detach_reset=detach,
                surrogate_function=lambda u: Triangle.apply(u, False), step_mode="s",
            )
            for _ in SIZES[1:-1]
        ]  # fmt: skip

        def step(k: int, current: Any, nodes: Any = nodes) -> Any:
            return torch.stack([nodes[k](now) for now in current])

        compare(model, Theirs(model, step), seed)
