"""What ``spikexact import`` names: files, or a builder of a model with its parameters."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mapping import confined, plain
from mapping.importers import FRAMEWORKS, Imported, examine
from mapping.trained import Neuron
from mapping.value import choice

#: Files of parameters: trained, but without the layers between them.
PARAMETERS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".npz", ".npy", ".h5", ".onnx")


def bring(
    source: str,
    framework: str,
    *,
    weights: Path | None = None,
    shape: str | None = None,
    unit: str | None = None,
    neurons: list[str] | None = None,
    semantics: list[str] | None = None,
    **options: Any,
) -> Imported:
    """Import what the command line names.

    Args:
        source, framework, weights: as the command names them.
        shape, unit, neurons, semantics: as text. options: others of ``examine``; None: not given.

    Raises
    ------
        ValueError, TypeError: a wrong option, or what the importer refuses; one sentence.
    """
    choice(framework, "framework", FRAMEWORKS)
    seed = options.pop("seed", 0)
    given = {name: value for name, value in options.items() if value is not None}
    if shape is not None:
        given["input_shape"] = _shape(shape)
    if unit is not None:
        given["input_unit"] = _unit(unit)
    if neurons:
        given["neurons"] = dict(neuron(text) for text in neurons)
    if semantics:
        given["semantics"] = dict(_pair(text) for text in semantics)
    if framework in ("arrays", "nir"):
        if Path(source).suffix in PARAMETERS:
            raise ValueError(_parameters(source))
        if weights is not None:
            raise ValueError(f"--weights are parameters of a builder, not of --from {framework}")
        if framework == "arrays":
            if given:
                raise ValueError(
                    f"--from arrays reads everything from its TOML file: leave {_said(given)} away"
                )
            return examine(Path(source), framework)
    lacks = [name for name in ("input_shape", "timesteps") if name not in given]
    if lacks:
        raise ValueError(f"importing from {framework} needs {_said(lacks)}")
    if framework == "nir":
        return examine(Path(source), framework, **given, seed=seed)
    odd = [name for name in ("dialect", "semantics") if name in given]
    if odd:
        raise ValueError(f"{_said(odd)} is of a NIR file, not of --from {framework}")
    most = plain.memory() // 4 * 3
    try:
        with confined.memory_limit(most):  # a model's code runs here: torch's modules are needed
            return examine(build(source, weights), framework, **given, seed=seed)
    except MemoryError:
        raise ValueError(
            f"{source} needs more memory than the {most / (1 << 30):.1f} GiB, three quarters of "
            "this machine's, that the import of a model may fill"
        ) from None


def _said(names: Iterable[str]) -> str:
    words = {"neurons": "neuron", "near_ties": "near-ties"}
    return " and ".join(f"--{words.get(n, n.removeprefix('input_'))}" for n in names)


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--shape must be integers with commas, as 2,34,34, not {text!r}"
        ) from None


def _unit(text: str) -> float:
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"--unit must be a number, as 1/255 or 0.0625, not {text!r}") from None


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--semantics must be name=value, not {text!r}")
    return name, _value(value)


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        return text


def neuron(text: str) -> tuple[str, Callable[[Any], Neuron]]:
    """Read ``Class:leak=0.5,threshold=theta,compare=>`` of --neuron.

    Returns
    -------
        The class name or path, and a function of the module; a word that is no value of its field
        names an attribute of the module.

    Raises
    ------
        ValueError: no such form, or no such field.
    """
    key, colon, rest = text.partition(":")
    known = {field.name for field in fields(Neuron)}
    values: dict[str, Any] = {}
    for part in rest.split(",") if colon else []:
        name, equals, value = part.partition("=")
        if not equals or not value or name not in known:
            raise ValueError(
                f"--neuron {text!r}: {part!r} is no field=value; fields are "
                f"{', '.join(sorted(known))}; quote the option: 'Lif:threshold=1,compare=>'"
            )
        values[name] = _value(value)
    if not key or not values:
        raise ValueError(
            f"--neuron must say what a class of modules computes, as "
            f"'Lif:leak=0.5,threshold=1,reset=zero,compare=>', not {text!r}"
        )
    words = {"compare", "reset"}

    def read(module: Any) -> Neuron:
        read = {k: v if k in words else _of(module, v, k) for k, v in values.items()}
        try:
            return Neuron(**read)
        except (TypeError, ValueError) as error:
            raise ValueError(f"--neuron {text!r}: {error}") from None

    return key, read


def _of(module: Any, value: Any, field: str) -> Any:
    """Return a value, or the number in the module's attribute that it names."""
    if not isinstance(value, str):
        return value
    kind = type(module).__name__
    if not hasattr(module, value):
        raise ValueError(f"--neuron: {field}={value} names no attribute of a {kind}")
    number = getattr(module, value)
    array = np.asarray(number.detach().cpu() if hasattr(number, "detach") else number)
    if array.dtype.kind not in "iufb" or (array.size != 1 and field != "threshold"):
        raise ValueError(f"--neuron: attribute {value!r} of a {kind} is no number for {field}")
    return array.item() if array.size == 1 else array


def _parameters(source: str) -> str:
    return (
        f"{source} holds parameters, not the layers between them: write a module with a function "
        f"that returns the model, as net.py with build(), and import net:build --weights {source}"
    )


def _named(source: str) -> tuple[str, str]:
    """Return module and builder; raises ValueError with what to write instead."""
    path, colon, name = source.partition(":")
    if not colon and Path(source).suffix in PARAMETERS:
        raise ValueError(_parameters(source))
    module = path.removesuffix(".py").replace("/", ".").lstrip(".")
    if not colon or not name or not module:
        hint = f", as {module}:build" if path.endswith(".py") else ""
        raise ValueError(
            "source must be package.module:builder, a function that returns the model"
            f"{hint}, not {source!r}"
        )
    if module != path:
        raise ValueError(f"source must be package.module:builder: {module}:{name}, not {source!r}")
    return module, name


def build(source: str, weights: Path | None) -> Any:
    """Call ``package.module:builder`` and load its parameters.

    Raises
    ------
        ValueError: no such module or builder, or parameters that do not fit the model; an error
            of the user's own code, with its file and line.
    """
    module, name = _named(source)
    sys.path.insert(0, str(Path.cwd()))  # a module beside the user, as python -m finds it
    try:
        try:
            imported = importlib.import_module(module)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # SystemExit too: it is the user's own code that runs
            raise ValueError(f"module {module!r} cannot be imported: {_theirs(error)}") from None
        builder = getattr(imported, name, None)
        if builder is None:
            raise ValueError(f"module {module!r} has no {name!r}")
        if not callable(builder):
            raise ValueError(f"{source} must be a function that returns a model, not {builder!r}")
        try:
            model = builder()
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            raise ValueError(f"builder {source!r} failed: {_theirs(error)}") from None
    finally:
        sys.path.pop(0)
    if weights is None:
        return model
    if not hasattr(model, "load_state_dict"):
        raise ValueError(f"builder {source!r} must return a torch model to load {weights} into")
    import torch

    from mapping.importers.parameters import state

    tensors = {key: torch.from_numpy(array.copy()) for key, array in state(weights).items()}
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{weights} does not fit the model: {error}") from None
    return model


def _theirs(error: BaseException) -> str:
    """Return an error of the user's code in one line, with the file and line where it rose."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}, line {error.lineno}: SyntaxError: {error.msg}"
    ours = {__file__, *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))}
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", *ours))
    ]
    text = " ".join(str(error).split())
    sentence = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if not frames:  # a module that is not there, arguments that a builder wants
        return text or sentence
    return f"{_shown(frames[-1].filename)}, line {frames[-1].lineno}: {sentence}"


def _shown(file: str) -> str:
    """Return a file's name as short as it can be from here."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
