"""The scores of `evaluate` on raw text are those of what `extract` finds in the same text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

PIECES = [
    *(" ".join(sentence.tokens) for sentence in SENTENCES),
    "Ada Lovelace, who lives in London-Soho",
    "我住在北京。",
    "💩",
]
GLUE = [" ", "\n", "\n\n", ". ", "\u200b ", ""]


@st.composite
def annotated_texts(draw: st.DrawFn) -> dict[str, Any]:
    """A text with entities anywhere in it, inside words and across sentences too."""
    text = ""
    for piece in draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)):
        text += piece + draw(st.sampled_from(GLUE))
    spans = draw(
        st.lists(
            st.tuples(st.integers(0, len(text) - 1), st.integers(1, 20)), unique=True, max_size=6
        )
    )
    entities = sorted(
        {
            (start, min(start + length, len(text)), draw(st.sampled_from(["Person", "Place"])))
            for start, length in spans
            if text[start : start + length].strip() == text[start : start + length]
            and "\u200b" not in text[start : start + length]
        }
    )
    pairs = [(head, tail) for head in range(len(entities)) for tail in range(len(entities))]
    links = {pair for pair in pairs if pair[0] != pair[1] and draw(st.integers(0, 3)) == 0}
    return {
        "text": text,
        "entities": [{"start": s, "end": e, "type": t} for s, e, t in entities],
        "relations": [{"head": h, "tail": t, "type": "lives_in"} for h, t in sorted(links)],
    }


def facts(document: dict[str, Any]) -> dict[str, set[tuple[Any, ...]]]:
    """What a line says, in characters; knows nothing of Dovetail."""
    entities = [(item["start"], item["end"], item["type"]) for item in document["entities"]]
    return {
        ENTITY_TASK: set(entities),
        RELATION_TASK: {
            (*entities[link["head"]], *entities[link["tail"]], link["type"])
            for link in document["relations"]
        },
    }


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.parametrize("unit", ["sentence", "line", "document"])
@given(documents=st.lists(annotated_texts(), min_size=1, max_size=3))
def test_scores_of_raw_text_are_those_of_its_extraction(
    trained_model: Path, tmp_path: Path, unit: str, documents: list[dict[str, Any]]
) -> None:
    gold, plain = tmp_path / "gold.jsonl", tmp_path / "plain.jsonl"
    gold.write_text("".join(json.dumps(document) + "\n" for document in documents))
    plain.write_text("".join(json.dumps({"text": d["text"]}) + "\n" for d in documents))
    scores = json.loads(
        run("evaluate", trained_model, gold, "--json", "--samples", 0, "--unit", unit)
    )
    found = tmp_path / "found.jsonl"
    run("extract", trained_model, plain, "--unit", unit, "-o", found)
    lines = [json.loads(line) for line in found.read_text().splitlines()]
    predicted = [line for line in lines if "text" in line]
    for task in (ENTITY_TASK, RELATION_TASK):
        pairs = [
            (facts(d)[task], facts(p)[task]) for d, p in zip(documents, predicted, strict=True)
        ]
        micro = scores[task]["strict"]["micro"]
        assert micro["true_positives"] == sum(len(g & p) for g, p in pairs)
        assert micro["false_positives"] == sum(len(p - g) for g, p in pairs)
        assert micro["false_negatives"] == sum(len(g - p) for g, p in pairs)
    against_file = json.loads(
        run("evaluate", "--predictions", found, gold, "--json", "--samples", 0)
    )
    for task in (ENTITY_TASK, RELATION_TASK):
        assert against_file[task]["strict"]["micro"] == scores[task]["strict"]["micro"]
