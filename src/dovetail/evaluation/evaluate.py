"""Score predictions against gold annotations, sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.errors import CorpusError
from dovetail.evaluation import facts
from dovetail.evaluation.calibration import (
    Judged,
    calibration,
    judged_entities,
    judged_relations,
)
from dovetail.evaluation.false_alarms import false_alarms
from dovetail.evaluation.scores import Evaluation, MacroScore, SettingScores
from dovetail.evaluation.tally import Draws, Tally
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence


def evaluate(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    symmetric: frozenset[str] = frozenset(),
    bootstrap_samples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Compare predictions with gold annotations, paired by position.

    Every predicted fact that is not gold is a false positive, every gold fact that is not predicted
    a false negative: a relation whose argument was not found is missed, and a relation between
    spurious entities is wrong.  Nothing is filtered.  A sentence counts for the tasks that its gold
    version is annotated for.

    Args:
        gold: the sentences with their gold annotations.
        predicted: the same sentences with the predicted ones.
        symmetric: relation types whose two directions count as one.
        bootstrap_samples: how often to draw the sentences anew for the 95 % intervals; 0 for none.
        seed: the same seed gives the same intervals.

    Raises:
        CorpusError: if the two differ in number or in tokens.
        ValueError: if `bootstrap_samples` is negative.
    """
    if bootstrap_samples < 0:
        raise ValueError(f"bootstrap_samples is {bootstrap_samples}; expected 0 or more")
    check_same_tokens(gold, predicted)
    pairs = list(zip(gold, predicted, strict=True))
    entity_pairs = [pair for pair in pairs if ENTITY_TASK in pair[0].annotated]
    relation_pairs = [pair for pair in pairs if RELATION_TASK in pair[0].annotated]
    draws = Draws(bootstrap_samples, seed)
    return Evaluation(
        entity_strict=_score(entity_pairs, facts.entities_strict, draws),
        entity_boundaries=_score(entity_pairs, facts.entity_boundaries, draws, typed=False),
        relation_strict=_score(relation_pairs, facts.relations_strict(symmetric), draws),
        relation_boundaries=_score(relation_pairs, facts.relation_boundaries(symmetric), draws),
        sentences=len(pairs),
        entity_sentences=len(entity_pairs),
        relation_sentences=len(relation_pairs),
        entity_calibration_error=_calibration_error(judged_entities(gold, predicted)),
        relation_calibration_error=_calibration_error(
            judged_relations(gold, predicted, symmetric=symmetric)
        ),
        false_alarms=false_alarms(gold, predicted, symmetric=symmetric),
    )


def check_same_tokens(gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> None:
    """Make sure that predictions and gold annotations speak of the same tokens.

    Raises:
        CorpusError: naming the first sentence that differs.
    """
    if len(gold) != len(predicted):
        raise CorpusError(
            f"there are {len(gold)} gold sentences and {len(predicted)} predicted ones; "
            f"expected one prediction for each gold sentence, in the same order"
        )
    for position, (gold_sentence, predicted_sentence) in enumerate(
        zip(gold, predicted, strict=True)
    ):
        if gold_sentence.tokens != predicted_sentence.tokens:
            raise CorpusError(_difference(position, gold_sentence, predicted_sentence))


def _difference(position: int, gold: Sentence, predicted: Sentence) -> str:
    name = f"sentence {position + 1}" + (f" (id {gold.id!r})" if gold.id else "")
    for token, (expected, found) in enumerate(zip(gold.tokens, predicted.tokens, strict=False)):
        if expected != found:
            return (
                f"{name} differs at token {token}: gold has {_shortened(expected)}, the "
                f"prediction {_shortened(found)}; scores need predictions on the gold tokens"
            )
    return (
        f"{name} has {len(gold.tokens)} gold tokens and {len(predicted.tokens)} predicted ones; "
        f"scores need predictions on the gold tokens"
    )


def _shortened(token: str) -> str:
    return repr(token if len(token) <= 40 else token[:40] + "…")


def _score(
    pairs: Sequence[tuple[Sentence, Sentence]],
    facts_of: facts.FactsOf,
    draws: Draws,
    *,
    typed: bool = True,
) -> SettingScores:
    tally = Tally.of_pairs(pairs, facts_of)
    by_type = tally.by_type()
    return SettingScores(
        micro=tally.micro(),
        macro=MacroScore.from_scores(by_type.values()),
        by_type=by_type if typed else {},
        intervals=tally.intervals(draws, typed=typed) if draws.samples else None,
    )


def _calibration_error(judged: Sequence[Judged]) -> float | None:
    return calibration(judged).expected_error if judged else None
