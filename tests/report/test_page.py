"""What stands in a page, read without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from dovetail.report.page import percent
from dovetail.showing.rendering import duration

VOID = {"meta", "link", "br", "img", "input"}


class Outline(HTMLParser):
    """Checks that elements nest, and collects ids, links, headings and pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.levels: list[int] = []
        self.pictures: list[dict[str, str | None]] = []
        self.labelled: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        assert len(values) == len(attributes), "an attribute twice"
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)
        if values.get("id"):
            self.ids.append(values["id"])
        self.addresses += [values[name] for name in ("href", "src") if values.get(name)]
        if values.get("aria-labelledby"):
            self.labelled.append(values["aria-labelledby"])
        if re.fullmatch(r"h\d", tag):
            self.levels.append(int(tag[1]))
        if tag in ("svg", "img"):
            self.pictures.append(values)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)  # of SVG, which closes itself

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(params=["run_page", "hostile_page"])
def page(request) -> str:
    return request.getfixturevalue(request.param)


def test_page_is_complete_in_itself(page):
    outline = Outline(page)
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert not re.search(r"url\(|@import|https?://", page)


def test_links_and_labels_lead_somewhere_and_ids_are_unique(page):
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    anchors = {address.removeprefix("#") for address in outline.addresses if address[0] == "#"}
    assert anchors <= set(outline.ids)
    assert set(outline.labelled) <= set(outline.ids)


def test_headings_go_down_one_level_at_a_time(page):
    levels = Outline(page).levels
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_pictures_are_described_or_hidden(page):
    for picture in Outline(page).pictures:
        described = picture.get("role") == "img" and picture.get("aria-label")
        assert described or picture.get("alt") or picture.get("aria-hidden") == "true"


def test_page_says_that_test_sentences_were_scored(run_page, hostile_page):
    assert "This page scores a test corpus" in run_page
    assert "This page scores a test corpus" not in hostile_page


def test_control_characters_do_not_reach_the_page(page):
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\ud800-\udfff]", page)


def test_ratios_and_times_are_said_as_one_reads_them():
    assert percent(0.8767) == "87.7"
    assert percent(0.8767, 0) == "88"
    assert duration(3725) == "1 h 2 min"
