"""Build the documentation as a site in build/site; warnings and dead links are errors.

    python scripts/build_site.py            # then open build/site/index.html

The extra `docs` brings what it needs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from dovetail import __all__ as public_names

PROJECT = Path(__file__).resolve().parent.parent
FILES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "CITATION.cff"),
    "Containerfile",
)
FOLDERS = ("docs", "examples", "experiments", "recipes", "results")
API = Path("docs", "api.md")


def main() -> int:
    """Gather the pages, build the site, and say whether all went well."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("--output", type=Path, default=PROJECT / "build")
    return build(parser.parse_args().output.resolve())


def build(output: Path) -> int:
    """Build output/site from output/pages; the exit code of the builder."""
    pages = gather(output / "pages")
    settings = tomllib.loads((PROJECT / "zensical.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    project |= {"docs_dir": "pages", "site_dir": "site", "nav": expanded(project["nav"], pages)}
    project["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"] = [str(PROJECT / "src")]
    (output / "zensical.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    shutil.rmtree(output / "site", ignore_errors=True)
    return run_builder(output)


def run_builder(folder: Path) -> int:
    """Build the site that folder/zensical.toml describes; not 0 if there is a warning."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, check=False).returncode


def gather(pages: Path) -> Path:
    """A folder with all pages and the files that they link, as they lie in the repository."""
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    for name in FILES:
        shutil.copy(PROJECT / name, pages / name)
    for name in FOLDERS:
        shutil.copytree(
            PROJECT / name, pages / name, ignore=shutil.ignore_patterns("__pycache__", "runs")
        )
    with (pages / API).open("a", encoding="utf-8") as page:
        page.writelines(f"\n::: dovetail.{name}\n" for name in public_names)
    return pages


def expanded(entries: list[Any], pages: Path) -> list[Any]:
    """A navigation in which a folder stands for its pages, except the overview in README.md."""
    listed: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            listed.append(
                {
                    title: expanded(below, pages) if isinstance(below, list) else below
                    for title, below in entry.items()
                }
            )
        elif entry.endswith("/"):
            found = sorted((pages / entry).glob("*.md"))
            listed += [str(p.relative_to(pages)) for p in found if p.name != "README.md"]
        else:
            listed.append(entry)
    return listed


if __name__ == "__main__":
    sys.exit(main())
