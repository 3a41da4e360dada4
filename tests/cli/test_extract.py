"""`dovetail extract`: every kind of input, and every way out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, save_corpus
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusError, CorpusFormatError, ModelError, OutputError
from dovetail.text.document import Document, Sentence

FIRST, SECOND = "Ada Lovelace lives in London .", "Wiener Bahn is based in Vienna ."


def run(*arguments: object, stdin: str | None = None) -> str:
    result = CliRunner().invoke(
        app, ["extract", *map(str, arguments)], input=stdin, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def extracted(*arguments: object, stdin: str | None = None) -> list[dict[str, Any]]:
    header, *lines = [json.loads(line) for line in run(*arguments, stdin=stdin).splitlines()]
    assert (header["format"], header["version"]) == ("dovetail", 1)
    return lines


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [result["text"] for result in found]


def test_text_is_extracted_with_true_offsets(trained_model: Path) -> None:
    (result,) = extracted(trained_model, FIRST)
    assert {"Ada Lovelace", "London"} == {entity["text"] for entity in result["entities"]}
    for entity in result["entities"]:
        assert FIRST[entity["start"] : entity["end"]] == entity["text"]
    (relation,) = result["relations"]
    assert relation["type"] == "lives_in"
    assert 0 < relation["confidence"] <= 1


def test_inputs_of_all_kinds_are_read_in_their_order(trained_model: Path, tmp_path: Path) -> None:
    document, lines = tmp_path / "document.txt", tmp_path / "lines.jsonl"
    document.write_text(f"{FIRST}\n{SECOND}\n", encoding="utf-8")
    lines.write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in (SECOND, FIRST)), encoding="utf-8"
    )
    found = extracted(trained_model, SECOND, document, lines)
    assert texts(found) == [SECOND, f"{FIRST}\n{SECOND}\n", SECOND, FIRST]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_a_document_a_line(trained_model: Path, arguments: list[str]) -> None:
    found = extracted(trained_model, *arguments, stdin=f"{FIRST}\n\n{SECOND}")
    assert texts(found) == [FIRST, "", SECOND]


def test_output_file_holds_what_is_printed(trained_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.jsonl"
    assert run(trained_model, FIRST, SECOND, "-o", output) == ""
    assert output.read_text("utf-8") == run(trained_model, FIRST, SECOND)


@pytest.mark.parametrize("format", ["spert", "dovetail"])
def test_corpus_keeps_its_tokens_in_any_format(
    trained_model: Path, tmp_path: Path, format: str
) -> None:
    corpus, output = save_corpus(DEV, tmp_path / "dev.jsonl"), tmp_path / "predictions.json"
    run(trained_model, corpus, "--to", format, "-o", output)
    predicted = read_corpus(output, format=format).sentences
    assert [sentence.tokens for sentence in predicted] == [sentence.tokens for sentence in DEV]
    assert any(sentence.relations for sentence in predicted)
    scored = CliRunner().invoke(
        app, ["evaluate", "--predictions", str(output), str(corpus), "--json", "--samples", "0"]
    )
    direct = CliRunner().invoke(
        app, ["evaluate", str(trained_model), str(corpus), "--json", "--samples", "0"]
    )
    assert without_calibration(scored.stdout) == without_calibration(direct.stdout)


def without_calibration(output: str) -> dict[str, Any]:
    """Scores without what confidences are worth, which not every format holds."""
    scores: dict[str, Any] = json.loads(output)
    for task in ("entity", "relation"):
        scores[task].pop("calibration_error")
    return scores


@pytest.mark.parametrize("name", ["missing.txt", "missing.jsonl", "missing.json", "missing.md"])
def test_name_of_a_missing_file_is_not_taken_for_text(
    trained_model: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(CorpusError, match=f"{name} (cannot be read|does not exist)"):
        run(trained_model, tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text", r"lines\.jsonl:1: malformed JSON"),
        ('{"text": "a"}\n[1]', r"lines\.jsonl:2: expected a JSON object"),
        ('{"text": "a"}\n{"tokens": ["a"]}', r"lines\.jsonl:2: .*'text'"),
        ('{"text": 5}', r"lines\.jsonl:1: 'text': expected a text, found a number: 5"),
        ('{"text": "a"}\n\n{"text": "\\ud800"}', r"lines\.jsonl:3: .*half a surrogate pair"),
        ("[" * 100_000, r"lines\.jsonl:1: "),
    ],
)
def test_line_without_a_text_is_named(
    trained_model: Path, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusFormatError, match=message):
        run(trained_model, path)


@pytest.mark.parametrize(
    ("name", "message"), [("file.txt", "UTF-8"), ("file.jsonl", r"file\.jsonl:2: .*'utf-8'")]
)
def test_file_that_is_not_utf8_is_refused(
    trained_model: Path, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / name).write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n')
    with pytest.raises(CorpusError, match=message):
        run(trained_model, tmp_path / name)


def test_standard_input_is_utf8_or_refused(trained_model: Path) -> None:
    text = "Łódź lives in München ."
    assert texts(extracted(trained_model, stdin=f"{text}\r\n")) == [text]
    result = CliRunner().invoke(app, ["extract", str(trained_model)], input=b"a\ncaf\xe9\n")
    assert isinstance(result.exception, CorpusError)
    assert "line 2 of standard input is not UTF-8" in str(result.exception)


def test_a_text_may_be_longer_than_a_file_name(trained_model: Path) -> None:
    text = "Ada Lovelace lives in London . " * 200
    assert texts(extracted(trained_model, text)) == [text]


def test_format_without_output_file_is_a_wrong_call(trained_model: Path) -> None:
    result = CliRunner().invoke(app, ["extract", str(trained_model), "corpus", "--to", "spert"])
    assert result.exit_code == 2
    assert "-o" in result.stderr


def test_missing_model_is_named() -> None:
    with pytest.raises(ModelError, match="there is no model at 'nowhere'"):
        run("nowhere", FIRST)


def test_a_corpus_keeps_its_tokens_and_a_file_names_its_document(
    trained_model: Path, tmp_path: Path
) -> None:
    tokens = ["Ada", "lives-in", "Rome."]  # no tokenizer would cut it so
    corpus = tmp_path / "corpus.json"
    corpus.write_text(json.dumps([{"tokens": tokens, "entities": [], "relations": []}]), "utf-8")
    text = tmp_path / "letter.txt"
    text.write_text("Ada lives in Rome.", "utf-8")
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps({"id": "first", "text": "Ada lives in Rome."}) + "\n", "utf-8")
    records = extracted(trained_model, corpus, text, lines)
    assert [record["id"] for record in records] == ["", "letter.txt", "first"]
    assert records[0]["text"] == " ".join(tokens)


def test_an_empty_text_is_not_the_working_directory(
    trained_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").write_text(FIRST, encoding="utf-8")
    (tmp_path / "letter.ann").touch()
    monkeypatch.chdir(tmp_path)
    assert texts(extracted(trained_model, "")) == [""]


@pytest.mark.parametrize("format", ["dovetail", "dygie", "crossre"])
def test_json_lines_with_tokens_are_a_corpus(
    trained_model: Path, tmp_path: Path, format: str
) -> None:
    sentences = [
        Sentence.from_tokens(["New-York", "'s", "a.b"], id="one"),
        Sentence.from_tokens(["x.", "Y"], id="two"),
    ]
    path = tmp_path / "corpus.jsonl"
    write_corpus(map(Document.from_sentence, sentences), path, format=format)
    assert texts(extracted(trained_model, path)) == ["New-York 's a.b", "x. Y"]


def test_named_format_is_used_without_a_format_to_write(
    trained_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("Ada\tO\nleft\tO\n\nBob\tO\n", encoding="utf-8")
    assert texts(extracted(trained_model, path, "--from", "columns")) == ["Ada left", "Bob"]
    with pytest.raises(CorpusError, match="a corpus is read from a file"):
        run(trained_model, "-", "--from", "columns", stdin="Ada\tO")


def test_missing_output_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["extract", "no-model", FIRST, "-o", str(tmp_path / "missing" / "found.jsonl")]
    )
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_text_is_utf8_in_and_out_whatever_the_locale_says(trained_model: Path) -> None:
    text = "Ada Lovelace lives in Zürich ."
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "dovetail", "extract", str(trained_model), text.encode()],
        env={**os.environ, **locale},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode("utf-8").splitlines()[1])["text"] == text


def bad_lines(folder: Path) -> Path:
    """Three texts, of which the second cannot be read."""
    path = folder / "lines.jsonl"
    lines = [json.dumps({"id": "same", "text": FIRST}), '{"text": 5}', json.dumps({"text": SECOND})]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_results_before_a_fault_are_kept_and_counted(trained_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.jsonl"
    with pytest.raises(CorpusFormatError, match=r"lines\.jsonl:2: 'text'") as failure:
        run(trained_model, FIRST, bad_lines(tmp_path), "-o", output)
    assert failure.value.__notes__ == [
        "It is item 2 of the input, counted from 0.",
        f"{output} has the results before it: 2.",
    ]
    assert [document.text for document in read_corpus(output).documents] == [FIRST, FIRST]
    assert {path.name for path in tmp_path.iterdir()} == {"found.jsonl", "lines.jsonl"}


def test_a_fault_before_the_first_result_leaves_the_old_file(
    trained_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "found.jsonl"
    output.write_text("old")
    with pytest.raises(CorpusError):
        run(trained_model, tmp_path / "missing.txt", FIRST, "-o", output)
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["found.jsonl"]


@pytest.mark.parametrize("arguments", [[], ["--to", "dovetail"]])
def test_bad_items_are_left_out_and_listed(
    trained_model: Path, tmp_path: Path, arguments: list[str]
) -> None:
    output = tmp_path / "found.jsonl"
    good, bad = save_corpus(DEV[:2], tmp_path / "good.json"), tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    inputs = [good, bad, good] if arguments else [good, bad_lines(tmp_path), bad]
    command = ["extract", trained_model, *inputs, "-o", output, "--on-error", "drop", *arguments]
    result = CliRunner().invoke(app, [*map(str, command)])
    assert result.exit_code == 3
    assert f"{output}.errors.jsonl lists them" in result.stderr
    listed = [
        json.loads(line) for line in Path(f"{output}.errors.jsonl").read_text("utf-8").splitlines()
    ]
    places = [(str(bad), 2)] if arguments else [(f"{tmp_path}/lines.jsonl:2", 3), (str(bad), 5)]
    assert [(item["place"], item["index"]) for item in listed] == places
    assert all(item["place"] in item["message"] for item in listed)
    assert len(read_corpus(output).documents) == 4


def test_bad_items_are_named_on_standard_error_where_there_is_no_output_file(
    trained_model: Path,
) -> None:
    result = CliRunner().invoke(
        app, ["extract", str(trained_model), "--on-error", "drop"], input=b"Ada\ncaf\xe9\nBonn\n"
    )
    assert result.exit_code == 3
    assert "left out: line 2 of standard input is not UTF-8" in result.stderr
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()[1:]] == ["Ada", "Bonn"]


def test_a_list_of_errors_from_before_goes_when_there_are_none(
    trained_model: Path, tmp_path: Path
) -> None:
    output, old = tmp_path / "found.jsonl", tmp_path / "found.jsonl.errors.jsonl"
    old.write_text("of the run before")
    run(trained_model, FIRST, "-o", output, "--on-error", "drop")
    assert [path.name for path in tmp_path.iterdir()] == ["found.jsonl"]


@pytest.mark.parametrize("name", ["lines.jsonl", "link", "./lines.jsonl"])
def test_an_input_is_not_overwritten(trained_model: Path, tmp_path: Path, name: str) -> None:
    path = bad_lines(tmp_path)
    (tmp_path / "link").symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="would overwrite"):
        run(trained_model, FIRST, path, "-o", f"{tmp_path}/{name}")
    for suffix in (".txt", ".ann"):
        (tmp_path / "letter").with_suffix(suffix).write_text("")
    for source in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(OutputError, match="would overwrite"):
            run(trained_model, source, "-o", tmp_path / "letter.ann")
    assert path.read_bytes() == before


def test_every_command_reads_what_extract_writes(trained_model: Path, tmp_path: Path) -> None:
    corpus, output = save_corpus(DEV, tmp_path / "dev.jsonl"), tmp_path / "found.jsonl"
    run(trained_model, corpus, "-o", output)
    for arguments in (
        ["inspect", output],
        ["evaluate", "--predictions", output, corpus, "--samples", "0"],
        ["evaluate", trained_model, output, "--samples", "0"],
        ["convert", output, tmp_path / "found.json", "--to", "spert"],
        ["extract", trained_model, output],
    ):
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, (arguments, result.output)
    again = tmp_path / "again.jsonl"
    run(trained_model, output, "-o", again)
    assert again.read_bytes() == output.read_bytes()


def test_from_and_format_are_one_option(trained_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("Ada\tO\nleft\tO\n", encoding="utf-8")
    for option in ("--from", "--format"):
        assert texts(extracted(trained_model, path, option, "columns")) == ["Ada left"]
        command = ["convert", path, tmp_path / "to.json", option, "columns", "--to", "spert"]
        assert CliRunner().invoke(app, [*map(str, command)]).exit_code == 0


def test_the_folder_of_a_run_is_taken_for_its_model(trained_model: Path) -> None:
    assert run(trained_model.parent, FIRST) == run(trained_model, FIRST)


def test_a_broken_document_of_a_corpus_is_left_out_alone(
    trained_model: Path, tmp_path: Path
) -> None:
    corpus, output = tmp_path / "corpus.jsonl", tmp_path / "found.jsonl"
    lines = [{"tokens": ["Ada"]}, {"id": "odd", "tokens": []}, {"tokens": ["Bonn"]}]
    corpus.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    arguments = ["extract", trained_model, corpus, "-o", output, "--on-error", "drop"]
    assert CliRunner().invoke(app, [*map(str, arguments)]).exit_code == 3
    (listed,) = map(json.loads, Path(f"{output}.errors.jsonl").read_text("utf-8").splitlines())
    assert "a sentence without tokens" in listed["message"]
    assert [document.text for document in read_corpus(output).documents] == ["Ada", "Bonn"]
