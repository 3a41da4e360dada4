"""The example on the page of a format is a corpus of that format."""

import re
from pathlib import Path

import pytest

from dovetail.corpora import FORMATS, read_corpus

FOLDER = Path(__file__).parents[2] / "docs" / "formats"
EXAMPLE = re.compile(r"```(?:json|text)\n(.*?)```", re.DOTALL)

# page: entities, relations
COUNTS = {
    "semeval2010": (4, 2),
    "tacred": (2, 1),
    "opennre": (4, 1),
    "docred": (4, 1),
    "conllu-plus": (3, 2),
    "webanno": (2, 1),
    "semeval2018": (2, 0),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_example_is_recognised_and_read_whole(tmp_path, name):
    page = (FOLDER / f"{name}.md").read_text()
    path = tmp_path / "corpus"
    path.write_text(EXAMPLE.search(page)[1])
    corpus = read_corpus(path)
    assert corpus.format == name
    assert (corpus.ledger["entity"].kept, corpus.ledger["relation"].kept) == COUNTS[name]
    assert not corpus.ledger.drops
    if FORMATS[name].write:
        assert f"--to {name}" in page
