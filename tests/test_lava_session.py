"""Runs end: failing, killed or interrupted, they raise one sentence and leave nothing behind."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest

from lava_procs import session, shim

pytestmark = pytest.mark.lava

LONG = 1_000_000
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Compare processes and threads before and after."""
    needs.package("lava")
    shim.load()
    before = leftovers()
    yield
    deadline = time.monotonic() + 5
    while leftovers() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers() == before


def leftovers() -> tuple[set[int], int]:
    children = {c.pid for c in multiprocessing.active_children()}
    return children, threading.active_count()


def pair(tmp_path: Path, timesteps: int, data: int) -> tuple[object, Path]:
    """Return a source of `data` timesteps that feeds a sink of `timesteps`."""
    from lava_procs.processes.sink import Sink
    from lava_procs.processes.source import Source

    path = tmp_path / "spikes.npy"
    source = Source(np.ones((data, 2, 3), np.int32))
    sink = Sink((2, 3), timesteps, spikes=str(path))
    source.s_out.connect(sink.s_in)
    return source, path


def test_a_run_delivers_and_ends(tmp_path: Path) -> None:
    source, path = pair(tmp_path, 5, 5)
    session.play(source, 5)
    assert session.collected(path).shape == (5, 2, 3)
    assert session.collected(path).all()
    assert [p.name for p in tmp_path.iterdir()] == ["spikes.npy"]


def test_a_failing_process_is_named(tmp_path: Path) -> None:
    source, path = pair(tmp_path, 9, 5)
    with pytest.raises(session.LavaFailed, match="a Lava process failed with IndexError: index 5"):
        session.play(source, 9)
    with pytest.raises(session.LavaFailed, match="nothing was collected"):
        session.collected(path)


def test_a_killed_process_is_noticed(tmp_path: Path) -> None:
    source, _ = pair(tmp_path, LONG, LONG)

    def actors() -> list[Any]:
        return [c for c in multiprocessing.active_children() if type(c).__name__ == "SystemProcess"]

    def kill() -> None:
        wait_for(actors)
        os.kill(actors()[0].pid, signal.SIGKILL)

    timer = threading.Timer(1.0, kill)
    timer.start()
    with pytest.raises(session.LavaFailed, match="a Lava process ended with signal 9 "):
        session.play(source, LONG)
    timer.join()


DYING = """
import os, signal
import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

class Dying(AbstractProcess):
    def __init__(self, how):
        super().__init__(how=how)
        self.s_out = OutPort(shape=(2, 3))

@implements(proc=Dying, protocol=LoihiProtocol)
@requires(CPU)
class PyDying(PyLoihiProcessModel):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        if proc_params["how"] == "raise":
            raise OSError("no space left")
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("raise", "a Lava process failed with OSError: no space left"),
        ("die", "a Lava process ended with signal 9 "),
    ],
)
def test_a_process_that_can_not_be_built(
    how: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / f"dying_{how}.py").write_text(DYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    from lava_procs.processes.sink import Sink

    process = importlib.import_module(f"dying_{how}").Dying(how)
    process.s_out.connect(Sink((2, 3), 3).s_in)
    with pytest.raises(session.LavaFailed, match=sentence):
        session.play(process, 3)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    source, _ = pair(tmp_path, LONG, LONG)
    threads = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    threads.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        session.play(source, LONG)
    assert time.monotonic() - began < 10
    threads.join()


PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, {root!r})
from lava_procs import session, shim

def main():
    shim.load()
    from lava_procs.processes.sink import Sink
    from lava_procs.processes.source import Source
    source = Source(np.ones(({steps}, 2, 3), np.int32))
    sink = Sink((2, 3), {steps}, spikes={path!r})
    source.s_out.connect(sink.s_in)
    session.play(source, {steps})

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_or_a_kill_leaves_no_orphans(how: int, tmp_path: Path) -> None:
    # SIGINT to the whole group, as a terminal sends it; SIGTERM to the parent alone
    script = tmp_path / "long.py"
    text = PROGRAM.format(root=str(ROOT), steps=LONG, path=str(tmp_path / "s.npy"))
    script.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_for(lambda: len(living(process.pid)) >= 6 and (tmp_path / "s.npy.part").exists())
        time.sleep(0.5)
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            os.kill(process.pid, how)
        _, told = process.communicate(timeout=30)
        wait_for(lambda: not living(process.pid))
    finally:
        for left in living(process.pid):
            os.kill(left, signal.SIGKILL)
    assert process.returncode == -how
    assert told.count("Traceback") == (1 if how == signal.SIGINT else 0), told


def living(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
