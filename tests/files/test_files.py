"""Files are written at once and whole, and through what is no plain file."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from dovetail.cli.output_checks import refuse_overwriting
from dovetail.errors import OutputError
from dovetail.files.writing import (
    append_line,
    is_plain,
    open_atomically,
    open_lines,
    put_in_place,
    replaced,
    whole_folder,
    write_text,
)

PROJECT = Path(__file__).resolve().parents[2]


WRITES = re.compile(
    r"open\([^)\n]*[\"'][wax]b?[\"']|\.write_text\(|\.write_bytes\(|save_file\(|torch\.save|os\.replace"
)
IN_OTHER_WAYS = {
    "files/writing.py": "this is the way",
    "bulk/bulk_folder.py": "the file of `replaced`",
    "cli/standard_streams.py": "the null device in the place of a closed stream",
    "corpora/formats/arrow.py": "in a folder of `whole_folder`",
    "corpora/formats/docbin/docbin_writer.py": "the file of `replaced`",
    "corpora/writing/folders.py": "in a folder of `whole_folder`",
    "corpora/source/unpacking.py": "what is unpacked lives as long as it is read",
    "graph/formats/tables.py": "in a folder of `whole_folder`",
    "lab/cell_folder.py": "the log of a cell, which a process writes on",
    "lab/ray_workers.py": "an archive in memory",
    "lab/worker_process.py": "the log of a cell, as a place to print to",
    "running/folder_lock.py": "a lock, in which nothing is ever written",
    "saved/calibrated_folder.py": "in a folder of `whole_folder`",
    "saved/committee_folder.py": "in a folder of `whole_folder`",
    "saved/description.py": "in a folder of `whole_folder`",
    "saved/ensemble_folder.py": "in a folder of `whole_folder`",
    "saved/model_folder.py": "in a folder of `whole_folder`",
    "saved/on_hub.py": "in a folder that was just made whole",
    "saved/word_files.py": "in a folder of `whole_folder`",
    "spacy_component/packed_model.py": "in a temporary folder",
    "training/checkpoint.py": "the file of `replaced`",
}


def test_nothing_is_written_but_by_files():
    source = PROJECT / "src" / "dovetail"
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(IN_OTHER_WAYS), "write by dovetail.files.writing, or say here why not"


def test_lines_are_appended_one_by_one(tmp_path):
    path = tmp_path / "log"
    for line in ("eins", "zwei"):
        append_line(path, line)
    assert path.read_bytes() == b"eins\nzwei\n"
    with pytest.raises(OutputError, match="cannot be written"):
        append_line(tmp_path, "a folder is no file")


def test_files_and_folders_take_the_place_of_others(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
        (tmp_path / f"{name}.txt").write_text(name)
    for suffix in ("", ".txt"):
        put_in_place(tmp_path / f"new{suffix}", tmp_path / f"old{suffix}")
    assert names(tmp_path) == ["old", "old.txt"]
    assert names(tmp_path / "old") == ["new"]
    assert (tmp_path / "old.txt").read_text() == "new"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written_in_pieces(path: Path, text: str) -> None:
    with open_lines(path) as lines:
        for line in text.splitlines(keepends=True):
            lines.write(line)


def written_by_a_library(path: Path, text: str) -> None:
    with replaced(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


WRITERS = [write_text, written_in_pieces, written_by_a_library]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", ["plain", "名" * 80])
def test_a_file_holds_what_was_written_and_nothing_stands_beside_it(tmp_path, write, name):
    path = tmp_path / name
    for text in ("old\n", "ny\r\ntekst\n"):
        write(path, text)
        assert path.read_bytes().decode() == text
        assert names(tmp_path) == [name]


@pytest.mark.parametrize("write", WRITERS)
def test_mode_and_owner_of_a_file_are_kept(tmp_path, write):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    write(path, "new\n")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


@pytest.mark.parametrize("write", WRITERS)
def test_a_new_file_gets_the_mode_of_any_other(tmp_path, write):
    (tmp_path / "other").write_text("")
    write(tmp_path / "file", "new\n")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_nobody_reads_the_new_content_who_may_not_read_the_old(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    with open_atomically(path):
        (unfinished,) = tmp_path.glob(".*")
        assert stat.S_IMODE(unfinished.stat().st_mode) == 0o600


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_followed(tmp_path, write, exists):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    if exists:
        target.write_text("old")
    link.symlink_to(Path("folder") / "target")
    write(link, "new\n")
    assert link.is_symlink()
    assert target.read_text() == "new\n"
    assert names(tmp_path / "folder") == ["target"]


@pytest.mark.parametrize("write", [write_text, written_in_pieces])
def test_a_fifo_is_written_through(tmp_path, write):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    write(fifo, "one\ntwo\n")
    reader.join(timeout=20)
    assert read == ["one\ntwo\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert not is_plain(fifo)


@pytest.mark.parametrize("write", ["write_text", "written_in_pieces"])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "link"])
@pytest.mark.parametrize("to", ["pipe", "file"])
def test_the_standard_output_is_written_through_where_it_stands(tmp_path, write, name, to):
    if not os.path.exists("/dev/stdout"):
        pytest.skip("this system has no /dev/stdout")
    (tmp_path / "link").symlink_to("/dev/stdout")
    path = tmp_path / name  # an absolute one stays as it is
    code = f"from tests.files.test_files import *; {write}(Path({str(path)!r}), 'new\\n')"
    target = tmp_path / "log"
    target.write_text("old\n")
    with target.open("a") as log:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=log if to == "file" else subprocess.PIPE,
            text=True,
            check=True,
            cwd=PROJECT,
        )
    assert (target.read_text() if to == "file" else f"old\n{done.stdout}") == "old\nnew\n"
    assert names(tmp_path) == ["link", "log"]


@pytest.fixture
def full_device(tmp_path):
    """A node of the device that is always full, which is no harm to write to."""
    node = tmp_path / "full"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        node.open("wb").close()
    except OSError:
        pytest.skip("making a device node takes root, and a file system that allows it")
    return node


@pytest.mark.parametrize("write", [write_text, written_in_pieces])
def test_a_device_is_written_through_and_stays_one(full_device, write):
    with pytest.raises(OutputError, match="full cannot be written: No space left on device"):
        write(full_device, "new\n")
    assert stat.S_ISCHR(full_device.stat().st_mode)


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_no_file_is_named(tmp_path, write):
    (tmp_path / "file").write_text("")
    for path, message in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none" / "file", "No such file or directory"),
        (tmp_path / "file" / "inside", "Not a directory"),
    ):
        with pytest.raises(OutputError, match=f"cannot be written: {message}"):
            write(path, "new\n")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError):
        write(tmp_path / "loop", "new\n")


@pytest.mark.parametrize("write", [write_text, written_in_pieces])
def test_half_a_surrogate_pair_leaves_the_old_file(tmp_path, write):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OutputError, match="surrogate"):
        write(path, "a\ud800\n")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_text_that_is_not_finished_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted():
        with open_atomically(path) as file:
            file.write("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_lines_that_were_written_before_an_error_are_kept(tmp_path, count, error):
    path = tmp_path / "file"
    path.write_text("old\n")

    def ending_early():
        with open_lines(path) as lines:
            lines.write_heading("heading\n")
            for number in range(count):
                lines.write(f"{number}\n")
            assert lines.count == count
            raise error

    with pytest.raises(error):
        ending_early()
    kept = "".join(["heading\n", *(f"{number}\n" for number in range(count))])
    assert path.read_text() == (kept if count else "old\n")
    assert names(tmp_path) == ["file"]


def test_a_line_can_be_read_as_soon_as_it_is_written(tmp_path):
    with open_lines(tmp_path / "file") as lines:
        lines.write("one\n")
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.read_text() == "one\n"


def test_a_full_disk_keeps_the_lines_that_are_whole(small_disk):
    path, line = small_disk / "file", "x" * 99_999 + "\n"
    with pytest.raises(OutputError, match="No space left on device"):
        written_in_pieces(path, line * 20)
    count = path.stat().st_size // len(line)
    assert 1 < count < 11
    assert path.read_text() == line * count
    assert names(small_disk) == ["file"]


def test_a_full_disk_leaves_the_old_file(small_disk):
    path = small_disk / "file"
    path.write_text("old")
    with pytest.raises(OutputError, match="No space left on device"):
        write_text(path, "x" * 2_000_000)
    assert path.read_text() == "old"
    assert names(small_disk) == ["file"]


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "folder"
    for content in ("old", "new"):
        with whole_folder(folder) as unfinished:
            (unfinished / content).write_text(content)
        assert names(folder) == [content]

    def failing():
        with whole_folder(folder) as unfinished:
            (unfinished / "newer").write_text("")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    assert names(folder) == ["new"]
    assert names(tmp_path) == ["folder"]


def test_a_folder_whose_writer_was_killed_between_the_two_renames_is_found_again(tmp_path):
    folder = tmp_path / "folder"
    (tmp_path / ".folder.old").mkdir()
    (tmp_path / ".folder.old" / "old").touch()
    with suppress(ValueError), whole_folder(folder):
        raise ValueError
    assert names(folder) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_an_input_is_no_output(tmp_path):
    read, other, link = tmp_path / "read", tmp_path / "other", tmp_path / "link"
    read.write_text("mine")
    other.write_text("")
    link.symlink_to(read)
    hard = tmp_path / "hard"
    hard.hardlink_to(read)
    for output in (read, link, hard, tmp_path / "." / "read"):
        with pytest.raises(OutputError, match=r"would overwrite .*read, which the same"):
            refuse_overwriting(output, other, read)
    for output in (other, tmp_path / "new", Path("/dev/stdout")):
        refuse_overwriting(output, read, tmp_path / "missing", Path("\0"))
