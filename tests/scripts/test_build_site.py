"""The site holds every page, and a dead link fails its build; scripts/check builds the real one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import build_site
import pytest
from tests.markdown import PROJECT, markdown_files


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site.gather(tmp_path_factory.mktemp("site") / "pages")


def places(entries: list) -> list[str]:
    """The paths in a navigation, whatever their depth."""
    found = []
    for entry in entries:
        below = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += places(below) if isinstance(below, list) else [below]
    return found


def test_navigation_has_every_page_once(pages: Path) -> None:
    settings = tomllib.loads((PROJECT / "zensical.toml").read_text(encoding="utf-8"))
    listed = places(build_site.expanded(settings["project"]["nav"], pages))
    inside = ("src", ".github")  # cards of shipped models, templates
    expected = {str(path.relative_to(PROJECT)) for path in markdown_files()}
    assert sorted(listed) == sorted(p for p in expected if not p.startswith(inside))


def test_pages_lie_as_in_the_repository_with_all_that_they_link(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)", text):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_site_describes_every_public_name(pages: Path) -> None:
    import dovetail

    text = (pages / build_site.API).read_text(encoding="utf-8")
    assert re.findall(r"^::: dovetail\.(\w+)$", text, re.MULTILINE) == dovetail.__all__


def test_dead_link_fails_the_build(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = '[project]\nsite_name = "x"\ndocs_dir = "pages"\nsite_dir = "site"\n'
    (tmp_path / "zensical.toml").write_text(settings, encoding="utf-8")
    page = tmp_path / "pages" / "index.md"
    page.parent.mkdir()
    page.write_text("# Page\n\n[there](nowhere.md)\n", encoding="utf-8")
    assert build_site.run_builder(tmp_path) != 0
    page.write_text("# Page\n\n[here](#page)\n", encoding="utf-8")
    assert build_site.run_builder(tmp_path) == 0
    assert "page does not exist" in capfd.readouterr().err
