"""From a config to a model: the only place that sees both configs and classes.

Boring on purpose.  Networks take plain numbers, so each function here names what goes where.
"""

from dovetail.build.encoders import build_encoder
from dovetail.build.heads import build_entity_head, build_link, build_relation_head
from dovetail.build.incremental import build_incremental
from dovetail.build.model import build_model, extended_model, restore_model
from dovetail.build.sharing import build_copied_layers, build_sharing

__all__ = [
    "build_copied_layers",
    "build_encoder",
    "build_entity_head",
    "build_incremental",
    "build_link",
    "build_model",
    "build_relation_head",
    "build_sharing",
    "extended_model",
    "restore_model",
]
