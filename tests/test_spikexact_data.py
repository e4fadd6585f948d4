"""evaluate on one's own data: sets by name, arrays, folders; and what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, save
from mapping.cost import cost
from sim import run
from sim.evaluate import evaluate
from spikexact.cli import status
from spikexact.data import labelled
from training.data import open_set


def network(enter: Input, classes: int = 10, steps: int = 2, seed: int = 0) -> Network:
    """Return one dense layer; its largest membrane is the class."""
    rng = np.random.default_rng(seed)
    weights = Dense(rng.choice([-1, 1], (classes, int(np.prod(enter.shape)))))
    neuron = Neuron(1, 0, threshold=rng.integers(1, 40, classes))
    out = Population("out", (Connection("input", weights),), neuron)
    return Network(enter, (out,), Readout("out", "membrane"), steps)


DIGITS = Input((64,), bits=5, coding="direct", unit=1 / 16)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with the network n, and arrays for it."""
    monkeypatch.chdir(tmp_path)
    save(network(DIGITS), Path("n"))
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (30, 64)), rng.integers(0, 10, 30)
    np.save("x.npy", x)
    np.save("y.npy", y)
    return tmp_path


def accuracy(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, float]:
    """Evaluate and return samples and accuracy."""
    assert status(["evaluate", "n", *line.split(), "--json"]) == 0, capsys.readouterr()
    found = json.loads(capsys.readouterr().out)
    return found["samples"], found["accuracy"]


def wanted(value: Network, x: np.ndarray, y: np.ndarray) -> tuple[int, float]:
    return len(x), round(float((run(value, x).classes == y).mean()), 6)


@pytest.mark.parametrize("shape", [(64,), (1, 8, 8)])
def test_digits_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str], shape: tuple[int, ...]
) -> None:
    needs.package("sklearn")
    value = network(replace(DIGITS, shape=shape))
    save(value, Path("n"))
    digits = open_set("digits")
    parts = {"test": [digits.test], "train": [digits.train], "all": [digits.train, digits.test]}
    for part, both in parts.items():
        x = np.concatenate([p.inputs for p in both]).reshape(-1, *shape)
        y = np.concatenate([p.labels for p in both])
        assert accuracy(f"digits --part {part}", capsys) == wanted(value, x, y)


def test_a_latency_coded_network_reads_the_digits_as_it_was_trained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs.package("sklearn")
    value = network(Input((64,), bits=4, coding="latency", t_max=4), steps=5)
    save(value, Path("n"))
    part = open_set("digits", flat=True).test
    x = np.minimum(part.inputs, 15)
    assert accuracy("digits", capsys) == wanted(value, x, part.labels)


def test_events_by_name_take_their_timesteps_from_the_network(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = network(Input((2, 16, 16)), classes=8, steps=5)
    save(value, Path("n"))
    part = open_set("synthetic-events", timesteps=5, train=16, test=24).test
    line = "synthetic-events --set train=16 --set test=24"
    x = np.stack([part[k] for k in range(len(part))])
    assert accuracy(line, capsys) == wanted(value, x, part.labels)


def test_arrays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = np.load("x.npy"), np.load("y.npy")
    want = wanted(network(DIGITS), x, y)
    assert accuracy("x.npy --labels y.npy", capsys) == want
    np.save("maps.npy", x.reshape(30, 8, 8))
    assert accuracy("maps.npy --labels y.npy", capsys) == want
    for names in (("inputs", "labels"), ("x", "y"), ("x_test", "y_test")):
        np.savez("d.npz", **dict(zip(names, (x, y), strict=True)))
        assert accuracy("d.npz", capsys) == want
    np.savez("d.npz", x_train=x[:10], y_train=y[:10], x_test=x[10:], y_test=y[10:])
    assert accuracy("d.npz --part all", capsys) == want
    assert accuracy("d.npz --part train", capsys) == wanted(network(DIGITS), x[:10], y[:10])


def test_folders_of_pictures_of_any_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs.package("PIL")
    from PIL import Image

    rng = np.random.default_rng(1)
    for part, count in (("train", 3), ("test", 5)):
        for name in ("b", "a", "c"):
            (folder / "birds" / part / name).mkdir(parents=True)
            for k in range(count):
                pixels = rng.integers(0, 256, (6 + k, 9, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / "birds" / part / name / f"{k}.png")
    value = network(Input((3, 4, 5), bits=8, coding="direct", unit=1 / 255), classes=3)
    save(value, Path("n"))
    part = open_set("images", folder / "birds", rows=4, cols=5, colour=True).test
    x = np.stack([part[k] for k in range(len(part))])
    want = wanted(value, x, part.labels)
    assert want[0] == 15 and len(set(run(value, x).classes)) > 1
    assert accuracy("birds", capsys) == accuracy("images --data birds", capsys) == want
    flat = network(Input((20,), bits=8, coding="direct", unit=1 / 255), classes=3)
    save(flat, Path("n"))
    assert status("evaluate n birds".split()) == 2
    assert "give rows and cols, to which all are resized" in capsys.readouterr().err
    assert accuracy("birds --set rows=4 --set cols=5", capsys)[0] == 15


def test_a_folder_named_as_its_data_set_needs_no_option(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mnist").mkdir()
    assert status("evaluate n mnist".split()) == 2
    assert "mnist must hold train-images-idx3-ubyte" in capsys.readouterr().err


def test_another_unit_is_noted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs.package("sklearn")
    save(network(replace(DIGITS, unit=1.0)), Path("n"))
    assert status("evaluate n digits --json".split()) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert "note: the integer 1 is worth 0.0625 in digits, and 1 in what this network was" in err


X = np.zeros((4, 64), np.int64)
Y = np.zeros(4, np.int64)
MISFITS = [
    ({"x": X / 16, "y": Y}, "d.npz holds float64, and the network reads integers 0..31, of which"),
    ({"x": X + 32, "y": Y}, "d.npz holds values 32..32, and the network's input must lie within"),
    ({"x": X - 1, "y": Y}, "d.npz holds values -1..-1, and the network's input must lie within"),
    ({"x": X[:, :63], "y": Y}, "d.npz has shape (4, 63), and must have (samples, 64)"),
    ({"x": X[0], "y": Y}, "d.npz has shape (64,), and must have (samples, 64)"),
    ({"x": X[:0], "y": Y[:0]}, "d.npz has shape (0, 64), and must have (samples, 64)"),
    ({"x": X, "y": Y[:, None]}, "labels must be 4 integers, one per sample, not int64 of shape (4"),
    ({"x": X, "y": Y[:3]}, "labels must be 4 integers, one per sample, not int64 of shape (3,)"),
    ({"x": X, "y": Y + 10}, "the network's classes are 0..9, but a label is 10"),
    ({"x": X, "y": Y - 1}, "the network's classes are 0..9, but a label is -1"),
    ({"x": X, "z": Y}, "d.npz must hold inputs and labels (or x and y, or x_test and y_test); it"),
    ({"x": np.array([{}]), "y": Y}, "d.npz, array 'x', does not hold one array of plain numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("arrays", "sentence"), MISFITS)
def test_what_does_not_fit_says_what_it_is_and_what_it_must_be(
    folder: Path, capsys: pytest.CaptureFixture[str], arrays: dict, sentence: str
) -> None:
    np.savez("d.npz", **arrays)
    assert status("evaluate n d.npz".split()) == 2
    out, err = capsys.readouterr()
    assert sentence in err and err.count("\n") == 1 and out == "", err


LINES = [
    ("x.npy", "x.npy: give --labels beside a .npy, or an .npz that holds both"),
    ("x.npy --labels none.npy", "none.npy does not exist"),
    ("none.npz", "none.npz does not exist"),
    ("nothing", "nothing is no file or folder, and no data set: these are digits, mnist,"),
    ("mnist", "data set 'mnist' is read from files: name their folder (--data DIR)"),
    ("digits --data .", "data set 'digits' reads no files: leave the folder away"),
    ("x.npy --labels y.npy --data .", "--data belongs to a data set's name, not to x.npy"),
    ("x.npy --labels y.npy --set flat=true", "--set belongs to a data set's name or to pictures"),
    ("digits --labels y.npy", "--labels belongs to a .npy of inputs, not to digits"),
    ("digits --set shape=3", "data set 'digits' has no option 'shape'; it has flat"),
    ("digits --set flat", "a setting must be name=value, not 'flat'"),
    ("synthetic-events", "synthetic-events has 2 timesteps a sample, and the network reads ("),
    ("digits --part most", "part must be 'test', 'train', 'all', not 'most'"),
    (".", "must hold t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or a folder of pictures"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence"), LINES)
def test_bad_data_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    needs.package("sklearn")
    assert status(["evaluate", "n", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert sentence in err and err.count("\n") == 1 and out == "", err


@pytest.mark.parametrize(
    ("enter", "line", "sentence"),
    [
        (Input((65,), 5, "direct"), "digits", "have shape (64,), and the network reads (65,)"),
        (Input((8, 2, 4), 5, "direct"), "digits", "(1, 8, 8), and the network reads (8, 2, 4)"),
        (Input((64,), 4, "direct"), "digits", "have 5 bits, and the network's input must lie"),
        (Input((64,), 5), "digits", "digits has one tensor a sample, and the network reads"),
        (
            Input((2, 16, 16)),
            "synthetic-events --set timesteps=8 --set train=8 --set test=8",
            "has 8 timesteps a sample; the network runs 1 to 2: --set timesteps=2",
        ),
        (Input((64,), 5), "x.npy --labels y.npy", "must have (samples, T, 64)"),
    ],
)
def test_networks_that_read_something_else(
    folder: Path, capsys: pytest.CaptureFixture[str], enter: Input, line: str, sentence: str
) -> None:
    needs.package("sklearn")
    save(network(enter), Path("n"))
    assert status(["evaluate", "n", *line.split()]) == 2
    assert sentence in capsys.readouterr().err


def test_files_are_decoded_a_chunk_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.package("sklearn")
    value = network(DIGITS)
    found, classes = labelled(value, "digits", part="all")
    sizes = []

    class Watched:
        def __len__(self) -> int:
            return len(found)

        def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
            part = found[chosen]
            sizes.append(len(part))
            return part

    assert evaluate(value, Watched(), classes).samples == 1797
    assert max(sizes) == 256 and sum(sizes) < 1797 + 200


@pytest.mark.parametrize("kind", ["images", "arrays"])
def test_own_data_from_training_to_evaluate(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """The same part is held out by both commands, and the integers do as the trained network."""
    for package in ("torch", "PIL"):
        needs.package(package)
    from PIL import Image

    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = rng.integers(0, 90, (40, 6, 6)).astype(np.uint8) + (y * 150).astype(np.uint8)[:, None, None]
    if kind == "arrays":
        np.savez("own", x=x, y=y)
        data = "own.npz"
    else:
        data = "own"
        for k, pixels in enumerate(x):
            at = folder / "own" / str(y[k])
            at.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(at / f"{k:02}.png")
    train = f"train {kind} --data {data} --set epochs=8 --set hidden=16 --timesteps 2 -o t --json"
    assert status(train.split()) == 0, capsys.readouterr().err
    assert status("fold t -o n --json".split()) == 0
    capsys.readouterr()
    samples, found = accuracy(f"{kind} --data {data}", capsys)
    assert samples == 8 and found == 1.0
    assert accuracy(f"{kind} --data {data} --part all", capsys)[0] == 40


def test_silent_samples_are_counted_whatever_is_read_out(folder: Path) -> None:
    x, y = np.load("x.npy"), np.load("y.npy")
    value = network(DIGITS)
    (out,) = value.populations
    mute = replace(value, populations=(replace(out, neuron=replace(out.neuron, threshold=10**6)),))
    assert evaluate(mute, x, y).silent == len(x)
    assert evaluate(value, x, y).silent == int((~run(value, x).spikes["out"].any((1, 2))).sum())
    stream = replace(out, neuron=Neuron(1, 0))
    assert evaluate(replace(value, populations=(stream,)), x, y).silent is None


def test_what_a_sample_costs_is_counted_from_the_samples_checked(folder: Path, capsys) -> None:
    """Whoever runs the data set; of a network that no training here has made."""
    x, y = np.load("x.npy"), np.load("y.npy")
    value = network(DIGITS)
    chosen = x[np.unique(np.linspace(0, len(x) - 1, 30).astype(int))]
    for backend in ("fast", "reference"):
        assert evaluate(value, x, y, backend, 30).cost == cost(value, chosen, run(value, chosen))
    assert evaluate(value, x, y, checked=0).cost is None
    save(value, Path("n"))
    command = "evaluate n x.npy --labels y.npy --checked 30".split()
    assert status([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["cost"]
    assert found["samples"] == 30 and found["macs"] > 0 == found["sops"]  # pixels are values
    assert status(command) == 0
    said = capsys.readouterr().out
    assert f"MACs a sample: {found['macs']:,}" in said and "energy a sample, mJ" in said


def test_all_that_is_checked_is_checked_in_chunks(folder: Path, monkeypatch) -> None:
    import sim.backends.fast
    import sim.evaluate as module

    monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr("sim.evaluate_parts.CHUNK", 7)
    right = sim.backends.fast.run

    def wrong(network: Network, inputs: np.ndarray, *given: object, **options: object) -> object:
        assert len(inputs) <= 7
        trace = right(network, inputs, *given, **options)
        for k, one in enumerate(inputs):
            if (one == last).all() and "v" in (given[0] if given else options.get("record", ())):
                trace.v["out"][k] += 1
        return trace

    x, y = np.load("x.npy"), np.load("y.npy")
    last = x[20]
    value = network(DIGITS)
    monkeypatch.setattr(sim.backends.fast, "run", wrong)
    found = evaluate(value, x, y, checked=30)
    assert found.compared == 30 * 2 * 2 * 10 and found.mismatches == 20
    assert found.divergence.sample == 20


def test_inputs_without_timesteps_are_refused(folder: Path, capsys) -> None:
    save(network(Input((4,))), Path("n"))
    np.save("none.npy", np.zeros((5, 0, 4), np.uint8))
    assert status("evaluate n none.npy --labels y.npy".split()) == 2
    assert "none.npy has 0 timesteps a sample; the network runs 1 to 2" in capsys.readouterr().err
