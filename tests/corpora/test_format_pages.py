"""The page of each format has an example, which is recognised and read."""

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import FORMATS, read_corpus

FOLDER = PROJECT / "docs" / "formats"
PAGES = ["labelstudio", "doccano", "prodigy", "gliner", "triples"]

# page: entities and relations of its first example
COUNTS = {
    "semeval2010": (4, 2),
    "tacred": (2, 1),
    "opennre": (4, 1),
    "docred": (4, 1),
    "conllu-plus": (3, 2),
    "webanno": (2, 1),
    "semeval2018": (2, 0),
}


@pytest.mark.parametrize("name", PAGES)
def test_examples_of_the_page_are_recognised_and_read_whole(tmp_path, name):
    blocks = blocks_from_markdown((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    examples = [block.text for block in blocks if block.language == "json"]
    found = set()
    for number, example in enumerate(examples):
        path = tmp_path / f"example-{number}"
        path.write_text(example, encoding="utf-8")
        corpus = read_corpus(path)
        assert corpus.format == name
        assert not corpus.ledger.drops
        assert corpus.ledger["entity"].kept
        found.update(relation.type for s in corpus.sentences for relation in s.relations)
    assert found


@pytest.mark.parametrize("name", COUNTS)
def test_the_first_example_of_the_page_is_recognised_and_has_these_counts(tmp_path, name):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    example = next(b for b in blocks_from_markdown(page) if b.language in ("json", "text"))
    path = tmp_path / "corpus"
    path.write_text(example.text, encoding="utf-8")
    corpus = read_corpus(path)
    assert corpus.format == name
    assert (corpus.ledger["entity"].kept, corpus.ledger["relation"].kept) == COUNTS[name]
    assert not corpus.ledger.drops
    assert f"--to {name}" in page


def test_every_page_is_of_a_format_that_the_table_links_to():
    table = (PROJECT / "docs" / "formats.md").read_text(encoding="utf-8")
    for page in FOLDER.glob("*.md"):
        assert page.stem in {*FORMATS, "plugins"}
        assert f"(formats/{page.name})" in table
