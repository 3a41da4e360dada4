"""Scores against hand-made cases, and against a restatement of their definition without numpy."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.errors import CorpusError
from dovetail.evaluation import Evaluation, Score, SettingScores, evaluate
from dovetail.text.document import Entity, Relation, Sentence

MARIE = Entity(0, 2, "Person")
WARSAW = Entity(4, 5, "Place")
PARIS = Entity(6, 7, "Place")
TOKENS = ["Marie", "Curie", "was", "in", "Warsaw", ",", "Paris", "and", "elsewhere", "."]


def sentence(*annotations: Entity | Relation, annotated: str = "entity relation") -> Sentence:
    """A sentence over `TOKENS`; the arguments of its relations are among its entities."""
    relations = {item for item in annotations if isinstance(item, Relation)}
    entities = {item for item in annotations if isinstance(item, Entity)}
    entities |= {argument for relation in relations for argument in (relation.head, relation.tail)}
    return Sentence.from_tokens(
        TOKENS, entities=entities, relations=relations, annotated=annotated.split()
    )


def micro(evaluation: Evaluation) -> dict[str, Score]:
    return {
        "entity strict": evaluation.entity_strict.micro,
        "entity boundaries": evaluation.entity_boundaries.micro,
        "relation strict": evaluation.relation_strict.micro,
        "relation boundaries": evaluation.relation_boundaries.micro,
    }


BORN = Relation(MARIE, WARSAW, "born_in")
PERSON_CITY = Entity(4, 5, "Person")

CASES = {
    "everything right": (
        sentence(BORN),
        sentence(BORN),
        [(2, 0, 0), (2, 0, 0), (1, 0, 0), (1, 0, 0)],
    ),
    "nothing predicted": (
        sentence(BORN),
        sentence(),
        [(0, 0, 2), (0, 0, 2), (0, 0, 1), (0, 0, 1)],
    ),
    "a relation on a spurious entity is wrong": (
        sentence(BORN),
        sentence(BORN, Relation(MARIE, PARIS, "born_in")),
        [(2, 1, 0), (2, 1, 0), (1, 1, 0), (1, 1, 0)],
    ),
    "a relation between two spurious entities is wrong": (
        sentence(),
        sentence(BORN),
        [(0, 2, 0), (0, 2, 0), (0, 1, 0), (0, 1, 0)],
    ),
    "a relation lost with its entity is missed": (
        sentence(BORN),
        sentence(MARIE),
        [(1, 0, 1), (1, 0, 1), (0, 0, 1), (0, 0, 1)],
    ),
    "the wrong direction is wrong and misses": (
        sentence(BORN),
        sentence(Relation(WARSAW, MARIE, "born_in")),
        [(2, 0, 0), (2, 0, 0), (0, 1, 1), (0, 1, 1)],
    ),
    "right borders with a wrong type count for boundaries only": (
        sentence(BORN),
        sentence(Relation(MARIE, PERSON_CITY, "born_in")),
        [(1, 1, 1), (2, 0, 0), (0, 1, 1), (1, 0, 0)],
    ),
    "a wrong border is wrong in both settings": (
        sentence(BORN),
        sentence(Relation(Entity(1, 2, "Person"), WARSAW, "born_in")),
        [(1, 1, 1), (1, 1, 1), (0, 1, 1), (0, 1, 1)],
    ),
    "a wrong relation type is wrong in both settings": (
        sentence(BORN),
        sentence(Relation(MARIE, WARSAW, "died_in")),
        [(2, 0, 0), (2, 0, 0), (0, 1, 1), (0, 1, 1)],
    ),
    "one span with two types is one span for boundaries": (
        sentence(WARSAW),
        sentence(WARSAW, PERSON_CITY),
        [(1, 1, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)],
    ),
    "relations that differ in argument types only are one for boundaries": (
        sentence(BORN),
        sentence(BORN, Relation(MARIE, PERSON_CITY, "born_in")),
        [(2, 1, 0), (2, 0, 0), (1, 1, 0), (1, 0, 0)],
    ),
    "confidence plays no part": (
        sentence(BORN),
        sentence(Relation(replace(MARIE, confidence=0.2), WARSAW, "born_in", confidence=0.1)),
        [(2, 0, 0), (2, 0, 0), (1, 0, 0), (1, 0, 0)],
    ),
    "tasks that are not annotated do not count": (
        sentence(MARIE, annotated="entity"),
        sentence(BORN),
        [(1, 1, 0), (1, 1, 0), (0, 0, 0), (0, 0, 0)],
    ),
    "unlabelled sentences do not count": (
        sentence(annotated=""),
        sentence(BORN),
        [(0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0)],
    ),
}


@pytest.mark.parametrize(("gold", "predicted", "expected"), CASES.values(), ids=CASES.keys())
def test_hand_made_case(
    gold: Sentence, predicted: Sentence, expected: list[tuple[int, int, int]]
) -> None:
    scores = micro(evaluate([gold], [predicted], bootstrap_samples=0))
    assert list(scores.values()) == [Score(*counts) for counts in expected]


def test_same_annotation_in_two_sentences_is_two_annotations() -> None:
    evaluation = evaluate([sentence(BORN), sentence(BORN)], [sentence(BORN), sentence(MARIE)])
    assert evaluation.relation_strict.micro == Score(1, 0, 1)
    assert evaluation.entity_strict.micro == Score(3, 0, 1)


def test_symmetric_relation_counts_in_either_direction_once() -> None:
    backward = Relation(WARSAW, MARIE, "near")
    gold = sentence(Relation(MARIE, WARSAW, "near"), BORN)
    predicted = sentence(backward, Relation(WARSAW, MARIE, "born_in"))
    evaluation = evaluate([gold], [predicted], symmetric=frozenset({"near"}))
    assert evaluation.relation_strict.by_type == {"born_in": Score(0, 1, 1), "near": Score(1, 0, 0)}
    both = sentence(Relation(MARIE, WARSAW, "near"), backward)
    assert evaluate([both], [both], symmetric=frozenset({"near"})).relation_strict.micro == Score(
        1, 0, 0
    )


def test_macro_is_the_mean_of_f1_over_types_in_gold_or_predictions() -> None:
    gold = sentence(MARIE, WARSAW, PARIS)
    predicted = sentence(MARIE, WARSAW, Entity(8, 9, "Thing"))
    strict = evaluate([gold], [predicted]).entity_strict
    assert strict.by_type == {
        "Person": Score(1, 0, 0),  # P 1   R 1   F1 1
        "Place": Score(1, 0, 1),  #  P 1   R 1/2 F1 2/3
        "Thing": Score(0, 1, 0),  #  P 0   R 0   F1 0
    }
    assert strict.macro.types == 3
    assert strict.macro.precision == pytest.approx(2 / 3)
    assert strict.macro.recall == pytest.approx(1 / 2)
    assert strict.macro.f1 == pytest.approx(5 / 9)  # and not 4/7, the mean of means


def test_entity_boundaries_have_one_class() -> None:
    boundaries = evaluate([sentence(MARIE, WARSAW)], [sentence(MARIE, PARIS)]).entity_boundaries
    assert boundaries.by_type == {}
    assert boundaries.macro.f1 == boundaries.micro.f1 == 0.5


def test_undefined_ratios_are_zero() -> None:
    evaluation = evaluate([], [])
    for score in micro(evaluation).values():
        assert (score.precision, score.recall, score.f1, score.support) == (0, 0, 0, 0)
    assert evaluation.entity_strict.macro.f1 == 0
    assert evaluation.mean_f1 == 0


def test_mean_f1_averages_the_annotated_tasks() -> None:
    gold, predicted = sentence(BORN), sentence(MARIE, WARSAW)
    assert evaluate([gold], [predicted]).mean_f1 == 0.5
    entities_only = replace(gold, relations=frozenset(), annotated=frozenset({"entity"}))
    assert evaluate([entities_only], [predicted]).mean_f1 == 1.0


def test_other_number_of_sentences_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"2 gold sentences and 1 predicted"):
        evaluate([sentence(), sentence()], [sentence()])


def test_other_tokens_are_refused_with_the_place() -> None:
    other = Sentence.from_tokens([*TOKENS[:4], "Vienna", *TOKENS[5:]], id="s7")
    with pytest.raises(CorpusError, match=r"sentence 2 \(id 's7'\).*token 4.*'Vienna'.*'Warsaw'"):
        evaluate([sentence(), other], [sentence(), sentence()])
    with pytest.raises(CorpusError, match=r"sentence 1 has 10 gold tokens and 9 predicted"):
        evaluate([sentence()], [Sentence.from_tokens(TOKENS[:-1])])


def test_negative_number_of_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="bootstrap_samples is -1"):
        evaluate([], [], bootstrap_samples=-1)


def test_evaluation_is_written_as_json() -> None:
    evaluation = evaluate([sentence(BORN)], [sentence(MARIE)], bootstrap_samples=50)
    values = json.loads(json.dumps(evaluation.to_dict()))
    assert values == evaluation.to_dict()
    assert values["entity"]["strict"]["by_type"]["Person"]["support"] == 1
    assert values["relation"]["boundaries"]["micro"]["false_negatives"] == 1
    assert values["entity"]["strict"]["intervals"]["samples"] == 50
    without = evaluate([sentence(BORN)], [sentence(MARIE)], bootstrap_samples=0).to_dict()
    assert without["entity"]["strict"]["intervals"] is None


# --- properties -----------------------------------------------------------------------------------

ENTITY_TYPES = ("Person", "Place", "Thing")
RELATION_TYPES = ("born_in", "near")


@st.composite
def entities(draw: st.DrawFn, length: int = 6) -> Entity:
    start = draw(st.integers(0, length - 1))
    end = draw(st.integers(start + 1, min(length, start + 2)))
    return Entity(start, end, draw(st.sampled_from(ENTITY_TYPES)))


@st.composite
def sentences(draw: st.DrawFn, *, annotated: frozenset[str] | None = None) -> Sentence:
    found = draw(st.sets(entities(), max_size=5))
    relations = set()
    if len(found) > 1:
        pair = st.permutations(sorted(found)).map(lambda order: order[:2])
        for head, tail in draw(st.lists(pair, max_size=4)):
            relations.add(Relation(head, tail, draw(st.sampled_from(RELATION_TYPES))))
    if annotated is None:
        annotated = draw(st.frozensets(st.sampled_from(["entity", "relation"])))
    return Sentence.from_tokens(
        list("abcdef"), entities=found, relations=relations, annotated=annotated
    )


PAIRS = st.lists(st.tuples(sentences(), sentences()), max_size=6)
BOTH_TASKS = frozenset({"entity", "relation"})
ANNOTATED_PAIRS = st.lists(
    st.tuples(sentences(annotated=BOTH_TASKS), sentences()), min_size=1, max_size=6
)


def restated(
    pairs: list[tuple[Sentence, Sentence]], task: str, exactness: str
) -> dict[str, tuple[int, int, int]]:
    """The definition once more: loops over lists of distinct items, and three counts a class."""
    counts: dict[str, list[int]] = {}
    for gold, predicted in pairs:
        if task not in gold.annotated:
            continue
        wanted, found = listed(gold, task, exactness), listed(predicted, task, exactness)
        for item in wanted:
            counts.setdefault(str(item[0]), [0, 0, 0])[0 if item in found else 2] += 1
        for item in found:
            if item not in wanted:
                counts.setdefault(str(item[0]), [0, 0, 0])[1] += 1
    return {class_: (right, wrong, missed) for class_, (right, wrong, missed) in counts.items()}


def listed(sentence: Sentence, task: str, exactness: str) -> list[list[object]]:
    """Each distinct thing to find, its class first."""
    items: list[list[object]] = []
    for annotation in sentence.entities if task == "entity" else sentence.relations:
        arguments = (
            [annotation] if isinstance(annotation, Entity) else [annotation.head, annotation.tail]
        )
        bare_span = task == "entity" and exactness == "boundaries"
        item: list[object] = ["any span" if bare_span else annotation.type]
        for argument in arguments:
            item += [argument.start, argument.end]
            if exactness == "strict":
                item.append(argument.type)
        if item not in items:
            items.append(item)
    return items


def settings(evaluation: Evaluation) -> dict[str, SettingScores]:
    return {
        "entity strict": evaluation.entity_strict,
        "entity boundaries": evaluation.entity_boundaries,
        "relation strict": evaluation.relation_strict,
        "relation boundaries": evaluation.relation_boundaries,
    }


def evaluate_pairs(pairs: list[tuple[Sentence, Sentence]]) -> Evaluation:
    return evaluate(
        [gold for gold, _ in pairs], [predicted for _, predicted in pairs], bootstrap_samples=0
    )


@given(PAIRS)
def test_evaluation_is_read_back_from_what_is_written(
    pairs: list[tuple[Sentence, Sentence]],
) -> None:
    gold, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    for samples in (0, 3):
        evaluation = evaluate(gold, predicted, bootstrap_samples=samples)
        written = json.loads(json.dumps(evaluation.to_dict()))
        assert Evaluation.from_dict(written) == evaluation


@given(PAIRS)
def test_scores_equal_the_restated_definition(pairs: list[tuple[Sentence, Sentence]]) -> None:
    for name, scores in settings(evaluate_pairs(pairs)).items():
        counts = restated(pairs, *name.split())
        if name != "entity boundaries":
            assert scores.by_type == {type_: Score(*values) for type_, values in counts.items()}
        tp, fp, fn = (sum(values[outcome] for values in counts.values()) for outcome in range(3))
        assert scores.micro == Score(tp, fp, fn)
        assert scores.micro.precision == (tp / (tp + fp) if tp + fp else 0)
        assert scores.micro.recall == (tp / (tp + fn) if tp + fn else 0)
        f1s = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts.values()]
        assert scores.macro.f1 == pytest.approx(sum(f1s) / len(f1s) if f1s else 0)


@given(st.lists(sentences(annotated=BOTH_TASKS), min_size=1))
def test_gold_against_itself_is_perfect(gold: list[Sentence]) -> None:
    for scores in settings(evaluate(gold, gold, bootstrap_samples=0)).values():
        assert scores.micro.false_positives == scores.micro.false_negatives == 0
        if scores.micro.support:
            assert scores.micro.f1 == scores.macro.f1 == 1.0


@given(ANNOTATED_PAIRS, st.data())
def test_adding_a_wrong_prediction_never_raises_precision_nor_changes_recall(
    pairs: list[tuple[Sentence, Sentence]], data: st.DataObject
) -> None:
    before = evaluate_pairs(pairs)
    position = data.draw(st.integers(0, len(pairs) - 1))
    gold, predicted = pairs[position]
    wrong = data.draw(entities().filter(lambda entity: entity not in gold.entities))
    added = {wrong}
    relations = set(predicted.relations)
    if predicted.entities - {wrong}:  # on a spurious entity, so wrong too
        relations.add(Relation(wrong, min(predicted.entities - {wrong}), "near"))
    pairs[position] = (
        gold,
        replace(predicted, entities=predicted.entities | added, relations=frozenset(relations)),
    )
    after = evaluate_pairs(pairs)
    for old, new in (
        (before.entity_strict.micro, after.entity_strict.micro),
        (before.relation_strict.micro, after.relation_strict.micro),
    ):
        assert new.precision <= old.precision
        assert new.recall == old.recall


@given(ANNOTATED_PAIRS, st.data())
def test_adding_a_correct_prediction_never_lowers_recall_nor_precision(
    pairs: list[tuple[Sentence, Sentence]], data: st.DataObject
) -> None:
    before = evaluate_pairs(pairs)
    position = data.draw(st.integers(0, len(pairs) - 1))
    gold, predicted = pairs[position]
    pairs[position] = (
        gold,
        replace(
            predicted,
            entities=predicted.entities | gold.entities,
            relations=predicted.relations | gold.relations,
        ),
    )
    after = evaluate_pairs(pairs)
    assert after.relation_strict.micro.recall >= before.relation_strict.micro.recall
    assert after.entity_strict.micro.recall >= before.entity_strict.micro.recall
    assert after.relation_strict.micro.precision >= before.relation_strict.micro.precision
    assert after.entity_strict.micro.precision >= before.entity_strict.micro.precision


@given(PAIRS)
def test_what_is_right_strictly_is_right_in_its_boundaries(
    pairs: list[tuple[Sentence, Sentence]],
) -> None:
    # One pair of borders may carry several types, so compare recall by facts found, not by counts.
    flat = [(one_type_each(gold), one_type_each(predicted)) for gold, predicted in pairs]
    scores = micro(evaluate_pairs(flat))
    for task in ("entity", "relation"):
        strict, boundaries = scores[f"{task} strict"], scores[f"{task} boundaries"]
        assert strict.true_positives <= boundaries.true_positives
        assert strict.support == boundaries.support
        assert strict.predicted == boundaries.predicted


def one_type_each(sentence: Sentence) -> Sentence:
    """The sentence with one entity for each span, as a tagging model gives it."""
    kept = {entity.span: entity for entity in sentence.sorted_entities}
    return replace(
        sentence,
        entities=frozenset(kept.values()),
        relations=frozenset(
            relation
            for relation in sentence.relations
            if kept[relation.head.span] == relation.head
            and kept[relation.tail.span] == relation.tail
        ),
    )


@given(PAIRS, st.randoms(use_true_random=False))
def test_order_of_sentences_does_not_matter(
    pairs: list[tuple[Sentence, Sentence]], order: random.Random
) -> None:
    shuffled = list(pairs)
    order.shuffle(shuffled)
    first, second = (
        evaluate(*map(list, zip(*each, strict=True)), bootstrap_samples=20)
        if each
        else evaluate([], [], bootstrap_samples=20)
        for each in (pairs, shuffled)
    )
    assert first == second  # intervals included
