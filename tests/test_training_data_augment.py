"""Augmentation keeps what it must: dtype, shape, range, and channels together."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.augment import Crop, Cutout, Flip, Roll, augmented


@pytest.mark.parametrize("step", [Crop(4), Flip(), Cutout(6), Roll(5)], ids=repr)
@given(st.integers(0, 1 << 30), st.sampled_from([(3, 12, 9), (4, 2, 8, 8)]))
def test_augmentation_keeps_form_and_range(step, seed: int, shape: tuple) -> None:
    dtype = np.uint16 if seed % 2 else np.uint8
    sample = np.random.default_rng(seed).integers(1, 200, shape).astype(dtype)
    before = sample.copy()
    out = step(sample, np.random.default_rng(seed))
    assert (out.shape, out.dtype) == (shape, dtype) and not np.shares_memory(out, sample)
    assert (sample == before).all(), "it is pure"
    assert (out == pickle.loads(pickle.dumps(step))(sample, np.random.default_rng(seed))).all()
    assert set(np.unique(out)) <= {0, *np.unique(sample)}
    assert (augmented(sample, [step], np.random.default_rng(seed)) == out).all()
    if isinstance(step, (Flip, Roll)):
        assert (np.sort(out, axis=None) == np.sort(sample, axis=None)).all()
    lost = (out == 0).reshape(-1, *shape[-2:])
    assert (lost == lost[0]).all(), "the same for every channel and timestep"


def test_augmentation_wants_rows_and_columns() -> None:
    for step in (Crop(), Flip(), Cutout(), Roll()):
        with pytest.raises(ValueError, match=r"of shape \(64,\) has no rows and columns to augm"):
            step(np.zeros(64, np.uint8), np.random.default_rng(0))


def test_every_draw_happens() -> None:
    rng, sample = np.random.default_rng(0), np.arange(1, 26, dtype=np.uint8).reshape(1, 5, 5)
    for step, most in ((Crop(1), 9), (Flip(), 2), (Cutout(1), 25), (Roll(1), 9)):
        assert len({step(sample, rng).tobytes() for _ in range(400)}) == most
