"""The protocol: frames and their parts, and the bytes that docs/hil.md shows."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.link import protocol
from hdl.link.protocol import (
    EMPTY,
    ERROR,
    HEADER,
    LOAD,
    NEXT,
    REASONS,
    REPLY,
    RUN,
    STATUS,
    Code,
    Frame,
    Hello,
    Kind,
    Status,
    Want,
    read_header,
)  # fmt: skip

PAGE = Path(__file__).resolve().parent.parent / "docs/hil.md"
HELLO = Hello(
    1, 0, bytes(range(16)), bytes(range(16, 32)), 25_000_000, 1_000_000, 4096, 4, 1, 1000, 100,
    2760, 5520, 4000, 4100, ((8, 32), (8, 32)),
)  # fmt: skip
FRAMES = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1),
    st.binary(max_size=200),
)  # fmt: skip


@given(FRAMES)
def test_a_frame_is_what_the_page_says(frame: Frame) -> None:
    data, length = frame.encode(), len(frame.payload)
    fields = b"SX" + bytes([frame.kind]) + frame.session.to_bytes(4, "little")
    fields += frame.sequence.to_bytes(2, "little") + length.to_bytes(3, "little")
    assert data[:12] == fields
    assert data[12:16] == zlib.crc32(fields).to_bytes(4, "little")
    assert data[16:-4] == frame.payload
    assert data[-4:] == zlib.crc32(fields + frame.payload).to_bytes(4, "little")
    assert len(data) == EMPTY + length
    assert read_header(data[:HEADER]) == (frame.kind, frame.session, frame.sequence, length)


@given(FRAMES, st.integers(0, HEADER - 1), st.integers(1, 255))
def test_a_header_with_a_wrong_byte_is_none(frame: Frame, at: int, change: int) -> None:
    data = bytearray(frame.encode()[:HEADER])
    data[at] ^= change
    assert read_header(bytes(data)) is None
    assert read_header(bytes(data[:-1])) is None


@pytest.mark.parametrize(
    "frame", [Frame(256, 0, 0), Frame(0, 1 << 32, 0), Frame(0, 0, 1 << 16), Frame(-1, 0, 0)]
)
def test_what_does_not_fit_is_refused(frame: Frame) -> None:
    with pytest.raises(ValueError, match="a frame's field does not fit"):
        frame.encode()


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=255))
def test_a_hello_comes_back(parallel: list[tuple[int, int]]) -> None:
    hello = replace(HELLO, parallel=tuple(parallel))
    data = hello.encode()
    assert Hello.decode(data) == hello
    assert Hello.decode(data[:-1]) is None
    assert Hello.decode(data + b"\0") is None
    assert Hello.decode(bytes([2]) + data[1:]) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_a_hello_or_none(data: bytes) -> None:
    hello = Hello.decode(data)
    assert hello is None or hello.encode() == data


@given(st.binary(min_size=STATUS.size, max_size=STATUS.size))
def test_a_status_comes_back(data: bytes) -> None:
    assert Status.decode(data).encode() == data


def test_what_a_sample_returns_is_the_sum_of_what_is_wanted() -> None:
    assert [HELLO.bytes_of(w) for w in (1, 2, 3, 4, 5)] == [100, 2760, 2860, 5520, 5620]


def test_every_error_has_its_words() -> None:
    assert set(REASONS) == set(Code)
    assert [k.value for k in Code] == list(range(1, len(Code) + 1))


def test_a_host_needs_no_amaranth() -> None:
    code = (
        "import sys, sim.board, hdl.link.protocol;"
        "heavy = {'amaranth', 'torch', 'numba', 'serial'} & {n.split('.')[0] for n in sys.modules};"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PAGE.parent.parent)


# The page


def shown() -> list[str]:
    """Return the example of docs/hil.md, line by line: who, what, and the bytes."""
    ok, session = Status(0, 1, 0x1234ABCD, 0, 0, 0, 0), 0xC0FFEE01

    def asks(kind: int, sequence: int, payload: bytes = b"", more: int = 0) -> Frame:
        return Frame(kind, session + more, sequence, payload)

    def replies(kind: int, sequence: int, body: bytes, status: Status = ok, more: int = 0) -> Frame:
        return Frame(kind | REPLY, session + more, sequence, body + status.encode())

    one = RUN.pack(Want.OUTPUT, 0, 1) + b"\x01\x03"
    word = LOAD.pack(0, 1, 0) + b"\xef\xbe\xad\xde"
    refused = bytes([Code.SESSION])
    talk = [
        ("host: HELLO", asks(Kind.HELLO, 1)),
        ("board: what it is", replies(Kind.HELLO, 1, HELLO.encode())),
        ("host: ECHO of two bytes", asks(Kind.ECHO, 2, b"\x5a\xa5")),
        ("board: the same", replies(Kind.ECHO, 2, b"\x5a\xa5")),
        ("host: RUN of one sample of two bytes, output wanted", asks(Kind.RUN, 3, one)),
        (
            "board: one beat of its output, after 36 cycles",
            replies(Kind.RUN, 3, b"\x00\x07", replace(ok, cycles=36)),
        ),
        ("host: LOAD, part 0 and the last, of one word", asks(Kind.LOAD, 4, word)),
        ("board: part 1 would be next", replies(Kind.LOAD, 4, NEXT.pack(1))),
        ("host: ECHO in another session", asks(Kind.ECHO, 5, more=1)),
        ("board: error 4", replies(ERROR, 5, refused, replace(ok, refused=1), more=1)),
    ]
    lines = []
    for words, frame in talk:
        lines.append(words)
        data = frame.encode()
        cuts = [data[:HEADER], data[HEADER:-4], data[-4:]]
        for part in cuts:
            lines += ["  " + part[k : k + 24].hex(" ") for k in range(0, len(part), 24)]
    return lines


def test_the_page_shows_these_bytes() -> None:
    found = re.search(r"```text\nhost: HELLO\n.*?```", PAGE.read_text("utf-8"), re.S)
    assert found, "docs/hil.md shows no example"
    assert found[0].splitlines()[1:-1] == shown(), "\n".join(shown())


def test_the_page_has_every_number() -> None:
    text = PAGE.read_text("utf-8")
    for kind in Kind:
        assert f"| `{kind.name}` | {kind.value} |" in text, kind
    for code in Code:
        assert f"| {code.value} | `{code.name}` |" in text, code
    for want in Want:
        assert f"| {want.value} | `{want.name}` |" in text, want
    at = 0
    for name, size in zip(Hello.__dataclass_fields__, (1, 1, 16, 16, 4, 4, 4, 2, 1, *[4] * 6)):  # noqa: B905
        assert f"| {at} | {size} | `{name}` |" in text, name
        at += size
    assert at + 1 == protocol.HELLO.size
    at = 0
    for name, size in zip(Status.__dataclass_fields__, (1, 1, 4, 4, 2, 2, 2), strict=True):
        assert f"| {at} | {size} | `{name}` |" in text, name
        at += size
    assert at == STATUS.size
