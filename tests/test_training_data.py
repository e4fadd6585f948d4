"""Data sets by name: parts, images in IDX and CIFAR files, and what is refused."""

import gzip
import subprocess
import sys
from pathlib import Path

import needs
import numpy as np
import pytest
from datasets_check import check

from mapping.extras import install
from training.data import Arrays, Subset, batch, cifar, gathered, hold_back, open_set

ROOT = Path(__file__).resolve().parent.parent


def write_idx(path: Path, values: np.ndarray, zipped: bool = False) -> None:
    shape = np.array(values.shape, ">u4").tobytes()
    data = bytes([0, 0, 8, values.ndim]) + shape + values.astype(np.uint8).tobytes()
    if zipped:
        path = path.with_name(path.name + ".gz")
    path.write_bytes(gzip.compress(data) if zipped else data)


def write_mnist(folder: Path, rng, shape=(28, 28), classes: int = 10) -> dict[str, np.ndarray]:
    made = {}
    for i, (part, n) in enumerate((("train", 30), ("t10k", 20))):
        made[part] = rng.integers(0, 256, (n, *shape))
        made[f"{part} labels"] = np.arange(n) % classes
        images = f"{part}-images-idx3-ubyte"
        write_idx(folder / images, made[part], zipped=i == 0)
        write_idx(folder / images.replace("images-idx3", "labels-idx1"), made[f"{part} labels"])
    return made


def test_digits_are_the_demos() -> None:
    needs.package("sklearn")
    from training.data import digits

    split, flat = digits.read(), open_set("digits", flat=True)
    assert (len(split.train), len(split.held_out)) == (1437, 360)
    assert (flat.train.inputs == split.train).all() and (flat.test.inputs == split.held_out).all()
    assert (flat.enter.shape, flat.enter.bits, flat.enter.unit) == ((64,), 5, 1 / 16)
    maps = open_set("digits")
    assert (maps.test.inputs.reshape(-1, 64) == split.held_out).all() and maps.augment == ()
    check(maps, 10)
    check(flat, 10)


def test_idx_sets(tmp_path: Path, rng: np.random.Generator) -> None:
    made = write_mnist(tmp_path, rng)
    for name in ("mnist", "fashion-mnist", "idx"):
        value = open_set(name, tmp_path)
        check(value, 10)
        assert value.enter.shape == (1, 28, 28) and value.enter.unit == 1 / 255
        assert (value.train.inputs[:, 0] == made["train"]).all()
        assert (value.test.labels == made["t10k labels"]).all()
        assert open_set(name, str(tmp_path), flat=True).test.inputs.shape == (20, 784)
    assert [bool(open_set(n, tmp_path).augment) for n in ("mnist", "fashion-mnist")] == [0, 1]


def test_own_idx_folder(tmp_path: Path, rng: np.random.Generator) -> None:
    write_mnist(tmp_path, rng, (3, 4, 5), 7)
    value = open_set("idx", tmp_path)
    check(value, 7)
    assert value.enter.shape == (3, 4, 5)
    with pytest.raises(ValueError, match=r"images of shape \(3, 4, 5\) in 7 classes, not mnist"):
        open_set("mnist", tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.full(20, 9))
    with pytest.raises(ValueError, match="tests on the label 9, which is never learnt"):
        open_set("idx", tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", np.zeros((20, 4, 5)))
    with pytest.raises(ValueError, match=r"trains on \(3, 4, 5\) and tests on \(4, 5\)"):
        open_set("idx", tmp_path)
    write_mnist(tmp_path, rng)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.where(np.arange(30) % 2, 5, 0))
    with pytest.raises(ValueError, match="holds labels up to 5, but none is 1"):
        open_set("idx", tmp_path)


def write_cifar(path: Path, images: int, labels: int, rng: np.random.Generator) -> np.ndarray:
    """Write ten real records and otherwise zeros; the file is sparse."""
    records = rng.integers(0, 256, (10, labels + 3072)).astype(np.uint8)
    records[:, 0] = np.arange(10)
    if labels == 2:
        records[:, 1] = np.arange(90, 100)
    with path.open("wb") as file:
        file.write(records.tobytes())
        file.truncate(images * (labels + 3072))
    return records


def test_cifar10(tmp_path: Path, rng: np.random.Generator) -> None:
    inside = tmp_path / "cifar-10-batches-bin"
    inside.mkdir()
    made = [write_cifar(inside / f"data_batch_{i}.bin", 10_000, 1, rng) for i in range(1, 6)]
    with pytest.raises(ValueError, match=r"must hold test_batch.bin: put the binary version of"):
        open_set("cifar10", tmp_path)
    held = write_cifar(inside / "test_batch.bin", 10_000, 1, rng)
    value = open_set("cifar10", tmp_path)
    check(value, 10)
    assert (value.enter.shape, len(value.train), len(value.test)) == ((3, 32, 32), 50_000, 10_000)
    assert (value.train[20_003] == made[2][3, 1:].reshape(3, 32, 32)).all()
    assert (value.test[7].ravel() == held[7, 1:]).all() and value.test.labels[7] == 7
    assert [type(step).__name__ for step in value.augment] == ["Crop", "Flip", "Cutout"]
    flat = open_set("cifar10", inside, flat=True)
    assert flat.enter.shape == (3072,) and flat.augment == ()
    with (inside / "data_batch_4.bin").open("r+b") as file:
        file.seek(8 * 3073)
        file.write(b"\x0a")
    with pytest.raises(ValueError, match=r"data_batch_4.bin holds the label 10 at image 8; lab"):
        open_set("cifar10", tmp_path)
    with (inside / "data_batch_1.bin").open("r+b") as file:
        file.truncate(9_999 * 3073)
    with pytest.raises(ValueError, match="has 30726927 bytes, not the 30730000 of 10000 images"):
        open_set("cifar10", tmp_path)


def test_cifar100_takes_the_fine_label(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar, "TRAIN", 20)  # the true one makes a file of 154 MB
    made = write_cifar(tmp_path / "train.bin", 20, 2, rng)
    write_cifar(tmp_path / "test.bin", 10_000, 2, rng)
    value = open_set("cifar100", tmp_path)
    check(value, 100)
    assert value.train.labels[:10].tolist() == list(range(90, 100))
    assert (value.train[4].ravel() == made[4, 2:]).all()
    with (tmp_path / "train.bin").open("r+b") as file:
        file.write(b"\x14\x00")
    with pytest.raises(ValueError, match=r"the label 20 at image 0; labels are 0..19"):
        open_set("cifar100", tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        (
            "mnits",
            {},
            "data set must be one of digits, mnist, fashion-mnist, idx, images, ",
        ),
        ("digits", {"timesteps": 4}, "'digits' has no option 'timesteps'; it has flat"),
        ("digits", {"folder": "x"}, "'digits' reads no files: leave the folder away"),
        ("mnist", {}, "'mnist' is read from files: name their folder (--data DIR)"),
        ("mnist", {"folder": "x"}, "x must hold train-images-idx3-ubyte or"),
        ("cifar10", {"folder": "x"}, "x must hold data_batch_1.bin, data_batch_2.bin, "),
        ("cifar100", {"folder": "x"}, "x must hold train.bin, test.bin: put the binary version"),
        ("imagenet", {"folder": "x"}, "x must hold train, val: put ImageNet, a folder per"),
        (
            "dvs-gesture",
            {"folder": "x"},
            "x must hold trials_to_train.txt, trials_to_test.txt: put DVS128",
        ),
        ("dvs-cifar10", {"folder": "x"}, "x must hold airplane, automobile, "),
        ("shd", {"folder": "x"}, "x must hold shd_train.h5, shd_test.h5: put Spiking Heidelberg"),
        ("shd", {"folder": "x", "timesteps": 0}, "timesteps must lie within 1..4096, not 0"),
        ("shd", {"folder": "x", "seconds": 0}, "seconds must lie within 0..3600, not 0"),
        ("synthetic-events", {"classes": 5}, "classes must be 4 or 8, not 5"),
        ("synthetic-events", {"test": 3}, "each part must have a sample of each of 8 classes"),
    ],
)
def test_refusals_are_one_sentence(name: str, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        open_set(name, **options)
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"flat": 1}, "option 'flat' of 'shd' must be true or false, not 1"),
        ({"timesteps": True}, "option 'timesteps' of 'shd' must be an integer, not True"),
        ({"seconds": "1"}, "option 'seconds' of 'shd' must be a number, not '1'"),
    ],
)
def test_options_of_a_wrong_type(options: dict, sentence: str) -> None:
    name = "digits" if "flat" in options else "shd"
    with pytest.raises(TypeError, match=sentence.replace("shd", name)):
        open_set(name, None if name == "digits" else "x", **options)


def test_parts(rng: np.random.Generator) -> None:
    part = Arrays(rng.integers(0, 9, (50, 3)).astype(np.uint8), np.arange(50) % 5)
    learn, held = hold_back(part, 0.2, seed=3)
    assert np.bincount(held.labels).tolist() == [2] * 5 and len(learn) == 40
    assert sorted([*learn.indices, *held.indices]) == list(range(50))
    assert (hold_back(part, 0.2, seed=3)[1].indices == held.indices).all()
    inputs, labels = batch(held, [4, 0, 4])
    assert (inputs == part.inputs[held.indices[[4, 0, 4]]]).all()
    assert (labels == held.labels[[4, 0, 4]]).all()
    assert (gathered(held).inputs == part.inputs[held.indices]).all()
    assert len(list(iter(Subset(part, np.array([1]))))) == 1
    for wrong in (-1, 50):
        with pytest.raises(IndexError, match="of 50"):
            batch(part, [0, wrong])
        with pytest.raises(IndexError, match=f"sample {wrong} of 50"):
            part[wrong]
    with pytest.raises(ValueError, match="a batch must hold at least one sample"):
        batch(part, [])
    with pytest.raises(ValueError, match="the share held back must lie between 0 and 1, not 1"):
        hold_back(part, 1)
    with pytest.raises(TypeError, match="samples must be unsigned integers, not int64"):
        Arrays(np.zeros((2, 2), np.int64), np.zeros(2))
    with pytest.raises(ValueError, match=r"2 samples have labels of shape \(3,\)"):
        Arrays(np.zeros((2, 2), np.uint8), np.zeros(3))


def test_numpy_is_enough_to_import() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'h5py', 'PIL', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        "from training.data import open_set\n"
        "print(open_set('synthetic-events', train=8, test=8).train.inputs.shape)\n"
        "import training.data.images, training.data.shd\n"
        "from pathlib import Path\n"
        "for call in (lambda: training.data.images.decode(Path('x'), None),\n"
        "             lambda: training.data.shd._spoken(Path('x'), 1, 1, 1.0)):\n"
        "    try: call()\n"
        "    except ValueError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        "(8, 8, 2, 16, 16)",
        f"pictures are read with Pillow: {install('data')}",
        f"SHD files are read with h5py: {install('data')}",
    ], run.stderr
