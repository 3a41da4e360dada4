"""`dovetail suggest`: texts to annotate, written with predictions for the tools of annotators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.corpora import read_corpus


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(
        app, ["suggest", *map(str, arguments)], input=stdin, catch_exceptions=False
    )


@pytest.mark.parametrize("format", ["jsonl", "label-studio", "doccano", "prodigy"])
def test_the_texts_come_with_predictions_to_correct(
    trained_model: Path, tmp_path: Path, format: str
) -> None:
    pool = save_corpus(TRAIN, tmp_path / "pool.jsonl")
    output = tmp_path / "next.jsonl"
    assert run(trained_model, pool, "-n", 3, "--to", format, "-o", output).exit_code == 0
    documents = read_corpus(output).documents
    assert len(documents) == 3
    texts = {" ".join(sentence.tokens) for sentence in TRAIN}
    assert all(document.text in texts for document in documents)
    assert any(sentence.entities for document in documents for sentence in document.sentences)


def test_predictions_count_as_annotated_for_nothing(trained_model: Path, tmp_path: Path) -> None:
    pool = save_corpus(TRAIN, tmp_path / "pool.jsonl")
    output = tmp_path / "next.jsonl"
    run(trained_model, pool, "-n", 2, "-o", output)
    for document in read_corpus(output).documents:
        assert document.sentences[0].annotated == frozenset()


def test_what_is_annotated_is_not_suggested(trained_model: Path, tmp_path: Path) -> None:
    pool = save_corpus([*TRAIN, *DEV], tmp_path / "pool.jsonl")
    done = save_corpus(TRAIN, tmp_path / "done.jsonl")
    output = tmp_path / "next.jsonl"
    result = run(trained_model, pool, "-n", 99, "--annotated", done, "-o", output)
    assert f"left out, since they are annotated already: {len(TRAIN)}" in result.output
    found = {document.text for document in read_corpus(output).documents}
    assert found == {" ".join(sentence.tokens) for sentence in DEV}


def test_raw_text_is_cut_into_sentences_unless_documents_are_annotated(
    trained_model: Path, tmp_path: Path
) -> None:
    text = "Ada lives in London. Wiener Bahn is based in Vienna.\n"
    output = tmp_path / "next.jsonl"
    run(trained_model, "-", "-o", output, stdin=text)
    assert len(read_corpus(output).documents) == 2
    run(trained_model, "-", "-o", output, "--by", "document", stdin=text)
    assert [document.text for document in read_corpus(output).documents] == [text.strip()]


def test_the_terminal_shows_what_is_doubted(trained_model: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps({"text": "[bold]Ada[/] lives in \u202eLondon."}), encoding="utf-8")
    output = run(trained_model, lines).output
    assert "mistakes" in output
    assert "[bold]Ada[/] lives in" in output
    assert "\u202e" not in output


def test_a_line_that_cannot_be_read_is_listed(trained_model: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "Ada left."}\nnonsense\n', encoding="utf-8")
    output = tmp_path / "next.jsonl"
    result = run(trained_model, lines, "-o", output, "--on-error", "drop")
    assert result.exit_code == 3
    assert len(read_corpus(output).documents) == 1
    (listed,) = (tmp_path / "next.jsonl.errors.jsonl").read_text(encoding="utf-8").splitlines()
    assert "lines.jsonl:2" in listed
