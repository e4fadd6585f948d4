"""NIR: graphs of four exporters, spikes equal to the framework that wrote them; rest refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from importing import agree, binarise, framework, own_spikes, spikes_in

import mapping
from mapping.importers import examine, nir_nodes, nir_run

torch, nir = framework("torch"), framework("nir")
framework("h5py")
nn = torch.nn

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),  # exporters warn of what they drop
]
T = 6


def _snntorch(reset: str, beta: float = 0.5) -> tuple[Any, Any]:
    snn = framework("snntorch")
    export = framework("snntorch.export_nir").export_to_nir

    def leaky(n: int, theta: float) -> Any:
        return snn.Leaky(
            torch.full((n,), beta), torch.full((n,), theta), init_hidden=True,
            reset_mechanism=reset,
        )  # fmt: skip

    model = nn.Sequential(
        nn.Linear(12, 20, bias=False), leaky(20, 2.0), nn.Linear(20, 5), leaky(5, 1.5)
    )
    binarise(model)
    return model, export(model, torch.zeros(1, 12), ignore_dims=[0])


def _spikingjelly(conv: bool, **options: Any) -> tuple[Any, Any]:
    layer = framework("spikingjelly.activation_based.layer")
    sj = framework("spikingjelly.activation_based.neuron")
    export = framework("spikingjelly.activation_based.nir_exchange").export_to_nir
    lif = sj.LIFNode(**{"tau": 2.0, **options})
    if conv:
        model = nn.Sequential(
            layer.Conv2d(2, 4, 3, padding=1, bias=False), lif, layer.AvgPool2d(2),
            layer.Flatten(), layer.Linear(36, 5), sj.IFNode(v_threshold=2.0),
        )  # fmt: skip
    else:
        model = nn.Sequential(layer.Linear(12, 20), lif, layer.Linear(20, 5), sj.IFNode())
    binarise(model)
    return model, export(model, torch.zeros(1, 2, 6, 6) if conv else torch.zeros(1, 12))


def _norse() -> tuple[Any, Any]:
    norse = framework("norse.torch")
    export = framework("norse.torch.utils.export_nir").to_nir

    def box(k: float, rest: float = 0.0) -> Any:
        p = norse.LIFBoxParameters(
            tau_mem_inv=torch.tensor(1000 * k), v_leak=torch.tensor(rest), v_th=torch.tensor(0.75)
        )
        return norse.LIFBoxCell(p)

    model = norse.SequentialState(nn.Linear(12, 20), box(0.5, 0.25), nn.Linear(20, 5), box(0.25))
    binarise(model)
    return model, export(model, torch.zeros(1, 12))


def _sinabs() -> tuple[Any, Any]:
    sl, sa = framework("sinabs.layers"), framework("sinabs.activation")
    export = framework("sinabs.nir").to_nir
    half = {"tau_mem": -1 / math.log(0.5), "norm_input": False, "spike_fn": sa.SingleSpike}
    model = nn.Sequential(
        nn.Linear(12, 20), sl.LIFSqueeze(batch_size=1, **half),
        nn.Linear(20, 5), sl.LIFSqueeze(batch_size=1, **half),
    )  # fmt: skip
    binarise(model)
    return model, export(model, torch.zeros(1, 12))


SINABS = {"reset": "subtract", "decay_input": False, "single_spike": True}
NETWORKS = {  # name: model and graph, dialect, what is told, call, exact
    "snntorch, subtract": (lambda: _snntorch("subtract"), "snntorch", {"reset": "subtract"}, True),
    "snntorch, zero": (lambda: _snntorch("zero"), "snntorch", {"reset": "zero"}, True),
    "snntorch, float": (lambda: _snntorch("zero", 0.9), "snntorch", {"reset": "zero"}, False),
    "spikingjelly, decay_input": (lambda: _spikingjelly(False), "spikingjelly", {}, True),
    "spikingjelly, v_reset": (
        lambda: _spikingjelly(False, v_reset=0.25, decay_input=False, tau=4.0), "spikingjelly", {},
        True,
    ),
    "spikingjelly, conv": (
        lambda: _spikingjelly(True, decay_input=False), "spikingjelly", {}, True,
    ),
    "norse": (_norse, "norse", {"reset": "zero"}, True),
    "sinabs": (_sinabs, "sinabs", SINABS, None),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_the_frameworks(name: str, tmp_path: Path, seed: int) -> None:
    make, dialect, told, exact = NETWORKS[name]
    model, graph = make()
    shape = (2, 6, 6) if "conv" in name else (12,)
    source: Any = graph
    if dialect in ("snntorch", "spikingjelly"):  # the other two write no file that nir takes
        nir.write(tmp_path / "net.nir", graph)
        source = tmp_path / "net.nir"
    found = examine(
        source, "nir", input_shape=shape, timesteps=T, dialect=dialect, semantics=told, source=model
    )
    inputs = spikes_in(shape, T, seed + 1)
    flat = dialect == "sinabs"
    if flat:
        utils = framework("sinabs.utils")
        utils.reset_states(model)  # exporting ran it
        utils.set_batch_size(model, len(inputs))
    kinds = ("Leaky", "LIFNode", "IFNode", "LIFBoxCell", "LIFSqueeze")
    theirs = own_spikes(
        model,
        inputs,
        "N*T" if flat else "step",
        lambda m: ("N*T" if flat else "N") if type(m).__name__ in kinds else None,
        stateful=dialect == "norse",
    )
    names = [p.name for p in found.network.populations if p.spiking]
    ties = agree(found.network, inputs, dict(zip(names, theirs.values(), strict=True)), bool(exact))
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.01 < min(rates) and max(rates) < 0.99, rates
    print(f"{name}: {len(inputs)} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


def test_the_same_neuron_comes_with_four_different_tau_and_r() -> None:
    """methods.md: tau and r differ between exporters; leak 1/2 is read from each."""
    neurons = {
        "snntorch": (_snntorch("zero")[1], {"reset": "zero"}),
        "spikingjelly": (_spikingjelly(False, decay_input=False)[1], {}),
        "norse": (_norse()[1], {"reset": "zero"}),
        "sinabs": (_sinabs()[1], SINABS),
    }
    seen = set()
    for dialect, (graph, told) in neurons.items():
        first = next(n for n in graph.nodes.values() if type(n).__name__ == "LIF")
        seen.add(f"{float(np.asarray(first.tau).flat[0]):.3g}")
        network = mapping.import_model(
            graph, "nir", input_shape=12, timesteps=T, dialect=dialect, semantics=told
        )
        assert next(p for p in network.populations if p.spiking).neuron.leak == 0.5
    assert len(seen) == 3, seen


def chain(*nodes: Any, edges: list | None = None) -> Any:
    """Return a graph of LIF(1/2) behind a two-valued layer, with other nodes in between."""
    named = {"input": nir.Input(np.array([4]))}
    named |= {f"n{i}": node for i, node in enumerate(nodes)}
    named["output"] = nir.Output(np.array([3]))
    names = list(named)
    line = edges if edges is not None else list(zip(names, names[1:], strict=False))
    return nir.NIRGraph(named, line, type_check=False)


def ones(out: int = 3, fan: int = 4) -> Any:
    return nir.Linear(np.where(np.arange(out * fan).reshape(out, fan) % 3, 1.0, -1.0))


def lif(n: int = 3, **fields: Any) -> Any:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **fields}
    return nir.LIF(**{k: np.asarray(v) if np.ndim(v) else np.full(n, v) for k, v in values.items()})


def test_skips_and_scales() -> None:
    """Edges that meet add up, and come in no order; Scale moves into the connection."""
    graph = chain(
        ones(), lif(), ones(3, 3), nir.Scale(np.array([0.5, 1.0, 2.0])), lif(),
        edges=[("n4", "output"), ("n1", "n4"), ("input", "n0"), ("n0", "n1"), ("n2", "n3"),
               ("n3", "n4"), ("n1", "n2")],
    )  # fmt: skip
    network = mapping.import_model(graph, "nir", input_shape=4, timesteps=T, dialect="spikingjelly")
    connections = network["n4"].connections
    assert len(connections) == 2
    assert sorted(len(set(c.scale.tolist())) for c in connections) == [1, 3]


REFUSED = {
    "no dialect": (lambda: chain(ones(), lif()), {"dialect": None}, "does not say who wrote it"),
    "untold": (lambda: chain(ones(), lif()), {"dialect": "snntorch"}, "give in semantics: reset:"),
    "untold, sinabs": (
        lambda: chain(ones(), lif()), {"dialect": "sinabs"}, "decay_input: .*; single_spike=True",
    ),
    "several spikes": (
        lambda: chain(ones(), lif()),
        {"dialect": "sinabs", "semantics": {**SINABS, "single_spike": False}},
        "several spikes a timestep",
    ),
    "current": (
        lambda: chain(ones(), nir.CubaLIF(*(np.ones(3) for _ in range(7)))), {},
        r"node 'n1' \(CubaLIF\) is no node that",
    ),
    "delay": (
        lambda: chain(ones(), nir.Delay(np.ones(3)), lif()), {}, r"node 'n1' \(Delay\) is no node",
    ),
    "loop": (
        lambda: chain(ones(), lif(), edges=[
            ("input", "n0"), ("n0", "n1"), ("n1", "n0"), ("n1", "output")]), {},
        "part of a loop",
    ),
    "float weights": (
        lambda: chain(nir.Linear(np.random.default_rng(0).normal(size=(3, 4))), lif()), {},
        r"module 'n0' \(Linear\): weights are not two-valued",
    ),
    "leak per neuron": (
        lambda: chain(ones(), lif(tau=np.array([1e-4, 2e-4, 3e-4]))), {},
        r"node 'n1' \(LIF\) has a tau for each neuron",
    ),
    "dt": (
        lambda: chain(ones(), lif()), {"semantics": {"dt": 1.0}}, r"'n1' \(LIF\) has leak .*dt",
    ),
    "shape": (lambda: chain(ones(3, 5), lif()), {}, r"'n0' \(Linear\): Dense weights of shape"),
    "input shape": (lambda: chain(ones(), lif()), {"input_shape": 5}, "input has shape"),
    "no way through": (
        lambda: chain(ones(), lif(), edges=[("input", "n0"), ("n1", "output")]), {},
        r"node 'n1' \(LIF\) has no source",
    ),
    "a misspelt key": (lambda: chain(ones(), lif()), {"semantics": {"rest": 1}}, "key of sem"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, options, sentence = REFUSED[name]
    asked = {"input_shape": 4, "timesteps": T, "dialect": "spikingjelly", **options}
    with pytest.raises(ValueError, match=sentence) as found:
        examine(make(), "nir", **asked)
    assert "\n" not in str(found.value)


def test_a_source_that_does_something_else() -> None:
    """The interoperability trap: >= read where the net was trained with >."""
    model, graph = _snntorch("zero")
    with pytest.raises(mapping.Unsupported, match="does not do what the source does|near-tie"):
        examine(
            graph, "nir", input_shape=12, timesteps=T, dialect="snntorch",
            semantics={"reset": "subtract"}, source=model,
        )  # fmt: skip


# --- the probe's own equations: what is misread in nir_nodes must differ from them -------------

WRITERS = {  # dialect: what is told, tau and r of leak 3/4, and the input gain they mean
    "snntorch": ({"reset": "zero"}, 4e-4, 4.0, 1.0),
    "spikingjelly": ({}, 4e-4, 2.0, 0.5),
    "norse": ({"reset": "zero"}, 4e-6, 2.0, 0.5),
    "sinabs": (SINABS, -1 / math.log(0.75), 1.0, 1.0),
    "nir": ({"compare": ">=", "reset": "subtract", "dt": 1e-3}, 4e-3, 2.0, 0.5),
}
FAULTS = {  # what is read wrongly of a neuron
    "leak": lambda n: replace(n, leak=n.leak - 2**-8),
    "gain": lambda n: replace(n, input_gain=n.input_gain * (1 + 2**-8)),
    "threshold": lambda n: replace(n, threshold=n.threshold + 2**-6),
    "compare": lambda n: replace(n, compare={">": ">=", ">=": ">"}[n.compare]),
    "v_reset": lambda n: replace(n, v_reset=n.v_reset - 2**-6, reset="zero"),
    "reset": lambda n: replace(n, reset={"zero": "subtract", "subtract": "zero"}[n.reset]),
    "v_rest": lambda n: replace(n, v_rest=n.v_rest + 2**-6),
    "v_init": lambda n: replace(n, v_init=n.v_init + 2**-6),
    "delay": lambda n: replace(n, reset="subtract", reset_delay=1 - n.reset_delay),
}


def written(dialect: str) -> tuple[Any, dict[str, Any]]:
    told, tau, r, _ = WRITERS[dialect]
    graph = chain(ones(), lif(tau=tau, r=r, v_leak=0.25, v_reset=-0.5))
    return graph, {"dialect": dialect, "semantics": told, "input_shape": 4, "timesteps": 2}


def test_the_probe_takes_nothing_from_the_reading() -> None:
    taken = {getattr(v, "__module__", getattr(v, "__name__", "")) for v in vars(nir_run).values()}
    assert "mapping.importers.nir_dialects" in taken  # who wrote it, and what the caller told
    assert not {"mapping.importers.nir_nodes", "mapping.importers.chain"} & taken


@pytest.mark.parametrize("dialect", WRITERS)
def test_leak_and_gain_of_every_writer(dialect: str) -> None:
    graph, asked = written(dialect)
    found = examine(graph, "nir", **asked)
    neuron = found.network["n1"].neuron
    assert (neuron.leak, neuron.input_gain) == (0.75, WRITERS[dialect][3])
    assert "0 differences from its equation" in str(found)
    assert f"not probed: how {dialect} steps through time, compares and resets" in str(found)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dialect", WRITERS)
def test_a_misread_neuron_is_caught(
    dialect: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = nir_nodes._neuron
    monkeypatch.setattr(nir_nodes, "_neuron", lambda *given: FAULTS[fault](right(*given)))
    graph, asked = written(dialect)
    with pytest.raises(mapping.Unsupported, match="does not do what was read of it"):
        examine(graph, "nir", **asked)


MISREAD = {  # a part of nir_nodes that reads wrongly, and a graph that shows it
    "weights": ("_array", lambda right: lambda node, key, *a, **k: -right(node, key, *a, **k)
                if key == "weight" else right(node, key, *a, **k)),
    "bias": ("_conv", lambda right: lambda *a: {**right(*a), "bias": np.array([0.5, 0.0])}),
    "stride": (
        "_conv", lambda right: lambda *a: {**right(*a), "make": mapping.Conv}  # by 1, not padded
    ),
    "average": ("math.prod", lambda right: lambda values: 2 * right(values)),
}  # fmt: skip


def pictures(end: Any) -> Any:
    weights = np.random.default_rng(3).choice([-1.0, 1.0], (2, 1, 3, 3))
    nodes = {
        "input": nir.Input(np.array([1, 5, 5])),
        "conv": nir.Conv2d((5, 5), weights, 2, 1, 1, 1, np.array([0.0, 0.5])),
        "pool": nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([2, 2, 2])}, 0),
        "end": end,
        "output": nir.Output(np.array([3])),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False)), type_check=False)


@pytest.mark.parametrize("fault", [None, *MISREAD])
def test_a_misread_layer_is_caught_without_any_neuron(
    fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum that is read out is compared, too."""
    asked = {"input_shape": (1, 5, 5), "timesteps": 2, "dialect": "spikingjelly"}
    if fault is None:
        found = examine(pictures(ones(3, 8)), "nir", **asked)
        assert "every spike and the output's sum as NIR's equations give it" in str(found)
        return
    name, wrong = MISREAD[fault]
    if name == "math.prod":
        monkeypatch.setattr(nir_nodes, "math", SimpleNamespace(prod=wrong(math.prod)))
    else:
        monkeypatch.setattr(nir_nodes, name, wrong(getattr(nir_nodes, name)))
    with pytest.raises(mapping.Unsupported, match="does not do what the graph does"):
        examine(pictures(ones(3, 8)), "nir", **asked)
