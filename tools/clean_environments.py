"""What works with no extra, and with each extra alone: a table for docs/install.md.

    .venv/bin/python tools/clean_environments.py [--only none,rtl] [--keep FILE.json]

Each environment is made anew in a temporary folder, gets `pip install '.[EXTRA]'` from a copy of
this clone, runs the same commands, and is deleted. Takes a quarter of an hour; the files that the
commands read are made first, by the environment that runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("none", "rtl", "lava", "train", "data", "import", "report", "frameworks", "test")
#: Bring with what pip is told for an extra; see `lava` in pyproject.toml.
AFTER = {"lava": ["--no-deps", "--ignore-requires-python", "lava-nc"]}
NET = "network.safetensors"
BUILD = "--shape 16 --timesteps 4 -o imported"
#: What is tried, and its command; `python` is the environment's, anything else is of spikexact.
COMMANDS = {
    "`import spikexact as sx`": "python use.py",
    "`doctor`": "doctor",
    "`fold`": "fold trained.safetensors -o folded",
    "`show`": f"show {NET}",
    "`run`, backend reference": f"run {NET} --inputs x.npy -o trace.npz",
    "`verify`, backend fast": f"verify {NET} --backends fast --samples 4",
    "`verify`, backend rtl": f"verify {NET} --backends rtl --samples 4",
    "`verify`, backend cocotb": f"verify {NET} --backends cocotb --samples 2",
    "`verify`, backend lava": f"verify {NET} --backends lava --samples 2",
    "`verify`, backend lava-stock": "verify stock.safetensors --backends lava-stock --samples 2",
    "`verilog`": f"verilog {NET} -o rtl --samples 2",
    "`evaluate`": f"evaluate {NET} x.npy --labels y.npy",
    "`campaign`": "campaign --networks 2 --backends reference,fast --samples 2",
    "`report`": "report .",
    "its figures": "python figures.py",
    "`import`, arrays in .npy": "import npy.toml --from arrays -o imported",
    "`import`, arrays in .mat": "import mat.toml --from arrays -o imported",
    "`import`, a NIR file": f"import net.nir --from nir --dialect nir --semantics compare=> "
    f"--semantics reset=zero --semantics dt=0.0001 {BUILD}",
    "`import`, arrays in .pt": "import pt.toml --from arrays -o imported",
    "`import`, a snnTorch model": f"import models:snn --from snntorch {BUILD}",
    "`train` on the digits": "train digits --set epochs=1 -o learnt.safetensors",
    "`train` on pictures": "train imagenet --data . --net cnn -o learnt2.safetensors",
    "`train` on SHD": "train shd --data . -o learnt3.safetensors",
    "`demo`": "demo --out demo",
}
#: Data sets of gigabytes are not there; that their reader asks for them is what can be tried.
ASKS = "must hold"

MODELS = """
def snn():
    import snntorch
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Linear(16, 4, bias=False)
    layer.weight.data = layer.weight.data.sign()
    return torch.nn.Sequential(layer, snntorch.Leaky(beta=0.5, init_hidden=True))
"""
TOPOLOGY = (
    'timesteps = 2\n[input]\nshape = [16]\n[readout]\nsource = "a"\n[[population]]\nname = "a"\n'
    "neuron = { threshold = 1.0 }\n"
    '[[population.connection]]\nsource = "input"\nop = "dense"\nweights = "FILE"\n'
)


def prepare(folder: Path) -> None:
    """Write the files that the commands read."""
    import nir
    import numpy as np
    import scipy.io
    import torch

    sys.path.insert(0, str(ROOT))
    from mapping import (
        Connection,
        Dense,
        Input,
        Network,
        Neuron,
        Population,
        Readout,
        TrainedNetwork,
        save,
        trained,
    )

    rng = np.random.default_rng(0)
    signs = [rng.choice([-1, 1], shape) for shape in ((8, 16), (4, 8))]
    layers = [("input", signs[0], "a"), ("a", signs[1], "b")]
    meant = tuple(
        trained.Population(name, (trained.Connection(source, Dense(w)),), trained.Neuron(leak=0.5))
        for source, w, name in layers
    )
    ends = {"input": Input((16,)), "readout": Readout("b"), "timesteps": 4}
    save(TrainedNetwork(populations=meant, **ends), folder / "trained.safetensors")
    for file, leak in ((NET, Neuron(1, 1, threshold=2)), ("stock.safetensors", Neuron(1, 0, 2))):
        populations = tuple(
            Population(name, (Connection(source, Dense(w)),), leak) for source, w, name in layers
        )
        save(Network(populations=populations, **ends), folder / file)
    np.save(folder / "x.npy", rng.integers(0, 2, (6, 4, 16), np.uint8))
    np.save(folder / "y.npy", rng.integers(0, 4, 6))
    w = signs[0].astype(float)
    np.save(folder / "w.npy", w)
    scipy.io.savemat(folder / "w.mat", {"w": w})
    torch.save({"w": torch.tensor(w)}, folder / "w.pt")
    for file in ("w.npy", "w.mat:w", "w.pt:w"):
        topology = folder / f"{file.partition(':')[0].partition('.')[2]}.toml"
        topology.write_text(TOPOLOGY.replace("FILE", file))
    numbers = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    nodes = {
        "input": nir.Input(np.array([16])),
        "w": nir.Linear(w),
        "lif": nir.LIF(**{name: np.full(8, value) for name, value in numbers.items()}),
        "output": nir.Output(np.array([8])),
    }
    edges = [("input", "w"), ("w", "lif"), ("lif", "output")]
    nir.write(folder / "net.nir", nir.NIRGraph(nodes, edges))
    (folder / "models.py").write_text(MODELS)
    (folder / "figures.py").write_text(
        "import sys\nfrom sim.tools import MissingTool\n"
        "from spikexact.report.drawing import styled\n"
        "try:\n    with styled():\n        pass\n"
        "except MissingTool as error:\n    sys.exit(str(error))\n"
    )
    (folder / "use.py").write_text(
        "import spikexact as sx\n"
        f"network = sx.load({NET!r})\n"
        "sx.compare(sx.run(network, sx.stimuli(network, 4)), "
        "sx.run(network, sx.stimuli(network, 4), 'fast'))\n"
    )


def copied(folder: Path) -> Path:
    """Copy what pip builds from; a build in this clone would leave its folders there."""
    clone = folder / "clone"
    rooms = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    for room in rooms:
        shutil.copytree(ROOT / room, clone / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, clone / name)
    return clone


def tried(extra: str, clone: Path, files: Path, folder: Path) -> dict:
    """Make the environment of an extra and run every command; return its size and what was said."""
    venv, work = folder / "venv", folder / "work"
    shutil.copytree(files, work)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/pip", "--disable-pip-version-check", "install", "-q"]
    pip += ["--progress-bar", "off", "-c", clone / "constraints.txt"]
    empty = size(venv)
    brackets = "" if extra == "none" else f"[{extra}]"
    subprocess.run([*pip, f"{clone}{brackets}"], check=True)
    if extra in AFTER and sys.version_info >= (3, 11):
        subprocess.run([*pip, *AFTER[extra]], check=True)
    found = {"size": size(venv) - empty, "said": {}}
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"PATH": f"{venv / 'bin'}:{environment['PATH']}"}
    for what, line in COMMANDS.items():
        command = line.split()
        if command[0] != "python":
            command = ["spikexact", *command]
        run = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        words = (run.stderr.strip().splitlines() or ["it says nothing"])[-1]
        works = run.returncode == 0 or ASKS in words
        if works and "NOT run" in run.stdout:
            words = next(one for one in run.stdout.splitlines() if "NOT run" in one)
            words = words.partition("; open")[0]
            works = False
        if "Traceback" in run.stderr:
            words = f"A TRACEBACK: {words}"
        words = words.removeprefix("error: ").replace(str(clone), "CLONE")
        found["said"][what] = "" if works else words
        print(f"{extra}: {what}: {found['said'][what] or 'works'}", flush=True)
    return found


def size(venv: Path) -> int:
    """Return what an environment takes, in MB."""
    return sum(f.stat().st_size for f in venv.rglob("*") if not f.is_symlink()) // 1_000_000


def table(found: dict[str, dict]) -> str:
    """Return the matrix in Markdown, and below it the sentences that its numbers stand for."""
    sentences: list[str] = []
    rows = []
    for what in COMMANDS:
        cells = []
        for one in found.values():
            said = one["said"][what]
            if said and said not in sentences:
                sentences.append(said)
            cells.append(str(sentences.index(said) + 1) if said else "yes")
        rows.append(f"| {what} | {' | '.join(cells)} |")
    heads = [extra if extra == "none" else f"`[{extra}]`" for extra in found]
    sizes = [f"{one['size']:,}" for one in found.values()]
    lines = [
        f"| | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * len(found)}",
        f"| MB of disk | {' | '.join(sizes)} |",
        *rows,
        "",
        *(wrapped(f"{k}. {sentence}") for k, sentence in enumerate(sentences, 1)),
    ]
    return "\n".join(lines)


def wrapped(line: str) -> str:
    """Return an item of a list in lines of at most 120 characters."""
    return textwrap.fill(
        line, 120, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
    )


def main() -> None:
    """Try the environments that were asked for, one after the other, and print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default=",".join(EXTRAS), help="extras, separated by commas")
    options.add_argument("--keep", type=Path, help="what was found so far; gone on from")
    given = options.parse_args()
    kept = given.keep is not None and given.keep.exists()
    found = json.loads(given.keep.read_text()) if kept else {}
    with tempfile.TemporaryDirectory(prefix="spikexact-") as scratch:
        files = Path(scratch) / "files"
        files.mkdir()
        prepare(files)
        clone = copied(Path(scratch))
        for extra in given.only.split(","):
            if extra in found:
                continue
            with tempfile.TemporaryDirectory(prefix=f"{extra}-", dir=scratch) as folder:
                found[extra] = tried(extra, clone, files, Path(folder))
            if given.keep is not None:
                given.keep.write_text(json.dumps(found, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
