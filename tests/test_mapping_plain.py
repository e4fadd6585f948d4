"""Arrays in .npy, .npz and .safetensors files: what numpy and the library write is what is read."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save_file

from mapping import plain, tensors
from mapping.plain import FileError

ARRAYS = {
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3), np.int16),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">i4"),
    "half": np.arange(3, dtype=np.float16),
    "flags": np.array([True, False]),
    "part/of": np.arange(8)[::2],
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy(name: str, version: tuple[int, int], tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, ARRAYS[name], version)
    read = plain.npy(tmp_path / "x.npy")
    assert read.dtype == ARRAYS[name].dtype and read.shape == ARRAYS[name].shape
    assert np.array_equal(read, ARRAYS[name]) and read.flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save: object, tmp_path: Path) -> None:
    save(tmp_path / "x.npz", **ARRAYS)
    read = plain.npz(tmp_path / "x.npz")
    assert list(read) == list(ARRAYS)
    assert all(np.array_equal(read[name], array) for name, array in ARRAYS.items())


def test_text_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array(["a", "bcd"]))
    with pytest.raises(FileError, match=r"array 'x', does not hold one array of plain real num"):
        plain.npz(tmp_path / "x.npz")
    read = plain.npz(tmp_path / "x.npz", kinds=plain.NUMBERS + "U")
    assert read["x"].tolist() == ["a", "bcd"]


def test_limits_count_what_is_unpacked(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(1 << 20))
    with pytest.raises(FileError, match=r"declares 8388736 bytes of arrays, more than 1000000"):
        plain.npz(tmp_path / "x.npz", most=10**6)
    np.save(tmp_path / "x.npy", np.zeros(1000))
    with pytest.raises(FileError, match="has 8128 bytes, more than the 8000 that are read"):
        plain.npy(tmp_path / "x.npy", most=8000)
    assert plain.memory() > 1 << 28


def test_a_lie_about_the_size_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }\n"
    member = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", member)
    data = bytearray(buffer.getvalue())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 0xFFFFFFF0)
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(FileError, match="declares 4294967280 bytes of arrays, more than"):
        plain.npz(tmp_path / "x.npz", most=1 << 30)


def test_safetensors_as_the_library_writes_and_reads_them(tmp_path: Path) -> None:
    arrays = {key: np.array(a, order="C") for key, a in ARRAYS.items() if key != "big_endian"}
    save_file(arrays, tmp_path / "x.safetensors", metadata={"a": "b"})
    read = tensors.read(tmp_path / "x.safetensors")
    ours = b"".join(tensors.pack({"a": "b"}, ARRAYS))
    header, start = tensors.header_of(ours, "ours")
    assert header["__metadata__"] == {"a": "b"}
    again, theirs = tensors.arrays_of(ours, header, start, "ours"), load(ours)
    for name, array in ARRAYS.items():
        for other in (again[name], theirs[name], read.get(name, array)):
            assert np.array_equal(other, array) and other.shape == array.shape, name
            assert other.dtype == array.dtype.newbyteorder("=") or name == "big_endian"


def entry(first: int, last: int) -> dict:
    return {"dtype": "U8", "shape": [last - first], "data_offsets": [first, last]}


@pytest.mark.parametrize(
    ("entries", "body", "sentence"),
    [
        ({"x": entry(0, 4), "y": entry(3, 8)}, 8, "'y' overlaps another"),
        ({"x": entry(0, 4), "y": entry(5, 8)}, 8, "'y' does not follow on another"),
        ({"x": entry(1, 4)}, 4, "'x' does not follow on another"),
        ({"x": entry(0, 4)}, 5, "holds more than its arrays"),
        ({"x": entry(0, 4)}, 3, "is not a safetensors file, or is truncated"),
        ({str(i): entry(0, 0) for i in range(10_001)}, 0, "holds 10001 arrays, more than 10000"),
        ({"x": entry(0, 4) | {"shape": [1] * 9}}, 4, "is not a safetensors file"),
    ],
)
def test_safetensors_with_holes_are_refused(entries: dict, body: int, sentence: str) -> None:
    text = json.dumps(entries).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(body)
    header, start = tensors.header_of(data, "x")
    with pytest.raises(FileError, match=sentence):
        tensors.arrays_of(data, header, start, "x")
