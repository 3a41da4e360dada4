"""What a head leaves out is said once, with a number and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config, tiny_model

from dovetail.config import CrfEntityHeadConfig, DataConfig, EntityHeadConfig, SpanEntityHeadConfig
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.training import RunStarted, training_events
from dovetail.training.pools import Pool
from dovetail.training.unlearned import warnings_of_unlearned

COMPANY, PLACE, PERSON = Entity(0, 2, "Company"), Entity(0, 1, "Place"), Entity(3, 4, "Person")
SAME_BORDERS, CROSSING = Entity(3, 4, "Place"), Entity(1, 3, "Place")
OVERLAPPING = Sentence.from_tokens(
    ["Wiener", "Bahn", "employs", "Ada"],
    entities=[COMPANY, PLACE, PERSON, SAME_BORDERS, CROSSING],
    relations=[
        Relation(COMPANY, PLACE, "based_in"),
        Relation(PERSON, PLACE, "lives_in"),
        Relation(PERSON, COMPANY, "works_for"),
    ],
)


def warnings_of(head: EntityHeadConfig, *sentences: Sentence, kind: str = "training") -> list[str]:
    model = tiny_model(tiny_config(entity_head=head))
    expressible = model.entity_head.expressible
    return warnings_of_unlearned(head, expressible, Pool.of(kind, (*TRAIN, *sentences)))


def test_what_a_flat_tagging_leaves_out_is_counted() -> None:
    (warning,) = warnings_of(CrfEntityHeadConfig(), OVERLAPPING)
    assert warning.startswith("3 training entities overlap others")
    assert "nor are the 2 relations that they are in" in warning
    assert 'entity_head.kind = "span" would learn them' in warning
    (warning,) = warnings_of(CrfEntityHeadConfig(), OVERLAPPING, kind="extra")
    assert warning.startswith("3 extra entities")


@pytest.mark.parametrize(
    ("overlaps", "said"),
    [
        ("nested", '2 training entities cross longer ones, which entity_head.overlaps = "all"'),
        ("all", "1 training entities have the borders of another, and a span has one type"),
        ("none", "3 training entities overlap longer ones"),
    ],
)
def test_what_a_scorer_of_spans_leaves_out_depends_on_its_rule(overlaps: str, said: str) -> None:
    (warning,) = warnings_of(SpanEntityHeadConfig(overlaps=overlaps), OVERLAPPING)
    assert warning.startswith(said)


def test_too_long_entities_are_counted_apart() -> None:
    wide, *others = warnings_of(SpanEntityHeadConfig(max_width=1), OVERLAPPING)
    assert "training entities have more than 1 tokens (entity_head.max_width)" in wide
    assert wide.endswith("the longest has 2")
    assert len(others) == 1


@pytest.mark.parametrize("head", [CrfEntityHeadConfig(), SpanEntityHeadConfig()])
def test_nothing_is_said_where_nothing_is_lost(head: EntityHeadConfig) -> None:
    assert warnings_of(head) == []


def test_warnings_of_the_head_are_those_of_the_run(tmp_path: Path) -> None:
    data = DataConfig(
        train=(save_corpus([*TRAIN, OVERLAPPING], tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )
    for head, start in (
        (CrfEntityHeadConfig(), "3 training entities overlap others"),
        (SpanEntityHeadConfig(), "2 training entities cross"),
    ):
        config = tiny_config(data, entity_head=head)
        started = next(iter(training_events(config, tmp_path / head.kind)))
        assert isinstance(started, RunStarted)
        (warning,) = started.splits.warnings
        assert warning.startswith(start)
