"""Folders of pictures: Caltech101, ImageNet, and files that are none."""

from pathlib import Path

import needs
import numpy as np
import pytest
from datasets_check import check

from training.data import open_set, pictures


def picture(path: Path, pixels: np.ndarray, **options) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def test_caltech(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.package("PIL")
    monkeypatch.setattr(pictures, "LEARNT", 4)
    for name, count in (("Faces", 6), ("Motorbikes", 9)):
        for i in range(count):
            pixels = rng.integers(0, 256, (20, 30 + i, 3)).astype(np.uint8)
            picture(tmp_path / f"101_ObjectCategories/{name}/image_{i:04}.jpg", pixels)
    (tmp_path / "101_ObjectCategories/Faces/notes.txt").write_text("passed over")
    value = open_set("caltech-face-motorcycle", tmp_path, rows=16, cols=25)
    check(value, 2)
    assert value.enter.shape == (1, 16, 25) and (len(value.train), len(value.test)) == (8, 7)
    assert np.bincount(value.train.labels).tolist() == [4, 4]
    assert not set(value.train.names) & set(value.test.names)
    assert open_set("caltech-face-motorcycle", tmp_path).train.names == value.train.names
    check(open_set("caltech-face-motorcycle", tmp_path, flat=True), 2)
    with pytest.raises(ValueError, match="must hold Faces_easy: put Caltech101, unpacked, there"):
        open_set("caltech-face-motorcycle", tmp_path, faces="Faces_easy")
    with pytest.raises(ValueError, match="faces must be 'Faces' or 'Faces_easy', not 'Cars'"):
        open_set("caltech-face-motorcycle", tmp_path, faces="Cars")
    monkeypatch.setattr(pictures, "LEARNT", 6)
    with pytest.raises(ValueError, match="Faces holds 6 pictures; 6 are learnt from, and some"):
        open_set("caltech-face-motorcycle", tmp_path)


def test_imagenet_is_resized_then_cut(tmp_path: Path, rng: np.random.Generator) -> None:
    needs.package("PIL")
    from PIL import Image

    for part in ("train", "val"):
        for wnid in ("n02", "n01"):
            pixels = rng.integers(0, 256, (90, 133, 3)).astype(np.uint8)
            picture(tmp_path / part / wnid / "a.JPEG", pixels, format="PNG")
    picture(tmp_path / "val/n02/a.JPEG", rng.integers(0, 256, (70, 50)).astype(np.uint8))
    value = open_set("imagenet", tmp_path, size=56)
    check(value, 2)
    assert value.train.names == ("train/n01/a.JPEG", "train/n02/a.JPEG")
    with Image.open(tmp_path / "train/n01/a.JPEG") as file:
        whole = file.resize((94, 64), Image.Resampling.BILINEAR)  # 64 = 56 * 256 / 224
        want = np.asarray(whole.crop((19, 4, 75, 60))).transpose(2, 0, 1)
    apart = np.abs(value.train[0].astype(int) - want)  # cut before it is resized: rounding only
    assert apart.max() <= 1 and (apart != 0).mean() < 0.001
    assert (value.test[1][0] == value.test[1][2]).all(), "grey became colour"
    (tmp_path / "val/n03").mkdir()
    with pytest.raises(ValueError, match="has the class n03 in one of train and val only"):
        open_set("imagenet", tmp_path)
    (tmp_path / "train/n03").mkdir()
    with pytest.raises(ValueError, match="train/n03 holds no picture"):
        open_set("imagenet", tmp_path)


def test_bad_pictures_get_one_sentence(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.package("PIL")
    from PIL import Image

    from training.data.images import Centre, Whole, decode

    path = tmp_path / "a.png"
    picture(path, rng.integers(0, 256, (40, 40)).astype(np.uint8))
    good = path.read_bytes()
    for data in (b"", b"no picture", good[: len(good) // 2], good[:40] + b"\0" * 20 + good[60:]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a.png is no picture that can be read: \S"):
            decode(path, Whole(8, 8))
    picture(tmp_path / "a.gif", rng.integers(0, 256, (40, 40)).astype(np.uint8))
    path.write_bytes((tmp_path / "a.gif").read_bytes())
    with pytest.raises(ValueError, match="a.png is no picture"):
        decode(path, Whole(8, 8))
    path.write_bytes(good)
    for limit in (1000, 100):  # Pillow warns of the first, and refuses the second by itself
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(ValueError, match="read: Image size .1600 pixels. exceeds limit of"):
            decode(path, Whole(8, 8))
    monkeypatch.undo()
    picture(path, np.zeros((1, 30_000), np.uint8))
    assert decode(path, Centre(56, 56, 64)).shape == (3, 56, 56), "and not 64 x 1,920,000"
    with pytest.raises(ValueError, match=r"none.png does not exist, or is no file"):
        decode(tmp_path / "none.png", Whole(8, 8))
