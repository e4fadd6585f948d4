"""What a test needs beyond the base: absent, it skips with the reason; under CI=true it fails.

Call these in a test or a fixture, or at the head of a module before the import that would fail:

    needs.package("torch")
    import torch
"""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def in_ci() -> bool:
    """Tell whether a missing tool is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def missing(reason: str) -> NoReturn:
    """Skip the test or module that calls, naming what is missing; in CI fail it."""
    if in_ci():
        pytest.fail(f"{reason}, and CI must have it", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def tool(name: str) -> str:
    """Return the path of the program `name`."""
    return shutil.which(name) or missing(f"{name} is not on the PATH")


def package(name: str) -> None:
    """Require that the Python package `name` is installed, without importing it."""
    if importlib.util.find_spec(name) is None:
        missing(f"the Python package {name} is not installed")


def backend(name: str) -> None:
    """Require what a backend needs, by its row and its own word."""
    from sim.ability import missing as lacks

    if (sentence := lacks(name)) is not None:
        missing(sentence)
