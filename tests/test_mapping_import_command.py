"""The import command: options, builders, parameters; one sentence for what is wrong."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from importing import framework

import mapping
from mapping.importers import examine, import_model
from spikexact.cli import status

torch = framework("torch")

pytestmark = pytest.mark.torch

NET = """
import torch
from torch import nn

class LIFSpike(nn.Module):
    def __init__(self):
        super().__init__()
        self.tau, self.mem = 0.5, 0
        self.register_buffer("theta", torch.tensor(1.0))
        self.register_buffer("wide", torch.ones(3))

    def reset(self):
        self.mem = 0

    def forward(self, x):
        self.mem = self.tau * self.mem + x
        spike = (self.mem > self.theta).float()
        self.mem = self.mem * (1 - spike)
        return spike

class Looped(nn.Sequential):
    def forward(self, x):
        return sum(super(Looped, self).forward(x) for _ in range(4))

def build(kind=nn.Sequential):
    net = kind(nn.Linear(6, 4, bias=False), LIFSpike(), nn.Linear(4, 3, bias=False), LIFSpike())
    for layer in (net[0], net[2]):
        layer.weight.data = torch.where(layer.weight > 0, 0.5, -0.5)
    return net

def looped():
    return build(Looped)
"""
LIF = "LIFSpike:leak=tau,threshold=theta,reset=zero,compare=>"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    name = f"net_{tmp_path.name}".replace("-", "_")  # imported once a process: a name of its own
    (tmp_path / f"{name}.py").write_text(NET)
    return tmp_path


def command(folder: Path, *words: str, builder: str = "build", kind: str = "torch") -> list[str]:
    (net,) = (path.stem for path in folder.glob("net_*.py"))
    source = builder if "." in builder else f"{net}:{builder}"
    return ["import", source, "--from", kind, "-o", "out.safetensors", *words]


SHAPE = ("--shape", "6", "--timesteps", "4")


def test_neurons_are_described_on_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert status(command(folder, *SHAPE, "--neuron", LIF, "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert any("u = 0.5 * u + current; fires at u > 1; then u = 0" in s for s in told["findings"])
    network = mapping.load(folder / "out.safetensors")
    again = [*SHAPE, "--neuron", "m:leak=1", "--readout", "first_spike", "--call", "step",
             "--probes", "32", "--near-ties", "0.5"]  # fmt: skip
    again[again.index("m:leak=1")] = "LIFSpike:leak=1/2,threshold=1.0,compare=>"
    assert status(command(folder, *again)) == 0
    other = mapping.load(folder / "out.safetensors")
    assert repr(other.populations) == repr(network.populations)
    assert other.readout.kind == "first_spike"


def test_pixels_and_a_loop_inside(folder: Path, capsys: pytest.CaptureFixture) -> None:
    words = (*SHAPE, "--neuron", LIF, "--coding", "direct")
    assert status(command(folder, *words, "--bits", "8", "--unit", "1/255", builder="looped")) == 0
    network = mapping.load(folder / "out.safetensors")
    assert (network.input.bits, network.input.unit) == (8, 1 / 255)
    assert "called once, with one tensor for every timestep" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["w.pt", "w.npz", "w.safetensors"])
def test_parameters_of_a_builder(folder: Path, form: str) -> None:
    weights = {"0.weight": np.ones((4, 6), np.float32), "2.weight": -np.ones((3, 4), np.float32)}
    for layer in ("1", "3"):
        weights |= {f"{layer}.theta": np.float32(2), f"{layer}.wide": np.ones(3, np.float32)}
    weights = {key: np.array(value) for key, value in weights.items()}
    if form == "w.npz":
        np.savez(form, **weights)
    elif form == "w.pt":
        torch.save({key: torch.from_numpy(value) for key, value in weights.items()}, form)
    else:
        framework("safetensors.numpy").save_file(weights, form)
    assert status(command(folder, *SHAPE, "--neuron", LIF, "--weights", form)) == 0
    network = mapping.load(folder / "out.safetensors")
    assert (network["m1"].neuron.threshold == 2).all()
    assert (network["m1"].connections[0].op.weights > 0).all()


WRONG = {  # words, builder, framework, what the sentence says
    "no shape": ((), "build", "torch", "importing from torch needs --shape and --timesteps"),
    "parameters": (SHAPE, "x.pt", "snntorch", "x.pt holds parameters, .* net:build --weights x.pt"),
    "parameters, arrays": (SHAPE, "x.npz", "arrays", "x.npz holds parameters, not the layers"),
    "a file": (SHAPE, "a/net.py", "torch", "returns the model, as a.net:build, not"),
    "a file, builder": (SHAPE, "net.py:build", "torch", "builder: net:build, not 'net.py:build'"),
    "no bits": (
        (*SHAPE, "--coding", "direct", "--neuron", LIF), "looped", "torch",
        r"coding 'direct' takes numbers: give the bits .*\(--bits\).* 8 and 1/255 for pixels",
    ),
    "not described": (
        SHAPE, "build", "torch",
        r"'1' \(LIFSpike\) calls .* if LIFSpike is a neuron, .*--neuron LIFSpike:leak=",
    ),
    "not described, snntorch": (SHAPE, "build", "snntorch", "import from 'torch' and say what"),
    "no such class": (
        (*SHAPE, "--neuron", "LIF:leak=1"), "build", "torch",
        r"neurons\['LIF'\] is neither a path nor a class .* classes are LIFSpike, Linear",
    ),
    "no such field": (
        (*SHAPE, "--neuron", "LIFSpike:leek=1"), "build", "torch",
        r"'leek=1' is no field=value; fields are compare, .*leak",
    ),
    "the shell ate it": (
        (*SHAPE, "--neuron", "LIFSpike:leak=1,compare="), "build", "torch",
        "'compare=' is no field=value; .* quote the option",
    ),
    "no field": (
        (*SHAPE, "--neuron", "LIFSpike"), "build", "torch", "--neuron must say what a class"
    ),
    "no attribute": (
        (*SHAPE, "--neuron", "LIFSpike:leak=beta"), "build", "torch",
        "leak=beta names no attribute of a LIFSpike",
    ),
    "no number": (
        (*SHAPE, "--neuron", "LIFSpike:leak=wide"), "build", "torch",
        "attribute 'wide' of a LIFSpike is no number for leak",
    ),
    "wrong word": (
        (*SHAPE, "--neuron", "LIFSpike:reset=soft"), "build", "torch",
        "--neuron 'LIFSpike:reset=soft': reset must be one of 'zero'",
    ),
    "wrong compare": (
        (*SHAPE, "--neuron", LIF + "="), "build", "torch",
        r"'1' \(LIFSpike\), driven alone, does not do what was read of it",
    ),
    "neurons of snntorch": (
        (*SHAPE, "--neuron", LIF), "build", "snntorch", "neurons are described for framework"
    ),
    "call": (
        (*SHAPE, "--neuron", LIF, "--call", "NT"), "build", "torch",
        "takes axes .samples., but gets .samples, time. here: call= says",
    ),
    "unit": ((*SHAPE, "--unit", "1/0"), "build", "torch", "--unit must be a number, as 1/255"),
    "arrays": (SHAPE, "net.toml", "arrays", "leave --timesteps and --shape away"),
    "weights of nir": (
        (*SHAPE, "--weights", "w.pt"), "net.nir", "nir", "--weights are parameters of a builder"
    ),
    "dialect": ((*SHAPE, "--dialect", "nir"), "build", "torch", "--dialect is of a NIR file"),
    "checkpoint": (
        (*SHAPE, "--weights", "ck.pt"), "build", "torch",
        r"ck.pt holds 'state_dict', a dict: not a state dict; save model.state_dict\(\) by itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_sentence(name: str, folder: Path, capsys: pytest.CaptureFixture) -> None:
    words, builder, kind, sentence = WRONG[name]
    if name == "checkpoint":
        torch.save({"state_dict": {}, "epoch": 3}, "ck.pt")
    assert status(command(folder, *words, builder=builder, kind=kind)) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and said.err.count("\n") == 1
    assert re.search(sentence, said.err), said.err
    assert not (folder / "out.safetensors").exists()


def test_parameters_of_full_precision_cannot_be_folded(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    checkpoint = framework("training.checkpoint")
    checkpoint.parameters(folder / "fp.safetensors", torch.nn.Linear(2, 2))
    framework("safetensors.torch").save_file({"w": torch.zeros(1)}, "other.safetensors")
    assert status(["fold", "fp.safetensors", "-o", "net.safetensors"]) == 2
    assert "training in full precision (method fp), which has no binary" in capsys.readouterr().err
    assert status(["fold", "other.safetensors", "-o", "net.safetensors"]) == 2
    assert "not one written by spikexact; parameters of another" in capsys.readouterr().err


def test_both_functions_name_the_same_options() -> None:
    ours, theirs = inspect.signature(import_model), inspect.signature(examine)
    assert ours.parameters == theirs.parameters and len(ours.parameters) > 10
    for name in ours.parameters:
        assert name in str(import_model.__doc__), f"{name} is not in the docstring"


def test_every_option_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Seen(Exception):
        pass

    def told(*args: object, **options: object) -> None:
        raise Seen(args, options)

    given = {n: object() for n in inspect.signature(examine).parameters}
    monkeypatch.setattr("mapping.importers.examine", told)
    with pytest.raises(Seen) as seen:
        import_model(**given)
    args, options = seen.value.args
    assert [*args, *options.values()] == [*given.values()]
    assert [*options] == [*given][2:]
