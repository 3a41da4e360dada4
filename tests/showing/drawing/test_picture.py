"""The picture of an extraction: nothing is left out, nothing is obeyed, and it can be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from tests.report.conftest import hostile_sentences
from tests.showing.drawing.drawn import (
    PATIENT,
    SVG,
    entity,
    marked_texts,
    parsed,
    relation,
    tips_in,
    words_in,
)

from dovetail.showing.drawing.measures import shortened
from dovetail.showing.drawing.notebook import MOST_CHARACTERS, html_of
from dovetail.showing.drawing.picture import INK, TINT, relation_in_words, svg_of
from dovetail.showing.rendering import COLOURS
from dovetail.text.document import Document
from dovetail.text.extraction import Extraction, TextEntity

BORN = "Marie Curie was born in Warsaw."
CURIE, WARSAW = entity(BORN, "Marie Curie", "Person"), entity(BORN, "Warsaw", "Place")
ALLOWED = {"svg", "g", "rect", "text", "title", "path"}


def paths_in(svg: str) -> list[str]:
    return [path.attrib["d"] for path in parsed(svg).iter(f"{SVG}path")]


def test_picture_has_the_words_the_types_and_the_relation_with_its_confidence():
    svg = svg_of(BORN, [CURIE, WARSAW], [relation(CURIE, WARSAW, "born_in")])
    assert words_in(svg) == [
        *("Marie Curie", "was born in", "Warsaw", "."),
        *("Person", "Place", "born_in 0.90"),
    ]
    assert tips_in(svg) == [
        "Marie Curie: Person, confidence 0.93, characters 0 to 11",
        "Warsaw: Place, confidence 0.93, characters 24 to 30",
        "Marie Curie (Person) born_in Warsaw (Place), confidence 0.90",
    ]
    assert parsed(svg).attrib["aria-label"] == "A text with 2 entities and 1 relation"


@PATIENT
@given(marked_texts())
def test_whatever_the_text_the_picture_is_sound_and_shows_every_entity_and_relation(marked):
    text, entities, relations = marked
    svg = svg_of(text, entities, relations, width=200)
    tips = tips_in(svg)
    for own in entities:
        assert sum(tip.endswith(f"characters {own.start_char} to {own.end_char}") for tip in tips)
    for link in relations:
        assert relation_in_words(link) in tips
    assert {element.tag.removeprefix(SVG) for element in parsed(svg).iter()} <= ALLOWED
    labels = words_in(svg)
    for own in entities:
        assert shortened(own.type) in labels
    assert html_of(text, entities, relations)


def test_arrow_is_at_the_tail():
    there = svg_of(BORN, [CURIE, WARSAW], [relation(CURIE, WARSAW, "born_in")])
    back = svg_of(BORN, [CURIE, WARSAW], [relation(WARSAW, CURIE, "home_of")])
    (line, head), (other_line, other_head) = paths_in(there), paths_in(back)
    assert line == other_line
    left, right = (float(x) for x in (line[1:].split()[0], re.findall(r"Q([\d.]+)", line)[1]))
    assert left < right
    assert [float(d[1:].split()[0]) + 4 for d in (head, other_head)] == [right, left]


def test_relation_between_two_lines_names_the_other_end_on_both():
    text = f"{BORN[:12]}{'and so on ' * 30}{BORN[12:]}"
    curie, warsaw = entity(text, "Marie Curie", "Person"), entity(text, "Warsaw", "Place")
    svg = svg_of(text, [curie, warsaw], [relation(curie, warsaw, "born_in")])
    assert {"born_in 0.90 → Warsaw", "Marie Curie → born_in 0.90"} <= {*words_in(svg)}
    assert len(paths_in(svg)) == 3  # two parts, and one arrow's head


def test_entities_that_overlap_have_bars_in_rows_of_their_own():
    text = "University of Paris Hospital of New York"
    nested = [
        entity(text, words, "Place")
        for words in ("University of Paris Hospital", "University of Paris", "Paris", "Paris Hos")
    ]
    bars = [
        float(rect.attrib["y"])
        for rect in parsed(svg_of(text, nested, [])).iter(f"{SVG}rect")
        if rect.attrib["height"] == "3"
    ]
    assert len({*bars}) == len(bars) == 4


def test_fragments_of_an_entity_are_each_marked_and_what_lies_between_is_not():
    text = "Ada has hip and knee pain."
    pain = TextEntity(8, 25, "Pain", "hip pain", 0.8, ((8, 11), (21, 25)))
    svg = svg_of(text, [pain], [])
    assert words_in(svg) == ["Ada has", "hip", "and knee", "pain", ".", "Pain …", "… Pain"]
    assert sum("rx" in rect.attrib for rect in parsed(svg).iter(f"{SVG}rect")) == 4


def test_same_type_has_the_same_colour_in_every_picture():
    one = svg_of(BORN, [CURIE], [])
    both = svg_of(BORN, [CURIE, CURIE], [])
    assert {*re.findall("#[0-9a-f]{6}", one)} == {*re.findall("#[0-9a-f]{6}", both)}


@pytest.mark.parametrize("scheme", ["sepia", ""])
def test_unknown_scheme_and_a_picture_too_small_are_refused(scheme):
    with pytest.raises(ValueError, match="expected one of: page, light, dark"):
        svg_of(BORN, [], [], scheme=scheme)
    with pytest.raises(ValueError, match="100 or more"):
        svg_of(BORN, [], [], width=float("nan"))


def test_letters_stand_out_from_every_colour_in_both_schemes():
    """4.5 : 1 is what WCAG 2 asks of small text."""

    def light(colour):
        return sum(
            share * (value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4)
            for share, value in zip((0.2126, 0.7152, 0.0722), colour, strict=True)
        )

    def values(colour):
        return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]

    for paper, ink in INK.values():
        for colour in COLOURS:
            ground = [
                TINT * own + (1 - TINT) * under
                for own, under in zip(values(colour), values(paper), strict=True)
            ]
            one, other = sorted((light(ground), light(values(ink))))
            assert (other + 0.05) / (one + 0.05) >= 4.5


def test_long_text_is_drawn_to_a_point_and_the_notebook_says_what_is_not():
    text = f"{BORN} " * 1000
    entities = [entity(text, "Warsaw", "Place"), entity(text, "Warsaw", "Place", 999)]
    html = html_of(text, entities, [relation(*entities, "near")])
    left_out = re.search(r"Not drawn: ([\d,]+) more characters, 1 entity, 1 relation\.", html)
    drawn = len(text) - int(left_out[1].replace(",", ""))
    assert MOST_CHARACTERS - 20 < drawn <= MOST_CHARACTERS
    assert html.count("Warsaw (Place) near") == 1  # in the list, which has all


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_notebook_obeys_nothing_that_a_text_says(look, scheme):
    """In a page as a notebook is one, whose colours are its own."""
    _, sentence = hostile_sentences()
    html = Extraction(Document.from_sentence(sentence), {})._repr_html_()
    colours = "background:#111;color:#ddd" if scheme == "dark" else ""
    seen = look(
        f"<!doctype html><meta charset=utf-8><title>page</title><body style='{colours}'>{html}",
        width=375,
        scheme=scheme,
    )
    page = seen.page
    assert seen.complaints == []
    assert seen.requests == [seen.address]
    assert page.title() == "page"
    assert page.locator("script, img, b, i").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 375  # the picture scrolls
    page.locator("summary").click()
    assert page.locator("li").count() == len(sentence.relations)
    fill = page.locator("svg text").first.evaluate("one => getComputedStyle(one).fill")
    assert fill == ("rgb(221, 221, 221)" if scheme == "dark" else "rgb(0, 0, 0)")


def test_words_are_as_wide_as_was_reckoned_whatever_the_font(look):
    svg = svg_of(BORN, [CURIE, WARSAW], [relation(CURIE, WARSAW, "born_in")])
    page = look(f"<!doctype html><meta charset=utf-8><body style='zoom:1'>{svg}").page
    widths = page.locator("svg text").evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('textLength')),"
        " one.getComputedTextLength()])"
    )
    assert widths
    for reckoned, drawn in widths:
        assert drawn == pytest.approx(reckoned, abs=0.5)
