"""The process around the command line: signals at its first moments, pipes, closed streams."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_mapping_network import small

from mapping import save

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return a folder with a network."""
    save(small(), tmp_path / "net.safetensors")
    return tmp_path


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; ``sx`` is the command."""
    sx = f'sx() {{ "{sys.executable}" -m spikexact "$@"; }}; '
    return subprocess.run(
        ["bash", "-c", sx + line], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )


def test_a_reader_that_has_seen_enough_is_no_error(here: Path) -> None:
    done = shell(here, "sx show net.safetensors --json | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("141\n", "")
    done = shell(here, "sx show net.safetensors | head -c 1; echo ${PIPESTATUS[0]}")
    assert done.stderr == "" and done.stdout in ("N141\n", "N0\n")  # it may have been quicker


@pytest.mark.parametrize("how", ["", "--json"])
def test_an_output_that_is_full_is_one_sentence(here: Path, how: str) -> None:
    done = shell(here, f"sx show net.safetensors {how} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_closed_streams_and_names_that_are_no_text(here: Path) -> None:
    line = "sx verify net.safetensors --backends fast --samples 2 -o $'\\xff.json' >&- <&- 2>&-"
    done = shell(here, line)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (written,) = here.glob("*.json")
    assert written.read_text().startswith('{\n  "format"')  # and nothing that was said
    assert shell(here, "sx show none 2>&-").returncode == 2
    done = shell(here, "sx show $'\\xff'")
    assert done.returncode == 2 and done.stderr == "error: \\udcff does not exist\n"


STOPS = """
import os, signal, sys
from spikexact.__main__ import main

class Stops:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.{how})

sys.meta_path.insert(0, Stops())
sys.argv[1:] = ["verify", "net.safetensors"]
main()
"""


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("spikexact.cli", "SIGINT"),
        ("numpy.linalg", "SIGINT"),
        ("mapping.temporary", "SIGINT"),
        ("rich.table", "SIGINT"),
        ("sim.campaign.stimuli", "SIGTERM"),
        ("numba", "SIGHUP"),
    ],
)
def test_a_signal_while_modules_are_imported(here: Path, name: str, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPS.format(name=name, how=how)],
        cwd=here, env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -getattr(signal, how)
    assert done.stderr == "error: stopped; nothing half-written was left\n"
    assert done.stdout == ""


BUSY = """
import os, sys, time
from pathlib import Path
from mapping import temporary
from mapping.files import beside
from sim.vectors import swapped
from spikexact.__main__ import main
from spikexact.commands import show

def work(*_):
    with beside(Path("file")) as part, swapped(Path("folder")), temporary.folder("x-", Path(".")):
        try:
            part.write_text("half")
            script = "sleep 60 & echo $! > children; echo $$ >> children; wait"
            temporary.call(["sh", "-c", script], timeout=60)
        finally:
            time.sleep(60)  # an end that a second Ctrl-C would break into

show.show_network = work
sys.argv[1:] = ["show", "net.safetensors"]
main()
"""


@pytest.mark.parametrize("group", [False, True])
def test_a_signal_leaves_no_file_and_no_process(here: Path, group: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], cwd=here, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    children = here / "children"
    deadline = time.monotonic() + 60
    while not (children.exists() and children.read_text().count("\n") == 2):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    assert len(list(here.glob(".*"))) == 2 and list(here.glob("x-*"))
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (
        -signal.SIGINT, "error: stopped; nothing half-written was left\n"
    )  # fmt: skip
    assert sorted(p.name for p in here.iterdir()) == ["children", "net.safetensors"]
    for child in children.read_text().split():
        deadline = time.monotonic() + 10
        with contextlib.suppress(FileNotFoundError):
            while Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
                assert time.monotonic() < deadline
                time.sleep(0.01)


def test_a_signal_that_the_caller_ignores_stays_ignored(here: Path) -> None:
    code = "import os; from spikexact import guard as g; g.install(); os.kill(os.getpid(), 1)"
    line = f"\"{sys.executable}\" -c '{code}; print(3)'"
    assert shell(here, f"trap '' HUP; {line}").stdout == "3\n"
    assert shell(here, line).stderr == "error: stopped; nothing half-written was left\n"


def test_a_loop_of_a_shell_ends_with_the_command_that_is_stopped(here: Path) -> None:
    code = "import os; from spikexact import guard as g; g.install(); os.kill(os.getpid(), 2)"
    done = shell(here, f'"{sys.executable}" -c "{code}"; echo $?')
    assert done.stdout == "130\n" or done.returncode == -signal.SIGINT


def test_the_guard_is_light() -> None:
    code = (
        "import sys; sys.argv = ['bin/spikexact']; a = set(sys.modules);"
        "import spikexact.guard; print(*set(sys.modules) - a)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {
        "spikexact", "spikexact.guard", "signal", "_signal", "enum", "types", "operator",
        "_operator", "functools", "collections", "_collections", "reprlib", "keyword", "itertools",
    }, done.stdout  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", ["show", "verilog", "import", "verify"])
def test_random_moments(command: str, seed: int) -> None:
    tool = [sys.executable, str(ROOT / "tools/interrupt.py"), "--runs", "6", "--seed", str(seed)]
    done = subprocess.run(
        [*tool, "--only", command], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
