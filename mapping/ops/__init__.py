"""What a connection computes of its source, one file a kind: ``acc = op(source)``.

An op is a value that answers everything that others ask of its kind: shapes, arithmetic, what its
sums can reach, how much work it is. Nobody else asks which class it is, but what runs one kind in
one way (cores, Processes, kernels). A new kind is a file here and a name in OPS.

``op``        the questions.
``weighted``  what ops with weights have in common: ``dense``, ``conv``.
``pool``, ``identity``; ``window`` is the geometry of convolution and pool.
"""

from typing import Any

from .conv import Conv
from .dense import Dense
from .identity import Identity
from .op import Op, Shape
from .pool import Pool
from .weighted import bipolar
from .window import windows

#: Every kind; files name them.
OPS: tuple[type[Op], ...] = (Dense, Conv, Pool, Identity)


def checked_op(op: Any) -> Op:
    """Check that a connection's op is one.

    Raises
    ------
        TypeError: it is something else.
    """
    if not isinstance(op, Op):
        *names, last = (kind.__name__ for kind in OPS)
        raise TypeError(
            f"op of a connection must be {', '.join(names)} or {last}, not {type(op).__name__}"
        )
    return op


__all__ = [
    "OPS",
    "Conv",
    "Dense",
    "Identity",
    "Op",
    "Pool",
    "Shape",
    "bipolar",
    "checked_op",
    "windows",
]
