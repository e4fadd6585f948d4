"""Importers: trained networks of other frameworks, read and probed.

An importer reads a model's layers, and before it hands them over runs the source on probe inputs
and compares every spike with ``mapping.real`` of what it read. Unknown modules and options stop
it with one sentence that names the module. docs/importing.md says what is read, and how.

``layers``, ``chain``  layers, as they are found, made into a TrainedNetwork; ``weights`` splits
                  real weights into integers and scales, ``bounds`` says how large a current gets.
``probe``         the source and what was read of it, compared spike by spike.
``torch_import``  the way of every torch framework: ``copies`` takes a private copy, ``calls``
                  finds how it is called, ``tracing`` runs it, watched by a ``recorder`` that asks
                  ``torch_functions`` and ``torch_ops`` what each call is (``seen``); ``models``
                  runs it for the probe, ``surrogates`` asks what a neuron compares.
``from_<name>``   what one framework's neurons mean; ``from_arrays``: topology and arrays.
``from_nir``      NIR: ``nir_graph``, ``nir_nodes`` and ``nir_dialects`` read, ``nir_run`` runs.
``parameters``    files of trained numbers by their suffix; ``toml``: topologies.

A new op is one row of ``torch_ops.OPS`` for torch, and where they hold it one of ``nir_nodes`` and
of ``from_arrays.OPS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ports import Input
from ..trained import TrainedNetwork
from ..value import choice, integer

FRAMEWORKS = ("torch", "snntorch", "spikingjelly", "norse", "sinabs", "nir", "arrays")


@dataclass(frozen=True)
class Imported:
    """A network, and what was found on the way.

    Attributes
    ----------
        network: what was read.
        findings: one line per layer and probe, near-ties included.
    """

    network: TrainedNetwork
    findings: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.findings)


def import_model(
    model: Any,
    framework: str,
    *,
    input_shape: tuple[int, ...] | int | None = None,
    timesteps: int | None = None,
    coding: str = "steps",
    input_bits: int | None = None,
    input_unit: float = 1.0,
    call: str | None = None,
    readout: str | None = None,
    neurons: dict | None = None,
    dialect: str | None = None,
    semantics: dict | None = None,
    source: Any = None,
    probes: int = 256,
    near_ties: float = 0.01,
    seed: int = 0,
) -> TrainedNetwork:
    """Read a trained model of another framework, checked spike by spike against its source.

    Args:
        model: a torch module; for "nir" a graph or a file; for "arrays" a TOML file. It stays as
            it is.
        framework: one of FRAMEWORKS.
        input_shape: of one timestep, ``(n,)`` or ``(channels, rows, cols)``.
        timesteps: T.
        coding, input_bits, input_unit: as of Input; coding "direct" presents numbers and needs
            their bits, else spikes have one.
        call: how a torch model is called; found unless given: ``"step"`` once a timestep,
            ``"TN"``, ``"NT"``, ``"T*N"`` or ``"N*T"`` with all of them, axes in this order, or
            ``"once"`` with one tensor that it presents to itself.
        readout: kind of the read-out; spikes are counted and layers without neurons summed
            unless given.
        neurons: for "torch": module path or class name to a trained Neuron, or a function of the
            module that returns one.
        dialect, semantics: for "nir": which framework wrote it, and what its files do not say
            (an error lists it). source: the torch model that the graph was written from: with
            it the probe compares against its framework, too.
        probes: samples of the probe. seed: of its inputs.
        near_ties: share of them that may hold a near-tie: float32 rounding meets one more often
            the more neurons a network has.

    Returns
    -------
        The network; ``examine`` also returns the findings.

    Raises
    ------
        Unsupported (a ValueError): what was found is nothing that a TrainedNetwork holds, or the
            probe found a difference; one sentence. ValueError, TypeError: a wrong argument.
        ImportError: the framework is not installed.
    """
    return examine(
        model,
        framework,
        input_shape=input_shape,
        timesteps=timesteps,
        coding=coding,
        input_bits=input_bits,
        input_unit=input_unit,
        call=call,
        readout=readout,
        neurons=neurons,
        dialect=dialect,
        semantics=semantics,
        source=source,
        probes=probes,
        near_ties=near_ties,
        seed=seed,
    ).network


def examine(
    model: Any,
    framework: str,
    *,
    input_shape: tuple[int, ...] | int | None = None,
    timesteps: int | None = None,
    coding: str = "steps",
    input_bits: int | None = None,
    input_unit: float = 1.0,
    call: str | None = None,
    readout: str | None = None,
    neurons: dict | None = None,
    dialect: str | None = None,
    semantics: dict | None = None,
    source: Any = None,
    probes: int = 256,
    near_ties: float = 0.01,
    seed: int = 0,
) -> Imported:
    """Do what ``import_model`` does, with its arguments and errors; say what was found."""
    choice(framework, "framework", FRAMEWORKS)
    if framework == "arrays":
        from .from_arrays import read

        return Imported(*read(model))
    if input_shape is None or timesteps is None:
        raise TypeError(f"importing from {framework!r} needs input_shape and timesteps")
    shape = input_shape if isinstance(input_shape, (tuple, list)) else (input_shape,)
    if input_bits is None and coding in ("direct", "latency"):
        raise ValueError(
            f"coding {coding!r} takes numbers: give the bits of the largest one, input_bits "
            "(--bits), and what the integer 1 is worth, input_unit (--unit): 8 and 1/255 for "
            "pixels of 0 to 255 that the model sees as 0 to 1"
        )
    enter = Input(tuple(shape), bits=input_bits or 1, coding=coding, unit=input_unit)
    steps = integer(timesteps, "timesteps", 1, 1 << 16)
    if not 0 <= near_ties <= 1:
        raise ValueError(f"near_ties must be a share between 0 and 1, not {near_ties!r}")
    common = {"readout": readout, "probes": integer(probes, "probes", 1), "seed": seed}
    common["near_ties"] = near_ties
    if framework == "nir":
        from .from_nir import bring as bring_nir
        from .nir_dialects import dialect_of

        dialect_of(dialect, semantics)
        if source is not None:
            asked = {"input_shape": shape, "timesteps": steps, "coding": coding, "seed": seed}
            asked |= {"input_bits": input_bits, "input_unit": input_unit, "call": call}
            source = import_model(source, str(dialect), probes=probes, **asked)
        asked_of_graph = {"dialect": dialect, "semantics": semantics, "source": source}
        return _imported(bring_nir(model, enter, steps, **asked_of_graph, **common))
    from .torch_import import bring

    reader = _framework(framework, neurons, model)
    return _imported(bring(model, reader, enter, steps, call=call, **common))


def _framework(name: str, neurons: dict | None, model: Any) -> Any:
    if name == "torch":
        from .from_torch import framework as torch_framework

        return torch_framework(neurons or {}, model)
    if neurons:
        raise TypeError(f"neurons are described for framework 'torch', not for {name!r}")
    if name == "snntorch":
        from . import from_snntorch as reader
    elif name == "spikingjelly":
        from . import from_spikingjelly as reader
    elif name == "norse":
        from . import from_norse as reader
    else:
        from . import from_sinabs as reader
    return reader.framework()


def _imported(result: tuple[TrainedNetwork, list[str]]) -> Imported:
    network, findings = result
    return Imported(network, tuple(findings))


__all__ = ["FRAMEWORKS", "Imported", "examine", "import_model"]
