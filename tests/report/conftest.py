"""A corpus with everything that could harm a page, and a browser to look at pages with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dovetail.report.page import Made
from dovetail.report.render import page_of_predictions, page_of_run
from dovetail.report.run_report import report_of_run
from dovetail.report.scored import ScoredCorpus
from dovetail.text.document import Entity, Relation, Sentence

HOSTILE = (
    "<script>document.title='harmed'</script>",
    "&amp;",
    '"><img',
    "src=x",
    "onerror=document.title='harmed'>",
    "שלום",
    "\u202eturned",
    "bell\x07",
    "\ud800",
    "{{made}}",
    "averyveryveryverylongtokenwithoutanyplacewhereitcouldbebroken" * 3,
)


def hostile_sentences() -> tuple[Sentence, Sentence]:
    """Gold and predictions: markup in tokens, types and ids, and entities that cross each other."""
    evil = "<b>Person</b>"
    first, second, third = Entity(0, 2, evil), Entity(5, 6, "Place"), Entity(9, 10, "Place")
    wrong = Entity(0, 3, evil, 0.9)
    crossing = Entity(2, 4, "Place", 0.7)
    gold = Sentence.from_tokens(
        HOSTILE,
        entities=[first, second, third],
        relations=[Relation(first, second, "<i>in</i>"), Relation(second, third, "near")],
        id="<u>one</u>",
    )
    predicted = Sentence.from_tokens(
        HOSTILE,
        entities=[wrong, crossing, Entity(5, 6, "Place", 0.8), Entity(9, 10, "Place", 0.6)],
        relations=[
            Relation(wrong, second, "<i>in</i>", 0.99),
            Relation(third, second, "near", 0.5),
        ],
        id="<u>one</u>",
    )
    return gold, predicted


@pytest.fixture(scope="session")
def run_folder(trained_model: Path) -> Path:
    """The folder of a run."""
    return trained_model.parent


@pytest.fixture(scope="session")
def run_page(run_folder: Path) -> str:
    """The page of a run, with a test corpus: that of the dev sentences."""
    report = report_of_run(run_folder, test=run_folder.parent / "dev.jsonl")
    return page_of_run(report, Made.now("dovetail report runs/tiny"))


@pytest.fixture(scope="session")
def hostile_page() -> str:
    """The page of predictions full of markup."""
    gold, predicted = hostile_sentences()
    corpus = ScoredCorpus("<predictions>", [gold], [predicted])
    return page_of_predictions("<title>", corpus, Made.now("dovetail report '<gold>'"))


class Look:
    """A page in the browser, with what it asked for and complained of."""

    def __init__(self, browser, file: Path, *, width: int, scheme: str, script: bool) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())
        self.address = file.as_uri()


@pytest.fixture
def look(browser, tmp_path) -> Iterator[Callable[..., Look]]:
    """Open a page."""
    looks: list[Look] = []

    def opened(text: str, *, width: int = 1280, scheme: str = "light", script: bool = True) -> Look:
        file = tmp_path / "report.html"
        file.write_text(text, encoding="utf-8")
        looks.append(Look(browser, file, width=width, scheme=scheme, script=script))
        return looks[-1]

    yield opened
    for one in looks:
        one.context.close()
