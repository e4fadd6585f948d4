"""Alter valid files at random and read them: each must be read, or refused in one sentence.

    python tools/fuzz_files.py --files 20000 --seed 0

Every format that an importer or ``mapping.load`` reads takes its turn. A run ends with status 1
at the first file that raises anything but ValueError, takes more than 2 seconds, or whose refusal
is no single line; that file is kept. Foreign parsers run in a child process for every file, which
is forked here, with the parser loaded, instead of started anew: ten times as many files a minute.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 2.0


def alter(data: bytes, rng: random.Random) -> bytes:
    """Return data with a few of its bytes changed, moved, repeated, or gone."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        at, span = rng.randrange(len(changed)), rng.choice((1, 1, 2, 4, 8, 64, 512))
        act = rng.randrange(8)
        if act == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif act == 1:
            changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif act == 2:
            changed[at : at + span] = rng.choice((b"\xff", b"\0")) * span
        elif act == 3:
            del changed[at : at + span]
        elif act == 4:
            changed[at:at] = changed[at : at + span]
        elif act == 5:
            changed[at:at] = rng.randbytes(span)
        elif act == 6:
            to = rng.randrange(len(changed))
            changed[to : to + span] = changed[at : at + span]
        elif rng.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def run(files: int, seed: int, folder: Path) -> dict[str, Counter]:
    """Read altered files of every format in turn.

    Args:
        files: how many. seed: of all of them. folder: for the files.

    Returns
    -------
        ``"read"`` and ``"refused"``: how many of each format.

    Raises
    ------
        AssertionError: a file that is neither; it names the file, which is kept.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    import hostile

    from mapping.confined import parent

    started, parent.run = parent.run, forked
    try:
        return _run(hostile, files, seed, folder)
    finally:
        parent.run = started


def _run(hostile: Any, files: int, seed: int, folder: Path) -> dict[str, Counter]:
    originals = {}
    for how in hostile.FORMATS:
        (folder / how).mkdir()
        originals[how] = hostile.valid(how, folder / how)
        hostile.read(reader(how), originals[how])
    valid = {how: path.read_bytes() for how, path in originals.items()}
    counts = {"read": Counter(), "refused": Counter()}
    for index in range(files):
        how = hostile.FORMATS[index % len(hostile.FORMATS)]
        path = originals[how]
        path.write_bytes(alter(valid[how], random.Random(f"{seed} {index}")))
        outcome, seconds = once(reader(how), path, index)
        if seconds >= SECONDS:  # others may be busy on this machine
            outcome, seconds = once(reader(how), path, index)
        counts[outcome][how] += 1
        assert seconds < SECONDS, f"{path} (file {index}) took {seconds:.2f} s"
    for how, path in originals.items():  # each valid file still loads
        path.write_bytes(valid[how])
        hostile.read(reader(how), path)
    return counts


def forked(job: dict, most: int, timeout: float) -> tuple[bytes | None, int]:
    """Do what mapping.confined.parent.run does, in a fork of this process."""
    from mapping.confined import child, parent

    reader = importlib.import_module(job["reader"])
    reader.prepare()
    pipe, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(pipe)
        os._exit(child.answered(reader, job, into))
    os.close(into)
    answer = parent.received(pipe, most, time.monotonic() + timeout)
    os.close(pipe)
    return answer, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def once(how: str, path: Path, index: int) -> tuple[str, float]:
    """Read one file; return "read" or "refused", and the seconds it took."""
    import hostile

    start, outcome = time.perf_counter(), "read"
    try:
        hostile.read(how, path)
    except ValueError as error:
        outcome, sentence = "refused", str(error)
        assert "\n" not in sentence, f"{path} (file {index}): more than one line: {sentence!r}"
    except BaseException as error:
        raise AssertionError(f"{path} (file {index}): {type(error).__name__}: {error}") from error
    return outcome, time.perf_counter() - start


def reader(how: str) -> str:
    """Return how a format is read, as tests/hostile.py calls it."""
    return {"safetensors": "state", "torch": "state"}.get(how, how)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        counts = run(options.files, options.seed, folder)
    except AssertionError as error:
        print(error)
        return 1
    shutil.rmtree(folder)
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(f"seed {options.seed}: {options.files} files in {time.perf_counter() - start:.0f} s, "
          f"grown by {growth} MB")  # fmt: skip
    for what, each in counts.items():
        print(f"{what}: {sum(each.values())}: {dict(each)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
