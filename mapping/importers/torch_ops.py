"""Torch functions that are one op of their input, with weights or without, or a norm.

A handler takes the recorder, the function's name, its arguments and its result, and yields each
tensor of the result with what it is. A new op of one input is one row of OPS, by ``of_input``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..ops import Conv, Dense, Op, Pool
from ..trained import Norm
from .recorder import Recorder
from .seen import Seen, axes, number

Made = Iterator[tuple[Any, Seen]]


def bind(names: str, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Return arguments by the names of a torch function's signature."""
    return {**dict(zip(names.split(), args, strict=False)), **kwargs}


def source_of(r: Recorder, given: dict, constants: str) -> Seen:
    seen = r.find(given["input"])
    if seen is None or any(r.find(given.get(name)) is not None for name in constants.split()):
        raise r.refuse("multiplies two values that both depend on the input")
    if seen.what != "value":
        raise r.refuse(f"reads the {seen.what} of {seen.layer.path!r}")
    return seen


def _linear(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    if name == "linear":
        given = bind("input weight bias", args, kwargs)
    else:  # x @ w
        given = dict(zip(("input", "weight"), args, strict=False))
    seen = source_of(r, given, "weight bias")
    weights = number(given["weight"])
    if name != "linear":
        weights = weights.T
    if len(seen.shape) != 1 or weights.ndim != 2:
        raise r.refuse(f"multiplies values of shape {seen.shape} by weights {weights.shape}")
    bias = _maybe(given.get("bias"))
    layer = r.layer("weigh", (seen.layer,), weights=weights, make=Dense, bias=bias)
    yield result, replace(seen, layer=layer, shape=(len(weights),))


def _conv(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    given = bind("input weight bias stride padding dilation groups", args, kwargs)
    seen = source_of(r, given, "weight bias")
    weights = number(given["weight"])
    dilation = _pair(given.get("dilation", 1))
    padding = given.get("padding", 0)
    if padding == "valid":
        padding = 0
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(dilation, weights.shape[2:], strict=True)]
        if any(s % 2 for s in spans):
            raise r.refuse("pads more on one side than on the other")
        padding = [s // 2 for s in spans]
    if len(seen.shape) != 3 or len(r.sizes(seen.lead)) != 1:
        raise r.refuse(f"convolves axes {axes(seen.lead)} + {seen.shape}")
    make = partial(
        Conv,
        stride=_pair(given.get("stride", 1)),
        padding=_pair(padding),
        dilation=dilation,
        groups=int(given.get("groups", 1)),
    )
    bias = _maybe(given.get("bias"))
    layer = r.layer("weigh", (seen.layer,), weights=weights, make=make, bias=bias)
    yield result, replace(seen, layer=layer, shape=tuple(result.shape[1:]))


def _norm(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    names = "input running_mean running_var weight bias training momentum eps"
    given = bind(names, args, kwargs)
    seen = source_of(r, given, "weight bias running_mean running_var")
    if given.get("training") or given.get("running_mean") is None:
        raise r.refuse("normalises by the batch's own statistics: it keeps no running ones")
    if len(r.sizes(seen.lead)) != 1 or len(seen.shape) not in (1, 3):
        raise r.refuse(f"normalises axes {axes(seen.lead)} + {seen.shape}")
    gamma, beta = _maybe(given.get("weight")), _maybe(given.get("bias"))
    norm = Norm(
        1.0 if gamma is None else gamma,
        0.0 if beta is None else beta,
        number(given["running_mean"]),
        number(given["running_var"]),
        float(given.get("eps", 1e-5)),
    )
    yield result, replace(seen, layer=r.layer("norm", (seen.layer,), norm=norm))


def of_input(
    names: str, build: Callable[[Recorder, Seen, dict[str, Any]], tuple[Op, float]]
) -> Callable[..., Made]:
    """Return the handler of a function that computes one op of its input.

    Args:
        names: of the function's arguments, in their order; the first is ``input``.
        build: takes the recorder, what the input is, and the arguments by name; returns the op
            and what its result is multiplied by, or raises what ``Recorder.refuse`` returns.
    """

    def handle(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
        given = bind(names, args, kwargs)
        seen = source_of(r, given, "")
        if len(r.sizes(seen.lead)) != 1:
            raise r.refuse(f"calls {name} on axes {axes(seen.lead)} + {seen.shape}")
        op, scale = build(r, seen, given)
        shape = tuple(result.shape[1:])
        if op.out_shape(seen.shape) != shape:
            raise r.refuse(f"makes {shape} of {seen.shape} ({name}), which {op!r} does not")
        yield (
            result,
            replace(seen, layer=r.layer("apply", (seen.layer,), op=op, scale=scale), shape=shape),
        )

    return handle


def _max_pool(r: Recorder, seen: Seen, given: dict[str, Any]) -> tuple[Op, float]:
    if given.get("return_indices") or _pair(given.get("dilation") or 1) != (1, 1):
        raise r.refuse("pools with dilation or indices")
    return _pool(r, seen, given, "max"), 1.0


def _sum_pool(r: Recorder, seen: Seen, given: dict[str, Any]) -> tuple[Op, float]:
    if given["norm_type"] != 1:
        raise r.refuse("pools a power of its values")
    return _pool(r, seen, given, "sum"), 1.0


def _average_pool(r: Recorder, seen: Seen, given: dict[str, Any]) -> tuple[Op, float]:
    op = _pool(r, seen, given, "sum")
    if not given.get("count_include_pad", True) and any(op.padding):
        raise r.refuse("averages without its padding: no one divisor")
    return op, 1 / (given.get("divisor_override") or op.fan_in)


def _pool(r: Recorder, seen: Seen, given: dict[str, Any], kind: str) -> Pool:
    if len(seen.shape) != 3:
        raise r.refuse(f"pools axes {axes(seen.lead)} + {seen.shape}")
    if given.get("ceil_mode"):
        raise r.refuse("pools with ceil_mode: windows that hang over the edge")
    kernel, padding = _pair(given["kernel_size"]), _pair(given.get("padding") or 0)
    return Pool(kernel, _pair(given.get("stride") or kernel), padding, kind)


def _adaptive(r: Recorder, seen: Seen, given: dict[str, Any]) -> tuple[Op, float]:
    to = given["output_size"]
    to = to if isinstance(to, (tuple, list)) else (to, to)
    if len(seen.shape) != 3:
        raise r.refuse(f"pools axes {axes(seen.lead)} + {seen.shape}")
    sizes = [n if k is None else int(k) for n, k in zip(seen.shape[1:], to, strict=True)]
    if any(n % k for n, k in zip(seen.shape[1:], sizes, strict=True)):
        raise r.refuse(f"pools {seen.shape[1:]} to {tuple(sizes)}: windows of unequal size")
    op = Pool(tuple(n // k for n, k in zip(seen.shape[1:], sizes, strict=True)))
    return op, 1 / op.fan_in


def whole_average(r: Recorder, seen: Seen) -> Seen:
    """Return the mean over a whole map."""
    op = Pool(seen.shape[1:])
    layer = r.layer("apply", (seen.layer,), op=op, scale=1 / op.fan_in)
    return replace(seen, layer=layer, shape=op.out_shape(seen.shape))


def _maybe(tensor: Any) -> np.ndarray | None:
    return None if tensor is None else number(tensor)


def _pair(value: Any) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    pair = pair * 2 if len(pair) == 1 else pair
    return int(pair[0]), int(pair[1])


#: Function name to its handler.
OPS: dict[str, Callable[..., Made]] = {
    **dict.fromkeys(("linear", "matmul", "mm", "__matmul__"), _linear),
    "conv2d": _conv,
    "batch_norm": _norm,
    "max_pool2d": of_input(
        "input kernel_size stride padding dilation ceil_mode return_indices", _max_pool
    ),
    "avg_pool2d": of_input(
        "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
        _average_pool,
    ),
    "lp_pool2d": of_input("input norm_type kernel_size stride ceil_mode", _sum_pool),
    "adaptive_avg_pool2d": of_input("input output_size", _adaptive),
}
