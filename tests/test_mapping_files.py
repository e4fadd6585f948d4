"""Files: what is read is what was written, and anything else is refused in one sentence."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks
from strategies_trained import folds, trained_networks
from test_mapping_certify import draw_layer
from test_mapping_network import small

from mapping import (
    Cause,
    Connection,
    Dense,
    Input,
    Kind,
    Network,
    Neuron,
    Population,
    Readout,
    TrainedNetwork,
    fold,
    load,
    save,
)
from mapping.claims import Certificate
from mapping.files import FileError, _digest, digest, folded_from


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    value = draw_layer(3, 0.5, 4)
    save(value, tmp_path / "trained.safetensors")
    save(fold(value), tmp_path / "network.safetensors", folded_from=digest(value))
    return tmp_path / "trained.safetensors", tmp_path / "network.safetensors"


@given(st.one_of(networks(), trained_networks(), folds().map(lambda drawn: drawn[1])))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, written: Network | TrainedNetwork
) -> None:
    folder = tmp_path_factory.mktemp("files")
    save(written, folder / "network")
    read = load(folder / "network")
    assert read == written and type(read) is type(written)
    assert str(read) == str(written) and digest(read) == digest(written)
    assert [path.name for path in folder.iterdir()] == ["network"]


def test_the_same_network_makes_the_same_bytes(tmp_path: Path) -> None:
    save(small(), tmp_path / "a")
    save(small(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def header(path: Path) -> dict:
    """Return the JSON object of a file's one metadata entry."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["spikexact"])


def test_a_digest_is_of_the_content_and_of_nothing_else(tmp_path: Path) -> None:
    trained = draw_layer(3, 0.5, 4)
    for value in (trained, fold(trained), small()):
        for name in ("a", "b"):  # over a file and back, and over another
            save(value, tmp_path / name, folded_from=digest(trained) if name == "b" else None)
            assert digest(load(tmp_path / name)) == digest(value)
            assert header(tmp_path / name)["sha256"] == digest(value)
            value = load(tmp_path / name)
    assert len({digest(trained), digest(fold(trained)), digest(small())}) == 3
    with pytest.raises(TypeError, match="digest needs a Network or a TrainedNetwork, not 3"):
        digest(3)  # type: ignore[arg-type]


def test_every_change_of_a_network_changes_its_digest() -> None:
    network = small()
    p = network.populations[-1]
    c = p.connections[0]
    weights = np.array(c.op.weights)
    weights.flat[-1] *= -1

    def last(**fields: object) -> Network:
        return replace(network, populations=(*network.populations[:-1], replace(p, **fields)))

    changed = [
        replace(network, timesteps=network.timesteps - 1),
        replace(network, readout=replace(network.readout, source="a")),
        last(connections=(replace(c, op=replace(c.op, weights=weights)),)),
        last(connections=(replace(c, bias=c.bias + 1),)),
        last(neuron=replace(p.neuron, v_init=p.neuron.v_init + 1)),
    ]
    assert len({digest(one) for one in (network, *changed)}) == len(changed) + 1


def test_a_file_says_what_its_network_was_folded_from(both: tuple[Path, Path]) -> None:
    trained, network = both
    assert folded_from(network) == digest(load(trained))
    assert folded_from(trained) is None
    save(load(network), network)  # loaded, perhaps changed, and saved: nothing is claimed
    assert folded_from(network) is None


@pytest.mark.parametrize("change", [{"folded_from": "0" * 64}, {"seal": "0" * 64}, {"seal": None}])
def test_a_forged_origin_is_refused(both: tuple[Path, Path], change: dict) -> None:
    from safetensors.numpy import load_file, save_file

    path = both[1]
    told = json.dumps(header(path) | change)
    save_file(load_file(path), path, metadata={"spikexact": told})
    for read in (load, folded_from):
        with pytest.raises(FileError, match="is damaged or was altered"):
            read(path)


def test_weights_take_one_bit_each(tmp_path: Path) -> None:
    from mapping import Connection, Dense, Input, Neuron, Population, Readout

    weights = np.random.default_rng(0).choice([-1, 1], (128, 784))
    p = Population("a", (Connection("input", Dense(weights)),), Neuron(threshold=3))
    save(Network(Input((784,)), (p,), Readout("a"), 1), tmp_path / "n")
    assert (tmp_path / "n").stat().st_size < 784 * 128 / 8 + 2000


def test_wrong_kind_missing_and_foreign_files(both: tuple[Path, Path], tmp_path: Path) -> None:
    trained, network = both
    with pytest.raises(FileError, match="holds a TrainedNetwork, but a Network is needed: fold"):
        load(trained, Network)
    with pytest.raises(FileError, match="holds a Network, but a TrainedNetwork is needed"):
        load(network, TrainedNetwork)
    with pytest.raises(FileError, match="does not exist"):
        load(tmp_path / "none")
    with pytest.raises(FileError, match="is not a file"):
        load(tmp_path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(FileError, match="not a safetensors file, or is truncated"):
        load(tmp_path / "text")
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "other")
    with pytest.raises(FileError, match="but not one written by spikexact"):
        load(tmp_path / "other")
    for kind, version, sentence in (
        ("Network", 99, "format version 99 of a Network; this program reads 2 and 3$"),
        ("Network", 1, "this program reads 2 and 3: fold the trained network again"),
        ("TrainedNetwork", 99, "format version 99 of a TrainedNetwork; this program reads 1$"),
    ):
        header = {"spikexact": json.dumps({"version": version, "kind": kind})}
        save_file({"x": np.zeros(3)}, tmp_path / "other", metadata=header)
        with pytest.raises(FileError, match=sentence):
            load(tmp_path / "other")


def test_a_network_of_version_2_loads_and_keeps_its_digest(tmp_path: Path) -> None:
    """Version 2 had no list of the ways that failed; what a file of it holds is named as before."""
    lattice, unit = np.array([[[1, 2], [3, 4]]]), np.array([0.125, 0.25])
    sentence = "fires exactly, but its order is not proved"
    told = Certificate(False, Kind.SPIKES, sentence, Cause.ORDER, 3, lattice, None, unit)
    weights = Connection("input", Dense(np.array([[1, -1], [1, 1]])), gain=8)
    older, newer = (
        Network(
            Input((2,)),
            (Population("a", (weights,), Neuron(1, 1, threshold=9), certificate),),
            Readout("a"),
            2,
        )
        for certificate in (told, replace(told, failed=(("lattice", "of another leak"),)))
    )
    for version, value in ((2, older), (3, newer)):
        save(value, tmp_path / "net")
        assert header(tmp_path / "net")["version"] == version
        assert load(tmp_path / "net") == value
    # when there was no version 3
    before = "37e91980758f40b42c6363af7728d02a30ad6f981eb380d1d2d7c7029d347d6e"
    assert digest(older) == before != digest(newer)


def test_a_file_that_holds_more_than_its_network_is_refused(tmp_path: Path) -> None:
    """An array that no node names, under a hash that counts it: the network alone has another."""
    from safetensors.numpy import load_file, save_file

    save(small(), tmp_path / "net")
    meta, arrays = header(tmp_path / "net"), dict(load_file(tmp_path / "net"))
    for extra in ({}, {"secret": np.arange(3)}):
        hashed = _digest(meta["kind"], meta["version"], meta["value"], arrays | extra)
        text = json.dumps(meta | {"sha256": hashed})
        save_file(arrays | extra, tmp_path / "more", metadata={"spikexact": text})
        if not extra:  # the hash is made as files.py makes it
            assert load(tmp_path / "more") == small()
    with pytest.raises(FileError, match="altered: it holds more than its network"):
        load(tmp_path / "more")


def test_every_truncation_and_random_alterations_are_refused(both: tuple[Path, Path]) -> None:
    rng = random.Random(0)
    for path in both:
        data = path.read_bytes()
        broken = path.with_name("broken")
        cuts = {0, 1, 7, 8, 9, len(data) - 1, *(rng.randrange(len(data)) for _ in range(60))}
        for cut in sorted(cuts):
            broken.write_bytes(data[:cut])
            with pytest.raises(FileError):
                load(broken)
        for _ in range(300):
            changed = bytearray(data)
            for _ in range(rng.choice((1, 1, 4))):
                changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            if bytes(changed) == data:
                continue
            broken.write_bytes(changed)
            try:  # an unused bit of padding may change nothing; then the value must be the same
                assert load(broken) == load(path)
            except FileError as error:
                assert "\n" not in str(error)
        broken.write_bytes(data + b"x")
        with pytest.raises(FileError):
            load(broken)


def test_a_forged_header_allocates_nothing(tmp_path: Path) -> None:
    """A checksum anybody can compute is no proof: declared sizes are checked on their own."""
    header = {
        "__metadata__": {"spikexact": "{}"},
        "x": {"dtype": "F64", "shape": [1 << 40], "data_offsets": [0, 8 << 40]},
    }
    text = json.dumps(header).encode()
    (tmp_path / "huge").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(FileError, match="not a safetensors file, or is truncated"):
        load(tmp_path / "huge")
    from mapping.files import _decode

    with pytest.raises(ValueError, match="too long"):
        _decode({"all": 0, "of": "<i8", "n": 1 << 40}, {}, {})


def test_saving_over_a_file_is_all_or_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "n"
    save(small(), path)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        save(small(timesteps=2), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["n"]
    with pytest.raises(FileNotFoundError, match="create it first"):
        save(small(), tmp_path / "no" / "n")
    with pytest.raises(TypeError, match="save needs a Network or a TrainedNetwork"):
        save(3, path)
