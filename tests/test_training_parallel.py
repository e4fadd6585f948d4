"""Two processes that share a batch compute what one does with the whole of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import needs
import pytest

needs.package("torch")
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from mapping import Input, TrainedNetwork, load  # noqa: E402
from training.data.dataset import Arrays  # noqa: E402
from training.feed import Share, in_order, order, shuffled  # noqa: E402
from training.hardware import constant_gates, freeze, table_gates  # noqa: E402
from training.loop import Run, deterministic, fit, settle  # noqa: E402
from training.networks import NETWORKS  # noqa: E402
from training.norm import Norm  # noqa: E402
from training.objective import Classify  # noqa: E402
from training.recipe import Recipe  # noqa: E402
from training.style import Style  # noqa: E402

pytestmark = pytest.mark.torch
ROOT = Path(__file__).resolve().parent.parent

#: What each process runs; alone it is the reference.
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training_parallel import CASES, compute, save
from training.parallel import processes

with processes() as share:
    for name in CASES:
        save(compute(name, share), Path({folder!r}) / f"{{name}}.{{share.world}}.{{share.rank}}")
"""

#: Samples in the only batch, and what becomes of the norms.
CASES = {
    "frozen": (32, "frozen"),
    "frozen, odd": (21, "frozen"),
    "synchronised": (32, "synchronised"),
    "synchronised, odd": (21, "synchronised"),
    "settled": (50, "settled"),
    "constant gates": (32, "constant"),
    "table gates": (32, "table"),
}


class Gradients:
    """Keep the first step's gradients, as loop.Watcher."""

    def __init__(self, model: Any) -> None:
        self.model, self.found = model, {}

    def begin(self) -> None:
        pass

    def output(self, name: str, x: torch.Tensor) -> None:
        pass

    def gradients(self) -> None:
        if not self.found:
            self.found = {
                f"gradient {n}": p.grad.clone()
                for n, p in self.model.named_parameters()
                if p.grad is not None
            }

    def epoch(self) -> dict[str, Any]:
        return {}


def compute(name: str, share: Share) -> dict[str, torch.Tensor]:
    """Train for one step of all samples; return gradients, statistics and what is told."""
    samples, norms = CASES[name]
    torch.set_num_threads(1)
    with deterministic(5, 1):
        enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
        model = NETWORKS["cnn"](enter, 4, 3, Style(gates=True), width=4).double()
        x = torch.randint(0, 17, (samples, 1, 8, 8), dtype=torch.uint8).numpy()
        part = Arrays(x, torch.randint(0, 4, (samples,)).numpy())
        run = Run(5, threads=1, share=share)
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, Norm):
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.uniform_(-0.2, 0.8)
                    module.momentum = 1.0
            model.train()
            model(torch.from_numpy(x[:16]))
            for module in model.modules():
                if isinstance(module, Norm):
                    module.momentum = 0.1
        if norms == "frozen":
            freeze(model)
        elif norms == "constant":
            constant_gates(model, part)
        elif norms == "table":
            table_gates(model)
        batch = 20 if norms == "settled" else samples
        recipe = Recipe(
            epochs=2, batch=batch, optimizer="sgd", rate=1e-9, decay=0.0, loss="tet",
            settle=17 if norms == "settled" else 0,
        )  # fmt: skip
        watcher = Gradients(model)
        rows = fit(model, Classify(recipe), part, recipe, run, watcher=watcher)
    told = torch.tensor([rows[0]["loss"], rows[0]["accuracy"]], dtype=torch.float64)
    state = {n: v for n, v in model.state_dict().items() if "running" in n or "tracked" in n}
    return {**watcher.found, **state, "told": told}


def save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)


def torchrun(*command: str, folder: Path, world: int = 2) -> subprocess.CompletedProcess[str]:
    """Start processes that find each other on a free port of this machine."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*launch, "--nproc-per-node", str(world), *command], cwd=ROOT, env=environment,
        text=True, capture_output=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all cases in two processes, once; return the folder of their results."""
    folder = tmp_path_factory.mktemp("shared")
    script = folder / "script.py"
    script.write_text(SCRIPT.format(tests=str(ROOT / "tests"), folder=str(folder)))
    found = torchrun(str(script), folder=folder)
    assert found.returncode == 0, found.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_have_the_gradient_of_one(name: str, shared: Path) -> None:
    """In float64, so that nothing but the order of sums differs."""
    alone = compute(name, Share())
    both = [load_file(shared / f"{name}.2.{rank}") for rank in range(2)]
    gradients = [n for n in alone if n.startswith("gradient")]
    assert len(gradients) > 10
    worst = 0.0
    for n, want in alone.items():
        for mine in both:
            limit = 1e-6 if n == "told" else 1e-8  # losses are float32
            torch.testing.assert_close(mine[n], want, rtol=limit, atol=1e-11, msg=f"{name}: {n}")
        assert torch.equal(both[0][n], both[1][n]), f"{name}: {n} differs between the processes"
        worst = max(worst, float((both[0][n] - want).abs().max()))
    assert all(float(alone[n].abs().max()) > 0 for n in gradients if "weight" in n)
    print(f"{name}: {len(gradients)} gradients, largest difference {worst:.1e}")


def test_shares_are_the_batch(seed: int) -> None:
    """Every sample once, whatever the number of processes; shares differ by at most one."""
    rows = torch.arange(37, dtype=torch.uint8).numpy()
    part = Arrays(rows.reshape(-1, 1), rows.astype("int64"))
    whole = list(shuffled(part, seed, 2, 10))
    for world in (2, 3, 4):
        shares = [list(shuffled(part, seed, 2, 10, share=Share(r, world))) for r in range(world)]
        for k, (x, y, size) in enumerate(whole):
            pieces = [share[k] for share in shares]
            assert {p[2] for p in pieces} == {size} == {len(y)}
            sizes = [len(p[1]) for p in pieces]
            assert sum(sizes) == size and max(sizes) - min(sizes) <= 1
            assert torch.equal(torch.cat([p[1] for p in pieces]).sort()[0], y.sort()[0])
            assert torch.equal(torch.cat([p[0] for p in pieces]).sort(0)[0], x.sort(0)[0])
    sizes = [len(b) for b in order(seed, 0, 37, 10)]
    assert sum(sizes) == 37 and max(sizes) - min(sizes) <= 1 and len(sizes) == 4
    with pytest.raises(ValueError, match="^a batch of 3 cannot be shared out to 5 processes"):
        list(in_order(part, 4, Share(0, 5)))


def test_settled_norms_hold_the_mean_of_their_batches(seed: int) -> None:
    torch.manual_seed(seed)
    enter = Input((6,), bits=4, coding="direct")
    model = NETWORKS["mlp"](enter, 3, 2, hidden=(8,)).double()
    x = torch.randint(0, 16, (50, 6), dtype=torch.uint8)
    part = Arrays(x.numpy(), torch.zeros(50, dtype=torch.int64).numpy())
    norm = model.populations[0].connections[0].norm
    settle(model, part, 20, Run())
    with torch.no_grad():
        currents = model.populations[0].connections[0].op(x.double())
    pieces = [currents[:17], currents[17:34], currents[34:]]
    mean = torch.stack([p.mean(0) for p in pieces]).mean(0)
    var = torch.stack([p.var(0) for p in pieces]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(norm.running_var, var, rtol=1e-9, atol=1e-9)
    assert norm.momentum == 0.1 and not model.training


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("--method", "agmm", "--set", "epochs=2", "--tune", "table-gates", "--measures"),
        ("--method", "agmm", "--set", "epochs=2", "--tune", "constant-gates"),
        ("--net", "cnn", "--set", "width=4", "--set", "epochs=2", "--timesteps", "2"),
    ],
    ids=["table gates", "constant gates", "cnn"],
)
def test_the_command_under_torchrun(options: tuple[str, ...], tmp_path: Path) -> None:
    """One process tells and writes; the losses are those of one process, to float tolerance."""
    needs.package("sklearn")
    both, alone = tmp_path / "both.st", tmp_path / "alone.st"
    command = ["-m", "spikexact", "train", "digits", *options, "--threads", "1", "--json"]
    found = torchrun(*command, "-o", str(both), folder=tmp_path)
    assert found.returncode == 0, found.stderr[-3000:]
    told = json.loads(found.stdout)  # one process's, whole
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["both.json", "both.jsonl", "both.st"]
    single = subprocess.run(
        [sys.executable, *command, "-o", str(alone)], cwd=ROOT, text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )  # fmt: skip
    assert single.returncode == 0, single.stderr
    want = json.loads(single.stdout)
    assert told.keys() == want.keys()
    a, b = ([json.loads(x) for x in p.with_suffix(".jsonl").read_text().splitlines()]
            for p in (both, alone))  # fmt: skip
    assert [r.keys() for r in a] == [r.keys() for r in b]
    print([(round(x["loss"], 4), round(y["loss"], 4)) for x, y in zip(a, b, strict=True)])
    for mine, theirs in zip(a, b, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=0.05)
        assert mine["accuracy"] == pytest.approx(theirs["accuracy"], abs=0.05)
    assert told["held_out_accuracy"] == pytest.approx(want["held_out_accuracy"], abs=0.06)
    network = load(both, TrainedNetwork)
    assert network.shapes == load(alone, TrainedNetwork).shapes


@pytest.mark.slow
def test_under_torchrun_a_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    """Written by one process alone, read by two; a foreign one is refused by both."""
    needs.package("sklearn")
    from spikexact.train import planned
    from training.train import train

    file = tmp_path / "n.st"
    plan, opened, options = planned("digits", None, "ste", "mlp", None, ["epochs=1"], [])
    config = {"data options": repr(sorted(options.items()))}
    kept = tmp_path / "n.st.checkpoint"
    train(opened, plan, Run(0, threads=1, checkpoint=kept, config=config))
    command = ["-m", "spikexact", "train", "digits", "--threads", "1", "-o", str(file)]
    wrong = torchrun(*command, "--set", "epochs=2", folder=tmp_path)
    assert wrong.returncode != 0 and "of another training (epochs 1, not 2)" in wrong.stderr
    assert not file.exists()
    right = torchrun(*command, "--set", "epochs=1", folder=tmp_path)
    assert right.returncode == 0, right.stderr[-3000:]
    assert right.stdout.count("held-out accuracy") == 1 and right.stderr.count("going on from") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n.json", "n.jsonl", "n.st"]
