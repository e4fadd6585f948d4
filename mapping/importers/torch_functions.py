"""What each torch function does to a value, as layers; what is not here stops the import.

A handler takes the recorder, the function's name, its arguments and its result, and yields each
tensor of the result with what it is. A new op of one input is one row of HANDLERS, by ``of_input``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..ops import Conv, Dense, Op, Pool
from ..trained import Norm
from .tracing import OtherSteps, Recorder, Seen, axes, number

Made = Iterator[tuple[Any, Seen]]


def _bind(names: str, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Return arguments by the names of a torch function's signature."""
    return {**dict(zip(names.split(), args, strict=False)), **kwargs}


def _source(r: Recorder, given: dict, constants: str) -> Seen:
    seen = r.find(given["input"])
    if seen is None or any(r.find(given.get(name)) is not None for name in constants.split()):
        raise r.refuse("multiplies two values that both depend on the input")
    if seen.what != "value":
        raise r.refuse(f"reads the {seen.what} of {seen.layer.path!r}")
    return seen


def _linear(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    if name == "linear":
        given = _bind("input weight bias", args, kwargs)
    else:  # x @ w
        given = dict(zip(("input", "weight"), args, strict=False))
    seen = _source(r, given, "weight bias")
    weights = number(given["weight"])
    if name != "linear":
        weights = weights.T
    if len(seen.shape) != 1 or weights.ndim != 2:
        raise r.refuse(f"multiplies values of shape {seen.shape} by weights {weights.shape}")
    layer = r.layer("weigh", (seen.layer,), weights=weights, make=Dense,
                  bias=_maybe(given.get("bias")))  # fmt: skip
    yield result, replace(seen, layer=layer, shape=(len(weights),))


def _conv(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    given = _bind("input weight bias stride padding dilation groups", args, kwargs)
    seen = _source(r, given, "weight bias")
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
    given = _bind(names, args, kwargs)
    seen = _source(r, given, "weight bias running_mean running_var")
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
        given = _bind(names, args, kwargs)
        seen = _source(r, given, "")
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


def _average(r: Recorder, seen: Seen) -> Seen:
    """Return the mean over a whole map."""
    op = Pool(seen.shape[1:])
    layer = r.layer("apply", (seen.layer,), op=op, scale=1 / op.fan_in)
    return replace(seen, layer=layer, shape=op.out_shape(seen.shape))


def _mean(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    given = _bind("input dim keepdim", args, kwargs)
    seen = _source(r, given, "")
    over = given.get("dim")
    leading = len(r.sizes(seen.lead))
    over = [over] if isinstance(over, int) else list(over or [])
    over = sorted(a % (leading + len(seen.shape)) for a in over)
    place = seen.lead.find("T") if "*" not in seen.lead else -1
    if over == [place]:  # over time; a mean is a sum over T, the same class
        yield result, replace(seen, lead="N", what="sum")
    elif name == "mean" and len(seen.shape) == 3 and over == [leading + 1, leading + 2]:
        made = _average(r, seen)
        flat = r.layer("flatten", (made.layer,))
        if given.get("keepdim"):
            yield result, made
        else:
            yield result, replace(made, layer=flat, shape=seen.shape[:1])
    else:
        raise r.refuse(f"takes a {name} over axes {over}: neither time nor a whole map")


def _reshape(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    seen = r.find(args[0])
    if seen is None:
        raise r.refuse(f"reshapes by a value ({name})")
    if seen.what == "sum":
        if result.shape != args[0].shape:
            raise r.refuse("reshapes a sum over time")
        yield result, seen
    else:
        yield result, r.reshaped(seen, tuple(result.shape))


def _transpose(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    seen = r.find(args[0])
    rest = tuple(args[1:])
    if rest and isinstance(rest[0], (tuple, list)):
        rest = tuple(rest[0])
    order = list(range(args[0].ndim))
    if name == "permute":
        order = [int(a) % args[0].ndim for a in (rest or kwargs.get("dims", ()))]
    else:
        a, b = rest if rest else (kwargs["dim0"], kwargs["dim1"])
        order[a], order[b] = order[b], order[a]
    if seen is None or order != [1, 0, *range(2, args[0].ndim)] or seen.lead not in ("TN", "NT"):
        raise r.refuse("swaps axes other than time and samples")
    yield result, replace(seen, lead=seen.lead[::-1])


def _same(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    seen = r.find(args[0])
    if seen is None or not result.dtype.is_floating_point:
        raise r.refuse(f"turns a value into {result.dtype}")
    if name in ("dropout", "dropout1d", "dropout2d", "dropout3d"):
        training = args[2] if len(args) > 2 else kwargs.get("training", True)
        if training:
            raise r.refuse("drops values at random")
    yield result, seen


def _index(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    seen, index = r.find(args[0]), args[1]
    index = index if isinstance(index, tuple) else (index,)
    if seen is None or seen.what != "value":
        raise r.refuse("indexes by a value")
    whole = slice(None)
    if index in ((Ellipsis,), (whole,)):
        yield result, seen
    elif len(index) == 1 and isinstance(index[0], int):
        yield result, r.select(seen, 0, index[0])
    elif len(index) == 2 and index[0] == whole and isinstance(index[1], int):
        yield result, r.select(seen, 1, index[1])
    else:
        raise r.refuse(f"takes a part of a value: index {index}")


def _unbind(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    for index, part in enumerate(result):
        yield part, r.select(r.find(args[0]), axis, index)


def _stack(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    given = _bind("tensors dim", args, kwargs)
    parts = [r.find(p) for p in given["tensors"]]
    axis = given.get("dim", 0)
    first = parts[0]
    if first is None or len(parts) != r.timesteps:
        raise r.refuse(f"joins tensors ({name}) that are not the {r.timesteps} timesteps of one")
    still = r.static(replace(first, lead="N"))  # one tensor, at every timestep
    for step, part in enumerate(parts):
        alike = part is not None and part.layer.path == first.layer.path
        steps = first.steps if still else {step}
        if not alike or part.steps != steps or part.what != first.what or part.lead != first.lead:
            raise r.refuse(f"joins tensors ({name}) that are not the timesteps of one, in order")
    leads = {("stack", 0, "N"): "TN", ("stack", 1, "N"): "NT", ("cat", 0, "N"): "T*N",
             ("cat", 0, "1N"): "TN", ("cat", 1, "N1"): "NT"}  # fmt: skip
    if (name, axis, first.lead) not in leads:
        raise r.refuse(f"joins timesteps ({name} of {axes(first.lead)}) along axis {axis}")
    everything = frozenset(range(r.timesteps))
    yield result, replace(first, lead=leads[name, axis, first.lead], steps=everything)


def _repeat(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    """One tensor at every timestep: ``x.unsqueeze(0).repeat(T, 1, ..)`` and the like."""
    seen = r.find(args[0])
    if seen is None or not r.static(replace(seen, lead="N")):
        raise r.refuse(f"repeats a value ({name}) that is not one tensor for every timestep")
    lead = "NT" if seen.lead == "N1" else "TN"
    if tuple(result.shape) == (*r.sizes(lead), *seen.shape):
        yield result, replace(seen, lead=lead)
        return
    error = r.refuse(f"repeats {axes(seen.lead)} + {seen.shape} to {tuple(result.shape)}")
    raise OtherSteps(str(error), int(result.shape[lead.index("T")]))


def _arithmetic(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    plain = name.strip("_")
    swapped = plain in ("radd", "rsub", "rmul", "rtruediv", "rdiv")
    plain = {"iadd": "add", "radd": "add", "isub": "sub", "rsub": "sub", "imul": "mul",
             "rmul": "mul", "div": "truediv", "itruediv": "truediv", "rtruediv": "div",
             "rdiv": "div", "subtract": "sub", "multiply": "mul",
             "divide": "truediv", "true_divide": "truediv"}.get(plain, plain)  # fmt: skip
    a, b = args[:2] if len(args) > 1 else (args[0], kwargs.get("other"))
    if swapped:
        a, b = b, a
    if kwargs.get("alpha", 1) != 1 or kwargs.get("rounding_mode") is not None:
        raise r.refuse(f"calls {plain} with alpha or rounding_mode")
    left, right = r.find(a), r.find(b)
    if left is not None and right is not None:
        if plain != "add":
            raise r.refuse(f"combines two values by {plain!r}; only sums of values are known")
        yield result, _sum(r, left, right)
        return
    seen, constant = (left, b) if left is not None else (right, a)
    if seen.what == "state":
        raise r.refuse(f"computes with the state of {seen.layer.path!r}")
    other = r.channels(constant, seen)
    if plain == "add":
        scale, bias = np.float64(1), other
    elif plain == "sub":
        scale, bias = (np.float64(1), -other) if left is not None else (np.float64(-1), other)
    elif plain == "mul":
        scale, bias = other, np.float64(0)
    elif plain == "truediv" and left is not None:
        scale, bias = 1 / other, np.float64(0)
    else:
        raise r.refuse(f"divides by a value ({name})")
    if (scale == 1).all() and (bias == 0).all():
        yield result, seen
    elif seen.what == "sum":
        if scale.ndim or bias.any() or scale <= 0:
            raise r.refuse("computes with a sum over time")
        yield result, seen
    else:
        yield result, replace(seen, layer=r.layer("scale", (seen.layer,), scale=scale, bias=bias))


def _sum(r: Recorder, left: Seen, right: Seen) -> Seen:
    """Return the sum of two values: of one timestep a join, of several a sum over time."""
    if r.static(left):
        left = replace(left, steps=right.steps)
    elif r.static(right):
        right = replace(right, steps=left.steps)
    if left.steps == right.steps and left.what == right.what == "value":
        if left.lead != right.lead or left.shape != right.shape:
            raise r.refuse(f"adds shapes {left.shape} and {right.shape}")
        return replace(left, layer=r.layer("join", (left.layer, right.layer)))
    alike = left.layer.path == right.layer.path and left.layer.does == right.layer.does
    if not alike or left.steps & right.steps or "state" in (left.what, right.what):
        raise r.refuse("adds values of different timesteps")
    first = left if min(left.steps) < min(right.steps) else right
    return replace(first, what="sum", steps=left.steps | right.steps)


def _neg(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    seen = _source(r, {"input": args[0]}, "")
    layer = r.layer("scale", (seen.layer,), scale=np.float64(-1), bias=np.float64(0))
    yield result, replace(seen, layer=layer)


HANDLERS: dict[str, Callable[..., Made]] = {
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
    **dict.fromkeys(("mean", "sum"), _mean),
    **dict.fromkeys(("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze"), _reshape),
    **dict.fromkeys(("transpose", "permute", "swapaxes"), _transpose),
    **dict.fromkeys(("detach", "contiguous", "clone", "float", "double", "to", "data", "type",
                     "requires_grad_", "cpu", "dropout", "dropout1d", "dropout2d", "dropout3d",
                     "alias"), _same),
    "__getitem__": _index,
    "unbind": _unbind,
    **dict.fromkeys(("stack", "cat"), _stack),
    **dict.fromkeys(("repeat", "expand", "tile", "repeat_interleave", "broadcast_to"), _repeat),
    **dict.fromkeys(("add", "__add__", "__radd__", "__iadd__", "add_", "sub", "__sub__", "__rsub__",
                     "__isub__", "sub_", "rsub", "mul", "__mul__", "__rmul__", "__imul__", "mul_",
                     "div", "true_divide", "__truediv__", "__rtruediv__", "__itruediv__", "div_",
                     "subtract", "multiply", "divide", "__rdiv__"), _arithmetic),
    **dict.fromkeys(("neg", "__neg__"), _neg),
}  # fmt: skip


def _maybe(tensor: Any) -> np.ndarray | None:
    return None if tensor is None else number(tensor)


def _pair(value: Any) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    pair = pair * 2 if len(pair) == 1 else pair
    return int(pair[0]), int(pair[1])
