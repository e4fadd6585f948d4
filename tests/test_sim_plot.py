"""Rasters and membranes: what is drawn is what the trace holds."""

from __future__ import annotations

from collections.abc import Iterator

import needs
import numpy as np
import pytest

from sim import MissingTool, Trace, plot_membrane, plot_raster, run, tools
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.stimuli import random_inputs


@pytest.fixture
def axes() -> Iterator[object]:
    """Return axes that no window shows."""
    needs.package("matplotlib")
    from matplotlib.figure import Figure

    yield Figure().add_subplot()


def small() -> Trace:
    rng = np.random.default_rng(0)
    v = {"a": rng.integers(-9, 9, (2, 5, 4)), "b": rng.integers(-9, 9, (2, 5, 2, 3, 3))}
    thresholds = {"a": np.arange(4), "b": np.array([3, 4]), "c": None, "d": np.arange(2)}
    spikes = {"a": v["a"] >= thresholds["a"], "b": v["b"] >= thresholds["b"][:, None, None]}
    return Trace("fast", spikes, v, thresholds, None)


def drawn(axes: object, k: int) -> list[tuple[float, float]]:
    """Return the points of a line."""
    line = axes.get_lines()[k]
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_a_raster_marks_every_spike(axes: object) -> None:
    trace = small()
    assert plot_raster(trace, "a", sample=1, ax=axes) is axes
    want = [tuple(map(float, place)) for place in np.argwhere(trace.spikes["a"][1])]
    assert drawn(axes, 0) == want and len(want) > 2
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert axes.get_ylabel() == "neuron of 'a'" and axes.get_ylim() == (-0.5, 3.5)


def test_a_raster_of_all_stands_above_each_other(axes: object) -> None:
    trace = small()
    plot_raster(trace, ax=axes)
    marks = [line for line in axes.get_lines() if line.get_marker() == "|"]
    flat = trace.spikes["b"][0].reshape(5, -1)
    assert len(marks[1].get_xdata()) == flat.sum()
    assert set(marks[1].get_ydata() - 4) == set(np.argwhere(flat)[:, 1])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize("neuron", [13, (1, 1, 1)])
def test_a_membrane_with_its_threshold_and_spikes(axes: object, neuron: object) -> None:
    trace = small()
    assert plot_membrane(trace, "b", neuron, sample=1, ax=axes) is axes
    v, fired = trace.v["b"][1, :, 1, 1, 1], trace.spikes["b"][1, :, 1, 1, 1]
    assert drawn(axes, 0) == [(float(t), float(x)) for t, x in enumerate(v)]
    assert {y for _, y in drawn(axes, 1)} == {4.0}  # the second channel's threshold
    assert drawn(axes, 2) == [(float(t), float(v[t])) for t in np.flatnonzero(fired)]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "threshold 4" in texts


def test_new_axes_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    needs.package("matplotlib")
    import matplotlib

    monkeypatch.setenv("MPLBACKEND", "agg")
    matplotlib.use("agg")
    from matplotlib import pyplot

    network = draw_whole(4)
    trace = run(network, random_inputs(network, 2, 0))
    try:
        assert plot_membrane(trace).figure is not plot_membrane(trace).figure
    finally:
        pyplot.close("all")


@pytest.mark.parametrize(
    ("draw", "options", "sentence"),
    [
        (plot_raster, {"population": "x"}, "population must be one of 'a', 'b', 'c', 'd', not 'x'"),
        (plot_raster, {"population": "c"}, "population 'c' has no threshold and never fires"),
        (plot_raster, {"population": "d"}, "holds no spikes of 'd': record 'spikes'"),
        (plot_raster, {"sample": 2}, "sample must be between 0 and 1, not 2"),
        (plot_membrane, {"population": "c"}, "holds no membranes of 'c': record 'v'"),
        (plot_membrane, {"neuron": 18}, "neuron of 'b' must be between 0 and 17, not 18"),
        (plot_membrane, {"neuron": (0, 3, 0)}, "neuron of 'b' must be between 0 and 2, not 3"),
        (plot_membrane, {"neuron": (0, 0)}, "a place in its shape (2, 3, 3), not (0, 0)"),
    ],
)
def test_what_is_not_there_is_one_sentence(draw: object, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        draw(small(), **options)
    assert sentence in str(error.value)


def test_nothing_recorded_is_one_sentence() -> None:
    empty = Trace("x", {}, {}, {"a": np.zeros(1)}, None)
    silent = Trace("x", {}, {}, {"a": None}, None)
    with pytest.raises(ValueError, match="no population has a threshold, so that none fires"):
        plot_raster(silent)
    for draw, what in ((plot_raster, "no spikes"), (plot_membrane, "no membranes")):
        with pytest.raises(ValueError, match=f"the trace of 'x' holds {what}: record them"):
            draw(empty)


def test_without_matplotlib_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    find = tools.importlib.util.find_spec
    monkeypatch.setattr(
        tools.importlib.util, "find_spec", lambda n, *a: None if n == "matplotlib" else find(n, *a)
    )
    for draw in (plot_raster, plot_membrane):
        with pytest.raises(MissingTool, match="plotting a trace needs the package 'matplotlib'"):
            draw(small())


def test_a_callers_own_ticks_stay() -> None:
    needs.package("matplotlib")
    from matplotlib import pyplot

    axes = pyplot.subplots()[1]
    axes.set_xticks([0, 2])
    try:
        assert plot_raster(small(), ax=axes) is axes
        assert axes.get_xticks().tolist() == [0, 2]
    finally:
        pyplot.close("all")


def test_no_population_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="population must name one population or more, not none"):
        plot_raster(small(), [])
