"""The page of a graph in a real browser: it draws, finds, tells, and lets nothing out or in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from tests.graph_lines import FOUND, HOSTILE, entity, line, stored
from tests.report.test_browser import CONTRASTS

from dovetail.graph.page.layout import layout
from dovetail.graph.page.page import write_page
from dovetail.graph.page.selection import MOST_EVIDENCE, MOST_MENTIONS


def page_of(lines, most_nodes: int = 300) -> str:
    file = io.StringIO()
    with stored(lines, keeps_texts=True) as store:
        write_page(store, file, most_nodes=most_nodes, made_by="dovetail graph found.jsonl")
    return file.getvalue()


def star(count: int) -> list[dict]:
    """Lines that relate many names to one, and some names that nothing is related to."""
    lines = []
    for number in range(count):
        text = f"Name {number} lives in Rome near Lonely {number}."
        entities = [
            entity(text, f"Name {number}", "Person"),
            entity(text, "Rome", "Place"),
            entity(text, f"Lonely {number}", "Place"),
        ]
        lines.append(line(f"d{number}", text, entities, [(0, "lives_in", 1, 0.9)]))
    return lines


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {"plain": page_of(FOUND), "hostile": page_of(HOSTILE), "star": page_of(star(40))}


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["plain", "hostile", "star"])
def test_the_page_opens_in_peace_asks_for_nothing_and_fits_the_screen(look, pages, name, width):
    seen = look(pages[name], width=width)
    assert seen.complaints == []
    assert seen.requests == [seen.address]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.page.locator(".entity-card").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["plain", "hostile", "star"])
def test_all_text_stands_out_from_its_background(look, pages, name, scheme):
    """4.5 : 1 is what WCAG 2 asks of small text."""
    page = look(pages[name], scheme=scheme).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 20
    assert contrasts[0][0] >= 4.5, contrasts[:5]


def test_a_chosen_entity_shows_its_relations_and_the_words_around_its_mentions(look, pages):
    page = look(pages["plain"]).page
    page.locator('a.node[aria-label^="Ada Lovelace"]').click()
    panel = page.locator("#panel")
    assert "Ada Lovelace" in panel.inner_text()
    panel.locator("summary", has_text="lives_in").click()
    assert "0.90" in panel.locator("summary", has_text="lives_in").inner_text()
    quotes = panel.locator("details[open] .quote").all_inner_texts()
    assert "Ada Lovelace lived in London." in quotes
    assert panel.locator("details[open] mark").all_inner_texts()[:2] == ["ADA LOVELACE", "London"]
    panel.locator("details[open] a", has_text="Show London").click()
    assert "London" in panel.locator("h3").inner_text()
    page.locator('a.node[aria-label^="Ada Lovelace"]').click()
    panel.locator("summary", has_text="lives_in").click()
    assert "characters 0–13 and 27–33" in panel.inner_text()  # noqa: RUF001
    page.keyboard.press("Escape")
    assert "Choose an entity" in panel.inner_text()


def test_an_entity_is_reached_and_chosen_by_the_keyboard(look, pages):
    page = look(pages["plain"]).page
    page.locator("#search").focus()
    page.keyboard.type("london")
    assert page.locator(".entity-card:visible").count() == 1
    page.keyboard.press("Enter")
    assert "London" in page.locator("#panel h3").inner_text()
    page.locator("a.node").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("a.node.chosen").count() == 1


def test_filters_hide_what_does_not_fit_and_say_how_much_is_left(look, pages):
    page = look(pages["plain"]).page
    found = page.locator("#found")
    assert found.inner_text() == "2 of 2 entities, 2 of 2 relations"
    page.locator("#relation").select_option("born_in")
    assert found.inner_text() == "2 of 2 entities, 1 of 2 relations"
    page.locator("#relation").select_option("")
    page.locator("#least").fill("0.85")
    assert found.inner_text() == "2 of 2 entities, 1 of 2 relations"
    page.locator("#type").select_option("Place")
    assert found.inner_text().startswith("1 of 2 entities")


def test_without_its_script_the_drawing_leads_to_the_list(look, pages):
    page = look(pages["plain"], script=False).page
    page.locator('a.node[aria-label^="London"]').click()
    assert page.evaluate("location.hash") == "#n2"
    assert page.locator("#n2").is_visible()
    assert page.locator(".controls").is_hidden()


def test_what_is_left_out_of_a_large_graph_is_counted(look):
    page = look(page_of(star(40), most_nodes=30)).page
    said = page.locator(".warning").inner_text()
    assert "This page holds the 30 entities" in said
    assert "51 entities and 11 relations are left out" in said
    assert page.locator("a.node").count() == 30
    rome = page.locator(".entity-card").first
    assert rome.locator("h3 .word").inner_text() == "Rome"
    assert f"The first {MOST_MENTIONS} of 40 mentions." in rome.inner_text()


def test_of_many_mentions_of_a_relation_the_surest_are_shown():
    text = "Ada in London"
    ends = [entity(text, "Ada", "Person"), entity(text, "London", "Place")]
    scores = [0.1, 0.9, 0.5, 0.95, 0.2]
    lines = [line(f"d{n}", text, ends, [(0, "in", 1, own)]) for n, own in enumerate(scores)]
    page = page_of(lines)
    assert f"{MOST_EVIDENCE} of 5 mentions of this relation, the surest." in page
    assert "confidence 0.95" in page
    assert "confidence 0.10" not in page


def test_nothing_of_a_text_becomes_markup(look, pages):
    page = look(pages["hostile"]).page
    for node in page.locator("a.node").all():
        node.dispatch_event("click")
    assert page.locator("body b, body script[src]").count() == 0
    assert "<script>" in page.locator("#list").inner_text()


def test_the_page_is_the_same_each_time():
    def without_time(text: str) -> str:
        return text[: text.index("<footer>")]

    assert without_time(page_of(star(12))) == without_time(page_of(star(12)))


def test_no_two_nodes_of_a_drawing_overlap():
    random = np.random.default_rng(0)
    sizes = [(float(width), 40.0) for width in random.uniform(30, 150, 60)]
    edges = [(int(a), int(b)) for a, b in random.integers(0, 60, (55, 2))]
    laid = layout(sizes, edges)
    boxes = [
        (x - w / 2, x + w / 2, y - h / 2, y + h / 2)
        for (x, y), (w, h) in zip(laid.places, sizes, strict=True)
    ]
    overlaps = sum(
        min(a[1], b[1]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[2], b[2]) > 1
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )
    assert overlaps <= 3  # pushing apart is given up after some rounds
    assert all(left > -1 and right < laid.width + 1 for left, right, *_ in boxes)
    assert laid == layout(sizes, edges)


def test_an_empty_graph_is_said_to_be_one(look):
    assert "nothing to draw" in look(page_of([])).page.locator("main").inner_text()
