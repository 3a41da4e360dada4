"""Each format has a page with an example that is recognised and read, and a row in the table."""

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import FORMATS, read_corpus

PAGES = PROJECT / "docs" / "formats"
OVERVIEW = (PROJECT / "docs" / "formats.md").read_text(encoding="utf-8")
OLD = (
    *("brat", "spert", "unified", "tagged", "dygie", "crossre"),
    *("columns", "conll04", "multihead", "spacy-list"),
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_row_that_leads_to_its_page(name):
    assert f"| [`{name}`](formats/" in OVERVIEW


@pytest.mark.parametrize("name", OLD)
def test_the_example_of_a_page_is_recognised_and_read(tmp_path, name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    example, *others = blocks_from_markdown(text)
    path = tmp_path / "example.txt"
    path.write_text(example.text, encoding="utf-8")
    if name == "brat":
        path.with_suffix(".ann").write_text(others[0].text, encoding="utf-8")
    corpus = read_corpus(path)
    assert corpus.format == name
    assert not corpus.ledger.drops
    entities = [
        (sentence.tokens[entity.start], entity.type)
        for sentence in corpus.sentences
        for entity in sentence.sorted_entities
    ]
    assert entities[-2:] == [(entities[-2][0], "Peop"), ("Bonn", "Loc")]
    relations = [link.type for sentence in corpus.sentences for link in sentence.relations]
    assert relations == ([] if name in ("columns", "spacy-list") else ["Live_In"])
