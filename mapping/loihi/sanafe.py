"""A placed network as the two files that SANA-FE reads: architecture (YAML) and netlist.

SANA-FE (J. Boyle et al., IEEE TCAD 2025) is a program of its own under GPL-3: nothing of it is
imported here, and nothing here needs it. Its Loihi neuron fires at ``potential > threshold`` on
multiples of 1/64, and spikes arrive one timestep later, so that population number d along a way is
d timesteps late. What runs there exactly as here is exported; anything else is refused:

- integrators (leak 1) and neurons without memory (leak 0), reset to a value, thresholds everywhere;
- biases in populations that read the input alone: others would gather them before its first spike;
- every way from the input to a population equally long, and no delays;
- inputs of one bit; they stand on tiles of their own, one column beside the mesh.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..coding import encode
from ..files import beside
from ..network import Connection, Network
from ..ports import INPUT
from ..value import Unsupported
from .profiles import PROFILES
from .reach import as_map
from .values import Placement

#: Synapses of a network that is written out, each a line.
MOST = 4_000_000
#: Neurons of a core, inputs included, that its file allows.
HELD = 1024


def export(network: Network, placement: Placement, inputs: np.ndarray, folder: Path) -> None:
    """Write ``arch.yaml`` and ``snn.net`` of one sample.

    Args:
        inputs: of one sample, as of ``sim.run``. folder: is made if it is not there.

    Raises
    ------
        Unsupported: something that SANA-FE's Loihi would compute otherwise; it is named.
        OSError: a file cannot be written.
    """
    if placement.chip.name != "loihi1":
        raise Unsupported(
            f"SANA-FE describes loihi1; its file has nothing of {placement.chip.name}"
        )
    _refuse(network)
    if len(inputs) != 1:
        raise ValueError(f"one sample is written out, not {len(inputs)}")
    folder.mkdir(parents=True, exist_ok=True)
    train = encode(network.input, inputs, network.timesteps)[0]
    width, height = _mesh(placement)
    with beside(folder / "arch.yaml") as part:
        part.write_text(architecture(width + 1, height), encoding="utf-8")
    with beside(folder / "snn.net") as part, part.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _netlist(network, placement, train, width, height))


def _mesh(placement: Placement) -> tuple[int, int]:
    chip = placement.chip
    return (
        placement.chips[0] * (chip.columns.value or 1),
        placement.chips[1] * (chip.rows.value or 1),
    )


def _refuse(network: Network) -> None:
    """Raise Unsupported for what would be computed otherwise."""
    synapses = 0
    if network.input.span != (0, 1):
        raise Unsupported(
            f"SANA-FE's spikes carry no number: the input has {network.input.bits} bits"
        )
    for p in network.populations:
        n, where = p.neuron, f"population {p.name!r}"
        if n.threshold is None:
            raise Unsupported(f"{where} never fires: SANA-FE's Loihi sends spikes only")
        if n.num not in (0, 1 << n.q):
            raise Unsupported(f"{where} has leak {n.num}/{1 << n.q}: SANA-FE keeps fractions")
        if n.reset != "zero" or n.max_spikes or n.fire_by is not None or n.refractory:
            raise Unsupported(f"{where}: SANA-FE's Loihi resets to a value and holds no neuron")
        if n.v_init.any():
            raise Unsupported(f"{where} starts at {n.v_init.tolist()[:4]}, and not at 0")
        depths = {0 if c.source == INPUT else network.facts[c.source].depth for c in p.connections}
        if depths != {network.facts[p.name].depth - 1}:
            raise Unsupported(f"{where} reads spikes of different age")
        if len({_kind(c) for c in p.connections}) > 1:
            raise Unsupported(f"{where} has synapses of two kinds, and a neuron names one")
        for c in p.connections:
            if c.delay or c.gate is not None or c.shift or not c.op.linear:
                raise Unsupported(f"{where}: a delay, gate, shift or maximum on {c.source!r}")
            if c.source != INPUT and c.bias.any():
                raise Unsupported(f"{where} has a bias, which would be gathered ahead of its input")
            synapses += int(np.prod(network.shapes[p.name])) * c.op.fan_in
    if synapses > MOST:
        raise Unsupported(f"{synapses:,} synapses, a line each; at most {MOST:,} are written")


def _netlist(
    network: Network, placement: Placement, train: np.ndarray, width: int, height: int
) -> Iterator[str]:
    sizes = {name: math.prod(shape) for name, shape in network.shapes.items()}
    # Every input is a group of its own: only a group can name the unit that holds its spikes.
    enter = sizes.pop(INPUT)
    groups = {name: enter + k for k, name in enumerate(sizes)}
    for k in range(enter):
        yield f"g 1 soma_hw_name=loihi_inputs[{k % HELD}] log_spikes=1"
    for name, size in sizes.items():
        kind = _kind(network[name].connections[0])
        yield f"g {size} soma_hw_name=loihi_lif synapse_hw_name={kind} log_spikes=1"
    flat = train.reshape(len(train), -1)
    for k in range(enter):
        spikes = ",".join(str(int(s)) for s in flat[:, k])
        yield f"n {k}.0 {{spikes: [{spikes}]}}"
    for p in network.populations:
        n = p.neuron
        each = sizes[p.name] // len(n.v_init)
        bias = sum(c.bias for c in p.connections)
        leak = 0 if n.num == 0 else 1
        assert n.threshold is not None
        for k in range(sizes[p.name]):
            c = k // each
            yield (
                f"n {groups[p.name]}.{k} threshold={int(n.threshold[c]) - 0.5} "
                f"reset={int(n.v_reset[c])}.0 bias={int(bias[c])}.0 "
                f"leak_decay={leak}.0 input_decay=0.0"
            )
    for p in network.populations:
        for c in p.connections:
            for source, target, weight in synapses_of(c, network.shapes[c.source]):
                a = f"{source}.0" if c.source == INPUT else f"{groups[c.source]}.{source}"
                b = f"{groups[p.name]}.{target}"
                yield f"e {a}->{b} weight={weight}"
    tile_of = _tile_numbers(placement, height)
    for k in range(enter):
        core = k // HELD
        yield f"& {k}.0@{width * height + core // 4}.{core % 4}"
    for number, core in enumerate(placement.cores):
        for tile in core.tiles:
            shape = as_map(network.shapes[tile.population])
            index = np.arange(math.prod(shape)).reshape(shape)
            for k in index[tile.channels, slice(*tile.rows), slice(*tile.cols)].ravel().tolist():
                yield f"& {groups[tile.population]}.{k}@{tile_of[number]}"


def _kind(c: Connection) -> str:
    """Return SANA-FE's name of a connection's synapses."""
    return "loihi_dense_synapse" if c.op.window is None else "loihi_conv_synapse"


def _tile_numbers(placement: Placement, height: int) -> list[str]:
    """Return tile and core of every core; SANA-FE numbers tiles column by column."""
    return [f"{x * height + y}.{slot}" for x, y, slot in placement.places.tolist()]


def synapses_of(c: Connection, shape: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield source, target and weight (gain included) of every synapse that is not 0."""
    size = math.prod(shape)
    step = max(1, min(size, (1 << 24) // max(1, math.prod(c.op.out_shape(shape)))))
    for start in range(0, size, step):
        many = min(step, size - start)
        impulses = np.zeros((many, size), np.int64)
        impulses[np.arange(many), start + np.arange(many)] = 1
        acc = c.op.apply(impulses.reshape(many, *shape))
        gain = c.gain.reshape(1, -1, *(1 for _ in acc.shape[2:]))
        flat = (acc * gain).reshape(many, -1)
        for source, target in np.argwhere(flat).tolist():
            yield start + source, target, int(flat[source, target])


def architecture(width: int, height: int) -> str:
    """Return an architecture of so many tiles with the constants of ``sanafe-nahuku``."""
    profile = PROFILES["sanafe-nahuku"]
    e = profile.events

    def one(name: str, energy: float | None, time: float | None, what: str) -> str:
        lines = [f"energy_{what}: {(energy or 0.0):g}e-12", f"latency_{what}: {(time or 0.0):g}e-9"]
        return "".join(f"                {line}\n" for line in lines)

    hops = "".join(
        f"        energy_{way}_hop: {e[axis].pj:g}e-12\n"
        f"        latency_{way}_hop: {e[axis].ns:g}e-9\n"
        for way, axis in (("north", "hop_y"), ("east", "hop_x"), ("south", "hop_y"),
                          ("west", "hop_x"))
    )  # fmt: skip
    barrier = ", ".join(f"{tiles}: {ns:g}e-9" for tiles, ns in profile.barrier)
    idle, active, spike = e["neuron_idle"], e["neuron_active"], e["spike"]
    assert None not in (idle.pj, idle.ns, active.pj, active.ns)
    update = (active.pj - idle.pj, active.ns - idle.ns)  # type: ignore[operator]
    soma = (
        one("", idle.pj, idle.ns, "access_neuron")
        + one("", round(update[0], 6), round(update[1], 6), "update_neuron")
        + one("", spike.pj, spike.ns, "spike_out")
    )
    none = "".join(one("", 0.0, 0.0, w) for w in ("access_neuron", "update_neuron", "spike_out"))
    synapses = "".join(
        f"            - name: {name}\n              attributes:\n"
        "                model: current_based\n"
        + one("", e[event].pj, e[event].ns, "process_spike")
        for name, event in (("loihi_dense_synapse", "synop_dense"),
                            ("loihi_conv_synapse", "synop_window"))
    )  # fmt: skip
    return f"""architecture:
  name: loihi_chip
  attributes:
    topology: mesh
    width: {width}
    height: {height}
    link_buffer_size: 16
    sync_model: table
    latency_sync: {{ {barrier} }}
  tile:
    - name: loihi_tile[0..{width * height - 1}]
      attributes:
{hops}      core:
        - name: loihi_core[0..3]
          attributes:
            buffer_position: soma
            buffer_inside_unit: false
            max_neurons_supported: {HELD}
          axon_in:
            - name: loihi_in
              attributes:
{one("", e["packet_in"].pj, e["packet_in"].ns, "message_in")}          soma:
            - name: loihi_lif
              attributes:
                model: leaky_integrate_fire
{soma}            - name: loihi_inputs[0..{HELD - 1}]
              attributes:
                model: input
{none}          dendrite:
            - name: loihi_dendrites
              attributes:
                model: accumulator
                energy_update: 0.0
                latency_update: 0.0
          synapse:
{synapses}          axon_out:
            - name: loihi_out
              attributes:
{one("", e["packet_out"].pj, e["packet_out"].ns, "message_out")}"""
