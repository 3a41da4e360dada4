"""A cell's results on dev and test sentences: predictions, scores, counts by sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dovetail.corpora import write_corpus
from dovetail.evaluation import Evaluation, evaluate, facts
from dovetail.evaluation.scores import GIVEN_ENTITIES
from dovetail.evaluation.tally import Tally
from dovetail.text.document import (
    ENTITY_TASK,
    RELATION_TASK,
    Document,
    Sentence,
    digest_of_sentences,
)

DEV, TEST = "dev", "test"
SPLITS = (DEV, TEST)


@dataclass(frozen=True)
class ScoredSplit:
    """Gold and predicted sentences of a split, and how well they agree.

    `related` are the gold sentences with predicted relations between their gold entities, if they
    are known: what the two scores of relations differ by is lost to entities.
    """

    gold: tuple[Sentence, ...]
    predicted: tuple[Sentence, ...]
    symmetric: frozenset[str]
    related: tuple[Sentence, ...] = ()

    def evaluation(self) -> Evaluation:
        """The scores, without intervals."""
        return evaluate(self.gold, self.predicted, symmetric=self.symmetric, bootstrap_samples=0)

    def scores(self) -> dict[str, Any]:
        """The scores as JSON values, those of relations given the gold entities among them."""
        values = self.evaluation().to_dict()
        if self.related:
            given = replace(self, predicted=self.related).evaluation()
            values["relation"][GIVEN_ENTITIES] = given.relation_strict.to_dict()
        return values

    def write(self, folder: Path, split: str) -> None:
        """Leave both in the native format."""
        for name, sentences in (("gold", self.gold), ("predictions", self.predicted)):
            documents = [document_of_tokens(sentence) for sentence in sentences]
            (folder / name).mkdir(parents=True, exist_ok=True)
            write_corpus(documents, folder / name / f"{split}.jsonl", format="dovetail")

    def counts(self) -> dict[str, Any]:
        """Strict counts of each sentence, and a digest that tells the sentences."""
        pairs = list(zip(self.gold, self.predicted, strict=True))
        settings: Mapping[str, facts.FactsOf] = {
            ENTITY_TASK: facts.entities_strict,
            RELATION_TASK: facts.relations_strict(self.symmetric),
        }
        return {
            "sentences": digest_of_sentences(self.gold),
            **{
                task: _sparse(
                    Tally.of_pairs([p for p in pairs if task in p[0].annotated], facts_of)
                )
                for task, facts_of in settings.items()
            },
        }


def document_of_tokens(sentence: Sentence) -> Document:
    """A document of the tokens alone, whatever text they were cut out of."""
    return Document.from_sentence(
        Sentence.from_tokens(
            sentence.tokens,
            entities=sentence.entities,
            relations=sentence.relations,
            annotated=sentence.annotated,
            id=sentence.id,
            unaligned=sentence.unaligned,
        )
    )


def _sparse(tally: Tally) -> dict[str, Any]:
    rows = np.argwhere(tally.counts)
    return {
        "types": tally.types,
        "shape": tally.counts.shape,
        "entries": [[*row, int(tally.counts[tuple(row)])] for row in rows.tolist()],
    }


def tally_from_counts(values: Mapping[str, Any]) -> Tally:
    """Read what `ScoredSplit.counts` wrote for a task."""
    counts = np.zeros(values["shape"], dtype=np.int64)
    for sentence, type_, outcome, number in values["entries"]:
        counts[sentence, type_, outcome] = number
    return Tally(tuple(values["types"]), counts)
