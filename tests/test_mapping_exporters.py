"""Networks as NIR graphs: the integers come back equal, and the nodes say what NIR can say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import needs
import numpy as np
import pytest
from loihi_nets import drawn, mlp, residual

import mapping
import sim
from mapping import Neuron, TrainedNetwork
from mapping.exporters import graph, load_nir, save_nir, unsaid
from mapping.plain import FileError
from sim.campaign.generate.all_kinds import draw_whole

needs.package("nir")
needs.package("h5py")


@pytest.mark.parametrize("offset", range(24))
def test_integers_come_back_from_a_graph(offset: int, seed: int) -> None:
    print(f"seed {seed + offset}")
    network = draw_whole(seed + offset)
    assert load_nir(graph(network)) == network


def test_integers_come_back_from_a_file(tmp_path: Path) -> None:
    import nir

    network = residual()
    save_nir(network, tmp_path / "net.nir")
    assert load_nir(tmp_path / "net.nir") == network
    read = nir.read(tmp_path / "net.nir", type_check=False)
    assert load_nir(read) == network
    assert {type(node).__name__ for node in read.nodes.values()} >= {"Conv2d", "IF", "SumPool2d"}


def test_a_folded_network_keeps_its_certificates(tmp_path: Path) -> None:
    from sim.campaign.generate.trained_dense import draw_trained

    network = mapping.fold(draw_trained(3))
    save_nir(network, tmp_path / "net.nir")
    assert load_nir(tmp_path / "net.nir") == network


def test_what_the_nodes_say_runs_alike(tmp_path: Path) -> None:
    """The importer reads nodes, not integers: what it makes of them fires as the network does."""
    network = mlp(hidden=24, steps=5)
    save_nir(network, tmp_path / "net.nir")
    read = mapping.import_model(
        tmp_path / "net.nir", "nir", dialect="nir", input_shape=784, timesteps=5, probes=4,
        semantics={"compare": ">", "reset": "zero", "dt": 1.0},
    )  # fmt: skip
    assert isinstance(read, TrainedNetwork)
    inputs = drawn(network, 6, 1)
    ours = sim.run(network, inputs, "reference")
    theirs = sim.run(mapping.fold(read), inputs, "reference")
    for a, b in zip(ours.spikes.values(), theirs.spikes.values(), strict=True):
        assert (a == b).all()


def test_what_nir_cannot_say_is_listed() -> None:
    network = mlp()
    assert unsaid(network) == ["a sample has 6 timesteps and starts anew"]
    hidden = network["hidden"]
    odd = Neuron(
        num=1, q=1, threshold=3, reset="subtract", rho=3, v_init=1, refractory=2, fire_by=3
    )
    value = replace(network, populations=(replace(hidden, neuron=odd), network["out"]))
    text = " ".join(unsaid(value))
    for word in ("rounds down", "reset 'subtract'", "v_init", "refractory", "fire_by"):
        assert word in text


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    import nir

    network = mlp(hidden=8)
    made = graph(network)
    bare = nir.NIRGraph(made.nodes, made.edges)
    nir.write(tmp_path / "bare.nir", bare)
    with pytest.raises(FileError, match="holds no integers of a Network"):
        load_nir(tmp_path / "bare.nir")
    key = next(k for k, v in made.metadata.items() if k != "spikexact" and v.size)
    made.metadata[key] = made.metadata[key].copy()
    made.metadata[key].flat[0] ^= 1
    with pytest.raises(FileError, match="checksum"):
        load_nir(made)
    made.metadata["spikexact"] = np.frombuffer(b"[1]", np.uint8)
    with pytest.raises(FileError, match="damaged"):
        load_nir(made)
    text = tmp_path / "text.nir"
    text.write_text("no HDF5")
    with pytest.raises(FileError, match="is not an HDF5 file"):
        load_nir(text)
