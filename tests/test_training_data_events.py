"""Events: framing, AEDAT 2.0 and 3.1, the two recorded sets, the synthetic one."""

import struct
from pathlib import Path

import numpy as np
import pytest
from datasets_check import check
from hypothesis import given
from hypothesis import strategies as st

from training.data import open_set
from training.data.aedat import read_dvs128, read_polarity
from training.data.augment import Flip
from training.data.events import Events, Framing, bins
from training.data.recordings import OBJECTS

TEXT2 = (
    b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    b"# Data format is int32 address, int32 timestamp (8 bytes total), repeated\r\n"
)
TEXT3 = (
    b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
    b"#Start-Time: 2015-01-01 00:00:00 (TZ+0000)\r\n#!END-HEADER\r\n"
)


def drawn(rng: np.random.Generator, n: int, sensor: tuple[int, int] = (128, 128)) -> Events:
    t = np.sort(rng.integers(0, 10_000, n))
    x, y = (rng.integers(0, side, n) for side in sensor[::-1])
    return Events(t, x, y, rng.integers(0, 2, n), sensor)


def aedat2(events: Events) -> bytes:
    """Return the records of a DVS128 whose published readers see these events."""
    x, y, p = 127 - events.x, 127 - events.y, 1 - events.p
    return np.stack([x << 8 | y << 1 | p, events.t], 1).astype(">u4").tobytes()


def packet(events: Events, valid: bool = True, kind: int = 1, overflow: int = 0, **odd) -> bytes:
    n = len(events)
    fields = {"kind": kind, "source": 1, "size": 8, "offset": 4, "overflow": overflow}
    fields |= {"room": n, "number": n, "valid": n * valid} | odd
    words = events.x << 17 | events.y << 2 | events.p << 1 | int(valid)
    body = np.stack([words, events.t], 1).astype("<u4").tobytes()
    return struct.pack("<HHIIIIII", *fields.values()) + body


def same(a: Events, b: Events) -> bool:
    return all((getattr(a, name) == getattr(b, name)).all() for name in "txyp")


@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 3, st.integers(0, 1)), max_size=60),
    st.integers(1, 12),
    st.integers(1, 60),
    st.sampled_from(["count", "time"]),
)
def test_framing_loses_no_event(rows: list, timesteps: int, size: int, split: str) -> None:
    t, x, y, p = np.array(sorted(rows), np.int64).reshape(-1, 4).T
    events = Events(t, x, y, p, (51, 51))
    frames = Framing(timesteps, size, 8, split)(events)
    assert frames.shape == (timesteps, 2, size, size) and frames.dtype == np.uint8
    assert frames.sum() == len(rows)
    assert frames[:, 1].sum() == p.sum()
    spikes = Framing(timesteps, size, 1, split)(events)
    assert (spikes == (frames > 0)).all()
    held = frames.sum(axis=(1, 2, 3), dtype=int)
    step = bins(t, timesteps, split)
    assert (np.diff(step) >= 0).all() and (np.bincount(step, minlength=timesteps) == held).all()
    if split == "count":
        assert held.max() - held.min() <= 1
        n = len(rows)
        ends = np.arange(timesteps + 1) * n // timesteps
        assert (held == np.diff(ends)).all()
    elif len(rows):
        width = (t[-1] - t[0] + 1) / timesteps
        assert (step * width <= t - t[0]).all() and (t - t[0] < (step + 1) * width).all()


def test_frames_are_where_the_events_were() -> None:
    events = Events(np.arange(3), np.array([127, 8, 0]), np.array([0, 5, 127]), np.ones(3, int),
                    (128, 128))  # fmt: skip
    frames = Framing(3, 48)(events)
    assert [np.argwhere(f).tolist() for f in frames] == [[[1, 0, 47]], [[1, 1, 3]], [[1, 47, 0]]]
    many = Events(*(np.zeros(20, np.int64) for _ in range(4)), (4, 4))
    assert Framing(1, 2, 3)(many).max() == 7 and Framing(1, 2, 12)(many).dtype == np.uint16
    assert not Framing(2, 2)(many.between(1, 9)).any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((0, 48), "timesteps must lie within 1..4096, not 0"),
        ((1, 0), "size must lie within 1..4096, not 0"),
        ((1, 1, 17), "input bits must be between 1 and 16, not 17"),
        ((1, 1, 1, "half"), "split must be 'count' or 'time', not 'half'"),
    ],
)
def test_odd_framing_is_refused(options: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Framing(*options)


def test_odd_events_are_refused() -> None:
    good = {"t": [1, 2], "x": [0, 3], "y": [1, 1], "p": [0, 1]}
    for name, values, sentence in [
        ("t", [2, 1], "events must be in order of time"),
        ("t", [0, 1 << 48], "an event's t must lie within"),
        ("x", [0, 4], r"an event's x must lie within 0..3"),
        ("y", [-1, 0], r"an event's y must lie within 0..4"),
        ("p", [0, 2], r"an event's p must lie within 0..1"),
        ("p", [0], "events need as many integers p as t"),
    ]:
        arrays = {k: np.array(v, np.int64) for k, v in {**good, name: values}.items()}
        with pytest.raises(ValueError, match=sentence):
            Events(**arrays, sensor=(5, 4))


def test_aedat2(tmp_path: Path, rng: np.random.Generator) -> None:
    path, want = tmp_path / "a.aedat", drawn(rng, 500)
    path.write_bytes(TEXT2 + aedat2(want))
    assert same(read_dvs128(path), want)
    signal = struct.pack(">II", 0x8000, 7)
    path.write_bytes(TEXT2.replace(b"\r", b"") + signal + aedat2(want)[::1])
    assert same(read_dvs128(path), want), "a signal on a pin is no event"
    records = aedat2(want)
    swapped = b"".join(records[i : i + 8] for i in range(0, 4000, 8)[::-1])
    path.write_bytes(TEXT2 + swapped)
    assert (read_dvs128(path).t == want.t).all()
    path.write_bytes(TEXT2)
    assert len(read_dvs128(path)) == 0


def test_aedat3(tmp_path: Path, rng: np.random.Generator) -> None:
    path, want = tmp_path / "a.aedat", drawn(rng, 500)
    halves = want.between(0, 5000), want.between(5000, 10_000)
    other, invalid = packet(want, kind=0), packet(want, valid=False)
    path.write_bytes(TEXT3 + packet(halves[0]) + other + invalid + packet(halves[1]))
    assert same(read_polarity(path), want)
    path.write_bytes(TEXT3.replace(b"\r", b"") + packet(halves[0]) + packet(want, overflow=3))
    assert read_polarity(path).t[-1] == want.t[-1] + (3 << 31)


def test_bad_recordings_get_one_sentence(tmp_path: Path, rng: np.random.Generator) -> None:
    path, some = tmp_path / "a.aedat", drawn(rng, 20)
    large = Events(some.t, some.x * 2, some.y, some.p, (128, 256))
    for read, data, sentence in [
        (read_dvs128, b"", "does not start with #!AER-DAT2.0"),
        (read_dvs128, TEXT3, "does not start with #!AER-DAT2.0"),
        (read_dvs128, b"#!AER-DAT2.01\r\n", "does not start with #!AER-DAT2.0"),
        (read_dvs128, TEXT2 + aedat2(some)[:-3], "ends within an event: truncated"),
        (read_dvs128, TEXT2 + b"\0\1\0\0" * 2, "holds the address 0x10000, of no DVS128"),
        (read_dvs128, b"#!AER-DAT2.0\n#" + b"x" * (2 << 20), "has more than 1048576 bytes of tex"),
        (read_polarity, TEXT3[:-5], "or ends within it"),
        (read_polarity, TEXT3[:-14], "has no line #!END-HEADER"),
        (read_polarity, TEXT3, "holds no valid polarity event"),
        (read_polarity, TEXT3 + packet(some)[:20], "ends within a packet's header: truncated"),
        (read_polarity, TEXT3 + packet(some)[:-1], "ends within a packet of 20 events: trunc"),
        (read_polarity, TEXT3 + packet(some, number=19), "packet of 19 events with room for 20"),
        (read_polarity, TEXT3 + packet(some, size=4), "has polarity events of 4 bytes, not 8"),
        (read_polarity, TEXT3 + packet(some, overflow=1 << 31), "a time that overflowed 21474836"),
        (read_polarity, TEXT3 + packet(large), r"holds the pixel \(.*\), of no DVS128"),
        (
            read_polarity,
            TEXT3 + packet(some, number=1 << 29, room=1 << 29),
            "within a packet of 536870912 events: truncated",
        ),
    ]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=sentence) as error:
            read(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(ValueError, match="b.aedat does not exist, or is no file"):
        read_dvs128(tmp_path / "b.aedat")
    with path.open("wb") as file:
        file.truncate((1 << 31) + 1)  # sparse: it takes no room
    with pytest.raises(ValueError, match="has 2147483649 bytes; at most 2147483648 can be read"):
        read_dvs128(path)


HEAD = "class,startTime_usec,endTime_usec\n"


def write_gestures(folder: Path, rng: np.random.Generator) -> dict[str, Events]:
    folder.mkdir(exist_ok=True)
    made = {}
    for user, part in (("user01_led", "train"), ("user02_lab", "train"), ("user24_led", "test")):
        made[user] = drawn(rng, 900)
        (folder / f"{user}.aedat").write_bytes(TEXT3 + packet(made[user]))
        (folder / f"{user}_labels.csv").write_text(HEAD + "2,1000,4000\n11,3500,9000\n")
        with (folder / f"trials_to_{part}.txt").open("a") as file:
            file.write(f"{user}.aedat\n")
    return made


def test_dvs_gesture(tmp_path: Path, rng: np.random.Generator) -> None:
    made = write_gestures(tmp_path / "DvsGesture", rng)
    value = open_set("dvs-gesture", tmp_path)
    check(value, 11)
    assert value.enter.shape == (2, 48, 48) and value.timesteps == 16
    assert value.train.labels.tolist() == [1, 10] * 2 and value.test.labels.tolist() == [1, 10]
    assert not any(isinstance(step, Flip) for step in value.augment), "left is no right hand"
    value = open_set("dvs-gesture", tmp_path, timesteps=5, size=128, bits=4, split="time")
    check(value, 11)
    cut = made["user02_lab"].between(3500, 9000)
    assert (value.train[3] == Framing(5, 128, 4, "time")(cut)).all()
    assert value.train[3].sum() == len(cut)


def test_bad_gestures_get_one_sentence(tmp_path: Path, rng: np.random.Generator) -> None:
    write_gestures(tmp_path, rng)
    labels, trials = tmp_path / "user24_led_labels.csv", tmp_path / "trials_to_test.txt"
    for path, text, sentence in [
        (labels, "", "must start with class,startTime_usec,endTime_usec"),
        (labels, HEAD + "12,1,2\n", "holds '12,1,2': classes are 1..11, start before end"),
        (labels, HEAD + "0,1,2\n", "holds '0,1,2': classes are 1..11"),
        (labels, HEAD + "1,5,5\n", "holds '1,5,5': classes are 1..11, start before end"),
        (labels, HEAD + "1,2\n", "holds the line '1,2', not three whole numbers"),
        (labels, HEAD + "1,2,1e9\n", "not three whole numbers"),
        (labels, HEAD, "names no recording with a gesture"),
        (labels, "\xff", "is no plain text"),
        (trials, "../user24_led.aedat\n", "names '../user24_led.aedat', which is no recording"),
        (trials, "user99_led.aedat\n", "names 'user99_led.aedat', which is no recording beside"),
    ]:
        before = path.read_bytes()
        path.write_text(text, encoding="latin-1")
        with pytest.raises(ValueError, match=sentence):
            open_set("dvs-gesture", tmp_path)
        path.write_bytes(before)
    labels.unlink()
    with pytest.raises(ValueError, match="user24_led_labels.csv does not exist"):
        open_set("dvs-gesture", tmp_path)


def test_dvs_cifar10(tmp_path: Path, rng: np.random.Generator) -> None:
    made = drawn(rng, 300)
    for name in OBJECTS:
        (tmp_path / name).mkdir()
        for i in range(11):
            (tmp_path / name / f"cifar10_{name}_{i}.aedat").write_bytes(TEXT2 + aedat2(made))
    value = open_set("dvs-cifar10", tmp_path)
    check(value, 10)
    assert value.enter.shape == (2, 48, 48) and value.timesteps == 10
    assert np.bincount(value.train.labels).tolist() == [9] * 10
    held = [path.stem for path in value.test.paths]
    assert held == [f"cifar10_{n}_{i}" for n in OBJECTS for i in (9, 10)], "2 comes before 10"
    assert (value.test[3] == Framing(10, 48)(made)).all()
    (tmp_path / "cat" / "cifar10_cat_x.aedat").touch()
    with pytest.raises(ValueError, match=r"cifar10_cat_x.aedat must end in a number, by which"):
        open_set("dvs-cifar10", tmp_path)
    for path in (tmp_path / "cat").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="cat holds 0 files .aedat, too few for two parts"):
        open_set("dvs-cifar10", tmp_path)


def test_synthetic_events() -> None:
    value = open_set("synthetic-events", train=80, test=16, timesteps=5)
    check(value, 8)
    assert value.enter.shape == (2, 16, 16) and np.bincount(value.train.labels).tolist() == [10] * 8
    again = open_set("synthetic-events", train=80, test=16, timesteps=5)
    assert (value.train.inputs == again.train.inputs).all()
    other = open_set("synthetic-events", train=80, test=80, timesteps=5, seed=1)
    assert (value.train.inputs != other.train.inputs).any()
    assert (other.train.inputs != other.test.inputs).any(), "parts share no random numbers"
    check(open_set("synthetic-events", classes=4, train=4, test=4), 4)


def test_synthetic_bars_tell_their_direction() -> None:
    """Where on events stand beside off events is the way: known by hand, not from labels."""
    value = open_set("synthetic-events", train=400, test=100)
    off, on = value.test.inputs[:, :, 0].astype(int), value.test.inputs[:, :, 1].astype(int)
    ways = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1)]
    scores = [
        sum((np.roll(off, (k * down, k * right), (-2, -1)) * on).sum((1, 2, 3)) for k in (1, 2, 3))
        for down, right in ways
    ]
    reached = (np.argmax(scores, axis=0) == value.test.labels).mean()
    print(f"by hand: {reached:.2f}")
    assert reached > 0.6
