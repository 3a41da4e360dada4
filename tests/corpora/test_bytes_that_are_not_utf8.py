"""A byte that is not UTF-8 costs the item that it stands in, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

BINARY = ("spacy", "parquet", "datasets")  # which hold no text that could be decoded
FOLDERS = ("brat", "webanno", "semeval2018")
TEXTS = [name for name in FORMATS if name not in BINARY]
BAD = b"\xe9"
DROP = Reading(on_error="drop", language="en")
REFUSE = Reading(language="en")

ROWS = "\n".join(f"{i}\tO\t0\tO\tNN\tword{i}\tO\tO\tO\n" for i in range(4))
MULTIHEAD = "".join(f"#doc d{i}\n0\tword{i}\tO\t['N']\t[0]\n" for i in range(4))
LISTED = json.dumps([[f"Text {i}.", {"entities": [[0, 4, "Word"]]}] for i in range(4)])
DOCRED = [
    {
        "title": f"t{i}",
        "sents": [["Ann", "left", f"Bonn{i}"]],
        "vertexSet": [[{"name": "Ann", "sent_id": 0, "pos": [0, 1], "type": "Person"}]],
        "labels": [],
    }
    for i in range(4)
]
TRIPLES = "\n".join(
    json.dumps({"text": f"Ann lives in Bonn{i}.", "triple_list": [["Ann", "lives", f"Bonn{i}"]]})
    for i in range(4)
)
HUGGING_FACE = "\n".join(
    json.dumps({"tokens": [f"word{i}", "left"], "ner_tags": ["B-Word", "O"]}) for i in range(4)
)
TAGGED = json.dumps([{"tokens": [f"word{i}", "left"], "tags": ["B-Word", "O"]} for i in range(4)])
ONLY_READ = {
    "multihead": MULTIHEAD,
    "spacy-list": LISTED,
    "docred": json.dumps(DOCRED, indent=1),
    "triples": TRIPLES,
    "hugging-face": HUGGING_FACE,
    "tagged": TAGGED,
    "ade": "\n".join(f"{i} NEG word{i} left." for i in range(4)),
}


def documents():
    found = []
    for number in range(4):
        tokens = ["Ann", "lives", "in", f"Bonn{number}"]
        ann, bonn = Entity(0, 1, "Person"), Entity(3, 4, "Place")
        relation = Relation(ann, bonn, "Lives")
        sentence = Sentence.from_tokens(
            tokens, entities=[ann, bonn], relations=[relation], id=f"{number}"
        )
        found.append(Document.from_sentence(sentence))
    return found


def written(folder, format):
    """Four documents in a format; the path to read, and the files that hold them."""
    path = folder / {"semeval2018": "corpus.text.xml"}.get(format, "corpus")
    if FORMATS[format].write is None:
        path.write_text(ONLY_READ[format])
    else:
        write_corpus(documents(), path, format=format)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return path, files


def with_byte(file, position):
    """Put the byte behind a number of bytes of a file; the line in which it stands."""
    content = file.read_bytes()
    file.write_bytes(content[:position] + BAD + content[position:])
    return content[:position].count(b"\n") + 1


@pytest.mark.parametrize("format", TEXTS)
def test_wherever_the_byte_stands_the_rest_is_read_or_the_place_is_named(tmp_path, format):
    path, files = written(tmp_path, format)
    whole = read_corpus(path, format=format, reading=DROP)

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def check(data):
        file = data.draw(st.sampled_from(files))
        content = file.read_bytes()
        line = with_byte(file, data.draw(st.integers(0, len(content))))
        try:
            check_readings(path, format, whole, f"{file}:{line}")
        finally:
            file.write_bytes(content)

    check()


def check_readings(path, format, whole, place):
    with pytest.raises(CorpusFormatError) as refused:
        read_corpus(path, format=format, reading=REFUSE)
    assert f"{place}: byte b'\\xe9' is not UTF-8" in str(refused.value)
    try:
        corpus = read_corpus(path, format=format, reading=DROP)
    except CorpusError as error:  # such a header is needed for all of it
        str(error).encode()
        return
    json.dumps(corpus.ledger.to_dict(), ensure_ascii=False).encode()
    "".join(corpus.warnings).encode()
    for document in corpus.documents:
        repr(document.sentences).encode()
        (document.text + document.id).encode()
    if format not in FOLDERS:  # where an annotation may be lost, and its document stays
        known = {sentence.tokens for sentence in whole.sentences}
        changed = [item for item in corpus.sentences if item.tokens not in known]
        assert len(changed) <= 1  # a byte beside a sign of the format may change its meaning
    assert len(corpus.documents) >= len(whole.documents) - 2


@pytest.mark.parametrize("format", [name for name in TEXTS if name not in FOLDERS])
def test_a_byte_in_a_word_costs_one_document(tmp_path, format):
    path, [file] = written(tmp_path, format)
    if format in ONLY_READ:
        word = {"spacy-list": b"Text 2", "docred": b"Bonn2", "triples": b"Bonn2"}
        position = file.read_bytes().index(word.get(format, b"word2")) + 2
    else:
        content = file.read_bytes()
        # What follows may be a mention, and a comment that has the text of a sentence is before it.
        find = content.rindex if format == "conllu-plus" else content.index
        position = find(b"Bonn2") + 2
    whole = read_corpus(path, format=format, reading=DROP)
    with_byte(file, position)
    corpus = read_corpus(path, format=format, reading=DROP)
    assert len(corpus.documents) == len(whole.documents) - 1
    kept = {sentence.tokens for sentence in corpus.sentences}
    assert kept < {sentence.tokens for sentence in whole.sentences}
    [drop] = [drop for drop in corpus.ledger.drops if drop.kind == "document"]
    assert "is not UTF-8" in drop.reason
    assert corpus.ledger["document"].dropped == 1


def test_what_is_left_out_has_its_line_in_the_ledger(tmp_path):
    path, [file] = written(tmp_path, "conll04")
    line = with_byte(file, file.read_bytes().index(b"Bonn2"))
    [drop] = read_corpus(path, format="conll04", reading=DROP).ledger.drops
    assert drop.document_id == f"2 (corpus:{line - 3})"  # where its sentence begins


def test_all_lines_are_listed_at_once_with_other_faults(tmp_path):
    path = tmp_path / "corpus.jsonl"
    good = b'{"tokens": ["a"], "entities": []}\n'
    path.write_bytes(
        good + b'{"tokens": ["\xe9"]}\n' + good + b'{"tokens": []}\n{"tokens": ["\xdf"]}'
    )
    with pytest.raises(CorpusFormatError) as refused:
        read_corpus(path)
    for part in (r":2: byte b'\xe9'", ":4: ", r":5: byte b'\xdf'", "3 faults"):
        assert part in str(refused.value)


def test_a_file_of_a_folder_that_is_no_corpus_is_left_out_and_counted(tmp_path):
    for name in ("a", "b"):
        write_corpus(documents(), tmp_path / f"{name}.conllup", format="conllu-plus")
    broken = tmp_path / "b.conllup"
    broken.write_bytes(broken.read_bytes().replace(b"form", b"f\xe9rm", 1))
    corpus = read_corpus(tmp_path, format="conllu-plus", reading=DROP)
    assert len(corpus.documents) == 4
    assert corpus.ledger["file"].dropped == 1
    assert [drop.document_id for drop in corpus.ledger.drops if drop.kind == "file"] == [
        "b.conllup"
    ]


def test_characters_in_two_halves_are_mended_and_nothing_else_is_guessed(tmp_path):
    path = tmp_path / "corpus.jsonl"
    halves = "\U0001f4a9".encode("utf-16-be")
    halves = b"".join(
        chr(int.from_bytes(halves[at : at + 2])).encode("utf-8", "surrogatepass") for at in (0, 2)
    )
    path.write_bytes(b'{"tokens": ["' + halves + b'"]}\n{"tokens": ["it\x92s"]}\n')
    corpus = read_corpus(path, reading=Reading(on_error="fix"))
    assert [sentence.tokens for sentence in corpus.sentences] == [("\U0001f4a9",)]
    assert corpus.ledger.notes["character: written as two halves (CESU-8), put together"] == 1
    assert corpus.ledger["document"].dropped == 1
