"""Every fault of a corpus is listed at once, and what is broken can be left out by itself."""

import json

import pytest

from dovetail.corpora import read_corpus
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.reading import Reading

WORDS = ["Anna", "left", "Bonn"]


def lines(*records):
    return "\n".join(json.dumps(record) for record in records)


def spert(id, entities, relations):
    return {"orig_id": id, "tokens": WORDS, "entities": entities, "relations": relations}


def entity(start, end, type="P"):
    return {"start": start, "end": end, "type": type}


def relation(head, tail, type="R"):
    return {"head": head, "tail": tail, "type": type}


GOOD = [entity(0, 1), entity(2, 3, "L")]
CROSSRE = {"doc_key": "a", "sentence": WORDS, "ner": [[0, 0, "P"], [2, 2, "L"]]}
ROWS = (
    "{0}\tP\t0\tO\tN\tAnna\tO\tO\tO\n{0}\tO\t1\tO\tV\tleft\tO\tO\tO\n"
    "{0}\tL\t2\tO\tN\tBonn\tO\tO\tO\n\n"
)
MULTIHEAD = "#doc {}\n0\tAnna\tB-P\t{}\n1\tleft\tO\t['N']\t[1]\n2\tBonn\tB-L\t['N']\t[2]\n"

# format: content with one whole sentence, the entities and the relations that are left of all, and
# what each fault says
CASES = {
    "spert": (
        json.dumps(
            [
                spert("a", GOOD, [relation(0, 1)]),
                spert("b", [entity(0, 9), entity(2, 3, "L")], [relation(1, 0), relation(0, 7)]),
                spert("c", [entity(0, 1, ""), 5], [relation(0, 1, "")]),
                {"tokens": []},
            ]
        ),
        *(3, 1),
        [
            "item 1: entity [0, 9)",
            "refers to entity 7",
            "entities[0]: 'type' is empty",
            "expected a JSON object",
            "relations[0]: 'type' is empty",
            "item 3: 'tokens': a sentence without tokens",
        ],
    ),
    "unified": (
        json.dumps(
            [
                {"tokens": WORDS, "entities": [[0, 1, "P"]], "relations": [[0, 1, 0, 1]]},
                {"tokens": WORDS, "entities": [[0, 1, ""], [1, 1, "P"], [2, 3, "L"]]},
                {"tokens": WORDS, "entities": 7},
            ]
        ),
        *(2, 0),
        ["4 borders and a type", "the type is empty", "entity [1, 1)", "'entities': expected"],
    ),
    "tagged": (
        json.dumps(
            [
                {"tokens": WORDS, "tags": ["B-P", "O", "B-L"], "relations": [relation(0, 1)]},
                {"tokens": WORDS, "tags": ["B-\ud800", "O", "O"]},
                {"tokens": WORDS, "tags": ["O"]},
                {"tokens": WORDS, "tags": ["B-P", "O", "O"], "relations": [relation(0, True)]},
            ]
        ),
        *(3, 1),
        ["half a surrogate", "1 tags for 3 tokens", "'tail': expected a whole number"],
    ),
    "crossre": (
        lines(
            {**CROSSRE, "relations": [[0, 0, 2, 2, "R"], [0, 0, 2, 2, ""]]},
            {**CROSSRE, "doc_key": "b", "ner": [[0, 5, "P"], [1, 1, ""], [2, 2, "L"]]},
            {"doc_key": "c", "sentence": ["a", ""]},
            CROSSRE,
        )
        + "\n{",
        *(5, 1),
        [
            ":1: sentence 0: relations: the type is empty",
            ":2: sentence 0: ner: an entity has the tokens [0, 6)",
            "ner: the type is empty",
            ":3: sentence 0[1]: expected a token",
            ":5: malformed JSON",
        ],
    ),
    "dygie": (
        lines(
            {"doc_key": "a", "sentences": [WORDS, WORDS], "ner": [[[0, 0, "P"]], [[1, 1, "P"]]]},
            {"doc_key": "b", "sentences": [WORDS], "relations": [[[0, 0, 9, 9, "R"], 3]]},
            {"doc_key": "c", "sentences": []},
        ),
        *(1, 0),
        [
            ":1: sentence 1: ner: an entity has the tokens [-2, -1)",
            "relation [0, 0, 9, 9] 'R' is not within the 3 tokens",
            "expected a list of 4 borders and a type, found a number",
            ":3: a document without sentences",
        ],
    ),
    "conll04": (
        "x\ty\n"
        + (ROWS.format(0) + "0\t2\tR\n0\t2\t\n0\t9\tR\n2\t0\n\n")
        + (ROWS.format(1).replace("1\tO\t1", "1\tO\t7") + "0\t2\tR\n\n")
        + (ROWS.format(0) + ROWS.format(2))
        + ROWS.format(3).replace("\tO\tO\n", "\n", 1),
        *(4, 1),
        [
            ":1: expected 9 columns",
            ":7: the type of a relation is empty",
            ":8: a relation refers to row '9'",
            ":9: expected 9 columns of a word, or 3 of a relation",
            ":12: expected row 1 of the sentence, found '7'",
            ":17: the id '0' is taken",
            ":25: expected 9 columns",
            ":26: expected row 0 of the sentence, found '1'",
        ],
    ),
    "multihead": (
        MULTIHEAD.format("a", "['R']\t[2]")
        + MULTIHEAD.format("b", "['R']\t[True]")
        + MULTIHEAD.format("c", "['']\t[2]")
        + MULTIHEAD.format("d", "['\\ud800']\t[2]")
        + "#doc e\n#doc f\n0\tAnna\tB-P\n",
        *(8, 1),
        [
            ":6: expected a list of relation types",
            ":10: expected a list of relation types",
            "half a surrogate",
            ":17: a document without tokens",
            ":19: expected five columns",
        ],
    ),
}


@pytest.mark.parametrize("format", CASES)
def test_all_faults_are_listed_at_once(tmp_path, format):
    path = tmp_path / "corpus"
    content, _, _, faults = CASES[format]
    path.write_text(content)
    with pytest.raises(CorpusFormatError) as caught:
        read_corpus(path, format=format)
    listed = str(caught.value).splitlines()
    assert listed[0] == f"{len(faults)} faults, so nothing was read:"
    for line, fault in zip(listed[1:], faults, strict=False):
        assert line.startswith(f"  {path}:")
        assert fault in line


@pytest.mark.parametrize("format", CASES)
@pytest.mark.parametrize("on_error", ["drop", "fix"])
def test_what_is_broken_is_left_out_by_itself(tmp_path, format, on_error):
    path = tmp_path / "corpus"
    content, entities, relations, faults = CASES[format]
    path.write_text(content)
    corpus = read_corpus(path, format=format, reading=Reading(on_error=on_error))
    assert corpus.ledger["entity"].kept == entities
    assert corpus.ledger["relation"].kept == relations
    broken = [drop for drop in corpus.ledger.drops if drop.reason.startswith("broken: ")]
    assert len(broken) == len(faults)
    assert {sentence.tokens for sentence in corpus.sentences} == {tuple(WORDS)}


@pytest.mark.parametrize("format", ["crossre", "dygie", "multihead", "conll04", "spert"])
def test_a_corpus_of_which_nothing_is_left_is_an_error(tmp_path, format):
    path = tmp_path / "corpus"
    path.write_text('[{"tokens": []}]' if format == "spert" else "{}")
    with pytest.raises(CorpusError, match="documents were broken"):
        read_corpus(path, format=format, reading=Reading(on_error="drop"))
