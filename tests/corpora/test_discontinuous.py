"""Entities of several fragments in files: what each policy makes of them, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.corpora import read_corpus, write_corpus
from dovetail.corpora.known_formats import FORMATS
from dovetail.errors import CorpusFormatError
from dovetail.evaluation.evaluate import evaluate
from dovetail.evaluation.sentence_pairing import align_documents
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

WORDS = ["Ada", "has", "hip", "and", "knee", "pain"]
PAINS = (Entity.of_pieces([(2, 3), (5, 6)], "Pain"), Entity(4, 6, "Pain"))
WHO = Entity(0, 1, "Person")
SENTENCE = Sentence.from_tokens(
    WORDS, entities=[WHO, *PAINS], relations=[Relation(WHO, pain, "has") for pain in PAINS], id="d"
)
DOCUMENT = Document.from_sentence(SENTENCE)
KEEP = Reading(language="en", discontinuous="keep")
HOLDERS = ["brat", "bioc", "bioc-json", "dovetail"]


def written(format: str, folder: Path) -> Path:
    path = folder / f"corpus-{format}{'' if format == 'brat' else '.txt'}"
    ledger = write_corpus([DOCUMENT], path, format=format)
    assert ledger["entity"].dropped == 0
    assert ledger["relation"].dropped == 0
    return path


@pytest.mark.parametrize("format", HOLDERS)
def test_fragments_are_written_and_read_back(format: str, tmp_path: Path) -> None:
    corpus = read_corpus(written(format, tmp_path), format=format, reading=KEEP)
    (sentence,) = corpus.sentences
    assert (sentence.tokens, sentence.entities) == (SENTENCE.tokens, SENTENCE.entities)
    assert sentence.relations == SENTENCE.relations


@pytest.mark.parametrize("format", HOLDERS)
@pytest.mark.parametrize("borders", ["text", "snap", "drop", "cut"])
def test_policies_mean_the_same_in_every_format(format: str, borders: str, tmp_path: Path) -> None:
    path = written(format, tmp_path)
    found = {}
    for policy in ("drop", "cover", "keep"):
        reading = Reading(language="en", discontinuous=policy, borders=borders)  # type: ignore[arg-type]
        found[policy] = read_corpus(path, format=format, reading=reading)
    (cover,), (keep,), (drop,) = (found[name].sentences for name in ("cover", "keep", "drop"))
    assert keep.entities == SENTENCE.entities
    assert cover.entities == {WHO, PAINS[1], Entity(2, 6, "Pain")}
    assert drop.entities == {WHO, PAINS[1]}
    assert drop.relations == {Relation(WHO, PAINS[1], "has")}
    ledger = found["drop"].ledger
    if borders == "text":  # it counts as missed, and so does its relation
        spans = [item.spans for item in drop.unaligned_for(ENTITY_TASK)]
        assert spans == [((8, 11), (21, 25))]
        assert len(drop.unaligned_for(RELATION_TASK)) == 1
        assert ledger["entity"].dropped == 0
    else:
        assert ledger["entity"].dropped == 1
        assert ledger["relation"].dropped == 1


def test_every_other_format_lists_what_it_cannot_hold(tmp_path: Path) -> None:
    for name, format in FORMATS.items():
        if format.write is None or name in HOLDERS:
            continue
        ledger = write_corpus([DOCUMENT], tmp_path / name, format=name)
        reasons = [drop.reason for drop in ledger.drops if drop.kind == "entity"]
        assert any("several fragments" in reason for reason in reasons), name
        assert any("(--discontinuous cover)" in reason for reason in reasons), name


def test_native_file_names_its_version_only_where_it_must(tmp_path: Path) -> None:
    plain = Document.from_sentence(Sentence.from_tokens(["a"], id="p"))
    for document, version in ((plain, 1), (DOCUMENT, 2)):
        write_corpus([document], tmp_path / "c.jsonl", format="dovetail")
        header = json.loads((tmp_path / "c.jsonl").read_text().splitlines()[0])
        assert header["version"] == version


@pytest.mark.parametrize(
    "fragments",
    [
        [[2, 3]],
        [[2, 3], [3, 6]],
        [[5, 6], [2, 3]],
        [[2, 3], [5, 5]],
        "x",
        [[2, 3], [4, 5]],
        [[2], 1],
    ],
)
@pytest.mark.parametrize("form", ["tokens", "text"])
def test_fragments_that_are_none_are_refused_with_their_place(
    fragments: object, form: str, tmp_path: Path
) -> None:
    words = {"tokens": WORDS} if form == "tokens" else {"text": " ".join(WORDS)}
    entity = {"start": 2, "end": 6, "type": "Pain", "fragments": fragments}
    (tmp_path / "c.jsonl").write_text(json.dumps({**words, "entities": [entity]}))
    with pytest.raises(CorpusFormatError, match=r"c\.jsonl:1.*fragments"):
        read_corpus(tmp_path / "c.jsonl", reading=KEEP)


def test_tokens_that_are_not_there_are_refused(tmp_path: Path) -> None:
    entity = {"start": 2, "end": 9, "type": "Pain", "fragments": [[2, 3], [5, 9]]}
    (tmp_path / "c.jsonl").write_text(json.dumps({"tokens": WORDS, "entities": [entity]}))
    with pytest.raises(CorpusFormatError, match="are not within the 6 tokens"):
        read_corpus(tmp_path / "c.jsonl", reading=KEEP)


def brat(folder: Path, text: str, *lines: str) -> Path:
    (folder / "d.txt").write_text(text)
    (folder / "d.ann").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_fragments_of_brat_grow_and_cut_as_entities_do(tmp_path: Path) -> None:
    folder = brat(tmp_path, "hips and knees ache", "T1\tP 0 3;15 18\thip ach")
    surfaces = {}
    for borders in ("snap", "cut", "drop", "text"):
        reading = Reading(language="en", borders=borders, discontinuous="keep")  # type: ignore[arg-type]
        (document,) = read_corpus(folder, reading=reading).documents
        (sentence,) = document.sentences
        surfaces[borders] = [document.surface(sentence, e) for e in sentence.entities]
        if borders == "text":
            assert [item.spans for item in sentence.unaligned] == [((0, 3), (15, 18))]
    assert surfaces == {"snap": ["hips ache"], "cut": ["hip ach"], "drop": [], "text": []}


def test_fragments_that_grow_together_are_one_entity(tmp_path: Path) -> None:
    folder = brat(tmp_path, "bedrest helps", "T1\tP 0 2;5 7\tbe st")
    reading = Reading(language="en", borders="snap", discontinuous="keep")
    (sentence,) = read_corpus(folder, reading=reading).sentences
    assert all(not entity.fragments for entity in sentence.entities)


def test_fragments_in_two_sentences_join_or_stand_beside(tmp_path: Path) -> None:
    folder = brat(tmp_path, "Her hip. It has pain.", "T1\tP 4 7;16 20\thip pain")
    (joined,) = read_corpus(
        folder, reading=Reading(language="en", borders="cut", discontinuous="keep")
    ).sentences
    assert [len(entity.fragments) for entity in joined.entities] == [2]
    first, second = read_corpus(folder, reading=KEEP).sentences
    (item,) = first.unaligned
    assert item.reason == "crosses the border of a sentence"
    assert not second.unaligned


def test_line_breaks_within_fragments_are_written_and_read_back(tmp_path: Path) -> None:
    text = "big\nhip and knee pain"
    offsets = ((0, 3), (4, 7), (8, 11), (12, 16), (17, 21))
    pain = Entity.of_pieces([(0, 2), (4, 5)], "Pain")
    sentence = Sentence(tuple(text.split()), offsets, frozenset({pain}))
    write_corpus([Document("d", text, (sentence,))], tmp_path / "out", format="brat")
    assert "0 3;4 7;17 21\tbig hip pain" in (tmp_path / "out" / "d.ann").read_text()
    reading = Reading(language="en", unit="document", discontinuous="keep")
    (found,) = read_corpus(tmp_path / "out", reading=reading).sentences
    assert found.entities == {pain}


@st.composite
def annotated(draw: st.DrawFn) -> frozenset[Entity]:
    sets = draw(st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=4), max_size=4))
    return frozenset(
        Entity.of_pieces([(token, token + 1) for token in tokens], draw(st.sampled_from("AB")))
        for tokens in sets
    )


@pytest.mark.parametrize("format", HOLDERS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entities=annotated())
def test_any_fragments_come_back(format: str, tmp_path: Path, entities: frozenset[Entity]) -> None:
    import shutil

    sentence = Sentence.from_tokens(WORDS, entities=entities, annotated=[ENTITY_TASK], id="d")
    path = tmp_path / "corpus"
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    write_corpus([Document.from_sentence(sentence)], path, format=format)
    (found,) = read_corpus(path, format=format, reading=KEEP).sentences
    assert found.entities == entities


@settings(max_examples=100, deadline=None)
@given(gold=annotated(), predicted=annotated())
def test_scores_of_fragments_are_those_of_their_characters(
    gold: frozenset[Entity], predicted: frozenset[Entity]
) -> None:
    """Predictions may be said on other tokens; what counts is which characters are meant."""
    text = " ".join(WORDS)
    letters = tuple((place, place + 1) for place in range(len(text)))
    truth = Sentence.from_tokens(WORDS, entities=gold)
    pieces = {
        e: [(truth.offsets[a][0], truth.offsets[b - 1][1]) for a, b in e.pieces] for e in predicted
    }
    said = {Entity.of_pieces(own, e.type) for e, own in pieces.items()}
    guess = Document("", text, (Sentence(tuple(text), letters, frozenset(said)),))
    aligned = align_documents([Document("", text, (truth,))], [guess])
    scores = evaluate([truth], aligned, bootstrap_samples=0).entity_strict.micro
    assert scores.true_positives == len(gold & predicted)
    assert scores.false_positives == len(predicted - gold)
    assert scores.false_negatives == len(gold - predicted)


def test_both_directions_of_a_symmetric_relation_of_fragments_count_as_one() -> None:
    there, back = Relation(PAINS[0], WHO, "with"), Relation(WHO, PAINS[0], "with")
    one, other = (
        Sentence.from_tokens(WORDS, entities=SENTENCE.entities, relations=[link])
        for link in (there, back)
    )
    symmetric = frozenset({"with"})
    scores = evaluate([one], [other], symmetric=symmetric, bootstrap_samples=0)
    assert scores.relation_strict.micro.f1 == 1.0
    assert scores.relation_boundaries.micro.f1 == 1.0
    assert evaluate([one], [other], bootstrap_samples=0).relation_strict.micro.f1 == 0.0
