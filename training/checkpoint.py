"""Checkpoints: one safetensors file, written beside and renamed, from which training goes on.

It holds the model's parameters and buffers, the optimizer's state, and a JSON header with what must
agree (the whole configuration) and where training stands. No pickle.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mapping.files import beside

KIND = "spikexact-checkpoint-1"


def write(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, header: dict[str, Any]
) -> None:
    """Write a checkpoint; an older one stays whole until the new one is."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with beside(path) as part:
        part.write_bytes(save(tensors, {"kind": KIND, "state": json.dumps(header)}))


def parameters(path: Path, model: torch.nn.Module) -> None:
    """Write a model's parameters and buffers alone."""
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    with beside(path) as part:
        part.write_bytes(save(tensors, {"kind": "spikexact-parameters-1"}))


def read(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, config: dict[str, Any]
) -> dict[str, Any]:
    """Put a checkpoint into a model and its optimizer; return the header.

    Args:
        config: what the header's ``"config"`` must be.

    Raises
    ------
        ValueError: not a checkpoint, damaged, or of another training; one sentence.
    """
    try:
        with safe_open(path, "pt") as file:
            meta = file.metadata() or {}
            if meta.get("kind") != KIND:
                raise ValueError(f"{path} is not a checkpoint of a training")
            header = json.loads(meta["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, json.JSONDecodeError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {error}") from None
    for name in sorted({*config, *header["config"]}):
        ours, theirs = config.get(name), header["config"].get(name)
        if ours != theirs:
            raise ValueError(
                f"{path} is of another training ({name} {theirs!r}, not {ours!r}): "
                "remove it, or train as it says"
            )
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return header
