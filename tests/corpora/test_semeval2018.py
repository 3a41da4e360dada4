from xml.etree import ElementTree

import pytest
from hypothesis import given
from tests.corpora.test_round_trips import character_annotations, many, text_documents

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

XML = """<?xml version="1.0" encoding="UTF-8" ?>
<doc>


<text id="H01"> <title>Search &amp; more</title> <abstract> We use <entity id="H01.1">a
parser</entity> for <SectionTitle>all</SectionTitle> <entity id="H01.2">search</entity>.</abstract>

</text>
<text id="H02"><abstract><entity id="H02.1">It</entity> runs.</abstract></text>
</doc>
"""
RELATIONS = "USAGE(H01.1,H01.2,REVERSE)\n"


def read(tmp_path, xml=XML, relations=RELATIONS, name="1.1.text.xml", **arguments):
    (tmp_path / "1.1.text.xml").write_text(xml)
    if relations is not None:
        (tmp_path / "1.1.relations.txt").write_text(relations)
    return read_corpus(tmp_path / name, **arguments)


@pytest.mark.parametrize("name", ["1.1.text.xml", "1.1.relations.txt"])
def test_the_two_files_are_one_corpus_whichever_is_named(tmp_path, name):
    corpus = read(tmp_path, name=name)
    assert corpus.format == "semeval2018"
    first, second = corpus.documents
    assert first.text == "Search & more\n\n We use a\nparser for all search."
    [relation] = [item for sentence in first.sentences for item in sentence.relations]
    sentence = first.sentences[1]
    assert relation.type == "USAGE"
    assert first.surface(sentence, relation.head) == "search"
    assert first.surface(sentence, relation.tail) == "a\nparser"
    assert second.id == "H02"
    assert {item.annotated for item in corpus.sentences} == {frozenset(["entity", "relation"])}
    assert corpus.ledger.notes == {"tag <SectionTitle> is not read, only the text in it": 1}


def test_without_the_file_of_relations_nothing_is_known_of_them(tmp_path):
    corpus = read(tmp_path, relations=None)
    assert {item.annotated for item in corpus.sentences} == {frozenset(["entity"])}
    assert corpus.ledger["entity"].kept == 3


@pytest.mark.parametrize(
    ("xml", "relations", "message"),
    [
        (XML, "USAGE(H01.1)\n", r"1\.1\.relations\.txt:1: expected a relation as"),
        (XML, "\n(H01.1,H01.2)\n", r"relations\.txt:2: expected a relation as"),
        (XML, "USAGE(H09.1,H01.2)\n", "no text has the entity 'H09.1'"),
        (XML, "USAGE(H01.1,H02.1)\n", "are not entities of one text"),
        (XML.replace("search</entity>", "search"), "", "text.xml:5: the entity 'H01.2' has no end"),
        (XML.replace("H01.2", "H01.1"), "", "entity 'H01.1' is there twice"),
        (XML.replace("runs", "</entity>"), "", "text.xml:9: expected entities as"),
        (XML.replace("runs", "< 3"), "", "text.xml:9: expected entities as"),
        (XML.replace("H02", "H01"), "", ":9: the id 'H01' is taken"),
        ("<doc></doc>", "", "expected texts as"),
    ],
)
def test_breakage_is_an_error_with_its_place(tmp_path, xml, relations, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, xml, relations, format="semeval2018")


def test_what_is_broken_is_left_out_alone(tmp_path):
    broken = XML.replace("runs", "</entity>"), RELATIONS + "USAGE(H01.1\n"
    corpus = read(tmp_path, *broken, reading=Reading(on_error="drop"))
    assert [document.id for document in corpus.documents] == ["H01"]
    assert (corpus.ledger["relation"].kept, corpus.ledger["relation"].dropped) == (1, 1)


def related(document):
    """The characters that relations hold between; the format has no types of entities."""
    return {
        (head[:2], tail[:2], type)
        for head, tail, type in character_annotations(document)
        if isinstance(head, tuple)
    }


@many
@given(document=text_documents())
def test_characters_and_relations_are_read_again(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("semeval") / "corpus.text.xml"
    written = write_corpus([document], path, format="semeval2018")
    ElementTree.parse(path)
    read = read_corpus(path, reading=Reading(borders="cut", unit="document"))
    assert read.documents[0].text == document.text
    for kind in ("entity", "relation"):
        assert read.ledger[kind].kept == written[kind].kept

    assert related(read.documents[0]) <= related(document)


def test_names_that_the_format_cannot_hold_are_numbers(tmp_path):
    one, other = Entity(0, 1, "P"), Entity(1, 2, "P")
    sentence = Sentence.from_tokens(
        ["a<b", "c"], entities=[one, other], relations=[Relation(other, one, "R")], id="x(1)"
    )
    path = tmp_path / "corpus"
    documents = [Document.from_sentence(sentence)] * 2
    write_corpus(documents, path, format="semeval2018")
    again = read_corpus(path)
    assert [document.id for document in again.documents] == ["document-000001", "document-000002"]
    assert again.documents[0].text == "a<b c"
    assert (tmp_path / "corpus.relations.txt").read_text().startswith("R(document-000001.2,")


def test_the_published_corpus_is_read_whole(data_folder):
    corpus = read_corpus(data_folder / "formats" / "semeval2018_task7" / "1.1.text.xml")
    counts = {kind: corpus.ledger[kind].kept for kind in ("document", "entity", "relation")}
    assert counts == {"document": 350, "entity": 5259, "relation": 1228}
