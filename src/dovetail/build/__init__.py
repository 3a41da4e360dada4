"""From a config to a model: encoders and sharing build themselves, heads are built here.

Networks take plain values, so each function here names which value goes where.
"""

from dovetail.build.auxiliary import with_auxiliary
from dovetail.build.encoders import build_encoder
from dovetail.build.heads import build_entity_head, build_link, build_relation_head
from dovetail.build.model import build_model, extended_model, restore_model

__all__ = [
    "build_encoder",
    "build_entity_head",
    "build_link",
    "build_model",
    "build_relation_head",
    "extended_model",
    "restore_model",
    "with_auxiliary",
]
