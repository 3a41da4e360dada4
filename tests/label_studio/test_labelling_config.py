"""What is read of a labelling config, and what is refused in a sentence."""

from __future__ import annotations

import pytest

from dovetail.corpora.formats.label_studio.label_studio_writer import labelling_config
from dovetail.corpora.ledger import Tally
from dovetail.corpora.writing.raw_text import RawDocument, RawEntity, RawRelation
from dovetail.errors import ConfigError
from dovetail.label_studio.labelling_config import LabellingConfig


def config_of(inside):
    return LabellingConfig.parse(f"<View>{inside}</View>")


TEXT = '<Text name="t" value="$text"/>'


def test_labels_of_all_tags_on_the_text_count_and_each_knows_its_tag():
    config = config_of(
        '<Header value="Mark it"/><Choices name="c" toName="t"><Choice value="Good"/></Choices>'
        f'{TEXT}<Text name="other" value="$title"/>'
        '<Labels name="people" toName="t"><Label value="Person"/></Labels>'
        '<Labels name="things" toName="t"><View><Label value="Ship"/></View></Labels>'
        '<Labels name="title" toName="other"><Label value="Word"/></Labels>'
    )
    assert config.from_names == {"Person": "people", "Ship": "things"}
    assert (config.text, config.field) == ("t", "text")
    assert config.tags.from_name("Ship") == "things"


def test_alias_is_what_a_label_is_called_by():
    config = config_of(
        f'<Labels name="l" toName="t"><Label value="Person" alias="PER"/></Labels>{TEXT}'
        '<Relations><Relation value="lives in" alias="lives_in"/></Relations>'
    )
    assert [*config.from_names] == ["PER"]
    assert config.relations == {"lives_in"}


def test_relations_without_labels_are_those_of_the_type_that_a_corpus_gives_them():
    labels = f'<Labels name="l" toName="t"><Label value="Person"/></Labels>{TEXT}'
    assert config_of(labels).has_relation("related")
    assert not config_of(labels).has_relation("lives_in")
    assert config_of(labels).lacking(["Person", "Ship"], ["related", "x"]) == ["Ship", "x"]
    named = config_of(f'{labels}<Relations><Relation value="lives_in"/></Relations>')
    assert not named.has_relation("related")


def test_config_that_dovetail_writes_is_read_with_all_its_types():
    types = ["A & B", 'quoted "x"', "line\nbreak", "Straße", "<tag>"]
    entities = [RawEntity(0, 1, type_, None, "a") for type_ in types]
    relations = [RawRelation(0, 1, type_, None) for type_ in types]
    document = RawDocument("d", "a", entities, relations, frozenset())
    config = LabellingConfig.parse(labelling_config([document], Tally()))
    assert {*config.from_names} == config.relations == {*types}
    assert config.field == "text"


LABELS = '<Labels name="l" toName="t"><Label value="x"/></Labels>'


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("", "is no XML"),
        ("<View>", "is no XML"),
        ("<View>\ud800</View>", "is no XML"),
        ("<View/>", "marks nothing in a text.*found View"),
        (f"<View>{TEXT}</View>", "expected <Labels"),
        (f'<View>{LABELS}<HyperText name="t" value="$text"/></View>', "found View, .*HyperText"),
        (f'<View>{LABELS}<Text name="t" value="$text" valueType="url"/></View>', "does not fetch"),
        (f'<View>{LABELS}<Text name="t" value="fixed"/></View>', 'such as value="\\$text"'),
        (f'<View><Labels toName="t"><Label value="x"/></Labels>{TEXT}</View>', "has no name"),
        ('<!DOCTYPE View [<!ENTITY a "aaaa">]><View>&a;</View>', "has a DOCTYPE"),
        ('<!DOCTYPE View SYSTEM "file:///etc/passwd"><View/>', "has a DOCTYPE"),
        ("<View>" + " " * 1_000_000 + "</View>", "at most 1,000,000 are read"),
    ],
)  # fmt: skip
def test_config_that_nothing_can_be_annotated_for_is_refused_in_a_sentence(xml, said):
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        LabellingConfig.parse(xml)
