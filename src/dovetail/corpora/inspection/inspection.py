"""The content of a corpus, split by split, and what may go wrong in training or scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dovetail.corpora.corpus import Corpus
from dovetail.corpora.inspection.entity_head_advice import EntityHeadAdvice, advise_entity_head
from dovetail.corpora.inspection.problems import Problem, problems_of
from dovetail.corpora.inspection.split_summary import SplitSummary, overlapping_pairs
from dovetail.text.document import Sentence
from dovetail.text.wording import CorpusPart

__all__ = ["Inspection", "Problem", "SplitSummary", "inspect_corpora", "overlapping_pairs"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The summaries of all splits, by name, the problems found in and between them, and advice.

    `warnings` say what puts a whole corpus in doubt.
    """

    splits: Mapping[str, SplitSummary]
    problems: tuple[Problem, ...]
    entity_head: EntityHeadAdvice
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain JSON values."""
        return {
            "warnings": list(self.warnings),
            "splits": {name: summary.to_dict() for name, summary in self.splits.items()},
            "problems": [asdict(problem) for problem in self.problems],
            "entity_head": asdict(self.entity_head),
        }


def inspect_corpora(corpora: Mapping[str, Corpus]) -> Inspection:
    """Count the corpora, which are splits of one another, and look for problems."""
    splits = {name: SplitSummary.of(corpus) for name, corpus in corpora.items()}
    every = (sentence for corpus in corpora.values() for sentence in corpus.sentences)
    return Inspection(
        splits,
        tuple(problems_of(corpora, splits)),
        advise_entity_head(every),
        tuple(_warnings(corpora)),
    )


def part_of(corpus: Corpus, part: CorpusPart, *, seed: int = 0) -> Corpus:
    """The corpus with a part of its sentences, as training takes it; the account is of all."""
    whole = [
        (number, sentence)
        for number, document in enumerate(corpus.documents)
        for sentence in document.sentences
        if sentence.tokens
    ]
    kept: dict[int, list[Sentence]] = {}
    for index in part.indices([sentence for _, sentence in whole], seed=seed):
        number, sentence = whole[index]
        kept.setdefault(number, []).append(sentence)
    documents = (
        replace(corpus.documents[number], sentences=tuple(own)) for number, own in kept.items()
    )
    return replace(corpus, documents=tuple(documents))


def _warnings(corpora: Mapping[str, Corpus]) -> Iterable[str]:
    for name, corpus in corpora.items():
        if corpus.sentences and not corpus.annotated:
            yield (
                f"{name}: nothing in it is annotated, for any task. Are the annotations in another "
                f"file, or in fields that are not read? ({corpus.format}; the account below lists "
                f"them)"
            )
        yield from (f"{name}: {warning}" for warning in corpus.warnings)
