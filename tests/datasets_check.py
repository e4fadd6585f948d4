"""What every data set promises, in one place for the tests of the readers."""

import pickle

import numpy as np
import pytest

from training.data import DataSet, batch


def check(value: DataSet, classes: int) -> None:
    """Check what every data set promises, parts pickled and back."""
    assert value.classes == classes
    for part in map(pickle.loads, map(pickle.dumps, (value.train, value.test))):
        inputs, labels = batch(part, range(len(part))[:3])
        assert labels.dtype == part.labels.dtype == np.int64
        assert 0 <= part.labels.min() and part.labels.max() < classes
        steps = () if value.timesteps is None else (value.timesteps,)
        assert inputs.shape[1:] == (*steps, *value.enter.shape)
        assert inputs.dtype.kind == "u" and inputs.max() <= value.enter.top
        assert (value.enter.coding == "steps") == bool(steps)
        assert (part[0] == inputs[0]).all()
        with pytest.raises(IndexError):
            part[len(part)]
