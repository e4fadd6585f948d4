"""Settings by name: each belongs to one thing, and says so when it is wrong."""

import itertools

import needs
import pytest

needs.package("torch")
from training.choices import fields_of, sort, value  # noqa: E402
from training.data import SETS  # noqa: E402
from training.names import METHODS  # noqa: E402
from training.networks import NETWORKS  # noqa: E402

pytestmark = pytest.mark.torch


def test_no_name_belongs_to_two_things() -> None:
    for dataset, method, net in itertools.product(SETS, METHODS, NETWORKS):
        names = [name for kind in fields_of(dataset, method, net).values() for name in kind]
        assert len(names) == len(set(names)), (dataset, method, net, sorted(names))


def test_settings_find_their_place() -> None:
    settings = ["epochs=3", "rate=0.5", "leak=1", "gate_axes=map", "skips=stream", "width=8"]
    found = sort("digits", "agmm", "resnet19", settings)
    assert (found.recipe.epochs, found.recipe.rate) == (3, 0.5)
    assert found.style["gate_axes"] == "map" and found.style["dynamics"].leak == 1
    assert found.style["dynamics"].surrogate_width == 1.0
    assert found.options == {"skips": "stream", "width": 8} and not found.data


def test_values_are_read_as_what_they_look_like() -> None:
    assert [value(x) for x in ("3", "0.5", "true", "map", "64,32")] == [
        3, 0.5, True, "map", (64, 32),
    ]  # fmt: skip
