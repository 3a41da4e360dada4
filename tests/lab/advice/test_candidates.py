"""What is counted of corpora, and which ways of sharing are tried on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import SENTENCES, TRAIN, save_corpus
from tests.networks import pretrained, tiny_config

from dovetail.config import Config, SharingConfig, with_changes
from dovetail.lab.advice.candidates import ALL_SHARED, PROPOSALS, candidates, default_of
from dovetail.lab.advice.facts import CorpusFacts, Facts, Overlap, common
from dovetail.strategies import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    PrimitivesSharingConfig,
)
from dovetail.training.job import Job

CORPUS = CorpusFacts("", 20, 8, {"entity": 20, "relation": 20}, 3, 3, 30, 20)
PARTLY = replace(CORPUS, annotated={"entity": 20, "relation": 5})
TWO = ("entity", "relation")


def facts(*corpora: CorpusFacts, tasks: tuple[str, ...] = TWO) -> Facts:
    return Facts(corpora, (), tasks)


def names(config: Config, own: Facts) -> set[str]:
    return {candidate.name for candidate in candidates(config, own)[0]}


def test_facts_are_those_of_the_training_sentences(job: Job) -> None:
    (own,) = Facts.of(job).corpora
    assert own.sentences == len(TRAIN) == own.annotated["entity"] == own.annotated["relation"]
    assert own.dev_sentences == len(job.splits.dev)
    assert (own.entity_types, own.relation_types) == (3, 3)
    assert own.entities == sum(len(sentence.entities) for sentence in TRAIN)
    assert own.relations == sum(len(sentence.relations) for sentence in TRAIN)
    assert not own.is_partly_annotated
    assert Facts.of(job).tasks == TWO


def test_facts_of_several_corpora_say_what_they_have_in_common(several: Job) -> None:
    found = Facts.of(several)
    whole, part = found.corpora
    assert (part.annotated, part.relations) == ({"entity": 11, "relation": 0}, 0)
    assert part.is_partly_annotated
    assert found.is_partly_annotated
    assert found.tasks == ("whole/entity", "whole/relation", "part/entity")
    words = [{t.lower() for s in own for t in s.tokens} for own in (TRAIN, TRAIN[:11])]
    (overlap,) = found.overlaps
    assert overlap == Overlap("whole", "part", 1.0, 0.0, len(words[1]) / len(words[0]))
    assert whole.sentences == 22


def test_extra_sentences_count_for_the_tasks_they_are_learned_for(
    config: Config, tmp_path: Path
) -> None:
    path = save_corpus(SENTENCES[22:], tmp_path / "extra.jsonl")
    extra = {"data.extra": [str(path)], "data.dev": [], "data.dev_fraction": 0.2}
    own = with_changes(config, extra)
    (found,) = Facts.of(Job.of(own)).corpora
    assert found.extra == 8
    assert found.annotated["entity"] == found.sentences == found.annotated["relation"] + 8


def test_what_nothing_has_in_common_is_nothing() -> None:
    assert common([], []) == 0
    assert common(["a"], ["b"]) == 0
    assert common(["a", "b"], ["B", "A"]) == 1


def test_plans_of_depth_are_candidates_but_for_the_own_one() -> None:
    config = tiny_config(sharing=DepthSharingConfig(shared_layers=1, relation_layers=1))
    assert default_of(config).name == "depth 1+1+1"
    found = names(config, facts(CORPUS))
    assert {"depth 0+1+1", "depth 1+0+0", "depth 1+0+1", ALL_SHARED, "bottom 1+1+1"} <= found
    assert "depth 1+1+1" not in found


def test_candidates_have_layers_of_the_sort_of_the_config_and_can_be_built() -> None:
    own = DepthSharingConfig(cell="lstm", hidden_dim=5, normalise=True)
    config = tiny_config(sharing=own)
    for candidate in candidates(config, facts(CORPUS))[0]:
        changed = with_changes(config, candidate.changes)
        assert candidate.reason
        if "sharing" in candidate.changes:
            sharing = changed.sharing
            assert (sharing.cell, sharing.hidden_dim, sharing.normalise) == ("lstm", 5, True)
        if candidate.name.startswith(("depth", "bottom", "exits")):
            assert changed.sharing.plan == candidate.name
        back = {"sharing": config.sharing, "couplings": config.couplings}
        assert changed.model_copy(update=back) == config


def test_one_task_has_nobody_to_share_with() -> None:
    found, unfit = candidates(tiny_config(), facts(CORPUS, tasks=("entity",)))
    assert found == []
    assert "nobody to share with" in unfit[0].reason


@pytest.mark.parametrize(
    ("name", "own", "applies"),
    [
        ("matching", facts(CORPUS), False),
        ("matching", facts(PARTLY), True),
        ("matching", facts(PARTLY, tasks=("entity", "other/entity")), False),
        ("adversarial", facts(PARTLY), False),
        ("adversarial", facts(CORPUS, CORPUS), False),
        ("adversarial", facts(replace(PARTLY, extra=15)), True),
        ("adversarial", facts(CORPUS, PARTLY), True),
        ("variational", facts(CORPUS), False),
        ("variational", facts(CORPUS, CORPUS, tasks=(*TWO, "other/entity")), True),
        ("sequential", facts(CORPUS), True),
        ("sequential", facts(CORPUS, tasks=("entity", "other/entity")), False),
        ("context", facts(CORPUS), True),
    ],
)
def test_candidates_apply_where_they_can_help(name: str, own: Facts, applies: bool) -> None:
    (proposal,) = [proposal for proposal in PROPOSALS if proposal.name == name]
    assert proposal.applies(own) == applies
    found, unfit = candidates(tiny_config(), own)
    tried, refused = ({each.name for each in some} for some in (found, unfit))
    assert (name in tried) <= applies
    if proposal.is_registered and not applies:
        assert name in refused
        assert proposal.when in next(each.reason for each in unfit if each.name == name)
    if not proposal.is_registered:
        assert name not in tried | refused


def test_what_a_config_cannot_have_is_said(pretrained_folder: object) -> None:
    copied = DepthSharingConfig(cell="pretrained", relation_layers=1)
    config = tiny_config(encoders=(pretrained(pretrained_folder),), sharing=copied)
    found, unfit = candidates(config, facts(CORPUS))
    assert ALL_SHARED in {own.name for own in found}
    (reason,) = [own.reason for own in unfit if own.name == "bottom 1+1+1"]
    assert "not with this config: sharing.cell" in reason


@pytest.mark.parametrize(
    ("sharing", "plan"),
    [
        (DepthSharingConfig(), "depth 1+1+2"),
        (ExitsSharingConfig(shared_layers=3, entity_exit=3, relation_exit=3), "depth 3+0+0"),
        (ExitsSharingConfig(shared_layers=2, entity_exit=2, relation_exit=0), "depth 0+2+0"),
        (
            ExitsSharingConfig(shared_layers=2, entity_exit=1, relation_exit=2, residual=True),
            "exits 1+2 residual",
        ),
        (BottomSharingConfig(), "bottom 1+1+1"),
        (BottomSharingConfig(entity_layers_above=1), "bottom 1+1+1+1+0"),
        (PrimitivesSharingConfig(), "primitives"),
    ],
)
def test_networks_that_are_the_same_have_one_plan(sharing: SharingConfig, plan: str) -> None:
    assert sharing.plan == plan
