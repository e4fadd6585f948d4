"""Writers replace regular files and folders, follow links, and refuse everything else."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_mapping_network import small

from mapping import load, save, temporary
from mapping.files import FileError, beside, sweep
from sim.vectors import swapped


def write(path: Path, text: str = "new") -> None:
    """Write as every command does."""
    with beside(path) as part:
        part.write_text(text)


def left(folder: Path) -> list[str]:
    """Return what hidden things a folder holds."""
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for writer in (write, lambda path: save(small(), path)):
        with pytest.raises(FileError, match="pipe is a pipe: only regular files are written"):
            writer(pipe)
    assert pipe.is_fifo() and not left(tmp_path)


def test_what_a_link_names_is_no_exception(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(FileError, match="link, a link to .*pipe, is a pipe"):
        write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "pipe").is_fifo()


def test_a_socket_stays_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name may have 107 characters
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        with pytest.raises(FileError, match="socket is a socket: only regular files"):
            write(Path("socket"))
        assert Path("socket").is_socket()


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    file = tmp_path / "far" / "file"
    file.write_text("old")
    (tmp_path / "link").symlink_to("far/file")
    (tmp_path / "second").symlink_to("link")
    write(tmp_path / "second")
    assert file.read_text() == "new" and (tmp_path / "second").is_symlink()
    assert sorted(p.name for p in (tmp_path / "far").iterdir()) == ["file"]
    save(small(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and load(file).timesteps == small().timesteps


def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/file")
    (tmp_path / "lost").symlink_to("none/file")
    write(tmp_path / "link")
    assert (tmp_path / "far/file").read_text() == "new" and (tmp_path / "link").is_symlink()
    with pytest.raises(FileNotFoundError, match="none does not exist: .*lost is a link into it"):
        write(tmp_path / "lost")


def test_a_link_to_a_folder_and_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(FileError, match="link, a link to .*folder, is a folder: name a file"):
        write(tmp_path / "link")
    with pytest.raises(FileError, match="round is a link that leads round in a circle"):
        write(tmp_path / "round")
    with pytest.raises(FileExistsError, match="round is a link that leads round in a circle"):
        with swapped(tmp_path / "round"):
            raise AssertionError
    assert (tmp_path / "link").is_symlink() and not list((tmp_path / "folder").iterdir())


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(FileError, match="file/x lies in a file: name a folder"):
        write(tmp_path / "file" / "x")


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"^{tmp_path}/x cannot be written: No space left on device"):
        with beside(tmp_path / "x"):
            raise OSError(28, "No space left on device")
    with pytest.raises(OSError, match=f"^{tmp_path}/f cannot be written: No space left on device"):
        with swapped(tmp_path / "f"):
            raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_an_error_of_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), beside(tmp_path / "x"):
        (tmp_path / "other").read_text()


@pytest.mark.parametrize(
    ("name", "protected", "sentence"),
    [
        ("file", "file", "file is write-protected"),
        ("x", ".", "x cannot be written: folder .* is write-protected"),
        ("link", "file", "link, a link to .*file, is write-protected"),
    ],
)
def test_what_is_write_protected_is_refused_at_once(
    tmp_path: Path, name: str, protected: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    asked = os.access  # root, who may run this, can write everywhere
    monkeypatch.setattr(
        os, "access", lambda path, mode: asked(path, mode) and Path(path) != tmp_path / protected
    )
    with pytest.raises(FileError, match=sentence):
        write(tmp_path / name)
    assert (tmp_path / "file").read_text() == "old" and not left(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_for_what_must_not_be_broken_off(number: int) -> None:
    came: list[str] = []
    before = signal.signal(number, lambda *_: came.append("signal"))
    try:
        with temporary.uninterrupted():
            signal.raise_signal(number)
            came.append("work")
        assert came == ["work", "signal"]
        signal.raise_signal(number)
        assert came == ["work", "signal", "signal"]
    finally:
        signal.signal(number, before)


def test_modes_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_swept_is_what_killed_writers_left_also_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/.file.0123abcd").write_text("half")
    (tmp_path / "far/.file.mine").write_text("keep")
    (tmp_path / "link").symlink_to("far/file")
    sweep(tmp_path / "link")
    assert [p.name for p in (tmp_path / "far").iterdir()] == [".file.mine"]


@pytest.mark.parametrize("where", ["link", "second"])
def test_a_link_to_a_folder_is_swapped_where_it_leads(tmp_path: Path, where: str) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/folder").mkdir()
    (tmp_path / "link").symlink_to("far/folder")
    (tmp_path / "second").symlink_to("link")
    with swapped(tmp_path / where) as part:
        (part / "manifest.json").write_text('{"format": 1}')
    assert (tmp_path / where).is_symlink()
    assert (tmp_path / "far/folder/manifest.json").exists()
    assert [p.name for p in (tmp_path / "far").iterdir()] == ["folder"]


def test_no_folder_where_a_pipe_or_a_file_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("old")
    for name, sentence in (("pipe", "no folder"), ("file", "a file")):
        for force in (False, True):
            with pytest.raises(FileExistsError, match=f"{name} is {sentence}: name a folder"):
                with swapped(tmp_path / name, force):
                    raise AssertionError
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("name", [".", "..", "../inner"])
def test_the_folder_one_is_in_is_not_swapped_away(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(FileExistsError, match="is the folder that you are in, or above"):
        with swapped(Path(name), force=True):
            raise AssertionError


def test_a_swap_that_fails_half_way_gives_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "rtl"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"format": 1}')
    rename = Path.rename

    def fail(path: Path, to: Path) -> Path:
        if path.name == "new":
            raise OSError(5, "Input/output error", str(path))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="rtl cannot be written: Input/output error"):
        with swapped(folder):
            pass
    assert (folder / "manifest.json").exists() and not left(tmp_path)


def test_leave_removes_what_blocks_could_not(tmp_path: Path) -> None:
    begun: list[Callable[[], object]] = [
        lambda: beside(tmp_path / "file"),
        lambda: swapped(tmp_path / "folder"),
        lambda: temporary.folder("scratch-", tmp_path),
    ]
    open_blocks = [one() for one in begun]  # entered, and never left: the process is stopped
    for one in open_blocks:
        (one.__enter__() / "part" if one is not open_blocks[0] else one.__enter__()).touch()
    assert len(left(tmp_path)) == 2 and len(list(tmp_path.iterdir())) == 3
    temporary.leave()
    assert not list(tmp_path.iterdir())


def test_a_tool_that_is_slow_or_abandoned_ends_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child; echo half; sleep 60"
    with pytest.raises(temporary.TooSlow) as caught:
        temporary.call(["sh", "-c", script], timeout=2)
    assert caught.value.said == "half\n"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    with contextlib.suppress(FileNotFoundError):
        while Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert temporary.call(["sh", "-c", "echo a; echo b >&2; exit 3"], 9) == temporary.Done(
        3, "a\n", "b\n"
    )


def test_a_tool_does_not_outlive_the_block_that_an_error_ends() -> None:
    start = time.monotonic()
    with pytest.raises(KeyError):
        with temporary.running(["sleep", "60"]) as tool:
            raise KeyError
    assert time.monotonic() - start < 30 and tool.returncode == -signal.SIGKILL
