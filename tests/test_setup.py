"""The set-up: which Python it takes, what it says, and that a warm one touches no network."""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import needs
import pytest
import report_schema
from test_spikexact_json import of_folder

ROOT = Path(__file__).resolve().parent.parent
DEAD = "http://127.0.0.1:9"  # the discard port, where nothing listens


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which any download fails and every call of pip leaves a log."""
    proxies = {name: DEAD for base in ("http", "https", "all") for name in both_cases(base)}
    index = {"PIP_INDEX_URL": DEAD, "PIP_RETRIES": "0", "PIP_LOG": str(tmp_path / "pip.log")}
    return {**os.environ, **proxies, **index}


def both_cases(base: str) -> tuple[str, str]:
    return f"{base}_proxy", f"{base}_PROXY".upper()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what the set-up reads, with no environment yet."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", copy / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture
def tool(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return tools/setup.py of a checkout, as a module."""
    spec = importlib.util.spec_from_file_location("setup_tool", checkout / "tools/setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run the set-up of `checkout` in an environment that `environment` changes."""
    return subprocess.run(
        ["/bin/sh", "tools/setup.sh"],
        cwd=checkout,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def programs(folder: Path, *, without: str) -> Path:
    """Fill `folder` with the few programs that the set-up runs, less one, and a bad python3.11."""
    folder.mkdir()
    for name in {"sh", "dirname", "head", "perl", "gcc", "g++", "make"} - {without}:
        (folder / name).symlink_to(needs.tool(name))
    shim = folder / "python3.11"
    shim.write_text("#!/bin/sh\necho 'python3.11: command not found'\nexit 127\n")
    shim.chmod(0o755)
    return folder


@pytest.mark.parametrize("tool", ["perl", "gcc", "g++"])
def test_missing_tool_is_one_sentence_with_its_command(
    checkout: Path, tmp_path: Path, tool: str
) -> None:
    run = set_up(checkout, PATH=str(programs(tmp_path / "bin", without=tool)))
    assert run.returncode == 1
    assert run.stdout == f"set-up: missing {tool}; install with: apt-get install -y {tool}\n"


@pytest.mark.parametrize("where", ["HOME", "PYENV_ROOT"])
def test_python_that_does_not_run_is_passed_over(
    checkout: Path, tmp_path: Path, where: str
) -> None:
    nothing = tmp_path / "home"
    places = {"HOME": str(nothing), "PYENV_ROOT": ""}
    places[where] = str(nothing)
    path = str(programs(tmp_path / "bin", without=""))
    run = set_up(checkout, PATH=path, **places)
    assert run.returncode == 1
    assert run.stdout == (
        "set-up: no Python 3.10 to 3.13 with venv found; "
        "install with: apt-get install -y python3 python3-venv\n"
    )
    pyenv = nothing / ".pyenv" if where == "HOME" else nothing
    versions = pyenv / "versions" / "{}.{}.0".format(*sys.version_info) / "bin"
    versions.mkdir(parents=True)
    real = versions / "python{}.{}".format(*sys.version_info)
    real.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 "$@"\n')
    real.chmod(0o755)
    (checkout / "tools/setup.py").write_text("import sys\nprint('found', *sys.argv[1:])\n")
    assert set_up(checkout, PATH=path, **places).stdout == "found .venv test\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["elsewhere"], "the environment must be .venv or .venv310, not elsewhere"),
        ([".venv", "all"], "the level of .venv must be demo or test, not all"),
        ([".venv310", "demo"], "the level of .venv310 must be test, not demo"),
    ],
)
def test_unknown_environment_and_level_are_refused(arguments: list[str], sentence: str) -> None:
    command = ["/bin/sh", "tools/setup.sh", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == f"set-up: {sentence}\n"


def test_demo_is_not_installed_what_only_the_tests_use(tool: ModuleType) -> None:
    def extras(level: str) -> set[str]:
        (project,) = tool.LEVELS[".venv"][level]
        return set(re.fullmatch(r"\.\[(.+)\]", project)[1].split(","))

    assert extras("demo") == {"rtl", "lava", "train", "report"}
    assert extras("demo") < extras("test")


def test_levels_are_reused_raised_and_never_lowered(
    tool: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    venv = checkout / ".venv"
    venv.mkdir()
    monkeypatch.setattr(sys, "prefix", str(venv))  # so that it is updated, not made anew
    installed = []
    monkeypatch.setattr(tool, "install", lambda venv, level: installed.append(level))

    def run(level: str) -> list[str]:
        installed.clear()
        tool.main(".venv", level)
        assert tool.stamped(venv)[1]
        return list(installed)

    assert run("demo") == ["demo"]
    assert capsys.readouterr().out.endswith("set-up: .venv is complete for make demo\n")
    assert run("demo") == [] and capsys.readouterr().out == ""
    assert run("test") == ["test"]
    assert run("demo") == run("test") == []
    assert tool.stamped(venv) == ("test", True)
    with (checkout / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert tool.stamped(venv) == ("test", False)
    assert run("demo") == ["test"]

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with (checkout / "constraints.txt").open("a") as file:
        file.write("# again\n")
    monkeypatch.setattr(tool, "install", fails)
    with pytest.raises(KeyboardInterrupt):
        tool.main(".venv", "test")
    assert tool.stamped(venv) == ("", False)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave pip nothing but a source archive, `unwheeled`; return what its build would write.

    Its build fails at last: were it allowed, nothing would be installed.
    """
    built = tmp_path / "built"
    source = tmp_path / "unwheeled-1.0"
    source.mkdir()
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: unwheeled\nVersion: 1.0\n")
    (source / "setup.py").write_text(f"open({str(built)!r}, 'w').close()\nraise SystemExit(1)\n")
    (source / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools', 'no-such-requirement']\n"
        "build-backend = 'setuptools.build_meta'\n"
    )
    links = tmp_path / "links"
    links.mkdir()
    with tarfile.open(links / "unwheeled-1.0.tar.gz", "w:gz") as file:
        file.add(source, "unwheeled-1.0")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(links), "EXTRA_INDEX_URL": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.delenv("PIP_REQUIRE_VIRTUALENV", raising=False)
    return built


def test_source_archive_that_is_not_named_fails(
    tool: ModuleType, archive: Path, capfd: pytest.CaptureFixture
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        tool.pip(Path(sys.prefix), "--dry-run", "unwheeled")
    assert "No matching distribution found for unwheeled" in capfd.readouterr().err
    assert not archive.exists()


def test_source_archive_whose_build_lacks_something_fails(
    tool: ModuleType, archive: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(tool, "SOURCES", {"unwheeled": ("setuptools",)})
    with pytest.raises(subprocess.CalledProcessError):
        tool.source(Path(sys.prefix), "unwheeled")
    assert "no-such-requirement" in capfd.readouterr().err
    assert not archive.exists()


GPU = "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl"
CPU = "torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"  Downloading {GPU} (526.6 MB)", "build for GPUs, about 6 GB"),
        (f"  Downloading https://files.example/a/{GPU} (526.6 MB)", f"({GPU}, 526.6 MB)"),
        (f"  Using cached {GPU} (526.6 MB)", "build for GPUs, about 6 GB"),
        (f"  Downloading {CPU} (191.8 MB)", "torch is the CPU build, under 1 GB of disk"),
        (f"Processing /some/wheels/{CPU.replace('%2B', '+')}", "torch is the CPU build"),
        (f"  Downloading {GPU}.metadata (30 kB)", None),
        ("  Downloading torchvision-0.1-py3-none-any.whl (1 MB)", None),
        ("Requirement already satisfied: torch in ./lib", None),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has no build for GPUs")
def test_size_of_torch_is_said_before_pip_downloads_it(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str | None
) -> None:
    """The pip of this environment prints its line, and downloads only when that was answered."""
    answered, downloaded = tmp_path / "answered", tmp_path / "downloaded"
    pip = tmp_path / "venv/bin/python"
    pip.parent.mkdir(parents=True)
    waits = f"n=0; until [ -e {answered} ] || [ $n = 300000 ]; do n=$((n + 1)); done\n"
    waits = waits if said else ""
    pip.write_text(f"#!/bin/sh\necho '{line}'\n{waits}touch {downloaded}\n")
    pip.chmod(0o755)
    lines = []

    def printed(text: str, flush: bool) -> None:
        assert flush and not downloaded.exists()
        lines.append(text)
        answered.touch()

    monkeypatch.setattr(tool, "print", printed, raising=False)
    tool.torch(tmp_path / "venv")
    assert downloaded.exists()
    if said is None:
        assert lines == []
    else:
        (text,) = lines
        assert said in text
        assert ("PyTorch's start page" in text) == ("GPUs" in text)


def test_failed_download_of_torch_fails_the_set_up(tool: ModuleType, tmp_path: Path) -> None:
    pip = tmp_path / "venv/bin/python"
    pip.parent.mkdir(parents=True)
    pip.write_text("#!/bin/sh\nexit 3\n")
    pip.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        tool.torch(tmp_path / "venv")


def pins() -> dict[str, str]:
    """Return what the constraints pin on this Python."""
    newer = sys.version_info >= (3, 11)
    found = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        pin, _, marker = line.partition("; ")
        if line.startswith("#") or marker == f'python_version {"<" if newer else ">="} "3.11"':
            continue
        name, _, version = pin.partition("==")
        found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return found


def test_everything_that_is_installed_is_pinned() -> None:
    if not complete(".venv") or Path(sys.prefix) != ROOT / ".venv":
        needs.missing(".venv is not complete or not up to date: make setup")
    pinned, wrong = pins(), []
    for one in importlib.metadata.distributions(path=[p for p in sys.path if "site-pack" in p]):
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
        if name not in ("pip", "spikexact") and pinned.get(name) != one.version.partition("+")[0]:
            wrong.append(f"{name} {one.version} is pinned to {pinned.get(name)}")
    assert not wrong, wrong


CI_MAKE = """#!/bin/sh
echo "$1|$HOME|$(ls -A "$HOME")|$PIP_NO_CACHE_DIR|$PYENV_ROOT|$PIP_CONFIG_FILE|$CI" >> made
mkdir -p demo
echo '  "left_out": [LEFT_OUT]' > demo/verify.json
"""


@pytest.mark.parametrize("left_out", ["", '{"name": "rtl"}'])
def test_ci_has_an_empty_home_and_no_cache_of_pip(tmp_path: Path, left_out: str) -> None:
    home, clone, path = tmp_path / "home", tmp_path / "clone", tmp_path / "bin"
    for folder in (home / ".cache/pip", home / ".config/pip", clone / ".ci", path):
        folder.mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_text("[global]\n")
    shutil.copy(ROOT / ".ci/run", clone / ".ci/run")
    for name, text in {
        "make": CI_MAKE.replace("LEFT_OUT", left_out),
        "iverilog": "#!/bin/sh\n",
    }.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    given = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(home), "TMPDIR": str(tmp_path)}
    given["XDG_CACHE_HOME"] = str(home / ".cache")
    run = subprocess.run(
        [clone / ".ci/run"], cwd=tmp_path, env=given, capture_output=True, text=True
    )
    lines = [line.split("|") for line in (clone / "made").read_text().splitlines()]
    assert [line[0] for line in lines] == (["demo"] if left_out else ["demo", "test"])
    assert (run.returncode == 0) == (not left_out), run.stderr
    for _, used, content, no_cache, pyenv, settings, ci in lines:
        assert used != str(home) and Path(used).parent == tmp_path
        assert (content, no_cache, ci) == ("", "1", "true")
        assert pyenv == str(home / ".pyenv")
        assert settings == str(home / ".config/pip/pip.conf")
        assert not Path(used).exists(), "what CI left behind"


@pytest.mark.slow
def test_failed_set_up_leaves_no_stamp_and_starts_anew(
    checkout: Path, offline: dict[str, str]
) -> None:
    venv = checkout / ".venv"
    venv.mkdir()
    offline |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    (venv / "half").touch()
    for _ in range(2):
        run = set_up(checkout, **offline)
        assert run.returncode == 1
        assert "set-up: making .venv for make test with Python" in run.stdout
        assert "set-up: this failed, its messages are above" in run.stdout
        assert "Traceback" not in run.stdout
        assert not (venv / "half").exists()
        assert not (venv / "complete").exists()
        (venv / "half").touch()


def complete(name: str) -> bool:
    """Tell whether an environment is there and complete, and not merely from an earlier state."""
    code = (
        "import runpy, pathlib; venv = pathlib.Path({!r});"
        "setup = runpy.run_path('tools/setup.py');"
        "print(setup['stamped'](venv))"
    )
    python = ROOT / name / "bin/python"
    if not python.exists():
        return False
    command = [python, "-I", "-c", code.format(str(ROOT / name))]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return run.stdout == "('test', True)\n"


@pytest.mark.parametrize(
    ("target", "name"), [("setup", ".venv"), ("setup-demo", ".venv"), ("setup310", ".venv310")]
)
def test_warm_set_up_touches_no_network(offline: dict[str, str], target: str, name: str) -> None:
    if not complete(name):
        needs.missing(f"{name} is not complete or not up to date: make setup setup310")
    stamp = ROOT / name / "complete"
    before = stamp.stat().st_mtime_ns
    command = ["make", "-s", target]
    run = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == before
    log = Path(offline["PIP_LOG"])
    assert not log.exists()
    pip = [ROOT / name / "bin/python", "-m", "pip", "check"]
    subprocess.run(pip, env=offline, capture_output=True)
    assert log.exists(), "pip leaves no log, so its absence above proves nothing"


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.lava
@pytest.mark.rtl
def test_warm_demo_touches_no_network(offline: dict[str, str], tmp_path: Path) -> None:
    command = ["make", "-s", "demo", f"ARGS=--out {tmp_path / 'demo'}"]
    run = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "demo/report.html").exists()
    report_schema.check(json.loads((tmp_path / "demo/report.json").read_text()))
    assert of_folder(tmp_path / "demo") == []
    assert not Path(offline["PIP_LOG"]).exists()
