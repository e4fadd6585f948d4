"""Hostile files: each refused in one sentence, soon, in little memory, and nothing is run."""

from __future__ import annotations

import importlib.util
import resource
import time
from pathlib import Path

import hostile
import needs
import pytest

ROOT = Path(__file__).resolve().parent.parent


def need(how: str) -> None:
    needed = {"nir": "h5py", "mat": "scipy", "torch": "torch"}.get(how)  # to write it
    if needed is not None:
        needs.package(needed)


def grown() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_there_are_enough() -> None:
    assert len(hostile.FILES) >= 80
    print(
        {how: sum(h == how for h, _ in hostile.FILES.values()) for how, _ in hostile.FILES.values()}
    )


@pytest.mark.parametrize("name", hostile.FILES)
def test_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how, write = hostile.FILES[name]
    need(how)
    if name in hostile.BY_TORCH:
        needs.package("torch")
    if name == "network: a NIR file":
        needs.package("h5py")
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path)
    before, start = grown(), time.perf_counter()
    with pytest.raises(ValueError) as found:
        hostile.read(how, path)
    seconds, growth = time.perf_counter() - start, grown() - before
    if seconds >= 2:  # others are busy on this machine: once more
        start = time.perf_counter()
        with pytest.raises(ValueError):
            hostile.read(how, path)
        seconds = time.perf_counter() - start
    sentence = str(found.value)
    assert "\n" not in sentence and "Traceback" not in sentence and 10 < len(sentence) < 700
    assert seconds < 2 and growth < 512 << 20, (seconds, growth)
    assert not (tmp_path / hostile.TRACE).exists()
    print(f"{seconds:.3f} s, {growth >> 20} MB: {sentence.replace(str(tmp_path), '.')}")


@pytest.mark.parametrize("how", hostile.FORMATS)
def test_what_the_fuzzer_alters_is_read(how: str, tmp_path: Path) -> None:
    need(how)
    read = {"safetensors": "state", "torch": "state"}.get(how, how)
    assert hostile.read(read, hostile.valid(how, tmp_path)) is not None


def test_fuzzed_files(tmp_path: Path, seed: int) -> None:
    """Alter valid files 500 times: each is read, or refused in one sentence."""
    for how in hostile.FORMATS:
        need(how)
    spec = importlib.util.spec_from_file_location("fuzz_files", ROOT / "tools" / "fuzz_files.py")
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    before = grown()
    counts = fuzz.run(500, seed, tmp_path)
    assert sum(counts["read"].values()) + sum(counts["refused"].values()) == 500
    assert grown() - before < 512 << 20
    print(counts)
