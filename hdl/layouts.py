"""The payloads of the streams between cores, each defined once.

``first`` is set on every beat of a sample's first timestep, ``last`` on the last beat of every
timestep. Elements follow each other as a C-ordered array (C, H, W) lies in memory: channels
outermost, then rows, columns innermost; a vector in its own order. A word of several elements
holds the first of them in its low bits.
"""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data


def words(simd: int, bits: int) -> data.StructLayout:
    """Return a word of ``simd`` values of ``bits`` bits, the first in the low bits."""
    return data.StructLayout(
        {"data": unsigned(simd * bits), "first": unsigned(1), "last": unsigned(1)}
    )


def accumulates(raw_bits: int) -> data.StructLayout:
    """Return one raw popcount sum, unsigned."""
    return data.StructLayout({"raw": unsigned(raw_bits), "first": unsigned(1), "last": unsigned(1)})


def neurons(count: int, v_bits: int) -> data.StructLayout:
    """Return one neuron: its index, its membrane before reset, and its spike."""
    return data.StructLayout(
        {
            "index": unsigned(max(1, (count - 1).bit_length())),
            "v": signed(v_bits),
            "spike": unsigned(1),
            "first": unsigned(1),
            "last": unsigned(1),
        }
    )
