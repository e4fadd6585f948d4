"""``spikexact train``: from a data set's name to a TrainedNetwork and what was measured of it.

Beside FILE.safetensors lie FILE.jsonl, a line for every epoch, and FILE.json, the result; while it
trains also FILE.safetensors.checkpoint, from which the same command goes on.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from mapping.files import digest, sweep
from sim.tools import installed, package

from . import console, files, labels

#: Of FILE.json.
FORMAT = 1
#: Bytes of samples that are kept decoded; a larger set is read from its files at every epoch.
MEMORY = 2 << 30
#: Data sets that need more than numpy: the package, and the extra that brings it.
READ_WITH = {
    "digits": ("sklearn", "train"),
    "imagenet": ("PIL", "data"),
    "caltech-face-motorcycle": ("PIL", "data"),
    "shd": ("h5py", "data"),
}
#: Networks that one thread trains fastest.
SMALL = ("mlp",)


def run(
    dataset: str, output: Path, *, data: Path | None, method: str, net: str,
    timesteps: int | None, settings: list[str], tune: list[str], measures: bool, device: str,
    mixed: bool, threads: int | None, workers: int, seed: int, json: bool,
) -> None:  # fmt: skip
    """Train, write everything, and tell the result; under torchrun only the first process tells."""
    package("torch", "train", "train")
    from training.loop import Run
    from training.parallel import processes
    from training.train import train

    plan, opened, options = planned(dataset, data, method, net, timesteps, settings, tune)
    check_device(device, mixed)
    checkpoint = output.with_name(output.name + ".checkpoint")
    tuned = output.with_name(checkpoint.name + ".tune")
    lines, result = output.with_suffix(".jsonl"), output.with_suffix(".json")
    with processes(device) as share:
        if share.rank == 0:
            for path in (output, checkpoint, tuned, lines, result):
                sweep(path)
        quiet = json or share.rank > 0
        if checkpoint.exists() and not quiet:
            console.say(f"going on from {checkpoint}")
        if threads is None and net in SMALL:
            threads = 1
        how = Run(
            seed=seed, device=device, mixed=mixed, threads=threads, share=share, workers=workers,
            checkpoint=checkpoint, config={"data options": repr(sorted(options.items()))},
        )  # fmt: skip
        with console.progress(quiet) as tell:
            found = train(
                opened, plan, how, measures, lines,
                progress=lambda done, total: tell("steps", done, total),
            )  # fmt: skip
    if share.rank > 0:
        return
    told = facts(found, dataset, method, net, lines)
    write(found, output)
    costs = {} if found.cost is None else {"cost": found.cost}
    files.write_json(result, told | costs)
    for done in (tuned, checkpoint):  # in this order: the one of tuning is never left alone
        done.unlink(missing_ok=True)
    if json:
        console.print_json({**told, "file": str(output), **costs})
        return
    told = labels.readable(told)
    if found.cost is not None:
        from training.cost import lines as cost_lines

        told |= cost_lines(found.cost)
    console.say(f"file: {output}")
    for key, value in told.items():
        console.say(f"{key}: {value}")


def facts(found: Any, dataset: str, method: str, net: str, lines: Path) -> dict[str, Any]:
    """Return what a training came to, as FILE.json says it.

    Args:
        lines: FILE.jsonl, whole.
    """
    return {
        "format": FORMAT,
        "trained_sha256": None if found.network is None else digest(found.network),
        "epochs_sha256": files.sha256(lines),
        "data_set": dataset,
        "method": method,
        "net": net,
        "timesteps": found.model.timesteps,
        "seed": found.seed,
        "epochs": found.recipe.epochs,
        "train_accuracy": round(found.train_accuracy, 4),
        "held_out_accuracy": round(found.held_out_accuracy, 4),
        "parameters": found.parameters,
        "binary_weights": found.binary_weights,
    }


def write(found: Any, output: Path) -> None:
    """Write the TrainedNetwork; of full precision, which cannot be mapped, its parameters."""
    from mapping import save
    from training.checkpoint import parameters

    if found.network is not None:
        save(found.network, output)
    else:
        parameters(output, found.model)


def planned(
    dataset: str, data: Path | None, method: str, net: str, timesteps: int | None,
    settings: list[str], tune: list[str],
) -> tuple[Any, Any, dict[str, Any]]:  # fmt: skip
    """Return the plan of a training, its data set, and the options it was opened with.

    Raises
    ------
        ValueError: a name, setting or file that does not exist; one sentence.
    """
    from training.choices import sort
    from training.data import SETS, open_set
    from training.train import Plan, check_names

    if dataset not in SETS:
        raise ValueError(f"data set must be one of {', '.join(SETS)}, not {dataset!r}")
    if dataset in READ_WITH:
        name, extra = READ_WITH[dataset]
        installed(name, f"the data set {dataset}", extra)
    check_names(method, net, tuple(tune))
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
