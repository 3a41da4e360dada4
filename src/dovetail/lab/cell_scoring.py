"""A cell's results on dev and test sentences: predictions, scores, counts by sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from dovetail.text.named_schemas import ONLY
from dovetail.training.pools import for_tasks

DEV, TEST = "dev", "test"
SPLITS = (DEV, TEST)
GOLD, PREDICTIONS = "gold", "predictions"


def file_of(folder: Path, kind: str, split: str, corpus: str = ONLY) -> Path:
    """Where a cell leaves gold or predicted sentences; `corpus` is one of several."""
    return folder / kind / corpus / f"{split}.jsonl"


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

    def write(self, folder: Path, split: str, corpus: str = ONLY) -> None:
        """Leave both in the native format; those of one of several corpora in its folder."""
        for kind, sentences in ((GOLD, self.gold), (PREDICTIONS, self.predicted)):
            documents = [document_of_tokens(sentence) for sentence in sentences]
            path = file_of(folder, kind, split, corpus)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_corpus(documents, path, format="dovetail")

    def counts(self) -> dict[str, Any]:
        """Strict counts of each sentence, and digests of the sentences, whole and by task."""
        pairs = list(zip(self.gold, self.predicted, strict=True))
        settings: Mapping[str, facts.FactsOf] = {
            ENTITY_TASK: facts.entities_strict,
            RELATION_TASK: facts.relations_strict(self.symmetric),
        }
        return {
            "sentences": digest_of_sentences(self.gold),
            "sentences_by_task": {
                task: digest_of_sentences(annotated_for(self.gold, [task])) for task in settings
            },
            **{
                task: _sparse(
                    Tally.of_pairs([p for p in pairs if task in p[0].annotated], facts_of)
                )
                for task, facts_of in settings.items()
            },
        }


def annotated_for(sentences: Iterable[Sentence], tasks: Sequence[str]) -> tuple[Sentence, ...]:
    """Those of the sentences that are annotated for some of the tasks, with no other annotations.

    Entities stay where relations are a task, since they are what is related.
    """
    chosen = (for_tasks(sentence, tasks) for sentence in sentences)
    return tuple(sentence for sentence in chosen if sentence.annotated)


def together(corpora: Iterable[Iterable[Sentence]]) -> tuple[Sentence, ...]:
    """The sentences of several corpora as those of one.

    The same sentence in several of them is one, which is annotated for the tasks of all.
    """
    known: dict[object, Sentence] = {}
    for sentences in corpora:
        times: Counter[object] = Counter()  # a sentence may stand in one of them more than once
        for sentence in sentences:
            words = sentence.tokens, sentence.id
            times[words] += 1
            other = known.get((words, times[words]), sentence)
            known[words, times[words]] = replace(
                sentence,
                entities=sentence.entities | other.entities,
                relations=sentence.relations | other.relations,
                unaligned=sentence.unaligned | other.unaligned,
                annotated=sentence.annotated | other.annotated,
            )
    return tuple(known.values())


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
