"""Child processes under limits: a reader that hangs, eats or dies is a sentence and leaves nothing.

And torch's files, read without torch: what they hold is what torch says that they hold.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bad_reader
import needs
import numpy as np
import pytest

from mapping import Unsupported, confined
from mapping.confined import torch_zip
from mapping.plain import FileError

ROOT = Path(__file__).resolve().parent.parent

#: What a reader may do, and the sentence of it.
BAD = {
    "hang": "takes more than 1.0 s",
    "eat": "needs more than 448 MiB",
    "crash": "kills its parser (SIGSEGV)",
    "exit": "the answer of the process that read it is damaged",
    "quit": "its parser ended early",
    "open": "Too many open files",
    "write": "Too many open files",
    "flood": "takes more than 1.0 s",
    "forge": "the answer of the process that read it is damaged",
    "objects": "holds an array of type object",
    "large": "holds arrays of more than 167772160 bytes",
    "other": "cannot be parsed: two lines",
}


@pytest.mark.parametrize("word", BAD)
def test_a_reader_that_hangs_eats_or_dies_is_one_sentence(word: str, tmp_path: Path) -> None:
    path = tmp_path / word
    path.write_text(word)
    start = time.monotonic()
    with pytest.raises(FileError, match=re.escape(BAD[word])) as refused:
        confined.read(bad_reader, path)
    assert str(refused.value).startswith(f"{path} ") and "\n" not in str(refused.value)
    assert time.monotonic() - start < 30  # hours, without limits
    assert not (ROOT / "written").exists() and not Path("written").exists()


def test_a_reader_that_waits_is_ended_by_the_clock(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("sleep")
    start = time.monotonic()
    with pytest.raises(FileError, match=r"takes more than 0\.3 s"):
        confined.read(bad_reader, tmp_path / "x", confined.Limits(seconds=0.3))
    assert time.monotonic() - start < 30


def test_limits_cannot_be_raised_again(tmp_path: Path) -> None:
    """No core dump, nothing written; the hard limits are as low as the soft ones."""
    (tmp_path / "x").write_text("limits")
    limits = confined.read(bad_reader, tmp_path / "x")
    assert limits["RLIMIT_CORE"] == limits["RLIMIT_FSIZE"] == [0, 0]
    assert all(soft == hard >= 0 for soft, hard in limits.values())


def test_what_a_reader_returns_comes_back_equal(tmp_path: Path) -> None:
    """Names that the answer itself uses, and what a parser prints, change nothing."""
    (tmp_path / "x").write_text("print")
    tree = confined.read(bad_reader, tmp_path / "x")
    assert tree["$"] == [1, 2.5, "text", None, True] and tree["dict"] == {}
    assert tree["array"].dtype == np.int64 and tree["array"].tolist() == [0, 1, 2]


def test_a_reader_that_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("print")
    monkeypatch.setenv("BAD_READER_IS_BROKEN", "1")
    sentence = "^bad files cannot be read here: ImportError: no such library$"
    with pytest.raises(Unsupported, match=sentence):
        confined.read(bad_reader, tmp_path / "x")


READING = """
import sys
sys.path[:0] = ["tests", "."]
import bad_reader
from pathlib import Path
from mapping import confined
from spikexact import guard
guard.install()
print("ready", flush=True)
confined.read(bad_reader, Path(sys.argv[1]), confined.Limits(seconds=2.0))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_child_outlives_who_asked(tmp_path: Path, number: signal.Signals) -> None:
    """Of one that is killed, the child's own limits are what ends it."""
    (tmp_path / "x").write_text("hang")
    asking = subprocess.Popen(
        [sys.executable, "-c", READING, str(tmp_path / "x")], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert asking.stdout.readline() == "ready\n"
        child = eventually(lambda: children(asking.pid))[0]
        asking.send_signal(number)
        _, said = asking.communicate(timeout=60)
    finally:
        asking.kill()
        asking.wait()
    assert asking.returncode == -number
    assert said == ("" if number == signal.SIGKILL else f"error: {STOPPED}\n")
    eventually(lambda: not alive(child))


STOPPED = "stopped; nothing half-written was left"


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that still run (Linux)."""
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(ask: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true; return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it never was")


def test_a_state_dict_is_what_torch_says(tmp_path: Path) -> None:
    """Every type of numbers, views, shared storages, parameters and a module's own state."""
    needs.package("torch")
    import torch

    base = torch.arange(24.0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    tensors = {
        **module.state_dict(),
        **{str(kind): torch.arange(6).reshape(2, 3).to(kind) for kind in (
            torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
            torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16, torch.uint32,
        )},
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "turned": base.reshape(4, 6).T,
        "part": base.reshape(2, 3, 4)[1, :, ::2],
        "again": base,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "fraction": torch.tensor([1.5, -0.0078125, 3e38]).bfloat16(),
    }  # fmt: skip
    for value in (tensors, module.state_dict()):
        torch.save(value, tmp_path / "x.pt")
        held = confined.read(torch_zip, tmp_path / "x.pt")
        assert held.keys() == value.keys()
        for name, tensor in value.items():
            tensor = tensor.detach()
            want = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
            assert held[name].dtype == want.dtype and held[name].shape == want.shape, name
            assert np.array_equal(held[name], want), name


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((3,), (1,), 4), ((2, 2), (5, 1), 1), ((1,), (1,), -1), ((2,), (-1,), 3),
     ((2,), (1, 1), 0), ((True,), (1,), 0), ((1 << 60,), (0,), 0)],
)  # fmt: skip
def test_a_tensor_beyond_its_storage_is_refused(shape: tuple, strides: tuple, offset: int) -> None:
    storage = np.arange(6.0)
    assert torch_zip.tensor(storage, 1, (2, 2), (2, 1)).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="a tensor of"):
        torch_zip.tensor(storage, offset, shape, strides)
