import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

HEADER = "# global.columns = id form ner\n"
FLAIR = (
    HEADER
    + """# text = Page and Brin founded Google.
# sentence_id = 5
# relations = 5;5;1;1;founded_by|5;5;3;3;founded_by
1	Page	B-PER
2	and	O
3	Brin	B-PER
4	founded	O
5	Google	B-ORG
6	.	O

# text = Ann slept .
1	Ann	S-PER
2	slept	_
3	.	O
"""
)


def read(tmp_path, content, **arguments):
    path = tmp_path / "corpus.conllup"
    path.write_text(content)
    return read_corpus(path, **arguments)


def test_relations_are_read_with_their_text_as_flair_writes_them(tmp_path):
    corpus = read(tmp_path, FLAIR)
    assert corpus.format == "conllu-plus"
    first, second = corpus.documents
    assert first.text == "Page and Brin founded Google."
    page, brin, google = (Entity(at, at + 1, t) for at, t in ((0, "PER"), (2, "PER"), (4, "ORG")))
    assert first.sentences[0].relations == {
        Relation(google, page, "founded_by"),
        Relation(google, brin, "founded_by"),
    }
    assert (first.id, second.id) == ("5", "")
    assert second.sentences[0].entities == {Entity(0, 1, "PER")}
    # Others of the file have relations, so this sentence has none.
    assert second.sentences[0].annotated == {"entity", "relation"}
    assert not corpus.ledger.drops
    assert not corpus.ledger.notes


def test_a_file_without_relations_or_tags_is_not_annotated_for_them(tmp_path):
    corpus = read(tmp_path, HEADER + "1\tAnn\tB-P\n")
    assert corpus.sentences[0].annotated == {"entity"}
    corpus = read(tmp_path, "# global.columns = ID FORM UPOS\n1\tAnn\tNN\n")
    assert corpus.sentences[0].annotated == frozenset()
    assert corpus.sentences[0].tokens == ("Ann",)


def test_multiword_tokens_are_no_words_of_their_own(tmp_path):
    rows = "1-2\tim\t_\n1\tin\tO\n2\tdem\tO\n2.1\tx\t_\n3\tBonn\tB-L\n"
    corpus = read(tmp_path, HEADER + "# text = im Bonn\n" + rows)
    assert corpus.sentences[0].tokens == ("in", "dem", "Bonn")
    assert corpus.documents[0].text == "in dem Bonn"
    assert set(corpus.ledger.notes) == {
        "lines of multiword tokens and empty nodes are not read",
        "sentence: its text is not that of its tokens, so not read",
        "corpus: without relations, so read as not annotated for them",
    }


BROKEN = HEADER + (
    "# relations = 1;1;9;9;R|1;1;3;3;|x|1;1;2;2;S|1;1;3;3;T\n1\tAnn\tB-P\n2\tin\tO\n3\tBonn\tB-L\n"
    "\n1\tAnn\n\n1\tAnn\tX\n\n# sent_id = a\n1\tAnn\tO\n\n# sent_id = a\n1\tAnn\tO\n"
)


def test_all_faults_are_listed_and_can_be_left_out(tmp_path):
    with pytest.raises(CorpusFormatError) as caught:
        read(tmp_path, BROKEN)
    faults = [
        ":2: the relation '1;1;9;9;R' is not within the 3 tokens",
        ":2: the type is empty",
        ":2: expected a relation as '1;1;3;4;Live_In'",
        ":7: expected the columns id form ner separated by tabs, found 2",
        ":9: expected a tag",
    ]
    listed = str(caught.value).splitlines()
    assert listed[0].startswith("5 faults")
    for line, fault in zip(listed[1:], faults, strict=False):
        assert fault in line
    corpus = read(tmp_path, BROKEN, reading=Reading(on_error="drop"))
    assert [item.type for item in corpus.sentences[0].relations] == ["T"]
    assert corpus.ledger["relation"].dropped == 4  # one of them is between no two entities
    assert corpus.ledger["document"].kept == 3
    assert corpus.ledger.notes["document: an earlier one has the same id"] == 1


def test_sentences_survive_writing_with_their_text(tmp_path):
    documents = read(tmp_path, FLAIR).documents
    ledger = write_corpus(documents, tmp_path / "again", format="conllu-plus")
    assert not ledger.drops
    assert not ledger.notes
    assert (tmp_path / "again").read_text() == (
        FLAIR.replace("S-PER", "B-PER").replace("slept\t_", "slept\tO")
    )


def test_relation_types_with_marks_of_the_format_are_dropped(tmp_path):
    one, other = Entity(0, 1, "P"), Entity(1, 2, "P")
    sentence = Sentence.from_tokens(
        ["a", "b"],
        entities=[one, other],
        relations=[Relation(one, other, "R;S"), Relation(other, one, "R")],
    )
    path = tmp_path / "c"
    ledger = write_corpus([Document.from_sentence(sentence)], path, format="conllu-plus")
    assert [drop.type for drop in ledger.drops] == ["R;S"]
    assert read_corpus(path).sentences[0].relations == {Relation(other, one, "R")}
