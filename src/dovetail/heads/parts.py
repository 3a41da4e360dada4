"""The heads of a schema and the link between them, as they are built."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.link import EntityLink
from dovetail.heads.relation.relation_head import RelationHead


@dataclass(frozen=True, eq=False)
class HeadParts:
    """The entity head and, where there are relation types, the relation head and the link."""

    entity_head: EntityHead
    relation_head: RelationHead | None = None
    link: EntityLink | None = None
