"""Nobody outside of `config/` and `strategies/` asks of what kind a section is: the source is read.

Whoever wants to know something of a strategy or an encoder asks its record.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dovetail

ROOT = Path(str(dovetail.__file__)).parent
SECTION = re.compile(r"\w*(Sharing|Encoder|Layers)Config")
RECORD = re.compile(r"(SharingBlock|Gated\w*|Incremental\w*|OverPieces|LayersOverBank|\w+Encoder)")


def asked_in(source: str, names: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Where source tests for a type of such a name: by isinstance, issubclass, match, `is` or type.

    >>> list(asked_in("if isinstance(own, A | DepthSharingConfig): pass", SECTION))
    [(1, 'DepthSharingConfig')]
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, types]):
                tested: list[ast.AST] = [types]
            case ast.MatchClass(cls=type_):
                tested = [type_]
            case ast.Compare():
                tested = [node]
            case _:
                continue
        for part in (found for own in tested for found in ast.walk(own)):
            name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(part))
            if name and names.fullmatch(getattr(part, name)):
                yield node.lineno, getattr(part, name)


def places_in(folder: Path, names: re.Pattern[str], *, but: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(folder)}:{line} {name}"
        for path in sorted(folder.rglob("*.py"))
        if path.relative_to(folder).parts[0] not in but
        for line, name in asked_in(path.read_text(encoding="utf-8"), names)
    ]


def test_no_type_of_a_section_is_tested_outside_its_room() -> None:
    assert places_in(ROOT, SECTION, but=("config", "strategies")) == []


def test_the_model_knows_no_kind_of_block_or_encoder() -> None:
    own = ROOT / "model.py"
    path = own if own.is_file() else ROOT / "model" / "joint.py"
    assert list(asked_in(path.read_text(encoding="utf-8"), RECORD)) == []


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(config, DepthSharingConfig)",
        "isinstance(config, (A, config.LayersConfig))",
        "issubclass(type(own), PretrainedEncoderConfig)",
        "type(own) is BankSharingConfig",
        "section in (GatesSharingConfig, B)",
        "match own:\n    case ExitsSharingConfig(residual=True): pass",
    ],
)
def test_every_way_of_asking_is_found(source: str) -> None:
    assert len(list(asked_in(source, SECTION))) == 1
