"""The scores of `evaluate` on raw text are those of what `extract` finds in the same text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
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
    entities = [
        (str(item.get("fragments", [[item["start"], item["end"]]])), item["type"])
        for item in document["entities"]
    ]
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


PAINS = [
    "Ada has hip and knee pain.",
    "Otto has neck, hip and back pain. Nobody was there.",
    "the left and right arm hurt",
]


@st.composite
def texts_of_fragments(draw: st.DrawFn) -> dict[str, Any]:
    """A text with entities of one or several fragments of whole words, in order."""
    text = draw(st.sampled_from(GLUE)).join(
        draw(st.lists(st.sampled_from(PAINS), min_size=1, max_size=3))
    )
    words = [match.span() for match in re.finditer(r"\w+", text)]
    entities: list[dict[str, Any]] = []
    for chosen in draw(
        st.lists(st.sets(st.sampled_from(words), min_size=1, max_size=3), max_size=5)
    ):
        pieces: list[list[int]] = []
        for start, end in sorted(chosen):
            if pieces and not text[pieces[-1][1] : start].strip():
                pieces[-1][1] = end
            else:
                pieces.append([start, end])
        item: dict[str, Any] = {"start": pieces[0][0], "end": pieces[-1][1], "type": "Pain"}
        if len(pieces) > 1:
            item["fragments"] = pieces
        if item not in entities:
            entities.append(item)
    heads = range(min(len(entities), 2))
    links = [{"head": h, "tail": t, "type": "has"} for h in heads for t in range(h)]
    return {"text": text, "entities": entities, "relations": links}


GOLD_OF_FRAGMENTS = [
    {
        "text": PAINS[0],
        "entities": [
            {"start": 0, "end": 3, "type": "Person"},
            {"start": 8, "end": 25, "fragments": [[8, 11], [21, 25]], "type": "Pain"},
        ],
        "relations": [{"head": 0, "tail": 1, "type": "has"}],
    }
]


@settings(
    max_examples=15,
    phases=set(Phase) - {Phase.shrink, Phase.explain},  # a run of the commands takes its time
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(documents=st.lists(texts_of_fragments(), min_size=1, max_size=3))
@example(documents=GOLD_OF_FRAGMENTS)
def test_scores_of_entities_of_several_fragments_are_those_of_the_extraction(
    run_of_fragments: Path, tmp_path: Path, documents: list[dict[str, Any]]
) -> None:
    model = run_of_fragments / "model"
    gold, plain = tmp_path / "gold.jsonl", tmp_path / "plain.jsonl"
    gold.write_text("".join(json.dumps(document) + "\n" for document in documents))
    plain.write_text("".join(json.dumps({"text": d["text"]}) + "\n" for d in documents))
    scores = json.loads(run("evaluate", model, gold, "--json", "--samples", 0))
    found = tmp_path / "found.jsonl"
    run("extract", model, plain, "-o", found)
    lines = [json.loads(line) for line in found.read_text().splitlines()]
    predicted = [line for line in lines if "text" in line]
    for policy in ("keep", "drop"):
        options = ("--json", "--samples", 0, "--language", "en", "--discontinuous", policy)
        against_file = json.loads(run("evaluate", "--predictions", found, gold, *options))
        for task in (ENTITY_TASK, RELATION_TASK):
            pairs = [
                (facts(d)[task], facts(p)[task]) for d, p in zip(documents, predicted, strict=True)
            ]
            micro = against_file[task]["strict"]["micro"]
            assert micro["true_positives"] == sum(len(g & p) for g, p in pairs)
            assert micro["false_positives"] == sum(len(p - g) for g, p in pairs)
            assert micro["false_negatives"] == sum(len(g - p) for g, p in pairs)
            if policy == "keep":
                assert scores[task]["strict"]["micro"] == micro
    if documents == GOLD_OF_FRAGMENTS:
        assert scores[ENTITY_TASK]["strict"]["micro"]["true_positives"] == 2


def test_fragments_go_from_brat_through_training_and_extraction_to_brat(
    run_of_fragments: Path, tmp_path: Path
) -> None:
    """The command line alone: read, trained on, extracted, written, read again."""
    corpus = tmp_path / "brat"
    run("convert", run_of_fragments.parent / "train.jsonl", corpus, "--to", "brat",
        "--discontinuous", "keep")  # fmt: skip
    written = "".join(file.read_text() for file in sorted(corpus.glob("*.ann")))
    assert written.count(";") == 6  # two of Otto, one each of Ada, Ida, arm and leg
    texts = "".join(file.read_text() + "\n" for file in sorted(corpus.glob("*.txt")))
    (tmp_path / "plain.txt").write_text(texts)
    found = tmp_path / "found.jsonl"
    run("extract", run_of_fragments / "model", tmp_path / "plain.txt", "-o", found)
    back = tmp_path / "back"
    run("convert", found, back, "--to", "brat", "--discontinuous", "keep")
    assert ";" in (back / "plain.txt.ann").read_text()
    scores = json.loads(run("evaluate", run_of_fragments / "model", corpus, "--json"))
    assert scores[ENTITY_TASK]["strict"]["micro"]["f1"] == 1.0
    assert scores[RELATION_TASK]["strict"]["micro"]["f1"] == 1.0
