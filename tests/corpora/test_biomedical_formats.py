"""PubTator and BioC: twins have equal counts, relations between concepts link mentions."""

import json
import re
from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import read_corpus, write_corpus
from dovetail.corpora.known_formats import recognise
from dovetail.corpora.marking.concepts import Mentions
from dovetail.corpora.marking.marked_text import CharacterEntity
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence, character_span
from dovetail.text.reading import Reading

pytest.importorskip("defusedxml")

PAGES = {
    name: blocks_from_markdown((PROJECT / "docs" / "formats" / f"{name}.md").read_text())
    for name in ("pubtator", "bioc")
}
EXAMPLES = {
    "pubtator": PAGES["pubtator"][0].text,
    "bioc": PAGES["bioc"][0].text,
    "bioc-json": PAGES["bioc"][1].text,
}
WHOLE = Reading(unit="document")


def read(tmp_path, content, reading=WHOLE, format=None):
    path = tmp_path / "corpus"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_corpus(path, format=format, reading=reading)


def found(corpus):
    """Entities and relations by their words."""
    entities, relations = [], []
    for document in corpus.documents:
        for sentence in document.sentences:

            def words(entity, document=document, sentence=sentence):
                return document.surface(sentence, entity)

            entities += [(words(item), item.type) for item in sentence.sorted_entities]
            relations += [
                (words(item.head), item.type, words(item.tail))
                for item in sentence.sorted_relations
            ]
    return entities, relations


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_the_page_is_recognised_and_read(tmp_path, name):
    corpus = read(tmp_path, EXAMPLES[name])
    assert corpus.format == name
    assert found(corpus) == (
        [("Methyl dopa", "Chemical"), ("depression", "Disease")],
        [("Methyl dopa", "CID", "depression")],
    )
    assert not corpus.ledger.drops


def everything(corpus):
    """All that stands in a corpus, by document, as characters; what tokens miss included."""
    listed = Counter()
    for document in corpus.documents:
        for sentence in document.sentences:
            spans = {entity: character_span(sentence, entity) for entity in sentence.entities}
            listed.update((document.id, *spans[item], item.type) for item in sentence.entities)
            listed.update((document.id, item.spans, item.type) for item in sentence.unaligned)
            listed.update(
                (document.id, spans[item.head], spans[item.tail], item.type)
                for item in sentence.relations
            )
    return listed


def test_ncbi_disease_is_the_same_corpus_in_brat_pubtator_and_bioc(data_folder, tmp_path):
    formats = data_folder / "formats"
    brat = read_corpus(formats / "brat_ncbi")
    expected = everything(brat)
    assert expected.total() == 787
    pubtator = read_corpus(formats / "pubtator_ncbi" / "NCBIdevelopset_corpus.txt")
    assert everything(pubtator) == expected
    for format in ("pubtator", "bioc", "bioc-json"):
        path = tmp_path / format
        write_corpus(brat.documents, path, format=format)
        again = read_corpus(path)
        assert again.format == format
        assert everything(again) == expected
        assert {kind: count.kept for kind, count in again.ledger.counts.items()} == {
            "document": 100,
            "sentence": len(brat.sentences),
            "entity": 787,
            "relation": 0,
        }


def test_biored_is_the_same_corpus_in_xml_json_and_pubtator(data_folder):
    folder = data_folder / "formats" / "bioc_biored"
    corpora = [
        read_corpus(folder / f"Dev.{name}") for name in ("BioC.XML", "BioC.JSON", "PubTator")
    ]
    first, *others = ({document.id: document for document in item.documents} for item in corpora)
    assert others == [first, first]
    for corpus in corpora:
        assert corpus.ledger["entity"].read == 3533
        relations = corpus.ledger["relation"]
        assert (relations.read, relations.kept + relations.dropped) == (1162, 1162)
    assert len({item.ledger["relation"].kept for item in corpora}) == 1


def test_bc5cdr_loses_no_relation_without_a_reason(data_folder):
    path = data_folder / "formats" / "pubtator_bc5cdr" / "CDR_sample.txt"
    ledger = read_corpus(path, reading=Reading(unit="document")).ledger
    assert (ledger["entity"].read, ledger["relation"].read) == (925, 124)
    assert sum(ledger.reasons().values()) == 124 - ledger["relation"].kept


places = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ABC")), max_size=12)


@given(places=places)
def test_the_closest_mentions_are_those_of_a_full_search(places):
    mentions = Mentions()
    for position, (start, concepts) in enumerate(places):
        entity = CharacterEntity(start, start + 1, "X", "here")
        mentions.add(position, entity, concepts + ("|A" if start % 5 == 0 else ""))
    by_concept = {
        concept: [
            (start, position)
            for position, (start, own) in enumerate(places)
            if own == concept or (concept == "A" and start % 5 == 0)
        ]
        for concept in "ABC"
    }
    for head, tail in product("ABC", repeat=2):
        pairs = list(product(by_concept[head], by_concept[tail]))
        apart = [(one, other) for one, other in pairs if one[1] != other[1]]
        best = mentions.closest(head, tail)
        if not pairs:
            assert best is None
        elif not apart:
            assert best[0] == best[1]
        else:
            _, _, _, *expected = min(
                (abs(one[0] - other[0]), one[0], other[0], one[1], other[1]) for one, other in apart
            )
            assert list(best) == expected


def test_one_relation_between_concepts_is_one_between_their_closest_mentions(tmp_path):
    corpus = read(
        tmp_path,
        "1|t|Aspirin and fever and pain\n1|a|Then aspirin or acetyl helped.\n"
        "1\t0\t7\tAspirin\tDrug\tD1\n1\t12\t17\tfever\tSign\tS1,S2\n1\t22\t26\tpain\tSign\tS3\n"
        "1\t32\t39\taspirin\tDrug\tD1\n1\t43\t49\tacetyl\tDrug\t-\n"
        "1\tHelps\tD1\tS2\n1\tHelps\tD1\tS3\tNovel\n1\tHelps\tD9\tS3\n1\tHelps\tD1\tS1\n",
    )
    assert found(corpus)[1] == [("Aspirin", "Helps", "fever"), ("aspirin", "Helps", "pain")]
    assert corpus.ledger["relation"].read == 4
    assert [drop.reason for drop in corpus.ledger.drops] == [
        "the text has no mention of a concept that it names",
        "duplicate",
    ]
    assert corpus.ledger.notes["relation: what follows its concepts is not held"] == 1


def test_a_pubtator_title_alone_and_documents_without_blank_lines_are_read(tmp_path):
    corpus = read(tmp_path, "1|t|Ann left.\n1\t0\t3\tAnn\tPer\n2|t|Bo came.\n2|a|So.\n\n\n")
    assert [document.text for document in corpus.documents] == ["Ann left.", "Bo came.\nSo."]
    assert {sentence.annotated for sentence in corpus.sentences} == {frozenset(["entity"])}


@pytest.mark.parametrize("content", ["1|t|Ann left.\n", {"documents": [{"passages": []}]}])
def test_a_corpus_without_an_annotation_is_not_annotated(tmp_path, content):
    corpus = read(tmp_path, content)
    assert not any(sentence.annotated for sentence in corpus.sentences)
    assert corpus.ledger.notes["corpus: without annotations, so read as not annotated"] == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2\t0\t3\tAnn\tPer\tC1", "a line of document '2' among those of '1'"),
        ("1\t0\t3\tBo\tPer\tC1", "the text is said to be 'Bo'"),
        ("1\t0\tx\tAnn\tPer\tC1", "expected a mention as"),
        ("1\t0\t3\tAnn\t\tC1", "expected a mention as"),
        ("1\t0\t300\tAnn\tPer\tC1", "not within the 9 characters"),
        ("1\tHelps\tC1\t", "expected a relation as"),
        ("nonsense", "expected '123|t|Title'"),
        ("1|a|One.\n1|a|Two.", "a second abstract"),
    ],
)
def test_a_broken_pubtator_line_is_named_and_can_be_dropped(tmp_path, line, message):
    content = f"1|t|Ann left.\n{line}\n1\t4\t8\tleft\tVerb\tC2\n"
    with pytest.raises(CorpusFormatError, match=re.escape(message)):
        read(tmp_path, content)
    corpus = read(tmp_path, content, Reading(on_error="drop"))
    assert ("left", "Verb") in found(corpus)[0]
    assert len(corpus.ledger.drops) == 1


def passage(text, offset=0, annotations=(), relations=(), **fields):
    annotations, relations = list(annotations), list(relations)
    return {
        "offset": offset,
        "text": text,
        "annotations": annotations,
        "relations": relations,
        **fields,
    }


def annotation(id, type, *locations, **infons):
    places = [{"offset": start, "length": length} for start, length in locations]
    return {"id": id, "infons": {"type": type, **infons}, "locations": places}


def relation(type, *nodes, id="", **infons):
    pairs = [{"refid": name, "role": role} for name, role in nodes]
    return {"id": id, "infons": {"type": type, **infons}, "nodes": pairs}


def collection(*passages, **fields):
    return {"documents": [{"id": "d", "passages": list(passages), **fields}]}


def test_positions_are_right_where_the_offsets_of_passages_are_not(tmp_path):
    names = [annotation("1", "Per", (0, 3))], [annotation("1", "Per", (0, 2))]
    corpus = read(tmp_path, collection(passage("Ann.", 0, names[0]), passage("Bo.", 0, names[1])))
    assert corpus.documents[0].text == "Ann.\nBo."
    assert found(corpus)[0] == [("Ann", "Per"), ("Bo", "Per")]
    assert corpus.ledger.notes["passage: its offset is not where its text stands"] == 1
    gap = read(
        tmp_path, collection(passage("Ann."), passage("Bo.", 6, [annotation("", "P", (6, 2))]))
    )
    assert gap.documents[0].text == "Ann.\n\nBo."
    assert found(gap)[0] == [("Bo", "P")]


@pytest.mark.parametrize(("offsets", "before"), [("utf16", 2), ("bytes", 4), ("codepoints", 1)])
def test_positions_may_count_what_other_languages_count(tmp_path, offsets, before):
    first = passage("\U0001f600", 0)
    second = passage("Ann", before + 1, [annotation("1", "Per", (before + 1, 3))])
    corpus = read(tmp_path, collection(first, second), Reading(offsets=offsets))
    assert found(corpus)[0] == [("Ann", "Per")]


def test_sentences_give_the_text_where_a_passage_has_none(tmp_path):
    sentences = [
        {"offset": 0, "text": "Ann left.", "annotations": [annotation("1", "Per", (0, 3))]},
        {"offset": 10, "text": "Bo came.", "annotations": [annotation("2", "Per", (10, 2))]},
    ]
    corpus = read(tmp_path, collection({"offset": 0, "sentences": sentences}))
    assert corpus.documents[0].text == "Ann left. Bo came."
    assert found(corpus)[0] == [("Ann", "Per"), ("Bo", "Per")]


def test_fragments_layers_and_annotations_without_a_place(tmp_path):
    text = "left and right arm"
    listed = [
        annotation("1", "Arm", (0, 4), (15, 3)),
        annotation("2", "custom.Span", (9, 9), value="Arm"),
        {"id": "3", "infons": {"kind": "Side"}, "locations": [{"offset": 0, "length": 4}]},
        annotation("4", "Topic"),
    ]
    corpus = read(tmp_path, collection(passage(text, annotations=listed)))
    assert found(corpus)[0] == [("left", "Side"), ("right arm", "Arm")]
    (item,) = corpus.sentences[0].unaligned
    assert item.spans == ((0, 4), (15, 18))
    assert [drop.kind for drop in corpus.ledger.drops] == ["annotation without a location"]


def test_roles_several_nodes_and_relations_of_relations(tmp_path):
    entities = [annotation(name, "X", (at, 1)) for at, name in enumerate("abcd")]
    relations = [
        relation("Binary", ("a", "target"), ("b", "source")),
        relation("Plain", ("a", ""), ("b", "")),
        relation("Event", ("a", "trigger"), ("b", "Theme"), ("c", ""), id="e"),
        relation("Nested", ("d", "Cause"), ("e", "Effect")),
    ]
    corpus = read(tmp_path, collection(passage("a b c d".replace(" ", ""), 0, entities, relations)),
                  Reading(unit="document", borders="cut"))  # fmt: skip
    assert Counter(found(corpus)[1]) == Counter(
        [
            ("b", "Binary", "a"),
            ("a", "Plain", "b"),
            ("a", "Theme", "b"),
            ("a", "Event", "c"),
            ("d", "Nested", "a"),
        ]
    )
    assert corpus.ledger["relation"].read == 5


def test_relations_of_concepts_are_found_by_their_infons(tmp_path):
    drug = annotation("1", "Chemical", (0, 4), MESH="D1")
    sign = annotation("2", "Disease", (10, 5), MESH="D2")
    relations = [
        {"id": "R1", "infons": {"relation": "CID", "Chemical": "D1", "Disease": "D2"}},
        {"id": "R2", "infons": {"type": "Bind", "entity1": "D2", "entity2": "D1", "novel": "No"}},
    ]
    corpus = read(
        tmp_path, collection(passage("Dopa gave fever", 0, [drug, sign]), relations=relations)
    )
    assert sorted(found(corpus)[1]) == [("Dopa", "CID", "fever"), ("fever", "Bind", "Dopa")]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (relation("R", ("a", ""), ("zz", "")), "refers to 'zz'"),
        (relation("R", ("a", "")), "at least two nodes"),
        (relation("R", ("r", ""), ("a", ""), id="r"), "refers to itself"),
        (relation("", ("a", ""), ("b", "")), "without an infon 'type'"),
        (relation("R", ("a", ""), ("b", ""), id="a"), "defined twice"),
        ({"infons": {"type": "R", "x": "nothing"}}, "two infons that name concepts"),
        ({"infons": {"type": "R"}, "nodes": 5}, "expected a list"),
    ],
)
def test_a_broken_relation_is_named_and_can_be_dropped(tmp_path, broken, message):
    entities = [annotation(name, "X", (2 * at, 1)) for at, name in enumerate("ab")]
    content = collection(passage("a b", 0, entities, [broken]))
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, content)
    ledger = read(tmp_path, content, Reading(on_error="drop")).ledger
    assert (ledger["entity"].kept, ledger["relation"].dropped) == (2, 1)


def test_json_lines_arrays_and_pubtator3_are_read(tmp_path):
    (document,) = collection(passage("Ann", 0, [annotation("1", "Per", (0, 3))]))["documents"]
    for content in (
        f"{json.dumps(document)}\n{json.dumps(document)}\n",
        json.dumps([{"documents": [document]}, document]),
        json.dumps({"PubTator3": [document, document]}, indent=1),
    ):
        corpus = read(tmp_path, content)
        assert corpus.format == "bioc-json"
        assert found(corpus)[0] == [("Ann", "Per")] * 2


BOMB = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f'<!DOCTYPE collection [<!ENTITY a0 "ha">{BOMB}]><collection>&a9;</collection>',
            "defines",
        ),
        (
            '<!DOCTYPE collection [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
            "<collection>&x;</collection>",
            "defines entities or refers to other files",
        ),
        (
            '<!DOCTYPE collection [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]><collection/>',
            "defines entities or refers to other files",
        ),
        ("<collection>" + "<a>" * 100_000, "nested more than 20 deep"),
        ("<collection>\n<document>", r":2: malformed XML"),
        ("<collection><document><id>1</id></passage></document></collection>", "malformed XML"),
        ("<collection/>", "without documents"),
        ("<other/>", "expected the element 'collection'"),
        ('<?xml version="1.0" encoding="none"?><collection/>', "without documents"),
    ],
)
def test_hostile_xml_is_refused_by_a_sentence(tmp_path, content, message):
    recognised = None if "collection" in content else "bioc"
    with pytest.raises(CorpusFormatError, match=message) as error:
        read(tmp_path, content, format=recognised)
    assert len(str(error.value)) < 500


def test_bioc_gives_back_characters_that_xml_cannot_spell_as_they_are(tmp_path):
    text = 'a\r\n<b> & "c"\x01 ]]> \u2028d'
    sentence = Sentence((text[3:6], "d"), ((3, 6), (19, 20)), frozenset([Entity(0, 1, "<&>")]))
    for format, expected in (("bioc", text.replace("\x01", "\ufffd")), ("bioc-json", text)):
        ledger = write_corpus([Document("<1>", text, (sentence,))], tmp_path / "c", format=format)
        corpus = read_corpus(tmp_path / "c")
        assert corpus.documents[0].text == expected
        assert corpus.documents[0].id == "<1>"
        assert found(corpus)[0] == [("<b>", "<&>")]
        assert (ledger.notes.get("text: a character that XML cannot hold became U+FFFD", 0)) == (
            format == "bioc"
        )


def test_relations_are_given_back_through_concepts_of_their_own(tmp_path):
    entities = [Entity(0, 1, "Per"), Entity(2, 3, "Loc"), Entity(4, 5, "Per")]
    relations = [Relation(entities[2], entities[1], "In"), Relation(entities[0], entities[1], "In")]
    sentence = Sentence.from_tokens(
        ["Ann", "left", "Bonn", "for", "Ann"], entities=entities, relations=relations, id="7"
    )
    path = tmp_path / "corpus"
    ledger = write_corpus([Document.from_sentence(sentence)], path, format="pubtator")
    assert not ledger.drops
    assert read_corpus(path).sentences[0].relations == frozenset(relations)


def test_names_that_pubtator_cannot_hold_are_replaced_by_numbers(tmp_path):
    sentence = Sentence.from_tokens(["a"])
    documents = [Document(id, "a", (sentence,)) for id in ("x", "x", "", "a|b", "document-000002")]
    write_corpus(documents, tmp_path / "corpus", format="pubtator")
    ids = [document.id for document in read_corpus(tmp_path / "corpus").documents]
    assert ids[0] == "x"
    assert ids[4] == "document-000002"
    assert len(set(ids)) == 5


def test_a_missing_file_or_extra_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "defusedxml", None)
    monkeypatch.setitem(__import__("sys").modules, "defusedxml.common", None)
    with pytest.raises(Exception, match=r"pip install 'dovetail\[bioc\]'"):
        read(tmp_path, EXAMPLES["bioc"])
    with pytest.raises(CorpusError, match="does not exist"):
        read_corpus(tmp_path / "nothing", format="bioc")


def test_no_public_file_of_another_format_is_taken_for_one_of_these(data_folder):
    new = {"spacy", "parquet", "datasets", "huggingface", "pubtator", "bioc", "bioc-json"}
    new |= {"token-table", "entity-table"}
    named = {}
    for path in sorted((data_folder / "formats").rglob("*")):
        if path.is_file() and path.suffix not in (".ann", ".gz") and "brat_" not in str(path):
            try:
                name = recognise(path).name
            except CorpusError:
                continue
            if name in new:
                named.setdefault(name, set()).add(
                    path.relative_to(data_folder / "formats").parts[0]
                )
    assert named == {
        "bioc": {"bioc_biored", "bioc_suite"},
        "bioc-json": {"bioc_biored"},
        "pubtator": {"bioc_biored", "pubtator_bc5cdr", "pubtator_ncbi"},
        "spacy": {"spacy_docbin"},
    }
