"""manifest.json of a folder, read strictly: no backend meets a field that makes no sense."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mapping import Network
from mapping.files import digest

#: The formats that are read.
FORMATS = (3,)
#: Of a plan, which make it anew.
OPTIONS = {"pe", "simd", "lanes", "block", "parallel", "skip_zeros"}
#: What the cycles of a plan may be: with zero words skipped they depend on data.
CYCLES = ("exact", "at most")
#: Bits of a membrane or of an input value, at most; of a beat, at most.
VALUE_BITS, BEAT_BITS = 64, 1 << 20


def read_manifest(folder: Path, network: Network) -> dict[str, Any]:
    """Read manifest.json and check that it is this network's.

    Raises
    ------
        ValueError: missing, damaged, of another format or network; one sentence.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version = manifest["format"]
        if version in FORMATS:
            _check(manifest)
            whose, steps = manifest["network_sha256"], manifest["timesteps"]
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no manifest.json: write it with 'verilog'") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    if version not in FORMATS:
        known = " and ".join(map(str, FORMATS))
        raise ValueError(
            f"{path} has format {version!r}; this program reads {known}: write it anew with "
            "'verilog'"
        )
    if "loading" in manifest:
        from hdl.structure import difference

        differs = difference(manifest["loading"]["structure"], network)
        if differs is not None:
            raise ValueError(f"{path} is of networks of another structure: {differs}")
    populations, enter = manifest["populations"], manifest["input"]
    ports = [(p["name"], tuple(p["shape"]), p["spiking"]) for p in populations]
    want = [(p.name, network.shapes[p.name], p.spiking) for p in network.populations]
    given = (tuple(enter["shape"]), enter["bits"], enter["coding"])
    bits = network.input.span[1].bit_length()
    if ports != want or given != (network.input.shape, bits, network.input.coding):
        raise ValueError(f"{path} describes another network: its ports do not fit this one")
    if manifest["output"]["population"] != network.readout.source:
        raise ValueError(f"{path} describes another network: its output is of another population")
    _check_readout(manifest["output"], network, path)
    if steps != network.timesteps:
        raise ValueError(f"{path} is of {steps} timesteps; the network runs {network.timesteps}")
    if "loading" not in manifest and whose != digest(network):
        raise ValueError(
            f"{path} is of another network: its Verilog was written from {str(whose)[:12]}, this "
            f"network is {digest(network)[:12]}; write it anew with 'verilog'"
        )
    return manifest


def _check(manifest: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError where a field that a backend reads is no good."""
    for key in ("clock", "reset", "top"):
        _name(manifest[key], key)
    _plain_file(manifest["verilog"])
    for name in _is(manifest["files"], dict, "files"):
        _plain_file(name)
    if not all(isinstance(name, str) for name in _is(manifest["errors"], list, "errors")):
        raise TypeError("errors must be names")
    steps, block, first, _ = (
        _number(manifest[key], key) for key in ("timesteps", "block", "block_first", "parallel")
    )
    for key in ("cycles_per_sample", "latency"):
        _number(manifest[key], key)
    _number(manifest["settles"], "settles", 0)
    if manifest["cycles_are"] not in CYCLES:
        raise ValueError(f"cycles_are must be {' or '.join(map(repr, CYCLES))}")
    if block > steps or first != steps - (-(-steps // block) - 1) * block:
        raise ValueError(f"block and block_first do not cut {steps} timesteps")
    _check_input(manifest["input"], block, first)
    populations = _is(manifest["populations"], list, "populations")
    for population in populations:
        _check_population(population, block)
    streams = [manifest["input"]["stream"], manifest["output"]["stream"]]
    for names in ([p["name"] for p in populations], [*streams, *(p["trace"] for p in populations)]):
        if len(set(names)) != len(names):
            raise ValueError(f"a name stands twice among {', '.join(map(repr, names))}")
    _check_output(manifest["output"], populations, block, first)
    if "loading" in manifest:
        _check_loading(manifest["loading"], populations)
    if "axis" in manifest:
        _check_axis(manifest["axis"], manifest)


def _check_input(stream: dict[str, Any], block: int, first: int) -> None:
    _name(stream["stream"], "the input's stream")
    simd, words, bits, together, size = (
        _number(stream[key], key) for key in ("simd", "words", "bits", "parallel", "beat_bits")
    )
    if bits > VALUE_BITS or size > BEAT_BITS:
        raise ValueError("an input beat or value is too wide")
    if _is(stream["constant"], bool, "constant") != (stream["coding"] == "direct"):
        raise ValueError("the input must be constant where it is coded directly, and only there")
    if stream["constant"]:
        block = first = 1
    if block % together or first % together:
        raise ValueError("timesteps of a beat must divide those of a block")
    if size != simd * bits * together:
        raise ValueError("an input beat is not simd values of its bits, for its timesteps")
    if words != -(-_size(stream["shape"]) // simd):
        raise ValueError("the words of the input do not hold its shape")
    _check_beats(stream, words * block // together, words * first // together)


def _check_population(population: dict[str, Any], block: int) -> None:
    name = _is(population["name"], str, "the name of a population")
    _name(population["trace"], "the trace of a population")
    neurons, lanes, tile, width = (
        _number(population[key], key) for key in ("neurons", "lanes", "tile", "v_bits")
    )
    if neurons != _size(population["shape"]):
        raise ValueError(f"the neurons of {name!r} do not fill its shape")
    if width > VALUE_BITS or neurons * width > BEAT_BITS * VALUE_BITS:
        raise ValueError(f"the membranes of {name!r} are too wide")
    if neurons % lanes or tile % lanes or tile > neurons or (block == 1 and tile != neurons):
        raise ValueError(f"lanes or tile do not divide the neurons of {name!r}")
    ports = {"valid": 1, "index": max(1, (neurons // lanes - 1).bit_length())}
    ports |= {"starts": 1, "v": lanes * width}
    if _is(population["spiking"], bool, "spiking"):
        ports["spike"] = lanes
    if population["ports"] != ports:
        raise ValueError(f"the ports of {name!r} are not those of its lanes")


def _check_output(
    stream: dict[str, Any], populations: list[dict[str, Any]], block: int, first: int
) -> None:
    _name(stream["stream"], "the output's stream")
    source = [p for p in populations if p["name"] == stream["population"]]
    if not source:
        raise ValueError(f"the output is of {stream['population']!r}, which is no population")
    if stream["values"] == "classes":
        return _check_classes(stream, source[0])
    neurons, tile = source[0]["neurons"], source[0]["tile"]
    lanes, bits, size = (_number(stream[key], key) for key in ("lanes", "bits", "beat_bits"))
    spiking = source[0]["spiking"]
    if (stream["values"], bits) != (("spikes", 1) if spiking else ("v", source[0]["v_bits"])):
        raise ValueError("the output's values or bits are not those of its population")
    if stream["tile"] != tile or tile % lanes or neurons % lanes or size != lanes * bits:
        raise ValueError("the output's lanes, tile or beat_bits are not those of its population")
    _check_beats(stream, neurons // lanes * block, neurons // lanes * first)


def _check_classes(stream: dict[str, Any], source: dict[str, Any]) -> None:
    if stream["classes"] != source["neurons"]:
        raise ValueError("the classes are not the neurons of their population")
    _is(stream["stop"], bool, "stop")
    ports = _is(stream["ports"], dict, "the ports of the output")
    fired = {"fired"} if stream["readout"] == "first_spike" else set()
    if set(ports) != {"valid", "class", "score"} | fired:
        raise ValueError("the ports of the output are not those of its read-out")
    if _number(ports["score"], "bits of a score") > VALUE_BITS:
        raise ValueError("a score is too wide")
    if ports["class"] != max(1, (stream["classes"] - 1).bit_length()):
        raise ValueError("the bits of a class do not hold the classes")


def _check_readout(stream: dict[str, Any], network: Network, path: Path) -> None:
    readout = network.readout
    given = (stream.get("readout"), stream.get("step"), stream.get("fallback"))
    if stream["values"] == "classes" and given != (readout.kind, readout.step, readout.fallback):
        raise ValueError(f"{path} describes another network: its read-out is {given[0]!r}")


def _check_beats(stream: dict[str, Any], beats: int, first: int) -> None:
    if (stream["beats_per_block"], stream["beats_of_first_block"]) != (beats, first):
        raise ValueError(f"stream {stream['stream']!r} has {beats} beats a block, {first} at first")


def _check_loading(loading: dict[str, Any], populations: list[dict[str, Any]]) -> None:
    _name(loading["stream"], "the stream of a network's words")
    for part in _is(loading["structure"], list, "structure"):
        if len(_is(part, list, "a part of the structure")) != 2:
            raise ValueError("a part of the structure must be its name and its value")
        _is(part[0], str, "the name of a part of the structure")
    if not set(_is(loading["options"], dict, "options")) <= OPTIONS:
        raise ValueError("options are none of a plan")
    _number(loading["crc"], "crc", 0)
    words = 0
    for memory in _is(loading["memories"], list, "memories"):
        _name(memory["name"], "the name of a memory")
        bits, rows = _number(memory["bits"], "bits"), _number(memory["rows"], "rows")
        if (memory["words"], memory["first"]) != (-(-bits // 32), words):
            raise ValueError(f"memory {memory['name']!r} does not follow the one before")
        words += memory["words"] * rows
    if loading["words"] != words:
        raise ValueError(f"{words} words are in the memories, not {loading['words']}")
    v_bits = {p["name"]: p["v_bits"] for p in populations}
    for row in _is(loading["ranges"], list, "ranges"):
        bits = _number(row["bits"], "bits of a range")
        if row["range"] != [-(1 << (bits - 1)), (1 << (bits - 1)) - 1]:
            raise ValueError("a range is not that of its bits")
        if _is(row["value"], str, "the value of a range") == "v":
            if bits != v_bits.pop(row["population"]):
                raise ValueError(f"v of {row['population']!r} has other bits than its range")
    if v_bits:
        raise ValueError(f"ranges lack v of {', '.join(map(repr, v_bits))}")


def _check_axis(axis: dict[str, Any], manifest: dict[str, Any]) -> None:
    for key in ("top", "clock", "reset"):
        _name(axis[key], f"{key} of the wrapper")
    _plain_file(axis["verilog"])
    widths = [manifest["input"]["beat_bits"]]
    if manifest["output"]["values"] == "classes":
        fields = _is(axis["output"]["fields"], list, "the fields of an answer")
        widths.append(8 * sum(_number(field["bytes"], "bytes of a field") for field in fields))
    else:
        widths.append(manifest["output"]["beat_bits"])
    for stream, bits in zip((axis["input"], axis["output"]), widths, strict=True):
        _name(stream["stream"], "a stream of the wrapper")
        size, count = _number(stream["bytes"], "bytes"), _number(stream["transfers"], "transfers")
        if stream["beat_bits"] != bits or count != -(-bits // (8 * size)):
            raise ValueError(f"transfers of {stream['stream']!r} do not hold a beat")
    words = _is(axis["registers"]["words"], list, "the words of the registers")
    places = [_number(word["address"], "an address", 0) for word in words]
    if len(set(places)) != len(places) or any(place % 4 for place in places):
        raise ValueError("registers of the wrapper share an address, or stand within a word")


def _is(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}")
    return value


def _number(value: Any, what: str, low: int = 1) -> int:
    if type(value) is not int or not low <= value < 1 << 32:
        raise ValueError(f"{what} must be an integer of {low} or more")
    return value


def _size(shape: Any) -> int:
    return math.prod(_number(n, "a shape's size") for n in _is(shape, list, "shape"))


def _name(value: Any, what: str) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise TypeError(f"{what} must be a name of letters, digits and _")


def _plain_file(name: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"{PurePosixPath(str(name)[:40])} must name a file of this folder")
