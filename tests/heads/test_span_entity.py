"""The head that decides about spans: against plain loops over all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from dovetail.heads import SpanEntityHead
from dovetail.heads.entity.span_scorer import SpanScorer
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity, Sentence
from dovetail.text.overlaps import Overlaps, is_nested
from dovetail.text.schema import Schema

DIM, MAX_WIDTH = 5, 3
TYPES = ("Company", "Person", "Place")
SCHEMA = Schema(TYPES, ("at",))

NESTED = Sentence.from_tokens(
    ["the", "Vienna", "Works", "of", "Vienna"],
    entities=[Entity(0, 3, "Company"), Entity(1, 2, "Place"), Entity(4, 5, "Place")],
)
FLAT = Sentence.from_tokens(["Ada", "left"], entities=[Entity(0, 1, "Person")])
EMPTY = Sentence.from_tokens(["It", "rained", "."])
UNLABELLED = replace(NESTED, entities=frozenset(), annotated=frozenset({"relation"}))


def head_of(overlaps: Overlaps = "nested", *, seed: int = 0, spread: float = 1.0) -> SpanEntityHead:
    torch.manual_seed(seed)
    scorer = SpanScorer(input_dim=DIM, hidden_dim=6, num_types=len(TYPES), max_width=MAX_WIDTH)
    head = SpanEntityHead(entity_types=TYPES, scorer=scorer, overlaps=overlaps)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(std=spread)
    return head.eval()


def streams(*lengths: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    stream = torch.randn(
        len(lengths), max(lengths), DIM, generator=torch.Generator().manual_seed(seed)
    )
    return stream, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def streams_of(sentences: list[Sentence]) -> tuple[Tensor, Tensor]:
    return streams(*(len(sentence.tokens) for sentence in sentences))


def targets_of(sentences: list[Sentence], head: SpanEntityHead) -> Targets:
    return Targets.from_sentences(sentences, head.expressible, SCHEMA)


def probabilities(emissions: Tensor, length: int) -> dict[tuple[int, int], dict[str, float]]:
    """For every span of one sentence the probability of each type and of none, by plain sums."""
    table = {}
    for start in range(length):
        for end in range(start + 1, min(start + MAX_WIDTH, length) + 1):
            scores = [score.item() for score in emissions[start, end - start - 1]]
            total = 1 + sum(math.exp(score) for score in scores)
            table[start, end] = dict(
                zip((*TYPES, "none"), [math.exp(s) / total for s in [*scores, 0.0]], strict=True)
            )
    return table


@pytest.mark.parametrize("overlaps", ["nested", "all", "none"])
def test_decoded_are_the_most_probable_spans_that_may_stand_together(overlaps: Overlaps) -> None:
    head = head_of(overlaps)
    conflicts = 0
    for seed in range(12):
        stream, mask = streams(6, 1, 4, seed=seed)
        emissions = head(stream).detach()
        for row, (found, length) in enumerate(
            zip(head.decode(emissions, mask), mask.sum(1).tolist(), strict=True)
        ):
            kept: list[Entity] = []
            candidates = []
            for span, shares in probabilities(emissions[row], length).items():
                type_ = max(shares, key=shares.__getitem__)
                if type_ != "none":
                    candidates.append(Entity(*span, type_, shares[type_]))
            for entity in sorted(candidates, key=lambda entity: -(entity.confidence or 0)):
                if overlaps == "all" or all(
                    not entity.overlaps(other)
                    or (overlaps == "nested" and is_nested(entity, other))
                    for other in kept
                ):
                    kept.append(entity)
            conflicts += len(candidates) - len(kept)
            assert found == sorted(kept)
            confidences = [entity.confidence for entity in sorted(kept)]
            assert [entity.confidence for entity in found] == pytest.approx(confidences, rel=1e-4)
    assert (conflicts > 0) == (overlaps != "all")


def test_nested_entities_are_decoded_and_crossing_ones_are_not() -> None:
    emissions = torch.full((1, 5, MAX_WIDTH, len(TYPES)), -9.0)
    emissions[0, 0, 2, 0] = 3.0  # Company [0, 3)
    emissions[0, 1, 0, 2] = 1.0  # Place [1, 2), within it
    emissions[0, 2, 1, 1] = 2.0  # Person [2, 4), which crosses it
    mask = torch.ones(1, 5, dtype=torch.bool)
    outer, inner, crossing = Entity(0, 3, "Company"), Entity(1, 2, "Place"), Entity(2, 4, "Person")
    assert head_of("nested").decode(emissions, mask) == [[outer, inner]]
    assert head_of("all").decode(emissions, mask) == [[outer, inner, crossing]]
    assert head_of("none").decode(emissions, mask) == [[outer]]


def test_loss_is_the_mean_over_annotated_sentences_of_all_spans_cross_entropies() -> None:
    head = head_of()
    sentences = [NESTED, UNLABELLED, FLAT, EMPTY]
    stream, mask = streams_of(sentences)
    emissions = head(stream)
    expected = 0.0
    for row in (0, 2, 3):
        wanted = {entity.span: entity.type for entity in sentences[row].entities}
        table = probabilities(emissions[row], len(sentences[row].tokens))
        expected -= sum(math.log(table[span][wanted.get(span, "none")]) for span in table)
    loss = head.loss(emissions, targets_of(sentences, head), mask)
    assert loss.item() == pytest.approx(expected / 3, rel=1e-5)


def test_sentences_without_entity_annotation_change_neither_loss_nor_gradient() -> None:
    head = head_of()

    def run(sentences: list[Sentence]) -> tuple[Tensor, Tensor]:
        stream, mask = streams_of([NESTED, FLAT, UNLABELLED])
        read = stream[: len(sentences)].clone().requires_grad_()
        loss = head.loss(head(read), targets_of(sentences, head), mask[: len(sentences)])
        (gradient,) = torch.autograd.grad(loss, [read])
        return loss, gradient

    loss, gradient = run([NESTED, FLAT])
    with_unlabelled, gradient_with = run([NESTED, FLAT, UNLABELLED])
    assert torch.equal(loss, with_unlabelled)
    torch.testing.assert_close(gradient_with[:2], gradient)
    assert not gradient_with[2].any()


def test_batch_without_any_entity_annotation_has_loss_zero() -> None:
    head = head_of()
    stream, mask = streams_of([UNLABELLED])
    assert head.loss(head(stream), targets_of([UNLABELLED], head), mask).item() == 0.0


@pytest.mark.parametrize("training", [True, False])
def test_what_stands_behind_a_sentence_changes_neither_loss_nor_entities(training: bool) -> None:
    head = head_of().train(training)
    stream, mask = streams(3, 7, seed=4)
    sentences = [EMPTY, Sentence.from_tokens(["a"] * 7)]
    emissions = head(stream)
    alone = head(stream[:1, :3])
    disturbed = stream.clone()
    disturbed[0, 3:] = 100.0
    (found, _), ((expected,), (other, _)) = (
        head.decode(emissions, mask),
        (head.decode(alone, mask[:1, :3]), head.decode(head(disturbed), mask)),
    )
    assert found == expected == other
    losses = [
        head.loss(head(read), targets_of(some, head), kept).item()
        for read, some, kept in (
            (stream, sentences, mask),
            (disturbed, sentences, mask),
            (stream[:1, :3], sentences[:1], mask[:1, :3]),
            (stream[1:], sentences[1:], mask[1:]),
        )
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert (losses[2] + losses[3]) / 2 == pytest.approx(losses[0], rel=1e-5)


def test_every_parameter_learns_and_the_gradient_is_that_of_finite_differences() -> None:
    head = head_of().double()
    sentences = [NESTED, FLAT]
    stream, mask = streams_of(sentences)
    targets = targets_of(sentences, head)

    def loss(read: Tensor) -> Tensor:
        return head.loss(head.scorer(read), targets, mask)

    assert torch.autograd.gradcheck(loss, (stream.double().requires_grad_(),))
    loss(stream.double()).backward()
    assert all(bool(parameter.grad.any()) for parameter in head.parameters())


def test_labels_are_types_and_their_probabilities_those_of_the_span() -> None:
    head = head_of()
    sentences = [NESTED, FLAT]
    stream, mask = streams_of(sentences)
    emissions = head(stream)
    candidates = targets_of(sentences, head).candidates
    shares = head.label_probabilities(emissions, mask, candidates)
    assert shares.shape[2] == head.num_labels == 4
    assert not shares.requires_grad
    for row, sentence in enumerate(sentences):
        table = probabilities(emissions[row], len(sentence.tokens))
        for place, entity in enumerate(sentence.sorted_entities):
            expected = [*table[entity.span].values()]
            assert shares[row, place].tolist() == pytest.approx(expected, rel=1e-4)
            assert TYPES[int(head.labels(candidates)[row, place])] == entity.type


def test_probabilities_of_spans_are_those_of_their_types() -> None:
    head = head_of()
    stream, mask = streams(5, 3)
    emissions = head(stream)
    tables = [probabilities(emissions[row], length) for row, length in enumerate((5, 3))]
    spans = [*tables[1]]
    asked = torch.tensor(spans).expand(2, -1, -1)
    types = torch.arange(len(TYPES)).expand(2, len(spans), -1)
    found = head.span_log_probabilities(emissions, mask, asked, types)
    assert found.dtype == torch.float64
    assert found.requires_grad
    for table, of_row in zip(tables, found.exp().tolist(), strict=True):
        for span, own in zip(spans, of_row, strict=True):
            assert own == pytest.approx([table[span][type_] for type_ in TYPES], rel=1e-4)


def test_nothing_is_dropped_but_what_is_said_to_be_beyond_the_head() -> None:
    outer, inner, crossing = Entity(0, 3, "Company"), Entity(1, 2, "Place"), Entity(2, 4, "Person")
    twin, long = Entity(0, 3, "Person"), Entity(4, 8, "Place")
    every = [outer, inner, crossing, twin, long]
    assert head_of("nested").expressible(every) == [outer, inner]
    assert head_of("all").expressible(every) == [outer, inner, crossing]
    assert head_of("none").expressible(every) == [outer]
    assert head_of("nested").expressible(NESTED.entities) == NESTED.sorted_entities


@pytest.mark.parametrize("overlaps", ["nested", "all", "none"])
def test_what_can_be_expressed_can_be_decoded(overlaps: Overlaps) -> None:
    """Scores that say exactly the expressible entities give back exactly these."""
    head = head_of(overlaps)
    spans = [(s, e) for s, e in combinations(range(6), 2) if e - s <= MAX_WIDTH]
    for seed in range(20):
        drawn = torch.randperm(len(spans), generator=torch.Generator().manual_seed(seed))[:6]
        entities = head.expressible(Entity(*spans[i], TYPES[i % 3]) for i in drawn.tolist())
        emissions = torch.full((1, 5, MAX_WIDTH, len(TYPES)), -5.0)
        for entity in entities:
            place = entity.end - entity.start - 1
            emissions[0, entity.start, place, TYPES.index(entity.type)] = 5.0
        assert head.decode(emissions, torch.ones(1, 5, dtype=torch.bool)) == [entities]


def test_head_of_the_mean_gives_a_span_the_geometric_mean_of_its_probabilities() -> None:
    heads = [head_of(seed=seed) for seed in range(3)]
    stream, mask = streams(5)
    emissions = [head(stream) for head in heads]
    together = torch.stack(emissions).mean(0)
    tables = [probabilities(own[0].detach(), 5) for own in emissions]
    merged = SpanEntityHead.of_mean(heads)
    candidates = Candidates.from_entities([[Entity(1, 3, "Place")]], TYPES)
    found = merged.label_probabilities(together, mask, candidates)[0, 0].tolist()
    means = [
        math.prod(table[1, 3][label] for table in tables) ** (1 / 3) for label in (*TYPES, "none")
    ]
    assert found == pytest.approx([mean / sum(means) for mean in means], rel=1e-4)
    assert head_of().meaning == {"width of spans": "3", "rule for overlaps": "nested"}


def test_new_head_takes_few_spans_for_entities() -> None:
    torch.manual_seed(0)
    scorer = SpanScorer(input_dim=DIM, hidden_dim=64, num_types=len(TYPES), max_width=MAX_WIDTH)
    head = SpanEntityHead(entity_types=TYPES, scorer=scorer)
    stream, mask = streams(*[9] * 20)
    spans = Candidates.from_entities([[Entity(2, 4, "Place"), Entity(5, 6, "Place")]] * 20, TYPES)
    shares = 1 - head.label_probabilities(head(stream), mask, spans)[..., -1]
    assert 0.005 < shares.mean() < 0.02
