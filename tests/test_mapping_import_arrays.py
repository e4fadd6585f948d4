"""Arrays beside a TOML topology: every field, BS4NN's kind, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest

import mapping
from mapping import Conv, Dense, Identity, Input, Pool, Readout, TrainedNetwork, real
from mapping.files import FileError
from mapping.importers import examine
from mapping.trained import Connection, Gate, Neuron, Norm, Population

BS4NN = """
timesteps = {steps}

[input]
shape = [784]
bits = 8
coding = "latency"
t_max = {t_max}

[readout]
source = "output"
kind = "first_spike"
fallback = "membrane"
step = {t_max}

[[population]]
name = "hidden"
neuron = {{ threshold = "theta.npy", reset = "none", max_spikes = 1, fire_by = {t_max} }}
[[population.connection]]
source = "input"
op = "dense"
weights = "net.npz:w1"
delay = 1

[[population]]
name = "output"
neuron = {{ threshold = {last}, reset = "none", max_spikes = 1 }}
[[population.connection]]
source = "hidden"
op = "dense"
weights = "net.npz:w2"
delay = 1
"""


def bs4nn(
    folder: Path, hidden: int = 600, t_max: int = 255, last: int = 12
) -> tuple[Path, Any, Any]:
    rng = np.random.default_rng(0)
    w1 = rng.choice([-1.0, 1.0], (hidden, 784)).astype(np.float32)
    w2 = rng.choice([-1.0, 1.0], (10, hidden)).astype(np.float32)
    np.savez(folder / "net.npz", w1=w1, w2=w2)
    np.save(folder / "theta.npy", np.full(hidden, 25))
    path = folder / "net.toml"
    path.write_text(BS4NN.format(steps=t_max + 1, t_max=t_max, last=last))
    return path, w1, w2


def plain_bs4nn(
    pixels: np.ndarray, w1: Any, w2: Any, t_max: int, last: int = 12
) -> tuple[Any, Any, Any]:
    """Spike times from methods.md, without any of the program's code: (N, hidden), (N, 10).

    A hidden neuron fires at t_max if it has not before; an output that never does has t_max + 1.
    The classes are those of the first output, or of the largest potential where none fires.
    """
    inputs = (255 - pixels) * t_max // 255

    def layer(
        times: np.ndarray, w: np.ndarray, theta: float, never: int
    ) -> tuple[np.ndarray, np.ndarray]:
        fired = np.full((len(times), len(w)), never)
        silent = np.ones(fired.shape, bool)
        at_end = np.zeros(fired.shape)
        for t in range(t_max + 1):
            v = (times <= t - 1).astype(float) @ w.T  # one timestep of delay
            now = silent & (v >= theta)
            fired[now] = t
            silent &= ~now
            at_end = np.where(silent, v, at_end)
        return fired, at_end

    hidden, _ = layer(inputs, w1, 25, t_max)
    output, potential = layer(hidden, w2, last, t_max + 1)
    silent = (output > t_max).all(axis=1)
    return hidden, output, np.where(silent, potential.argmax(axis=1), output.argmin(axis=1))


@pytest.mark.parametrize("last", [12, 25])
def test_a_bs4nn_network(tmp_path: Path, last: int) -> None:
    t_max = 63
    path, w1, w2 = bs4nn(tmp_path, t_max=t_max, last=last)
    found = examine(path, "arrays")
    network = found.network
    assert network.shapes == {"input": (784,), "hidden": (600,), "output": (10,)}
    assert network["hidden"].neuron.max_spikes == 1 and network["hidden"].connections[0].delay == 1
    assert "not probed" in str(found)
    pixels = np.random.default_rng(1).integers(0, 256, (40, 784))
    pixels[:, ::2] = 0
    hidden, output, classes = plain_bs4nn(pixels, w1, w2, t_max, last)
    trace = real.run(network, pixels)
    for name, times in (("hidden", hidden), ("output", output)):
        spikes = trace.spikes[name]
        assert np.array_equal(spikes.sum(axis=1), times <= t_max)
        assert np.array_equal(np.where(times <= t_max, spikes.argmax(axis=1), times), times)
    assert np.array_equal(trace.classes, classes)
    silent = (output > t_max).all(axis=1)
    print(f"{silent.sum()} of {len(silent)} samples fall back on potentials")
    assert 0 < silent.sum() < len(silent) if last == 25 else not silent.any()


def test_a_fall_back_that_is_never_used_is_said(tmp_path: Path) -> None:
    path, *_ = bs4nn(tmp_path, hidden=30, t_max=31)
    assert "fall-back" not in str(examine(path, "arrays"))
    text = path.read_text().replace("threshold = 12,", "threshold = 12, fire_by = 31,")
    path.write_text(text)
    said = "read-out: its fall-back is never used: every neuron of 'output' fires, since fire_by"
    assert said in str(examine(path, "arrays"))


def test_recorded_activity_is_a_probe(tmp_path: Path) -> None:
    path, w1, w2 = bs4nn(tmp_path, hidden=30, t_max=31)
    pixels = np.random.default_rng(1).integers(0, 256, (50, 784))
    hidden, _, classes = plain_bs4nn(pixels, w1, w2, 31)
    spikes = (hidden[:, None] == np.arange(32)[:, None]).astype(np.uint8)
    np.savez(tmp_path / "run.npz", x=pixels, h=spikes, y=classes)
    text = path.read_text() + '[check]\ninputs = "run.npz:x"\nclasses = "run.npz:y"\n'
    text += '[check.spikes]\nhidden = "run.npz:h"\n'
    path.write_text(text)
    assert "probe: 50 samples, hidden, classes as recorded" in str(examine(path, "arrays"))
    spikes[7, 5, 3] ^= 1
    np.savez(tmp_path / "run.npz", x=pixels, h=spikes, y=classes)
    with pytest.raises(FileError, match=r"does not do what the source does: sample 7, timestep 5"):
        examine(path, "arrays")
    np.savez(tmp_path / "run.npz", x=pixels, h=spikes, y=(classes + 1) % 10)
    path.write_text(text.replace('[check.spikes]\nhidden = "run.npz:h"\n', ""))
    with pytest.raises(FileError, match=r"of 50 classes differ from \[check\]"):
        examine(path, "arrays")
    path.write_text(text.partition("classes")[0])
    with pytest.raises(FileError, match=r"\[check\] names inputs, but no spikes or classes"):
        examine(path, "arrays")


EVERYTHING = """
timesteps = 3
[input]
shape = [2, 5, 5]
bits = 4
coding = "direct"
unit = 0.25
[readout]
source = "out"
kind = "membrane"
step = 1

[[population]]
name = "conv"
neuron = { leak = 0.75, threshold = [1.0, 2.0, 3.0, 4.0], compare = ">", reset = "subtract", reset_delay = 1, v_init = 0.5, v_rest = 0.25, input_gain = 0.5 }
[[population.connection]]
source = "input"
op = "conv"
weights = "w.npy"
bits = 4
stride = [1, 2]
padding = [1, 0]
dilation = 1
groups = 2
scale = 0.5
bias = "w.npz:bias"
norm = { gamma = "w.npz:gamma", beta = 0.5, mean = [0, 1, 2, 3], var = 4.0, eps = 0.0 }
gate = { alpha = [0.5, 0.25, 1.0], per_channel = true }

[[population]]
name = "pool"
neuron = { leak = 0.0 }
[[population.connection]]
source = "conv"
op = "pool"
kernel = [2, 2]
stride = 1
padding = 0
kind = "max"
[[population.connection]]
source = "pool"
op = "identity"
delay = 1
scale = -1.5

[[population]]
name = "out"
neuron = { threshold = 2.0, reset = "zero", v_reset = -0.5, refractory = 2, max_spikes = 3, fire_by = 2 }
[[population.connection]]
source = "pool"
op = "dense"
weights = "w.npz:dense"
transpose = true
delay = 2
"""  # noqa: E501


def test_every_field(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    conv = rng.integers(-7, 8, (4, 1, 3, 3)).astype(np.int16)
    dense = rng.choice([-0.75, 0.75], (16, 5))
    np.save(tmp_path / "w.npy", conv)
    np.savez_compressed(
        tmp_path / "w.npz",
        bias=np.arange(4.0),
        gamma=np.array([[1.0], [-1], [2], [0]]),
        dense=dense,
    )
    (tmp_path / "net.toml").write_text(EVERYTHING)
    network = examine(tmp_path / "net.toml", "arrays").network
    op = Conv(conv, stride=(1, 2), padding=(1, 0), groups=2, bits=4)
    norm = Norm(np.array([1.0, -1, 2, 0]), 0.5, np.arange(4.0), 4.0, 0.0)
    gate = Gate(np.array([0.5, 0.25, 1.0]), per_channel=True)
    lif = Neuron(
        leak=0.75, threshold=np.array([1.0, 2, 3, 4]), compare=">", reset="subtract",
        reset_delay=1, v_init=0.5, v_rest=0.25, input_gain=0.5,
    )  # fmt: skip
    last = Neuron(threshold=2.0, v_reset=-0.5, refractory=2, max_spikes=3, fire_by=2)
    signs = np.where(dense.T > 0, 1, -1)
    expected = TrainedNetwork(
        Input((2, 5, 5), bits=4, coding="direct", unit=0.25),
        (
            Population("conv", (Connection("input", op, 0.5, np.arange(4.0), norm, gate),), lif),
            Population(
                "pool",
                (
                    Connection("conv", Pool((2, 2), (1, 1), (0, 0), "max")),
                    Connection("pool", Identity(), -1.5, delay=1),
                ),
                Neuron(leak=0.0),
            ),
            Population("out", (Connection("pool", Dense(signs), 0.75, delay=2),), last),
        ),
        Readout("out", "membrane", step=1),
        3,
    )
    assert network == expected


def test_matlab_and_torch_arrays(tmp_path: Path) -> None:
    needs.package("scipy")
    import scipy.io

    w = np.random.default_rng(0).choice([-1.0, 1.0], (3, 4))
    scipy.io.savemat(tmp_path / "w.mat", {"w": w, "theta": np.arange(3.0)}, do_compression=True)
    text = (
        'timesteps = 2\n[input]\nshape = [4]\n[readout]\nsource = "a"\n[[population]]\n'
        'name = "a"\nneuron = {{ threshold = {theta} }}\n[[population.connection]]\n'
        'source = "input"\nop = "dense"\nweights = "{weights}"\n'
    )
    path = tmp_path / "net.toml"
    path.write_text(text.format(theta='"w.mat:theta"', weights="w.mat:w"))
    first = mapping.import_model(path, "arrays")
    assert first["a"].neuron.threshold.tolist() == [0, 1, 2]
    needs.package("torch")
    import torch

    torch.save({"w": torch.tensor(w, dtype=torch.bfloat16)}, tmp_path / "w.pt")
    path.write_text(text.format(theta='"w.mat:theta"', weights="w.pt:w"))
    assert mapping.import_model(path, "arrays") == first
    from safetensors.numpy import save_file

    save_file({"w": w.astype(np.float16)}, tmp_path / "w.safetensors")
    path.write_text(text.format(theta="[0, 1, 2]", weights="w.safetensors:w"))
    assert mapping.import_model(path, "arrays") == first


GOOD = """
timesteps = 2
[input]
shape = [4]
[readout]
source = "a"
[[population]]
name = "a"
neuron = { threshold = 1.0 }
[[population.connection]]
source = "input"
op = "dense"
weights = "w.npy"
"""
REFUSED = {  # name: what is replaced, by what, and the sentence
    "no timesteps": ("timesteps = 2", "", "timesteps is missing"),
    "no input": ("[input]\nshape = [4]", "", r"table \[input\] is missing"),
    "unknown key": ("timesteps = 2", "timesteps = 2\ntau = 3", "unknown key 'tau'"),
    "misspelt": ("threshold = 1.0", "treshold = 1.0", "unknown key 'treshold'; known are compare"),
    "unknown op": ('op = "dense"', 'op = "lstm"', "op of a connection of population 'a' must be"),
    "no weights": ('weights = "w.npy"', "", "needs weights"),
    "no such file": ("w.npy", "v.npy", "v.npy does not exist"),
    "outside": ("w.npy", "../w.npy", "'../w.npy' lies outside of the topology's folder"),
    "absolute": ("w.npy", "/etc/passwd", "lies outside of the topology's folder"),
    "a kind of file": ("w.npy", "w.pkl", "no file of arrays that is read"),
    "an entry of one array": ("w.npy", "w.npy:x", "holds one array, not entries"),
    "weights of a list": ('"w.npy"', "[[1, -1], [1]]", "rows of equal length"),
    "leak": ("threshold = 1.0", "threshold = 1.0, leak = 2.0", "leak must be between 0 and 1"),
    "NaN": ("threshold = 1.0", "threshold = nan", "threshold must be finite"),
    "text": ("threshold = 1.0", "threshold = true", "threshold of population 'a' must be real"),
    "shape": ("shape = [4]", "shape = [5]", "Dense weights of shape"),
    "huge": ("shape = [4]", "shape = [4, 100000, 100000]", "more than 4194304 values"),
    "source": ('source = "input"', 'source = "b"', "there is no population 'b'"),
    "T": ("timesteps = 2", "timesteps = 1000000000", "timesteps must be between 1 and 65536"),
    "coding": ("shape = [4]", 'shape = [4]\ncoding = "rate"', "input coding must be one of"),
    "table": ("[input]\nshape = [4]", "input = 3", r"\[input\] must be a table, not 3"),
    "population": ('name = "a"', "name = 7", "population name must be a string"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.ones((3, 4)))
    old, new, sentence = REFUSED[name]
    assert old in GOOD
    (tmp_path / "net.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=sentence) as found:
        examine(tmp_path / "net.toml", "arrays")
    assert "\n" not in str(found.value)


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    np.save(tmp_path / "w.npy", np.ones((3, 4)))
    (folder / "w.npy").symlink_to(tmp_path / "w.npy")
    (folder / "net.toml").write_text(GOOD)
    with pytest.raises(FileError, match="lies outside of the topology's folder"):
        examine(folder / "net.toml", "arrays")
