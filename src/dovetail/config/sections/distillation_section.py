"""Learning from what another model says, beside the annotations or in place of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.values import Count, FilePaths, FolderOrName, Positive, Text


class DistillationConfig(Section):
    """The teacher, what is learned from it, and on which sentences."""

    teacher: FolderOrName | None = None
    """A saved model or ensemble to learn from: a folder, or the name of a shipped model; without
    one, nothing is distilled. It has the same entity types, relation types and tags, and may
    differ in all else. It is run once over all sentences before training, and not needed later."""

    teacher_sha256: Text | None = None
    """SHA-256 of the teacher; a run writes it into its own config. Where it is given, another
    teacher is refused."""

    weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the teacher in each task's loss; the annotations have the rest. With 1 they are not
    learned from; they only say between which entities relations are scored."""

    temperature: Positive = 1.0
    """Divisor of all scores where student and teacher are compared: above 1, more is
    learned of what the teacher finds improbable."""

    relation_confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.5
    """How sure the teacher has to be that a relation holds, or that it does not, for it to be
    learned of the teacher: its probability of the likelier of the two. With 0.5 all are learned."""

    unlabelled: FilePaths = ()
    """Files of further sentences, for which the teacher alone is learned from; annotations in them
    are not read. Corpora, whose formats are recognised, or raw text (`.txt`).
    A sentence that is also in `data.train`, `data.extra`, the dev set or `data.held_out` is left
    out, whatever its case, spaces and punctuation."""

    unlabelled_per_epoch: Count = 0
    """Sentences of `unlabelled` that an epoch draws at random; 0 takes all."""

    def contradictions(self) -> Iterator[Contradiction]:
        if self.teacher is None:
            for field in ("teacher_sha256", "unlabelled"):
                if getattr(self, field):
                    yield Contradiction(
                        field,
                        f"without a teacher it is of no use; name one in teacher, or leave {field} "
                        f"out",
                    )
        if self.unlabelled_per_epoch and not self.unlabelled:
            yield Contradiction(
                "unlabelled_per_epoch",
                f"{self.unlabelled_per_epoch} sentences cannot be drawn from no file; name files "
                f"in unlabelled, or leave unlabelled_per_epoch out",
            )
