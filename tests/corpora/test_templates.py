"""Templates: what is filled in is annotated, and a line that is no template is named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.conftest import PROJECT
from tests.corpus import TRAIN

from dovetail.corpora import read_corpus
from dovetail.corpora.templates import Template, names_in, read_templates
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Entity, Sentence
from dovetail.text.reading import Reading

NAMES = {"Peop": ["Ada", "Jan van Eyck", "Eve"], "Org": ["Volvo", "Red Cross"]}
ENGLISH = Reading(language="en")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "templates.txt"
    path.write_text("\n".join(("# two people", "", *lines)) + "\n", encoding="utf-8")
    return path


def surfaces(sentence: Sentence) -> list[str]:
    return [" ".join(sentence.tokens[own.start : own.end]) for own in sentence.sorted_entities]


def test_every_gap_is_an_entity_and_the_linked_ones_a_relation(tmp_path: Path) -> None:
    path = written(tmp_path, "Work_For 2 1 At {Org}, {Peop} met {Peop}.", "- {Peop} slept.")
    corpus = read_templates(path, ENGLISH, NAMES, 20)
    assert len(corpus.documents) == 40
    for document in corpus.documents[:20]:
        (sentence,) = document.sentences
        org, *people = sentence.sorted_entities
        assert [own.type for own in sentence.sorted_entities] == ["Org", "Peop", "Peop"]
        named = surfaces(sentence)
        assert named[0] in NAMES["Org"]
        assert {*named[1:]} <= {*NAMES["Peop"]}
        assert named[1] != named[2]
        assert document.text == "At {}, {} met {}.".format(*named)
        (relation,) = sentence.relations
        assert (relation.type, relation.head, relation.tail) == ("Work_For", people[0], org)
    assert len({document.text for document in corpus.documents[:20]}) > 5
    assert not any(
        own.relations for document in corpus.documents[20:] for own in document.sentences
    )
    assert read_templates(path, ENGLISH, NAMES, 20).documents == corpus.documents


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{Peop} slept.", "expected '- TEXT' or 'RELATION HEAD TAIL TEXT'"),
        ("Kill 1 {Peop} slept.", "expected '- TEXT'"),
        ("Kill 1 3 {Org} {Org}", "from gap 1 to gap 3; expected two different ones of the 2"),
        ("Kill 0 1 {Org} {Org}", "from gap 0 to gap 1"),
        ("Kill 1 1 {Org} {Org}", "from gap 1 to gap 1"),
        ("- {Loc} burned.", r"no name for {Loc}; .* have names: Peop \(3\), Org \(2\)"),
        ("- {Org} and {Org} and {Org} met.", "no name for {Org}"),
    ],
)
def test_a_line_that_is_no_template_is_refused_or_left_out(
    line: str, message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, "- {Peop} slept.", line)
    with pytest.raises(CorpusFormatError, match=rf"templates\.txt:4: .*{message}"):
        read_templates(path, ENGLISH, NAMES, 2)
    left = read_templates(path, Reading(language="en", on_error="drop"), NAMES, 2)
    assert len(left.documents) == 2
    (drop,) = left.ledger.drops
    assert drop.document_id == f"{path}:4"


def test_names_are_entities_of_letters_by_type() -> None:
    sentence = Sentence.from_tokens(
        ["Ada", "van", "Dyck", "left", "U.S.", "and", "Ada", "van", "Dyck"],
        entities=[Entity(0, 3, "Peop"), Entity(4, 5, "Loc"), Entity(6, 9, "Peop")],
    )
    assert names_in([sentence]) == {"Peop": ["Ada van Dyck"]}
    for own in names_in(TRAIN).values():
        assert len({*own}) == len(own) > 0


def test_a_template_is_filled_as_chance_says() -> None:
    template = Template.parse("- {Peop} met {Peop}.", "here")
    texts = {template.filled(NAMES, random.Random(seed), "").text for seed in range(60)}
    assert texts == {f"{a} met {b}." for a in NAMES["Peop"] for b in NAMES["Peop"] if a != b}


def test_templates_of_news_share_no_sentence_with_the_test_set() -> None:
    """Words between the two names of a test sentence are in no template."""
    path = PROJECT / "recipes" / "templates" / "news.txt"
    names = {type_: ["Onename", "Othername"] for type_ in ("Peop", "Org", "Loc")}
    between = set()
    for document in read_templates(path, ENGLISH, names, 1).documents:
        words = document.text
        for name in ("Onename", "Othername"):
            words = words.replace(name, "|")
        between.add(words.split("|", 1)[1].rsplit("|", 1)[0].strip())
    between -= {"", ",", "in", "of", "and", "to"}
    assert len(between) > 100
    for name in ("related", "unrelated"):
        test = read_corpus(PROJECT / "examples" / "side_by_side" / f"{name}.jsonl")
        for sentence in test.sentences:
            first, second = sentence.sorted_entities
            assert " ".join(sentence.tokens[first.end : second.start]) not in between
