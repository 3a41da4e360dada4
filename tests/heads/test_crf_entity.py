from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from tests.corpus import SENTENCES
from torch import Tensor

from dovetail.heads import CrfEntityHead
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity, Sentence
from dovetail.text.schema import Schema
from dovetail.text.tagging import TagSet, reachable

DIM = 5
TYPES = ("Company", "Person", "Place")


def head_of(scheme: str, types: tuple[str, ...] = TYPES) -> CrfEntityHead:
    torch.manual_seed(0)
    head = CrfEntityHead(input_dim=DIM, hidden_dim=6, tag_set=TagSet(scheme, types))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head.eval()


def streams(*lengths: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    stream = torch.randn(
        len(lengths), max(lengths), DIM, generator=torch.Generator().manual_seed(seed)
    )
    return stream, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def paths(head: CrfEntityHead, emissions: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of every tag path of one sentence, from the scores by enumeration."""
    length, num_tags = emissions.shape
    tag_set, crf = head.tag_set, head.crf
    scores = {}
    for path in itertools.product(range(num_tags), repeat=length):
        possible = (
            tag_set.may_start[path[0]]
            and tag_set.may_end[path[-1]]
            and all(tag_set.may_follow[i][j] for i, j in itertools.pairwise(path))
        )
        if possible:
            score = crf.start[path[0]] + crf.end[path[-1]]
            score += sum(emissions[position, tag] for position, tag in enumerate(path))
            score += sum(crf.transition[i, j] for i, j in itertools.pairwise(path))
            scores[path] = score.item()
    total = torch.tensor(list(scores.values()), dtype=torch.float64).logsumexp(0)
    return {path: math.exp(score - total.item()) for path, score in scores.items()}


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
@pytest.mark.parametrize("seed", range(8))
def test_only_flat_entities_inside_the_sentence_are_decoded(scheme: str, seed: int) -> None:
    head = head_of(scheme)
    stream, mask = streams(9, 4, 1, seed=seed)
    emissions = head(stream)
    tags, found = head.crf.decode(emissions, mask), head.decode(emissions, mask)
    for row, (entities, length) in enumerate(zip(found, mask.sum(1).tolist(), strict=True)):
        assert all(entity.end <= length and entity.type in TYPES for entity in entities)
        assert entities == sorted(entities) == reachable(entities)
        # The tags are those of the entities: nothing that the scheme forbids was repaired.
        own = head.tag_set.tags_from_entities(entities, length=length)
        assert tags[row, :length].tolist() == own


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
@pytest.mark.parametrize("length", [1, 3, 4])
def test_confidence_is_the_probability_of_the_entity_over_all_paths(
    scheme: str, length: int
) -> None:
    head = head_of(scheme, ("Person",) if length == 4 else ("Person", "Place"))
    checked = 0
    for seed in range(20):
        stream, mask = streams(length, 5, seed=seed)
        emissions = head(stream).detach()
        probabilities = paths(head, emissions[0, :length])
        found = head.decode(emissions, mask)
        for entity in found[0]:
            expected = sum(
                probability
                for path, probability in probabilities.items()
                if entity in head.tag_set.entities_from_tags(path)
            )
            assert entity.confidence == pytest.approx(expected, rel=1e-3)
            checked += 1
    assert checked


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_decoded_tags_are_the_most_probable_path(scheme: str) -> None:
    head = head_of(scheme, ("Person",))
    for seed in range(6):
        stream, mask = streams(4, seed=seed)
        emissions = head(stream).detach()
        probabilities = paths(head, emissions[0])
        tags = head.crf.decode(emissions, mask)
        assert tuple(tags[0].tolist()) == max(probabilities, key=probabilities.__getitem__)


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_tags_are_those_of_the_gold_entities(scheme: str) -> None:
    head = head_of(scheme)
    rows = [sentence.sorted_entities for sentence in SENTENCES]
    rows += [[Entity(0, 1, "Place"), Entity(1, 6, "Person"), Entity(6, 8, "Place")]]
    tags = head.tags(Candidates.from_entities(rows, TYPES), length=14)
    assert tags.tolist() == [head.tag_set.tags_from_entities(row, length=14) for row in rows]


def targets_of(sentences: list[Sentence], head: CrfEntityHead) -> Targets:
    return Targets.from_sentences(sentences, head.expressible, Schema.from_sentences(SENTENCES))


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_loss_is_the_mean_negative_log_likelihood_of_annotated_sentences(scheme: str) -> None:
    head = head_of(scheme, ("Person", "Place"))
    first = Sentence.from_tokens(
        ["Ada", "in", "London"], entities=[Entity(0, 1, "Person"), Entity(2, 3, "Place")]
    )
    second = Sentence.from_tokens(["Ida", "Ida"], entities=[Entity(0, 2, "Person")])
    unlabelled = replace(first, annotated=frozenset({"relation"}))
    sentences = [first, second, unlabelled]
    stream, mask = streams(*(len(sentence.tokens) for sentence in sentences))
    emissions = head(stream)
    schema = Schema(("Person", "Place"), ("lives_in",))
    targets = Targets.from_sentences(sentences, head.expressible, schema)
    expected = 0.0
    for row, sentence in enumerate(sentences[:2]):
        length = len(sentence.tokens)
        path = tuple(head.tag_set.tags_from_entities(sentence.entities, length=length))
        probability = paths(head, emissions[row, :length].detach())[path]
        expected -= math.log(probability) / 2
    assert head.loss(emissions, targets, mask).item() == pytest.approx(expected, rel=1e-4)


def test_sentences_without_entity_annotation_change_neither_loss_nor_gradient() -> None:
    head = head_of("bio")
    labelled = [SENTENCES[0], SENTENCES[1]]
    unlabelled = replace(SENTENCES[1], entities=frozenset(), relations=frozenset())
    unlabelled = replace(unlabelled, annotated=frozenset({"relation"}))
    lengths = [len(sentence.tokens) for sentence in [*labelled, unlabelled]]
    stream, mask = streams(*lengths)

    def run(rows: int, sentences: list[Sentence]) -> tuple[Tensor, Tensor]:
        read = stream[:rows].clone().requires_grad_()
        loss = head.loss(head(read), targets_of(sentences, head), mask[:rows])
        (gradient,) = torch.autograd.grad(loss, [read])
        return loss, gradient

    loss, gradient = run(2, labelled)
    with_unlabelled, gradient_with = run(3, [*labelled, unlabelled])
    assert torch.equal(loss, with_unlabelled)
    torch.testing.assert_close(gradient_with[:2], gradient)
    assert not gradient_with[2].any()


def test_batch_without_any_entity_annotation_has_loss_zero() -> None:
    head = head_of("bio")
    sentence = replace(SENTENCES[0], annotated=frozenset({"relation"}))
    stream, mask = streams(len(sentence.tokens))
    assert head.loss(head(stream), targets_of([sentence], head), mask).item() == 0.0


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_probabilities_of_spans_are_those_of_all_paths_that_have_them(scheme: str) -> None:
    head = head_of(scheme, TYPES[:2])
    stream, mask = streams(4, 3)
    emissions = head(stream)
    spans = [*itertools.combinations(range(4), 2)]
    asked = torch.tensor(spans).expand(2, -1, -1)
    types = torch.arange(2).expand(2, len(spans), -1)
    found = head.span_log_probabilities(emissions, mask, asked, types)
    assert found.dtype == torch.float64
    assert found.requires_grad
    for row, length in enumerate((4, 3)):
        probabilities = paths(head, emissions[row, :length])
        for (start, end), of_span in zip(spans, found[row].exp().tolist(), strict=True):
            for type_, own in zip(TYPES, of_span, strict=False):
                expected = sum(
                    probability
                    for path, probability in probabilities.items()
                    if Entity(start, end, type_) in head.tag_set.entities_from_tags(path)
                )
                assert own == pytest.approx(expected, abs=1e-5)


def test_the_confidence_of_an_entity_is_the_probability_of_its_span() -> None:
    head = head_of("bilou")
    stream, mask = streams(7, 5, 6)
    emissions = head(stream)
    decoded = head.decode(emissions, mask)
    candidates = Candidates.from_entities(decoded, TYPES)
    found = head.span_log_probabilities(
        emissions, mask, candidates.spans, candidates.types.unsqueeze(2)
    )
    assert any(decoded)
    for row, of_row in zip(decoded, found.squeeze(2).exp().tolist(), strict=True):
        for entity, probability in zip(row, of_row, strict=False):
            assert entity.confidence == pytest.approx(probability, abs=1e-5)
