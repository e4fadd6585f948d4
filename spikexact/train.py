"""``spikexact train``: from a data set's name to a TrainedNetwork and what was measured of it.

Beside FILE.safetensors lie FILE.jsonl, a line for every epoch, and FILE.json, the result; while it
trains also FILE.safetensors.checkpoint, from which the same command goes on. A training that has
finished is not begun again unless it is asked for.
"""

from __future__ import annotations

import inspect
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mapping.files import digest, sweep, target
from sim.tools import installed, package

from . import console, files, guard, labels, targets

#: Of FILE.json.
FORMAT = 1
#: Bytes of samples that are kept decoded; a larger set is read from its files at every epoch.
MEMORY = 2 << 30
#: Data sets that need more than numpy: the package, and the extra that brings it.
READ_WITH = {
    "digits": ("sklearn", "train"),
    "imagenet": ("PIL", "data"),
    "images": ("PIL", "data"),
    "caltech-face-motorcycle": ("PIL", "data"),
    "shd": ("h5py", "data"),
}
#: Networks that one thread trains fastest.
SMALL = ("mlp",)


def run(
    dataset: str, output: Path, *, data: Path | None, method: str, net: str,
    timesteps: int | None, settings: list[str], tune: list[str], measures: bool, device: str,
    mixed: bool, threads: int | None, workers: int, seed: int, json: bool, anew: bool = False,
) -> None:  # fmt: skip
    """Train, write everything, and tell the result; under torchrun only the first process tells."""
    check_named(dataset, method, net, tune)
    checkpoint = output.with_name(output.name + ".checkpoint")
    tuned = output.with_name(checkpoint.name + ".tune")
    stem = output.stem if output.suffix in (".safetensors", ".st") else output.name
    epochs_file, result_file = output.with_name(f"{stem}.jsonl"), output.with_name(f"{stem}.json")
    if output.suffix in (".jsonl", ".json"):
        raise ValueError(f"{output} is the name of what is written beside it: name it .safetensors")
    for path in (output, checkpoint, tuned, epochs_file, result_file):
        target(path)
    if not (anew or checkpoint.exists()):
        if output.exists():
            raise ValueError(finished(output, result_file))
        for path in (epochs_file, result_file):
            if path.exists():
                raise ValueError(
                    f"{path} is there already, without a training: name another file, or replace "
                    "it with --anew"
                )
    package("torch", "train", "train")
    from training.loop import Run
    from training.parallel import processes
    from training.train import train

    plan, opened, options = planned(dataset, data, method, net, timesteps, settings, tune)
    check_device(device, mixed)
    first = os.environ.get("RANK", "0") == "0"
    if anew and first:  # before the processes meet, so that none of them goes on from it
        for path in (tuned, checkpoint):
            path.unlink(missing_ok=True)
    with guard.hinting(lambda: stopped(checkpoint, anew)), processes(device) as share:
        if share.rank == 0:
            for path in (output, checkpoint, tuned, epochs_file, result_file):
                sweep(path)
        quiet = json or share.rank > 0
        going = [f"going on from {checkpoint}"] if checkpoint.exists() and share.rank == 0 else []
        if threads is None and net in SMALL:
            threads = 1
        how = Run(
            seed=seed, device=device, mixed=mixed, threads=threads, share=share, workers=workers,
            checkpoint=checkpoint, config={"data options": repr(sorted(options.items()))},
        )  # fmt: skip
        with console.progress(quiet) as tell:

            def progress(done: int, total: int) -> None:
                while going:  # it was read, and fits
                    console.note(going.pop())
                tell("steps", done, total)

            training = train(
                opened, plan, how, measures, epochs_file, progress,
                each=Epochs() if share.rank == 0 else silent,
            )  # fmt: skip
            if going:  # nothing was left to train
                console.note(going.pop())
    if share.rank > 0:
        return
    summary = facts(training, dataset, method, net, epochs_file)
    write(training, output)
    costs = {} if training.cost is None else {"cost": training.cost}
    files.write_json(result_file, summary | costs)
    for path in (tuned, checkpoint):  # in this order: that of tuning is never left alone
        path.unlink(missing_ok=True)
    if training.network is None:
        runners: dict[str, Any] = {
            "backends": None,
            "fold": "no: of full precision, no binary weights",
        }
    else:
        runners = targets.answers(training.network, targets.LONG)
    if json:
        console.print_json({**summary, "file": str(output), **costs, **runners})
        return
    rows = labels.readable(summary)
    if training.cost is not None:
        from mapping.cost import lines as cost_lines

        rows |= {"size": f"{training.cost['size_bytes']:,} bytes", **cost_lines(training.cost)}
    console.say(f"file: {output}")
    for label, value in rows.items():
        console.say(f"{label}: {value}")
    for line in targets.texts(runners, trained=True):
        console.say(line)


class Epochs:
    """Says what each epoch came to, on stderr, whether there is a terminal or not."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, row: dict[str, Any], epochs: int) -> None:
        """Say one line of the training's."""
        now = time.monotonic()
        console.note(
            f"{'tuning, ' if row.get('tuned') else ''}epoch {row['epoch']} of {epochs}: "
            f"loss {row['loss']:.4g}, accuracy {row['accuracy']:.1%}, "
            f"held out {row['held_out_accuracy']:.1%}, {now - self.began:.1f} s"
        )
        self.began = now


def silent(row: dict[str, Any], epochs: int) -> None:
    """Say nothing: of several processes the first one speaks."""


def stopped(checkpoint: Path, anew: bool) -> str:
    """Return how a training that was stopped is gone on with."""
    if checkpoint.exists():
        which = "the same command without --anew" if anew else "the same command"
        return f"{which} goes on after the last whole epoch, from {checkpoint}"
    return "no epoch had ended, and nothing was kept"


def finished(output: Path, result_file: Path) -> str:
    """Return the sentence about a training that is not to be begun again."""
    try:
        result = files.read_json(result_file)
        accuracy = f"held-out accuracy {result['held_out_accuracy']:.1%}"
        outcome = f"{result['epochs']} epochs, {accuracy}"
    except (ValueError, KeyError, TypeError):
        return (
            f"{output} is there already, and no training of it that was stopped: name another "
            "file, or replace it with --anew"
        )
    return (
        f"{output} is there already, its training has finished ({outcome}): name another file, or "
        "train it from the start with --anew (and --set epochs=N for a longer one)"
    )


def facts(training: Any, dataset: str, method: str, net: str, epochs_file: Path) -> dict[str, Any]:
    """Return what a training came to, as FILE.json says it.

    Args:
        training: what training.train.train returned. epochs_file: FILE.jsonl, whole.
    """
    return {
        "format": FORMAT,
        "trained_sha256": None if training.network is None else digest(training.network),
        "epochs_sha256": files.sha256(epochs_file),
        "data_set": dataset,
        "method": method,
        "net": net,
        "timesteps": training.model.timesteps,
        "seed": training.seed,
        "epochs": training.recipe.epochs,
        "train_accuracy": round(training.train_accuracy, 4),
        "held_out_accuracy": round(training.held_out_accuracy, 4),
        "parameters": training.parameters,
        "binary_weights": training.binary_weights,
    }


def write(training: Any, output: Path) -> None:
    """Write the TrainedNetwork; of full precision, which cannot be mapped, its parameters."""
    from mapping import save
    from training.checkpoint import parameters

    if training.network is not None:
        save(training.network, output)
    else:
        parameters(output, training.model)


def planned(
    dataset: str, data: Path | None, method: str, net: str, timesteps: int | None,
    settings: list[str], tune: list[str],
) -> tuple[Any, Any, dict[str, Any]]:  # fmt: skip
    """Return the plan of a training, its data set, and the options it was opened with.

    Raises
    ------
        ValueError: a name, setting or file that does not exist; one sentence.
    """
    check_named(dataset, method, net, tune)
    from training.choices import sort
    from training.data import SETS, open_set
    from training.train import Plan

    if dataset in READ_WITH:
        name, extra = READ_WITH[dataset]
        installed(name, f"the data set {dataset}", extra)
    choices = sort(dataset, method, net, settings)
    knows = inspect.signature(SETS[dataset]).parameters
    options = dict(choices.data)
    if "flat" in knows and net == "mlp":
        options.setdefault("flat", True)
    if "timesteps" in knows and timesteps is not None:
        options["timesteps"] = timesteps
    opened = in_memory(open_set(dataset, data, **options))
    plan = Plan(method, net, timesteps, choices.style, choices.options, choices.recipe, tuple(tune))
    return plan, opened, options


def check_named(dataset: str, method: str, net: str, tune: list[str]) -> None:
    """Raise ValueError for a name that there is not, before anything large is imported."""
    from training.data import SETS
    from training.names import check_names

    if dataset not in SETS:
        raise ValueError(f"data set must be one of {', '.join(SETS)}, not {dataset!r}")
    check_names(method, net, tuple(tune))


def in_memory(data: Any) -> Any:
    """Return a data set whose files have been decoded once, if all of it fits in MEMORY."""
    from training.data import Arrays, gathered

    size = math.prod(data.enter.shape) * (data.timesteps or 1) * (1 if data.enter.bits <= 8 else 2)
    if size * (len(data.train) + len(data.test)) > MEMORY:
        return data
    parts = {
        name: part if isinstance(part, Arrays) else gathered(part)
        for name, part in (("train", data.train), ("test", data.test))
    }
    return replace(data, **parts)


def check_device(device: str, mixed: bool) -> None:
    """Raise ValueError, one sentence, for a device that is not there."""
    import torch

    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, not {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda needs a GPU and a PyTorch built for it: use cpu")
    if mixed and device == "cpu":
        raise ValueError("mixed precision serves on a GPU: leave --mixed away on the cpu")
