"""Tables in long form: CSV files, and data frames of any library."""

import csv
import io

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import Tally, corpus_from_rows, read_corpus, rows_from_documents
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

TOKENS, ENTITIES = (
    block.text
    for block in blocks_from_markdown((PROJECT / "docs" / "formats" / "token-table.md").read_text())
    if block.language == "text"
)
PER, LOC = Entity(0, 1, "PER"), Entity(3, 4, "LOC")


def read(tmp_path, content, **options):
    path = tmp_path / "table.csv"
    path.write_text(content, newline="")
    return read_corpus(path, **options)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize(("content", "format"), [(TOKENS, "token"), (ENTITIES, "entity")])
def test_the_examples_of_the_page_are_recognised_and_read(tmp_path, content, format, delimiter):
    rewritten = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(content, newline=""))
    csv.writer(rewritten, delimiter=delimiter).writerows(rows)
    corpus = read(tmp_path, rewritten.getvalue())
    assert corpus.format == f"{format}-table"
    assert corpus.sentences[0].entities == {PER, LOC}
    assert {sentence.annotated for sentence in corpus.sentences} == {frozenset(["entity"])}
    if format == "entity":
        assert [document.id for document in corpus.documents] == ["d1", "d2"]


def test_empty_sentences_are_those_of_the_row_above_and_other_columns_noted(tmp_path):
    corpus = read(
        tmp_path, "Sentence #,Word,POS,Tag\nSentence: 1,Ann,X,B-P\n,left,X,O\nSentence: 2,Bo,X,O\n"
    )
    assert [sentence.tokens for sentence in corpus.sentences] == [("Ann", "left"), ("Bo",)]
    assert corpus.ledger.notes == {"column 'pos' is not read": 1}


def test_sentences_of_the_same_number_in_two_documents_are_two(tmp_path):
    corpus = read(tmp_path, "doc_id,sent,token,tag\na,1,x,O\na,2,y,O\nb,1,z,O\n")
    assert [sentence.id for sentence in corpus.sentences] == ["a-1", "a-2", "b-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sentence_id,token,tag,label\n1,a,O,O\n", "one column for the tag.*'tag' and 'label'"),
        ("id,start,end,type\n1,0,1,P\n", "one column for the text.*none among id, start"),
        ("sentence_id,token,tag\n1,a,O\n2,b,O\n1,c,O\n", "'1' is the name of rows from"),
        ("sentence_id,token,tag\n1,a,O\n1,b\n", "row 2: expected 3 cells"),
        ("sentence_id,token,tag\n1,a,O\n1,,O\n", "expected a token"),
        ("sentence_id,token,tag\n1,a,Person\n", "expected a tag"),
        ('sentence_id,token,tag\n1,"a,O\n', "malformed CSV"),
        ("sentence_id,token,tag\n", "a header and no row"),
        ("text,start,end,type\nAnn,0,x,P\n", "whole numbers as start and end"),
        ("text,start,end,type\nAnn,0,2,\n", "and a type"),
        ("text,start,end,type\nAnn,0,9,P\n", "not within the 3 characters"),
        ("text,start,end,type,mention\nAnn,0,2,P,Bo\n", "said to be 'Bo'"),
        ("id,text,start,end,type\n1,Ann,0,1,P\n1,Bo,0,1,P\n", "the same in all rows.*several"),
        ("id,text,start,end,type\n1,,0,1,P\n", "found none"),
    ],
)
def test_what_is_broken_or_not_clear_is_named(tmp_path, content, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, content)


def test_a_broken_row_is_left_out_alone(tmp_path):
    content = "text,start,end,type\nAnn left,0,3,P\n,4,8,\n,4,8,V\n"
    corpus = read(tmp_path, content, reading=Reading(on_error="drop"))
    assert corpus.sentences[0].entities == {Entity(0, 1, "P"), Entity(1, 2, "V")}
    assert corpus.ledger["entity"].dropped == 1


class PandasLike:
    """What a data frame of pandas gives: numbers of numpy, and nan where something is missing."""

    def __init__(self, rows):
        self.rows = rows

    def to_dict(self, orient):
        assert orient == "records"
        return self.rows


ROWS = [
    {"Document_ID": 7.0, "Text": "Ann left", "Start": 0.0, "End": 3.0, "Type": "P"},
    {"Document_ID": 8.0, "Text": "Bo", "Start": float("nan"), "End": None, "Type": float("nan")},
]


def test_frames_of_any_library_are_read_by_the_names_of_their_columns():
    pyarrow = pytest.importorskip("pyarrow")
    without_nan = [
        {name: None if value != value else value for name, value in row.items()} for row in ROWS
    ]
    arrow = pyarrow.Table.from_pylist(without_nan)
    for rows in (ROWS, iter(ROWS), PandasLike(ROWS), arrow):
        corpus = corpus_from_rows(rows)
        assert corpus.format == "entity-table"
        assert [document.id for document in corpus.documents] == ["7", "8"]
        assert [sentence.entities for sentence in corpus.sentences] == [{Entity(0, 1, "P")}, set()]


def test_a_frame_of_pandas_is_read_and_made():
    pandas = pytest.importorskip("pandas")
    corpus = corpus_from_rows(pandas.DataFrame(ROWS))
    assert corpus.sentences[0].entities == {Entity(0, 1, "P")}
    again = corpus_from_rows(pandas.DataFrame(rows_from_documents(corpus.documents, "entities")))
    assert again.documents == corpus.documents


@pytest.mark.parametrize("form", ["tokens", "entities"])
def test_rows_of_documents_are_read_again_and_what_is_lost_is_counted(form):
    sentence = Sentence.from_tokens(
        ["Anna", "lives", "in", "Bonn"],
        entities=[PER, LOC],
        relations=[Relation(PER, LOC, "Live_In")],
        id="1",
    )
    tally = Tally()
    rows = rows_from_documents([Document.from_sentence(sentence)], form, tally=tally)
    assert len(rows) == {"tokens": 4, "entities": 2}[form]
    assert corpus_from_rows(rows).sentences[0].entities == {PER, LOC}
    assert tally.ledger()["relation"].dropped == 1
    assert tally.ledger()["entity"].kept == 2


@pytest.mark.parametrize("rows", ["text", b"text", {"token": ["a"]}, 5, None, [["a"]]])
def test_what_is_no_table_is_a_type_error(rows):
    with pytest.raises(TypeError, match="expected"):
        corpus_from_rows(rows)


def test_rows_with_other_columns_say_which_are_expected():
    with pytest.raises(CorpusError, match="sentence_id, token and tag, or text, start"):
        corpus_from_rows([{"word": "a"}])
    with pytest.raises(CorpusError, match="no rows"):
        corpus_from_rows([])
    with pytest.raises(CorpusError, match="row 1: expected the columns"):
        corpus_from_rows([{"sentence_id": 1, "token": "a", "tag": "O"}, {"token": "b"}])
