"""The comparison with rivals: programs answer in turns, and one that fails takes no other along."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.rivals import PROGRAMS, Rival, measured, table
from tests.corpus import SENTENCES

PROGRAM = f"""
import sys
sys.path.insert(0, {str(PROGRAMS)!r})
from answering import answer, task

asked = task()
print("what a library prints is no answer")
calls = []

def find(sentences):
    calls.append(len(sentences))
    if asked["fails"] == len(calls):
        sys.exit("out of luck")
    return 2 * len(sentences), len(calls)

answer(find, asked["sentences"], of="stand-in")
"""


@pytest.fixture
def task(trained_model: Path) -> dict[str, object]:
    return {
        "sentences": [
            {
                "tokens": [*own.tokens],
                "text": " ".join(own.tokens),
                "entities": len(own.entities),
                "relations": len(own.relations),
            }
            for own in SENTENCES
        ],
        "model": str(trained_model),
    }


def test_rivals_are_measured_and_those_that_fail_are_told(
    task: dict[str, object], tmp_path: Path
) -> None:
    program = tmp_path / "stand_in.py"
    program.write_text(PROGRAM, encoding="utf-8")
    rivals = [
        Rival("from tokens", "of_dovetail.py", told={"from": "tokens"}),
        Rival("from text", "of_dovetail.py", told={"from": "text"}),
        Rival("stand-in", str(program), told={"fails": 0}),
        Rival("never", str(program), told={"fails": 1}),
        Rival("later", str(program), told={"fails": 3}),
        Rival("not there", str(tmp_path / "no_such.py")),
    ]
    rows = {own["rival"]: own for own in measured(rivals, task, tmp_path / "work", turns=2)}
    assert [*rows] == [own.name for own in rivals]
    for name in ("from tokens", "from text", "stand-in"):
        own = rows[name]
        assert 0 < own["rate"] <= own["best_rate"]
        assert own["start_seconds"] > 0
        assert own["peak_bytes"] > 1e6
    assert rows["from tokens"]["entities"] > 0
    stand_in = rows["stand-in"]
    assert stand_in["about"] == {"of": "stand-in"}
    assert (stand_in["entities"], stand_in["relations"]) == (2 * len(SENTENCES), 4)
    for name in ("never", "later"):
        assert "it ended with 1: out of luck" in rows[name]["left_out"]
    assert "no_such.py" in rows["not there"]["left_out"]
    shown = table([*rows.values()], task)
    assert shown.count("left out: ") == 3
