"""Spiking Heidelberg Digits: spikes of 700 channels, and HDF5 files that are refused."""

from pathlib import Path

import needs
import numpy as np
import pytest
from datasets_check import check

from training.data import open_set


def write_shd(path: Path, times: list, units: list, labels: list, **odd) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, rows, base in (("times", times, np.float16), ("units", units, np.uint16)):
            base = odd.get(name, base)
            made = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(base))
            for i, row in enumerate(rows):
                made[i] = np.array(row, base)
        file["labels"] = np.array(labels, odd.get("labels", np.uint16))


def test_shd(tmp_path: Path) -> None:
    needs.package("h5py")
    times = [[0.0, 0.25, 0.25, 0.5, 1.0], [], [1.5]]
    units = [[3, 699, 699, 0, 5], [], [7]]
    write_shd(tmp_path / "shd_train.h5", times, units, [19, 0, 4])
    write_shd(tmp_path / "shd_test.h5", times[:1], units[:1], [2])
    value = open_set("shd", tmp_path, timesteps=4, seconds=1.0, bits=2)
    check(value, 20)
    assert value.enter.shape == (700,) and value.train.labels.tolist() == [19, 0, 4]
    found = {tuple(at): int(value.train[0][tuple(at)]) for at in np.argwhere(value.train[0])}
    assert found == {(0, 3): 1, (1, 699): 2, (2, 0): 1}, "a second and later is left out"
    assert not value.train[1].any() and not value.train[2].any()
    check(open_set("shd", tmp_path), 20)
    assert open_set("shd", tmp_path).train[0].sum() == 4
    (tmp_path / "shd_test.h5").write_bytes((tmp_path / "shd_test.h5").read_bytes()[:700])
    with pytest.raises(ValueError, match="shd_test.h5 cannot be parsed: .*truncated file"):
        open_set("shd", tmp_path)


def test_bad_shd_gets_one_sentence(tmp_path: Path) -> None:
    needs.package("h5py")
    import h5py

    path = tmp_path / "shd_train.h5"
    good = {"times": [[0.5, 1.0]], "units": [[3, 4]], "labels": [1]}
    write_shd(tmp_path / "shd_test.h5", **good)

    def refused(sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            _ = open_set("shd", tmp_path).train[0]

    for name, value, sentence in [
        ("labels", [20], r"holds the label 20; labels are 0..19"),
        ("labels", [1, 1], "holds labels and spikes of shapes"),
        ("units", [[3, 700]], r"has a unit beyond 0..699 at sample 0"),
        ("units", [[3]], "has 2 times and 1 units at 0"),
        ("times", [[0.5, -1.0]], "has a time that is none at sample 0"),
        ("times", [[0.5, np.nan]], "has a time that is none at sample 0"),
    ]:
        write_shd(path, **(good | {name: value}))
        refused(sentence)

    def plain(file: h5py.File) -> None:
        del file["spikes/times"]
        file["spikes/times"] = np.zeros(1)

    def elsewhere(file: h5py.File) -> None:
        del file["labels"]
        file.create_dataset("labels", (1,), "u2", external=[("labels.raw", 0, 2)])

    def linked(file: h5py.File) -> None:
        del file["labels"]
        file["labels"] = h5py.ExternalLink("shd_test.h5", "/labels")

    def soft(file: h5py.File) -> None:
        file["units"] = file["spikes/units"]
        del file["spikes/units"]
        file["spikes/units"] = h5py.SoftLink("/units")

    def huge(file: h5py.File) -> None:
        for name in ("spikes/times", "spikes/units", "labels"):
            kind = file[name].dtype
            del file[name]
            file.create_dataset(name, (1 << 40,), kind, chunks=(1024,))

    def words(file: h5py.File) -> None:
        del file["labels"]
        file["labels"] = [b"one"]

    def group(file: h5py.File) -> None:
        del file["labels"]
        file.create_group("labels")

    for change, sentence in [
        (lambda file: file.__delitem__("spikes"), "holds no 'spikes/times': it is not of SHD"),
        (plain, "holds '/spikes/times' of type float64"),
        (elsewhere, "stores '/labels' in another file"),
        (linked, "links '/labels' to another place"),
        (soft, "links '/spikes/units' to another place"),
        (huge, "holds labels and spikes of shapes"),
        (words, "holds labels of type"),
        (group, "holds no 'labels': it is not of SHD"),
    ]:
        write_shd(path, **good)
        with h5py.File(path, "r+") as file:
            change(file)
        refused(sentence)
