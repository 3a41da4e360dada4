"""What a model finds in sentences without a relation, beside its scores on a corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.corpora.negatives import of_documents, read_negatives
from dovetail.errors import CorpusError
from dovetail.evaluation import Evaluation, FalseAlarms, Interval, ScoreAtShare, false_alarms
from dovetail.evaluation.false_alarms import interval_per_thousand
from dovetail.running.steps import SILENT, Teller, result_of
from dovetail.text.document import RELATION_TASK, Relation, Sentence
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.extractor import Extractor


@dataclass(frozen=True)
class AskedNegatives:
    """Files of sentences without a relation, and of which documents they are taken; of all if none.

    `share` is that of such sentences in text as it comes, if scores are to be reckoned for it.
    """

    files: tuple[Path, ...] = ()
    documents: tuple[str, ...] = ()
    share: float | None = None

    def found_by(
        self, extractor: Extractor, reading: Reading, tell: Teller = SILENT
    ) -> InNegatives | None:
        """What a model finds in the files; None if there are none.

        Raises:
            CorpusError: if a file cannot be read, or holds a relation, or no document is of those
                that are named.
        """
        if not self.files:
            return None
        ids: list[str] = []
        sentences: list[Sentence] = []
        for path in self.files:
            tell.stage(f"reading {path}")
            for document in read_negatives(path, reading).documents:
                if not self.documents or of_documents(document.id, self.documents):
                    ids += [document.id] * len(document.sentences)
                    sentences += document.sentences
        if not sentences:
            raise CorpusError(
                f"{', '.join(map(str, self.files))}: no document has an id as "
                f"{' or '.join(map(repr, self.documents))}"
            )
        tell.stage(f"annotating {len(sentences):,} sentences without a relation")
        found = result_of(extractor.annotating(sentences), tell.progress)
        return InNegatives(ids, sentences, found)


@dataclass(frozen=True)
class InNegatives:
    """Sentences without a relation, the ids of their documents, and what a model finds in them."""

    ids: Sequence[str]
    sentences: Sequence[Sentence]
    found: Sequence[Sentence]

    def alarms(self) -> FalseAlarms:
        """The false alarms in them."""
        known = frozenset({RELATION_TASK})
        return false_alarms([replace(own, annotated=known) for own in self.sentences], self.found)

    def lines(self) -> str:
        """The sentences with false alarms as lines of JSON, which say that nobody annotated them.

        What was found is beside the annotations, so the file can be read as negatives.
        """
        return "".join(
            json.dumps(
                {
                    "id": id,
                    "tokens": sentence.tokens,
                    "found": [_said(own, sentence) for own in sentence.sorted_relations],
                },
                ensure_ascii=False,
            )
            + "\n"
            for id, sentence in zip(self.ids, self.found, strict=True)
            if sentence.relations
        )


def _said(relation: Relation, sentence: Sentence) -> dict[str, Any]:
    """A relation in words."""
    head, tail = (
        {"text": " ".join(sentence.tokens[token] for token in own.tokens), "type": own.type}
        for own in (relation.head, relation.tail)
    )
    return {"type": relation.type, "head": head, "tail": tail, "confidence": relation.confidence}


@dataclass(frozen=True)
class Alarms:
    """False alarms of the corpus and the negatives together, and scores at a share of such."""

    of_all: FalseAlarms
    at_share: ScoreAtShare | None = None

    @classmethod
    def of(
        cls, evaluation: Evaluation, negatives: InNegatives | None, share: float | None
    ) -> Alarms:
        """The alarms beside an evaluation.

        Raises:
            CorpusError: if scores at a share cannot be reckoned.
        """
        within = evaluation.false_alarms
        of_all = within if negatives is None else within + negatives.alarms()
        if share is None:
            return cls(of_all)
        score, related = evaluation.relation_strict.micro, evaluation.related_sentences
        try:
            return cls(of_all, ScoreAtShare.of(score, related, within, of_all, share))
        except ValueError as error:
            raise CorpusError(f"scores at a share cannot be reckoned: {error}") from error

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the alarmed ones of a thousand sentences, if there are any."""
        return interval_per_thousand(self.of_all) if self.of_all.sentences else None

    def to_dict(self) -> dict[str, Any] | None:
        """JSON values; None where nothing tells of false alarms."""
        values, interval = self.of_all.to_dict(), self.interval
        if values is None or interval is None:
            return None
        at_share = None if self.at_share is None else self.at_share.to_dict()
        return {**values, "interval": [interval.low, interval.high], "at_share": at_share}

    @property
    def are_known(self) -> bool:
        """Whether there are sentences that hold no relation."""
        return self.of_all.sentences > 0

    def warnings(self, evaluation: Evaluation) -> list[str]:
        """A warning if nothing tells of false alarms."""
        number = evaluation.relation_sentences
        if self.of_all.sentences or not number:
            return []
        return [
            f"Each of the {number:,} sentences that are annotated for relations holds one, so the "
            f"scores say nothing of relations that are found where there are none, as in most "
            f"sentences of most texts: score the model on such sentences too (--negatives)."
        ]
