"""Frozen values: what every node of a network has in common, and the checks at the door.

A value is a frozen dataclass whose arrays are private, contiguous and read-only. Equality compares
every field, arrays by shape, dtype and content. Checks raise ``TypeError`` or ``ValueError`` with
one sentence: what must hold, where, and what was found.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import numpy as np

#: Bits (signed) that bound every intermediate value of a Network (contract: no overflow exists).
WIDTH_MAX = 62
#: Most fractional bits of a leak factor num / 2**q that is still called dyadic.
LEAK_BITS_MAX = 8


class Unsupported(ValueError):
    """A valid value that this version, or this backend, does not run; the message names it."""


class TooWide(Unsupported):
    """A value that would need more than WIDTH_MAX bits, or an integer that does not fit them."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Value:
    """Base of all values: equality by content, a short print, no hash (arrays inside)."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(
            same(getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and field.name != "weights" and value.ndim:
                value = value.ravel()[0] if value.size and (value == value.flat[0]).all() else value
            if same(value, field.default):
                continue
            shown.append(f"{field.name}={brief(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def set(self, **fields: Any) -> None:
        """Write normalised fields; only for ``__post_init__``."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)


def same(a: Any, b: Any) -> bool:
    """Whether two fields are equal; arrays by dtype, shape and content."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and bool(np.array_equal(a, b))
        )
    return bool(a == b)


def brief(value: Any) -> str:
    """Print a field on one line; a large array as its type and shape, long lists as their length.

    Large is more than 4 values in any shape, long more than 8 of them.
    """
    if isinstance(value, np.ndarray):
        if value.size <= 4:
            return repr(value.tolist())
        return f"<{value.dtype} {'x'.join(map(str, value.shape))}>"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, dict) and value:
        return "{" + ", ".join(f"{key!r}: {brief(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) > 8 and not hasattr(value, "_fields"):
        return f"<{type(value).__name__} of {len(value)}>"
    return repr(value)


class Brief:
    """A base that prints a dataclass on one line, arrays as their type and shape."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        shown = (f"{field.name}={brief(getattr(self, field.name))}" for field in fields)
        return f"{type(self).__name__}({', '.join(shown)})"


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a private, contiguous, read-only copy."""
    copy = np.array(array, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def integer(value: Any, what: str, low: int | None = None, high: int | None = None) -> int:
    """Check one integer.

    Raises
    ------
        TypeError: not an integer. ValueError: out of range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {value!r}") from None
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what} must be an integer, not {value!r}")
    if (low is not None and number < low) or (high is not None and number > high):
        span = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{what} must be {span}, not {number}")
    return number


def name(value: Any, what: str) -> str:
    """Check a name: letters, digits, ``_``, ``-``, ``.``; it starts with a letter."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {value!r}")
    if not value or not value[0].isalpha() or not value.isascii() or len(value) > 64:
        raise ValueError(f"{what} must start with a letter and have at most 64, not {value!r}")
    if not all(c.isalnum() or c in "_-." for c in value):
        raise ValueError(f"{what} may hold letters, digits, '_', '-' and '.', not {value!r}")
    return value


def choice(value: Any, what: str, options: tuple[str, ...]) -> str:
    """Check one of a few words."""
    if value not in options or not isinstance(value, str):
        raise ValueError(f"{what} must be one of {', '.join(map(repr, options))}, not {value!r}")
    return value


def fire_by(value: Any, threshold: Any) -> int | None:
    """Check the timestep by which every neuron fires, of a neuron with a threshold."""
    if value is None:
        return None
    if threshold is None:
        raise ValueError("fire_by needs a threshold: a population without one never fires")
    return integer(value, "fire_by", 0, 1 << 16)


def integers(value: Any, what: str) -> np.ndarray:
    """Check integers (a scalar or a vector) within WIDTH_MAX signed bits; int64, read-only."""
    array = np.asarray(value)
    if array.dtype == object and all(isinstance(x, int) for x in array.ravel()):
        pass
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{what} must be integers, not {brief(array)} of {array.dtype}")
    if array.ndim > 1:
        raise ValueError(f"{what} must be a scalar or a vector, not of shape {array.shape}")
    limit = 1 << (WIDTH_MAX - 1)
    if array.size and (int(array.max()) >= limit or int(array.min()) < -limit):
        raise TooWide(f"{what} must fit {WIDTH_MAX} signed bits")
    return frozen(array.astype(np.int64))


def reals(value: Any, what: str, vector: bool = True) -> np.ndarray:
    """Check finite real numbers (a scalar or a vector); float64, read-only."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} must be real numbers, not {brief(array)} of {array.dtype}")
    if array.ndim > (1 if vector else 0):
        kind = "a scalar or a vector" if vector else "a scalar"
        raise ValueError(f"{what} must be {kind}, not of shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite; it holds {first_odd(array)}")
    return frozen(array)


def real(value: Any, what: str) -> float:
    """Check one finite real number."""
    return float(reals(value, what, vector=False))


def first_odd(array: np.ndarray) -> str:
    """Name the first value that is not finite, and where it stands."""
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at {index}"


def per_channel(array: np.ndarray, channels: int, what: str) -> np.ndarray:
    """Broadcast a scalar to one number per output channel, or check the length."""
    if array.ndim == 0:
        return frozen(np.broadcast_to(array, (channels,)))
    if array.shape != (channels,):
        raise ValueError(
            f"{what} must have one number per output channel ({channels}), not {array.shape[0]}"
        )
    return array
