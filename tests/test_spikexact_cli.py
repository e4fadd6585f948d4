"""The command line: what works, and one sentence with status 2 for everything that does not."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import needs
import numpy as np
import pytest
from test_mapping_fold import draw
from test_mapping_network import small

from mapping import load, save
from mapping.cost import summary
from spikexact.cli import status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fill a folder with a network, a trained network and inputs, as the working folder."""
    monkeypatch.chdir(tmp_path)
    save(small(), "net.safetensors")
    save(draw(0), "trained.safetensors")
    np.save("x.npy", np.ones((5, 3, 3), np.uint8))
    np.save("wide.npy", np.ones((5, 3, 4), np.uint8))
    np.save("long.npy", np.ones((5, 4, 3), np.uint8))
    np.save("real.npy", np.ones((5, 3, 3)))
    np.save("large.npy", np.full((5, 3, 3), 2))
    np.save("pickle.npy", np.array([{}], object), allow_pickle=True)
    Path("text").write_text("hello")
    Path("cut.safetensors").write_bytes(Path("net.safetensors").read_bytes()[:-9])
    altered = bytearray(Path("net.safetensors").read_bytes())
    altered[-1] ^= 1
    Path("altered.safetensors").write_bytes(altered)
    Path("full").mkdir()
    Path("full/mine.txt").write_text("keep")
    Path("empty").mkdir()
    return tmp_path


RUN = "run net.safetensors -o t.npz --inputs"
BAD = [
    ("show none", "none does not exist"),
    ("show text", "text is not a safetensors file, or is truncated"),
    ("show full", "full is not a file"),
    ("show cut.safetensors", "cut.safetensors is not a safetensors file, or is truncated"),
    ("show altered.safetensors", "is damaged or was altered"),
    ("fold net.safetensors -o f", "holds a Network, but a TrainedNetwork is needed"),
    ("verify trained.safetensors", "holds a TrainedNetwork, but a Network is needed: fold it"),
    ("verify net.safetensors --backends nonsense", "backend must be one of reference, fast"),
    ("verify net.safetensors --samples 0", "'--samples'"),
    (f"{RUN} none.npy", "none.npy does not exist"),
    (f"{RUN} text", "text is not a .npy file, or is truncated"),
    (f"{RUN} pickle.npy", "pickle.npy does not hold one array of plain real numbers"),
    (f"{RUN} wide.npy", "inputs must have shape (samples, T, 3), not (5, 3, 4)"),
    (f"{RUN} long.npy", "inputs have 4 timesteps; this network runs 1 to 3"),
    (f"{RUN} real.npy", "inputs must be integers, not float64"),
    (f"{RUN} large.npy", "inputs must lie within 0..1 (1 bits), but hold 2"),
    (f"{RUN} x.npy --backend nonsense", "backend must be one of reference, fast"),
    ("run net.safetensors --inputs x.npy -o none/t.npz", "does not exist: create it first"),
    ("fold trained.safetensors -o f --timesteps 0", "timesteps must be between 1 and 65536, not 0"),
    ("fold trained.safetensors -o full", "full is a folder: name a file"),
    ("verilog net.safetensors -o full", "full is not empty and holds no manifest.json of ours"),
    ("verilog net.safetensors -o rtl --pe 0", "PE must be between 1 and 4096, not 0"),
    (
        "verilog net.safetensors -o rtl --pe 1,2,3",
        "PE must be one number or 2 (one per population)",
    ),
    ("verilog net.safetensors -o rtl --simd x", "--simd must be one number, one per population"),
    ("plan net.safetensors --pe none=2", "PE is given for 'none'; the populations are '"),
    ("plan net.safetensors --block 9", "block must be between 1 and 3, not 9"),
    ("plan net.safetensors --skip-zeros --block 2", "skip_zeros needs a block of 1, not 2"),
    ("verilog net.safetensors -o rtl --skip-zeros-of none", "skip_zeros is given for 'none'"),
    ("plan net.safetensors --target-fps 9", "--target-fps needs --clock MHZ"),
    ("plan net.safetensors --target-fps 9e9 --clock 1", "MHz leaves no cycle a sample"),
    ("plan net.safetensors --target-fps 4e7 --clock 100", "2 cycles a sample cannot be reached: "),
    ("plan net.safetensors --cells 9", "the smallest form needs an estimated"),
    ("plan net.safetensors --ram 9", "bits of memory, and 9 are given; the weights of population"),
    ("verify net.safetensors --rtl empty --backends rtl", "empty holds no manifest.json"),
    ("train nothing -o t", "data set must be one of digits, mnist,"),
    ("train mnist -o t", "data set 'mnist' is read from files: name their folder (--data DIR)"),
    ("train mnist --data empty -o t", "train-images-idx3-ubyte"),
    ("train digits --method adam -o t", "method must be one of agmm, ste, fp, latency, not 'adam'"),
    ("train digits --net vgg -o t", "net must be one of mlp, cnn, vggsnn, resnet19, resnet18, not"),
    ("train digits --set epochs -o t", "a setting must be name=value, not 'epochs'"),
    ("train digits --set epochs=many -o t", "setting 'epochs' must be an integer, not 'many'"),
    ("train digits --set epochs=0 -o t", "epochs must be at least 1, not 0"),
    ("train digits --set colour=3 -o t", "there is no setting 'colour' here; there are batch,"),
    ("train digits --tune gates -o t", "tune must be one of dyadic-joins, constant-gates,"),
    ("train digits --tune table-gates -o t", "tune 'table-gates' needs gates: train with method"),
    ("train digits --method latency --net cnn -o t", "the latency method trains net mlp, and"),
    ("train synthetic-events --method latency -o t", "the latency method takes images, not the"),
    ("train digits --method latency --set loss=tet -o t", "there is no setting 'loss' here"),
    ("train digits --set hidden=0 -o t", "neurons of a layer must be at least 1, not 0"),
    ("train digits --set hidden=x -o t", "neurons of a layer must be an integer, not 'x'"),
    ("train digits --net cnn --set width=0 -o t", "channels of a layer must be at least 1, not 0"),
    ("train digits --set leak=3 -o t", "leak must lie within 0..1 (it is the factor), not 3"),
    ("train digits --method latency --timesteps 1 -o t", "spike times need at least 2 timesteps"),
    ("train digits --device tpu -o t", "device must be cpu or cuda, not 'tpu'"),
    ("train digits --net vggsnn -o t", "window does not fit"),
    ("report empty", "network.safetensors does not exist"),
    ("import net.toml --from nonsense -o t", "framework must be one of 'torch', 'snntorch'"),
    ("import none.toml --from arrays -o t", "none.toml"),
    ("import nowhere:build --from torch --shape 3 --timesteps 2 -o t", "module 'nowhere' cannot"),
    ("import json:nothing --from torch --shape 3 --timesteps 2 -o t", "has no 'nothing'"),
    ("import json:loads --from torch --shape 3,x --timesteps 2 -o t", "--shape must be integers"),
    ("import text --from torch --shape 3 --timesteps 2 -o t", "package.module:builder, a function"),
    ("import a.nir --from nir --semantics reset -o t", "--semantics must be name=value"),
    ("import trained.safetensors --from arrays -o full", "full is a folder: name a file"),
    ("evaluate net.safetensors x.npy", "give --labels beside a .npy"),
    ("evaluate net.safetensors empty", "empty must hold t10k-images-idx3-ubyte"),
    ("evaluate net.safetensors empty --part most", "part must be 'test', 'train', 'all', not"),
    ("evaluate net.safetensors x.npy --labels x.npy", "labels must be 5 integers"),
    (
        "verify net.safetensors --backends fast --trained net.safetensors",
        "but a TrainedNetwork is needed",
    ),
    (
        "verify net.safetensors --backends fast --trained trained.safetensors",
        "have different populations",
    ),
    ("campaign --backends fast --kinds some", "kinds must be 'dense' or 'all', not 'some'"),
    ("nonsense", "No such command 'nonsense'"),
    ("show", "Missing argument 'file'"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD)
def test_bad_input_gets_one_sentence_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture, line: str, sentence: str
) -> None:
    if line.startswith("train"):
        needs.package("torch")
    before = sorted(p.name for p in folder.rglob("*"))
    assert status(line.split()) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1, err
    assert sentence in err and "Traceback" not in err
    assert out == ""
    assert sorted(p.name for p in folder.rglob("*")) == before  # nothing half-written


def test_fold_show_run_and_verify(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert status("fold trained.safetensors -o n.safetensors".split()) == 0
    assert load("n.safetensors").exact
    capsys.readouterr()
    assert status("show n.safetensors --json".split()) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["certificate"] for row in shown["populations"]] == ["exact"] * 3
    sizes = summary(load("n.safetensors"))
    assert {key: shown[key] for key in sizes} == sizes and sizes["weight_bits"] > 0
    assert status("show n.safetensors".split()) == 0
    said = f"weights (bits): {sizes['weight_bits']:,}; parameters (bits): "
    assert said in capsys.readouterr().out
    assert status(f"{RUN} x.npy --json".split()) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 5
    with np.load("t.npz", allow_pickle=False) as trace:
        assert trace["spikes/a"].shape == (5, 3, 2) and str(trace["backend"]) == "reference"
    line = "verify n.safetensors --backends fast --samples 8 -o v.json --seed 3"
    assert status(line.split()) == 0
    out = capsys.readouterr().out
    assert "seed 3" in out and "agrees" in out
    assert json.loads(Path("v.json").read_text())["ok"] is True


def test_verify_with_nothing_to_compare_is_status_1(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert status("verify net.safetensors --backends reference".split()) == 1
    assert "nothing was compared" in capsys.readouterr().out


def test_a_mismatch_is_status_1_with_the_first_divergence(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.backends.fast

    true_run = sim.backends.fast.run

    def wrong(network, inputs, record=("spikes", "v")):
        trace = true_run(network, inputs, record)
        trace.v["b"][2, 1, 0] += 1
        return trace

    monkeypatch.setattr(sim.backends.fast, "run", wrong)
    assert status("verify net.safetensors --backends fast".split()) == 1
    out = capsys.readouterr().out
    where = "sample 2, timestep 1, population 'b', neuron 0"
    assert f"first divergence in v at {where}" in out


def test_a_missing_tool_is_status_2(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == "numba" else find(n))
    assert status("verify net.safetensors --backends fast".split()) == 2
    assert "the fast backend needs the package 'numba'" in capsys.readouterr().err


def test_ctrl_c_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.campaign.stimuli.stimuli", stop)
    assert status("verilog net.safetensors -o rtl".split()) == 130
    assert capsys.readouterr().err == "error: stopped; nothing half-written was left\n"
    assert not Path("rtl").exists() and not list(folder.glob(".rtl*"))


def test_doctor(capsys: pytest.CaptureFixture) -> None:
    assert status(["doctor", "--json"]) == 0
    found = {row["what"]: row for row in json.loads(capsys.readouterr().out)["pieces"]}
    assert found["numpy"]["version"] == np.__version__


@pytest.mark.parametrize(
    "line",
    [
        "fold trained.safetensors -o trained.safetensors",
        "fold trained.safetensors -o ./empty/../trained.safetensors",
        f"{RUN} x.npy".replace("t.npz", "x.npy"),
        "run net.safetensors --inputs x.npy -o net.safetensors",
        "verify net.safetensors --backends fast -o net.safetensors",
        "verify net.safetensors --backends fast --inputs x.npy -o x.npy",
    ],
)
def test_what_is_read_is_not_written(folder: Path, line: str, capsys) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert status(line.split()) == 2
    assert "is read by this command: name another file for -o" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_what_a_users_module_prints_is_no_json(folder: Path, capsys, monkeypatch) -> None:
    needs.package("torch")
    monkeypatch.syspath_prepend(str(folder))
    Path("chatty.py").write_text(
        "import torch\nprint('module')\n\ndef build():\n    print('builder')\n"
        "    layer = torch.nn.Linear(3, 2, bias=False)\n"
        "    layer.weight.data.fill_(1.0)\n    return torch.nn.Sequential(layer)\n"
    )
    line = "import chatty:build --from torch --shape 3 --timesteps 2 -o imported --json"
    assert status(line.split()) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["file"] == "imported"
    assert "module" in err and "builder" in err
