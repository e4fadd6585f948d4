"""The decoder: whatever comes, only frames come out, and no more is kept than one of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.link.protocol import EMPTY, HEADER, Frame, header
from sim.engines.board.decoder import Decoder

MOST = 96
FRAMES = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1),
    st.binary(max_size=MOST),
)  # fmt: skip
#: No S: what cannot begin a frame.
NOISE = st.binary(max_size=40).map(lambda data: data.replace(b"S", b"s"))


def portions(data: bytes, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    cuts = sorted(rng.choices(range(len(data) + 1), k=rng.randrange(12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def decoded(data: bytes, seed: int = 0, most: int = MOST) -> tuple[list[Frame], Decoder]:
    decoder, frames = Decoder(most), []
    for part in portions(data, seed):
        frames += decoder.feed(part)
        assert decoder.waiting < EMPTY + most
    return frames, decoder


@given(st.lists(st.tuples(NOISE, FRAMES), max_size=5), NOISE, st.integers(0, 999))
def test_frames_come_out_of_noise(parts: list[tuple[bytes, Frame]], end: bytes, seed: int) -> None:
    data = b"".join(noise + frame.encode() for noise, frame in parts) + end
    frames, decoder = decoded(data, seed)
    assert frames == [frame for _, frame in parts]
    assert decoder.skipped + decoder.waiting == len(data) - sum(len(f.encode()) for f in frames)


@given(st.lists(st.one_of(st.binary(max_size=60), FRAMES.map(Frame.encode)), max_size=8),
       st.integers(0, 999), st.data())  # fmt: skip
def test_what_comes_out_went_in_whole(parts: list[bytes], seed: int, data: st.DataObject) -> None:
    """Of any bytes, damaged frames among them: a frame that comes out stands in them."""
    stream = bytearray(b"".join(parts))
    for _ in range(data.draw(st.integers(0, 4))):
        if stream:
            at = data.draw(st.integers(0, len(stream) - 1))
            match data.draw(st.integers(0, 2)):
                case 0:
                    stream[at] ^= 1 << data.draw(st.integers(0, 7))
                case 1:
                    del stream[at]
                case _:
                    stream.insert(at, stream[at])
    frames, decoder = decoded(bytes(stream), seed)
    frames += decoder.flush()
    assert decoder.waiting == 0
    at = 0
    for frame in frames:
        at = stream.index(frame.encode(), at) + 1


@given(FRAMES, FRAMES, st.integers(0, 999))
def test_a_frame_behind_one_that_broke_off_is_found(cut: Frame, whole: Frame, seed: int) -> None:
    length = random.Random(seed).randrange(len(cut.encode()))
    data = cut.encode()[:length] + whole.encode()
    frames, decoder = decoded(data, seed)
    assert whole in [*frames, *decoder.flush()]


@given(FRAMES.filter(lambda f: f.payload), st.integers(1, 255), st.data())
def test_a_damaged_payload_is_counted_and_dropped(
    frame: Frame, change: int, data: st.DataObject
) -> None:
    stream = bytearray(frame.encode())
    stream[data.draw(st.integers(HEADER, len(stream) - 1))] ^= change
    frames, decoder = decoded(bytes(stream))
    assert frame not in frames + decoder.flush()
    assert decoder.damaged >= 1


def test_a_header_of_one_frame_does_not_take_the_payload_of_another() -> None:
    one, other = Frame(1, 2, 3, b"abcd").encode(), Frame(1, 2, 4, b"efgh").encode()
    frames, decoder = decoded(one[:HEADER] + other[HEADER:])
    assert frames + decoder.flush() == []


@pytest.mark.parametrize("length", [MOST + 1, 1 << 20, (1 << 24) - 1])
def test_a_length_beyond_what_is_expected_takes_no_memory(length: int) -> None:
    fields = header(0x83, 1, 1, length)
    import zlib

    lie = fields + zlib.crc32(fields).to_bytes(4, "little")
    decoder, good = Decoder(MOST), Frame(0x83, 1, 1, b"good")
    frames = decoder.feed(lie * 50 + good.encode())
    assert frames == [good]
    assert decoder.waiting == 0


def test_a_flood_is_kept_small() -> None:
    decoder = Decoder(MOST)
    rng = random.Random(0)
    for _ in range(20):
        assert decoder.feed(rng.randbytes(100_000)) == []
        assert decoder.waiting < EMPTY + MOST
