"""spaCy's DocBin against spaCy itself, and against files that were made to break it."""

import zlib

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from srsly import msgpack
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import read_corpus, write_corpus
from dovetail.corpora.formats.docbin import docbin_file
from dovetail.errors import CorpusFormatError
from dovetail.spacy_component import SpanRelation, set_relations
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

RELATIONS = ("._.", "rel", None, None)
ANNA, BONN = Entity(0, 1, "Peop"), Entity(3, 4, "Loc")


def doc(words=("Anna", "lives", "in", "Bonn"), **fields):
    return Doc(spacy.blank("en").vocab, words=list(words), **fields)


def save(path, *docs, user_data=True):
    DocBin(store_user_data=user_data, docs=docs).to_disk(path)
    return path


def test_the_example_of_the_page_is_recognised_and_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (PROJECT / "docs" / "formats" / "spacy.md").read_text()
    exec(blocks_from_markdown(page)[0].text, {})
    corpus = read_corpus("corpus.spacy")
    assert corpus.format == "spacy"
    (sentence,) = corpus.sentences
    assert sentence.tokens == ("Anna", "lives", "in", "Bonn", ".")
    assert sentence.relations == {Relation(ANNA, BONN, "Live_In")}
    assert sentence.annotated == {"entity", "relation"}


def test_the_public_sample_is_read(data_folder):
    corpus = read_corpus(data_folder / "formats" / "spacy_docbin" / "demo.spacy")
    (sentence,) = corpus.sentences
    assert sentence.entities == {Entity(3, 5, "PERSON")}
    assert len(sentence.tokens) == 20
    assert sentence.annotated == {"entity"}


def test_sentences_and_white_space_are_those_of_the_doc(tmp_path):
    made = doc(
        ["Ann", "left", ".", "\n\n", "Bo", "  ", "came"],
        spaces=[True, False, True, False, False, False, False],
        sent_starts=[True, False, False, False, True, False, False],
        ents=["B-P", "O", "O", "O", "B-P", "I-P", "O"],
    )
    corpus = read_corpus(save(tmp_path / "c.spacy", made))
    assert corpus.documents[0].text == made.text == "Ann left. \n\nBo  came"
    assert [sentence.tokens for sentence in corpus.sentences] == [
        ("Ann", "left", "."),
        ("Bo", "came"),
    ]
    assert [sorted(item.entities) for item in corpus.sentences] == [[Entity(0, 1, "P")]] * 2
    assert corpus.ledger.notes["token: white space is none, and was left out"] == 2


def test_what_nobody_looked_at_is_not_annotated(tmp_path):
    looked, not_looked = doc(ents=["O"] * 4), doc()
    partly = doc(ents=["O", "", "O", "O"])
    corpus = read_corpus(save(tmp_path / "c.spacy", looked, not_looked, partly))
    assert [sentence.annotated for sentence in corpus.sentences] == [
        frozenset(["entity"]),
        frozenset(),
        frozenset(),
    ]


def test_span_groups_are_entities_if_it_is_known_which(tmp_path):
    def grouped(**groups):
        made = doc()
        for name, spans in groups.items():
            made.spans[name] = [Span(made, *span) for span in spans]
        return made

    nested = [(0, 4, "Fact"), (0, 1, "Peop")]
    corpus = read_corpus(save(tmp_path / "a.spacy", grouped(sc=nested, other=nested[:1])))
    assert corpus.sentences[0].entities == {Entity(0, 4, "Fact"), ANNA}
    assert [drop.kind for drop in corpus.ledger.drops] == ["span of another group"]
    assert read_corpus(save(tmp_path / "b.spacy", grouped(mine=nested))).sentences[0].entities == {
        Entity(0, 4, "Fact"),
        ANNA,
    }
    with pytest.raises(CorpusFormatError, match=r"span groups mine, yours; name the one"):
        read_corpus(save(tmp_path / "c.spacy", grouped(mine=nested, yours=nested)))


def test_scores_of_relations_from_half_on_are_relations(tmp_path):
    made = doc(ents=["B-Peop", "O", "O", "B-Loc"])
    made.user_data[RELATIONS] = {
        (0, 3): {"Live_In": 1.0, "Born_In": 0.2},
        (3, 0): {"Live_In": 0.0},
        (0, 2): {"Live_In": 1.0},
    }
    corpus = read_corpus(save(tmp_path / "c.spacy", made))
    assert corpus.sentences[0].relations == {Relation(ANNA, BONN, "Live_In")}
    assert [drop.reason for drop in corpus.ledger.drops] == ["an argument was dropped"]


def found_doc():
    """A document as Dovetail's component leaves it: overlapping entities, and relations of them."""
    doc = spacy.blank("en")("The University of Paris hired Ada.")
    university, paris, ada = (
        Span(doc, *place) for place in ((1, 4, "Org"), (3, 4, "Loc"), (5, 6, "Peop"))
    )
    doc.spans["dovetail"] = [university, paris, ada]
    doc.ents = [university, ada]
    set_relations(
        doc, [SpanRelation(ada, university, "Work_For", 0.9), SpanRelation(university, paris, "In")]
    )
    return doc


def test_relations_of_dovetails_component_are_read_with_their_span_group(tmp_path):
    file = tmp_path / "found.spacy"
    DocBin(store_user_data=True, docs=[found_doc()]).to_disk(file)
    corpus = read_corpus(file)
    (sentence,) = corpus.sentences
    assert not corpus.ledger.drops
    university, paris, ada = Entity(1, 4, "Org"), Entity(3, 4, "Loc"), Entity(5, 6, "Peop")
    assert sentence.entities == {university, paris, ada}
    assert [(r.head, r.tail, r.type, r.confidence) for r in sentence.sorted_relations] == [
        (university, paris, "In", None),
        (ada, university, "Work_For", 0.9),
    ]
    assert sentence.annotated == {"entity", "relation"}


def test_relation_of_a_span_that_is_gone_is_counted_and_a_broken_record_is_a_fault(tmp_path):
    doc = found_doc()
    doc.spans["dovetail"] = [span for span in doc.spans["dovetail"] if span.label_ != "Loc"]
    DocBin(store_user_data=True, docs=[doc]).to_disk(tmp_path / "found.spacy")
    corpus = read_corpus(tmp_path / "found.spacy")
    assert [r.type for sentence in corpus.sentences for r in sentence.relations] == ["Work_For"]
    assert [drop.type for drop in corpus.ledger.drops] == ["In"]
    for broken in ("text", {"dovetail": 3}, {"dovetail": [[1, 2]]}):
        doc.user_data["._.", "relations", None, None] = broken
        DocBin(store_user_data=True, docs=[doc]).to_disk(tmp_path / "broken.spacy")
        with pytest.raises(CorpusFormatError, match=r"expected .*doc\._\.relations"):
            read_corpus(tmp_path / "broken.spacy")


def test_a_relation_across_sentences_is_kept_where_a_unit_holds_both(tmp_path):
    made = doc(ents=["B-Peop", "O", "O", "B-Loc"], sent_starts=[True, False, True, False])
    made.user_data[RELATIONS] = {(0, 3): {"Live_In": 1.0}}
    path = save(tmp_path / "c.spacy", made)
    apart, whole = read_corpus(path), read_corpus(path, reading=Reading(unit="document"))
    assert [len(sentence.tokens) for sentence in apart.sentences] == [2, 2]
    assert [item.type for item in apart.sentences[0].unaligned] == ["Live_In"]
    assert whole.sentences[0].relations == {Relation(ANNA, BONN, "Live_In")}
    assert not whole.sentences[0].unaligned


words = st.sampled_from(["Anna", "lives", "in", "Bonn", ".", "a b", "\u0301", "\x00"])


@st.composite
def texts(draw):
    """Sentences of tokens, and entities and relations of any nesting on them."""
    text, made = draw(st.sampled_from(["", " ", "\n"])), []
    for number in range(draw(st.integers(1, 3))):
        tokens, offsets = draw(st.lists(words, min_size=1, max_size=4)), []
        for token in tokens:
            offsets.append((len(text), len(text) + len(token)))
            text += token + draw(st.sampled_from(["", " ", "  ", "\n", " \u3000", "\r\n"]))
        spans = st.tuples(st.integers(0, len(tokens) - 1), st.integers(1, 3), st.sampled_from("XY"))
        drawn = draw(st.lists(spans, max_size=3))
        entities = sorted({Entity(at, min(at + n, len(tokens)), type) for at, n, type in drawn})
        relations = [
            Relation(one, two, draw(st.sampled_from("RS")))
            for one in entities
            for two in entities
            if one != two and draw(st.booleans())
        ]
        annotations = frozenset(entities), frozenset(relations)
        made.append(Sentence(tuple(tokens), tuple(offsets), *annotations, id=f"d-{number}"))
    return Document("d", text, tuple(made))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(document=texts())
def test_what_is_written_is_read_again_by_us_and_by_spacy(tmp_path, document):
    path = tmp_path / "c.spacy"
    ledger = write_corpus([document], path, format="spacy")
    again = read_corpus(path)
    assert again.documents[0].text == document.text
    for sentence, read in zip(document.sentences, again.sentences, strict=True):
        assert (read.tokens, read.offsets) == (sentence.tokens, sentence.offsets)
        assert read.entities == sentence.entities
        assert read.relations <= sentence.relations
    assert ledger["relation"].kept == again.ledger["relation"].kept
    (theirs,) = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    assert theirs.text == document.text
    spans = {(span.start_char, span.end_char, span.label_) for span in theirs.ents}
    spans |= {(s.start_char, s.end_char, s.label_) for s in theirs.spans.get("sc", ())}
    assert spans == {
        (item.offsets[e.start][0], item.offsets[e.end - 1][1], e.type)
        for item in document.sentences
        for e in item.entities
    }
    assert len([*theirs.sents]) == len(document.sentences)


def parts(path):
    return msgpack.unpackb(zlib.decompress(path.read_bytes()), raw=False)


def packed(path, message):
    path.write_bytes(zlib.compress(msgpack.packb(message, use_bin_type=True)))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole.pop("attrs"), "expected a DocBin with attrs"),
        (lambda whole: whole.update(lengths=b"\xff\xff\xff\xff"), "do not fit together"),
        (lambda whole: whole.update(lengths=b"\xff\xff\xff\x7f"), "do not fit together"),
        (lambda whole: whole.update(spaces=b""), "do not fit together"),
        (lambda whole: whole.update(tokens=b"123"), "do not fit together"),
        (lambda whole: whole.update(tokens=b"\x07" * len(whole["tokens"])), "do not fit together"),
        (lambda whole: whole.update(attrs=[]), "do not fit together"),
        (lambda whole: whole.update(strings=[1, 2]), "do not fit together"),
        (lambda whole: whole.update(user_data=[b"\xc1"]), "msgpack that cannot be read"),
        (lambda whole: whole.update(user_data=[b"\x81" * 5000]), "msgpack that cannot be read"),
        (lambda whole: whole.update(span_groups=[b"\x91\x01"]), "do not fit together|msgpack"),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_refused_by_a_sentence(tmp_path, change, message):
    path = save(tmp_path / "c.spacy", doc(ents=["O"] * 4))
    whole = parts(path)
    change(whole)
    with pytest.raises(CorpusFormatError, match=message):
        read_corpus(packed(path, whole), format="spacy")


def test_no_decoder_that_a_package_registers_is_called(tmp_path):
    def never(*_, **__):
        raise AssertionError("a decoder was called")

    made = doc(ents=["B-Peop", "O", "O", "B-Loc"])
    made.user_data[RELATIONS] = {(0, 3): {"Live_In": 1.0}}
    made.user_data["more"] = {"nd": True, "type": "|O", "data": b"cos\nsystem\n(S'false'\ntR."}
    path = save(tmp_path / "c.spacy", made)
    msgpack.msgpack_decoders.register("never", func=never)
    try:
        assert len(read_corpus(path).sentences[0].relations) == 1
    finally:
        import catalogue

        catalogue.REGISTRY.pop(("srsly", "msgpack_decoders", "never"))


def test_a_file_that_unfolds_beyond_bounds_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "c.spacy", doc())
    monkeypatch.setattr(docbin_file, "LARGEST", 100)
    with pytest.raises(CorpusFormatError, match="unfolds to more than 100 bytes"):
        read_corpus(path)


def test_a_broken_relation_is_dropped_alone_and_a_broken_doc_alone(tmp_path):
    good = doc(ents=["B-Peop", "O", "O", "B-Loc"])
    good.user_data[RELATIONS] = {
        (0, 3): {"Live_In": 1.0},
        "x": {"R": 1.0},
        (1, 2): {"R": "yes"},
        (0, 1): {"": 1.0},
    }
    bad = doc(ents=["B-Peop", "O", "O", "B-Loc"])
    bad.user_data[RELATIONS] = ["no", "pairs"]
    path = save(tmp_path / "c.spacy", good, bad)
    with pytest.raises(CorpusFormatError, match=r"expected doc\._\.rel as"):
        read_corpus(path)
    ledger = read_corpus(path, reading=Reading(on_error="drop")).ledger
    assert (ledger["document"].kept, ledger["document"].dropped) == (1, 1)
    assert (ledger["relation"].kept, ledger["relation"].dropped) == (1, 3)
