import time

import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK, Document, Entity, Sentence
from dovetail.text.reading import Reading


@pytest.fixture
def read(tmp_path):
    """Write one pair and read it."""

    def read_pair(text, annotations, **options):
        (tmp_path / "d.txt").write_bytes(text.encode())
        (tmp_path / "d.ann").write_text("".join(f"{line}\n" for line in annotations))
        return read_corpus(tmp_path, **{"reading": Reading(borders="cut"), **options})

    return read_pair


def covered(corpus):
    document = corpus.documents[0]
    return sorted(
        (document.surface(sentence, entity), entity.type)
        for sentence in document.sentences
        for entity in sentence.entities
    )


def reasons(corpus):
    return [(drop.kind, drop.reason) for drop in corpus.ledger.drops]


def test_entity_that_ends_inside_a_word_cuts_the_word(read):
    corpus = read("The pre-war-era car.", ["T1\tTime 8 11\twar", "T2\tTime 4 15\tpre-war-era"])
    assert covered(corpus) == [("pre-war-era", "Time"), ("war", "Time")]
    assert "".join(corpus.sentences[0].tokens) == "Thepre-war-eracar."


def test_entity_across_sentences_joins_them(read):
    corpus = read(
        "We met at St. Mary. Church was open. It rained.",
        ["T1\tLoc 14 26\tMary. Church", "T2\tEvent 40 46\trained"],
    )
    assert covered(corpus) == [("Mary. Church", "Loc"), ("rained", "Event")]
    assert len(corpus.sentences) == 2
    assert any(note.startswith("sentence: joined") for note in corpus.ledger.notes)


def test_fragments_are_joined_over_white_space_only(read):
    corpus = read(
        "breast and ovarian\ncancer",
        ["T1\tD 0 6;19 25\tbreast cancer", "T2\tD 11 18;19 25\tovarian cancer"],
    )
    assert covered(corpus) == [("ovarian\ncancer", "D")]
    [drop] = corpus.ledger.drops
    assert drop.reason.startswith("discontinuous")
    assert (drop.start, drop.end, drop.unit) == (0, 25, "characters")


def test_white_space_at_the_border_of_an_entity_is_left_out(read):
    corpus = read("Anna  left.", ["T1\tPeop 0 6\tAnna  ", "T2\tX 4 6\t  "])
    assert covered(corpus) == [("Anna", "Peop")]
    assert reasons(corpus) == [("entity", "covers white space only")]


def test_relations_that_cannot_be_held_are_listed(read):
    corpus = read(
        "Anna left Bonn. Otto stayed there with us.",
        [
            *("T1\tP 0 4\tAnna", "T2\tL 10 14\tBonn", "T3\tP 16 20\tOtto"),
            "T4\tX 21 27;34 38\tstayed with",
            "R1\tLeft Arg1:T1 Arg2:T2",
            "R2\tKnows Arg1:T1 Arg2:T3",
            "R3\tDid Arg1:T3 Arg2:T4",
            "R4\tIs Arg1:T3 Arg2:T3",
        ],
    )
    assert [relation.type for s in corpus.sentences for relation in s.relations] == ["Left"]
    assert sorted(reason for kind, reason in reasons(corpus) if kind == "relation") == [
        "an argument was dropped",
        "crosses the border of a sentence",
        "links an entity to itself",
    ]
    assert corpus.ledger["relation"].read == 4


def test_equivalence_relates_each_two_of_its_members(read):
    corpus = read("a b c", ["T1\tX 0 1\ta", "T2\tX 2 3\tb", "T3\tX 4 5\tc", "*\tSame T1 T2 T3"])
    pairs = {(r.head.start, r.tail.start) for r in corpus.sentences[0].relations}
    assert pairs == {(0, 1), (0, 2), (1, 2)}


def test_attributes_and_notes_are_counted_under_their_own_kind(read):
    corpus = read(
        "Anna left.",
        [
            *("T1\tP 0 4\tAnna", "T2\tLeave 5 9\tleft", "A1\tPast T2"),
            *("N1\tReference T1 Wiki:1", "#1\tNote T1\tcheck", "R1\tOf Arg1:N1 Arg2:T1"),
        ],
    )
    assert {kind for kind, count in corpus.ledger.counts.items() if count.dropped} == {
        *("attribute", "normalization", "note", "relation")
    }


def test_event_is_a_relation_from_its_trigger_to_each_argument(read):
    corpus = read(
        "Anna left Bonn after Otto called.",
        [
            *("T1\tP 0 4\tAnna", "T2\tLeave 5 9\tleft", "T3\tL 10 14\tBonn"),
            *("T4\tCall 26 32\tcalled", "E1\tLeave:T2 Who:T1 From2:T3", "E2\tCall:T4 Cause:E1"),
        ],
    )
    tokens = corpus.sentences[0].tokens
    assert {
        (tokens[r.head.start], r.type, tokens[r.tail.start]) for r in corpus.sentences[0].relations
    } == {("left", "Who", "Anna"), ("left", "From", "Bonn"), ("called", "Cause", "left")}
    assert not corpus.ledger.drops


def test_fragments_may_come_in_any_order(read):
    corpus = read("Anna Maria left.", ["T1\tP 5 10;0 4\tMaria Anna"])
    assert covered(corpus) == [("Anna Maria", "P")]


def test_an_equivalence_of_thousands_is_a_fault_not_a_memory_hog(read):
    names = [f"T{number}" for number in range(1, 5001)]
    with pytest.raises(CorpusFormatError, match=r"5,000 members.*at most 100"):
        read("a", ["*\tSame " + " ".join(names)])


def test_a_line_of_colons_takes_linear_time(read):
    start = time.process_time()
    with pytest.raises(CorpusFormatError, match="expected a brat annotation"):
        read("a", ["R1\tX " + "a:" * 100_000])
    assert time.process_time() - start < 2


def test_all_faults_of_a_folder_are_listed_at_once(read):
    lines = ["T1\tP 0 9999\tAnna", "T2\tP 0 4\tOtto", "R1\tOf Arg1:T1 Arg2:T9", "what"]
    with pytest.raises(CorpusFormatError, match=r"(?s)4 faults.*ann:4.*--on-error drop") as caught:
        read("Anna left.", lines)
    for number in (1, 2, 3, 4):
        assert f"d.ann:{number}: " in str(caught.value)


def test_what_is_broken_is_dropped_and_listed(read):
    lines = ["T1\tP 0 4\tAnna", "T2\tP 5 9\tOtto", "R1\tOf Arg1:T1 Arg2:T2", "what"]
    corpus = read("Anna left.", lines, reading=Reading(on_error="drop"))
    assert covered(corpus) == [("Anna", "P")]
    assert {(kind, reason.split(":")[0]) for kind, reason in reasons(corpus)} == {
        ("entity", "broken"),
        ("line", "broken"),
        ("relation", "an argument was dropped"),
    }


def test_an_entity_a_few_characters_away_is_mended_if_there_is_one_place_for_it(read):
    lines = ["T1\tP 2 6\tAnna", "T2\tL 9 13\tBonn", "T3\tX 0 2\tnn"]
    corpus = read("Anna in Bonn.", lines, reading=Reading(on_error="fix"))
    assert covered(corpus) == [("Anna", "P"), ("Bonn", "L")]
    [drop] = corpus.ledger.drops  # "nn" stands twice nearby
    assert drop.reason.startswith("broken")


def test_corpus_without_one_relation_is_annotated_for_entities_only(read):
    corpus = read("Anna left.", ["T1\tP 0 4\tAnna"])
    assert corpus.sentences[0].annotated == {ENTITY_TASK}


def test_line_breaks_and_marks_count_as_the_characters_they_are(read):
    corpus = read("\ufeffA\r\nAnna 👍 Bonn", ["T1\tP 4 8\tAnna", "T2\tL 11 15\tBonn"])
    assert covered(corpus) == [("Anna", "P"), ("Bonn", "L")]


def test_a_pair_may_be_named_by_either_file(read, tmp_path):
    corpus = read("Anna left.", ["T1\tP 0 4\tAnna"])
    for name in ("d.txt", "d.ann"):
        assert read_corpus(tmp_path / name).documents == corpus.documents


def test_folders_in_folders_give_distinct_names_and_lone_texts_are_noted(tmp_path):
    for folder in ("train", "dev"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.1.txt").write_text("Anna.")
        (tmp_path / folder / "a.1.ann").write_text("")
    (tmp_path / "README.txt").write_text("what this is")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["dev/a.1", "train/a.1"]
    assert "a .txt file without its .ann file is not read" in corpus.ledger.notes


def test_language_decides_the_words(read):
    corpus = read("Dell'acqua fresca.", ["T1\tX 0 4\tDell"], language="it")
    assert corpus.sentences[0].tokens[:2] == ("Dell", "'")


def test_entity_of_white_space_is_dropped_by_the_writer_too(tmp_path):
    tokens = ["a", "\r", "b"]
    entities = [Entity(0, 1, "X"), Entity(1, 2, "X"), Entity(2, 3, "X")]
    document = Document.from_sentence(Sentence.from_tokens(tokens, entities=entities))
    ledger = write_corpus([document], tmp_path / "brat", format="brat")
    assert [(drop.kind, drop.start) for drop in ledger.drops] == [("entity", 1)]
    assert read_corpus(tmp_path / "brat").ledger["entity"].read == 2
