"""Scores on the dev sentences while training goes on, and which of them an epoch is chosen by."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dovetail.evaluation import Evaluation, evaluate
from dovetail.model.side_by_side import side_by_side
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.training.batches import batches_by_length
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.results import StageProgress
from dovetail.training.selection import score_of

DEV_BATCH = 64
"""Sentences in a batch of the dev set."""


@dataclass(frozen=True)
class Selection:
    """The dev score that decides which epoch is kept.

    Args:
        score: "entity", "relation" or their "mean".
        by_corpus: other scores, of corpora that are not annotated for both.
        corpus: the corpus that decides; without one it is the mean over all.
    """

    score: str
    by_corpus: Mapping[str, str] = field(default_factory=dict)
    corpus: str | None = None

    def of(self, dev: Mapping[str, Evaluation]) -> float:
        """The score of an epoch, given those of each corpus."""
        chosen = [*dev] if self.corpus is None else [self.corpus]
        scores = [score_of(dev[name], self.by_corpus.get(name, self.score)) for name in chosen]
        return scores[0] if len(scores) == 1 else sum(scores) / len(scores)


@dataclass(frozen=True)
class DevSets:
    """The dev sentences of each corpus, and how an epoch is chosen by them.

    Without a selection, it is by the score that the config of the training says.
    """

    by_corpus: Mapping[str, EncodedSentences]
    selection: Selection | None = None


def dev_scores(
    dev: Mapping[str, EncodedSentences],
    batch_of: Callable[[EncodedSentences, Sequence[int]], Batch],
    predict: Callable[[Batch], Sequence[Sentence]],
    symmetric: Mapping[str, frozenset[str]],
    *,
    at_once: int,
) -> Generator[StageProgress, None, dict[str, Evaluation]]:
    """Scores of each corpus that has dev sentences, without intervals; tells how far that is.

    Args:
        dev: the sentences by the name of their corpus.
        batch_of: makes a batch of the sentences of some indices.
        predict: asks the model.
        symmetric: for each schema the relations whose direction does not count.
        at_once: how many batches are predicted at a time.
    """
    scored = {name: own for name, own in dev.items() if own.sentences}
    if not scored:
        return {}
    told = StageProgress(
        "scoring the dev sentences", 0, sum(sum(own.lengths) for own in scored.values())
    )
    yield told
    evaluations = {}
    for name, own in scored.items():
        predicted = list(own.sentences)
        parts = batches_by_length(own.lengths, batch_size=DEV_BATCH)
        batches = (batch_of(own, indices) for indices in parts)
        found = side_by_side(predict, batches, threads=at_once if len(parts) > 1 else 1)
        for indices, sentences in zip(parts, found, strict=True):
            for index, sentence in zip(indices, sentences, strict=True):
                predicted[index] = sentence
            read = sum(own.lengths[index] for index in indices)
            told = replace(told, done=told.done + read)
            yield told
        evaluations[name] = evaluate(
            own.gold,
            own.merged(predicted),
            symmetric=symmetric[own.schema],
            bootstrap_samples=0,
        )
    return evaluations
