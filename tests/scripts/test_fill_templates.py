"""Templates: what is filled in is annotated, and a line that is no template is named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fill_templates import Template, names_of, read_templates
from tests.conftest import PROJECT
from tests.corpus import TRAIN, save_corpus

from dovetail.corpora import read_corpus

NAMES = {"Peop": ["Ada", "Jan van Eyck", "Eve"], "Org": ["Volvo", "Red Cross"]}


def test_every_gap_is_an_entity_and_the_linked_ones_a_relation() -> None:
    template = Template.parse("Work_For 2 1 At {Org}, {Peop} met {Peop}.")
    for seed in range(20):
        line = template.filled(NAMES, random.Random(seed))
        surfaces = [line["text"][own["start"] : own["end"]] for own in line["entities"]]
        assert [own["type"] for own in line["entities"]] == ["Org", "Peop", "Peop"]
        assert surfaces[0] in NAMES["Org"]
        assert {*surfaces[1:]} <= {*NAMES["Peop"]}
        assert surfaces[1] != surfaces[2]
        assert line["text"] == "At {}, {} met {}.".format(*surfaces)
        assert line["relations"] == [{"type": "Work_For", "head": 1, "tail": 0}]


@pytest.mark.parametrize("line", ["{Peop} slept.", "Kill 1 {Peop} slept.", "Kill 1 3 {Org} {Org}"])
def test_a_line_that_is_no_template_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "templates.txt"
    file.write_text(f"# two people\n\n- {{Peop}} slept.\n{line}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"templates\.txt, line 4: "):
        list(read_templates(file))


def test_names_are_those_of_the_corpus(tmp_path: Path) -> None:
    names = names_of(save_corpus(TRAIN, tmp_path / "train.jsonl"))
    for own in names.values():
        assert len({*own}) == len(own)
        assert all(part.isalpha() for name in own for part in name.split())


def test_templates_of_news_share_no_sentence_with_the_test_set() -> None:
    """Words between the two names of a test sentence are in no template."""
    templates = list(read_templates(PROJECT / "recipes" / "templates" / "news.txt"))
    between = {own.text.split("}", 1)[1].rsplit("{", 1)[0].strip() for own in templates} - {
        *("", ",", "in", "of", "and", "to")
    }
    for name in ("related", "unrelated"):
        test = read_corpus(PROJECT / "examples" / "side_by_side" / f"{name}.jsonl")
        for sentence in test.sentences:
            first, second = sentence.sorted_entities
            assert " ".join(sentence.tokens[first.end : second.start]) not in between
