"""What all tests share: seeds, and where tools keep their caches."""

import json
import os
import signal
import zlib
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import report_schema

from spikexact import files

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("YOWASP_CACHE_DIR", str(ROOT / ".venv" / "yowasp-cache"))

# A shell that puts a job in the background lets it ignore Ctrl-C, which tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In CI the same examples every time; elsewhere others every time, and a failure prints the line
# that repeats it (--hypothesis-profile chooses). No deadline: the first example compiles.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True)
hypothesis.settings.register_profile("random", deadline=None, print_blob=True)
# For planted faults: whether a test fails is asked, and not what its smallest example is.
hypothesis.settings.register_profile(
    "planted",
    deadline=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
hypothesis.settings.load_profile("fixed" if os.environ.get("CI") else "random")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --seed."""
    parser.addoption("--seed", type=int, default=0, help="seed of all random tests (0)")


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed, which repeats this run."""
    return f"seed: {config.getoption('seed')}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return this run's seed; printed, so that a failure shows it."""
    value = request.config.getoption("seed")
    print(f"--seed {value}")
    return value


@pytest.fixture
def rng(request: pytest.FixtureRequest, seed: int) -> np.random.Generator:
    """Return a generator of this test's own, whichever tests run beside it."""
    return np.random.default_rng([seed, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture(autouse=True)
def reports_keep_to_their_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare every report.json that a test writes with the schema that is shipped."""
    write = files.write_json

    def compared(path: Path, value: Any) -> None:
        if path.name == "report.json":
            report_schema.check(json.loads(json.dumps(value)))
        write(path, value)

    monkeypatch.setattr(files, "write_json", compared)
