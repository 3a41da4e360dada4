"""Heads: from a task's stream to logits, a loss, and annotations."""

from dovetail.heads.entity import EntityHead
from dovetail.heads.link import EntityLink
from dovetail.heads.relation import RelationHead

__all__ = ["EntityHead", "EntityLink", "RelationHead"]
