"""What lava-nc 0.10.0 needs on Python 3.11 and later, and only while it is imported.

Two things stand in its way. Three dataclasses of its ``var_model`` have ``ByteEncoder()`` as
default, which is unhashable, and dataclasses refuse such defaults since 3.11: here they become
default factories, which is what they mean. And it calls ``multiprocessing.set_start_method``,
which fails where something else has chosen a method before: here a second choice passes.
Afterwards the standard library is as it was found. Lava's reshaped ports name an argument that
numpy 2.4 no longer has; they are given what they mean (``positional``). Call ``load()`` before any
``import lava``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import multiprocessing
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

#: Module in which the defaults stand.
VAR_MODEL = "lava.magma.compiler.var_model"
#: Module that chooses the start method.
MESSAGES = "lava.magma.runtime.message_infrastructure.multiprocessing"


@contextlib.contextmanager
def mutable_defaults() -> Iterator[None]:
    """Turn unhashable defaults of VAR_MODEL's dataclasses into factories; of no other module."""
    check = dataclasses._get_field  # type: ignore[attr-defined]

    def lenient(cls: type, name: str, kind: Any, *rest: Any) -> Any:
        default = getattr(cls, name, None)
        if cls.__module__ == VAR_MODEL and type(default).__hash__ is None:
            setattr(cls, name, dataclasses.field(default_factory=type(default)))
        return check(cls, name, kind, *rest)

    dataclasses._get_field = lenient  # type: ignore[attr-defined]
    try:
        yield
    finally:
        dataclasses._get_field = check  # type: ignore[attr-defined]


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """Have multiprocessing fork, as Lava must; then give it back the method that it had."""
    before = multiprocessing.get_start_method(allow_none=True)
    choose = multiprocessing.set_start_method
    choose("fork", force=True)
    multiprocessing.set_start_method = lambda method, force=False: None  # type: ignore[assignment]
    try:
        yield
    finally:
        multiprocessing.set_start_method = choose
        choose(before, force=True)


def positional() -> None:
    """Have Lava's ReshapePort give numpy's reshape its shape by place: 2.4 knows no newshape."""
    import numpy as np
    from lava.magma.core.process.ports.ports import ReshapePort

    def to(shape: str) -> Any:
        return lambda port: functools.partial(_reshaped, np.reshape, getattr(port, shape))

    ReshapePort.get_transform_func_fwd = to("shape")
    ReshapePort.get_transform_func_bwd = to("old_shape")


def _reshaped(reshape: Any, shape: tuple[int, ...], array: Any) -> Any:
    return reshape(array, shape)


def load() -> ModuleType:
    """Import Lava, mended where this Python needs it; cheap after the first call.

    Raises
    ------
        ImportError: lava-nc, or something that it needs, is not installed.
    """
    if MESSAGES not in sys.modules:
        with mutable_defaults(), forking(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Lava's own source and of what it imports
            importlib.import_module(VAR_MODEL)
            importlib.import_module(MESSAGES)
            importlib.import_module("lava.magma.runtime.runtime")
            positional()
    return importlib.import_module("lava")
