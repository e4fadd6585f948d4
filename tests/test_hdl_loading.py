# amaranth: UnusedElaboratable=no
"""Loadable designs: what stands in an image, which networks a design holds, and when it loads."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st
from simulated import agrees, chunked

from hdl.cores.sums import most_bits, raw_bits
from hdl.loading import bits, contents, held, image, places, planned, refuse
from hdl.manifest import manifest
from hdl.plan import plan
from hdl.planned import Plan
from hdl.structure import stated
from hdl.top import NetworkTop
from hdl.verilog import emit
from mapping import (
    Connection,
    Conv,
    Dense,
    Gate,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    Unsupported,
)  # fmt: skip
from mapping.coding import encode
from sim import run
from sim.backends import beats
from sim.campaign import parallelism
from sim.campaign.generate.alike import draw_whole_like
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.generate.groups import shares
from sim.campaign.stimuli import stimuli


def one(signs, bias, threshold, gain=1, steps: int = 1, **more: object) -> Network:
    """Return a network of one population."""
    edge = Connection("input", Dense(np.asarray(signs)), gain=gain, bias=bias)
    neuron = Neuron(1, more.pop("q", 0), threshold=threshold, **more)
    enter = Input((len(signs[0]),))
    return Network(enter, (Population("p0", (edge,), neuron),), Readout("p0"), steps)


def changed(network: Network, bias=None, gain=None, **neuron: object) -> Network:
    """Return a network of one population with other numbers."""
    (p,) = network.populations
    (c,) = p.connections
    c = replace(c, **{k: v for k, v in (("bias", bias), ("gain", gain)) if v is not None})
    p = replace(p, connections=(c,), neuron=replace(p.neuron, **neuron))
    return replace(network, populations=(p,))


def test_an_image_is_the_rows_of_its_memories_and_their_crc(rng) -> None:
    """Read as docs/hdl.md says, without any code of hdl."""
    signs = rng.choice([-1, 1], (6, 40))
    network = one(signs, rng.integers(-9, 9, 6), rng.integers(-9, 30, 6), 3, v_init=-2)
    made = plan(network, pe=2, simd=16, loadable=True)
    told = manifest(made, "", {}, {"pe": 2, "simd": 16})["loading"]
    words = image(made, network)
    assert told["words"] == len(words) - 1 and told["crc"] == words[-1]
    assert words[-1] == zlib.crc32(np.array(words[:-1], "<u4").tobytes())
    rows = {}
    for memory in told["memories"]:
        at, rows[memory["name"]] = memory["first"], []
        for _ in range(memory["rows"]):
            mine = words[at : at + memory["words"]]
            rows[memory["name"]].append(sum(w << 32 * k for k, w in enumerate(mine)))
            at += memory["words"]
    assert at == told["words"]
    weights = np.zeros((6, 40), int)
    stride = len(rows["weights_0"]) // 3 + 1  # three tiles of three words; the last has no gap
    for tile in range(3):
        for word in range(3):
            row = rows["weights_0"][tile * stride + word]
            for lane in range(2):
                for j in range(min(16, 40 - 16 * word)):
                    bit = row >> (16 * lane + j) & 1
                    weights[2 * tile + lane, 16 * word + j] = 2 * bit - 1
    assert (weights == signs).all()
    ranges = {r["value"]: r for r in told["ranges"]}
    columns = [v for v in ranges if v not in ("drive", "scaled", "v", "state")]
    p = network.populations[0]
    merged = p.connections[0].bias - 3 * (signs < 0).sum(axis=1)
    wanted = {"gain_0": [3] * 6, "constant": merged, "v_init": [-2] * 6, "v_reset": [0] * 6}
    wanted["threshold"] = p.neuron.threshold
    assert set(columns) == set(wanted)
    for neuron, row in enumerate(rows["parameters_0"]):
        for name in columns:
            width = ranges[name]["bits"]
            value = row & ((1 << width) - 1)
            value -= value >> (width - 1) << width
            assert value == wanted[name][neuron], name
            low, high = ranges[name]["range"]
            assert low <= value <= high
            row >>= width
        assert row == 0


def test_a_manifest_makes_the_plan_anew() -> None:
    for seed in range(12):
        network = draw_network(seed, extras=True)
        other = draw_like(network, seed + 100)
        options = parallelism.draw(network, np.random.default_rng(seed))
        try:
            made = plan(network, **options, others=(other,))
        except ValueError:  # a population that connections back alone reach
            continue
        told = json.loads(json.dumps(manifest(made, "", {}, options)))["loading"]
        again = planned(told, other)
        assert places(again) == places(made) and bits(again) == bits(made)
        assert again.timing == made.timing
        assert [p.widths for p in again.populations] == [p.widths for p in made.populations]
        assert image(again, other) == image(made, other)
        assert image(made, network)[-1] == told["crc"]
        told["memories"][0]["rows"] += 1
        with pytest.raises(ValueError, match="other memories than this program would write"):
            planned(told, other)


def test_each_number_has_its_range_and_what_lies_outside_is_named() -> None:
    small = one([[1, -1, 1]], 2, 5, 3, v_reset=1, v_init=-1, steps=3, q=1)
    made = plan(small, loadable=True)
    of = made.populations[0].bits
    for name, make in {
        "threshold": lambda n: changed(small, threshold=n),
        "v_reset": lambda n: changed(small, v_reset=n, threshold=held(of["threshold"])[1]),
        "gain_0": lambda n: changed(small, gain=n),
        "constant": lambda n: changed(small, bias=n + 3),  # one weight of -1, and its gain
    }.items():
        low, high = held(of[name])
        for value in (low - 1, high + 1):
            with pytest.raises(ValueError, match="and the design holds") as refused:
                image(made, make(value))
            said = str(refused.value)
            assert said.startswith("population 'p0': ")
            if f" {name} " in said:
                assert said == (
                    f"population 'p0': {name} is {value}, and the design holds {low} .. {high} "
                    f"({of[name]} bits)"
                )
    refuse(made, changed(small, threshold=held(of["threshold"])[0]))
    low, high = held(of["v"])
    with pytest.raises(ValueError, match=rf"v reaches \d+, and the design holds {low} .. {high}"):
        # All columns fit, and what they add up to does not.
        image(replace(made, populations=(wider(made),)), changed(small, bias=high))


def wider(made: Plan) -> object:
    """Return a plan's only population with room in its columns and its drive."""
    (p,) = made.populations
    widths = replace(p.widths, drive=p.widths.drive + 9)
    return replace(p, memory={n: b + 9 for n, b in p.memory.items()}, widths=widths)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: replace(n, timesteps=4), "the number of timesteps is 3, not 4"),
        (lambda n: replace(n, input=replace(n.input, bits=2)), "the input's span is (0, 1), not"),
        (lambda n: changed(n, reset="none"), "the reset of population 'p0' is zero, not none"),
        (lambda n: changed(n, q=1), "the leak of population 'p0' is (1, 0), not (1, 1)"),
        (lambda n: changed(n, refractory=2), "refractory of population 'p0' is 0, not 2"),
    ],
)
def test_what_differs_in_structure_is_named(change, said: str) -> None:
    network = one([[1, -1, 1], [1, 1, 1]], 2, 5, steps=3)
    made = plan(network, loadable=True)
    told = manifest(made, "", {}, {})["loading"]
    assert told["structure"] == stated(network)
    for refused in (image, lambda made, n: planned(told, n)):
        with pytest.raises(ValueError) as error:
            refused(made, change(network))
        assert str(error.value).startswith("the design holds networks of another structure: ")
        assert said in str(error.value)
    with pytest.raises(ValueError) as error:
        plan(network, others=(network, change(network)))
    assert said in str(error.value)


@given(st.data())
def test_a_network_is_taken_if_and_only_if_all_that_is_derived_of_it_fits(data) -> None:
    seed = data.draw(st.integers(0, 400))
    network = draw_network(seed, extras=True)
    other = draw_like(network, seed + data.draw(st.integers(1, 5)))
    try:
        design, own = plan(network, loadable=True), plan(other, loadable=True)
    except ValueError:
        return
    fits = all(
        need <= has
        for p, q in zip(own.populations, design.populations, strict=True)
        for need, has in zip(p.bits.values(), q.bits.values(), strict=True)
    )
    try:
        contents(design, other)
    except ValueError:
        assert not fits
    else:
        assert fits
        for p, q in zip(design.populations, own.populations, strict=True):
            assert p.order == q.order and p.latency == q.latency


@pytest.mark.parametrize("name", ["drive", "v", "state"])
@pytest.mark.parametrize("side", [0, 1])
def test_the_last_network_that_fits_is_exact_and_the_next_one_would_not_be(name, side) -> None:
    """A bias at the end of the range, and inputs that reach it."""
    signs = [[1, 1, -1], [-1, 1, 1]]
    steps = 1 if name == "drive" else 3
    small = one(signs, 1, 4000, steps=steps, reset="none")
    found = bits(plan(small, loadable=True))["p0"]
    room = {**found, "constant": 14, "threshold": 14, "v_init": 14}
    room |= {n: 14 for n in ("drive", "scaled", "v", "state") if n != name}
    design = plan(small, loadable={"p0": room})

    def sized(bias: int) -> Network:
        return changed(small, bias=np.array([bias, 0]))

    end = held(room[name])[side]
    towards = 1 if side else -1
    last = max((b for b in range(-40, 41) if fits(design, sized(b))), key=lambda b: towards * b)
    refuse(design, sized(last))
    with pytest.raises(ValueError, match=rf"population 'p0': {name} reaches -?\d+, and"):
        refuse(design, sized(last + towards))
    best = np.tile((np.array(signs[0]) > 0) == (side == 1), (steps, 1)).astype(np.uint8)
    reached = run(sized(last), best[None]).v["p0"][0, -1, 0]
    assert abs(end - reached) < steps, "the inputs reach the end of the range"
    samples = [best, 1 - best]
    agrees(sized(last), replace(design, network=sized(last)), samples)
    if name == "state":
        return  # it is largest after the last timestep, where nothing reads it
    with pytest.raises(AssertionError):
        over = sized(last + towards)
        agrees(over, replace(design, network=over, loadable=False), samples)  # in ROMs: unasked


def fits(design: Plan, network: Network) -> bool:
    try:
        refuse(design, network)
    except ValueError:
        return False
    return True


def test_unasked_nothing_of_it_is_emitted(seed: int) -> None:
    network = draw_network(seed)
    plain, loadable = emit(network), emit(network, loadable=True)
    assert "loading" not in plain.manifest and "loader" not in plain.verilog
    assert "w_valid" not in plain.verilog and "w_valid" in loadable.verilog
    assert loadable.manifest["latency"] > plain.manifest["latency"]


CASES = [(1, {}), (4, {"block": 2, "pe": 2, "simd": 3}), (5, {"pe": 3, "simd": 2})]


@pytest.mark.parametrize(("steps", "options"), CASES)
@pytest.mark.parametrize("back", [False, True])
def test_a_load_waits_for_the_samples_in_flight_and_holds_those_that_come(
    steps: int, options: dict, back: bool, seed: int
) -> None:
    """Samples come without a pause, and two networks are loaded at random moments among them."""
    rng = random.Random(seed)
    draw = np.random.default_rng(seed)
    sizes = (6, 5, 4)
    populations = []
    for k in range(2):
        m = sizes[k + 1]
        source = ["input", "p0"][k]
        edges = [Connection(source, Dense(draw.choice([-1, 1], (m, sizes[k]))), gain=2, bias=1)]
        if back and k == 0:
            weights = draw.choice([-1, 1], (m, m))
            edges.append(Connection("p0", Dense(weights), gain=1, delay=2))
        neuron = Neuron(1, 1, threshold=draw.integers(0, 9, m), v_reset=-1)
        populations.append(Population(f"p{k}", tuple(edges), neuron))
    first = Network(Input((6,)), tuple(populations), Readout("p1"), steps)
    networks = [first, draw_like(first, seed + 1), draw_like(first, seed + 2)]
    design = plan(first, others=tuple(networks[1:]), **options)
    told = manifest(design, "", {})
    images = [image(design, n) for n in networks]
    samples = [draw.integers(0, 2, (steps, 6)) for _ in range(12)]
    pairs = [beats.input_beats(x[None], told) for x in samples]
    items = [
        (int.from_bytes(row.tobytes(), "little"), int(flag), k)
        for k, (data, flags) in enumerate(pairs)
        for row, flag in zip(data, flags, strict=True)
    ]
    top = NetworkTop(design)
    seen: dict[str, list] = {"data": [], "flags": []}
    taken: list[tuple[int, int]] = []  # cycle, sample
    loads: list[tuple[int, int]] = []  # cycles of the first and of the last word
    first_beats: list[int] = []

    async def bench(ctx) -> None:
        at, word, which, quiet = 0, 0, 1, 0
        third = len(items) // 3
        asks = [rng.randrange(1, third), rng.randrange(third, 2 * third)]  # when so many are taken
        offer, pause = False, 0
        for cycle in range(20_000):
            asking = bool(asks) and at >= asks[0]
            if asking and pause == 0:  # long enough for all to come to rest within the sample
                pause = cycle + 150
            if not (asking and cycle < pause):
                offer = offer or (at < len(items) and rng.random() < 0.9)
            ctx.set(top.i_valid, offer)
            if offer:
                ctx.set(top.i_data, items[at][0])
                ctx.set(top.i_first, items[at][1] & 1)
                ctx.set(top.i_last, items[at][1] >> 1 & 1)
            ctx.set(top.w_valid, asking)
            if asking:
                ctx.set(top.w_data, images[which][word])
                ctx.set(top.w_first, word == 0)
                ctx.set(top.w_last, word == len(images[which]) - 1)
            out = rng.random() < 0.7
            ctx.set(top.o_ready, out)
            ports = [top.i_ready, top.w_ready, top.o_valid, top.o_data, top.o_first, top.o_last]
            _, _, i_ready, w_ready, valid, data, begins, ends = await ctx.tick().sample(*ports)
            if offer and i_ready:
                if items[at][1] & 1:
                    first_beats.append(cycle)
                taken.append((cycle, items[at][2]))
                at, offer = at + 1, False
            if asking and w_ready:
                if word == 0:
                    loads.append((cycle, cycle))
                loads[-1] = (loads[-1][0], cycle)
                word += 1
                if word == len(images[which]):
                    assert ctx.get(top.w_good) == 1
                    assert ctx.get(top.w_crc) == images[which][-1]
                    word, which, pause = 0, which + 1, 0
                    asks.pop(0)
            if valid and out:
                seen["data"].append(data)
                seen["flags"].append(begins | ends << 1)
            quiet = 0 if offer or valid or asking else quiet + 1
            if quiet > 300 and at == len(items) and not asks:
                return
        raise AssertionError("no end")

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(loads) == 2
    for begun, ended in loads:
        assert not any(begun <= cycle <= ended for cycle, _ in taken), "nothing is taken meanwhile"
    for (a, sample), (b, following) in pairwise(taken):  # and no sample is torn apart by a load
        assert sample != following or not any(a < begun < b for begun, _ in loads)
    which = [sum(cycle > ended for _, ended in loads) for cycle in first_beats]
    assert set(which) == {0, 1, 2}, which
    width = int(told["output"]["beat_bits"])
    data = chunked(seen["data"], width)
    each = len(data) // len(samples)
    for k, (x, n) in enumerate(zip(samples, which, strict=True)):
        spikes = run(networks[n], x[None]).spikes["p1"][0]
        rows = beats.rows(told["output"], 4, steps, told)
        lanes = int(told["output"]["lanes"])
        for (t, neuron), beat in zip(rows, data[k * each : (k + 1) * each, 0], strict=True):
            for lane in range(lanes):
                assert beat >> lane & 1 == spikes[t, neuron + lane], (k, n, t, neuron + lane)


def single(edge: Connection, shape: tuple[int, ...] = (4,), steps: int = 2) -> Network:
    """Return a network of one population and one connection."""
    population = Population("a", (edge,), Neuron(1, 1, threshold=2))
    return Network(Input(shape), (population,), Readout("a"), steps)


def test_what_no_shared_design_has_is_refused_by_population() -> None:
    """Of the first network and of any other, whose structure is the same otherwise."""
    edge = Connection("input", Dense(np.ones((3, 4), np.int8)), gain=4)
    gate = Gate(weights=1, offset=0, shift=0, table=np.arange(8).reshape(2, 4))
    first, other = single(edge), single(replace(edge, gate=gate))
    words = "population 'a', connection from 'input': gates are not run by a loadable design"
    for network, others in ((other, ()), (first, (other,))):
        with pytest.raises(Unsupported, match=words):
            plan(network, others=others, loadable=True)
    with pytest.raises(Unsupported, match=words):
        refuse(plan(first, loadable=True), other)


@given(
    st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.booleans(), st.integers(0, 2**32),
)  # fmt: skip
def test_any_weights_have_room_and_the_largest_need_it(fan, bits, weight_bits, signed_x, seed):
    """Sums of a loadable design, against those of every network that it may hold."""
    if weight_bits == 1 and signed_x:
        signed_x = False  # the same bits
    top = max(1, (1 << weight_bits - 1) - 1)
    drawn = np.random.default_rng(seed).integers(-top, top + 1, (20, fan))
    if weight_bits == 1:
        drawn = np.where(drawn < 0, -1, 1)
    room = most_bits(fan, bits, weight_bits)
    needs = [
        raw_bits(w[None], bits, weight_bits, signed_x)
        for w in (*drawn, np.full(fan, top), np.full(fan, -top))
    ]
    assert max(needs) == room


def depthwise(weights: np.ndarray, bits: int) -> Network:
    """Return a network in which each channel sums one of the input's, of 18 weights."""
    op = Conv(weights.reshape(2, 1, 3, 3), padding=1, groups=2, bits=bits)
    return single(Connection("input", op), (2, 4, 4))


def dense(weights: np.ndarray, bits: int) -> Network:
    """Return a network of a dense layer of 18 weights."""
    return single(Connection("input", Dense(weights.reshape(2, 9), bits)), (9,))


@pytest.mark.parametrize(("make", "bits"), [(depthwise, 1), (depthwise, 4), (dense, 4)])
def test_what_a_design_was_not_made_for_does_not_overflow(make, bits: int, rng) -> None:
    """Sums of a channel, of as many -1 as 1, once were too narrow for networks of one of them."""
    top = max(1, (1 << bits - 1) - 1)
    small = np.where(np.arange(18) % 2, 1, -1)
    networks = [make(w, bits) for w in (small, np.full(18, top), np.full(18, -top))]
    design = plan(networks[0], others=tuple(networks[1:]))
    x = rng.integers(0, 2, (3, 2, *networks[0].input.shape)).astype(np.uint8)
    x[0] = 1
    for network in networks:
        (alone,) = plan(network, loadable=True).populations
        assert alone.connections == design.populations[0].connections
        agrees(network, replace(design, network=network), list(x))


def test_a_pool_of_values_has_room_for_every_network(rng) -> None:
    """The values that it sums are larger in another network than in the first."""

    def made(gain: int) -> Network:
        stream = Connection("input", Conv(np.ones((1, 1, 1, 1), int)), gain=gain)
        pool = Connection("a", Pool((2, 2)))
        populations = (
            Population("a", (stream,), Neuron(0, 0)),
            Population("b", (pool,), Neuron(1, 1, threshold=2)),
        )
        return Network(Input((1, 4, 4)), populations, Readout("b"), 2)

    networks = [made(1), made(20), made(-20)]
    design = plan(networks[0], others=tuple(networks[1:]))
    x = np.concatenate([np.ones((1, 2, 1, 4, 4), int), rng.integers(0, 2, (2, 2, 1, 4, 4))])
    for network in networks:
        agrees(network, replace(design, network=network), list(x.astype(np.uint8)))


@pytest.mark.parametrize("number", range(6))
def test_a_design_holds_every_network_of_a_drawn_structure(number: int, seed: int) -> None:
    """Of wide weights, values between populations, shifts, pools and maps; as if it were loaded."""
    base = 100 * seed + number
    first = next(
        n for k in range(10_000)
        if shares(n := draw_whole(base * 10_000 + k)) and asked(n) >= WANTED[number % 3]
        and sum(np.prod(s) for s in n.shapes.values()) < 60 and n.input.coding != "latency"
    )  # fmt: skip
    others = [draw_whole_like(first, k) for k in range(2)]
    design = plan(first, others=tuple(others))
    for network in others:
        x = encode(network.input, stimuli(network, 5, number, 2), network.timesteps)
        agrees(network, replace(design, network=network), list(x))


#: What the structures hold that are drawn, turn by turn.
WANTED = ({"wide"}, {"stream"}, {"shift"})


def asked(network: Network) -> set[str]:
    """Return what a network asks of a loadable design beyond one-bit weights."""
    streams = {p.name for p in network.populations if not p.spiking}
    edges = [c for p in network.populations for c in p.connections]
    return (
        {"wide" for c in edges if c.op.bits > 1}
        | {"stream" for c in edges if c.source in streams and c.op.bits}
        | {"shift" for c in edges if c.shift}
    )


def test_a_shifted_current_has_its_own_range_and_a_shift_is_of_the_structure() -> None:
    edge = Connection("input", Dense(np.ones((3, 4), np.int8)), gain=4, shift=1)
    design = plan(single(edge), loadable=True)
    assert design.populations[0].bits["current_0"] == 6  # 0 .. 16
    again = planned(manifest(design, "", {}, {})["loading"], single(edge))
    assert bits(again) == bits(design) and again.populations[0].widths.terms == {0: 6}
    both = plan(single(edge), others=(single(replace(edge, gain=30)),))
    assert both.populations[0].widths.terms == {0: 8}  # 0 .. 120
    room = {**bits(design)["a"], "drive": 9, "v": 9, "state": 9, "scaled": 9, "gain_0": 9}
    wide = plan(single(edge), loadable={"a": room})
    refuse(wide, single(replace(edge, gain=7)))
    with pytest.raises(ValueError, match=r"population 'a': current_0 reaches 32, and the design"):
        refuse(wide, single(replace(edge, gain=8)))
    with pytest.raises(ValueError, match=r"the shifts of population 'a' are \(1\), not \(2\)"):
        refuse(design, single(replace(edge, shift=2)))
