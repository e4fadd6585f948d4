"""Runs end: failing, killed or interrupted, they raise one sentence and leave nothing behind."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest

from lava_procs import running, shim, watching
from lava_procs.arithmetic.timing import Timing
from lava_procs.session import LavaSession
from lava_procs.sharing import shared
from lava_procs.watching import LavaFailed
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import encode
from sim import run
from sim.campaign.stimuli import random_inputs

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


def pair(data: int, shape: tuple[int, ...] = (2, 3)) -> tuple[Any, np.ndarray]:
    """Return a source of ones that feeds a sink, and what the sink writes."""
    from lava_procs.processes.sink import Sink
    from lava_procs.processes.source import Source

    kept = shared((data, *shape), bool)
    source = Source(np.ones((data, *shape), np.int32), name="the source")
    source.s_out.connect(Sink(shape, kept, name="the sink").s_in)
    return source, kept


def test_a_run_delivers_and_ends() -> None:
    source, kept = pair(5)
    running.play(source, 5)
    assert kept.shape == (5, 2, 3) and kept.all()


def test_a_failing_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    source, kept = pair(5)

    def step(self: Timing, time_step: int) -> None:
        if time_step == 4:
            raise OverflowError("too much\nof it")
        return right(self, time_step)

    right = Timing.step
    monkeypatch.setattr(Timing, "step", step)
    sentence = (
        r"^the Lava process of the s(ource|ink) \(S.*\) failed with OverflowError: too much of"
    )
    with pytest.raises(LavaFailed, match=sentence):
        running.play(source, 9)
    assert kept[:2].all() and not kept[3:].any()


def test_a_killed_process_is_named() -> None:
    source, _ = pair(9)
    with running.Running(source) as run:
        run.steps(3)
        os.kill(run.watch.actors[1].pid, signal.SIGKILL)
        sentence = r"^the Lava process of the s(ource|ink) .* with signal 9 \(out of memory\?\)$"
        with pytest.raises(LavaFailed, match=sentence):
            run.steps(3)
        with pytest.raises(LavaFailed, match=r"^this run of Lava has ended$"):
            run.steps(3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who takes processor time")
def test_a_stopped_process_is_named_and_a_slow_one_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "HANG", 1.0)
    source, _ = pair(9)
    with running.Running(source) as run:
        run.steps(3)
        stopped = run.watch.actors[0].pid
        os.kill(stopped, signal.SIGSTOP)
        waking = threading.Timer(30, os.kill, (stopped, signal.SIGCONT))  # if nobody sees it
        waking.start()
        with pytest.raises(LavaFailed, match="of the s(ource|ink) .* stopped, and the run hangs$"):
            run.steps(3)
        waking.cancel()
        waking.join()

    def slow(self: Timing, time_step: int) -> None:
        until = time.monotonic() + 2.5
        while time_step == 2 and time.monotonic() < until:
            pass
        return right(self, time_step)

    right = Timing.step
    monkeypatch.setattr(Timing, "step", slow)
    source, kept = pair(5)
    running.play(source, 5)
    assert kept.all()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who takes processor time")
def test_looking_for_a_hang_interns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few ten thousand looks Python's table of interned strings would grow by a MiB or so."""
    kept: list[str] = []
    source, _ = pair(9)
    with running.Running(source) as run:
        run.steps(3)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "intern", lambda text: kept.append(text) or text)
            run.watch.look()
        assert kept == []
        assert run.watch.seen[1] >= 0  # it looked


def test_no_segment_of_shared_memory_has_a_name_while_a_run_goes_on() -> None:
    before = set(Path("/dev/shm").glob("psm_*")) if Path("/dev/shm").exists() else set()
    source, kept = pair(5)
    with running.Running(source) as run:
        mine = [handle.name for handle in run.runtime._messaging_infrastructure.smm.handles]
        assert len(mine) >= 5
        assert not {f"/dev/shm/{name.lstrip('/')}" for name in mine} & set(
            map(str, Path("/dev/shm").glob("*"))
        )
        run.steps(5)
    assert kept.all(), before


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
        super().__init__(how=how, name="the culprit")
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
        ("raise", "the Lava process of the culprit (Dying) failed with OSError: no space left"),
        ("die", "the Lava process of the culprit (Dying) ended with signal 9 (out of memory?)"),
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
    process.s_out.connect(Sink((2, 3)).s_in)
    with pytest.raises(LavaFailed, match=f"^{re.escape(sentence)}$"):
        running.play(process, 3)


def test_ctrl_c_ends_everything() -> None:
    source, _ = pair(100)
    threads = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    threads.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        running.play(source, LONG)
    assert time.monotonic() - began < 10
    threads.join()


PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, {root!r})
from lava_procs import running, shim

def main():
    shim.load()
    from lava_procs.processes.sink import Sink
    from lava_procs.processes.source import Source
    source = Source(np.ones((9, 2, 3), np.int32))
    source.s_out.connect(Sink((2, 3)).s_in)
    with running.Running(source) as run:
        run.steps(1)
        print("runs", flush=True)
        run.steps({steps})

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("beside", [False, True])
def test_children_ignore_ctrl_c_whichever_thread_began_them(beside: bool) -> None:
    source, kept = pair(9)
    ended: list[str] = []

    def use() -> None:
        with running.Running(source) as run:
            run.steps(3)
            for actor in run.watch.actors:
                os.kill(actor.pid, signal.SIGINT)
            run.steps(6)
        ended.append("well")

    if beside:  # no thread but the main one may set handlers: there the mask alone does it
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    else:
        use()
    assert ended == ["well"] and kept.all()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_or_a_kill_leaves_no_orphans(how: int, tmp_path: Path) -> None:
    # SIGINT to the whole group, as a terminal sends it; SIGTERM to the parent alone
    script = tmp_path / "long.py"
    text = PROGRAM.format(root=str(ROOT), steps=LONG)
    script.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == "runs\n"
        assert len(living(process.pid)) >= 4
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


@pytest.mark.slow
def test_a_dozen_failures() -> None:
    """Two of every kind, at random moments; docs/lava.md has the table of 300."""
    command = [sys.executable, str(ROOT / "tests" / "lava_faults.py")]
    done = subprocess.run(  # a busy machine gives them more than 10 seconds
        [*command, "--count", "12", "--seed", "7", "--within", "100"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout.count("| 2 |") == 6 and "WRONG" not in done.stdout


def small() -> Network:
    weights = np.where(np.random.default_rng(3).random((5, 7)) < 0.5, -1, 1)
    p = Population("p", (Connection("input", Dense(weights)),), Neuron(1, 1, threshold=2))
    return Network(Input((7,)), (p,), Readout("p"), 4)


def test_a_session_runs_many_batches_and_two_stand_beside_each_other() -> None:
    network = small()
    x = random_inputs(network, 11)
    want = run(network, x)
    with LavaSession(network, rows=3) as one, LavaSession(network, v=(), rows=11) as other:
        for _ in range(3):
            spikes, v = one.run(x)
            assert np.array_equal(spikes["p"], want.spikes["p"])
            assert np.array_equal(v["p"], want.v["p"])
            again, none = other.run(x[:5])
            assert np.array_equal(again["p"], want.spikes["p"][:5]) and not none
    with pytest.raises(LavaFailed, match=r"^this run of Lava has ended$"):
        one.run(x)


def test_a_session_sums_direct_input_anew_for_every_batch() -> None:
    network = replace(small(), input=Input((7,), bits=4, coding="direct"))
    x = random_inputs(network, 6)
    want = run(network, x)
    with LavaSession(network, rows=2) as session:
        found = session.run(encode(network.input, x, 4))[1]["p"]
    assert np.array_equal(found, want.v["p"])
    assert len(np.unique(want.v["p"].reshape(6, -1), axis=0)) == 6


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 4, 6), (7,)])
def test_a_session_says_what_it_takes(shape: tuple[int, ...]) -> None:
    with (
        LavaSession(small()) as session,
        pytest.raises(ValueError, match=r"takes inputs of shape \(samples, 4, 7\), not \("),
    ):
        session.run(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("steps", [0, 5])
def test_steps_are_the_networks(steps: int) -> None:
    with pytest.raises(ValueError, match=rf"^steps must be 1 to 4, the network's T, not {steps}$"):
        LavaSession(small(), steps=steps)


@pytest.mark.slow
def test_ten_thousand_timesteps_take_no_more_memory_than_one_batch() -> None:
    """benchmarks/lava_memory.py runs a million."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "lava_memory.py"), "--timesteps", "10000"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    grown = int(re.search(r"grew by (-?\d+) KiB", last)[1])
    assert grown < 2048, done.stdout


@pytest.mark.parametrize("split", [False, True])
def test_what_leaves_its_range_is_refused_where_it_arrives(split: bool) -> None:
    """Spikes are counted: a 2 would pass for a 1."""
    from lava_procs.processes.network import NetworkProcess
    from lava_procs.processes.source import Source

    data = np.zeros((4, 7), np.int32)
    data[2, 3] = 2
    source = Source(data)
    source.s_out.connect(NetworkProcess(small(), split=split).s_in)
    sentence = r"of population 'p'.* failed with ValueError: received 2, and span says 0 to 1$"
    with pytest.raises(LavaFailed, match=sentence):
        running.play(source, 4)
