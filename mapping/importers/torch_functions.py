"""What each torch function does to a value, as layers; what is not here stops the import.

Those that compute an op are in ``torch_ops``; these turn axes, pick timesteps, add and scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .recorder import Recorder
from .seen import OtherSteps, Seen, axes
from .torch_ops import OPS, Made, bind, source_of, whole_average


def _mean(r: Recorder, name: str, args: tuple, kwargs: dict, result: Any) -> Made:
    given = bind("input dim keepdim", args, kwargs)
    seen = source_of(r, given, "")
    over = given.get("dim")
    leading = len(r.sizes(seen.lead))
    over = [over] if isinstance(over, int) else list(over or [])
    over = sorted(a % (leading + len(seen.shape)) for a in over)
    place = seen.lead.find("T") if "*" not in seen.lead else -1
    if over == [place]:  # over time; a mean is a sum over T, the same class
        yield result, replace(seen, lead="N", what="sum")
    elif name == "mean" and len(seen.shape) == 3 and over == [leading + 1, leading + 2]:
        made = whole_average(r, seen)
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
    given = bind("tensors dim", args, kwargs)
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
    seen = source_of(r, {"input": args[0]}, "")
    layer = r.layer("scale", (seen.layer,), scale=np.float64(-1), bias=np.float64(0))
    yield result, replace(seen, layer=layer)


HANDLERS: dict[str, Callable[..., Made]] = {
    **OPS,
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
