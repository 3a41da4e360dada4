"""Heads: from a task's stream to logits, a loss, and annotations."""

from dovetail.heads.crf_entity import CrfEntityHead
from dovetail.heads.entity import EntityHead
from dovetail.heads.link import EntityLink
from dovetail.heads.relation import RelationHead
from dovetail.heads.span_entity import SpanEntityHead
from dovetail.heads.training_regime import TrainingRegime

__all__ = [
    "CrfEntityHead",
    "EntityHead",
    "EntityLink",
    "RelationHead",
    "SpanEntityHead",
    "TrainingRegime",
]
