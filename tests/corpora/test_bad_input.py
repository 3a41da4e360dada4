"""Broken files end in an error that says where and what to do, and never in a half-read corpus."""

import json
import shutil
import zlib
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading


def spert(**changes):
    sentence = {
        "tokens": ["Anna", "lives", "in", "Bonn"],
        "entities": [
            {"start": 0, "end": 1, "type": "Peop"},
            {"start": 3, "end": 4, "type": "Loc"},
        ],
        "relations": [{"head": 0, "tail": 1, "type": "Live_In"}],
    }
    return json.dumps([{**sentence, **changes}])


def native(**changes):
    return json.dumps({"tokens": ["Anna", "left"], "entities": [], "relations": [], **changes})


def dygie(**changes):
    line = {"doc_key": "d", "sentences": [["a", "b"]], "ner": [[]], "relations": [[]]}
    return json.dumps({**line, **changes})


ENTITY = {"start": 0, "end": 1, "type": "Peop"}
HEADER = '{"format": "dovetail", "version": 1, "entity_types": ["Peop"]}\n'
ROW = "0\tPeop\t0\tO\tNNP\tAnna\tO\tO\tO\n"

# name of the case: (format, content, what the message must say)
CASES = {
    "JSON cut off": ("spert", spert()[:-5], r":1: malformed JSON at column"),
    "JSON line cut off": ("dovetail", native() + "\n{", r":2: malformed JSON"),
    "JSON nested too deep": ("spert", "[" * 100_000, "JSON that cannot be read"),
    "not a list of sentences": ("spert", '{"tokens": []}', "expected a JSON array"),
    "a sentence that is a number": ("spert", "[3]", "item 0: expected a JSON object"),
    "tokens that are a text": ("spert", spert(tokens="Anna"), "'tokens': expected a list"),
    "tokens missing": ("dovetail", '{"text_": "a"}', "'tokens' is missing; the fields are"),
    "no tokens": ("dovetail", native(tokens=[]), "a sentence without tokens"),
    "an empty token": ("dovetail", native(tokens=["a", ""]), r"\[1\]: expected a token"),
    "a token that is null": ("spert", spert(tokens=[None]), "expected a token.*null"),
    "half a surrogate pair": ("dovetail", native(tokens=["\ud800"]), "half a surrogate"),
    "a border that is a text": (
        "spert",
        spert(entities=[{**ENTITY, "start": "0"}], relations=[]),
        r"entities\[0\]: 'start': expected a whole number, found a text: '0'",
    ),
    "a border that is a truth value": (
        "spert",
        spert(entities=[{**ENTITY, "start": False}], relations=[]),
        "expected a whole number",
    ),
    "an entity after the sentence": (
        "spert",
        spert(entities=[{**ENTITY, "end": 9}], relations=[]),
        r"entity \[0, 9\) 'Peop' is not within the 4 tokens",
    ),
    "an entity before the sentence": (
        "dovetail",
        native(entities=[{**ENTITY, "start": -1}]),
        "not within the 2 tokens",
    ),
    "an empty entity": ("dovetail", native(entities=[{**ENTITY, "end": 0}]), "not within"),
    "an entity without a type": ("dovetail", native(entities=[{**ENTITY, "type": ""}]), "empty"),
    "an index that does not exist": (
        "spert",
        spert(relations=[{"head": 0, "tail": 2, "type": "Live_In"}]),
        "refers to entity 2, but the sentence has 2 entities",
    ),
    "a negative index": (
        "spert",
        spert(relations=[{"head": 0, "tail": -1, "type": "Live_In"}]),
        "refers to entity -1",
    ),
    "a confidence above one": (
        "dovetail",
        native(entities=[{**ENTITY, "confidence": 1.5}]),
        "between 0 and 1",
    ),
    "a confidence that is no number": (
        "dovetail",
        native(entities=[{**ENTITY, "confidence": float("nan")}]),
        "between 0 and 1",
    ),
    "a type that the header does not declare": (
        "dovetail",
        HEADER + native(entities=[{**ENTITY, "type": "Person"}]),
        r":2: entities\[0\]: unknown entity type 'Person'.*\['Peop'\]",
    ),
    "a version to come": ("dovetail", '{"format": "dovetail", "version": 3}', "newer Dovetail"),
    "a header alone": ("dovetail", HEADER, "no sentence"),
    "characters outside the text": (
        "dovetail",
        json.dumps({"text": "Anna", "entities": [{**ENTITY, "end": 9}]}),
        r"characters \[0, 9\).*4 characters of the text",
    ),
    "an entity that is other text": (
        "dovetail",
        json.dumps({"text": "Anna left", "entities": [{**ENTITY, "end": 4, "text": "Otto"}]}),
        "to be 'Otto', but.*'Anna'",
    ),
    "tokens that go back": (
        "dovetail",
        json.dumps({"text": "a b", "sentences": [{"offsets": [[2, 3], [0, 1]]}]}),
        "lies before the end of the token before",
    ),
    "characters inside a token": (
        "dovetail",
        json.dumps(
            {
                "text": "Anna left",
                "sentences": [{"offsets": [[0, 4], [5, 9]], "entities": [{**ENTITY, "end": 2}]}],
            }
        ),
        "not the borders of tokens",
    ),
    "a span that is too short": ("dygie", dygie(ner=[[[0, "X"]]]), "a list of 2 borders"),
    "a list too few": ("dygie", dygie(ner=[]), "one list for each of 1 sentences"),
    "a relation after the document": (
        "dygie",
        dygie(relations=[[[0, 0, 5, 5, "R"]]]),
        "not within the 2 tokens",
    ),
    "a line without a tag": ("columns", "Anna\tB-Peop\nleft\n", ":2: expected a token and"),
    "a tag of no scheme": ("columns", "Anna\tX-Peop\n", ":1: expected a token and"),
    "a training list of texts alone": ("spacy-list", '["Anna"]', r":1: item 0: expected \[.text"),
    "a row of five columns": (
        "conll04",
        ROW + "a\tb\tc\td\te\n",
        ":2: expected 9 columns.*found 5",
    ),
    "a row that does not exist": (
        "conll04",
        ROW + "\n0\t7\tKill\n",
        "row '7' of a sentence with 1",
    ),
    "a word where a row number belongs": ("conll04", ROW + "\nx\t0\tKill\n", "refers to row 'x'"),
    "a sentence number again": ("conll04", ROW + ROW.replace("0\t", "1\t", 1) + ROW, "is taken"),
    "an unknown brat line": ("brat", "X1\tY\n", ":1: expected a brat annotation"),
    "a brat entity after the text": ("brat", "T1\tPeop 0 99\tAnna\n", ":1: .*within the 10"),
    "a brat entity that is other text": ("brat", "T1\tPeop 0 4\tOtto\n", "to be 'Otto'.*'Anna'"),
    "a brat border of 5000 digits": (
        "brat",
        f"T1\tPeop 0 {'9' * 5000}\tAnna\n",
        "expected borders",
    ),
    "a row number of 5000 digits": ("conll04", ROW + f"\n0\t{'9' * 5000}\tKill\n", "refers to row"),
    "a brat name twice": ("brat", "T1\tP 0 4\tAnna\nT1\tP 0 4\tAnna\n", ":2: 'T1' is defined"),
    "a brat argument that is not there": (
        "brat",
        "T1\tPeop 0 4\tAnna\nR1\tLive_In Arg1:T1 Arg2:T9\n",
        ":2: a relation refers to 'T9'",
    ),
    "a line of ADE that is neither kind": (
        "ade",
        "7 NEG Tea.\n7 POS Tea.\n",
        ":2: expected 'PubMed",
    ),
    "an effect that is not there": (
        "ade",
        "7|Tea and rash.|itch|8|12|Tea|0|3\n",
        ":1: expected a sentence with 'itch'",
    ),
    "a sentence without marks": ("semeval2010", '1\t"Tea."\nOther\n', ":1: expected one <e1>"),
    "no subject": ("tacred", '[{"token": ["a"]}]', "'subj_start' is missing"),
    "no head": ("opennre", '{"text": "a"}', ":1: 'h': expected a JSON object, found null"),
    "an entity that does not exist": (
        "docred",
        '[{"sents": [["a"]], "vertexSet": [], "labels": [{"h": 0, "t": 0, "r": "R"}]}]',
        r"item 0: labels\[0\]: 'h' is 0, but there are 0 entities",
    ),
    "no column of words": ("conllu-plus", "# global.columns = id ner\n1\tO\n", ":1: .*'form'"),
    "a relation of three numbers": (
        "conllu-plus",
        "# global.columns = id form\n# relations = 1;1;1;R\n1\ta\n",
        ":2: expected a relation as",
    ),
    "no WebAnno header": ("webanno", "1-1\t0-1\ta\n", ":1: expected '#FORMAT=WebAnno TSV 3.3'"),
    "no abstracts": ("semeval2018", "<doc></doc>", "expected texts as"),
    "a task without a text": (
        "labelstudio",
        '[{"data": {"image": 3}}]',
        "item 0: data: expected the field 'text'",
    ),
    "a region of an unknown relation": (
        "labelstudio",
        '[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "relation", '
        '"from_id": "x"}]}]}]',
        "'from_id' is 'x', which is no region",
    ),
    "a span that is no list": (
        "doccano",
        '{"text": "Anna", "label": [3]}',
        r":1: label\[0\]: expected a list",
    ),
    "a token that is other text": (
        "prodigy",
        '{"text": "Anna", "tokens": [{"text": "Otto", "start": 0, "end": 4}]}',
        r":1: tokens\[0\]: the token is 'Otto', the text 'Anna'",
    ),
    "a span after the sentence": (
        "gliner",
        '[{"tokenized_text": ["a"], "ner": [[0, 1, "X"]]}]',
        r"item 0: entity \[0, 2\) 'X' is not within the 1 tokens",
    ),
    "a triple of two": (
        "triples",
        '{"text": "Anna", "triples": [["Anna", "left"]]}',
        r":1: triples\[0\]: expected \[head, relation, tail\]",
    ),
    "a PubTator line without a title": ("pubtator", "1|a|Anna left.\n", ":1: expected '123|t|T"),
    "a BioC annotation without a type": (
        "bioc",
        "<collection><document><passage><offset>0</offset><text>Anna</text><annotation>"
        '<location offset="0" length="4"/></annotation></passage></document></collection>',
        "document 0 .*: an annotation without an infon 'type'",
    ),
    "a BioC offset that is a text": (
        "bioc-json",
        '{"documents": [{"passages": [{"offset": "0", "text": "Anna"}]}]}',
        "'offset': expected a whole number",
    ),
    "a DocBin of something else": ("spacy", "Anna", "is no DocBin: expected zlib"),
    "tags that are too few": (
        "huggingface",
        '{"tokens": ["Anna", "left"], "ner_tags": ["O"]}',
        ":1: 2 tokens and 1 of 'ner_tags'",
    ),
    "Parquet of something else": ("parquet", "Anna left", "Arrow data that cannot be read"),
    "a data set of something else": ("datasets", "Anna left", "Arrow data that cannot be read"),
    "a row that is too short": ("token-table", "sentence_id,token,tag\n1,a\n", "expected 3 cells"),
    "a position that is a word": ("entity-table", "text,start,end,type\na,x,1,P\n", "whole numb"),
    "lists of unequal length": ("multihead", "#doc 1\n0\ta\tO\t['N','N']\t[0]\n", ":2: expected a"),
}


@pytest.mark.parametrize(("format", "content", "message"), CASES.values(), ids=CASES.keys())
def test_breakage_is_an_error_with_its_place(tmp_path, format, content, message):
    path = tmp_path / ("corpus.ann" if format == "brat" else "corpus")
    path.write_text(content)
    (tmp_path / "corpus.txt").write_text("Anna left.")
    with pytest.raises(CorpusFormatError, match=f"^{path}.*(?s:{message})"):
        read_corpus(path, format=format)


def test_every_format_has_a_case_of_breakage_or_shares_its_reader_with_one():
    shared = {"unified": "spert", "tagged": "spert", "crossre": "dygie"}
    cases = {format for format, _, _ in CASES.values()}
    assert {shared.get(name, name) for name in FORMATS} <= cases


@pytest.mark.parametrize("format", [None, *FORMATS])
@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\x89PNG\r\n\0\0\xff\xfe", b"Stra\xdfe O\n"])
def test_empty_binary_and_wrongly_encoded_files_are_refused(tmp_path, format, content):
    path = tmp_path / "corpus"
    path.write_bytes(content)
    message = "empty|binary|UTF-8|missing"
    if format in ("spacy", "parquet", "datasets"):  # binary themselves
        message += "|no DocBin|Arrow data that cannot be read"
    with pytest.raises(CorpusError, match=f"{path}.*({message})"):
        read_corpus(path, format=format)


def test_wrong_encoding_says_the_line_and_how_to_convert(tmp_path):
    path = tmp_path / "corpus"
    path.write_bytes("Haus\tO\nStraße\tO\n".encode("latin-1"))
    with pytest.raises(CorpusFormatError, match=r":2: byte b'\\xdf' is not UTF-8.*iconv"):
        read_corpus(path)


@pytest.mark.parametrize("format", [None, "brat", "spert", "columns", "dovetail"])
def test_a_folder_without_a_corpus_is_refused(tmp_path, format):
    with pytest.raises(CorpusError, match="is a directory"):
        read_corpus(tmp_path, format=format)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(CorpusError, match=r"is a directory|notes\.txt.*[Ee]xpect"):
        read_corpus(tmp_path, format=format)


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        read_corpus(tmp_path / "nowhere.json")


def test_half_a_brat_pair_is_refused(tmp_path):
    (tmp_path / "a.ann").write_text("")
    with pytest.raises(CorpusError, match=r"a\.txt is missing"):
        read_corpus(tmp_path)


def test_unknown_format_gets_a_near_miss_suggested(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(spert())
    with pytest.raises(CorpusError, match="unknown format 'sprt'; did you mean 'spert'"):
        read_corpus(path, format="sprt")


def test_unrecognised_content_is_refused_with_the_known_formats(tmp_path):
    path = tmp_path / "letter"
    path.write_text("Dear all,\nthis is no corpus.\n")
    with pytest.raises(CorpusError, match=r"not recognised(?s:.*)columns"):
        read_corpus(path)


def test_a_format_that_is_only_read_is_not_written(tmp_path):
    document = Document.from_sentence(Sentence.from_tokens(["a"]))
    with pytest.raises(CorpusError, match="'multihead' is only read; formats that are written"):
        write_corpus([document], tmp_path / "x", format="multihead")


def test_no_relation_is_an_error_where_relations_are_expected(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(spert(relations=[{"head": 1, "tail": 1, "type": "Live_In"}]))
    assert read_corpus(path).ledger["relation"].read == 1
    with pytest.raises(CorpusError, match=r"no relation(?s:.*)links an entity to itself"):
        read_corpus(path, expect_relations=True)


def test_relation_from_an_entity_to_itself_is_dropped_and_listed(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(spert(relations=[{"head": 1, "tail": 1, "type": "Live_In"}], orig_id=7))
    corpus = read_corpus(path)
    [drop] = corpus.ledger.drops
    assert (drop.document_id, drop.kind, drop.start, drop.end) == ("7", "relation", 3, 4)
    assert drop.reason == "links an entity to itself"
    assert corpus.sentences[0].relations == frozenset()


def test_duplicates_count_as_read_and_are_dropped(tmp_path):
    path = tmp_path / "corpus.json"
    relation = {"head": 0, "tail": 2, "type": "Knows"}  # entity 2 is entity 1 again
    entities = [ENTITY, {**ENTITY, "start": 1, "end": 2}, {**ENTITY, "start": 1, "end": 2}]
    path.write_text(spert(entities=entities, relations=[relation, {**relation, "tail": 1}]))
    corpus = read_corpus(path)
    assert [(drop.kind, drop.reason) for drop in corpus.ledger.drops] == [
        ("entity", "duplicate"),
        ("relation", "duplicate"),
    ]
    assert len(corpus.sentences[0].entities) == 2
    assert len(corpus.sentences[0].relations) == 1


@pytest.mark.parametrize("format", ["dovetail", "spert", "dygie", "columns", "conll04"])
def test_token_of_100_000_characters_is_read(tmp_path, format):
    token = "x" * 100_000
    path = tmp_path / "corpus"
    document = Document.from_sentence(Sentence.from_tokens(["a", token]))
    write_corpus([document], path, format=format)
    assert read_corpus(path).sentences[0].tokens == ("a", token)


def test_byte_order_mark_is_no_part_of_the_first_token(tmp_path):
    path = tmp_path / "corpus"
    path.write_bytes("\ufeffAnna\tB-Peop\r\nleft\tO\r\n".encode())
    assert read_corpus(path).sentences[0].tokens == ("Anna", "left")


def test_unknown_fields_are_noted(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(spert(relatoins=[]))
    assert read_corpus(path).ledger.notes == {"field 'relatoins' is not read": 1}


def test_utf16_is_named_as_what_it_is(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(spert(), encoding="utf-16")
    with pytest.raises(CorpusFormatError, match="iconv -f UTF-16 -t UTF-8"):
        read_corpus(path)


BINARY_OR_NESTED = ("spacy", "parquet", "datasets", "bioc", "bioc-json", "pubtator", "entity-table")


@pytest.mark.parametrize("format", BINARY_OR_NESTED)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_file_with_damaged_bytes_is_read_or_refused_by_a_sentence(tmp_path, format, data):
    entities = [Entity(0, 1, "Peop"), Entity(3, 4, "Loc")]
    sentence = Sentence.from_tokens(
        ["Anna", "lives", "in", "Bonn"],
        entities=entities,
        relations=[Relation(*entities, "Live_In")],
        id="1",
    )
    path = tmp_path / "corpus"
    shutil.rmtree(path, ignore_errors=True)
    write_corpus([Document.from_sentence(sentence)], path, format=format)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    file = data.draw(st.sampled_from(files))
    content = file.read_bytes()
    packed = format == "spacy" and data.draw(st.booleans())
    if packed:
        content = zlib.decompress(content)
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start, min(start + 8, len(content))))
    content = content[:start] + data.draw(st.binary(max_size=8)) + content[end:]
    file.write_bytes(zlib.compress(content) if packed else content)
    with suppress(CorpusError):
        corpus = read_corpus(path, format=format, reading=Reading(language="xx"))
        assert corpus.ledger["document"].kept == len(corpus.documents)


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("dovetail", native(id="x") + "\n" + native(id="x")),
        ("dygie", dygie() + "\n" + dygie()),
    ],
)
def test_documents_of_the_same_id_are_kept_and_noted(tmp_path, format, content):
    path = tmp_path / "corpus"
    path.write_text(content, encoding="utf-8")
    corpus = read_corpus(path, format=format)
    assert len({document.id for document in corpus.documents}) == 1 < len(corpus.documents)
    assert "1 x document: an earlier one has the same id" in corpus.ledger.summary()
