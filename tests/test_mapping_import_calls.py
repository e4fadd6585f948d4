"""Models as they are after training, and as they are called: copied, read, left as they were."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from importing import binarise, framework

import mapping
from mapping import real
from mapping.importers import copies, examine
from mapping.trained import Neuron

torch = framework("torch")
nn = torch.nn

pytestmark = pytest.mark.torch
T = 4


class Lif(nn.Module):
    """A neuron of one's own whose membrane stays until its reset is called."""

    def __init__(self) -> None:
        super().__init__()
        self.mem: Any = 0

    def reset(self) -> None:
        self.mem = 0

    def forward(self, x: Any) -> Any:
        self.mem = 0.5 * self.mem + x
        spike = (self.mem > 1).float() + (self.mem - self.mem.detach())  # straight through
        self.mem = self.mem * (1 - spike.detach())
        return spike


def own() -> Any:
    return nn.Sequential(nn.Linear(12, 8), Lif(), nn.Linear(8, 5), Lif())


def snntorch_hidden() -> Any:
    snn = framework("snntorch")
    lifs = [snn.Leaky(0.5, init_hidden=True, learn_beta=True) for _ in range(2)]
    return nn.Sequential(nn.Linear(12, 8), lifs[0], nn.Linear(8, 5), lifs[1])


class Loop(nn.Module):
    """snnTorch's idiom: one tensor, presented to itself by a loop inside forward."""

    def __init__(self, steps: int = T) -> None:
        super().__init__()
        snn = framework("snntorch")
        self.steps = steps
        self.fc1, self.lif1 = nn.Linear(12, 8), snn.Leaky(0.5)
        self.fc2, self.lif2 = nn.Linear(8, 5), snn.Leaky(0.5)

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(self.steps):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes), torch.stack(membranes)


def spikingjelly(step_mode: str = "s") -> Any:
    sj = framework("spikingjelly.activation_based.neuron")
    functional = framework("spikingjelly.activation_based.functional")
    layers = nn.Sequential(nn.Linear(12, 8), sj.LIFNode(), nn.Linear(8, 5), sj.IFNode())
    functional.set_step_mode(layers, step_mode)
    return layers


class Repeats(nn.Module):
    """SpikingJelly's idiom: one tensor, repeated along a new axis."""

    def __init__(self, how: str = "repeat", steps: int = T) -> None:
        super().__init__()
        self.how, self.steps, self.layers = how, steps, spikingjelly("m")

    def forward(self, x: Any) -> Any:
        if self.how == "repeat":
            x = x.unsqueeze(0).repeat(self.steps, 1, 1)
        elif self.how == "expand":
            x = x.expand(self.steps, -1, -1)
        else:
            x = torch.stack([x] * self.steps)
        return self.layers(x).mean(0)


def norse() -> Any:
    sequence = framework("norse.torch")
    return sequence.SequentialState(nn.Linear(12, 5), sequence.LIFBoxCell())


TRAINED = {  # name: model, framework, options
    "torch": (own, "torch", {"neurons": {"Lif": Neuron(leak=0.5, threshold=1.0, compare=">")}}),
    "snntorch, init_hidden": (snntorch_hidden, "snntorch", {}),
    "snntorch, loop inside": (Loop, "snntorch", {"coding": "direct", "input_bits": 1}),
    "spikingjelly": (spikingjelly, "spikingjelly", {}),
    "spikingjelly, steps": (lambda: spikingjelly("m"), "spikingjelly", {}),
    "spikingjelly, repeats": (Repeats, "spikingjelly", {"coding": "direct", "input_bits": 1}),
    "norse": (norse, "norse", {"call": "step"}),
}


def trained(make: Any, name: str) -> Any:
    """Return a model as a training step leaves it."""
    model = binarise(make()).train()
    shape = (T, 3, 12) if name == "spikingjelly, steps" else (3, 12)
    out = model(torch.ones(shape, requires_grad=True))
    model.last = out  # what loops cache: outputs that hang on the graph
    model.more = [{"deep": out}]
    (out[0] if isinstance(out, tuple) else out).sum().backward()
    return model


def tensors_of(model: Any) -> dict[str, tuple[Any, Any, bytes]]:
    found = {}
    for path, module in model.named_modules():
        values = {**vars(module), **module._buffers, **module._parameters}
        values |= getattr(module, "_memories", {})
        for key, value in values.items():
            if isinstance(value, torch.Tensor):
                data = value.detach().numpy().tobytes()
                found[f"{path}.{key}"] = (value, value.grad_fn, data)
    return found


@pytest.mark.parametrize("name", TRAINED)
def test_straight_after_training(name: str) -> None:
    make, kind, options = TRAINED[name]
    model = trained(make, name)
    before = tensors_of(model)
    assert any(fn is not None for _, fn, _ in before.values()) or name == "norse"
    found = examine(model, kind, input_shape=12, timesteps=T, probes=16, **options)
    after = tensors_of(model)
    assert before.keys() == after.keys()
    for key, (value, grad_fn, data) in before.items():
        assert after[key][0] is value and after[key][1] is grad_fn and after[key][2] == data, key
    assert model.training and all(m.training for m in model.modules())
    model.zero_grad()
    again = examine(model, kind, input_shape=12, timesteps=T, probes=16, **options)
    assert again.network == found.network


def test_a_copy_lies_on_the_cpu_and_the_model_stays_where_it_is() -> None:
    moved = []

    class Elsewhere(nn.Linear):
        def _apply(self, move: Any, recurse: bool = True) -> Any:
            moved.append(self)
            return super()._apply(move, recurse)

    model = Elsewhere(2, 2)
    model.cached = [model(torch.ones(1, 2))]
    copy = copies.private(model)
    assert copy.cached[0].grad_fn is None and not copy.cached[0].is_set_to(model.cached[0])
    assert moved == [copy] and copy is not model and not copy.training and model.training


@pytest.mark.parametrize("before", [False, True])
def test_a_hook_that_may_change_values_is_refused(before: bool) -> None:
    model = binarise(nn.Sequential(nn.Linear(12, 4, bias=False)))
    register = model[0].register_forward_pre_hook if before else model[0].register_forward_hook
    handle = register((lambda module, x: None) if before else (lambda module, x, out: 2 * out))
    sentence = r"module '0' \(Linear\) has the hook '<lambda>', which"
    with pytest.raises(mapping.Unsupported, match=sentence):
        copies.private(model)
    handle.remove()
    assert copies.private(model) is not model


def test_hooks_of_torch_itself_stay() -> None:
    """Pruning writes the weight anew before every call: without its hook the copy has none."""
    prune = framework("torch.nn.utils.prune")
    model = binarise(nn.Sequential(nn.Linear(12, 5), Lif()))
    prune.identity(model[0], "weight")
    model(torch.ones(1, 12))
    lif = Neuron(leak=0.5, threshold=1.0, compare=">")
    found = examine(model, "torch", input_shape=12, timesteps=T, neurons={"Lif": lif})
    assert "was not run" not in str(found)


def test_what_cannot_be_copied_is_named() -> None:
    model = own()
    model[2].lock = threading.Lock()
    with pytest.raises(
        mapping.Unsupported, match=r"copied: 'lock' of module '2' \(Linear\): "
    ) as e:
        examine(model, "torch", input_shape=12, timesteps=T)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("make", "kind"),
    [(Loop, "snntorch"), *((lambda how=how: Repeats(how), "spikingjelly")
                           for how in ("repeat", "expand", "stack"))],
)  # fmt: skip
def test_a_model_that_presents_its_input_to_itself(make: Any, kind: str) -> None:
    """Recognised, and the sum of its own output is the score that is read."""
    model = binarise(make(), scale=0.25)
    options = {"input_shape": 12, "timesteps": T, "coding": "direct"}
    found = examine(model, kind, **options, input_bits=4, input_unit=1 / 16)
    if getattr(model, "how", "") != "expand":  # a sequence passes that as it is
        assert "called once, with one tensor for every timestep" in str(found)
    x = np.random.default_rng(0).integers(0, 16, (50, 12))
    with torch.no_grad():
        out = copies.private(model)(torch.tensor(x / 16, dtype=torch.float32))
    theirs = out[0].sum(0) if kind == "snntorch" else out * T
    ours = real.run(found.network, x).scores
    assert np.array_equal(ours, theirs.numpy()) and 0 < ours.mean() < T


@pytest.mark.parametrize("make", [Loop, Repeats])
def test_other_timesteps_than_the_model_makes(make: Any) -> None:
    kind = "snntorch" if make is Loop else "spikingjelly"
    for asked in (T - 1, T + 2):
        with pytest.raises(ValueError, match=rf"makes {T} timesteps by itself: give timesteps={T}"):
            examine(
                binarise(make()), kind, input_shape=12, timesteps=asked, coding="direct",
                input_bits=1,
            )  # fmt: skip


@pytest.mark.parametrize("make", [Loop, Repeats])
def test_a_time_loop_inside_asks_for_direct_coding(make: Any) -> None:
    kind = "snntorch" if make is Loop else "spikingjelly"
    for asked in (T, T + 1):
        sentence = rf"one tensor and presents it to itself at {T} timesteps: give coding='direct'"
        with pytest.raises(ValueError, match=sentence):
            examine(binarise(make()), kind, input_shape=12, timesteps=asked)


def test_the_way_that_read_most_says_what_is_wrong() -> None:
    class Soft(Loop):
        def forward(self, x: Any) -> Any:
            mem = self.lif1.init_leaky()
            for _ in range(self.steps):
                spk, mem = self.lif1(self.fc1(x), mem)
                out = torch.softmax(self.fc2(spk), dim=1)
            return out

    with pytest.raises(mapping.Unsupported, match="calls torch function 'softmax'"):
        examine(
            binarise(Soft()), "snntorch", input_shape=12, timesteps=T, coding="direct", input_bits=1
        )


def test_batches_in_front_of_time() -> None:
    """A loop over the second axis is recognised, too."""

    class Second(Loop):
        def forward(self, x: Any) -> Any:
            mem, found = self.lif1.init_leaky(), []
            for t in range(x.shape[1]):
                spk, mem = self.lif1(self.fc1(x[:, t]), mem)
                found.append(spk)
            return torch.stack(found, dim=1)

    found = examine(binarise(Second()), "snntorch", input_shape=12, timesteps=T)
    assert "with every timestep at once, axes NT" in str(found)


def test_a_neuron_that_cannot_be_reset_is_named() -> None:
    class Stays(nn.Module):
        mem: Any = 0

        def forward(self, x: Any) -> Any:
            self.mem = 0.5 * self.mem + x
            return (self.mem > 1).float()

    model = binarise(nn.Sequential(nn.Linear(12, 5), Stays()))
    stays = Neuron(leak=0.5, threshold=1.0, compare=">", reset="none")
    options = {"input_shape": 12, "timesteps": T, "neurons": {"Stays": stays}}
    examine(model, "torch", **options)  # at rest, nothing is missing
    model(torch.ones(7, 12))
    with pytest.raises(
        ValueError, match=r"'1' \(Stays\) has no reset\(\), so that it starts where"
    ):
        examine(model, "torch", **options)
