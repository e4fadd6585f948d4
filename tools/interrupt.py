"""Stop every command at random moments, as Ctrl-C does, and see what is left.

    python tools/interrupt.py [--runs 200] [--seed 0] [--only verify] [--takes 5]

Half of the runs are stopped within the first part of a second, while modules are imported, the
others anywhere. Half of the signals go to the whole group, as a terminal sends them, the others to
the one process. Each run must end as if nothing had happened, or by the signal with one sentence;
without a traceback, a temporary file or a process that lives on. Exit status 1: one did not.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Seconds in which modules are imported; seconds that a stopped command has to end by itself.
EARLY, LEAVE = 0.6, 30.0
#: Seconds after which no run is stopped any more.
LATE = 10.0
#: Caches that torch keeps among temporary files.
THEIRS = (f"torchinductor_{getpass.getuser()}",)
#: What no stopped command says.
NEVER = ("Traceback", "Exception ignored", "Fatal", "Abort", "terminate called", "resource_tracker")

COMMANDS = {
    "show": "show net.safetensors",
    "fold": "fold trained.safetensors -o out.safetensors --timesteps 800",
    "run fast": "run net.safetensors --inputs x.npy --backend fast -o out.npz",
    "run rtl": "run net.safetensors --inputs x.npy --backend rtl -o out.npz",
    "verify": "verify net.safetensors --backends fast,rtl -o out.json",
    "verify lava": "verify net.safetensors --backends lava,lava-stock",
    "verify cocotb": "verify net.safetensors --backends cocotb",
    "verilog": "verilog net.safetensors -o rtl",
    "report": "report .",
    "campaign": "campaign --networks 4 --backends fast,rtl -o out.jsonl",
    "evaluate": "evaluate net.safetensors x.npy --labels y.npy",
    "import arrays": "import net.toml --from arrays -o out.safetensors",
    "import torch": "import user_model:build --from torch --shape 4 --timesteps 3 -o out.st",
    "train": "train digits --set epochs=20 -o out.safetensors",
    "train workers": "train digits --set epochs=9 --workers 2 -o out.safetensors",
    "demo": "demo --out demo",
    "doctor": "doctor",
}
MODEL = """
import torch
from torch import nn

class Sign(nn.Module):
    def forward(self, x):
        return (x >= 1).to(x.dtype)

def build():
    torch.manual_seed(0)
    layer = nn.Linear(4, 3, bias=False)
    layer.weight.data = layer.weight.data.sign()
    return nn.Sequential(layer)
"""


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    import numpy as np
    from scipy.io import savemat

    from mapping import (
        Connection,
        Dense,
        Input,
        Network,
        Neuron,
        Population,
        Readout,
        TrainedNetwork,
        save,
        trained,
    )

    rng = np.random.default_rng(0)
    first, second = rng.choice([-1, 1], (24, 16)), rng.choice([-1, 1], (4, 24))
    neuron = Neuron(1, 0, threshold=5)
    populations = (
        Population("a", (Connection("input", Dense(first)),), neuron),
        Population("b", (Connection("a", Dense(second)),), neuron),
    )
    ends = Input((16,)), Readout("b")
    save(Network(ends[0], populations, ends[1], timesteps=6), folder / "net.safetensors")
    real = trained.Neuron(leak=0.5, threshold=1.0)
    layers = (
        trained.Population("a", (trained.Connection("input", Dense(first), scale=0.3),), real),
        trained.Population("b", (trained.Connection("a", Dense(second), scale=0.2),), real),
    )
    save(TrainedNetwork(ends[0], layers, ends[1], timesteps=6), folder / "trained.safetensors")
    shutil.copy(folder / "net.safetensors", folder / "network.safetensors")
    np.save(folder / "x.npy", rng.integers(0, 2, (400, 6, 16), dtype=np.uint8))
    np.save(folder / "y.npy", rng.integers(0, 4, 400))
    savemat(folder / "w.mat", {"w": first.astype(float)})  # read in a process of its own
    (folder / "user_model.py").write_text(MODEL)
    (folder / "net.toml").write_text(TOML)


TOML = """
timesteps = 3
[input]
shape = [16]
[readout]
source = "a"
[[population]]
name = "a"
neuron = { threshold = 1.0, leak = 0.5 }
[[population.connection]]
source = "input"
op = "dense"
weights = "w.mat:w"
"""


class Run:
    """One run of a command in a folder, with caches and temporary files of its own."""

    def __init__(self, words: str, given: Path, where: Path) -> None:
        self.folder, self.scratch, self.cache = where / "here", where / "tmp", where / "cache"
        shutil.copytree(given, self.folder)
        self.scratch.mkdir()
        self.mark = f"{os.getpid()}-{where.name}"
        self.before = set(self.folder.iterdir())
        environment = {
            **os.environ, "TMPDIR": str(self.scratch), "SPIKEXACT_CACHE": str(self.cache),
            "PYTHONPATH": str(ROOT), "INTERRUPT_MARK": self.mark,
        }  # fmt: skip
        environment.setdefault("YOWASP_CACHE_DIR", str(Path(sys.prefix) / "yowasp-cache"))
        with (where / "out").open("wb") as out, (where / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spikexact", *words.split()], cwd=self.folder,
                env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
        self.err = where / "err"

    def stop(self, group: bool) -> None:
        """Send Ctrl-C."""
        with_group = os.killpg if group else os.kill
        try:
            with_group(self.process.pid, signal.SIGINT)
        except ProcessLookupError:
            pass

    def living(self) -> list[int]:
        """Return the processes of this run that live, by the mark in their environment."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self.mark in (entry / "environ").read_text("latin-1"):
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    found += [] if state == "Z" else [int(entry.name)]
            except OSError:
                continue
        return found

    def left(self) -> list[str]:
        """Return the temporary files and folders that are there."""
        new = [p.name for p in set(self.folder.iterdir()) - self.before if p.name.startswith(".")]
        builds = [p.name for p in self.cache.glob("build-*")] if self.cache.exists() else []
        return new + builds + [p.name for p in self.scratch.iterdir() if p.name not in THEIRS]

    def judge(self) -> tuple[str, str]:
        """Wait for the end; return how it ended, and what is wrong with that or nothing."""
        try:
            code = self.process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return "hung", f"lives {LEAVE:g} s after the signal"
        deadline = time.monotonic() + 8
        while self.living() and time.monotonic() < deadline:
            time.sleep(0.05)
        said = self.err.read_text("utf-8", "replace")
        orphans, left = self.living(), self.left()
        for process in orphans:
            os.kill(process, signal.SIGKILL)
        ended, wrong = "finished", []
        sentences = said.count("error: stopped; ")
        # before a line of ours has run: while Python loads site, or looks for the package
        unready = "Traceback" in said and not ("/spikexact/" in said and "guard" in said)
        if code == -signal.SIGINT:
            ended = "stopped" if sentences else "before the program began"
            if not sentences and said and not unready:
                wrong.append("ended by the signal without its sentence")
        elif code != 0 and not unready:
            wrong.append(f"status {code}")
        if sentences > 1 or (sentences and code != -signal.SIGINT):
            wrong.append(f"{sentences} sentences with status {code}")
        if unready:
            ended = "within the interpreter's own start"
        else:
            wrong += [word for word in NEVER if word in said]
        wrong += [f"left {left}"] if left else []
        wrong += [f"{len(orphans)} processes live on"] if orphans else []
        return ended, "; ".join(wrong) + (f"\n{said}" if wrong else "")


def main() -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="commands whose name begins so")
    parser.add_argument("--takes", type=float, help="seconds of a run; measured unless given")
    given = parser.parse_args()
    names = [name for name in COMMANDS if name.startswith(given.only or "")]
    drawn = random.Random(given.seed)
    counts: Counter[str] = Counter()
    faults = []
    with tempfile.TemporaryDirectory(prefix="interrupt-") as scratch:
        folder = Path(scratch) / "given"
        folder.mkdir()
        prepare(folder)
        takes = {}
        for name in names if given.takes is None else ():
            began = time.monotonic()
            run = Run(COMMANDS[name], folder, made(Path(scratch) / name.replace(" ", "-")))
            code = run.process.wait(600)
            takes[name] = time.monotonic() - began
            ended, wrong = run.judge()
            print(f"{name}: {takes[name]:.1f} s, status {code}", flush=True)
            if wrong:
                faults.append(f"{name}, undisturbed: {wrong}")
        for number in range(given.runs):
            name = names[number % len(names)]
            early = drawn.random() < 0.5
            after = drawn.uniform(0, EARLY if early else min(takes.get(name, given.takes), LATE))
            group = drawn.random() < 0.5
            run = Run(COMMANDS[name], folder, made(Path(scratch) / str(number)))
            time.sleep(after)
            run.stop(group)
            ended, wrong = run.judge()
            counts[ended] += 1
            if wrong:
                faults.append(f"run {number}, {name}, {after:.3f} s, group {group}: {wrong}")
                print(faults[-1], flush=True)
            shutil.rmtree(Path(scratch) / str(number))
            if number % 20 == 19:
                print(number + 1, dict(counts), flush=True)
    print(json.dumps({"seed": given.seed, "runs": given.runs, **counts, "faults": len(faults)}))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def made(folder: Path) -> Path:
    """Make a folder and return it."""
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
