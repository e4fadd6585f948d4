"""Arrays of one's own: .npz files for training, what they become, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets_check import check

from training.data import open_set

Y = np.arange(40) % 4


def test_inputs_and_labels_are_split(tmp_path: Path, rng: np.random.Generator) -> None:
    x = rng.integers(0, 17, (40, 8, 8))
    x[0, 0, 0] = 16
    np.savez(tmp_path / "d.npz", inputs=x, labels=Y)
    value = open_set("arrays", tmp_path / "d.npz")
    check(value, 4)
    assert value.enter.shape == (1, 8, 8) and value.enter.bits == 5 and value.enter.unit == 1 / 16
    assert value.enter.coding == "direct" and value.timesteps is None
    assert np.bincount(value.test.labels).tolist() == [2, 2, 2, 2] and len(value.train) == 32
    again = open_set("arrays", tmp_path / "d.npz", flat=True, bits=8, unit=1 / 255)
    check(again, 4)
    assert again.enter.shape == (64,) and again.enter.bits == 8 and again.enter.unit == 1 / 255
    assert (again.test.inputs.reshape(8, 1, 8, 8) == value.test.inputs).all()
    both = np.concatenate([value.train.inputs, value.test.inputs])
    assert sorted(map(bytes, both)) == sorted(map(bytes, x.astype(np.uint8)))


def test_parts_of_their_own_and_timesteps(tmp_path: Path, rng: np.random.Generator) -> None:
    x = rng.integers(0, 2, (40, 5, 2, 3, 3)).astype(bool)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=Y, x_test=x[:8], y_test=Y[:8])
    value = open_set("arrays", tmp_path / "d.npz", by_step=True)
    check(value, 4)
    assert value.enter.shape == (2, 3, 3) and value.timesteps == 5 and value.enter.bits == 1
    assert (value.test.inputs == x[:8]).all() and (len(value.train), len(value.test)) == (40, 8)


X = np.zeros((40, 3), np.int64)
BAD = [
    ({"x": X / 2, "y": Y}, {}, "must be integers of at least 0, not float64: scale and round"),
    ({"x": X - 1, "y": Y}, {}, "must be integers of at least 0, not int64"),
    ({"x": X + 65536, "y": Y}, {}, "must be samples of values of 16 bits at most"),
    ({"x": X + 9, "y": Y}, {"bits": 3}, "holds values up to 9, which 3 bits do not hold"),
    ({"x": X, "y": Y[:3]}, {}, "must be 40 integers of at least 0, not int64 of shape (3,)"),
    ({"x": X, "y": Y - 1}, {}, "must be 40 integers of at least 0"),
    ({"x": X, "y": Y * 2}, {}, "holds labels up to 6, but none is 1"),
    ({"x": X[:, 0], "y": Y}, {}, "have shape (40,), and must be (n, ..) with"),
    ({"x": X, "z": Y}, {}, "must hold inputs and labels (or x and y, or x_test and y_test); it"),
    ({"x": X, "y": Y}, {"held_out": 0.01}, "has too few samples of a class to hold out 0.01"),
    ({"x": X, "y": Y}, {"held_out": 2.0}, "the share held back must lie between 0 and 1"),
    (
        {"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y},
        {},
        "trains on samples of (3,) and tests on (2,)",
    ),
    (
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1},
        {},
        "tests on the label 4, which is never learnt",
    ),
]


@pytest.mark.parametrize(("arrays", "options", "sentence"), BAD)
def test_other_arrays_are_refused(
    tmp_path: Path, arrays: dict, options: dict, sentence: str
) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(ValueError) as error:
        open_set("arrays", tmp_path / "d.npz", **options)
    assert sentence in str(error.value) and "\n" not in str(error.value), error.value


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        open_set("arrays", tmp_path / "d.npz")
    (tmp_path / "d.npz").write_text("text")
    with pytest.raises(ValueError, match=r"is damaged, or no \.npz of plain arrays"):
        open_set("arrays", tmp_path / "d.npz")
