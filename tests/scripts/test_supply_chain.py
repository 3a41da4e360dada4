"""The locks agree with the pins and are complete; every licence is known and permitted."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import version

import pytest
from dependency_graph import ENCODER, PROJECT, closure, declared, pins
from licences import PERMITTED, Row, faults, is_permitted, licence_of, rows, table
from lock import ENCODER_LOCK, EXTRAS, LOCK, pinned
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = (LOCK, ENCODER_LOCK)

where_pins_are_for = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64")
    or sys.version_info[:2] != (3, 11)
    or not version("torch").endswith("+cpu"),
    reason="packages ask for others elsewhere: the pins are for Linux x86-64, Python 3.11, no CUDA",
)


def locked(path):
    return {canonicalize_name(name): own for name, own in pinned(path.read_text("utf-8")).items()}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_lock_has_the_versions_of_the_pins_and_digests_for_each(path):
    assert locked(path)
    for name, (number, digests) in locked(path).items():
        assert number.partition("+")[0] == pins()[name], name
        assert digests, f"{name} could be any file"


@where_pins_are_for
def test_lock_has_what_the_metadata_of_installed_packages_leads_to_and_nothing_else():
    """So ``pip install --no-deps .`` lacks nothing, and a new dependency needs `make lock`."""
    assert locked(LOCK).keys() == closure(declared(*EXTRAS))
    assert locked(ENCODER_LOCK).keys() == {ENCODER}


def test_locked_versions_are_ones_that_the_project_allows():
    asked = map(Requirement, declared(*EXTRAS))
    versions = locked(LOCK)
    assert all(own.specifier.contains(versions[canonicalize_name(own.name)][0]) for own in asked)


def test_locked_torch_is_the_one_file_without_cuda():
    number, digests = locked(LOCK)["torch"]
    assert number.endswith("+cpu")
    assert len(digests) == 1
    assert not any(name.startswith(("nvidia", "cuda", "triton")) for name in locked(LOCK))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_lock_names_no_place_that_packages_come_from(path):
    assert not re.search(r"://|--(extra-)?index-url|--find-links|@ ", path.read_text("utf-8"))


@where_pins_are_for
def test_every_licence_is_known_and_permitted_and_the_page_has_them():
    packages = list(rows())
    assert {row.package for row in packages} == pins().keys()
    assert list(faults(packages)) == []
    assert table(packages) in (PROJECT / "docs" / "supply_chain.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("expression", "permitted"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("(MIT OR GPL-3.0-only) AND AGPL-3.0-only", False),
        ("", False),
    ],
)
def test_licences_that_are_permitted(expression, permitted):
    assert is_permitted(expression) == permitted


def test_unknown_and_incompatible_licences_are_refused_by_name():
    unknown, strict = faults(
        [
            Row("kind", "1.0", "MIT", "always"),
            Row("silent", "2.0", "", "always"),
            Row("strict", "3.0", "AGPL-3.0-only", "extras"),
        ]
    )
    assert "silent 2.0" in unknown
    assert "strict 3.0 is under AGPL-3.0-only" in strict


def package_with(folder, monkeypatch, *lines):
    """An installed package whose metadata says this of its licence."""
    own = folder / "example-1.0.dist-info"
    own.mkdir()
    head = ["Metadata-Version: 2.4", "Name: example", "Version: 1.0"]
    (own / "METADATA").write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return "example"


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT", "License: GPL"], "MIT"),
        (["License: Apache 2.0"], "Apache-2.0"),
        (
            ["License: Copyright someone", "Classifier: License :: OSI Approved :: MIT License"],
            "MIT",
        ),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
            ],
            "GNU General Public License v3 (GPLv3) AND MIT",
        ),
        (["License: all rights reserved"], "all rights reserved"),
        ([], ""),
    ],
)
def test_licence_is_read_from_what_metadata_has(lines, licence, tmp_path, monkeypatch):
    found = licence_of(package_with(tmp_path, monkeypatch, *lines))
    assert found == licence
    assert is_permitted(found) == (found in PERMITTED)
