import json

import pytest

from dovetail.corpora import read_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.reading import Reading


def read(tmp_path, *items, **reading):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return read_corpus(path, reading=Reading(**reading))


def places(corpus):
    """The entities and relations of the first document, by characters."""
    [document] = corpus.documents
    entities, relations = set(), set()
    for sentence in document.sentences:
        spans = {
            e: (sentence.offsets[e.start][0], sentence.offsets[e.end - 1][1])
            for e in sentence.entities
        }
        entities |= {(*spans[e], e.type) for e in sentence.entities}
        relations |= {(spans[r.head][0], r.type, spans[r.tail][0]) for r in sentence.relations}
    return entities, relations


FORMS = [
    {"triples": [["Anna", "in", "Bonn"]]},
    {"triplets": [{"head": "Anna", "relation": "in", "tail": "Bonn"}]},
    {"relations": [{"head": "Anna", "type": "in", "tail": "Bonn"}]},
    {"triples": [{"subject": "Anna", "predicate": "in", "object": "Bonn"}]},
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised_and_read(tmp_path, form):
    corpus = read(tmp_path, {"text": "Anna is in Bonn.", **form})
    assert corpus.format == "triples"
    assert places(corpus) == ({(0, 4, "Entity"), (11, 15, "Entity")}, {(0, "in", 11)})
    assert corpus.sentences[0].annotated == {"entity", "relation"}


def test_types_are_of_the_triple_else_of_the_line_else_of_another_triple(tmp_path):
    typed = {"head": "Otto", "head_type": "person", "relation": "in", "tail": "Bonn"}
    item = {
        "text": "Otto is in Bonn with Anna.",
        "triples": [typed, ["Anna", "in", "Bonn"], ["Anna", "with", "Otto"]],
        "entities": [{"name": "bonn", "type": "place"}, "Anna"],
    }
    entities, relations = places(read(tmp_path, item))
    assert entities == {(0, 4, "person"), (11, 15, "place"), (21, 25, "Entity")}
    assert relations == {(0, "in", 11), (21, "in", 11), (21, "with", 0)}


def test_the_nearest_pair_of_one_sentence_is_related_and_every_mention_marked(tmp_path):
    text = "Bonn is old. Anna and Otto: Anna likes Bonn a lot. Bonn."
    corpus = read(tmp_path, {"text": text, "triples": [["Anna", "likes", "Bonn"]]})
    entities, relations = places(corpus)
    second = text.index("Anna likes")
    assert {start for start, *_ in entities} == {0, 13, second, 39, 51}
    assert relations == {(second, "likes", 39)}
    assert any("nearest pair" in note for note in corpus.ledger.notes)


def test_a_pair_of_one_sentence_goes_before_a_nearer_pair_of_two(tmp_path):
    text = "Bonn is where many people and also Anna live. Bonn is old."
    corpus = read(tmp_path, {"text": text, "triples": [["Anna", "in", "Bonn"]]})
    assert places(corpus)[1] == {(text.index("Anna"), "in", 0)}


def test_only_whole_words_are_found_and_the_longer_name_goes_first(tmp_path):
    text = "Ann of Annual Reports left York for New York."
    corpus = read(
        tmp_path, {"text": text, "triples": [["Ann", "from", "York"], ["Ann", "to", "New York"]]}
    )
    entities, relations = places(corpus)
    assert entities == {(0, 3, "Entity"), (27, 31, "Entity"), (36, 44, "Entity")}
    assert relations == {(0, "from", 27), (0, "to", 36)}


def test_white_space_and_capitals_may_differ_and_that_is_noted(tmp_path):
    item = {
        "text": "ANNA  ito is in\nBad Godesberg.",
        "triples": [["Anna Ito", "in", "Bad  Godesberg"]],
    }
    corpus = read(tmp_path, item, unit="document")
    assert places(corpus) == ({(0, 9, "Entity"), (16, 29, "Entity")}, {(0, "in", 16)})
    assert corpus.ledger.notes == {
        "entity: found with other capitals": 1,
        "entity: found with other white space": 1,
    }


def test_what_is_not_in_the_text_is_dropped_with_its_name(tmp_path):
    item = {
        "id": "d",
        "text": "Anna left.",
        "triples": [["Anna", "in", "Bonn"], ["Anna", "is", "Ann"]],
    }
    corpus = read(tmp_path, item)
    assert [str(drop) for drop in corpus.ledger.drops] == [
        "d: entity Entity 'Bonn': its text does not occur",
        "d: entity Entity 'Ann': its text does not occur",
        "d: relation in: an argument does not occur in the text",
        "d: relation is: an argument does not occur in the text",
    ]


def test_no_triples_say_nothing_of_entities(tmp_path):
    corpus = read(
        tmp_path,
        {"text": "Anna left.", "triples": []},
        {"text": "Anna left.", "triples": [], "entities": []},
    )
    assert [sorted(s.annotated) for s in corpus.sentences] == [["relation"], ["entity", "relation"]]


def test_texts_without_spaces_between_words_are_aligned(tmp_path):
    corpus = read(tmp_path, {"text": "安娜住在波恩。", "triples": [["安娜", "住在", "波恩"]]})
    assert places(corpus) == ({(0, 2, "Entity"), (4, 6, "Entity")}, {(0, "住在", 4)})


def test_faults_name_line_and_triple_and_the_rest_is_read(tmp_path):
    item = {
        "text": "Anna left Bonn.",
        "triples": [["Anna", "left"], ["Anna", "", "Bonn"], ["Anna", "left", "Bonn"]],
    }
    with pytest.raises(
        CorpusFormatError, match=r":1: triples\[0\]: expected \[head, relation, tail\]"
    ):
        read(tmp_path, item)
    assert read(tmp_path, item, on_error="drop").ledger["relation"].kept == 1


def test_the_nearest_pair_is_that_of_all_pairs():
    from itertools import product

    from hypothesis import given
    from hypothesis import strategies as st

    from dovetail.corpora.marking.mentions import nearest_pair

    starts = st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True).map(sorted)

    @given(starts, starts, st.sets(st.integers(1, 45)))
    def check(heads, tails, breaks):
        heads, tails = [(s, s + 1) for s in heads], [(s, s + 1) for s in tails]

        def unit_at(position):
            return sum(position >= border for border in breaks)

        def cost(pair):
            (head, _), (tail, _) = pair
            return unit_at(head) != unit_at(tail), max(abs(head - tail) - 1, 0)

        best = min(map(cost, product(heads, tails)))
        assert cost(nearest_pair(heads, tails, unit_at)) == best

    check()
