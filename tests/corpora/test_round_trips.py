"""What was written is what is read, in every format, as far as the format can hold it."""

import json
import re
import shutil
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.errors import DovetailError, OutputError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

# What they hold is shaped by the format; tests of their own say what is read again.
OTHERS = ["tacred", "opennre", "semeval2010", "semeval2018", "webanno"]
WRITTEN = [name for name, format in FORMATS.items() if format.write]
CUT_ANEW = (*("brat", "labelstudio", "doccano", "pubtator", "bioc", "bioc-json", "entity-table"),)
"""Formats of raw text: it is cut into sentences and tokens anew when it is read."""
OF_TOKENS = [name for name in WRITTEN if name not in ("dovetail", *CUT_ANEW, *OTHERS)]

characters = st.characters(exclude_categories=["Cs"])
words = st.one_of(
    st.text(characters, min_size=1, max_size=6),
    st.sampled_from(["the", ",", "(", "COMMA", "a/b", "-DOCSTART-", "#", "x\ty", "x\ny", " ", "/"]),
)
types = st.sampled_from(["Person", "Loc", "creative-work", "two words", "O", "a\tb"])
confidences = st.none() | st.floats(0, 1)


@st.composite
def sentences(draw, tokens=None, offsets=None, id=""):
    tokens = tokens or tuple(draw(st.lists(words, min_size=1, max_size=8)))
    spans = st.tuples(st.integers(0, len(tokens) - 1), st.integers(1, 4))
    entities = [
        Entity(start, min(start + length, len(tokens)), draw(types), draw(confidences))
        for start, length in draw(st.lists(spans, max_size=5))
    ]
    entities = sorted(frozenset(entities))
    relations = [
        Relation(head, tail, draw(types), draw(confidences))
        for head in entities
        for tail in entities
        if head != tail and draw(st.booleans())
    ]
    annotated = draw(st.sampled_from([("entity", "relation"), ("entity",), ("relation",), ()]))
    if offsets is None:
        return Sentence.from_tokens(
            tokens, entities=entities, relations=relations, annotated=annotated, id=id
        )
    annotations = frozenset(entities), frozenset(relations)
    return Sentence(tokens, offsets, *annotations, frozenset(annotated), id)


@st.composite
def raw_documents(draw, id):
    """A text with gaps of any size between its tokens, cut into any number of sentences."""
    text, made = draw(st.text(characters, max_size=3)), []
    for number in range(draw(st.integers(0, 3))):
        tokens, offsets = tuple(draw(st.lists(words, min_size=1, max_size=5))), []
        for token in tokens:
            offsets.append((len(text), len(text) + len(token)))
            text += token + draw(st.sampled_from(["", " ", "\n", " \u3000"]))
        made.append(draw(sentences(tokens, tuple(offsets), id=f"{id}-{number}")))
    return Document(id, text, tuple(made))


@st.composite
def corpora(draw):
    documents = []
    for number in range(draw(st.integers(1, 3))):
        id = f"d{number}"
        if draw(st.booleans()):
            documents.append(Document.from_sentence(draw(sentences(id=id))))
        else:
            documents.append(draw(raw_documents(id)))
    return documents


def scored(documents):
    """The documents in a form in which confidences take part in equality."""
    return [
        (
            document,
            [
                (sorted(map(repr, sentence.entities)), sorted(map(repr, sentence.relations)))
                for sentence in document.sentences
            ],
        )
        for document in documents
    ]


def annotations(documents):
    """All annotations with the words of their sentence."""
    return Counter(
        (sentence.tokens, annotation)
        for document in documents
        for sentence in document.sentences
        for annotation in [*sentence.entities, *sentence.relations]
    )


many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@many
@given(documents=corpora())
def test_native_format_gives_back_the_same_documents(tmp_path, documents):
    path = tmp_path / "corpus.jsonl"
    ledger = write_corpus(documents, path, format="dovetail")
    assert not ledger.drops
    assert not ledger.notes
    corpus = read_corpus(path)
    assert scored(corpus.documents) == scored(documents)
    assert not corpus.ledger.drops
    assert not corpus.ledger.notes


@pytest.mark.parametrize("format", OF_TOKENS)
@many
@given(documents=corpora())
def test_what_a_ledger_calls_kept_is_read_again(tmp_path, format, documents):
    path = tmp_path / f"corpus.{format}"
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    ledger = write_corpus(documents, path, format=format)
    if not ledger["sentence"].kept and not ledger["document"].kept:
        return  # an empty file is refused; what was lost is listed
    read = read_corpus(path, format=format)
    for kind in ("sentence", "entity", "relation"):
        assert ledger[kind].kept == read.ledger[kind].read == read.ledger[kind].kept
    assert annotations(read.documents) <= annotations(documents)


@many
@given(documents=corpora())
def test_spert_holds_every_sentence_exactly(tmp_path, documents):
    path = tmp_path / "corpus.json"
    write_corpus(documents, path, format="spert")
    expected = [
        (sentence.tokens, sentence.entities, sentence.relations, sentence.id)
        for document in documents
        for sentence in document.sentences
    ]
    if expected:
        read = read_corpus(path, format="spert").sentences
        assert [(s.tokens, s.entities, s.relations, s.id) for s in read] == expected


plain_words = st.sampled_from(["Anna", "lives", "in", "Bonn", ".", "(", "U.S.", "3,4", "e\u0301"])


@st.composite
def text_documents(draw):
    text, made = "", []
    for number in range(draw(st.integers(1, 3))):
        tokens, offsets = [*draw(st.lists(plain_words, min_size=1, max_size=5)), "!"], []
        for token in tokens:
            offsets.append((len(text), len(text) + len(token)))
            text += token + draw(st.sampled_from([" ", "\n", "  ", "\r\n", ""]))
        made.append(draw(sentences(tuple(tokens), tuple(offsets), id=f"d-{number}")))
    return Document("d", text, tuple(made))


def character_annotations(document):
    def place(sentence, entity):
        start, end = sentence.offsets[entity.start][0], sentence.offsets[entity.end - 1][1]
        return start, end, entity.type

    found = Counter()
    for sentence in document.sentences:
        found.update(place(sentence, entity) for entity in sentence.entities)
        found.update(
            (place(sentence, relation.head), place(sentence, relation.tail), relation.type)
            for relation in sentence.relations
        )
    return found


@pytest.mark.parametrize("format", CUT_ANEW)
@many
@given(document=text_documents())
def test_a_format_of_raw_text_gives_back_text_and_characters(tmp_path_factory, format, document):
    folder = tmp_path_factory.mktemp("texts") / "corpus"
    written = write_corpus([document], folder, format=format)
    read = read_corpus(folder, format=format, reading=Reading(borders="cut"))
    if format == "pubtator":  # a line is a paragraph
        title, _, abstract = re.sub("\r", " ", document.text).partition("\n")
        abstract = abstract.replace("\n", " ")
        assert read.documents[0].text == (f"{title}\n{abstract}" if abstract else title)
    else:
        assert read.documents[0].text == document.text
    assert read.ledger["entity"].kept == written["entity"].kept
    expected = character_annotations(document)
    found = character_annotations(read.documents[0])
    assert found <= expected
    assert found.total() == expected.total() - len(written.drops) - len(read.ledger.drops)


@pytest.mark.parametrize("format", WRITTEN)
def test_a_failed_write_leaves_the_old_file(tmp_path, format):
    path = tmp_path / "corpus"
    path.mkdir()
    (path / "precious").write_text("mine")
    sentence = Sentence.from_tokens(["a"])
    with pytest.raises(DovetailError, match="corpus"):
        write_corpus([Document.from_sentence(sentence)], path, format=format)
    assert [file.name for file in tmp_path.iterdir()] == ["corpus"]
    assert (path / "precious").read_text() == "mine"


@pytest.mark.parametrize("format", WRITTEN)
def test_text_that_no_encoding_holds_is_refused_and_leaves_nothing(tmp_path, format):
    one, other = Entity(0, 1, "P"), Entity(1, 2, "P")
    sentence = Sentence.from_tokens(
        ["a\ud800", "b"], entities=[one, other], relations=[Relation(one, other, "R")]
    )
    document = Document.from_sentence(sentence)
    with pytest.raises(OutputError, match="surrogate"):
        write_corpus([document], tmp_path / "corpus", format=format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", WRITTEN)
def test_a_folder_that_is_a_file_is_refused(tmp_path, format):
    (tmp_path / "file").write_text("mine")
    document = Document.from_sentence(Sentence.from_tokens(["a"]))
    with pytest.raises(OutputError, match="cannot be written"):
        write_corpus([document], tmp_path / "file" / "corpus", format=format)


def test_native_lines_show_what_an_entity_covers(tmp_path):
    text = "Anna  lives\nin Bonn."
    sentence = Sentence(
        ("Anna", "lives", "in", "Bonn", "."),
        ((0, 4), (6, 11), (12, 14), (15, 19), (19, 20)),
        frozenset([Entity(3, 4, "Loc", 0.5)]),
    )
    path = tmp_path / "predictions.jsonl"
    write_corpus([Document("d", text, (sentence,))], path, format="dovetail")
    header, line = map(json.loads, path.read_text().splitlines())
    assert header == {"format": "dovetail", "version": 1}
    assert line["sentences"][0]["entities"] == [
        {"start": 15, "end": 19, "type": "Loc", "confidence": 0.5, "text": "Bonn"}
    ]
