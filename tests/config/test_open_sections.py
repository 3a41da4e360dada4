"""Kinds that other packages bring: real packages in a folder on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.config import SharingConfig, config_reference, dump_config, parse_config, with_changes
from dovetail.errors import ConfigError

DATA = {"train": "train.json", "dev": "dev.json"}
SECTION = """\
from typing import ClassVar, Literal
from dovetail.strategies import LayersConfig

class OddSharingConfig(LayersConfig):
    '''Shares on odd days.'''

    implementation: ClassVar[str] = "plugin_odd:Missing"
    needs: ClassVar[str] = "a calendar"
    kind: Literal["odd"] = "odd"
    '''On odd days.'''
    days: int = 15
    '''How many.'''
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    known = set(sys.modules)

    def install(
        package: str, source: str, group: str = "dovetail.strategies", **points: str
    ) -> None:
        (folder / f"{package}.py").write_text(source, encoding="utf-8")
        metadata = folder / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
        )
        lines = [f"{name} = {package}:{value}" for name, value in points.items()]
        text = "\n".join([f"[{group}]", *lines])
        (metadata / "entry_points.txt").write_text(f"{text}\n", encoding="utf-8")

    yield install
    for name in set(sys.modules) - known:
        if name.startswith("plugin_"):
            del sys.modules[name]


def test_a_kind_of_a_package_is_read_written_changed_and_described(install: Install) -> None:
    install("plugin_odd", SECTION, odd="OddSharingConfig")
    config = parse_config({"data": DATA, "sharing": {"kind": "odd", "days": 3}})
    assert type(config.sharing).__name__ == "OddSharingConfig"
    assert "days = 3" in dump_config(config)
    changed = with_changes(config, {"sharing.kind": "depth"})
    assert changed.sharing.kind == "depth"
    assert with_changes(changed, {"sharing": {"kind": "odd", "days": 7}}).sharing.kind == "odd"
    assert '[sharing] with kind = "odd"' in config_reference()
    with pytest.raises(ConfigError, match=r"sharing\.days: expected an integer, found \"many\""):
        parse_config({"data": DATA, "sharing": {"kind": "odd", "days": "many"}})
    with pytest.raises(ConfigError, match=r"unknown key; did you mean sharing\.days"):
        parse_config({"data": DATA, "sharing": {"kind": "odd", "dayz": 1}})
    listed = CliRunner().invoke(app, ["strategies"], env={"COLUMNS": "200"})
    assert "Shares on odd days." in listed.output
    assert "a calendar" in listed.output


def test_a_strategy_that_is_not_where_its_section_says_is_an_error(install: Install) -> None:
    install("plugin_odd", SECTION, odd="OddSharingConfig")
    section = SharingConfig.of_kind("odd")
    assert section is not None
    with pytest.raises(ConfigError, match="expected plugin_odd:Missing to be there"):
        section.implemented()


@pytest.mark.parametrize(
    ("source", "point", "problem"),
    [
        ("import nowhere", {"odd": "Odd"}, "cannot be loaded: ModuleNotFoundError"),
        ("Odd = 3", {"odd": "Odd"}, "is no section that inherits from SharingConfig"),
        (SECTION, {"other": "OddSharingConfig"}, "has a section of the kind 'odd'"),
    ],
)
def test_a_broken_package_is_said_where_its_kind_is_asked_for_and_harms_no_other(
    install: Install, source: str, point: dict[str, str], problem: str
) -> None:
    install("plugin_broken", source, **point)
    (kind,) = point
    assert parse_config({"data": DATA}).sharing.kind == "depth"
    with pytest.raises(ConfigError, match=problem):
        parse_config({"data": DATA, "sharing": {"kind": kind}})
    listed = CliRunner().invoke(app, ["strategies"])
    assert listed.exit_code == 0
    assert problem in " ".join(listed.output.split())


def test_no_package_takes_a_kind_of_dovetail(install: Install) -> None:
    install("plugin_depth", SECTION.replace("odd", "depth"), depth="OddSharingConfig")
    assert type(parse_config({"data": DATA}).sharing).__module__.startswith("dovetail.")
    notes: list[str] = []
    SharingConfig.choices(notes)
    assert "Dovetail has a strategy of its name" in notes[0]
