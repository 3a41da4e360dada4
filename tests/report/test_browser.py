"""The pages in a real browser: they work, ask the network for nothing, and can be read anywhere."""

from __future__ import annotations

import pytest

SECTIONS = {
    "made": "How it was made",
    "curves": "Learning curves",
    "scores": "Scores",
    "confusion": "Confusion of entity types",
    "errors": "Errors by kind",
    "errors-shown": "The most telling errors",
    "calibration": "Calibration",
    "thresholds": "Thresholds of relations",
    "skipped": "What was skipped",
}

CONTRASTS = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const background = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
      if (a > 0) layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    return layers.reverse().reduce(
      (under, [r, g, b, a]) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a)),
      [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, .unseen")) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [luminance(parse(ink)), luminance(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, element.tagName + "." + element.getAttribute("class"),
                walker.currentNode.data.trim().slice(0, 30)]);
  }
  return found.sort((one, other) => one[0] - other[0]);
}"""


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["run_page", "hostile_page"])
def test_page_opens_in_peace_and_fits_the_screen(look, request, name, width):
    seen = look(request.getfixturevalue(name), width=width)
    assert seen.complaints == []
    assert seen.requests == [seen.address]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_section_is_there_and_linked(look, run_page):
    page = look(run_page).page
    for anchor, heading in SECTIONS.items():
        assert page.locator(f"#{anchor}").inner_text() == heading
        page.locator(f'nav a[href="#{anchor}"]').click()
        assert page.locator(f"#{anchor}").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["run_page", "hostile_page"])
def test_all_text_stands_out_from_its_background(look, request, name, scheme):
    """4.5 : 1 is what WCAG 2 asks of small text."""
    page = look(request.getfixturevalue(name), scheme=scheme).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert contrasts[0][0] >= 4.5, contrasts[:5]


def test_dark_is_dark_and_light_is_light(look, hostile_page):
    shown = {
        scheme: look(hostile_page, scheme=scheme).page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    brightness = {s: int(c.removeprefix("rgb(").split(",")[0]) for s, c in shown.items()}
    assert brightness["dark"] < 60 < 200 < brightness["light"]


def test_filter_shows_the_sentences_with_errors_of_a_kind(look, run_page):
    page = look(run_page).page
    cards = page.locator(".card")
    all_cards = cards.count()
    assert page.locator("#shown").inner_text() == f"{all_cards} of {all_cards} sentences"
    kinds = page.locator("#kind option").evaluate_all("found => found.map(one => one.value)")[1:]
    assert kinds
    for kind in kinds:
        page.select_option("#kind", kind)
        visible = page.locator(".card:visible")
        having = page.locator(f'.card:has(li[data-kind="{kind}"])')
        assert visible.count() == having.count() > 0
        assert page.locator("#shown").inner_text() == f"{having.count()} of {all_cards} sentences"
    page.select_option("#kind", "")
    assert page.locator(".card:visible").count() == all_cards


def test_kind_in_the_table_leads_to_its_errors(look, run_page):
    page = look(run_page).page
    link = page.locator("a[data-kind]").first
    link.click()
    assert page.locator("#kind").input_value() == link.get_attribute("data-kind")


def test_order_can_be_that_of_the_corpus(look, run_page):
    page = look(run_page).page
    numbers = "found => found.map(one => Number(one.dataset.number))"
    ranked = page.locator(".card").evaluate_all(numbers)
    page.select_option("#order", "corpus")
    assert page.locator(".card").evaluate_all(numbers) == sorted(ranked)
    page.select_option("#order", "weight")
    assert page.locator(".card").evaluate_all(numbers) == ranked


def test_page_can_be_read_without_its_script(look, run_page):
    page = look(run_page, script=False).page
    assert page.locator(".card").count() == page.locator(".card:visible").count() > 0
    assert not page.locator(".controls").is_visible()


def test_markup_in_a_corpus_is_text(look, hostile_page):
    page = look(hostile_page).page
    assert page.title() == "<title>: report"
    assert page.locator("script").count() == 1
    assert page.locator("main img, main b:not(.strip b), main i:not(.strip i), main u").count() == 0
    text = page.locator(".card").first.inner_text()
    for part in ("<script>document.title='harmed'</script>", "&amp;", "<b>Person</b>", "{{made}}"):
        assert part in text
    assert "\\u202eturned" in text
    assert "\u202e" not in text


def test_nothing_but_the_pages_own_script_could_run(look, hostile_page):
    """Even if markup got through."""
    harmed = hostile_page.replace("<h1>", "<script>document.title = 'harmed'</script><h1>", 1)
    seen = look(harmed)
    assert seen.page.title() == "<title>: report"
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)


def test_words_from_right_to_left_do_not_move_their_neighbours(look, hostile_page):
    page = look(hostile_page).page
    mark = page.locator(".entity", has_text="שלום").first
    assert mark.evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"


def test_printed_page_unfolds_what_is_folded(look, run_page):
    page = look(run_page).page
    assert page.locator("details:not([open])").count() > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
    page.emulate_media(media="print")
    assert not page.locator(".controls").is_visible()
    assert page.pdf().startswith(b"%PDF")
