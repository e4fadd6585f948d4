"""Lanes: one vector of integers, 16 of 32 bits or 8 of 64, as a type that numba compiles.

LLVM makes of each operation what the machine has: with AVX-512 one instruction (VPOPCNTDQ counts
the ones of every lane), with AVX2 two halves and a table of nibbles. Nothing here asks which.
Arithmetic wraps around, as in numpy; ``array`` arguments are one-dimensional int32 or int64.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

#: Bits of a vector.
WIDTH = 512

#: What every kernel is compiled with. No kernel makes an array, so that nothing is counted
#: (``_nrt``): the counts of references would be atomic additions in every call.
kernel = functools.partial(njit, nogil=True, error_model="numpy", _nrt=False)


class Lanes(types.Type):
    """The type of a vector of lanes of ``bits`` bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        super().__init__(name=f"Lanes({bits})")


def _vector(bits: int) -> Any:
    return ir.VectorType(ir.IntType(bits), WIDTH // bits)


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, _vector(kind.bits))


def _place(context: Any, builder: Any, array: Any, value: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array)(context, builder, value).data, [index])


def _all_lanes(builder: Any, bits: int, scalar: Any) -> Any:
    nothing = ir.Constant(_vector(bits), ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH // bits), [0] * (WIDTH // bits))
    return builder.shuffle_vector(first, nothing, zeros)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """``load(array, index)``: the lanes that begin there; no alignment is asked for."""
    bits = array.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = _place(context, builder, array, *args)
        return builder.load(builder.bitcast(at, _vector(bits).as_pointer()), align=bits // 8)

    return Lanes(bits)(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """``store(array, index, lanes)``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = _place(context, builder, array, *args[:2])
        at = builder.bitcast(at, _vector(value.bits).as_pointer())
        builder.store(args[2], at, align=value.bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def splat(typing: Any, array: Any, index: Any) -> Any:
    """``splat(array, index)``: one element in every lane."""
    bits = array.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        scalar = builder.load(_place(context, builder, array, *args))
        return _all_lanes(builder, bits, scalar)

    return Lanes(bits)(array, types.intp), generate


@intrinsic
def spread(typing: Any, array: Any, number: Any) -> Any:
    """``spread(array, number)``: a number in every lane, cut to the bits of the array's."""
    bits = array.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        scalar = args[1] if bits == 64 else builder.trunc(args[1], ir.IntType(bits))
        return _all_lanes(builder, bits, scalar)

    return Lanes(bits)(array, types.int64), generate


@intrinsic
def popcount(typing: Any, a: Any) -> Any:
    """``popcount(lanes)``: the ones of each lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = _vector(a.bits)
        name = f"llvm.ctpop.v{WIDTH // a.bits}i{a.bits}"
        made = ir.FunctionType(kind, [kind])
        return builder.call(cgutils.get_or_insert_function(builder.module, made, name), args)

    return a(a), generate


@intrinsic
def at_least(typing: Any, a: Any, b: Any) -> Any:
    """``at_least(a, b)``: -1 in each lane where a >= b (signed), else 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sext(builder.icmp_signed(">=", *args), _vector(a.bits))

    return a(a, b), generate


@intrinsic
def choose(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """``choose(mask, a, b)``: a where the mask is negative, else b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(_vector(a.bits), [0] * (WIDTH // a.bits))
        return builder.select(builder.icmp_signed("<", args[0], zero), args[1], args[2])

    return a(mask, a, b), generate


@intrinsic
def bits_of_bytes(typing: Any, a: Any, mask: Any) -> Any:
    """``bits_of_bytes(lanes of 8 bits, mask)``: an int64 of one bit for each byte.

    A bit is 1 where ``byte & mask`` is not 0.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = _all_lanes(builder, 8, builder.trunc(args[1], ir.IntType(8)))
        zero = ir.Constant(_vector(8), [0] * (WIDTH // 8))
        some = builder.icmp_unsigned("!=", builder.and_(args[0], wide), zero)
        return builder.bitcast(some, ir.IntType(64))

    return types.int64(a, types.int64), generate


def _operator(name: Callable, build: Callable) -> None:
    """Give two vectors an operator of Python's."""

    @intrinsic
    def run(typing: Any, a: Any, b: Any) -> Any:
        return a(a, b), lambda context, builder, signature, args: build(builder, *args)

    @overload(name)
    def between(a, b):  # numba compares argument names, annotations and all
        if isinstance(a, Lanes) and a == b:
            return lambda a, b: run(a, b)
        return None


_operator(operator.add, lambda builder, a, b: builder.add(a, b))
_operator(operator.sub, lambda builder, a, b: builder.sub(a, b))
_operator(operator.mul, lambda builder, a, b: builder.mul(a, b))
_operator(operator.and_, lambda builder, a, b: builder.and_(a, b))
_operator(operator.or_, lambda builder, a, b: builder.or_(a, b))
_operator(operator.lshift, lambda builder, a, b: builder.shl(a, b))
_operator(operator.rshift, lambda builder, a, b: builder.ashr(a, b))
