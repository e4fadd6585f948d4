"""Every network that can be trained: torch, float64 and the folded integers fire alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import needs
import numpy as np
import pytest

needs.package("torch")
import torch  # noqa: E402

from mapping import INPUT, Input, TrainedNetwork, fold, real  # noqa: E402
from sim import run  # noqa: E402
from sim.compare import agreement  # noqa: E402
from training import hardware  # noqa: E402
from training.data.dataset import Arrays  # noqa: E402
from training.export import export  # noqa: E402
from training.gate import Gate  # noqa: E402
from training.graph import Connection, SpikingNetwork  # noqa: E402
from training.networks import NETWORKS  # noqa: E402
from training.neurons import Dynamics  # noqa: E402
from training.norm import Dyadic, Norm  # noqa: E402
from training.ops import Pool, Weighted  # noqa: E402
from training.style import Style  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch at one thread: numba's kernels, once run, raise the number that both share."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


IMAGE = Input((3, 16, 16), bits=8, coding="direct", unit=1 / 255)
GREY = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
FLAT = Input((20,), bits=4, coding="direct", unit=1 / 8)
EVENTS = Input((2, 16, 16), bits=1, coding="steps")
FRAMES = Input((2, 8, 8), bits=2, coding="steps")

IF = Dynamics(leak=1.0)
QUARTER = Dynamics(leak=0.25, threshold=0.5, compare=">=", reset="subtract")
SOFT = Dynamics(leak=1.0, reset="subtract", threshold=0.75)


@dataclass(frozen=True)
class Case:
    """A network to build and how many samples it gets."""

    net: str
    enter: Input
    steps: int
    style: Style = field(default_factory=Style)
    options: dict[str, Any] = field(default_factory=dict)
    samples: int = 100
    exact: bool = False  # every population folds exactly


binary = Style(first="binary", last="binary")
gated = Style(gates=True)
CASES = {
    "mlp": Case("mlp", FLAT, 4, binary, {"hidden": (24,)}, 300, True),
    "mlp, gates, two layers": Case(
        "mlp", FLAT, 3, Style(first="binary", last="binary", gates=True), {"hidden": (24, 16)}, 300
    ),
    "mlp, IF, T 1": Case("mlp", FLAT, 1, Style(dynamics=IF), {"hidden": (24, 16)}, 300, True),
    "mlp, soft reset, no norm": Case(
        "mlp", FLAT, 4, Style(dynamics=SOFT, norm=False), {"hidden": (32, 16)}, 300, True
    ),
    "cnn": Case("cnn", GREY, 4, Style(), {"width": 4}, 200, True),
    "cnn, binary ends, leak 1/4": Case(
        "cnn", GREY, 3, Style(first="binary", last="binary", dynamics=QUARTER),
        {"width": 4}, 200, True,
    ),
    "cnn, gates per map, frames": Case(
        "cnn", FRAMES, 4, Style(gates=True, gate_axes="map", dynamics=IF), {"width": 4}, 200
    ),
    "cnn, no norm": Case("cnn", FRAMES, 2, Style(norm=False), {"width": 6}, 200, True),
    "cnn, no norm, gates": Case("cnn", GREY, 2, Style(norm=False, gates=True), {"width": 6}, 200),
    "vggsnn": Case("vggsnn", EVENTS, 2, Style(), samples=4, exact=True),
    "resnet19, spikes": Case("resnet19", IMAGE, 2, Style(), {"width": 4}, 60, True),
    "resnet19, spikes, gates": Case("resnet19", IMAGE, 2, gated, {"width": 4}, 60),
    "resnet19, spikes, gates before the skip": Case(
        "resnet19", IMAGE, 3, Style(gates=True, gate_skip="before", downsample="8bit"),
        {"width": 4}, 60,
    ),
    "resnet19, stream": Case("resnet19", IMAGE, 2, Style(), {"width": 4, "skips": "stream"}, 60),
    "resnet19, stream, events": Case(
        "resnet19", EVENTS, 2, Style(), {"width": 4, "skips": "stream"}, 60
    ),
    "resnet19, stream, gates per map": Case(
        "resnet19", IMAGE, 2, Style(gates=True, gate_axes="map"),
        {"width": 4, "skips": "stream"}, 60,
    ),
    "resnet19, stream, gates before the skip": Case(
        "resnet19", EVENTS, 1, Style(gates=True, gate_skip="before", dynamics=QUARTER),
        {"width": 4, "skips": "stream"}, 60,
    ),
    "resnet18, spikes, gates": Case(
        "resnet18", IMAGE, 4, Style(gates=True, dynamics=SOFT), {"width": 4}, 40
    ),
    "resnet18, spikes, 8-bit": Case(
        "resnet18", EVENTS, 2, Style(weights="8bit", downsample="8bit"), {"width": 4}, 40, True
    ),
    "resnet18, stream": Case("resnet18", IMAGE, 2, Style(), {"width": 4, "skips": "stream"}, 40),
}  # fmt: skip


def drawn(enter: Input, samples: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw samples of varied density."""
    full = (samples, *enter.shape) if enter.coding == "direct" else (samples, steps, *enter.shape)
    share = rng.uniform(0.1, 0.9, (samples, *(1 for _ in full[1:])))
    return np.where(rng.random(full) < share, rng.integers(0, 2**enter.bits, full), 0)


def made(case: Case, rng: np.random.Generator) -> SpikingNetwork:
    """Build with random weights and norms that have seen data, some of them turned over."""
    torch.manual_seed(int(rng.integers(2**31)))
    model = NETWORKS[case.net](case.enter, 5, case.steps, case.style, **case.options)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Norm):
                size = len(module.weight)
                sign = rng.choice([-1.0, 1.0, 1.0, 1.0], size)
                module.weight.copy_(torch.tensor(sign * rng.uniform(0.5, 2.0, size)))
                module.bias.copy_(torch.tensor(rng.normal(0.3, 0.5, size)))
                module.momentum = 0.5
        for _, c in model.connections():
            if c.gate is not None:
                c.gate.alpha.copy_(torch.tensor(rng.normal(1.0, 1.0, len(c.gate.alpha))))
            if isinstance(c.op, Weighted) and c.norm is None and c.op.bias is not None:
                c.op.bias.copy_(torch.tensor(rng.normal(0, 0.2, len(c.op.bias))))
        model.train()
        if not case.style.norm:
            loud(model, case, rng)
        for _ in range(4):
            model(torch.tensor(drawn(case.enter, 16, case.steps, rng)))
    return model.eval()


def loud(model: SpikingNetwork, case: Case, rng: np.random.Generator) -> None:
    """Without norms, scale weights layer by layer until each population fires."""
    x = torch.tensor(drawn(case.enter, 16, case.steps, rng))
    for p in model.spiking():
        for _ in range(20):
            seen = {}
            model(x, lambda name, y: seen.__setitem__(name, float(y.mean())))  # noqa: B023
            if seen[p.name] > 0.08:
                break
            for c in p.connections:
                if isinstance(c.op, Weighted):
                    c.op.weight.mul_(1.5)


def outputs(model: SpikingNetwork, x: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every population's output, (samples, T, ...), and the scores."""
    seen: dict[str, np.ndarray] = {}

    def watch(name: str, y: torch.Tensor) -> None:
        y = y.expand(model.timesteps, *y.shape[1:])
        seen[name] = y.transpose(0, 1).numpy()

    with torch.no_grad():
        drive = model(torch.tensor(x), watch)
    return seen, drive.sum(0).numpy()


def parted(value: TrainedNetwork, trace: real.RealTrace, theirs: dict[str, np.ndarray]) -> set[int]:
    """Return samples whose spikes differ; each first difference must be a near-tie of float64."""
    spiking = [p.name for p in value.populations if p.spiking]
    wrong = {n: trace.spikes[n] != (theirs[n] != 0) for n in spiking}
    found = set()
    for sample in range(len(trace.scores)):
        odd = {n: w[sample].reshape(w.shape[1], -1).any(1) for n, w in wrong.items()}
        when = [(int(o.argmax()), spiking.index(n)) for n, o in odd.items() if o.any()]
        if not when:
            continue
        t, order = min(when)
        name = spiking[order]
        theta = value[name].neuron.threshold
        u = trace.u[name][sample, t]
        theta = theta.reshape(-1, *(1 for _ in u.shape[1:]))
        near = np.abs(u - theta) <= 1e-5 * np.maximum(1, np.abs(theta))
        far = wrong[name][sample, t] & ~near
        assert not far.any(), (name, sample, t, np.abs(u - theta)[far].max())
        found.add(sample)
    return found


@pytest.mark.parametrize("name", CASES)
def test_torch_float64_and_integers_fire_alike(name: str, rng: np.random.Generator) -> None:
    case = CASES[name]
    model = made(case, rng)
    value = export(model)
    x = drawn(case.enter, case.samples, case.steps, rng)
    seen, scores = outputs(model, x)
    trace = real.run(value, x)
    rates = {p.name: round(float(seen[p.name].mean()), 3) for p in model.spiking()}
    assert max(rates.values()) > 0.02 and min(rates.values()) < 0.98, rates
    assert sum(0.005 < r < 0.995 for r in rates.values()) >= 0.7 * len(rates), rates

    ties = parted(value, trace, seen)
    assert len(ties) <= max(1, 0.01 * case.samples), (name, ties)
    same = [i for i in range(case.samples) if i not in ties]
    read = model.populations[-1].name
    for p in model.populations:
        if not p.neurons.spiking and p.name != read:
            theirs, ours = seen[p.name][same], trace.u[p.name][same]
            limit = 1e-4 * max(1.0, float(np.abs(ours).max()))
            np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=limit, err_msg=p.name)
    limit = 1e-4 * max(1.0, float(np.abs(trace.scores).max()))
    np.testing.assert_allclose(scores[same], trace.scores[same], rtol=1e-4, atol=limit)

    network = fold(value)
    few = x[: max(3, case.samples // 10)]
    integers = run(network, few, "reference")
    fast = agreement(integers, run(network, few, "fast"))
    assert fast.mismatches == 0 and fast.compared > 0, fast
    inner = network.populations[:-1]
    exact = sum(p.certificate.exact for p in inner)
    after = "-"
    if exact == len(inner):  # of bounded ones, spikes are not promised
        after = len(parted(value, real.run(value, few), integers.spikes))
        assert after <= 1
    print(
        f"{name}: {case.samples} samples, {len(ties)} near-ties; {exact} of {len(inner)} exact, "
        f"{after} near-ties of {len(few)}; rates {sorted(rates.values())}"
    )
    assert (exact == len(inner)) == case.exact


def test_what_the_cases_cover() -> None:
    """A list to be read beside CASES: nothing of it may get lost."""
    cases = CASES.values()
    assert {c.net for c in cases} == set(NETWORKS)
    assert {c.steps for c in cases} == {1, 2, 3, 4}
    assert {c.enter.coding for c in cases} == {"direct", "steps"}
    for attribute in ("gates", "norm"):
        assert {getattr(c.style, attribute) for c in cases} == {True, False}
    assert {c.style.gate_axes for c in cases} == {"all", "map"}
    assert {c.style.gate_skip for c in cases} == {"after", "before"}
    assert {c.style.first for c in cases} == {c.style.last for c in cases} == {"8bit", "binary"}
    assert {c.style.downsample for c in cases} == {"8bit", "binary"}
    assert {c.style.dynamics.leak for c in cases} == {0.25, 0.5, 1.0}
    assert {c.style.dynamics.compare for c in cases} == {">", ">="}
    assert {c.style.dynamics.reset for c in cases} == {"zero", "subtract"}
    resnets = {(c.net, c.options.get("skips", "spikes")) for c in cases if "resnet" in c.net}
    assert len(resnets) == 4


@pytest.mark.parametrize(
    ("net", "style", "options", "where"),
    [
        ("mlp", Style(first="float"), {"hidden": (8, 8)}, "'in' -> 'hidden1'"),
        ("mlp", Style(last="float"), {"hidden": (8, 8)}, "'hidden2' -> 'out'"),
        ("mlp", Style(weights="float"), {"hidden": (8, 8)}, "'hidden1' -> 'hidden2'"),
        ("resnet19", Style(downsample="float"), {"width": 2}, "'conv7' -> 'conv8'"),
    ],
)
def test_real_weights_are_refused_by_name(
    net: str, style: Style, options: dict[str, Any], where: str
) -> None:
    enter = FLAT if net == "mlp" else IMAGE
    model = NETWORKS[net](enter, 5, 2, style, **options).eval()
    where = where.replace("'in'", repr(INPUT))
    with pytest.raises(ValueError, match="full-precision weights, which cannot be mapped") as error:
        export(model)
    assert str(error.value).startswith(f"connection {where} ")


def test_weights_that_diverged_are_refused_by_name() -> None:
    model = NETWORKS["mlp"](FLAT, 5, 2).eval()
    with torch.no_grad():
        model.populations[1].connections[0].op.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="connection 'hidden' -> 'out' has weights that are not f"):
        export(model)


def test_names_that_do_not_exist_are_refused() -> None:
    for net in ("resnet18", "resnet19"):
        with pytest.raises(ValueError, match="^skips must be one of spikes, stream, not 'x'"):
            NETWORKS[net](IMAGE, 5, 2, Style(), skips="x")
    with pytest.raises(ValueError, match="kind of a Pool"):
        Pool(2, kind="least")


def test_a_constant_current_is_computed_once() -> None:
    """Direct coding: until the first threshold every tensor has one timestep."""
    model = NETWORKS["resnet19"](IMAGE, 5, 3, Style(), width=2, skips="stream").eval()
    lengths = {}
    with torch.no_grad():
        model(torch.zeros(2, 3, 16, 16), lambda name, y: lengths.__setitem__(name, len(y)))
    assert lengths["conv1"] == 1 and lengths["lif2"] == lengths["conv2"] == lengths["out"] == 3
    first: Connection = model.populations[0].connections[0]
    assert first.source == INPUT


TUNED = {  # name of CASES: what is tuned, and whether every population is exact then
    "cnn, no norm, gates": ("constant", True),
    "cnn, gates per map, frames": ("constant", True),
    "resnet19, spikes, gates": ("joins table", True),
    "mlp, gates, two layers": ("table", True),
    "resnet19, stream, events": ("joins", True),
    "resnet18, stream": ("joins", True),
}


@pytest.mark.parametrize("name", TUNED)
def test_tuned_to_the_hardware_the_integers_are_the_model(
    name: str, rng: np.random.Generator
) -> None:
    """Spikes of the float32 model as tuned and of the folded integers; near-ties excepted."""
    case, (tuning, exact) = CASES[name], TUNED[name]
    model = made(case, rng)
    x = drawn(case.enter, 40, case.steps, rng)
    if tuning == "constant":
        hardware.constant_gates(model, Arrays(x.astype(np.uint8), np.zeros(len(x), np.int64)))
    if "joins" in tuning:
        hardware.dyadic_joins(model)
    if "table" in tuning:
        hardware.table_gates(model)
    seen, _ = outputs(model.eval(), x)
    value = export(model)
    network = fold(value)
    assert all(p.certificate.exact for p in network.populations[:-1]) == exact
    integers = run(network, x, "fast")
    odd = {n: (seen[n] != 0) != s for n, s in integers.spikes.items() if network[n].spiking}
    samples = np.any([o.reshape(len(o), -1).any(1) for o in odd.values()], axis=0)
    print(f"{name}, {tuning}: {samples.sum()} of {len(x)} samples differ anywhere")
    if exact:
        trace = real.run(value, x)
        assert len(parted(value, trace, integers.spikes)) <= 1
        assert len(parted(value, trace, seen)) <= 1
    else:
        assert samples.mean() <= 0.05


#: How far a factor of a table may be from its sigmoid if every alpha is 1 or -1: 128 bins or more
#: span means of -9 to 9, looked up at their centres; the sigmoid is at most 1/4 steep; 8 bits.
TABLE_ERROR = 18 / 128 / 2 / 4 + 1 / 256


@pytest.mark.parametrize(
    ("name", "joins"),
    [
        ("mlp, gates, two layers", False),
        ("cnn, gates per map, frames", False),
        ("resnet19, spikes, gates", True),
    ],
)
def test_a_gate_that_became_a_table_is_still_its_sigmoid(
    name: str, joins: bool, rng: np.random.Generator
) -> None:
    """Sigmoids computed here, of what each gate sees; half the channels have a negative gain."""
    case = CASES[name]
    model = made(case, rng)
    gated = [c for _, c in model.connections() if c.gate is not None]
    with torch.no_grad():
        for c in gated:
            c.norm.weight.abs_()[::2].neg_()
            c.gate.alpha.copy_(torch.tensor(rng.choice([-1.0, 1.0], len(c.gate.alpha))))
    if joins:
        hardware.dyadic_joins(model)
    hardware.table_gates(model.eval())
    errors, spans = [], []

    def watch(gate: Gate, inputs: tuple[torch.Tensor, torch.Tensor, float]) -> None:
        x = inputs[0].double().numpy()
        axes = tuple(range(2 if gate.axes == "all" else 3, x.ndim))
        mean = x.mean(axes, keepdims=True)
        alpha = gate.alpha.numpy(force=True).reshape(-1, *(1 for _ in x.shape[1:]))
        sigmoid = 1 / (1 + np.exp(-alpha * mean))
        spans.append(np.ptp(sigmoid))
        errors.append(float(np.abs(gate.factor(*inputs).double().numpy() - sigmoid).max()))

    for c in gated:
        c.gate.register_forward_pre_hook(watch)
    outputs(model, drawn(case.enter, 40, case.steps, rng))
    print(f"{name}: largest error of each gate {np.round(errors, 4).tolist()}")
    assert max(spans) > 4 * TABLE_ERROR  # one number would not do
    assert len(errors) == len(gated) and max(errors) <= TABLE_ERROR


@pytest.mark.parametrize("name", ["resnet18, stream", "resnet19, stream"])
def test_dyadic_joins_change_a_layer_by_half_a_grid_step_at_most(
    name: str, rng: np.random.Generator
) -> None:
    """What each layer made of its source before, and what it makes of it then."""
    case = CASES[name]
    model = made(case, rng)
    unit = model.enter.unit
    x = torch.tensor(drawn(case.enter, 8, case.steps, rng)).float()
    flows = {INPUT: x[None] if case.enter.coding == "direct" else x.transpose(0, 1)}
    layers = [c for _, c in model.connections() if c.norm is not None]
    with torch.no_grad():
        model(x, flows.__setitem__)
        before = [c(flows[c.source], unit if c.source == INPUT else 1.0) for c in layers]
    hardware.dyadic_joins(model)
    assert model.enter.unit == 2.0 ** np.floor(np.log2(unit))
    tuned = 0
    for c, y in zip(layers, before, strict=True):
        source = flows[c.source]
        unit = model.enter.unit if c.source == INPUT else 1.0
        with torch.no_grad():
            after = c(source, unit)
            acc, _ = c.op.both(source.flatten(0, 1), unit)
        steps = acc.abs() * unit + 1  # of the grid of gain, and of that of bias
        step = 2.0**-c.norm.bits if isinstance(c.norm, Dyadic) else 0.0
        slack = 1e-5 * (1 + float(y.abs().max()))  # float32
        assert ((after - y).flatten(0, 1).abs() <= steps * step / 2 + slack).all(), c.source
        tuned += isinstance(c.norm, Dyadic)
    print(f"{name}: {tuned} of {len(layers)} layers tuned")
    assert tuned >= len(layers) // 2


def test_a_network_whose_joins_are_dyadic_stays_as_it_is(rng: np.random.Generator) -> None:
    """Tuned a second time, nothing is lost of the gains that the first time put on the grid."""
    model = made(CASES["resnet18, stream"], rng)
    hardware.dyadic_joins(model)
    once = export(model)
    hardware.dyadic_joins(model)
    assert export(model) == once
