"""The flow of ``spikexact train``: what it says while it trains, when it was stopped, and after."""

import json
import re
from pathlib import Path

import needs
import pytest

from spikexact import guard, targets
from spikexact.cli import status

needs.package("torch")
needs.package("sklearn")

from mapping import load  # noqa: E402
from spikexact.train import stopped  # noqa: E402
from training import names  # noqa: E402

pytestmark = pytest.mark.torch
LINE = re.compile(
    r"(tuning, )?epoch \d of \d: loss [\d.]+, accuracy [\d.]+%, held out [\d.]+%, [\d.]+ s"
)


def command(folder: Path, *more: str) -> list[str]:
    """Return a short training."""
    return ["train", "digits", "--set", "epochs=2", "-o", str(folder / "t.safetensors"), *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished training."""
    folder = tmp_path_factory.mktemp("trained")
    assert status(command(folder)) == 0
    return folder


def test_every_epoch_is_a_line_on_stderr_without_a_terminal_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(command(tmp_path, "--json")) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)  # nothing else is on stdout
    assert [line[:12] for line in err.splitlines()] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert all(LINE.fullmatch(line) for line in err.splitlines()), err
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert f"held out {rows[1]['held_out_accuracy']:.1%}," in err
    assert {row["backend"]: row["runs"] for row in told["backends"]}["fast"] is True


def test_tuning_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(command(tmp_path, "--method", "agmm", "--tune", "table-gates")) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[2].startswith("tuning, epoch 1 of 1: ")
    assert "lava-stock: no: population 'hidden', connection from 'input': gates are not" in out
    assert "\n  rtl: yes" in out


def test_a_finished_training_is_not_run_again(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p.name: p.read_bytes() for p in trained.iterdir()}
    assert sorted(before) == ["t.json", "t.jsonl", "t.safetensors"]
    assert status(command(trained)) == 2
    err = capsys.readouterr().err
    assert "its training has finished (2 epochs, held-out accuracy " in err
    assert "with --anew" in err and err.count("\n") == 1
    assert status(command(trained, "--seed", "1")) == 2
    assert {p.name: p.read_bytes() for p in trained.iterdir()} == before


def test_what_no_training_wrote_is_not_replaced_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.safetensors").write_text("mine")
    assert status(command(tmp_path)) == 2
    assert "is there already, and no training of it that was stopped" in capsys.readouterr().err
    assert (tmp_path / "t.safetensors").read_text() == "mine"


def test_anew_trains_from_the_start(trained: Path, tmp_path: Path) -> None:
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    before = (tmp_path / "t.safetensors").read_bytes()
    (tmp_path / "t.safetensors.checkpoint").write_bytes(b"of a stopped one, and damaged")
    assert status(command(tmp_path, "--anew", "--seed", "1")) == 0
    assert (tmp_path / "t.safetensors").read_bytes() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in trained.iterdir())


def test_a_stopped_training_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import training.loop as loop

    true_epoch, stop = loop._epoch, 0

    def epoch(*given: object) -> object:
        if given[7] == stop:
            raise KeyboardInterrupt
        return true_epoch(*given)

    monkeypatch.setattr(loop, "_epoch", epoch)
    assert status(command(tmp_path)) == guard.INTERRUPTED
    assert capsys.readouterr().err == "error: stopped; no epoch had ended, and nothing was kept\n"
    assert not list(tmp_path.iterdir())
    stop = 1
    assert status(command(tmp_path)) == guard.INTERRUPTED
    kept = tmp_path / "t.safetensors.checkpoint"
    assert capsys.readouterr().err.splitlines()[1] == (
        f"error: stopped; the same command goes on after the last whole epoch, from {kept}"
    )
    monkeypatch.undo()
    assert status(command(tmp_path)) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"going on from {kept}" and [LINE.fullmatch(s) is None for s in said[1:]] == [
        False
    ]
    assert not kept.exists()


@pytest.mark.parametrize(
    "words", ["--net vgg99", "--method adam", "--tune gates", "--net cnn --method latency"]
)
def test_a_wrong_name_is_refused_before_torch_or_data(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(*_: object) -> None:
        raise AssertionError("too late")

    monkeypatch.setattr("spikexact.train.package", late)
    monkeypatch.setattr("training.data.open_set", late)
    assert status(command(tmp_path, *words.split())) == 2


def test_names_are_those_that_can_be_trained() -> None:
    from training.networks import NETWORKS
    from training.train import TUNINGS

    assert (*NETWORKS,) == names.NETS and (*TUNINGS,) == names.TUNES


def test_a_gpu_that_is_full_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")

    monkeypatch.setattr("training.loop._epoch", full)
    assert status(command(tmp_path)) == 2
    assert capsys.readouterr().err == (
        "error: the GPU's memory does not hold it: train with a smaller --set batch=N\n"
    )


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_a_file_is_not_overwritten_by_what_lies_beside_it(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["train", "digits", "-o", str(tmp_path / name)]) == 2
    assert "is the name of what is written beside it" in capsys.readouterr().err


def test_a_large_trained_network_is_not_folded_only_to_be_shown(trained: Path) -> None:
    value = load(trained / "t.safetensors")
    size = targets.weights(value) + targets.STEP * value.timesteps
    assert targets.answers(value, size)["backends"] is not None
    found = targets.answers(value, size - 1)
    assert found["backends"] is None and found["fold"].startswith(
        "not folded here (9,472 weights, T = 4:"
    )
    assert targets.texts(found, True) == [f"fold: {found['fold']}"]


def test_what_cannot_be_folded_says_so_early(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ValueError("population 'a'  needs\n70 bits")

    monkeypatch.setattr("mapping.fold", refuse)
    found = targets.answers(load(trained / "t.safetensors"))
    assert found == {"backends": None, "fold": "no: population 'a' needs 70 bits"}


def test_names_with_dots_keep_files_of_their_own_and_foreign_files_stay(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.v2.json"
    config.write_text('{"my": "config"}')
    short = ["train", "digits", "--set", "epochs=1", "--set", "hidden=4", "-o"]
    assert status([*short, str(tmp_path / "run.v1")]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "run.v1", "run.v1.json", "run.v1.jsonl", "run.v2.json"
    }  # fmt: skip
    capsys.readouterr()
    assert status([*short, str(tmp_path / "run.v2.safetensors")]) == 2
    assert "run.v2.json is there already, without a training" in capsys.readouterr().err
    assert config.read_text() == '{"my": "config"}'


def test_a_training_begun_anew_goes_on_without_that_word(tmp_path: Path) -> None:
    checkpoint = tmp_path / "t.checkpoint"
    assert stopped(checkpoint, True) == "no epoch had ended, and nothing was kept"
    checkpoint.touch()
    assert stopped(checkpoint, True).startswith("the same command without --anew goes on after")
    assert stopped(checkpoint, False).startswith("the same command goes on after")
