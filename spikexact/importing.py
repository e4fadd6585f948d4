"""What ``spikexact import`` names: files, or a builder of a model with its parameters."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from mapping.importers import FRAMEWORKS, Imported, examine
from mapping.value import choice


def bring(
    source: str, framework: str, *, shape: str | None, timesteps: int | None, coding: str,
    bits: int, unit: float, weights: Path | None, dialect: str | None, semantics: list[str],
    seed: int,
) -> Imported:  # fmt: skip
    """Import what the command line names.

    Raises
    ------
        ValueError, TypeError: a wrong option, or what the importer refuses; one sentence.
    """
    choice(framework, "framework", FRAMEWORKS)
    if framework == "arrays":
        return examine(Path(source), framework)
    options: dict[str, Any] = {
        "timesteps": timesteps,
        "coding": coding,
        "input_bits": bits,
        "input_unit": unit,
        "seed": seed,
        "input_shape": None if shape is None else _shape(shape),
    }
    if framework == "nir":
        options |= {"dialect": dialect, "semantics": dict(_pair(one) for one in semantics)}
        return examine(Path(source), framework, **options)
    return examine(build(source, weights), framework, **options)


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--shape must be integers with commas, as 2,34,34, not {text!r}"
        ) from None


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--semantics must be name=value, not {text!r}")
    words = {"true": True, "false": False}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, float(value)
    except ValueError:
        return name, value


def build(source: str, weights: Path | None) -> Any:
    """Call ``package.module:builder`` and load its parameters.

    Raises
    ------
        ValueError: no such module or builder, or parameters that do not fit the model.
    """
    module, colon, name = source.partition(":")
    if not colon or not name:
        raise ValueError(f"source must be package.module:builder, not {source!r}")
    sys.path.insert(0, str(Path.cwd()))  # a module beside the user, as python -m finds it
    try:
        builder = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ValueError(f"module {module!r} cannot be imported: {error}") from None
    except AttributeError:
        raise ValueError(f"module {module!r} has no {name!r}") from None
    finally:
        sys.path.pop(0)
    model = builder()
    if weights is None:
        return model
    import torch

    from mapping.importers.strict import state

    found = {key: torch.from_numpy(array.copy()) for key, array in state(weights).items()}
    try:
        model.load_state_dict(found)
    except RuntimeError as error:
        raise ValueError(f"{weights} does not fit the model: {error}") from None
    return model
