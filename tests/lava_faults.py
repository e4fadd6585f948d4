"""Failures of Lava runs, injected at random: ``python tests/lava_faults.py --count 300 --seed 0``.

A small network runs in a session, again and again, until something happens to it, at a moment
drawn from its start to the middle of its runs:

``raise``   a population's arithmetic raises            ``memory``  it finds no memory
``wait``    it waits for a message that never comes     ``kill``    SIGKILL to one of the processes
``stop``    SIGSTOP to one of them                      ``ctrl-c``  SIGINT to the process group

The session must end within 10 seconds with one sentence that names the Process, and leave no
process, no thread and no segment of shared memory. The table at the end counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lava_procs import shim
from lava_procs.arithmetic.membranes import Membranes
from lava_procs.session import LavaSession
from lava_procs.watching import LavaFailed
from mapping import Connection, Dense, Identity, Input, Network, Neuron, Population, Readout

KINDS = ("raise", "memory", "wait", "kill", "stop", "ctrl-c")
#: Seconds within which a run must end, and the latest moment of an injection after its start.
WITHIN, LATEST = 10.0, 0.5


@dataclass(frozen=True)
class Ended:
    """How one run ended: seconds since the injection, the sentence, and what is wrong with it."""

    kind: str
    seconds: float
    sentence: str
    wrong: str = ""


def network() -> Network:
    """Return a chain, a join and an integrator: Layers, connections and Neurons."""
    rng = np.random.default_rng(0)

    def dense(out: int, fan: int) -> Dense:
        return Dense(rng.choice(np.array([-1, 1], np.int8), (out, fan)))

    return Network(
        Input((20,)),
        (
            Population("first", (Connection("input", dense(16, 20)),), Neuron(threshold=2)),
            Population(
                "join",
                (Connection("first", dense(16, 16)), Connection("first", Identity(), gain=3)),
                Neuron(1, 1, threshold=2),
            ),
            Population("sum", (Connection("join", dense(4, 16)),), Neuron()),
        ),
        Readout("sum", "membrane"),
        8,
    )


def inject(kind: str, seed: int, within: float = WITHIN) -> Ended:
    """Run, inject one failure, and judge the end."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    before = leftovers()
    net, injected = network(), multiprocessing.Value("d", 0.0)
    target = net.populations[int(rng.integers(3))]
    step, delay = Membranes.step, float(rng.uniform(0, LATEST))
    when, pick, named = (
        int(rng.integers(1, 200)),
        float(rng.random()),
        f"population {target.name!r}",
    )
    count = 0

    def faulty(self: Membranes, drive: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        nonlocal count
        if self.neuron is target.neuron:
            count += 1
            if count == when:
                injected.value = time.monotonic()
                if kind == "raise":
                    raise ValueError("planted")
                if kind == "memory":
                    np.empty(1 << 62, np.uint8)
                threading.Event().wait()
        return step(self, drive, t)

    def signals() -> None:
        nonlocal named
        time.sleep(delay)
        processes = [c for c in multiprocessing.active_children() if c.is_alive()]
        while not processes and not done.is_set():
            time.sleep(0.002)
            processes = [c for c in multiprocessing.active_children() if c.is_alive()]
        if done.is_set():
            return
        injected.value = time.monotonic()
        if kind == "ctrl-c":
            os.killpg(os.getpgrp(), signal.SIGINT)
            return
        named = "the Lava process of "
        chosen = processes[int(pick * len(processes))]
        os.kill(chosen.pid, signal.SIGKILL if kind == "kill" else signal.SIGSTOP)

    done = threading.Event()
    timer = threading.Thread(target=signals, daemon=True)
    if kind in ("raise", "memory", "wait"):
        Membranes.step = faulty
    else:
        timer.start()
    sentence = ""
    try:
        x = rng.integers(0, 2, (4, 8, 20)).astype(np.uint8)
        with LavaSession(net) as session:
            while True:
                session.run(x)
    except LavaFailed as error:
        sentence = str(error)
    except KeyboardInterrupt:
        sentence = "KeyboardInterrupt"
    finally:
        ended = time.monotonic()
        done.set()
        Membranes.step = step
        if timer.is_alive():
            timer.join()
    seconds = ended - injected.value
    return Ended(kind, seconds, sentence, _wrong(within, kind, seconds, sentence, named, before))


def _wrong(
    within: float, kind: str, seconds: float, sentence: str, named: str, before: tuple
) -> str:
    if seconds > within:
        return f"it took {seconds:.1f} s"
    wanted = "KeyboardInterrupt" if kind == "ctrl-c" else named
    if wanted not in sentence or "\n" in sentence:
        return f"its sentence does not say {wanted!r}"
    deadline = time.monotonic() + 2
    while leftovers() != before and time.monotonic() < deadline:
        time.sleep(0.02)
    after = leftovers()
    return "" if after == before else f"left: {before} became {after}"


def leftovers() -> tuple[frozenset[int], int, frozenset[Path]]:
    """Return children that live or are not waited for, the number of threads, shared memory."""
    children = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8")
        except OSError:
            continue
        command, fields = text.partition("(")[2].rpartition(")")[0], text.rpartition(")")[2].split()
        if int(fields[1]) == os.getpid() and not _tracker(stat, command):
            children.add(int(stat.parent.name))
    return frozenset(children), threading.active_count(), frozenset(Path("/dev/shm").iterdir())


def _tracker(stat: Path, command: str) -> bool:
    """Whether it is Python's own process that watches over shared memory, one a program."""
    return "resource_tracker" in (stat.parent / "cmdline").read_text(encoding="utf-8")


def main() -> None:
    """Inject, print every failure that ended wrongly, and the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="failures (300)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and processes (0)")
    parser.add_argument("--within", type=float, default=WITHIN, help="seconds to end (10)")
    options = parser.parse_args()
    if os.getpgrp() != os.getpid():
        os.setpgrp()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # shells leave it out of background jobs
    shim.load()
    found = []
    for k in range(options.count):
        found.append(inject(KINDS[k % len(KINDS)], options.seed + k, options.within))
        if sys.stderr.isatty():
            print(f"\r{k + 1} of {options.count}", end="", file=sys.stderr)
    counts = Counter(e.kind for e in found)
    print(f"seed {options.seed}; {len(found)} failures")
    print("| injected | runs | longest, s | median, s | wrong |\n| --- | --- | --- | --- | --- |")
    for kind in KINDS:
        mine = [e for e in found if e.kind == kind]
        if mine:
            seconds = sorted(e.seconds for e in mine)
            wrong = sum(bool(e.wrong) for e in mine)
            print(f"| {kind} | {counts[kind]} | {seconds[-1]:.1f} | "
                  f"{seconds[len(seconds) // 2]:.1f} | {wrong} |")  # fmt: skip
    for e in found:
        if e.wrong:
            print(f"WRONG {e.kind}: {e.wrong}: {e.sentence!r}")
    sys.exit(any(e.wrong for e in found))


if __name__ == "__main__":
    main()
