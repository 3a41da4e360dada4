"""The original files of ADE."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import Corpus, read_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document
from dovetail.text.reading import Reading

PAGE = PROJECT / "docs" / "formats" / "ade.md"
NOTE = "Aspirin caused a rash and nausea."
RELATED = f"12|{NOTE}|rash|117|121|Aspirin|100|107\n12|{NOTE}|nausea|126|132|Aspirin|100|107\n"


def corpus_of(folder: Path, text: str) -> Corpus:
    path = folder / "ade.rel"
    path.write_text(text, encoding="utf-8")
    return read_corpus(path, reading=Reading(language="en"))


def told(documents: Iterable[Document]) -> list[tuple[str, str, str]]:
    """The relations in words."""
    return [
        (link.type, document.surface(sentence, link.head), document.surface(sentence, link.tail))
        for document in documents
        for sentence in document.sentences
        for link in sentence.sorted_relations
    ]


def test_the_examples_of_the_page_are_recognised_and_read_whole(tmp_path: Path) -> None:
    blocks = blocks_from_markdown(PAGE.read_text(encoding="utf-8"))
    related, negative = (block.text for block in blocks if block.language == "text")
    corpus = corpus_of(tmp_path, related)
    assert corpus.format == "ade"
    assert told(corpus.documents) == [("Adverse-Effect", "ototoxicity", "azithromycin")]
    corpus = corpus_of(tmp_path, negative)
    assert corpus.format == "ade"
    (sentence,) = corpus.sentences
    assert not sentence.entities
    assert sentence.annotated == {"entity", "relation"}


def test_lines_of_a_document_are_one_and_its_entities_are_not_doubled(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, f"{RELATED}7 NEG It rained. Twice.\n12 NEG Nobody fell ill.\n")
    assert [document.id for document in corpus.documents] == ["12", "7"]
    assert [" ".join(sentence.tokens) for sentence in corpus.sentences] == [
        "Aspirin caused a rash and nausea .",
        "Nobody fell ill .",
        "It rained .",
        "Twice .",
    ]
    assert len(corpus.sentences[0].entities) == 3
    assert told(corpus.documents) == [
        ("Adverse-Effect", "rash", "Aspirin"),
        ("Adverse-Effect", "nausea", "Aspirin"),
    ]
    assert not corpus.ledger.drops


def test_of_two_places_that_is_taken_where_the_drug_stands_at_its_distance(tmp_path: Path) -> None:
    text = "9|Rash, then aspirin, then rash.|rash|219|223|aspirin|205|212\n"
    ((document,), (sentence,)) = (
        corpus_of(tmp_path, text).documents,
        corpus_of(tmp_path, text).sentences,
    )
    (link,) = sentence.relations
    assert sentence.offsets[link.head.start][0] == document.text.rindex("rash")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"12|{NOTE}|rash|117|121|Aspirin|100", ":3: expected 'PubMed-ID NEG sentence', or"),
        ("12 POS It rained.", ":3: expected 'PubMed-ID NEG sentence', or"),
        ("12 NEG  ", ":3: the sentence is empty"),
        (f"12|{NOTE}|rash|118|122|Aspirin|100|107", ":3: expected a sentence with 'rash' and, -18"),
        (f"12|{NOTE}|itch|117|121|Aspirin|100|107", ":3: expected a sentence with 'itch' and"),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_line(
    tmp_path: Path, line: str, message: str
) -> None:
    with pytest.raises(CorpusFormatError, match=message):
        corpus_of(tmp_path, f"{RELATED}{line}\n")


def test_the_original_says_what_the_json_form_says(tmp_path: Path, data_folder: Path) -> None:
    """Of the first lines: the relations in words, which owe nothing to either's tokens."""
    lines = (data_folder / "ade" / "DRUG-AE.rel").read_text(encoding="utf-8").split("\n")[:300]
    original = corpus_of(tmp_path, "\n".join(lines))
    found = {tuple(map(without_spaces, own)) for own in told(original.documents)}
    known = read_corpus(data_folder / "ade" / "ade_full.json").documents
    assert found <= {tuple(map(without_spaces, own)) for own in told(known)}
    unaligned = sum(item.task == "relation" for s in original.sentences for item in s.unaligned)
    assert len(told(original.documents)) + unaligned == original.ledger["relation"].kept
    assert original.ledger["relation"].read == len(lines)


def without_spaces(text: str) -> str:
    return text.replace(" ", "")
