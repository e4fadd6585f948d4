"""Faults planted in a copy of the code, one at a time: ``python tests/planted.py``.

Every fault is a few words of one file and what stands in their place, with the tests that must
fail then; the tables lie in ``tests/planted_faults/``. The tests are run without a fault first, so
that none is "caught" by a test that fails anyway. Exit status 1 where a fault is missed, where its
words do not stand in its file exactly once (the table is stale), and where a test was skipped.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
TABLES = TESTS / "planted_faults"
ROOMS = ("mapping", "sim", "hdl", "lava_procs", "training", "spikexact")
#: What is not copied; the environment is linked, as tests look for its caches there.
LEFT = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", "build", "demo"
)
#: Seconds that the tests of one fault may take; a fault that they hang on is not caught.
LIMIT = 300
#: Seconds between the times of a file with one fault and with the next: as seen by Python, whose
#: compiled files hold the time of their source in whole seconds.
APART = 10


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes
    ----------
        table: that it stands in. name: what is wrong then. file: from the root.
        old, new: words of the file, and the fault.
        tests: node ids from ``tests/``, of which one must fail.
    """

    table: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.table}: {self.file}: {self.name}"


@dataclass(frozen=True)
class Answer:
    """What became of a run of tests: pytest's exit status, or None after LIMIT; and its words."""

    status: int | None
    seconds: float
    text: str

    @property
    def first_failure(self) -> str:
        """The first test that failed, and by which error."""
        failed = re.search(r"^(?:FAILED|ERROR) (.*)", self.text, re.M)
        error = re.search(r"^E +(.*)", self.text, re.M)
        return " | ".join(m[1][:110] for m in (failed, error) if m) or self.text.strip()[-200:]


def read_tables() -> list[Fault]:
    """Return every fault, table by table; names must be different."""
    faults = [
        Fault(path.stem, **{**entry, "tests": tuple(entry["tests"])})
        for path in sorted(TABLES.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    ]
    twice = [name for name, count in Counter(fault.name for fault in faults).items() if count > 1]
    if twice:
        raise SystemExit(f"two faults are named {twice[0]!r}")
    return faults


def stale(fault: Fault, root: Path = ROOT) -> str | None:
    """Return why a fault does not fit today's code, or None."""
    path = root / fault.file
    if not path.is_file():
        return f"{fault.file} is not there"
    text = path.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        return f"its words stand {text.count(fault.old)} times in {fault.file}"
    if path.suffix == ".py":
        try:
            compile(text.replace(fault.old, fault.new), fault.file, "exec")
        except SyntaxError as error:
            return f"it is no Python: {error}"
    missing = [test for test in fault.tests if not (root / "tests" / test.split("::")[0]).is_file()]
    return f"{missing[0]} is not there" if missing else None


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of the code that is imported from where it lies."""
    with tempfile.TemporaryDirectory(prefix="spikexact-planted-") as folder:
        copy = Path(folder).resolve() / "code"
        shutil.copytree(ROOT, copy, ignore=LEFT)
        if (ROOT / ".venv").exists():
            (copy / ".venv").symlink_to(ROOT / ".venv")
        command = f"import {', '.join(ROOMS)}\nfor m in ({', '.join(ROOMS)}): print(m.__file__)"
        done = subprocess.run(
            [sys.executable, "-c", command],
            cwd=copy, env=environment(copy), capture_output=True, text=True, check=True,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            if not Path(line).is_relative_to(copy):
                raise SystemExit(f"{line} is imported, and not the copy in {copy}")
        yield copy


def environment(copy: Path) -> dict[str, str]:
    """Return the environment in which the copy is what every process imports."""
    return {**os.environ, "PYTHONPATH": str(copy), "CI": "1"}  # CI: the same examples every time


@contextmanager
def planted(fault: Fault, copy: Path, number: int) -> Iterator[None]:
    """Plant a fault; put the file back, with its time."""
    path = copy / fault.file
    whole, times = path.read_bytes(), path.stat()
    path.write_text(whole.decode().replace(fault.old, fault.new), encoding="utf-8")
    later = times.st_mtime + APART * (number + 1)
    os.utime(path, (later, later))
    try:
        yield
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def run(copy: Path, tests: list[str], limit: float | None) -> Answer:
    """Run tests in the copy until the first failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfEs", "-p", "no:cacheprovider"]
    command += ["--tb=short", "--hypothesis-profile=planted", *(f"tests/{test}" for test in tests)]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=copy, env=environment(copy), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    status: int | None
    try:
        text, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, status = process.communicate()[0], None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Answer(status, time.monotonic() - began, text)


def verdict(answer: Answer) -> str:
    """Return what the tests of a fault say of it; only a test that failed has caught it."""
    if answer.status == 1:
        return "caught"
    return {0: "MISSED", None: "HANGS"}.get(answer.status, "BROKEN")


def sound(copy: Path, faults: list[Fault]) -> bool:
    """Whether every test that is named passes without a fault, none of them skipped."""
    tests = sorted({test for fault in faults for test in fault.tests})
    answer = run(copy, tests, None)
    skipped = re.findall(r"^SKIPPED .*", answer.text, re.M)
    print(f"without a fault: {len(tests)} tests named, {answer.seconds:.0f} s", flush=True)
    if answer.status != 0:
        print(f"a test fails, or is not there, without a fault: {answer.first_failure}")
    for line in skipped:
        print(f"what is skipped catches nothing: {line}")
    return answer.status == 0 and not skipped


def part(text: str) -> tuple[int, int]:
    """Read K/N, 1 <= K <= N."""
    k, n = map(int, text.split("/"))
    if not 1 <= k <= n:
        raise ValueError(text)
    return k, n


def main() -> int:
    """Plant faults; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the copy goes
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", metavar="PATTERN", help="of table, file and name")
    parser.add_argument("--list", action="store_true", help="name the faults and plant none")
    parser.add_argument("--part", metavar="K/N", type=part, help="the K-th of N parts of them")
    chosen = parser.parse_args()
    faults = [
        fault
        for fault in read_tables()
        if chosen.only is None or re.search(chosen.only, str(fault), re.I)
    ]
    if chosen.part is not None:
        k, n = chosen.part
        faults = faults[len(faults) * (k - 1) // n : len(faults) * k // n]
    if chosen.list:
        for fault in faults:
            print(fault)
    old = {fault.name: why for fault in faults if (why := stale(fault)) is not None}
    for name, why in old.items():
        print(f"stale   {name}: {why}")
    if chosen.list or old or not faults:
        print(f"{len(faults)} faults, {len(old)} stale")
        return 1 if old or not faults else 0
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with copied() as copy:
        if not sound(copy, faults):
            return 1
        for number, fault in enumerate(faults):
            with planted(fault, copy, number):
                answer = run(copy, list(fault.tests), LIMIT)
            counts[verdict(answer)] += 1
            print(f"{verdict(answer):7} {answer.seconds:4.0f} s  {fault}")
            print(f"                {answer.first_failure}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(faults)} faults in {minutes:.1f} minutes:", dict(counts))
    return 0 if set(counts) == {"caught"} else 1


if __name__ == "__main__":
    sys.exit(main())
