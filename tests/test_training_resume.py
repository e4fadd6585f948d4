"""A training that is killed goes on, and ends as one that was left alone, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest

needs.package("torch")
import torch  # noqa: E402

from mapping import Input  # noqa: E402
from training import checkpoint  # noqa: E402
from training.data.dataset import Arrays  # noqa: E402
from training.loop import Run, deterministic, fit, optimizer_of  # noqa: E402
from training.measures import Measures  # noqa: E402
from training.networks import NETWORKS  # noqa: E402
from training.objective import Classify  # noqa: E402
from training.recipe import Recipe  # noqa: E402
from training.style import Style  # noqa: E402

pytestmark = pytest.mark.torch
ROOT = Path(__file__).resolve().parent.parent

# --- in one process --------------------------------------------------------------------------

SGD = Recipe(epochs=4, batch=20, optimizer="sgd", rate=0.1, decay=1e-3, loss="tet", settle=64)
ADAMW = replace(SGD, optimizer="adamw", rate=0.01)


class Stopped(Exception):
    """The power fails."""


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Augment, so that these random numbers must come again too."""
    return np.where(rng.random(x.shape) < 0.1, 0, x).astype(x.dtype)


def fitted(
    recipe: Recipe, path: Path | None, stop: int | None = None, workers: int = 0, seed: int = 3,
    **config: Any,
) -> tuple[Any, list[dict[str, Any]]]:  # fmt: skip
    """Train a small convolutional net with gates; ``stop`` raises after that epoch."""
    rng = np.random.default_rng(0)
    part = Arrays(rng.integers(0, 17, (90, 1, 8, 8), dtype=np.uint8), rng.integers(0, 4, 90))

    def after(rows: list[dict[str, Any]]) -> None:
        if len(rows) == stop:
            raise Stopped

    with deterministic(seed, 1):
        enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
        model = NETWORKS["cnn"](enter, 4, 2, Style(gates=True), width=4)
        run = Run(seed, threads=1, workers=workers, checkpoint=path, config=config)
        rows = fit(
            model, Classify(recipe), part, recipe, run, (noisy,), Measures(model), after=after
        )
    return model, rows


def same(a: Any, b: Any) -> None:
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(x, y), name


@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
@pytest.mark.parametrize("stop", [1, 2, 4])
def test_stopped_after_an_epoch_it_ends_the_same(recipe: Recipe, stop: int, tmp_path: Path) -> None:
    """After ``stop`` epochs, of which the last is lost: its checkpoint had not been written."""
    want, rows = fitted(recipe, None)
    path = tmp_path / "c"
    with pytest.raises(Stopped):
        fitted(recipe, path, stop)
    assert path.exists() == (stop > 1)
    for again in (stop + 1, None):  # stopped a second time
        if again == stop + 1 and stop < 4:
            with pytest.raises(Stopped):
                fitted(recipe, path, again)
    model, found = fitted(recipe, path)
    same(model, want)
    assert found == rows and len(rows) == 4
    model, found = fitted(recipe, path)  # nothing left to do
    same(model, want)
    assert found == rows


def test_loading_processes_change_no_bit(tmp_path: Path) -> None:
    want, rows = fitted(SGD, None)
    model, found = fitted(SGD, None, workers=2)
    same(model, want)
    assert found == rows
    path = tmp_path / "c"
    with pytest.raises(Stopped):
        fitted(SGD, path, 3, workers=2)
    model, found = fitted(SGD, path)
    same(model, want)
    assert found == rows


def test_what_is_around_changes_no_bit(tmp_path: Path) -> None:
    """Neither random numbers drawn before nor the state of generators matters."""
    want, rows = fitted(SGD, None)
    torch.manual_seed(99)
    torch.rand(5)
    np.random.seed(1)  # noqa: NPY002
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    model, found = fitted(SGD, None)
    same(model, want)
    assert found == rows
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads
    other, _ = fitted(SGD, None, seed=4)
    assert not torch.equal(other.state_dict()["populations.0.connections.0.op.weight"],
                           want.state_dict()["populations.0.connections.0.op.weight"])  # fmt: skip


def refused(path: Path, recipe: Recipe = SGD, **config: Any) -> str:
    with pytest.raises(ValueError) as error:
        fitted(recipe, path, **config)
    assert "\n" not in str(error.value) and str(error.value).startswith(str(path))
    return str(error.value)


def test_checkpoints_that_are_not_this_trainings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(Stopped):
        fitted(SGD, path, 3, data="digits")
    whole = path.read_bytes()
    assert "another training (epochs 4, not 5)" in refused(
        path, replace(SGD, epochs=5), data="digits"
    )
    assert "another training (seed 3, not 4)" in refused(path, seed=4, data="digits")
    assert "another training (rate 0.1, not 0.2)" in refused(
        path, replace(SGD, rate=0.2), data="digits"
    )
    assert "(data 'digits', not 'mnist')" in refused(path, data="mnist")
    assert "(data 'digits', not None)" in refused(path)

    rng = np.random.default_rng(0)
    for size in (0, 1, 7, 8, 100, *rng.integers(9, len(whole), 12), len(whole) - 1):
        path.write_bytes(whole[:size])
        assert "cannot be read as a checkpoint" in refused(path, data="digits")
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in (*rng.integers(header, len(whole), 12), len(whole) - 1):
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        assert "damaged or was altered" in refused(path, data="digits")
    for place in rng.integers(8, header, 25):  # in the header every sentence may come
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        if path.read_bytes() != whole:
            refused(path, data="digits")
    path.write_bytes(rng.bytes(5000))
    assert "cannot be read as a checkpoint" in refused(path, data="digits")
    model, _ = fitted(SGD, None)
    checkpoint.parameters(path, model)
    assert "not a checkpoint of a training" in refused(path, data="digits")
    path.unlink()
    path.mkdir()
    assert "cannot be read as a checkpoint" in refused(path, data="digits")


def test_of_another_network_it_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    path, config = tmp_path / "c", {"seed": 0}
    enter = Input((12,), bits=2, coding="direct")
    small, large = (NETWORKS["mlp"](enter, 4, 2, hidden=(n,)) for n in (8, 9))
    checkpoint.write(path, small, optimizer_of(small, SGD), {"config": config, "rows": []})
    before = {k: v.clone() for k, v in large.state_dict().items()}
    with pytest.raises(ValueError, match="holds other parameters than this network has"):
        checkpoint.read(path, large, optimizer_of(large, SGD), config)
    assert all(torch.equal(v, before[k]) for k, v in large.state_dict().items())


# --- the command -----------------------------------------------------------------------------

AGMM = ["--method", "agmm", "--set", "hidden=256", "--threads", "1"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def started(folder: Path, *options: str, script: str | None = None) -> subprocess.Popen[str]:
    """Start the command, or a script that runs it; its files lie in ``folder``."""
    how = ["-m", "spikexact"] if script is None else ["-c", script]
    command = [sys.executable, *how, "train", "digits", *options, "-o", str(folder / "n.st")]
    return subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(folder: Path, *options: str, script: str | None = None) -> tuple[int, str, str]:
    process = started(folder, *options, script=script)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def results(folder: Path) -> dict[str, bytes]:
    """Return every file there, hidden ones too."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def undisturbed(folder: Path, *options: str) -> dict[str, bytes]:
    needs.package("sklearn")
    folder.mkdir()
    code, _, err = ended(folder, *options)
    assert code == 0, err
    found = results(folder)
    assert sorted(found) == ["n.json", "n.jsonl", "n.st"]
    return found


def until(process: subprocess.Popen[str], ready: Callable[[], bool]) -> bool:
    """Wait for it, watching closely; tell whether it came before the process ended."""
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        if ready():
            return True
        time.sleep(1e-4)
    return False


def writes(folder: Path, name: str) -> bool:
    """Tell whether a file of this name is being written now, or was when its writer died."""
    return any(p.name.startswith(f".{name}.") for p in folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        (("--set", "epochs=14"), 14),
        (("--set", "epochs=10", "--tune", "table-gates", "--measures"), 10),
    ],
    ids=["plain", "tuned and measured"],
)
def test_ten_kills_at_random(
    options: tuple[str, ...], epochs: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Every other one within an epoch or the start, the others while a checkpoint is written."""
    options = (*AGMM, *options)
    want = undisturbed(tmp_path / "alone", *options)
    folder = tmp_path / "killed"
    folder.mkdir()
    lines = folder / "n.jsonl"
    moments, kills, torn = np.sort(rng.uniform(0, epochs - 3, 10)), 0, 0
    for _ in range(20):  # a kill can come too late
        number = kills
        moment = moments[number]
        process = started(folder, *options)
        begin = time.time_ns()

        def reached(least: int = int(moment), begin: int = begin) -> bool:
            """Tell whether this process has written a line, and there are enough."""
            try:
                new = lines.stat().st_mtime_ns > begin
                return new and lines.read_bytes().count(b"\n") > least
            except FileNotFoundError:
                return False

        if number == 9 and "--tune" in options:
            name = "n.st.checkpoint.tune"
            if until(process, lambda: (folder / name).exists()):  # noqa: B023
                until(process, lambda: writes(folder, name))  # noqa: B023
        elif number % 2:
            if until(process, reached):
                until(process, lambda: writes(folder, "n.st.checkpoint"))
        elif number == 4:
            time.sleep(float(rng.uniform(0, 2)))  # most likely as it starts
        elif until(process, reached):
            time.sleep(float(rng.uniform(0, 0.3)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (folder / "n.st").exists() and not (folder / "n.st.checkpoint").exists():
            assert results(folder) == want  # it came too late: the next ones start anew
            shutil.rmtree(folder)
            folder.mkdir()
        kills += process.returncode == -signal.SIGKILL
        torn += any(p.name.startswith(".n.") for p in folder.iterdir())
        if kills == 10:
            break
    code, _, err = ended(folder, *options)
    assert code == 0, err
    assert results(folder) == want
    print(f"{kills} kills, {torn} of them left a half-written file behind; {epochs} epochs")
    assert kills == 10 and torn >= 1


DIES = """
import os, signal, sys
from pathlib import Path
import spikexact.train as command
from spikexact.cli import main
{patch}
main(sys.argv[1:])
"""
PLACES = {
    "checkpoint written, not renamed": """
replace = Path.replace
def dies(self, target):
    if str(target).endswith(".checkpoint") and Path(target).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = dies
""",
    "checkpoint half written": """
write = Path.write_bytes
def dies(self, data):
    if ".checkpoint." in self.name and any(self.parent.glob("*.checkpoint")):
        write(self, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, data)
Path.write_bytes = dies
""",
    "nothing written yet": """
import training.checkpoint
def dies(*rest):
    os.kill(os.getpid(), signal.SIGKILL)
training.checkpoint.write = dies
""",
    "checkpoint written, lines not": """
import training.train
def dies(*rest):
    os.kill(os.getpid(), signal.SIGKILL)
training.train.write_lines = dies
""",
    "first lines half written": """
write = Path.write_text
def dies(self, text, *rest, **options):
    if ".jsonl." in self.name:
        write(self, text[: len(text) // 2], *rest, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, text, *rest, **options)
Path.write_text = dies
""",
    "file written, result not": """
def dies(*rest):
    os.kill(os.getpid(), signal.SIGKILL)
command.files.write_json = dies
""",
    "everything written, checkpoints there": """
unlink = Path.unlink
def dies(self, missing_ok=False):
    if self.name.endswith(("checkpoint", "checkpoint.tune")):
        os.kill(os.getpid(), signal.SIGKILL)
    return unlink(self, missing_ok)
Path.unlink = dies
""",
    "one of two checkpoints removed": """
unlink = Path.unlink
def dies(self, missing_ok=False):
    if self.name.endswith(".checkpoint"):
        os.kill(os.getpid(), signal.SIGKILL)
    return unlink(self, missing_ok)
Path.unlink = dies
""",
}


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of an undisturbed short training with a stage of tuning."""
    return undisturbed(tmp_path_factory.mktemp("short") / "alone", *SHORT)


SHORT = (*AGMM, "--set", "epochs=2", "--tune", "table-gates")


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_killed_at_a_named_place(place: str, short: dict[str, bytes], tmp_path: Path) -> None:
    code, _, err = ended(tmp_path, *SHORT, script=DIES.format(patch=PLACES[place]))
    assert code == -signal.SIGKILL, err
    left = sorted(results(tmp_path))
    if place == "one of two checkpoints removed":
        assert "n.st.checkpoint" in left and "n.st.checkpoint.tune" not in left
    if place in ("checkpoint half written", "checkpoint written, not renamed"):
        assert any(n.startswith(".n.st.checkpoint.") for n in left)
    code, _, err = ended(tmp_path, *SHORT)
    assert code == 0, err
    assert results(tmp_path) == short


def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: a checkpoint of another seed, a damaged one; both are left as they were."""
    needs.package("sklearn")
    from spikexact.cli import status

    command = ["train", "digits", "--set", "epochs=1", "-o", str(tmp_path / "n.st")]
    kept = tmp_path / "n.st.checkpoint"
    foreign = tmp_path / ".n.st.checkpoint.someone's"
    foreign.touch()  # not as mkstemp names them
    killed = [tmp_path / f".n.{end}.abcd_123" for end in ("st", "st.checkpoint", "json", "jsonl")]
    for litter in killed:
        litter.touch()
    assert status([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["epochs"] == 1 and told["seed"] == 0
    assert not any(litter.exists() for litter in killed) and foreign.exists()
    assert not kept.exists()

    from spikexact.train import planned
    from training.train import train

    plan, opened, options = planned("digits", None, "ste", "mlp", None, ["epochs=1"], [])
    config = {"data options": repr(sorted(options.items()))}
    train(opened, plan, Run(0, threads=1, checkpoint=kept, config=config))
    whole = kept.read_bytes()
    for words, data, sentence in (
        (["--seed", "1"], whole, "of another training (seed 0, not 1)"),
        (["--set", "epochs=2"], whole, "of another training (epochs 1, not 2)"),
        ([], whole[:-5], "cannot be read as a checkpoint"),
        ([], whole[:-5] + bytes(5), "damaged or was altered"),
        ([], (tmp_path / "n.st").read_bytes(), "not a checkpoint of a training"),
    ):
        kept.write_bytes(data)
        assert status([*command, *words]) == 2
        err = capsys.readouterr().err
        assert sentence in err and "Traceback" not in err and err.count("\n") == 1, err
        assert kept.read_bytes() == data
    kept.write_bytes(whole)
    before = (tmp_path / "n.st").read_bytes()
    assert status(command) == 0  # complete already: written again, and gone
    assert (tmp_path / "n.st").read_bytes() == before and not kept.exists()
