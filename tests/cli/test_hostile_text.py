"""What others wrote is shown, and never obeyed: by every command, on both of its streams."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from dovetail.corpora import write_corpus
from dovetail.text.document import Document, Entity, Relation, Sentence

TITLE, REVERSED = "\x1b]0;owned\x07", "a\u202eb"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus whose types, ids, words and file name hold what a terminal would obey."""
    person, place = Entity(0, 1, f"Per{TITLE}"), Entity(2, 3, REVERSED)
    documents = [
        Document.from_sentence(
            Sentence.from_tokens(
                [f"Ann{TITLE}", "left", place_name],
                entities=[person, place],
                relations=[Relation(person, place, f"Left{REVERSED}{TITLE}")],
                id=f"{number}{TITLE}",
            )
        )
        for number, place_name in enumerate(["Bonn", f"Rome{REVERSED}", "Bonn", "Oslo"])
    ]
    path = tmp_path / f"corpus{TITLE}{REVERSED}.jsonl"
    write_corpus(documents, path, format="dovetail")
    return path


def run(*arguments: str | Path, code: int = 0) -> str:
    """What a command shows on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "dovetail", *map(str, arguments)],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    output = (done.stdout + done.stderr).decode("utf-8")
    assert done.returncode == code, output
    return output


def assert_harmless(output: str) -> None:
    obeyed = {"Cc", "Cs", "Zl", "Zp"}
    assert not [c for c in output if c != "\n" and unicodedata.category(c) in obeyed]
    assert "\u202e" not in output
    assert "Traceback" not in output


def test_inspect_shows_types_ids_and_file_names_without_obeying_them(corpus: Path) -> None:
    output = run("inspect", corpus)
    assert_harmless(output)
    assert "Per␛]0;owned␇" in output
    assert "a\\u202eb" in output
    as_json = run("inspect", corpus, "--json")
    assert_harmless(as_json)
    (split,) = json.loads(as_json)["splits"].values()
    assert split["entities"] == {f"Per{TITLE}": 4, REVERSED: 4}  # data stays what it is


def test_evaluate_and_convert_show_no_commands(corpus: Path, tmp_path: Path) -> None:
    scores = run("evaluate", "--predictions", corpus, corpus, "--samples", "0")
    assert_harmless(scores)
    assert "Left" in scores
    target = tmp_path / f"out{TITLE}.json"
    assert_harmless(run("convert", corpus, target, "--to", "spert"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("inspect", f"none{TITLE}{REVERSED}"), "none␛]0;owned␇a\\u202eb does not exist"),
        (("extract", f"none{TITLE}", "text"), "there is no model at"),
        (("train", f"none{REVERSED}.toml"), "none" + "a\\u202eb.toml: there is no such config"),
        (
            ("evaluate", "--predictions", "{corpus}", "--symmetric", TITLE, "{corpus}"),
            "no relation",
        ),
    ],
)
def test_messages_of_errors_show_no_commands(
    arguments: tuple[str, ...], said: str, corpus: Path
) -> None:
    code = 2 if "--symmetric" in arguments else 1
    output = run(*(part.replace("{corpus}", str(corpus)) for part in arguments), code=code)
    assert_harmless(output)
    assert said in output


def test_errors_of_usage_show_no_commands(corpus: Path) -> None:
    for arguments in (
        (TITLE,),
        ("inspect", corpus, f"--{REVERSED}"),
        ("inspect", corpus, corpus),
        ("evaluate", corpus),
        ("experiment", corpus, "--drop", TITLE),
        ("experiment", corpus, "--processes", REVERSED),
    ):
        assert_harmless(run(*arguments, code=2))


def test_message_with_a_long_value_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps({"tokens": "x" * 2_000_000}), encoding="utf-8")
    assert len(run("inspect", path, code=1)) < 2_000
    config = tmp_path / "config.toml"
    config.write_text(f'name = "{"x" * 500_000}"\nseed = "{"y" * 500_000}"\n', encoding="utf-8")
    assert len(run("train", config, code=1)) < 5_000


WITHOUT_JINJA = """
import importlib.machinery, sys
class Finder:
    "Finds all modules but one."
    find_distributions = importlib.machinery.PathFinder.find_distributions
    @staticmethod
    def find_spec(name, path=None, target=None):
        missing = name.partition(".")[0] == "jinja2"
        return None if missing else importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Finder
sys.argv[0] = "dovetail"
from dovetail.cli import main
main()
"""


def test_library_that_lacks_one_of_its_own_is_said_in_a_sentence(corpus: Path) -> None:
    raw = corpus.with_name("raw.txt")
    raw.write_text("Ann left Bonn.", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JINJA, "extract", "news", str(raw)],
        capture_output=True,
        check=False,
    )
    output = done.stderr.decode("utf-8")
    assert done.returncode == 1
    assert "error: the Python module 'jinja2' is missing" in output
    assert "pip install" in output
    assert_harmless(output)
