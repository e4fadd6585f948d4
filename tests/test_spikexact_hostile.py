"""Hostile command lines: each gets one sentence and the right status, and leaves nothing behind."""

import os
import resource
import shlex
from pathlib import Path

import needs
import numpy as np
import pytest
from test_mapping_fold import draw
from test_mapping_network import small

from mapping import (
    Connection,
    Conv,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    plain,
    save,
)
from spikexact.cli import status

#: Modules of users, whose errors are told with file and line.
USERS = {
    "user_good": "NUMBER = 3\n\ndef build():\n    return object()\n",
    "user_key": "def inner():\n    return {}['weights']\n\ndef build():\n    return inner()\n",
    "user_syntax": "def build(:\n    return 1\n",
    "user_top": "x = 1\ny = x / 0\n\ndef build():\n    return 1\n",
    "user_import": "import not_installed_anywhere\n",
    "user_exit": "import sys\n\ndef build():\n    sys.exit(3)\n",
    "user_exit_top": "raise SystemExit\n",
    "user_arguments": "def build(size):\n    return size\n",
    "user_memory": "def build():\n    return bytearray(1 << 30)\n",
    "user_recursion": "def build():\n    return build()\n",
}


def conv() -> Network:
    """Return a network that stock Lava does not run."""
    op = Conv(np.ones((2, 1, 2, 2), np.int8))
    first = Population("a", (Connection("input", op),), Neuron(1, 0, threshold=2, max_spikes=1))
    return Network(Input((1, 3, 3)), (first,), Readout("a"), timesteps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a folder with everything that is wrong."""
    folder = tmp_path_factory.mktemp("hostile")
    before = Path.cwd()
    os.chdir(folder)
    try:
        save(small(), "net.safetensors")
        save(conv(), "conv.safetensors")
        save(draw(0), "trained.safetensors")
        whole = Path("net.safetensors").read_bytes()
        Path("cut.safetensors").write_bytes(whole[:-9])
        Path("altered.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        Path("other.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")
        np.save("x.npy", np.ones((5, 3, 3), np.uint8))
        np.save("xconv.npy", np.ones((5, 3, 1, 3, 3), np.uint8))
        np.save("wide.npy", np.ones((5, 3, 4), np.uint8))
        np.save("long.npy", np.ones((5, 4, 3), np.uint8))
        np.save("real.npy", np.ones((5, 3, 3)))
        np.save("nan.npy", np.full((5, 3, 3), np.nan))
        np.save("large.npy", np.full((5, 3, 3), 2))
        np.save("negative.npy", np.full((5, 3, 3), -1))
        np.save("scalar.npy", np.array(1))
        np.save("nobody.npy", np.ones((0, 3, 3), np.uint8))
        np.save("strings.npy", np.array(["a", "b"]))
        np.save("labels.npy", np.zeros(5, np.int64))
        np.save("biglabels.npy", np.full(5, 9))
        np.save("neglabels.npy", np.full(5, -1))
        np.save("pickle.npy", np.array([{}], object), allow_pickle=True)
        np.savez("archive.npz", x=np.ones(3))
        header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1 << 40, 3, 3), }"
        header = header.replace("1 << 40", str(1 << 40)).ljust(117) + "\n"
        Path("huge.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + header.encode())
        Path("text").write_text("hello")
        Path("empty.file").touch()
        Path("binary").write_bytes(bytes(range(256)) * 8)
        Path("object.json").write_text("{}\n")
        for name in ("folder", "full", "damaged", "badrtl", "otherrtl"):
            Path(name).mkdir()
        Path("full/mine.txt").write_text("keep")
        Path("damaged/network.safetensors").write_bytes(whole[:-9])
        Path("badrtl/manifest.json").write_text('{"format": 1}')
        Path("otherrtl/manifest.json").write_text("[]")
        os.mkfifo("fifo")
        for name, to in (("fifolink", "fifo"), ("folderlink", "folder"), ("loop", "loop")):
            Path(name).symlink_to(to)
        Path("dangling").symlink_to("none/file")
        Path("net.toml").write_text("[input]\nshape = 3\n")
        for name, text in USERS.items():
            Path(f"{name}.py").write_text(text)
    finally:
        os.chdir(before)
    return folder


LINES = [
    ("show none", "none does not exist"),
    ("show ''", ". is not a file"),
    ("show folder", "folder is not a file"),
    ("show fifo", "fifo is not a file"),
    ("show text", "text is not a safetensors file, or is truncated"),
    ("show empty.file", "empty.file is not a safetensors file, or is truncated"),
    ("show cut.safetensors", "cut.safetensors is not a safetensors file, or is truncated"),
    (
        "show altered.safetensors",
        "altered.safetensors is damaged or was altered: its checksum does not m",
    ),
    (
        "show other.safetensors",
        "other.safetensors is a safetensors file, but not one written by spikex",
    ),
    ("show net.safetensors extra", "Got unexpected extra argument(s) (extra)"),
    ("show --nonsense net.safetensors", "No such option: --nonsense"),
    ("show net.safetensors --json=1", "Option '--json' does not take a value."),
    ("show none --json", "none does not exist"),
    ("show text/inside", "text/inside does not exist"),
    ("show loop", "loop does not exist"),
    ("show dangling", "dangling does not exist"),
    ("show longname", "File name too long"),
    ("show 'name with\\nnewline'", "name with\\nnewline does not exist"),
    ("show '[red]markup[/red]'", "[red]markup[/red] does not exist"),
    ("fold none -o f", "none does not exist"),
    (
        "fold net.safetensors -o f",
        "net.safetensors holds a Network, but a TrainedNetwork is needed: give",
    ),
    ("fold text -o f", "text is not a safetensors file, or is truncated"),
    ("fold trained.safetensors", "Missing option '-o' / '--output'."),
    ("fold trained.safetensors -o", "Option '-o' requires an argument."),
    ("fold trained.safetensors -o ''", ". is a folder: name a file"),
    ("fold trained.safetensors -o folder", "folder is a folder: name a file"),
    (
        "fold trained.safetensors -o fifo",
        "fifo is a pipe: only regular files are written, name another",
    ),
    (
        "fold trained.safetensors -o fifolink",
        "fifo, is a pipe: only regular files are written, name another",
    ),
    ("fold trained.safetensors -o folderlink", "folder, is a folder: name a file"),
    (
        "fold trained.safetensors -o loop",
        "loop is a link that leads round in a circle: name a file",
    ),
    (
        "fold trained.safetensors -o dangling",
        "none does not exist: create it first (dangling is a link into it)",
    ),
    ("fold trained.safetensors -o none/f", "none does not exist: create it first"),
    ("fold trained.safetensors -o text/f", "text/f lies in a file: name a folder that exists"),
    ("fold trained.safetensors -o longname", "File name too long"),
    ("fold trained.safetensors -o f --timesteps 0", "timesteps must be between 1 and 65536, not 0"),
    (
        "fold trained.safetensors -o f --timesteps -1",
        "timesteps must be between 1 and 65536, not -1",
    ),
    ("fold trained.safetensors -o f --timesteps x", "Invalid value for '--timesteps'"),
    ("fold trained.safetensors -o f --timesteps 1.5", "Invalid value for '--timesteps'"),
    (
        "fold trained.safetensors -o f --timesteps 65537",
        "timesteps must be between 1 and 65536, not 65537",
    ),
    (
        "fold trained.safetensors -o f --timesteps 99999999999999999999999",
        "timesteps must be between 1 and 65536, not 99999999999999999999999",
    ),
    ("fold trained.safetensors -o f --timesteps", "Option '--timesteps' requires an argument."),
    ("run none --inputs x.npy -o t.npz", "none does not exist"),
    (
        "run trained.safetensors --inputs x.npy -o t.npz",
        "trained.safetensors holds a TrainedNetwork, but a Network is needed: f",
    ),
    ("run net.safetensors -o t.npz", "Missing option '--inputs'."),
    ("run net.safetensors --inputs x.npy", "Missing option '-o' / '--output'."),
    ("run net.safetensors --inputs none -o t.npz", "none does not exist"),
    ("run net.safetensors --inputs folder -o t.npz", "folder is not a file"),
    ("run net.safetensors --inputs fifo -o t.npz", "fifo is not a file"),
    (
        "run net.safetensors --inputs text -o t.npz",
        "text is not a .npy file, or is truncated",
    ),
    (
        "run net.safetensors --inputs empty.file -o t.npz",
        "empty.file is not a .npy file, or is truncated",
    ),
    (
        "run net.safetensors --inputs pickle.npy -o t.npz",
        "pickle.npy does not hold one array of plain real numbers",
    ),
    (
        "run net.safetensors --inputs wide.npy -o t.npz",
        "inputs must have shape (samples, T, 3), not (5, 3, 4)",
    ),
    (
        "run net.safetensors --inputs long.npy -o t.npz",
        "inputs have 4 timesteps; this network runs 1 to 3",
    ),
    ("run net.safetensors --inputs real.npy -o t.npz", "inputs must be integers, not float64"),
    ("run net.safetensors --inputs nan.npy -o t.npz", "inputs must be integers, not float64"),
    (
        "run net.safetensors --inputs large.npy -o t.npz",
        "inputs must lie within 0..1 (1 bits), but hold 2",
    ),
    (
        "run net.safetensors --inputs negative.npy -o t.npz",
        "inputs must lie within 0..1 (1 bits), but hold -1",
    ),
    (
        "run net.safetensors --inputs scalar.npy -o t.npz",
        "inputs must have shape (samples, T, 3), not ()",
    ),
    ("run net.safetensors --inputs nobody.npy -o t.npz", "inputs must hold at least one sample"),
    (
        "run net.safetensors --inputs strings.npy -o t.npz",
        "strings.npy does not hold one array of plain real nu",
    ),
    (
        "run net.safetensors --inputs huge.npy -o t.npz",
        "huge.npy declares shape (1099511627776, 3, 3) of uint8, which is not",
    ),
    (
        "run net.safetensors --inputs archive.npz -o t.npz",
        "archive.npz is not a .npy file, or is truncated",
    ),
    ("run net.safetensors --inputs x.npy -o folder", "folder is a folder: name a file"),
    (
        "run net.safetensors --inputs x.npy -o fifo",
        "fifo is a pipe: only regular files are written, name another",
    ),
    ("run net.safetensors --inputs x.npy -o none/t.npz", "none does not exist: create it first"),
    (
        "run net.safetensors --inputs x.npy -o t.npz --backend ''",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "run net.safetensors --inputs x.npy -o t.npz --backend Fast",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "run net.safetensors --inputs x.npy -o t.npz --backend fast,rtl",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "run conv.safetensors --inputs xconv.npy -o t.npz --backend lava-stock",
        "population 'a': neurons with max_spikes, refractory or fire_by",
    ),
    ("verify none", "none does not exist"),
    (
        "verify trained.safetensors",
        "trained.safetensors holds a TrainedNetwork, but a Network is needed: f",
    ),
    ("verify text", "text is not a safetensors file, or is truncated"),
    (
        "verify net.safetensors --backends ''",
        "--backends must be names with commas, as reference,fast, not ''",
    ),
    (
        "verify net.safetensors --backends fast,,rtl",
        "--backends must be names with commas, as reference,fast, not 'fast,,rt",
    ),
    (
        "verify net.safetensors --backends ,",
        "--backends must be names with commas, as reference,fast, not ','",
    ),
    (
        "verify net.safetensors --backends 'fast, '",
        "--backends must be names with commas, as reference,fast, not 'fast, '",
    ),
    (
        "verify net.safetensors --backends fast;rtl",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "verify net.safetensors --backends all",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "verify conv.safetensors --backends fast,lava-stock",
        "lava-stock: no: population 'a': neurons with max_spikes, refractory",
    ),
    ("verify net.safetensors --samples 0", "Invalid value for '--samples'"),
    ("verify net.safetensors --samples -3", "Invalid value for '--samples'"),
    ("verify net.safetensors --samples 1e3", "Invalid value for '--samples'"),
    ("verify net.safetensors --samples 99999999999999", "Invalid value for '--samples'"),
    ("verify net.safetensors --seed -1", "Invalid value for '--seed'"),
    ("verify net.safetensors --seed 99999999999999999999", "Invalid value for '--seed'"),
    ("verify net.safetensors --seed x", "Invalid value for '--seed'"),
    ("verify net.safetensors --backends fast --inputs none", "none does not exist"),
    (
        "verify net.safetensors --backends fast --inputs text",
        "text is not a .npy file, or is truncated",
    ),
    (
        "verify net.safetensors --backends fast --inputs wide.npy",
        "inputs must have shape (samples, T, 3), not (5, 3, 4)",
    ),
    (
        "verify net.safetensors --backends fast --inputs nobody.npy",
        "inputs must hold at least one sample",
    ),
    (
        "verify net.safetensors --backends fast --rtl folder",
        "Verilog in a folder is read by rtl, cocotb, netlist-ecp5, netlist-ice40 only",
    ),
    (
        "verify net.safetensors --backends rtl --rtl none",
        "none holds no manifest.json: write it with 'verilog'",
    ),
    (
        "verify net.safetensors --backends rtl --rtl folder",
        "folder holds no manifest.json: write it with 'verilog'",
    ),
    (
        "verify net.safetensors --backends rtl --rtl text",
        "text/manifest.json is damaged (NotADirectoryError: [Errno 20] Not a di",
    ),
    (
        "verify net.safetensors --backends rtl --rtl badrtl",
        "badrtl/manifest.json has format 1; this program reads 3: write it anew",
    ),
    (
        "verify net.safetensors --backends rtl --rtl otherrtl",
        "otherrtl/manifest.json is damaged (TypeError: list indices must be int",
    ),
    ("verify net.safetensors --backends fast --trained none", "none does not exist"),
    (
        "verify net.safetensors --backends fast --trained net.safetensors",
        "net.safetensors holds a Network, but a TrainedNetwork is needed: give",
    ),
    (
        "verify net.safetensors --backends fast --trained trained.safetensors",
        "the trained network and the integer one have different populations",
    ),
    ("verify net.safetensors --backends fast -o folder", "folder is a folder: name a file"),
    (
        "verify net.safetensors --backends fast -o fifo",
        "fifo is a pipe: only regular files are written, name another",
    ),
    (
        "verify net.safetensors --backends fast -o none/v.json",
        "none does not exist: create it first",
    ),
    ("verilog none -o rtl", "none does not exist"),
    (
        "verilog trained.safetensors -o rtl",
        "trained.safetensors holds a TrainedNetwork, but a Network is needed: f",
    ),
    (
        "verilog conv.safetensors -o rtl --classes",
        "classes are read of a vector, and 'a' is a map of 2 x 2 x 2",
    ),
    ("verilog net.safetensors", "Missing option '-o' / '--output'."),
    (
        "verilog net.safetensors -o full",
        "full is not empty and holds no manifest.json of ours: name another fol",
    ),
    ("verilog net.safetensors -o text", "text is a file: name a folder"),
    ("verilog net.safetensors -o fifo", "fifo is no folder: name a folder"),
    ("verilog net.safetensors -o fifo --force", "fifo is no folder: name a folder"),
    ("verilog net.safetensors -o none/rtl", "none does not exist: create it first"),
    ("verilog net.safetensors -o .", ". is the folder that you are in, or above: name another"),
    (
        "verilog net.safetensors -o . --force",
        ". is the folder that you are in, or above: name another",
    ),
    (
        "verilog net.safetensors -o .. --force",
        ".. is the folder that you are in, or above: name another",
    ),
    (
        "verilog net.safetensors -o / --force",
        "/ is the folder that you are in, or above: name another",
    ),
    (
        "verilog net.safetensors -o loop",
        "loop is a link that leads round in a circle: name a folder",
    ),
    ("verilog net.safetensors -o rtl --pe 0", "PE must be between 1 and 4096, not 0"),
    (
        "verilog net.safetensors -o rtl --pe ''",
        "--pe must be one number, one per population (8,4), or NAME=N pairs, not ''",
    ),
    (
        "verilog net.safetensors -o rtl --pe 1,,2",
        "--pe must be one number, one per population (8,4), or NAME=N pairs, not '1,,2'",
    ),
    (
        "verilog net.safetensors -o rtl --pe 1,2,3",
        "PE must be one number or 2 (one per population), not 3",
    ),
    (
        "verilog net.safetensors -o rtl --pe 99999999999999999999",
        "PE must be between 1 and 4096, not 99999999999999999999",
    ),
    ("verilog net.safetensors -o rtl --pe -1", "PE must be between 1 and 4096, not -1"),
    (
        "verilog net.safetensors -o rtl --simd 1.5",
        "--simd must be one number, one per population (8,4), or NAME=N pairs, not '1.5'",
    ),
    ("verilog net.safetensors -o rtl --samples 0", "Invalid value for '--samples'"),
    ("plan none", "none does not exist"),
    ("plan net.safetensors --clock nan", "--clock must be above 0, not nan"),
    ("plan net.safetensors --clock inf", "--clock must be above 0, not inf"),
    ("plan net.safetensors --clock 9 --target-fps -1", "--target-fps must be above 0, not -1"),
    (
        "plan net.safetensors --pe =3",
        "--pe must be one number, one per population (8,4), or NAME=N",
    ),
    ("plan net.safetensors --pe a=2,3", "--pe must be one number, one per population (8,4), or"),
    ("plan net.safetensors --pe a=2 --pe a=3", "--pe names 'a' twice: give it one number"),
    ("plan net.safetensors --cells 0", "Invalid value for '--cells'"),
    ("plan net.safetensors --parallel 2", "parallel must be between 1 and 1, not 2"),
    ("report none", "none is not a folder: give one with network.safetensors"),
    ("report text", "text is not a folder: give one with network.safetensors"),
    ("report folder", "folder/network.safetensors does not exist"),
    ("report damaged", "damaged/network.safetensors is not a safetensors file, or is truncated"),
    ("report fifo", "fifo is not a folder: give one with network.safetensors"),
    ("campaign --networks 0", "Invalid value for '--networks'"),
    ("campaign --networks x", "Invalid value for '--networks'"),
    ("campaign --networks -5", "Invalid value for '--networks'"),
    ("campaign --backends ''", "--backends must be names with commas, as reference,fast, not ''"),
    (
        "campaign --backends fast,,",
        "--backends must be names with commas, as reference,fast, not 'fast,,'",
    ),
    ("campaign --backends reference", "a campaign needs a backend besides the reference"),
    (
        "campaign --backends nonsense",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    ("campaign --backends fast --kinds some", "kinds must be 'dense' or 'all', not 'some'"),
    ("campaign --per-build 0", "Invalid value for '--per-build'"),
    ("campaign --samples 0", "Invalid value for '--samples'"),
    (
        "campaign --networks 1 --backends fast -o x.npy",
        "x.npy is there and is not a campaign's journal ('utf-8' codec can't de",
    ),
    (
        "campaign --networks 1 --backends fast -o text",
        "text is there and is not a campaign's journal (its first line does not",
    ),
    (
        "campaign --networks 1 --backends fast -o net.safetensors",
        "net.safetensors is there and is not a campaign's journal ('utf-8' code",
    ),
    ("campaign --networks 1 --backends fast -o folder", "folder is a folder: name a file"),
    (
        "campaign --networks 1 --backends fast -o fifo",
        "fifo is a pipe: only regular files are written, name another",
    ),
    ("campaign --networks 1 --backends fast -o none/j", "none does not exist: create it first"),
    (
        "campaign --networks 1 --backends fast -o object.json",
        "object.json is there and is not a campaign's journal (its first line d",
    ),
    ("import none.toml --from arrays -o t", ""),
    ("import text --from arrays -o t", ""),
    ("import folder --from arrays -o t", ""),
    ("import fifo --from arrays -o t", ""),
    ("import binary --from arrays -o t", ""),
    ("import net.toml --from arrays -o t", ""),
    ("import text --from nir -o t --shape 3 --timesteps 2", ""),
    ("import none --from nir -o t --shape 3 --timesteps 2", ""),
    ("import text --from torch -o t", ""),
    ("import : --from torch -o t", "importing from torch needs --shape and --timesteps"),
    (
        "import user_good: --from torch -o t",
        "importing from torch needs --shape and --timesteps",
    ),
    ("import :build --from torch -o t", "importing from torch needs --shape and --timesteps"),
    (
        "import nowhere:build --from torch -o t --shape 3 --timesteps 2",
        "module 'nowhere' cannot be imported: No module named 'nowhere'",
    ),
    (
        "import user_good:nothing --from torch -o t --shape 3 --timesteps 2",
        "module 'user_good' has no 'nothing'",
    ),
    (
        "import user_good:NUMBER --from torch -o t --shape 3 --timesteps 2",
        "user_good:NUMBER must be a function that returns a model, not 3",
    ),
    (
        "import user_key:build --from torch -o t --shape 3 --timesteps 2",
        "builder 'user_key:build' failed: user_key.py, line 2: KeyError: 'weigh",
    ),
    (
        "import user_syntax:build --from torch -o t --shape 3 --timesteps 2",
        "module 'user_syntax' cannot be imported: user_syntax.py, line 1: Synta",
    ),
    (
        "import user_top:build --from torch -o t --shape 3 --timesteps 2",
        "module 'user_top' cannot be imported: user_top.py, line 2: ZeroDivisio",
    ),
    (
        "import user_import:build --from torch -o t --shape 3 --timesteps 2",
        "module 'user_import' cannot be imported: user_import.py, line 1: Modul",
    ),
    (
        "import user_exit:build --from torch -o t --shape 3 --timesteps 2",
        "builder 'user_exit:build' failed: user_exit.py, line 4: SystemExit: 3",
    ),
    (
        "import user_exit_top:build --from torch -o t --shape 3 --timesteps 2",
        "module 'user_exit_top' cannot be imported: user_exit_top.py, line 1: S",
    ),
    (
        "import user_arguments:build --from torch -o t --shape 3 --timesteps 2",
        "builder 'user_arguments:build' failed: build() missing 1 required posi",
    ),
    (
        "import user_recursion:build --from torch -o t --shape 3 --timesteps 2",
        "builder 'user_recursion:build' failed: user_recursion.py, line 2: Recu",
    ),
    (
        "import ..user_good:build --from torch -o t --shape 3 --timesteps 2",
        "source must be package.module:builder",
    ),
    (
        "import 'user good:build' --from torch -o t --shape 3 --timesteps 2",
        "module 'user good' cannot be imported: No module named 'user good'",
    ),
    (
        "import user_good:build --from torch -o t --shape 3 --timesteps 2 --weights none",
        "builder 'user_good:build' must return a torch model to load none into",
    ),
    (
        "import user_good:build --from torch -o t --shape 3 --timesteps 2 --weights text",
        "builder 'user_good:build' must return a torch model to load text into",
    ),
    (
        "import user_good:build --from keras -o t",
        "framework must be one of 'torch', 'snntorch', 'spikingjelly', 'norse',",
    ),
    ("import user_good:build -o t", "Missing option '--from'."),
    (
        "import user_good:build --from torch -o t --shape x --timesteps 2",
        "--shape must be integers with commas, as 2,34,34, not 'x'",
    ),
    (
        "import user_good:build --from torch -o t --shape '' --timesteps 2",
        "--shape must be integers with commas, as 2,34,34, not ''",
    ),
    ("import user_good:build --from torch -o t --timesteps 0", "Invalid value for '--timesteps'"),
    ("import user_good:build --from torch -o folder", "folder is a folder: name a file"),
    ("import user_good:build --from torch -o none/t", "none does not exist: create it first"),
    (
        "import user_good:build --from torch -o t --coding other --shape 3 --timesteps 2",
        "input coding must be one of 'steps', 'direct', 'latency', not 'other'",
    ),
    ("evaluate none x.npy", "none does not exist"),
    (
        "evaluate trained.safetensors x.npy",
        "trained.safetensors holds a TrainedNetwork, but a Network is needed: f",
    ),
    (
        "evaluate net.safetensors none --labels x.npy",
        "--labels belongs to a .npy of inputs, not to none",
    ),
    ("evaluate net.safetensors x.npy --labels none", "none does not exist"),
    (
        "evaluate net.safetensors x.npy --labels text",
        "text is not a .npy file, or is truncated",
    ),
    ("evaluate net.safetensors x.npy --labels x.npy", "labels must be 5 integers, one per sample"),
    (
        "evaluate net.safetensors x.npy --labels biglabels.npy",
        "the network's classes are 0..1, but a label is 9",
    ),
    (
        "evaluate net.safetensors x.npy --labels neglabels.npy",
        "the network's classes are 0..1, but a label is -1",
    ),
    (
        "evaluate net.safetensors x.npy --labels labels.npy --backend nothing",
        "backend must be one of reference, fast, lava, lava-stock, rtl, cocotb,",
    ),
    (
        "evaluate net.safetensors x.npy --labels labels.npy --checked -1",
        "Invalid value for '--checked'",
    ),
    (
        "evaluate net.safetensors nobody.npy --labels nobody.npy",
        "nobody.npy has shape (0, 3, 3), and must have (samples, T, 3)",
    ),
    (
        "evaluate conv.safetensors xconv.npy --labels labels.npy --backend lava-stock",
        "lava-stock: no: population 'a': neurons with max_spikes, refractory",
    ),
    (
        "evaluate net.safetensors folder",
        "folder must hold t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or a folder of",
    ),
    (
        "train nothing -o t",
        "data set must be one of digits, mnist, fashion-mnist, idx, images, arr",
    ),
    ("train digits", "Missing option '-o' / '--output'."),
    ("train digits -o folder", "folder is a folder: name a file"),
    ("train digits -o none/t", "none does not exist: create it first"),
    ("train digits -o fifo", "fifo is a pipe: only regular files are written, name another"),
    (
        "train digits -o t.json",
        "t.json is the name of what is written beside it: name it .safetensors",
    ),
    (
        "train digits -o net.safetensors",
        "net.safetensors is there already, and no training of it that was stopp",
    ),
    (
        "train digits -o t --net vgg99",
        "net must be one of mlp, cnn, vggsnn, resnet19, resnet18, not 'vgg99'",
    ),
    ("train digits -o t --method sgd", "method must be one of agmm, ste, fp, latency, not 'sgd'"),
    (
        "train digits -o t --tune gates",
        "tune must be one of dyadic-joins, constant-gates, table-gates, not 'ga",
    ),
    ("train digits -o t --timesteps 0", "Invalid value for '--timesteps'"),
    ("train digits -o t --threads 0", "Invalid value for '--threads'"),
    ("train digits -o t --threads 99999999", "Invalid value for '--threads'"),
    ("train digits -o t --workers -1", "Invalid value for '--workers'"),
    ("train digits -o t --workers 99999999", "Invalid value for '--workers'"),
    ("train digits -o t --seed -1", "Invalid value for '--seed'"),
    ("train digits -o t --seed 99999999999999999999999", "Invalid value for '--seed'"),
    ("demo --out full", "full is not empty and holds no demo of ours: name another, or use --fo"),
    ("demo --out text", "text is a file: name a folder"),
    ("demo --out none/demo", "none does not exist: create it first"),
    ("demo --out fifo", "fifo is no folder: name a folder"),
    ("demo --out .", ". is not empty and holds no demo of ours: name another, or use --force"),
    ("demo --out demo --net vgg", "the demo's network must be mlp or cnn, not 'vgg'"),
    ("demo --out demo --seed x", "Invalid value for '--seed'"),
    ("doctor extra", "Got unexpected extra argument(s) (extra)"),
    ("nonsense", "No such command 'nonsense'."),
    ("--nonsense", "No such option: --nonsense"),
    ("show -h", "No such option: -h"),
]


def listing(folder: Path) -> dict[str, object]:
    """Return what lies in a folder, hidden things and what links lead to included."""
    return {
        str(p): (p.lstat().st_mode, p.lstat().st_ino, p.lstat().st_size)
        for p in folder.rglob("*")
        if "__pycache__" not in p.parts
    }


@pytest.mark.parametrize(("line", "sentence"), LINES)
def test_one_sentence(
    folder: Path,
    line: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for backend, package in (("lava", "lava"), ("cocotb", "cocotb_tools")):
        if line.endswith(f"--backend {backend}"):  # what is missing is said first
            needs.package(package)
    monkeypatch.chdir(folder)
    before = listing(folder.parent)
    words = [w if w != "longname" else "n" * 300 for w in shlex.split(line)]
    code = status(words)
    out, err = capsys.readouterr()
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err, err
    assert sentence in err
    assert listing(folder.parent) == before


def test_a_model_that_fills_the_memory_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code runs in the command's own process, whose memory is limited while it does."""
    monkeypatch.chdir(folder)
    sizes = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = int(sizes["VmData"].split()[0]) << 10
    monkeypatch.setattr(plain, "memory", lambda: (held + (300 << 20)) // 3 * 4)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    line = "import user_memory:build --from torch -o t --shape 3 --timesteps 2"
    assert status(line.split()) == 2
    assert "error: user_memory:build needs more memory than the" in capsys.readouterr().err
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
