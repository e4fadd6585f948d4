"""A missing tool skips with its name, and fails in CI."""

import needs
import pytest


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: needs.tool("no-such-tool"), "no-such-tool is not on the PATH"),
        (lambda: needs.package("no_such"), "the Python package no_such is not installed"),
    ],
)
def test_missing_skips_here_and_fails_in_ci(call, sentence, monkeypatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=sentence):
        call()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{sentence}, and CI must have it"):
        call()


def test_present_is_returned() -> None:
    assert needs.tool("sh").endswith("/sh")
    assert needs.package("numpy") is None
