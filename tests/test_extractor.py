from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import DEV, SENTENCES
from tests.networks import talkative_model

from dovetail.corpora import Corpus, read_corpus
from dovetail.errors import CorpusError, ModelError, TextError
from dovetail.extractor import Extractor
from dovetail.model.asked_schemas import AskedSchemas
from dovetail.running.locks import ProcessLock
from dovetail.running.steps import result_of
from dovetail.saved.finding import model_folder, shipped_models
from dovetail.saved.model_folder import load_model
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.extraction import Extraction
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import DEFAULT_READING
from dovetail.text.reading_ahead import (
    BATCH_TOKENS,
    BUFFERED_TOKENS,
    batches_of_similar_length,
    buffers,
)
from dovetail.text.visibility import visible_span

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]

TALKATIVE = Extractor(talkative_model())
"""Finds something in almost every text, so that there are offsets to be checked."""


@pytest.fixture(scope="module")
def extractor(trained_model: Path) -> Extractor:
    return Extractor(load_model(trained_model).model)


def assert_sound(extraction: Extraction, text: str) -> dict[str, Any]:
    """Offsets cut the text of every entity, and the result has its one shape."""
    result = extraction.to_dict()
    assert json.loads(json.dumps(result)) == result
    assert list(result) == ["id", "text", "entities", "relations", "sentences"]
    assert result["text"] == text
    for entity in result["entities"]:
        assert list(entity) == ["start", "end", "type", "text", "confidence"]
        assert 0 <= entity["start"] < entity["end"] <= len(text)
        assert entity["text"] == text[entity["start"] : entity["end"]]
        assert 0 <= entity["confidence"] <= 1
        assert visible_span(text, entity["start"], entity["end"]) == (
            entity["start"],
            entity["end"],
        )
    spans = [(entity["start"], entity["end"]) for entity in result["entities"]]
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    for relation in result["relations"]:
        assert list(relation) == ["head", "tail", "type", "confidence"]
        assert relation["head"] != relation["tail"]
        assert max(relation["head"], relation["tail"]) < len(result["entities"])
        threshold = extraction.thresholds[relation["type"]]
        assert threshold - 1e-3 <= relation["confidence"] <= 1
    return result


def found(extraction: Extraction) -> tuple[list[Any], list[Any]]:
    """Entities and relations without confidences."""
    result = extraction.to_dict()
    for annotation in (*result["entities"], *result["relations"]):
        del annotation["confidence"]
    return result["entities"], result["relations"]


def test_trained_model_finds_what_it_was_taught(extractor: Extractor) -> None:
    result = assert_sound(extractor.extract(TEXTS[0]), TEXTS[0])
    types = {entity["text"]: entity["type"] for entity in result["entities"]}
    assert types["Ada Lovelace"] == "Person"
    assert types["London"] == "Place"
    assert [relation["type"] for relation in result["relations"]] == ["lives_in"]


def test_pipe_keeps_the_order_and_says_what_extract_says_of_each() -> None:
    texts = [*TEXTS, "", *TEXTS[::-1], " \n ", "one"]
    piped = list(TALKATIVE.pipe(iter(texts)))
    assert [extraction.document.text for extraction in piped] == texts
    assert sum(len(found(extraction)[1]) for extraction in piped) > 0
    for text, extraction in zip(texts, piped, strict=True):
        assert found(extraction) == found(TALKATIVE.extract(text))
    assert [found(e) for e in TALKATIVE.extract(texts)] == [found(e) for e in piped]


def test_pipe_answers_before_the_stream_ends() -> None:
    endless = itertools.cycle(TEXTS)
    first = list(itertools.islice(TALKATIVE.pipe(endless), 3))
    assert [extraction.document.text for extraction in first] == TEXTS[:3]


def test_pipe_answers_in_a_stream_of_empty_texts() -> None:
    first = next(TALKATIVE.pipe(itertools.repeat("", 3 * BUFFERED_TOKENS)))
    assert found(first) == ([], [])


def test_long_sentence_is_read_in_windows_and_loses_nothing() -> None:
    unit = "Ada Lovelace lives in London and "
    text = unit * (3 * DEFAULT_READING.max_tokens // 6)
    result = assert_sound(TALKATIVE.extract(text), text)
    last = max(entity["end"] for entity in result["entities"])
    assert last > len(text) - 3 * len(unit)


def test_sentence_that_fits_a_window_is_read_whole(extractor: Extractor) -> None:
    (alone,) = extractor.annotate([SENTENCES[0]])
    assert alone.sorted_entities == SENTENCES[0].sorted_entities


def test_a_hundred_thousand_words_in_one_sentence() -> None:
    text = "Ada " * 100_000
    result = assert_sound(TALKATIVE.extract(text), text)
    assert result["text"] == text


ODDITIES = [
    "",
    " ",
    "\n\n\t",
    "London",
    ".",
    "\0",
    "Ada\0Lovelace lives in\0 London\0.",
    "👩‍👩‍👧‍👦 Ada 👍🏽 lives in 🇬🇧London🇬🇧 .",
    "عمل محمد في شركة سيمنز في برلين.",
    "\u202eעדה גרה בלונדון\u202c .",
    "e\u0301cole Ada\u200bLovelace \ufeffLondon",
    "\U0001d538\U0001d555\U0001d552 lives in \U0001d543\U0001d560",  # beyond 16 bits
    "A" * 100_000,
    "\u0301" * 500,
    "Ada\r\nlives\rin\u2028London\u0085.",
]


@pytest.mark.parametrize("text", ODDITIES, ids=range(len(ODDITIES)))
def test_odd_texts_get_an_answer_with_true_offsets(text: str) -> None:
    assert_sound(TALKATIVE.extract(text), text)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_gets_an_answer_with_true_offsets(text: str) -> None:
    assert_sound(TALKATIVE.extract(text), text)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Ada", "London", "lives", "in", "Great Western", "."]),
            st.sampled_from([" ", "\n", "  ", "\0", " 👍 ", "\u00a0"]),
        ),
        max_size=20,
    )
)
def test_words_that_the_model_knows_keep_their_offsets_between_anything(
    pieces: list[tuple[str, str]],
) -> None:
    text = "".join(word + between for word, between in pieces)
    assert_sound(TALKATIVE.extract(text), text)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(CorpusError, match="half a surrogate pair at character 4"):
        TALKATIVE.extract("Ada \ud83d lives")


def test_documents_keep_their_own_tokens_and_lose_their_annotations() -> None:
    documents = [Document.from_sentence(sentence) for sentence in SENTENCES]
    predicted = [found.document for found in TALKATIVE.pipe_documents(documents)]
    assert [document.id for document in predicted] == [document.id for document in documents]
    for before, after in zip(documents, predicted, strict=True):
        assert [s.tokens for s in after.sentences] == [s.tokens for s in before.sentences]
    bare = [sentence.without_annotations() for sentence in SENTENCES]
    assert TALKATIVE.annotate(SENTENCES) == TALKATIVE.annotate(bare)


def test_sentences_without_tokens_stay_as_they_are() -> None:
    empty = Sentence((), ())
    assert TALKATIVE.annotate([empty, DEV[0], empty])[::2] == [empty, empty]
    assert TALKATIVE.annotate([]) == []


def test_extraction_is_a_document_of_the_native_format(tmp_path: Path) -> None:
    extractions = TALKATIVE.extract(TEXTS)
    path = tmp_path / "found.jsonl"
    lines = [json.dumps(extraction.to_dict()) + "\n" for extraction in extractions]
    path.write_text("".join(lines), encoding="utf-8")
    documents = read_corpus(path).documents
    assert any(sentence.relations for document in documents for sentence in document.sentences)
    for extraction, document in zip(extractions, documents, strict=True):
        assert document.text == extraction.document.text
        assert [(s.entities, s.relations) for s in document.sentences] == [
            (s.entities, s.relations) for s in extraction.document.sentences
        ]


@given(st.lists(st.integers(0, 300), max_size=200))
def test_batches_hold_every_sentence_once(lengths: list[int]) -> None:
    batches = list(batches_of_similar_length(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        size = len(batch) * max(lengths[index] for index in batch)
        assert size <= BATCH_TOKENS or len(batch) == 1


def document_of(tokens: int) -> Document:
    """A document of one sentence of so many equal tokens, or of no sentence."""
    sentence = Sentence(("w",) * tokens, ((0, 1),) * tokens)
    return Document(str(tokens), "w", (sentence,) * bool(tokens))


DOCUMENTS = [document_of(size) for size in (0, 1, 500, BUFFERED_TOKENS // 2, BUFFERED_TOKENS)]


@given(st.lists(st.sampled_from(DOCUMENTS), max_size=12))
def test_buffers_hold_the_stream_in_order(documents: list[Document]) -> None:
    parts = list(buffers(documents))
    assert [document for buffered in parts for document in buffered] == documents
    for buffered in parts:
        tokens = [sum(len(s.tokens) for s in document.sentences) for document in buffered]
        assert sum(tokens[:-1]) < BUFFERED_TOKENS


def test_buffers_of_empty_documents_end_too() -> None:
    empty = itertools.repeat(Document("", ""), 2 * BUFFERED_TOKENS)
    assert [len(buffered) for buffered in buffers(empty)] == [BUFFERED_TOKENS] * 2


def test_loading_takes_a_folder_or_the_name_of_a_shipped_model(
    trained_model: Path, tmp_path: Path
) -> None:
    extractor = Extractor.load(trained_model, threads=1)
    assert extractor.schema.relation_types == ("based_in", "lives_in", "works_for")
    assert list(extractor.thresholds) == ["based_in", "lives_in", "works_for"]
    assert model_folder(str(trained_model)) == trained_model
    for name, folder in shipped_models().items():
        assert model_folder(name) == folder
    with pytest.raises(ModelError, match=r"no model at 'nowhere'.*dovetail train"):
        Extractor.load("nowhere")
    with pytest.raises(ModelError, match="is not a saved model"):
        Extractor.load(tmp_path)


def test_pipe_refuses_a_single_text_instead_of_reading_its_characters() -> None:
    with pytest.raises(TypeError, match="found one"):
        TALKATIVE.pipe("Ada lives in London.")


def read_back(extractor: Extractor, extractions: list[Extraction], path: Path) -> Corpus:
    lines = [extractor.header(), *(extraction.to_dict() for extraction in extractions)]
    path.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    return read_corpus(path)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*TEXTS, *(text for text in ODDITIES if len(text) < 1000)]),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_extractions_are_a_corpus_that_reads_back_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    extractions = TALKATIVE.extract(texts)
    path = tmp_path_factory.mktemp("read") / "found.jsonl"
    corpus = read_back(TALKATIVE, extractions, path)
    assert all(not count.dropped for count in corpus.ledger.counts.values())
    for extraction, document in zip(extractions, corpus.documents, strict=True):
        again = Extraction(document, extraction.thresholds)
        assert (again.text, again.entities, again.relations) == (
            extraction.text,
            extraction.entities,
            extraction.relations,
        )
        assert again.to_dict() == extraction.to_dict()


def test_documents_read_back_with_their_names_sentences_and_tokens(
    trained_model: Path, tmp_path: Path
) -> None:
    extractor = Extractor.load(trained_model)
    text = f"{TEXTS[0]} {TEXTS[1]}"
    named = [extractor.tokenizer.document(text, "same") for _ in range(2)]
    extractions = list(extractor.pipe_documents(named))
    assert sum(len(extraction.relations) for extraction in extractions) == 4
    corpus = read_back(extractor, extractions, tmp_path / "found.jsonl")
    assert list(corpus.documents) == [extraction.document for extraction in extractions]
    header = json.loads((tmp_path / "found.jsonl").read_text().splitlines()[0])
    assert header == {
        "format": "dovetail",
        "version": 1,
        "model": "run",
        "thresholds": extractor.thresholds,
    }


INVISIBLE = "\ufeff\u200b\u200d\u2060\u00ad\u200e"


def test_what_cannot_be_seen_is_not_part_of_an_entity() -> None:
    tokens = ("\ufeffAda", "Lovelace\u200b", "\u200b", "in", "\u2060", "London", "\u00ad\u200d")
    text = " ".join(tokens)
    plain = Sentence.from_tokens(tokens)
    person, place = Entity(0, 3, "Person", 0.5), Entity(4, 7, "Place", 0.5)
    found = Sentence.from_tokens(
        tokens, entities=[person, place], relations=[Relation(person, place, "lives_in")]
    )
    assert plain.offsets == found.offsets
    extraction = Extraction(Document("", text, (found,)), {})
    assert [entity.text for entity in extraction.entities] == ["Ada Lovelace", "London"]
    for entity in extraction.entities:
        assert text[entity.start_char : entity.end_char] == entity.text


@given(st.text(st.sampled_from(INVISIBLE + " \na🏴󠁧󠁢󠁥󠁮󠁧󠁿é"), max_size=12), st.data())
def test_visible_span_is_the_longest_that_begins_and_ends_with_what_is_seen(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    seen = [
        place
        for place in range(start, end)
        if text[place] not in INVISIBLE and not text[place].isspace()
    ]
    first, last = visible_span(text, start, end)
    assert text[first:last] == (text[seen[0] : seen[-1] + 1] if seen else "")


def test_entities_in_which_nothing_is_seen_are_left_out_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    extractor = Extractor(talkative_model())
    texts = ["Ada \u200b\ufeff London " * 3, "\u200b \u2060 \ufeff"] * 2
    tokens = [Sentence.from_tokens(text.split()) for text in texts]
    asked = AskedSchemas(extractor.model)
    steps = asked.predict(
        tokens, extractor.featurise, given_entities=False, at_once=1, turn=ProcessLock()
    )
    raw = [s.entities for s in result_of(steps)[ONLY]]
    assert any("\u200b" in "".join(tokens[1].tokens[e.start : e.end]) for e in raw[1])
    for sentence in extractor.annotate(tokens):
        for entity in sentence.entities:
            assert set("".join(sentence.tokens[entity.start : entity.end])) - set(INVISIBLE)
    assert [record.message for record in caplog.records] == [
        "entities that hold nothing but white space or characters of no width are left out"
    ]


@pytest.mark.parametrize("wrong", [None, b"Ada", bytearray(b"Ada"), {"text": "Ada"}, 5])
def test_what_is_no_text_is_refused_by_its_type(wrong: Any) -> None:
    name = type(wrong).__name__
    for call in (TALKATIVE.extract, TALKATIVE.pipe):
        with pytest.raises(TypeError, match=f"expected a str, or several .*, found {name}"):
            call(wrong)
    with pytest.raises(TypeError, match=f"item 2, counted from 0: expected a str, found {name}"):
        TALKATIVE.extract(["Ada", "London", wrong])
    with pytest.raises(TypeError, match=r"item 0, .*: expected a Sentence, found str"):
        TALKATIVE.annotate(["Ada"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"item 0, .*: expected a Document, found str"):
        next(TALKATIVE.pipe_documents(["Ada"]))  # type: ignore[list-item]


@pytest.mark.parametrize(("wrong", "error"), [(None, TypeError), ("a\ud800", TextError)])
def test_pipe_delivers_what_comes_before_a_bad_text(wrong: Any, error: type[Exception]) -> None:
    texts = [*TEXTS, wrong, "Ada"]
    piped = TALKATIVE.pipe(texts)
    assert [next(piped).text for _ in TEXTS] == TEXTS
    with pytest.raises(error, match=f"{len(TEXTS)}, counted from 0"):
        next(piped)


def test_pipe_leaves_bad_texts_out_and_tells_of_them() -> None:
    told: list[tuple[int, Exception]] = []
    texts: list[Any] = [None, *TEXTS, "a\ud800", "Ada", b"Ada"]
    piped = TALKATIVE.pipe(texts, on_error=lambda index, error: told.append((index, error)))
    assert [extraction.text for extraction in piped] == [*TEXTS, "Ada"]
    places = [0, len(TEXTS) + 1, len(TEXTS) + 3]
    assert [index for index, _ in told] == places
    assert [type(error) for _, error in told] == [TypeError, TextError, TypeError]
    assert told[1][1].index == places[1]  # type: ignore[attr-defined]


def test_pipe_delivers_what_came_before_its_source_failed() -> None:
    def source() -> Iterator[str]:
        yield from TEXTS
        raise ConnectionError("gone")

    piped = TALKATIVE.pipe(source())
    assert [next(piped).text for _ in TEXTS] == TEXTS
    with pytest.raises(ConnectionError, match="gone") as failure:
        next(piped)
    assert failure.value.__notes__ == [
        f"raised by the source of the texts, which had given {len(TEXTS)} of them"
    ]


def test_the_folder_of_a_run_stands_for_its_model(trained_model: Path) -> None:
    assert model_folder(trained_model.parent) == trained_model
    assert Extractor.load(trained_model.parent).name == "run"
