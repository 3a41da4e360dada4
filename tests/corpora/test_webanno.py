import re

import pytest
from hypothesis import given
from tests.corpora.test_round_trips import character_annotations, corpora, many, words

from dovetail.corpora import read_corpus, write_corpus
from dovetail.corpora.formats.webanno.webanno_layers import (
    escape_text,
    escape_value,
    unescape,
    values_of,
)
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

NER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
POS = "de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS"

# Layers of parts of speech, of named entities with two features, of slots and of chains, then
# dependencies and a custom relation between named entities.
INCEPTION = f"""#FORMAT=WebAnno TSV 3.3
#T_SP={POS}|PosValue|coarseValue
#T_SP={NER}|identifier|value
#T_SP=webanno.custom.Frame|FE|ROLE_webanno.custom.Frame:Roles_webanno.custom.Link|webanno.custom.Lu
#T_CH=de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink|referenceType|referenceRelation
#T_RL=de.tudarmstadt.ukp.dkpro.core.api.syntax.type.dependency.Dependency|DependencyType|BT_{POS}
#T_RL=webanno.custom.Job|label|BT_{NER}


#Sentence.id=first
#Text=Ms. 😊 Haag plays
#Text=Elianti-fan.
1-1\t0-3\tMs.\tNNP\t*\t*[1]|*[2]\tPER[1]|TITLE[2]\t_\t_\t_\tpr[1]\t*->1-1\tnsubj\t1-4\t_\t_\t
1-2\t4-6\t😊\tX\t*\t*[1]\tPER[1]\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
1-3\t7-11\tHaag\tNNP\t*\t*[1]\tPER[1]\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
1-4\t12-17\tplays\tVBD\t*\t_\t_\tplay\trole\t1-1\t_\t_\tROOT\t1-4\t_\t_\t
1-5\t18-29\tElianti-fan\tNNP\t*\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
1-5.1\t18-25\tElianti\t_\t_\t*\t*\t_\t_\t_\t_\t_\t_\t_\tplays\\_in|*\t1-1[1_0]|1-1[2_0]\t
1-6\t29-30\t.\t.\t*\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t

#Text=Bye
2-1\t33-36\tBye\tUH\t*\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
"""


def read(tmp_path, content, **arguments):
    path = tmp_path / "letter.tsv"
    path.write_bytes(content.encode())
    return read_corpus(path, **arguments)


def test_layers_stacks_parts_of_tokens_and_utf16_positions_are_read(tmp_path):
    corpus = read(tmp_path, INCEPTION)
    assert corpus.format == "webanno"
    [document] = corpus.documents
    assert document.id == "letter"
    assert document.text == "Ms. 😊 Haag plays\nElianti-fan.   Bye"
    first, second = document.sentences
    assert (first.id, second.id) == ("first", "letter-1")
    assert first.tokens == ("Ms.", "😊", "Haag", "plays", "Elianti-fan", ".")
    assert first.entities == {Entity(0, 3, "PER"), Entity(0, 1, "TITLE")}
    assert first.annotated == second.annotated == {"entity", "relation"}
    # What stands inside a token is kept beside the tokens, with what is linked to it; an
    # annotation without a value has the name of its layer.
    assert {(item.task, item.type, item.spans) for item in first.unaligned} == {
        ("entity", "NamedEntity", ((17, 24),)),
        ("relation", "plays_in", ((0, 10), (17, 24))),
        ("relation", "Job", ((0, 3), (17, 24))),
    }
    notes = corpus.ledger.notes
    assert {
        note.split("'")[1].rsplit(".", 1)[-1] for note in notes if note.startswith("layer")
    } == {*("POS", "Frame", "CoreferenceLink", "Dependency")}


def test_where_a_corpus_has_relations_their_layer_says_what_entities_are(tmp_path):
    content = (
        f"#FORMAT=WebAnno TSV 3.2\n#T_SP={NER}|value\n#T_SP=webanno.custom.Quote|\n"
        "#T_SP=webanno.custom.Thing|size|label\n#T_RL=webanno.custom.On|BT_webanno.custom.Thing\n"
        "\n\n#Text=a b\n1-1\t0-1\ta\tPER\t*\t*\tX\t1-2\n1-2\t2-3\tb\t_\t_\tbig\tY\t_\n"
    )
    [sentence] = read(tmp_path, content).sentences
    assert sentence.entities == {Entity(0, 1, "X"), Entity(1, 2, "Y")}
    assert sentence.relations == {Relation(Entity(1, 2, "Y"), Entity(0, 1, "X"), "On")}
    without = content.replace("\tX\t1-2\n", "\tX\t_\n")
    [sentence] = read(tmp_path, without).sentences
    assert sentence.entities == {Entity(0, 1, "PER")}
    assert sentence.annotated == {"entity"}


def test_parts_of_speech_are_no_entities(tmp_path):
    content = f"#FORMAT=WebAnno TSV 3.2\n#T_SP={POS}|PosValue\n\n\n#Text=a\n1-1\t0-1\ta\tDT\t\n"
    [sentence] = read(tmp_path, content).sentences
    assert sentence.annotated == frozenset()
    assert not sentence.entities


@many
@given(text=words)
def test_escapes_are_undone(text):
    assert unescape(escape_text(text)) == text
    assert [value.text for value in values_of(escape_value(text) + "[7]")] == [text]
    assert [value.text for value in values_of(escape_value(text) + "|*")] == [text, None]


SIMPLE = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={NER}|value\n#T_RL=x.R|label|BT_{NER}\n\n\n"
ROWS = "#Text=a b\n1-1\t0-1\ta\tA\t_\t_\t\n1-2\t2-3\tb\tB\t_\t_\t\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#FORMAT=CSV\n", ":1: expected '#FORMAT=WebAnno TSV 3.3'"),
        (SIMPLE, "has no tokens"),
        (SIMPLE + "1-1\t0-1\ta\t_\t_\t_\n", ":6: expected '#Text='"),
        (SIMPLE + "#Text=a\n1-1\t0-1\ta\t_\t_\n", ":7: expected 3 columns behind.*found 2"),
        (SIMPLE + "#Text=a\n1-1 0-1 a\n", ":7: expected a token as"),
        (SIMPLE + ROWS.replace("2-3\tb", "1-2\tb"), ":8: the token 'b' does not stand at"),
        (SIMPLE + ROWS + "\n" + ROWS, ":11: the sentence begins at character 0, and the one"),
        (SIMPLE + ROWS.replace("0-1", "99999999-9"), ":7: the sentence begins at character 999"),
        (SIMPLE + ROWS.replace("A\t_\t_", "A\tR\tb"), ":7: expected the source of a relation"),
        (SIMPLE + ROWS.replace("A\t_\t_", "A\tR\t1-3"), "refers to one annotation on 1-3, which"),
        (SIMPLE + ROWS.replace("A\t_\t_", "A\tR\t1-2[4_0]"), r"refers to the annotation \[4\]"),
        (SIMPLE + ROWS.replace("A\t_\t_", "A\tR|R\t1-2"), ":7: 2 values of relations, and 1"),
        (
            SIMPLE + ROWS.replace("\tA", "\tA[1]").replace("\tB", "\tB[1]"),
            r":8: .*\[1\] is 'B', but",
        ),
        (SIMPLE.replace("|BT_", "|x") + ROWS, "ends without the layer that it links"),
    ],
)
def test_breakage_is_an_error_with_its_place(tmp_path, content, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, content, format="webanno")


def test_a_text_without_tokens_has_no_place_and_blank_lines_may_be_missing(tmp_path):
    content = SIMPLE + "#Text=lost\n\n" + ROWS + ROWS.replace("0-1", "4-5").replace("2-3", "6-7")
    corpus = read(tmp_path, content)
    assert corpus.documents[0].text == "a b a b"
    assert [item.tokens for item in corpus.sentences] == [("a", "b")] * 2


def test_a_broken_relation_is_left_out_alone(tmp_path):
    content = SIMPLE + ROWS.replace("A\t_\t_", "A\tR|S\t1-3|1-2")
    corpus = read(tmp_path, content, reading=Reading(on_error="drop"))
    assert [item.type for item in corpus.sentences[0].relations] == ["S"]
    assert corpus.ledger["relation"].dropped == 1


def test_positions_in_code_points_are_found_out_and_read_if_asked(tmp_path):
    content = SIMPLE + "#Text=😊 b\n1-1\t0-1\t😊\tA\t_\t_\t\n1-2\t2-3\tb\tB\t_\t_\t\n"
    with pytest.raises(CorpusFormatError, match="--offsets codepoints"):
        read(tmp_path, content)
    [sentence] = read(tmp_path, content, reading=Reading(offsets="codepoints")).sentences
    assert sentence.tokens == ("😊", "b")
    assert sentence.entities == {Entity(0, 1, "A"), Entity(1, 2, "B")}


def test_a_folder_is_read_with_one_choice_of_layers(tmp_path):
    for name, content in (("a", SIMPLE + ROWS), ("b/c", SIMPLE + ROWS)):
        path = tmp_path / "export" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    corpus = read_corpus(tmp_path / "export")
    assert corpus.format == "webanno"
    assert [document.id for document in corpus.documents] == ["a", "b/c"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"a directory without \.tsv files"):
        read_corpus(tmp_path / "empty", format="webanno")


def contents(document):
    """The sentences with their text and annotations, wherever in the document they stand."""
    return [
        (
            document.text[item.offsets[0][0] : item.offsets[-1][1]],
            *(item.tokens, item.entities, item.relations),
        )
        for item in document.sentences
    ]


@many
@given(documents=corpora())
def test_all_that_is_written_is_read_again(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("webanno") / "corpus"
    ledger = write_corpus(documents, folder, format="webanno")
    if not ledger["document"].kept:
        return
    read = read_corpus(folder)
    held = [document for document in documents if document.sentences]
    assert len(read.documents) == len(held)
    assert not ledger["entity"].dropped
    assert not ledger["relation"].dropped
    assert not read.ledger.drops
    by_id = {document.id: document for document in read.documents}
    for document in held:
        again = by_id[document.id]
        assert contents(again) == contents(document)


def test_one_document_is_one_file_and_several_are_a_folder(tmp_path):
    one = Document.from_sentence(Sentence.from_tokens(["a"], id="x"))
    other = Document.from_sentence(Sentence.from_tokens(["b"], id="y"))
    write_corpus([one], tmp_path / "one.tsv", format="webanno")
    assert (tmp_path / "one.tsv").is_file()
    write_corpus([one, other], tmp_path / "both", format="webanno")
    assert sorted(file.name for file in (tmp_path / "both").iterdir()) == ["x.tsv", "y.tsv"]
    with pytest.raises(CorpusError, match="one file with 2 documents"):
        write_corpus([one, other], tmp_path / "both.tsv", format="webanno")


def test_gum_has_all_its_annotations(data_folder):
    folder = data_folder / "formats" / "webanno_tsv_gum"
    corpus = read_corpus(folder)
    assert corpus.format == "webanno"
    entities = relations = sentences = 0
    for path in sorted(folder.glob("*.tsv")):
        rows = [
            line.split("\t")
            for line in path.read_text().splitlines()
            if re.match(r"[0-9]+-[0-9]+\t", line)
        ]
        stacked = [(row[0], value) for row in rows for value in row[3].split("|") if value != "_"]
        numbers = {re.search(r"\[(\d+)\]$", value) and value.split("[")[1] for _, value in stacked}
        entities += len(numbers - {None})
        entities += sum(not value.endswith("]") for _, value in stacked)
        relations += sum(len(row[9].split("|")) for row in rows if row[9] != "_")
        sentences += path.read_text().count("\n#Text=")
    assert corpus.ledger["document"].kept == 4
    assert corpus.ledger["sentence"].kept == sentences
    assert corpus.ledger["entity"].kept == entities
    assert corpus.ledger["relation"].kept == relations == 539
    whole = read_corpus(folder, reading=Reading(unit="document"))
    assert sum(len(item.relations) for item in whole.sentences) == relations


def test_gum_survives_writing_as_whole_documents(data_folder, tmp_path):
    path = data_folder / "formats" / "webanno_tsv_gum" / "GUM_news_worship.tsv"
    whole = read_corpus(path, reading=Reading(unit="document"))
    ledger = write_corpus(whole.documents, tmp_path / "again.tsv", format="webanno")
    assert not ledger.drops
    again = read_corpus(tmp_path / "again.tsv")
    assert again.sentences[0].tokens == whole.sentences[0].tokens
    assert character_annotations(again.documents[0]) == character_annotations(whole.documents[0])
