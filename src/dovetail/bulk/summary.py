"""What a run came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dovetail.bulk.shard import Counts


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is in the folder, and what this process did of it in so many seconds.

    `broken` are inputs that could not be read to their end.  A run that was resumed did before
    what is in `total` and not in `own`.
    """

    total: Counts
    own: Counts
    broken: int
    seconds: float
    deaths: int
    """Of workers that were started again."""

    @property
    def failed(self) -> int:
        """The rows of `errors.parquet`."""
        return self.total.failed + self.broken

    @property
    def sentences_per_second(self) -> float:
        """Of this process and its workers."""
        return self.own.sentences / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            **asdict(self.total),
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "before": self.total.documents - self.own.documents,
        }

    def __str__(self) -> str:
        total = self.total
        before = total.documents - self.own.documents
        done = f", {before:,} of them before" if before else ""
        return (
            f"{total.documents:,} documents{done}, {total.sentences:,} sentences, "
            f"{total.characters:,} characters: {total.entities:,} entities and "
            f"{total.relations:,} relations; {self.failed:,} failed; {self.seconds:.1f} s, "
            f"{self.sentences_per_second:,.1f} sentences/s"
        )
