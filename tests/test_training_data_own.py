"""Pictures of one's own: folders of classes, sizes, parts, and what is refused."""

from __future__ import annotations

from pathlib import Path

import needs
import numpy as np
import pytest
from datasets_check import check

from training.data import open_set


@pytest.fixture(autouse=True)
def pillow() -> None:
    """Skip, or fail where the set-up promises it."""
    needs.package("PIL")


def picture(path: Path, pixels: np.ndarray, **options: str) -> None:
    """Write one picture."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def filled(folder: Path, rng: np.random.Generator, names: str, count: int = 10) -> None:
    """Write ``count`` pictures of 5 x 7 for each name, ``class`` or ``part/class``."""
    for name in names.split():
        for k in range(count):
            picture(folder / name / f"{k:02}.png", rng.integers(0, 256, (5, 7, 3)).astype(np.uint8))


def test_a_share_of_every_class_is_held_out(tmp_path: Path, rng: np.random.Generator) -> None:
    filled(tmp_path, rng, "wren robin owl")
    filled(tmp_path, rng, ".hidden", 1)
    (tmp_path / "owl" / "notes.txt").write_text("passed over")
    value = open_set("images", tmp_path)
    check(value, 3)
    assert value.enter.shape == (1, 5, 7) and value.enter.unit == 1 / 255
    assert np.bincount(value.train.labels).tolist() == [8, 8, 8]
    assert np.bincount(value.test.labels).tolist() == [2, 2, 2]
    assert value.train.names[0].startswith("owl/") and value.train.labels[0] == 0  # sorted names
    assert not set(value.train.names) & set(value.test.names)
    assert open_set("images", tmp_path).train.names == value.train.names  # always the same
    other = open_set("images", tmp_path, split_seed=1, held_out=0.5)
    assert len(other.test) == 15 and set(other.test.names) != set(value.test.names)


@pytest.mark.parametrize("test", ["test", "val"])
def test_parts_of_their_own(tmp_path: Path, rng: np.random.Generator, test: str) -> None:
    filled(tmp_path, rng, "train/a train/b", 4)
    filled(tmp_path, rng, f"{test}/a {test}/b", 2)
    value = open_set("images", tmp_path, colour=True)
    check(value, 2)
    assert (len(value.train), len(value.test)) == (8, 4) and value.enter.shape == (3, 5, 7)
    assert value.test.names[0] == f"{test}/a/00.png"


def test_pixels_are_those_of_the_file(tmp_path: Path, rng: np.random.Generator) -> None:
    filled(tmp_path, rng, "train/a train/b test/a test/b", 1)
    from PIL import Image

    with Image.open(tmp_path / "test/b/00.png") as file:
        want, grey = np.asarray(file).transpose(2, 0, 1), np.asarray(file.convert("L"))
    assert (open_set("images", tmp_path, colour=True).test[1] == want).all()
    assert (open_set("images", tmp_path).test[1] == grey[None]).all()
    assert (open_set("images", tmp_path, flat=True).test[1] == grey.ravel()).all()
    small = open_set("images", tmp_path, rows=3, cols=4)
    assert small.enter.shape == small.test[1].shape == (1, 3, 4)


def test_any_size_is_resized_or_the_sizes_are_named(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    filled(tmp_path, rng, "a b", 5)
    picture(tmp_path / "a" / "large.jpg", rng.integers(0, 256, (9, 8)).astype(np.uint8))
    with pytest.raises(ValueError) as error:
        open_set("images", tmp_path)
    assert "have several sizes (5 x 7 is " in str(error.value)
    assert "9 x 8 is a/large.jpg): give rows and cols" in str(error.value)
    check(open_set("images", tmp_path, rows=6, cols=6), 2)


REFUSED = [
    ("", "must hold a folder of pictures for every class, or the folders train and"),
    ("a", "holds only the class 'a'"),
    ("train/a train/b", "must hold a folder of pictures for every class, or the folders train and"),
    ("train/a train/b test/a", "has the class 'b' in one of train and test only"),
    ("train/a test/a", "train holds only the class 'a'"),
]


@pytest.mark.parametrize(("names", "sentence"), REFUSED)
def test_other_folders_are_refused(
    tmp_path: Path, rng: np.random.Generator, names: str, sentence: str
) -> None:
    filled(tmp_path, rng, names, 3)
    (tmp_path / "x").write_text("")
    with pytest.raises(ValueError) as error:
        open_set("images", tmp_path)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rows": 5}, "rows and cols must both be given, not 5 and 0"),
        ({"held_out": 1.0}, "held_out must lie between 0 and 1, not 1.0"),
        ({"held_out": 0.9}, "holds 3 pictures: too few to hold out 0.9"),
    ],
)
def test_options_out_of_range(
    tmp_path: Path, rng: np.random.Generator, options: dict, sentence: str
) -> None:
    filled(tmp_path, rng, "a b", 3)
    with pytest.raises(ValueError, match=sentence):
        open_set("images", tmp_path, **options)


def test_a_class_without_pictures_and_sixteen_bits_are_refused(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    filled(tmp_path, rng, "a b", 3)
    picture(tmp_path / "a" / "00.png", rng.integers(0, 65536, (5, 7)).astype(np.uint16))
    value = open_set("images", tmp_path)
    at = (*value.train.names, *value.test.names).index("a/00.png")
    part, at = (value.train, at) if at < len(value.train) else (value.test, at - len(value.train))
    with pytest.raises(ValueError, match="00.png is no picture that can be read: it holds more"):
        part[at]
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match="c holds no picture"):
        open_set("images", tmp_path)


def test_large_pictures_are_not_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        picture(tmp_path / name, np.zeros((1025, 1024), np.uint8))
    with pytest.raises(ValueError, match="have 1025 x 1024 pixels: give rows and cols"):
        open_set("images", tmp_path)
    assert open_set("images", tmp_path, rows=4, cols=4).train[0].shape == (1, 4, 4)
