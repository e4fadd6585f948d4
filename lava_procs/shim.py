"""What lava-nc 0.10.0 needs on Python 3.11 and later, applied around its first import only.

Two things stand in its way. Its ``var_model`` has dataclass fields whose defaults
(``ByteEncoder()``) are unhashable, which ``dataclasses`` refuses since 3.11; and it calls
``multiprocessing.set_start_method("fork")``, which fails if another library has chosen a start
method before. Both are mended while Lava is imported; afterwards the standard library is as before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import multiprocessing
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

#: Module in which the defaults stand.
VAR_MODEL = "lava.magma.compiler.var_model"


def installed() -> bool:
    """Return whether lava-nc is there."""
    return importlib.util.find_spec("lava") is not None


@contextlib.contextmanager
def _mutable_defaults() -> Iterator[None]:
    """Let dataclass fields have unhashable defaults: each instance makes its own."""
    check = dataclasses._get_field  # type: ignore[attr-defined]

    def lenient(cls: type, name: str, kind: Any, *rest: Any) -> Any:
        default = getattr(cls, name, None)
        mended = (
            cls.__module__ == VAR_MODEL
            and default is not None
            and type(default).__hash__ is None
            and not isinstance(default, dataclasses.Field)
        )
        if mended:
            setattr(cls, name, dataclasses.field(default_factory=type(default)))
        return check(cls, name, kind, *rest)

    dataclasses._get_field = lenient  # type: ignore[attr-defined]
    try:
        yield
    finally:
        dataclasses._get_field = check  # type: ignore[attr-defined]


@contextlib.contextmanager
def _start_method() -> Iterator[None]:
    """Let a second choice of the start method pass if it is the one Lava wants."""
    choose = multiprocessing.set_start_method

    def tolerant(method: str | None, force: bool = False) -> None:
        if multiprocessing.get_start_method(allow_none=True) != method:
            choose(method, force=True)

    multiprocessing.set_start_method = tolerant  # type: ignore[assignment]
    try:
        yield
    finally:
        multiprocessing.set_start_method = choose  # type: ignore[assignment]


def load() -> ModuleType:
    """Import Lava, mended where this Python needs it; cheap after the first call."""
    if VAR_MODEL not in sys.modules:
        with _mutable_defaults(), _start_method(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Lava's own, of its dependencies
            importlib.import_module(VAR_MODEL)
            importlib.import_module("lava.magma.runtime.runtime")
    return importlib.import_module("lava")
