"""Checkpoints: one safetensors file, written beside and renamed, from which training goes on.

It holds the model's parameters and buffers, the optimizer's state, and a JSON header with what must
agree (the whole configuration) and where training stands, and a SHA-256 over all of it, so that an
altered file is refused. No pickle.
"""

from __future__ import annotations

import hashlib
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
    text = json.dumps(header)
    meta = {"kind": KIND, "state": text, "sha256": _digest(text, tensors)}
    with beside(path) as part:
        part.write_bytes(save(tensors, meta))


def parameters(path: Path, model: torch.nn.Module) -> None:
    """Write a model's parameters and buffers alone."""
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    with beside(path) as part:
        part.write_bytes(save(tensors, {"kind": "spikexact-parameters-1"}))


def read(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, config: dict[str, Any]
) -> dict[str, Any]:
    """Put a checkpoint into a model and its optimizer; return the header.

    Neither is touched before the file has been read and checked whole.

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
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {error}") from None
    text = meta.get("state", "")
    if meta.get("sha256") != _digest(text, tensors):
        raise ValueError(f"{path} is damaged or was altered: remove it to train from the start")
    header = json.loads(text)
    for name in sorted({*config, *header["config"]}):
        ours, theirs = config.get(name), header["config"].get(name)
        if ours != theirs:
            raise ValueError(
                f"{path} is of another training ({name} {theirs!r}, not {ours!r}): "
                "remove it, or train as it says"
            )
    saved = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    shapes = {k: v.shape for k, v in model.state_dict().items()}
    if {k: v.shape for k, v in saved.items()} != shapes:
        raise ValueError(f"{path} holds other parameters than this network has: remove it")
    model.load_state_dict(saved)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return header


def _digest(text: str, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f" {name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
