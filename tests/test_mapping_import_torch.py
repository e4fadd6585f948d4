"""Plain torch models: weight idioms, named modules, residuals, neurons that the user describes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from importing import SAMPLES, agree, binarise, by_population, framework, own_spikes, spikes_in

import mapping
from mapping import real
from mapping.importers import examine
from mapping.importers.weights import split
from mapping.trained import Neuron

torch = framework("torch")
nn, functional = torch.nn, torch.nn.functional

pytestmark = pytest.mark.torch
T = 5


class Lif(nn.Module):
    """A neuron of one's own, as papers' code writes it: hard reset, strict comparison."""

    def __init__(self, tau: float = 0.5, theta: float = 1.0, soft: bool = False) -> None:
        super().__init__()
        self.tau, self.theta, self.soft, self.mem = tau, theta, soft, 0

    def reset(self) -> None:
        self.mem = 0

    def forward(self, x: Any) -> Any:
        self.mem = self.tau * self.mem + x
        spike = (self.mem > self.theta).float()
        self.mem = self.mem - spike * self.theta if self.soft else self.mem * (1 - spike)
        return spike


def reads(module: Lif) -> Neuron:
    reset = "subtract" if module.soft else "zero"
    return Neuron(leak=module.tau, threshold=module.theta, compare=">", reset=reset)


class Sign(torch.autograd.Function):
    """Straight-through sign."""

    @staticmethod
    def forward(ctx: Any, w: Any) -> Any:
        return torch.where(w >= 0, 1.0, -1.0)


class BinaryLinear(nn.Linear):
    """sign(w) * alpha per channel, alpha = mean |w|."""

    def forward(self, x: Any) -> Any:
        alpha = self.weight.abs().mean(dim=1, keepdim=True)
        return functional.linear(x, Sign.apply(self.weight) * alpha, self.bias)


class BinaryConv(nn.Conv2d):
    """sign(w), and the scale applied to what comes out."""

    def forward(self, x: Any) -> Any:
        alpha = self.weight.abs().mean(dim=(1, 2, 3))
        out = functional.conv2d(
            x, Sign.apply(self.weight), None, self.stride, self.padding, self.dilation, self.groups
        )
        return out * alpha.view(1, -1, 1, 1)


class Centred(nn.Linear):
    """sign(w - channel mean), a power-of-two scale."""

    def forward(self, x: Any) -> Any:
        w = self.weight - self.weight.mean(dim=1, keepdim=True)
        return x @ (Sign.apply(w) * 0.25).t() + self.bias


class SignOf(nn.Module):
    """A parametrisation."""

    def forward(self, w: Any) -> Any:
        return torch.where(w > 0, 0.5, -0.5)


class Residual(nn.Module):
    """A spike skip and a downsample branch, each with its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.lif1 = Lif()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.lif2 = Lif(theta=2.0)
        self.down = nn.Conv2d(4, 6, 1, stride=2, bias=False)
        self.main = nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False)
        self.lif3 = Lif(theta=2.0)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        s = self.lif1(self.stem(x))
        s = self.lif2(self.bn(self.conv(s)) + s)
        s = self.lif3(self.main(s) + self.down(s))
        return self.fc(functional.adaptive_avg_pool2d(s, 1).flatten(1))


def parametrised() -> Any:
    layer = nn.Linear(12, 20)
    nn.utils.parametrize.register_parametrization(layer, "weight", SignOf())
    return nn.Sequential(layer, Lif(), nn.Dropout(0.5), BinaryLinear(20, 5), Lif(0.75, soft=True))


def sequential(neuron: Any = Lif) -> Any:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2, bias=False), nn.BatchNorm2d(4), neuron(),
        nn.MaxPool2d(3, 1, padding=1), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(4 * 9, 8), nn.BatchNorm1d(8), neuron(),
    )  # fmt: skip


def stream() -> Any:
    """Real-valued pools and sums that are convolved again."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, dilation=2, padding="same"), nn.AvgPool2d(2, 1), Lif(),
        nn.AvgPool2d(2), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), Lif(theta=2.0),
    )  # fmt: skip


NETWORKS = {  # name: model, input shape, dyadic
    "sequential": (sequential, (2, 6, 6), True),
    "soft": (lambda: sequential(lambda: Lif(0.75, 2.0, soft=True)), (2, 6, 6), True),
    "residual": (Residual, (2, 6, 6), True),
    "stream": (stream, (2, 7, 7), True),
    "sign times alpha": (
        lambda: nn.Sequential(BinaryLinear(12, 20), Lif(theta=0.3), BinaryLinear(20, 5), Lif()),
        (12,),
        False,
    ),
    "alpha after conv": (
        lambda: nn.Sequential(
            BinaryConv(2, 4, 3), nn.BatchNorm2d(4), Lif(), nn.Flatten(),
            Centred(64, 5), Lif(0.9, 0.7),
        ),
        (2, 6, 6),
        False,
    ),
    "centred": (
        lambda: nn.Sequential(Centred(12, 20), Lif(), Centred(20, 5), Lif(1.0)), (12,), True,
    ),
    "parametrised": (parametrised, (12,), False),
}  # fmt: skip


def made(name: str, seed: int) -> tuple[Any, tuple[int, ...], bool]:
    make, shape, exact = NETWORKS[name]
    torch.manual_seed(seed)
    model = make()
    if not any(isinstance(m, (BinaryLinear, BinaryConv, Centred)) for m in model.modules()):
        binarise(model, seed, scale=0.5, norm="dyadic" if exact else "float")
    elif exact:
        for m in model.modules():
            if isinstance(m, nn.Linear):
                m.bias.data = (m.bias.data * 8).round() / 8
    return model.eval(), shape, exact


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_the_models(name: str, seed: int) -> None:
    model, shape, exact = made(name, seed)
    found = examine(model, "torch", input_shape=shape, timesteps=T, neurons={"Lif": reads})
    inputs = spikes_in(shape, T, seed + 1)
    theirs = own_spikes(model, inputs, "step", lambda m: "N" if isinstance(m, Lif) else None)
    ties = agree(found.network, inputs, by_population(theirs), exact)
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.005 < min(rates) and max(rates) < 0.995, rates
    print(f"{name}: {SAMPLES} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


def test_pixels_and_an_integer_first_layer(seed: int) -> None:
    """8-bit pixels as k / 255 presented T times; a fake-quantised first and last layer."""
    torch.manual_seed(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lif = nn.Conv2d(1, 4, 3), Lif(theta=0.5)
            self.fc = nn.Linear(4 * 16, 5)
            for layer in (self.conv, self.fc):
                step = layer.weight.abs().max() / 127
                layer.weight.data = (layer.weight / step).round() * step

        def forward(self, x: Any) -> Any:
            first = self.conv(x)
            return sum(self.fc(self.lif(first).flatten(1)) for _ in range(T)) / T

    model = Net().eval()
    found = examine(
        model, "torch", input_shape=(1, 6, 6), timesteps=T, coding="direct", input_bits=8,
        input_unit=1 / 255, call="once", neurons={"lif": reads},
    )  # fmt: skip
    network = found.network
    assert network.populations[0].connections[0].op.bits == 8
    assert "integers of 8 bits" in str(found)
    pixels = np.random.default_rng(seed).integers(0, 256, (SAMPLES, 1, 6, 6))
    scores = np.zeros((SAMPLES, 5))
    with torch.no_grad():
        import copy

        scores = copy.deepcopy(model)(torch.tensor(pixels / 255, dtype=torch.float32)).numpy()
    ours = real.run(network, pixels)
    close = np.isclose(ours.scores / T, scores, atol=1e-4).all(axis=1)
    assert (~close).sum() <= 0.01 * SAMPLES


def test_weights_as_integers_and_scales() -> None:
    rng = np.random.default_rng(0)
    integers = rng.integers(-127, 128, (6, 40))
    integers[:, 0] = 127
    scales = rng.uniform(0.001, 3, (6, 1)).astype(np.float32)
    found, scale, bits = split((integers.astype(np.float32) * scales), "w")
    assert bits == 8 and np.array_equal(found, integers) and np.allclose(scale, scales[:, 0])
    assert split(np.array([[1.0, 0.0, -1.0]]), "w")[2] == 2
    assert split(np.array([[0.3, -0.3], [2, 2]]), "w")[1].tolist() == [0.3, 2]
    assert split(np.array([[0.0, 0.0], [5, -5]]), "w")[0].tolist() == [[0, 0], [1, -1]]
    for odd in (np.array([[1.0, np.nan]]), rng.normal(size=(1, 9)), np.array([[0.1, 1000.0]])):
        with pytest.raises(mapping.Unsupported, match="^w: weights"):
            split(odd, "w")


class Twice(nn.Module):
    """Calls one neuron twice a timestep."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.lif = nn.Linear(12, 12), nn.Linear(12, 12), Lif()

    def forward(self, x: Any) -> Any:
        return self.lif(self.b(self.lif(self.a(x))))


class Gated(nn.Module):
    """Multiplies two values."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.lif = nn.Linear(12, 12), Lif()

    def forward(self, x: Any) -> Any:
        return self.lif(self.a(x) * x)


class Recurrent(nn.Module):
    """Adds what it fired a timestep ago."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.lif, self.last = nn.Linear(12, 5), nn.Linear(5, 5), Lif(), None

    def reset(self) -> None:
        self.last = None

    def forward(self, x: Any) -> Any:
        drive = self.a(x) if self.last is None else self.a(x) + self.b(self.last)
        self.last = self.lif(drive)
        return self.last


def two(first: Any, *rest: Any) -> Any:
    return nn.Sequential(first, *rest)


REFUSED = {
    "unknown neuron": (
        lambda: two(nn.Linear(12, 5), nn.Hardtanh()),
        r"module '1' \(Hardtanh\) calls torch function 'hardtanh'",
    ),
    "neuron called twice": (Twice, r"module 'lif' \(Lif\) is not called once a timestep"),
    "product": (Gated, r"module '' \(Gated\) combines two values by 'mul'"),
    "recurrence": (Recurrent, r"module '' \(Recurrent\) adds values of different timesteps"),
    "LSTM": (lambda: two(nn.LSTM(12, 5)), r"module '0' \(LSTM\) calls torch function 'lstm'"),
    "no running statistics": (
        lambda: two(nn.Linear(12, 5), nn.BatchNorm1d(5, track_running_stats=False), Lif()),
        r"module '1' \(BatchNorm1d\) normalises by the batch's own statistics",
    ),
    "layer norm": (
        lambda: two(nn.Linear(12, 5), nn.LayerNorm(5), Lif()),
        r"module '1' \(LayerNorm\) calls torch function 'layer_norm'",
    ),
    "softmax": (
        lambda: two(nn.Linear(12, 5), nn.Softmax(1)),
        r"module '1' \(Softmax\) calls torch function 'softmax'",
    ),
    "ceil mode": (
        lambda: two(nn.Unflatten(1, (3, 2, 2)), nn.MaxPool2d(2)),
        r"module '0' \(Unflatten\) reshapes",
    ),
}  # fmt: skip

MAPS = {
    "reflecting padding": (
        lambda: two(nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), Lif()),
        r"module '0' \(Conv2d\) calls torch function '(_pad_circular|pad)'",
    ),
    "ceil mode": (
        lambda: two(nn.Conv2d(2, 4, 3), Lif(), nn.MaxPool2d(3, ceil_mode=True)),
        r"module '2' \(MaxPool2d\) pools with ceil_mode",
    ),
    "padded maximum of negative values": (
        lambda: two(nn.Conv2d(2, 4, 3), nn.MaxPool2d(3, padding=1), Lif()),
        r"module '1' \(MaxPool2d\) pads a maximum of values that may be negative",
    ),
    "linear over columns": (
        lambda: two(nn.Linear(6, 5), Lif()), r"module '0' \(Linear\) multiplies values of shape",
    ),
    "norm of a flattened map": (
        lambda: two(nn.Conv2d(2, 2, 3), nn.Flatten(), nn.BatchNorm1d(32), Lif()),
        r"module '2' \(BatchNorm1d\) reads a flattened map",
    ),
    "norm after a flatten that fires": (
        lambda: two(nn.Conv2d(2, 2, 3), nn.Flatten(), Lif()),
        r"module '2' \(Lif\) reads a flattened map of shape \(2, 4, 4\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, *(f"map: {n}" for n in MAPS)])
def test_refused(name: str) -> None:
    shape, (make, sentence) = (12,), REFUSED.get(name, (None, None))
    if name.startswith("map: "):
        shape, (make, sentence) = (2, 6, 6), MAPS[name[5:]]
    with pytest.raises(mapping.Unsupported, match=sentence) as found:
        model = binarise(make())
        examine(model, "torch", input_shape=shape, timesteps=T, neurons={"Lif": reads})
    assert "\n" not in str(found.value)


def test_a_neuron_nobody_described() -> None:
    model = binarise(nn.Sequential(nn.Linear(12, 5), Lif()))
    with pytest.raises(mapping.Unsupported, match=r"module '1' \(Lif\) calls torch function"):
        examine(model, "torch", input_shape=12, timesteps=T)


@pytest.mark.parametrize(
    "wrong",
    [
        {"compare": ">="}, {"leak": 0.75}, {"reset": "subtract"}, {"v_reset": 0.25},
        {"threshold": 1.25}, {"v_init": 0.5}, {"refractory": 1}, {"max_spikes": 1},
        {"input_gain": 0.5}, {"v_rest": 0.25}, {"fire_by": 3}, {"reset": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_description_is_caught(wrong: dict[str, Any]) -> None:
    fields = {"leak": 0.5, "threshold": 1.0, "compare": ">", "reset": "zero", **wrong}
    model = binarise(nn.Sequential(nn.Linear(12, 5), Lif()), scale=0.5)
    with pytest.raises(mapping.Unsupported, match=r"module '1' \(Lif\), driven alone, does not"):
        examine(
            model, "torch", input_shape=12, timesteps=T, neurons={"1": Neuron(**fields)}
        )  # fmt: skip


def test_an_error_of_the_model_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"the model does not run on inputs of shape .*RuntimeErr"):
        examine(nn.Linear(7, 5), "torch", input_shape=12, timesteps=T)
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, not int"):
        examine(3, "torch", input_shape=12, timesteps=T)
    with pytest.raises(TypeError, match="needs input_shape and timesteps"):
        examine(nn.Linear(7, 5), "torch")
    with pytest.raises(ValueError, match="framework must be one of 'torch'"):
        examine(nn.Linear(7, 5), "keras")


class Normalised(nn.Module):
    """Pixels are normalised inside the model, as its first operation."""

    def __init__(self, pad: int | None, mean: float) -> None:
        super().__init__()
        self.mean = mean
        size = 12 if pad is None else 4 * (4 + 2 * pad) ** 2
        first = [] if pad is None else [nn.Conv2d(2, 4, 3, padding=pad, bias=False)]
        norms = [] if pad is None else [nn.BatchNorm2d(4), Lif(), nn.Flatten()]
        self.layers = nn.Sequential(
            *first, *norms, nn.Linear(size, 5), nn.BatchNorm1d(5), Lif(theta=1.5)
        )

    def forward(self, x: Any) -> Any:
        x = (x - self.mean) / 128 if self.mean else x / 128
        return self.layers(x)


@pytest.mark.parametrize("mean", [0.0, 40.0])
@pytest.mark.parametrize("pad", [None, 0, 1])
def test_what_normalises_the_input_passes_through_weights(
    pad: int | None, mean: float, seed: int
) -> None:
    """Only a mean before zeros around a map needs a stream of its own."""
    model = binarise(Normalised(pad, mean), seed)
    network = mapping.import_model(
        model, "torch", input_shape=12 if pad is None else (2, 6, 6), timesteps=T,
        coding="direct", input_bits=8, neurons={"Lif": reads},
    )  # fmt: skip
    streams = [p.name for p in network.populations if not p.spiking]
    assert streams == (["layers.0.in"] if pad and mean else [])
    assert mapping.fold(network).exact
