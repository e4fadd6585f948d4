"""Traces: printed in a few lines, saved and read back strictly."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import runs

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, fold
from mapping.intervals import Interval
from sim import Trace, compare, run
from sim.backends.reference import within
from sim.campaign.generate.dense import draw_network
from sim.campaign.generate.trained_dense import draw_trained
from sim.campaign.stimuli import random_inputs
from sim.trace import finish


def same(a: Trace, b: Trace) -> bool:
    """Whether everything of two traces is equal: order, types, values."""
    if (a.backend, a.info, list(a.thresholds)) != (b.backend, b.info, list(b.thresholds)):
        return False
    pairs = [(a.scores, b.scores), *((a.thresholds[n], b.thresholds[n]) for n in a.thresholds)]
    for one, two in ((a.spikes, b.spikes), (a.v, b.v)):
        if list(one) != list(two):
            return False
        pairs += [(one[n], two[n]) for n in one]
    return all(
        x is y is None
        or (x is not None and y is not None and x.dtype == y.dtype and np.array_equal(x, y))
        for x, y in pairs
    )


@given(
    drawn=runs(),
    record=st.sampled_from([("spikes", "v"), ("spikes",), ("v",), ()]),
    info=st.dictionaries(
        st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3
    ),
)
def test_a_saved_trace_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[Network, np.ndarray],
    record: tuple[str, ...],
    info: dict,
) -> None:
    trace = run(*drawn, record=record)
    trace.info.update(info, share=0.1, count=np.int64(3))
    path = tmp_path_factory.mktemp("trace") / "t.npz"
    trace.save(path)
    trace.info.update(count=3)
    found = Trace.load(path)
    assert same(found, trace)
    if record:
        compare(trace, found)
    if trace.scores is not None:
        assert np.array_equal(found.classes, trace.classes)


@given(drawn=runs(most=2), at=st.floats(0, 1), flip=st.integers(1, 255))
def test_a_damaged_file_is_one_sentence_or_the_same_trace(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[Network, np.ndarray],
    at: float,
    flip: int,
) -> None:
    trace = run(*drawn)
    path = tmp_path_factory.mktemp("trace") / "t.npz"
    trace.save(path)
    whole = bytearray(path.read_bytes())
    place = min(int(at * len(whole)), len(whole) - 1)
    altered = bytearray(whole)
    altered[place] ^= flip
    for damaged in (whole[:place], altered):
        path.write_bytes(damaged)
        try:
            found = Trace.load(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert same(found, trace)


def rewritten(path: Path, **changes: np.ndarray | None) -> None:
    """Write the members of a trace again with some changed, added, or (None) left out."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays |= {name.replace("__", "/"): array for name, array in changes.items()}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


ONES = np.ones((3, 2, 4), np.int64)
BAD = [
    ({"format": np.array(2)}, "its format is 2, and only 1 is known"),
    ({"format": None}, "it does not hold 'format'"),
    ({"backend": np.array(3)}, "it does not hold 'backend'"),
    ({"info": np.array("[1]")}, "info is no JSON object"),
    ({"info": np.array("{")}, "info is no JSON object"),
    ({"populations": np.array(["a", "a"])}, "populations must be different names"),
    ({"populations": np.array(["a", "b", "b>"])}, "may hold letters"),
    ({"spikes__c": ONES}, "'spikes/c' does not belong to a trace"),
    ({"other": ONES}, "'other' does not belong to a trace"),
    ({"v__a": ONES.astype(np.int32)}, "v/a is int32 of shape (3, 2, 4)"),
    ({"v__a": ONES[0, 0]}, "v/a is int64 of shape (4,)"),
    ({"v__a": ONES[:, :1]}, "of different samples or timesteps"),
    ({"v__a": ONES[..., :3]}, "'a' have shape (3, 2, 4), and v (3, 2, 3)"),
    ({"spikes__b": ONES.astype(bool)}, "'b' has spikes and no threshold"),
    ({"thresholds__a": ONES[0, 0, :3]}, "'a' has 4 channels and 3 thresholds"),
    ({"scores": np.zeros((3, 4))}, "scores are float64 of shape (3, 4)"),
    ({"scores": np.zeros((2, 4), np.int64)}, "scores are int64 of shape (2, 4)"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_a_file_that_is_no_trace_is_refused(
    tmp_path: Path, changes: dict[str, np.ndarray | None], sentence: str
) -> None:
    path = tmp_path / "t.npz"
    thresholds = {"a": np.arange(4), "b": None}
    good = Trace("x", {"a": ONES > 0}, {"a": ONES, "b": ONES}, thresholds, ONES[:, 0])
    good.save(path)
    assert same(Trace.load(path), good)
    rewritten(path, **changes)
    with pytest.raises(ValueError) as error:
        Trace.load(path)
    assert sentence in str(error.value) and str(path) in str(error.value)


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    with pytest.raises(ValueError, match="does not exist"):
        Trace.load(path)
    for content in (b"", b"hello", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged, or no .npz|no trace that this version"):
            Trace.load(path)
    np.savez(path, info=np.array([{}], object))
    with pytest.raises(ValueError, match="array 'info', does not hold one array of plain"):
        Trace.load(path)
    network = draw_network(1)
    run(network, random_inputs(network, 3)).save(path)
    member = io.BytesIO()
    np.lib.format.write_array(member, np.array("fast"))
    with zipfile.ZipFile(path, "a") as archive:
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("backend.npy", member.getvalue())
    with pytest.raises(ValueError, match="array 'backend' stands in it twice"):
        Trace.load(path)
    with pytest.raises(TypeError, match="info of a trace must hold JSON values"):
        Trace("x", {}, {}, {}, None, {"a": object()}).save(path)


def test_a_trace_prints_in_a_few_lines() -> None:
    network = fold(draw_trained(7))
    inputs = random_inputs(network, 200, 0)
    text = repr(run(network, inputs))
    lines = text.splitlines()
    assert len(lines) == 2 + len(network.populations) and len(text) < 600, text
    assert lines[0] == f"Trace of 'reference': 200 samples of {network.timesteps} timesteps"
    assert lines[1].startswith("  p0 (") and "fire; v " in lines[1], text
    deep = fold(draw_trained(5))
    few = repr(run(deep, random_inputs(deep, 2, 0), record=()))
    assert len(deep.populations) > 1 and "p0: not recorded" in few
    names = [f"p{k}" for k in range(50)]
    many = Trace("x", {}, dict.fromkeys(names, ONES), dict.fromkeys(names), None)
    assert "and 38 more populations" in repr(many) and len(repr(many).splitlines()) == 15


def test_a_trace_of_the_command_line_loads(tmp_path: Path) -> None:
    from mapping import save
    from spikexact.cli import status

    network = draw_network(3)
    save(network, tmp_path / "n")
    x = random_inputs(network, 4, 0)
    np.save(tmp_path / "x.npy", x)
    line = ["run", str(tmp_path / "n"), "--inputs", str(tmp_path / "x.npy"), "-o"]
    assert status([*line, str(tmp_path / "t.npz"), "--json"]) == 0
    found = Trace.load(tmp_path / "t.npz")
    assert compare(run(network, x, "fast"), found).mismatches == 0
    json.dumps(found.info)


def test_an_entry_that_swallows_the_next_is_damage(tmp_path: Path) -> None:
    """Its comment made longer, zipfile skips entries and says nothing; Hypothesis found it."""
    path = tmp_path / "t.npz"
    network = draw_network(1)
    run(network, random_inputs(network, 3)).save(path)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    size = data.index(b"PK\x01\x02", second + 4) - second
    data[first + 32 : first + 34] = size.to_bytes(2, "little")  # the length of a comment
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged: not every array is listed"):
        Trace.load(path)


@pytest.mark.parametrize("fallback", [None, "membrane"])
def test_first_spikes_are_scored_by_hand(fallback: str | None) -> None:
    """Class 2 fires first, classes 0 and 2 at once, and nobody."""
    p = Population("a", (Connection("input", Dense([[1]] * 3)),), Neuron(threshold=9))
    network = Network(Input((1,)), (p,), Readout("a", "first_spike", fallback), 4)
    spikes, v = np.zeros((3, 4, 3), bool), np.arange(36).reshape(3, 4, 3) % 7
    spikes[0, [2, 3, 1, 2], [0, 0, 2, 2]] = True
    spikes[1, [1, 1, 3], [0, 2, 1]] = True
    trace = finish(network, "by hand", {"a": spikes}, {"a": v})
    silent = v[2, 3].tolist() if fallback else [0, 0, 0]
    assert trace.scores.tolist() == [[2, 0, 3], [3, 1, 3], silent]
    assert trace.classes.tolist() == [2, 0, int(np.argmax(silent))]


def test_the_reference_raises_beyond_an_interval_and_not_at_its_ends() -> None:
    bound = Interval(np.array([-2, 0]), np.array([3, 5]))
    within(bound, np.array([[-2, 0], [3, 5]]), "a", "v")
    for value in ([-3, 0], [3, 6], [4, 5], [0, -1]):
        with pytest.raises(OverflowError, match="v of 'a' left its proven interval"):
            within(bound, np.array([[0, 0], value]), "a", "v")
