"""Passes: what a neuron unit selects, cycle by cycle, of the passes that it is given.

Within a pass timestep follows timestep, and within one group after group of ``lanes`` neurons. A
block comes tile by tile, each through all its chunks, so that rows go back to where their tile
began.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value

from .counting import after as following
from .counting import count
from .order import Order


@dataclass(frozen=True)
class Selected:
    """What is selected in a cycle.

    Attributes
    ----------
        select, shared: group of sums within the pass, with and without its timestep.
        row: of the parameter ROM.
        beat: flags and counters of the beat, by name.
        heard: a beat of a pass that counts for gates alone. opens: its place is the map's first.
        step: its timestep in the block. time: the same in the sample, as if the first block were
            whole.
    """

    select: Value
    shared: Value
    row: Value
    beat: dict[str, Value]
    heard: Value
    opens: Value
    step: Value
    time: Value


def selected(
    m: Module, o: Order, loaded: Value, begins: Value, ends: Value, fire_by: int | None = None,
    counting: Value | None = None, timed: bool = False,
) -> Selected:  # fmt: skip
    """Add the counters of a neuron unit.

    Args:
        loaded, begins, ends: a pass can be selected from the next cycle on; its flags.
        fire_by: a timestep that is told by the flag ``due``, or None.
        counting: whether the pass is one that counts for gates alone, or None: none is.
        timed: whether ``time`` is asked for.
    """
    blocks = o.blocks
    active = Signal(name="active")
    pass_begins, pass_ends = (Signal(name=n, reset_less=True) for n in ("pass_begins", "pass_ends"))
    row: Value = Const(0, 1)
    end_row: Value = Const(1, 1)
    if o.rows > 1:
        row = Signal(range(o.rows), name="row_at")
        end_row = row == o.rows - 1
    group, end_group = count(m, o.groups, active, "group")
    turned = Signal(name="turned")
    m.d.comb += turned.eq(end_group | end_row)
    step, end_step = Const(0, 1), Const(1, 1)
    if blocks.parallel > 1:
        step, end_step = count(m, blocks.parallel, active & turned, "step")
    chunk: Value = Const(0, 1)
    now: Value = chunk
    if blocks.chunks > 1:
        chunk = now = Signal(range(blocks.chunks), name="chunk")
        if blocks.skipped:
            now = Signal.like(chunk, name="chunk_now")
            m.d.comb += now.eq(Mux(pass_begins & (chunk == 0), blocks.skipped, chunk))
    end_chunk = now == blocks.chunks - 1
    end_pass = turned & end_step
    tiled = turned & end_step & end_chunk
    with m.If(loaded):
        m.d.sync += [active.eq(1), pass_begins.eq(begins), pass_ends.eq(ends)]
        if counting is not None:
            heard = Signal(name="pass_counting", reset_less=True)
            m.d.sync += heard.eq(counting)
    with m.Elif(active & end_pass):
        m.d.sync += active.eq(0)
    with m.If(active):
        if isinstance(group, Signal):
            with m.If(turned):
                m.d.sync += group.eq(0)
        if isinstance(chunk, Signal):
            with m.If(end_pass):
                m.d.sync += chunk.eq(Mux(end_chunk, 0, now + 1))
        if o.rows > 1:
            _go_on(m, o, row, "row", end_row, turned, tiled)
    channel = _channels(m, o, row, active, turned, tiled)
    starts = pass_begins & (now == blocks.skipped) & (step == 0)
    used = active if counting is None else active & ~heard
    beat = {
        "valid": used,
        "index": row,
        "group": group,
        "starts": starts,
        "final": pass_ends & end_chunk & end_step,
        "begins": pass_begins,
        "ends": pass_ends,
        "end": end_row,
    }
    ended = used & end_pass & end_chunk & end_row
    if fire_by is not None:
        beat["due"] = _due(m, o, fire_by, ended, pass_begins, now, step)
    position = step if blocks.chunks == 1 else now * blocks.parallel + step
    return Selected(
        step * o.groups + group, group, channel, beat,
        heard=Const(0, 1) if counting is None else active & heard,
        opens=row < o.channel_rows,
        step=position,
        time=_time(m, o, ended, pass_begins, position) if timed else Const(0, 1),
    )  # fmt: skip


def _go_on(
    m: Module, o: Order, row: Value, name: str, end_row: Value, turned: Value, tiled: Value
) -> None:
    """Count rows up to their end; those of a tile that comes again, from its first one on.

    Args:
        turned: a tile's last row. tiled: the same, in its last timestep of the block.
    """
    m.d.sync += row.eq(following(row))
    with m.If(end_row):
        m.d.sync += row.eq(0)
    if o.repeats:
        base = Signal(len(row), name=f"{name}_base")
        with m.If(tiled):
            m.d.sync += base.eq(Mux(end_row, 0, row + 1))
        with m.Elif(turned):
            m.d.sync += row.eq(base)


def _channels(m: Module, o: Order, row: Value, active: Value, turned: Value, tiled: Value) -> Value:
    """Return the row of channels: rows modulo theirs, which costs nothing for a power of two."""
    size = o.channel_rows
    if size == o.rows:
        return row
    if size == 1:
        return Const(0, 1)
    if not size & (size - 1):
        return row[: (size - 1).bit_length()]
    channel = Signal(range(size), name="channel_at")
    with m.If(active):
        _go_on(m, o, channel, "channel", channel == size - 1, turned, tiled)
    return channel


def _time(m: Module, o: Order, ended: Value, begins: Value, position: Value) -> Value:
    """Return the timestep of a sample, counted as if its first block were whole."""
    blocks = o.blocks
    if blocks.count == 1:
        return position
    base = Signal(range(blocks.count * blocks.block), name="time_base")
    now = Signal.like(base, name="time_base_now")
    m.d.comb += now.eq(Mux(begins, 0, base))
    with m.If(ended):
        # A sample that is cut in its last block has no end: nothing beyond it may be asked for.
        m.d.sync += base.eq(Mux(now == (blocks.count - 1) * blocks.block, 0, now + blocks.block))
    return (now + position)[: len(base)]


def _due(
    m: Module, o: Order, at: int, ended: Value, begins: Value, chunk: Value, step: Value
) -> Value:
    """Return whether it is timestep ``at`` of a sample."""
    blocks = o.blocks
    at_block, rest = divmod(at + blocks.block - blocks.first, blocks.block)
    at_chunk, at_step = divmod(rest, blocks.parallel)
    there = (chunk == at_chunk) & (step == at_step)
    if at_block == 0:
        return begins & there
    # The count may wrap: after fire_by there is no neuron left that has not fired.
    block = Signal(range(at_block + 1), name="block")
    now = Signal(range(at_block + 1), name="block_now")
    m.d.comb += now.eq(Mux(begins, 0, block))
    with m.If(ended):
        m.d.sync += block.eq(now + 1)
    return (now == at_block) & there
