"""What a person sees: entities marked in the text, arrows below, and nothing a terminal obeys."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dovetail.showing.rendering import COLOURS, assign_colours, render_document
from dovetail.text.document import Document, Entity, Relation, Sentence

PLAIN_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def printed(document: Document, *, colours: bool = False, width: int = 100) -> str:
    file = io.StringIO()
    Console(
        file=file,
        width=width,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
    ).print(render_document(document))
    return file.getvalue()


def document(text: str, *entities: tuple[str, str], relations: str = "") -> Document:
    """Every character that is no space is a token; entities are given by their text and type."""
    positions = [position for position, character in enumerate(text) if not character.isspace()]
    found = []
    for surface, type_ in entities:
        start_char = text.index(surface)
        found.append(
            Entity(
                positions.index(start_char),
                positions.index(start_char + len(surface) - 1) + 1,
                type_,
            )
        )
    sentence = Sentence(
        tuple(text[position] for position in positions),
        tuple((position, position + 1) for position in positions),
        frozenset(found),
        frozenset({Relation(found[0], found[1], relations, 0.973)} if relations else ()),
    )
    return Document("d", text, (sentence,))


def test_entities_and_relations_are_readable_without_colours() -> None:
    born = document(
        "Marie Curie was born in Warsaw.",
        ("Marie Curie", "Person"),
        ("Warsaw", "Place"),
        relations="born_in",
    )
    assert printed(born) == (
        "[Marie Curie|Person] was born in [Warsaw|Place].\nMarie Curie ──born_in 0.97──▶ Warsaw\n"
    )


def test_colours_change_nothing_but_the_colour() -> None:
    born = document("Curie was born in Warsaw.", ("Curie", "Person"), ("Warsaw", "Place"))
    coloured = printed(born, colours=True)
    assert "\x1b[" in coloured
    assert PLAIN_STYLES.sub("", coloured) == printed(born)


@pytest.mark.parametrize(
    ("entities", "expected"),
    [
        ([("cd", "X"), ("abcdef", "Y")], "[ab[cd|X]ef|Y]\n"),
        ([("ab", "X"), ("abcd", "Y")], "[[ab|X]cd|Y]ef\n"),
        ([("ef", "X"), ("cdef", "Y")], "ab[cd[ef|X]|Y]\n"),
        ([("ab", "X"), ("ab", "Y")], "[[ab|Y]|X]cdef\n"),
        ([("abcd", "X"), ("cdef", "Y")], "[ab[cd|X]ef|Y]\n"),
        ([("ab", "X"), ("cdef", "Y")], "[ab|X][cdef|Y]\n"),
        ([], "abcdef\n"),
    ],
    ids=["inside", "same start", "same end", "same span", "crossing", "adjacent", "none"],
)
def test_overlapping_entities_keep_all_their_borders(
    entities: list[tuple[str, str]], expected: str
) -> None:
    assert printed(document("abcdef", *entities)) == expected


def test_relation_without_confidence_has_an_arrow_without_a_number() -> None:
    head, tail = Entity(0, 1, "X"), Entity(1, 2, "Y")
    sentence = Sentence.from_tokens(
        ["a", "b"], entities=[head, tail], relations=[Relation(tail, head, "of")]
    )
    assert printed(Document.from_sentence(sentence)).endswith("\nb ──of──▶ a\n")


def test_text_of_no_sentence_and_no_text_are_shown() -> None:
    assert printed(Document("d", "no sentence\nhere")) == "no sentence\nhere\n"
    assert printed(Document("d", "")) == "\n"


def test_markup_and_emoji_codes_in_a_text_stay_what_they_are() -> None:
    text = "[bold]x[/bold] [/] :smile: \\[red]"
    assert printed(Document("d", text)) == text + "\n"
    assert printed(document("[red]a", ("[red]a", "[/]"))) == "[[red]a|[/]]\n"


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_no_text_and_no_type_reaches_the_terminal_as_a_command(
    text: str, entity_type: str, relation_type: str
) -> None:
    tokens = ["\x1b[31m" + text, "b\x9b1m\u202e" + text]
    head, tail = Entity(0, 1, entity_type), Entity(1, 2, entity_type)
    sentence = Sentence.from_tokens(
        tokens, entities=[head, tail], relations=[Relation(head, tail, relation_type)]
    )
    output = printed(Document.from_sentence(sentence))
    output.encode("utf-8")  # fails on lone surrogates
    assert not [c for c in output if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c != "\n"]
    assert "\u202e" not in output


@pytest.mark.parametrize(
    "text", ["שלום", "مرحبا", "👩‍🔬 ab", "é", "naïve\u00a0x", "א\u200fב", "🇩🇪", "漢字"]
)
def test_scripts_emoji_and_their_joiners_stay_as_they_are(text: str) -> None:
    assert printed(Document("d", text)) == text + "\n"


def test_right_to_left_entities_do_not_draw_their_labels_along() -> None:
    hebrew = document("שרה גרה בצפת", ("שרה", "Person"), ("צפת", "Place"), relations="lives_in")
    assert printed(hebrew) == (
        "\u2066[שרה|Person]\u2069 גרה ב\u2066[צפת|Place]\u2069\n"
        "\u2068שרה\u2069 ──lives_in 0.97──▶ \u2068צפת\u2069\n"
    )


def test_entity_over_a_line_break_has_an_arrow_on_one_line() -> None:
    broken = document(
        "New\nYork has a park", ("New\nYork", "Place"), ("park", "Thing"), relations="has"
    )
    assert printed(broken).splitlines() == [
        "[New",
        "York|Place] has a [park|Thing]",
        "New York ──has 0.97──▶ park",
    ]


@given(st.sets(st.text(), max_size=len(COLOURS)))
def test_types_get_different_colours_while_there_are_enough(types: set[str]) -> None:
    colours = assign_colours(types)
    assert colours.keys() == types
    assert len(set(colours.values())) == len(types)


def test_more_types_than_colours_all_get_one() -> None:
    colours = assign_colours(f"type {number}" for number in range(3 * len(COLOURS)))
    assert all(list(colours.values()).count(colour) == 3 for colour in COLOURS)


def test_colours_are_the_same_in_another_process() -> None:
    program = (
        "from dovetail.showing.rendering import assign_colours as a; print(a(['Person', 'Place']))"
    )
    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == str(assign_colours(["Place", "Person"]))


def test_schema_types_fix_the_colours_of_a_document() -> None:
    types = [f"type {number}" for number in range(8)]
    colour_by_type = assign_colours(types)
    for type_ in types:
        file = io.StringIO()
        console = Console(file=file, width=80, force_terminal=True, color_system="truecolor")
        console.print(render_document(document("a", ("a", type_)), entity_types=types))
        red, green, blue = bytes.fromhex(colour_by_type[type_][1:])
        assert f"48;2;{red};{green};{blue}m" in file.getvalue()


def test_hundred_thousand_words_render_in_seconds() -> None:
    words = [f"word{number}" for number in range(100_000)]
    entities = [Entity(start, start + 2, "X") for start in range(0, len(words) - 2, 10)]
    long = Document.from_sentence(Sentence.from_tokens(words, entities=entities))
    started = time.perf_counter()
    assert printed(long, colours=True).count("|X") == len(entities)
    assert time.perf_counter() - started < 10  # under 1 on a busy machine


def test_each_fragment_of_an_entity_has_its_marks() -> None:
    words = ["Ada", "has", "hip", "and", "knee", "pain"]
    pain, knee = Entity.of_pieces([(2, 3), (5, 6)], "Pain"), Entity(4, 6, "Pain")
    ada = Entity(0, 1, "Person")
    sentence = Sentence.from_tokens(
        words, entities=[ada, pain, knee], relations=[Relation(ada, pain, "has")]
    )
    lines = printed(Document.from_sentence(sentence)).splitlines()
    assert lines == [
        "[Ada|Person] has [hip|Pain …] and [knee [pain|… Pain]|Pain]",
        "Ada ──has──▶ hip pain",
    ]
