import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.errors import CorpusError
from dovetail.text.document import ENTITY_TASK, TASKS, Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB", ["I-P", "I-P", "B-P", "O", "I-L"]),
        ("BIO", ["B-P", "I-P", "B-P", "O", "B-L"]),
        ("BIOES", ["B-P", "E-P", "S-P", "O", "S-L"]),
        ("BILOU", ["B-P", "L-P", "U-P", "O", "U-L"]),
        ("BMES", ["B-P", "E-P", "S-P", "O", "S-L"]),
        ("BMEWO", ["B-P", "E-P", "W-P", "O", "W-L"]),
    ],
)
def test_every_scheme_marks_the_same_entities(scheme, tags):
    assert list(entities_from_tags(tags, scheme)) == [(0, 2, "P"), (2, 3, "P"), (4, 5, "L")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], []),
        (["I-P", "I-L"], [(0, 1, "P"), (1, 2, "L")]),
        (["B-P", "E-L"], [(0, 1, "P"), (1, 2, "L")]),
        (["S-P", "I-P"], [(0, 1, "P"), (1, 2, "P")]),
        (["B-P", "M-P", "M-P", "E-P", "M-P"], [(0, 4, "P"), (4, 5, "P")]),
        (["B-creative-work", "I-creative-work"], [(0, 2, "creative-work")]),
    ],
)
def test_tags_out_of_order_lose_no_entity(tags, expected):
    assert list(entities_from_tags(tags, "here")) == expected


def sentence(tokens, *entities, relations=(), annotated=TASKS):
    return Document.from_sentence(
        Sentence.from_tokens(tokens, entities=entities, relations=relations, annotated=annotated)
    )


def test_columns_are_separated_by_tabs_or_spaces_with_comments_and_documents(tmp_path):
    path = tmp_path / "corpus.conll"
    path.write_text(
        "-DOCSTART- -X- O\n\n# a comment\nAnna NNP B-P\n\nx\xa0y\tO\n# NN O\n\n\n\nleft  VB  O"
    )
    corpus = read_corpus(path)
    assert [item.tokens for item in corpus.sentences] == [("Anna",), ("x\xa0y", "#"), ("left",)]
    assert all(item.annotated == {ENTITY_TASK} for item in corpus.sentences)


def test_columns_keep_the_longer_of_two_entities_and_list_the_rest(tmp_path):
    inner, outer = Entity(1, 2, "Drug"), Entity(0, 3, "Effect")
    document = sentence(["a", "b", "c"], inner, outer, relations=[Relation(outer, inner, "R")])
    ledger = write_corpus([document], tmp_path / "c", format="columns")
    assert [(drop.kind, drop.start, drop.end) for drop in ledger.drops] == [
        ("relation", 0, 3),
        ("entity", 1, 2),
    ]
    assert read_corpus(tmp_path / "c").sentences[0].entities == {outer}


CORP = """0\tPeop\t0\tO\tNNP/NNP\tAnna/Ito\tO\tO\tO
0\tO\t1\tO\tVBZ\tlives\tO\tO\tO
0\tO\t2\tO\t,\tCOMMA\tO\tO\tO
0\tO\t3\tO\tIN\t-LRB-\tO\tO\tO
0\tLoc\t4\tO\tNNP/,/NNP\tBonn/COMMA/Germany\tO\tO\tO
0\tO\t5\tO\t/\t/\tO\tO\tO
0\tOther\t6\tO\tNN\tair/space\tO\tO\tO

0\t4\tLive_In

1\tLoc\t0\tO\tNNP\tHaiti\tO\tO\tO


2\tO\t0\tO\tNN\tend\tO\tO\tO
"""


def test_original_conll04_rows_become_words(tmp_path):
    path = tmp_path / "corp.tsv"
    path.write_text(CORP)
    first, second, third = read_corpus(path).sentences
    assert first.tokens == (
        *("Anna", "Ito", "lives", ",", "(", "Bonn", ",", "Germany", "/", "air/space"),
    )
    person, place, other = first.sorted_entities
    assert (person.span, place.span, other.span) == ((0, 2), (5, 8), (9, 10))
    assert first.relations == {Relation(person, place, "Live_In")}
    assert first.annotated == set(TASKS)
    assert second.annotated == third.annotated == {ENTITY_TASK}
    assert [item.id for item in (first, second, third)] == ["0", "1", "2"]


def test_original_conll04_survives_writing(tmp_path):
    path = tmp_path / "corp.tsv"
    path.write_text(CORP)
    read = read_corpus(path)
    ledger = write_corpus(read.documents, tmp_path / "again.tsv", format="conll04")
    assert not ledger.drops
    assert read_corpus(tmp_path / "again.tsv").sentences == read.sentences


def test_words_that_the_original_format_confuses_are_dropped_with_a_reason(tmp_path):
    documents = [sentence(["COMMA"]), sentence(["a/b", "c"], Entity(0, 2, "X")), sentence(["ok"])]
    ledger = write_corpus(documents, tmp_path / "c", format="conll04")
    assert ledger["sentence"].dropped == 2
    assert [item.tokens for item in read_corpus(tmp_path / "c").sentences] == [("ok",)]


def test_multihead_columns_relate_the_last_tokens(tmp_path):
    path = tmp_path / "multihead.txt"
    path.write_text(
        "#doc 7\n0\tAnna\tB-P\t['N']\t[0]\n1\tIto\tI-P\t['Live_In', 'Knows']\t[3, 2]\n"
        "2\tleft\tO\t['N']\t[2]\n3\tBonn\tB-L\t['N']\t[3]\n"
    )
    corpus = read_corpus(path)
    [read] = corpus.sentences
    assert read.id == "7"
    assert read.relations == {Relation(Entity(0, 2, "P"), Entity(3, 4, "L"), "Live_In")}
    assert [drop.type for drop in corpus.ledger.drops] == ["Knows"]  # "left" is no entity


@pytest.mark.parametrize("bracket", ["[", "{"])
def test_columns_that_begin_with_a_bracket_are_not_json(tmp_path, bracket):
    path = tmp_path / "corpus"
    path.write_text(f"{bracket}\tO\nReuters\tB-Org\n")
    assert read_corpus(path).sentences[0].tokens == (bracket, "Reuters")


def test_what_columns_cannot_hold_is_listed(tmp_path):
    marked = Document.from_sentence(Sentence.from_tokens(["\ufeffa"], annotated=[ENTITY_TASK]))
    plain = Document.from_sentence(Sentence.from_tokens(["b"]))
    ledger = write_corpus([marked, plain], tmp_path / "corpus", format="columns")
    assert [drop.kind for drop in ledger.drops] == ["sentence", "document"]
    assert ledger.notes == {"sentence: that it is annotated for relations is not held": 1}
    assert [item.tokens for item in read_corpus(tmp_path / "corpus").sentences] == [("b",)]


def read_columns(tmp_path, text, **reading):
    path = tmp_path / "corpus"
    path.write_text(text)
    corpus = read_corpus(path, reading=Reading(**reading))
    assert corpus.format == "columns"
    return [(item.tokens, item.entities) for item in corpus.sentences]


ANN_LEE = [(("Ann", "Lee", "left"), {Entity(0, 2, "PER")})]
LAYOUTS = {
    "an index first": "1\tAnn\tNNP\tB-PER\n2\tLee\tNNP\tI-PER\n3\tleft\tVBD\tO\n",
    "an index from zero": "0 Ann B-PER\n1 Lee I-PER\n2 left O\n",
    "a header": "token\tpos\tner\nAnn\tNNP\tB-PER\nLee\tNNP\tI-PER\nleft\tVBD\tO\n",
    "a header of Flair": "# global.columns = ID FORM NER\n1 Ann B-PER\n2 Lee I-PER\n3 left O\n",
    "phrases beside entities": "Ann NNP B-NP B-PER\nLee NNP I-NP I-PER\nleft VBD B-VP O\n",
    "entities before phrases": "Ann NNP B-PER B-NP\nLee NNP I-PER I-NP\nleft VBD O B-VP\n",
    "types without a prefix": "Ann PER\nLee PER\nleft O\n",
    "the tag first": "B-PER\tAnn\nI-PER\tLee\nO\tleft\n",
    "a second layer that is empty": "1\tAnn\tB-PER\tO\n2\tLee\tI-PER\tO\n3\tleft\tO\tO\n",
    "an empty last column": "Ann\tB-PER\t\nLee\tI-PER\t\nleft\tO\t\n",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_columns_are_recognised_by_all_of_them(tmp_path, text):
    assert read_columns(tmp_path, text) == ANN_LEE


GERMEVAL = "#\thttp://x [2010]\n1\tNorddeutsche\tB-ORG\tB-LOCderiv\n2\tBank\tI-ORG\tO\n"


def test_two_layers_of_tags_are_a_question(tmp_path):
    with pytest.raises(CorpusError, match=r"column 3 \('B-ORG', 'I-ORG'\) or column 4 .*--columns"):
        read_columns(tmp_path, GERMEVAL)
    words = ("Norddeutsche", "Bank")
    assert read_columns(tmp_path, GERMEVAL, columns="token=2,tag=3") == [
        (words, {Entity(0, 2, "ORG")})
    ]
    assert read_columns(tmp_path, GERMEVAL, columns="token=2,tag=4") == [
        (words, {Entity(0, 1, "LOCderiv")})
    ]
    with pytest.raises(CorpusError, match=r"has 4 columns.*found token=2,tag=5"):
        read_columns(tmp_path, GERMEVAL, columns="token=2,tag=5")


def test_a_column_that_may_be_words_as_well_is_a_question(tmp_path):
    with pytest.raises(CorpusError, match=r"tokens may be in column 1 .* or column 2"):
        read_columns(tmp_path, "NNP Ann B-PER\nNNP Lee I-PER\nVBD left O\n")


@pytest.mark.parametrize(
    "columns", ["3", "token=1", "token=1,tag=1", "tag=1,token=2", "token=0,tag=1"]
)
def test_columns_that_cannot_be_meant_are_refused(columns):
    with pytest.raises(ValueError, match="token=2,tag=4"):
        Reading(columns=columns)


def test_a_broken_row_breaks_its_sentence_alone(tmp_path):
    rows = "Ann\tNNP\tB-PER\nLee\tNNP\tI-PER\nleft\tVBD\tO\n\n"
    path = tmp_path / "corpus"
    path.write_text(rows + "Ann\n\n" + rows * 5)
    with pytest.raises(CorpusError, match=":5: expected a token and, in the last column, a tag"):
        read_corpus(path)
    corpus = read_corpus(path, reading=Reading(on_error="drop"))
    assert len(corpus.sentences) == 6
    assert corpus.ledger["document"].dropped == 1


@pytest.mark.parametrize("format", ["conll04", "multihead"])
def test_a_row_that_is_broken_breaks_its_document_alone(tmp_path, format):
    rows = CORP if format == "conll04" else "#doc 7\n0\tAnna\tB-P\t['N']\t[0]\n"
    path = tmp_path / "corpus"
    path.write_text(f"{rows}x\ty\n")
    with pytest.raises(CorpusError, match=r"columns.*found 2"):
        read_corpus(path, format=format)
    if format == "conll04":
        kept = read_corpus(path, format=format, reading=Reading(on_error="drop"))
        assert [item.id for item in kept.sentences] == ["0", "1"]
