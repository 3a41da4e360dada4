"""Where words stand: all of them, once, within the line, in the order in which they are read."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.showing.drawing.drawn import PATIENT, marked_texts

from dovetail.showing.drawing.lines import lines_of
from dovetail.showing.drawing.measures import printable, width_of
from dovetail.showing.drawing.packing import rows_of

HEBREW = "דנה עובדת בחברת Intel Israel בתל אביב מאז 1998."


def shown(lines) -> list[str]:
    return [" ".join(segment.text for segment in line) for line in lines]


@PATIENT
@given(marked_texts(), st.integers(100, 400))
def test_every_character_is_drawn_once(marked, width):
    text, entities, _ = marked
    pieces = [piece for own in entities for piece in own.pieces]
    lines = lines_of(text, pieces, width)
    places = [
        place
        for line in lines
        for segment in line
        for place in range(segment.start, segment.end)
        if not text[place].isspace()
    ]
    assert sorted(places) == [at for at, letter in enumerate(text) if not letter.isspace()]


@PATIENT
@given(marked_texts(), st.integers(100, 400))
def test_segments_stand_side_by_side_within_the_line_and_end_where_entities_do(marked, width):
    text, entities, _ = marked
    pieces = [piece for own in entities for piece in own.pieces]
    for line in lines_of(text, pieces, width):
        assert line[0].x >= 0
        for one, other in pairwise(line):
            assert one.x + one.width <= other.x + 1e-6
        widest = max(width_of(printable(letter), 16) for letter in text if not letter.isspace())
        assert line[-1].x + line[-1].width <= width + widest  # of signs that are drawn as one
        for segment in line:
            for start, end in pieces:
                inside = start <= segment.start and segment.end <= end
                assert inside or segment.end <= start or end <= segment.start


def test_line_breaks_of_the_text_end_a_line_and_other_space_is_one_space():
    assert shown(lines_of("one  two\tthree\n\nfour\u2028five", [], 700)) == [
        *("one two three", "four", "five"),
    ]


def test_entity_that_fits_into_a_line_is_not_broken():
    text = "x" * 30 + " Marie Curie of Warsaw"
    start = text.index("Marie")
    plain, kept = lines_of(text, [], 320), lines_of(text, [(start, start + 11)], 320)
    assert shown(plain)[0].endswith("Marie")
    assert shown(kept)[1].startswith("Marie Curie")


def test_word_that_is_longer_than_a_line_is_cut_but_never_from_its_accents():
    lines = lines_of("e\u0301" * 80, [], 200)
    assert len(lines) > 2
    assert all(line[0].text.startswith("e") for line in lines)


def test_text_from_right_to_left_stands_at_the_right_and_reads_from_there():
    (line,) = lines_of(HEBREW, [(HEBREW.index("Intel"), HEBREW.index("Israel") + 6)], 700)
    assert [segment.text for segment in line] == ["בתל אביב מאז 1998.", "Intel Israel", HEBREW[:15]]
    assert [segment.right_to_left for segment in line] == [True, False, True]
    assert line[-1].x + line[-1].width == 700


def test_words_from_right_to_left_in_another_text_change_places_with_each_other_only():
    text = "They say שלום עולם to all"
    cut = text.index("עולם")
    (line,) = lines_of(text, [(cut, cut + 4)], 700)
    assert [segment.text for segment in line] == ["They say", "עולם", "שלום", "to all"]


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 100)), max_size=12))
def test_what_shares_a_row_does_not_touch_and_narrow_things_come_first(made):
    extents = [(left, left + wide) for left, wide in made]
    rows = rows_of(extents)
    for (one, row), (other, other_row) in pairwise(
        sorted(zip(extents, rows, strict=True), key=lambda item: (item[1], item[0]))
    ):
        assert row != other_row or one[1] < other[0]
    if extents:
        narrowest = min(range(len(extents)), key=lambda at: extents[at][1] - extents[at][0])
        assert 0 in rows
        assert rows[narrowest] == 0 or made[narrowest][1] > 0
