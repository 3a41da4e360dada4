"""The page in a real browser: it works, asks nobody else, and can be used by everyone."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from tests.report.test_browser import CONTRASTS

TEXT = "Ada Lovelace lives in London . Zeiss is based in Jena . Carl worked for Zeiss in Jena ."


class Look:
    """The page in the browser, with what it asked for and complained of."""

    def __init__(self, browser, address, *, width=1280, scheme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)

    def extract(self, text=TEXT):
        """Paste a text and wait for what is found."""
        self.page.fill("#text", text)
        self.page.click("#extract")
        self.page.wait_for_selector("#results:not([hidden])")
        return self.page


@pytest.fixture
def look(browser, server):
    looks = []

    def opened(address=server.address, **options):
        looks.append(Look(browser, address, **options))
        return looks[-1]

    yield opened
    for one in looks:
        one.context.close()


def is_filled(page, selector):
    """Wait until something stands there."""
    page.locator(selector).filter(has_text=re.compile("\\S")).wait_for()


def entities(page):
    marked = page.locator("#sentences .entity")
    return marked.evaluate_all("all => all.map(one => one.firstChild.textContent)")


def relations(page):
    return page.locator("#sentences .links li").all_inner_texts()


def slide(page, type_, value):
    """Move the slider of a type."""
    page.get_by_label(type_, exact=True).fill(str(value))


def test_page_shows_what_the_library_finds(look, extractor):
    page = look().extract()
    found = extractor.extract(TEXT)
    assert entities(page) == [own.text for own in found.entities]
    assert len(relations(page)) == len(found.relations) > 0
    for line, own in zip(relations(page), found.relations, strict=True):
        assert own.head.text in line
        assert own.type in line
        assert own.tail.text in line
    assert page.locator("svg.arcs path.arc").count() == len(found.relations)


TIPS = """() => [...document.querySelectorAll("#sentences > *")].flatMap(box => {
  const tips = [...box.querySelectorAll(".arrowhead")].map(one => one.getBoundingClientRect());
  const tails = box.relations.map(relation =>
    box.querySelector(`[data-place="${relation.tail}"]`).getClientRects()[0]);
  const middle = one => (one.left + one.right) / 2;
  return tails.map((tail, at) => [middle(tips[at]) - middle(tail), tail.top - tips[at].bottom]);
})"""
"""How far the tip of each arc is from the middle of its tail, and above it."""


@pytest.mark.parametrize("width", [280, 360, 1280])
def test_every_arc_ends_above_its_tail_whatever_the_line(look, extractor, width):
    page = look(width=width).extract()
    found = extractor.extract(TEXT).relations
    distances = page.evaluate(TIPS)
    assert len(distances) == page.locator(".arrowhead").count() == len(found)
    for aside, above in distances:
        assert abs(aside) <= 5
        assert -2 <= above <= 6


@pytest.mark.parametrize("width", [360, 1280])
def test_page_asks_nobody_else_complains_of_nothing_and_fits(look, server, width):
    seen = look(width=width)
    page = seen.extract()
    page.select_option("#why-head", "0")
    assert seen.complaints == []
    assert all(url.startswith(f"{server.address}/") for url in seen.requests)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_foreign_would_run(look):
    seen = look()
    seen.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')"
    )
    seen.page.wait_for_timeout(200)
    assert seen.page.title().startswith("Dovetail")
    assert any("Content Security Policy" in own for own in seen.complaints)


def test_sliders_act_at_once_without_the_server(look, extractor):
    seen = look()
    page = seen.extract()
    asked = len(seen.requests)
    slide(page, "lives_in", 1)
    assert not any("lives_in" in line for line in relations(page))
    slide(page, "lives_in", 0)
    lower = extractor.down_to(0.001).extract(TEXT).relations
    wanted = sum(own.type == "lives_in" for own in lower)
    assert sum("lives_in" in line for line in relations(page)) == wanted
    slide(page, "Place", 1)
    assert "London" not in entities(page)
    assert not any("London" in line for line in relations(page))
    page.click("#reset")
    assert entities(page) == [own.text for own in extractor.extract(TEXT).entities]
    assert len(seen.requests) == asked


def test_page_says_why_a_pair_is_not_linked(look):
    page = look().extract()
    for type_ in ("lives_in", "based_in", "works_for"):
        slide(page, type_, 1)
    assert "not taken" in page.locator("#why-answer").inner_text()
    assert "below the threshold" in page.locator("#why-table").inner_text()
    options = page.locator("#why-head option").all_inner_texts()
    ada = next(own for own in options if own.startswith("Ada"))
    london = next(own for own in options if own.startswith("London"))
    jena = next(own for own in options if own.startswith("Jena"))
    page.select_option("#why-head", label=ada)
    page.select_option("#why-tail", label=london)
    said = page.locator("#why-table").inner_text()
    assert "links no Person with a Place" in said  # as based_in would
    page.select_option("#why-tail", label=jena)
    assert "different sentences" in page.locator("#why-answer").inner_text()


def downloaded(page, button):
    with page.expect_download() as download:
        page.click(button)
    return download.value.path().read_text(encoding="utf-8")


def test_downloads_hold_what_is_shown(look, extractor, tmp_path):
    from dovetail.corpora import read_corpus

    page = look().extract()
    slide(page, "Person", 1)
    shown = entities(page)
    file = tmp_path / "found.json"
    values = json.loads(downloaded(page, "#download-json"))
    file.write_text(json.dumps([values]), encoding="utf-8")
    assert [own["text"] for own in values["entities"]] == shown
    line = tmp_path / "found.jsonl"
    line.write_text(json.dumps(values) + "\n", encoding="utf-8")
    (document,) = read_corpus(line).documents
    assert sum(len(own.entities) for own in document.sentences) == len(shown)
    rows = [*csv.DictReader(downloaded(page, "#download-csv").splitlines())]
    assert sum(bool(row["relation"]) for row in rows) == len(values["relations"])
    graph = ElementTree.fromstring(downloaded(page, "#download-graph"))
    assert len(graph.findall(".//{*}node")) == len(shown)
    assert len(graph.findall(".//{*}edge")) == len(values["relations"])


def test_hostile_text_is_text(look):
    hostile = "<img src=x onerror=alert(1)> Ada 👩‍👩‍👧 lives in \u202eLondon\u202c & =1+1 . \0"
    seen = look()
    page = seen.extract(hostile)
    assert seen.complaints == []
    assert page.locator("main img").count() == 0
    assert "\\u202e" in page.locator("#sentences").inner_text()
    for button in ("#download-json", "#download-csv"):
        assert downloaded(page, button)
    ElementTree.fromstring(downloaded(page, "#download-graph"))


def test_positions_are_right_behind_characters_of_two_units(look):
    page = look().extract("👩‍👩‍👧🇫🇷😀 . Ada Lovelace lives in London .")
    assert "London" in entities(page)


def test_page_is_used_by_keyboard_alone(look):
    seen = look()
    page = seen.page
    is_filled(page, "#version")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab") if page.evaluate("document.activeElement.id") != "text" else None
    page.locator("#text").focus()
    page.keyboard.type("Ada Lovelace lives in London .")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#results:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "found-heading"
    page.get_by_label("Person", exact=True).focus()
    page.keyboard.press("End")
    assert "Ada Lovelace" not in entities(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(look, scheme, width):
    sync = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = look(scheme=scheme, width=width).extract()
    for type_ in ("lives_in", "based_in", "works_for"):
        slide(page, type_, 1)
    found = sync.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_background(look, scheme):
    page = look(scheme=scheme).extract()
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert contrasts[0][0] >= 4.5, contrasts[:5]


def test_server_with_a_key_is_asked_with_it(look, serve):
    from dovetail.server.guard import Access, loopback_names

    key = "0123456789abcdef"
    seen = look(serve(access=Access((key,), loopback_names())).address)
    is_filled(seen.page, "#problem")
    assert "asks for a key" in seen.page.locator("#problem").inner_text()
    with seen.page.expect_response("**/v1/models"):
        seen.page.click("#example")
    seen.page.wait_for_selector("#extract:enabled")
    assert "asks for a key" in seen.page.locator("#problem").inner_text()
    assert seen.page.locator("#status").inner_text() == ""
    seen.page.fill("#key", key)
    seen.page.locator("#key").blur()
    is_filled(seen.page, "#version")
    assert seen.extract().locator("#sentences .entity").count() > 0


def test_refusals_of_the_server_are_shown_as_sentences(look, serve):
    from dovetail.server.limits import Limits

    seen = look(serve(Limits(text_characters=20)).address)
    seen.page.fill("#text", TEXT)
    seen.page.click("#extract")
    is_filled(seen.page, "#problem")
    assert "at most 20 characters" in seen.page.locator("#problem").inner_text()


def test_file_can_be_dropped(look):
    page = look().page
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['Ada Lovelace lives in London .'], 'a.txt')); return data; }"
    )
    page.dispatch_event("#text", "drop", {"dataTransfer": data})
    page.wait_for_selector("#results:not([hidden])")
    assert "London" in entities(page)
