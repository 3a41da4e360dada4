"""Heads: from a task's stream to logits, a loss, and annotations."""

from dovetail.heads.entity.crf_entity import CrfEntityHead
from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.entity.span_entity import SpanEntityHead
from dovetail.heads.link import EntityLink
from dovetail.heads.relation.relation_head import RelationHead
from dovetail.heads.relation.training_regime import TrainingRegime

__all__ = [
    "CrfEntityHead",
    "EntityHead",
    "EntityLink",
    "RelationHead",
    "SpanEntityHead",
    "TrainingRegime",
]
