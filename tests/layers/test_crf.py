from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dovetail.layers.crf import ConditionalRandomField
from dovetail.layers.path_sums import PathExpectations
from dovetail.text.document import Entity
from dovetail.text.tagging import TagSet

TAG_SET = TagSet("bio", ("Loc", "Peop"))
NUM_TAGS = len(TAG_SET)


def make_crf(tag_set: TagSet = TAG_SET, *, scale: float = 1.0) -> ConditionalRandomField:
    torch.manual_seed(0)
    crf = ConditionalRandomField(
        may_follow=tag_set.may_follow,
        may_start=tag_set.may_start,
        may_end=tag_set.may_end,
        continues=tag_set.continues,
    )
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    return crf


def mask_of(lengths: list[int]) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def path_score(crf: ConditionalRandomField, emissions: Tensor, path: tuple[int, ...]) -> float:
    """The definition, in plain Python; minus infinity for an impossible path."""
    possible = (
        TAG_SET.may_start[path[0]]
        and TAG_SET.may_end[path[-1]]
        and all(TAG_SET.may_follow[a][b] for a, b in itertools.pairwise(path))
    )
    if not possible:
        return -math.inf
    score = crf.start[path[0]].item() + crf.end[path[-1]].item()
    score += sum(emissions[t, tag].item() for t, tag in enumerate(path))
    return score + sum(crf.transition[a, b].item() for a, b in itertools.pairwise(path))


def scores_by_path(
    crf: ConditionalRandomField, emissions: Tensor, length: int
) -> dict[tuple[int, ...], float]:
    paths = itertools.product(range(NUM_TAGS), repeat=length)
    return {path: path_score(crf, emissions, path) for path in paths}


def probabilities_by_path(
    crf: ConditionalRandomField, emissions: Tensor, length: int
) -> dict[tuple[int, ...], float]:
    scores = scores_by_path(crf, emissions, length)
    total = sum(math.exp(score) for score in scores.values())
    return {path: math.exp(score) / total for path, score in scores.items()}


@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3]])
def test_likelihood_equals_the_enumeration_of_all_paths(lengths: list[int]) -> None:
    crf = make_crf()
    emissions = torch.randn(len(lengths), max(lengths), NUM_TAGS)
    mask = mask_of(lengths)
    for row, length in enumerate(lengths):
        probabilities = probabilities_by_path(crf, emissions[row], length)
        assert sum(probabilities.values()) == pytest.approx(1.0)
        for path, probability in probabilities.items():
            tags = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
            tags[row, :length] = torch.tensor(path)
            likelihood = crf.log_likelihood(emissions, tags, mask)[row].exp().item()
            assert likelihood == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3]])
def test_viterbi_finds_the_best_of_all_paths(lengths: list[int]) -> None:
    crf = make_crf()
    emissions = torch.randn(len(lengths), max(lengths), NUM_TAGS)
    decoded = crf.decode(emissions, mask_of(lengths))
    for row, length in enumerate(lengths):
        scores = scores_by_path(crf, emissions[row], length)
        assert tuple(decoded[row, :length].tolist()) == max(scores, key=scores.__getitem__)
        assert not decoded[row, length:].any()


@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3]])
def test_marginals_equal_the_enumeration_of_all_paths(lengths: list[int]) -> None:
    crf = make_crf()
    emissions = torch.randn(len(lengths), max(lengths), NUM_TAGS)
    marginals = crf.marginals(emissions, mask_of(lengths))
    for row, length in enumerate(lengths):
        expected = torch.zeros(max(lengths), NUM_TAGS)
        for path, probability in probabilities_by_path(crf, emissions[row], length).items():
            for position, tag in enumerate(path):
                expected[position, tag] += probability
        torch.testing.assert_close(marginals[row], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3]])
def test_segment_probabilities_are_those_of_all_paths_with_exactly_this_entity(
    lengths: list[int],
) -> None:
    crf = make_crf()
    emissions = torch.randn(len(lengths), max(lengths), NUM_TAGS)
    mask = mask_of(lengths)
    lattice = crf.lattice(emissions, mask)
    for row, length in enumerate(lengths):
        probabilities = probabilities_by_path(crf, emissions[row], length)
        spans = [*itertools.combinations(range(length + 1), 2)]  # of which most overlap
        segments = torch.tensor([[0, 1]]).repeat(len(lengths), len(spans), 1)
        segments[row] = torch.tensor(spans)
        tags = torch.tensor([[[first, first + 1, first + 1] for first in (1, 3)]])
        alone = (segments[..., 1] - segments[..., 0] == 1)[..., None, None]
        tags = torch.where(alone, tags[..., :1], tags)
        found = crf.segment_log_probabilities(lattice, emissions, mask, segments, tags)
        for (start, end), of_span in zip(spans, found[row], strict=True):
            for type_, own in zip(TAG_SET.entity_types, of_span.exp().tolist(), strict=True):
                expected = sum(
                    probability
                    for path, probability in probabilities.items()
                    if probability > 0
                    and Entity(start, end, type_) in TAG_SET.entities_from_tags(path)
                )
                assert own == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_decoded_tags_are_always_possible(scheme: str) -> None:
    tag_set = TagSet(scheme, ("Loc", "Peop"))
    crf = make_crf(tag_set, scale=3.0)
    lengths = [1, 2, 7, 5]
    decoded = crf.decode(torch.randn(4, 7, len(tag_set)) * 5, mask_of(lengths))
    for row, length in zip(decoded.tolist(), lengths, strict=True):
        path = row[:length]
        assert tag_set.may_start[path[0]]
        assert tag_set.may_end[path[-1]]
        assert all(tag_set.may_follow[a][b] for a, b in itertools.pairwise(path))


def test_what_stands_in_padding_changes_nothing() -> None:
    crf = make_crf()
    mask = mask_of([5, 3])
    emissions = torch.randn(2, 5, NUM_TAGS)
    tags = torch.zeros(2, 5, dtype=torch.long)
    other, other_tags = emissions.clone(), tags.clone()
    other[1, 3:], other_tags[1, 3:] = 100.0, NUM_TAGS - 1
    torch.testing.assert_close(
        crf.log_likelihood(emissions, tags, mask), crf.log_likelihood(other, other_tags, mask)
    )
    assert torch.equal(crf.decode(emissions, mask), crf.decode(other, mask))
    torch.testing.assert_close(crf.marginals(emissions, mask), crf.marginals(other, mask))


def test_gradients_are_finite_and_reach_every_parameter_and_real_emission() -> None:
    crf = make_crf()
    mask = mask_of([4, 2])
    emissions = torch.randn(2, 4, NUM_TAGS, requires_grad=True)
    tags = torch.tensor([[0, 1, 2, 0], [3, 4, 0, 0]])
    (-crf.log_likelihood(emissions, tags, mask).sum()).backward()
    for gradient in (emissions.grad, crf.start.grad, crf.transition.grad, crf.end.grad):
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
    assert emissions.grad is not None
    assert not emissions.grad[1, 2:].any()


TEMPERATURES = [1.0, 3.0]


def softened(
    crf: ConditionalRandomField, emissions: Tensor, length: int, temperature: float
) -> dict[tuple[int, ...], float]:
    """The probabilities of all paths, their scores divided by the temperature."""
    scores = scores_by_path(crf, emissions, length)
    weights = {path: math.exp(score / temperature) for path, score in scores.items()}
    return {path: weight / sum(weights.values()) for path, weight in weights.items()}


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3], [1, 1]])
def test_expectations_equal_the_enumeration_of_all_paths(
    lengths: list[int], temperature: float
) -> None:
    crf = make_crf()
    emissions = torch.randn(len(lengths), max(lengths), NUM_TAGS)
    found = crf.expectations(emissions, mask_of(lengths), temperature)
    for row, length in enumerate(lengths):
        tags = torch.zeros(max(lengths), NUM_TAGS)
        moves = torch.zeros(NUM_TAGS, NUM_TAGS)
        for path, probability in softened(crf, emissions[row], length, temperature).items():
            for position, tag in enumerate(path):
                tags[position, tag] += probability
            for before, after in itertools.pairwise(path):
                moves[before, after] += probability
        torch.testing.assert_close(found.tags[row], tags, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found.moves[row], moves, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("lengths", [[4, 4], [4, 2], [1, 3], [1, 1]])
def test_cross_entropy_equals_the_enumeration_of_all_paths(
    lengths: list[int], temperature: float
) -> None:
    mask = mask_of(lengths)
    student, teacher = make_crf(), make_crf(scale=2.0)
    own, others = torch.randn(2, len(lengths), max(lengths), NUM_TAGS).unbind()
    expected = teacher.expectations(others, mask, temperature)
    found = student.cross_entropy(own, expected, mask, temperature)
    for row, length in enumerate(lengths):
        taught = softened(teacher, others[row], length, temperature)
        said = softened(student, own[row], length, temperature)
        entropy = -sum(q * math.log(said[path]) for path, q in taught.items() if q > 0)
        assert found[row].item() == pytest.approx(entropy, abs=1e-4)


def test_cross_entropy_with_a_certain_path_is_its_likelihood() -> None:
    crf = make_crf()
    emissions = torch.randn(1, 4, NUM_TAGS)
    mask = mask_of([4])
    tags = crf.decode(emissions, mask)
    certain = torch.nn.functional.one_hot(tags, NUM_TAGS).float()
    moves = torch.einsum("bti,btj->bij", certain[:, :-1], certain[:, 1:])
    torch.testing.assert_close(
        crf.cross_entropy(emissions, PathExpectations(certain, moves), mask),
        -crf.log_likelihood(emissions, tags, mask),
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_no_field_is_nearer_to_itself_than_itself(temperature: float) -> None:
    crf = make_crf()
    mask = mask_of([5, 3])
    emissions = torch.randn(2, 5, NUM_TAGS, requires_grad=True)
    with torch.no_grad():
        expected = crf.expectations(emissions, mask, temperature)
    crf.cross_entropy(emissions, expected, mask, temperature).sum().backward()
    for value in (emissions, *crf.parameters()):
        assert value.grad is not None
        torch.testing.assert_close(value.grad, torch.zeros_like(value), atol=1e-5, rtol=0.0)


def test_padding_changes_nothing_of_what_is_distilled() -> None:
    crf, other = make_crf(), make_crf(scale=2.0)
    emissions, others = torch.randn(2, 2, 5, NUM_TAGS).unbind()
    mask = mask_of([5, 3])
    expected = other.expectations(others, mask)
    together = crf.cross_entropy(emissions, expected, mask)
    disturbed = emissions.clone()
    disturbed[1, 3:] = 100.0
    torch.testing.assert_close(crf.cross_entropy(disturbed, expected, mask), together)
    alone = other.expectations(others[1:, :3], mask[1:, :3])
    torch.testing.assert_close(expected.moves[1:], alone.moves)
    torch.testing.assert_close(
        crf.cross_entropy(emissions[1:, :3], alone, mask[1:, :3]), together[1:]
    )


def test_gradients_of_the_likelihood_are_those_of_small_changes() -> None:
    crf = make_crf().double()
    mask = mask_of([4, 2])
    tags = crf.decode(torch.randn(2, 4, NUM_TAGS, dtype=torch.float64), mask)
    emissions = torch.randn(2, 4, NUM_TAGS, dtype=torch.float64, requires_grad=True)

    def likelihood(emissions: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(("transition", "start", "end"), parameters, strict=True))
        wrapped = _Likelihood(crf, tags, mask)
        named = {f"crf.{name}": value for name, value in given.items()}
        return torch.func.functional_call(wrapped, named, (emissions,))

    assert torch.autograd.gradcheck(
        likelihood, (emissions, crf.transition, crf.start, crf.end), fast_mode=False
    )


class _Likelihood(torch.nn.Module):
    def __init__(self, crf: ConditionalRandomField, tags: Tensor, mask: Tensor) -> None:
        super().__init__()
        self.crf, self.tags, self.mask = crf, tags, mask

    def forward(self, emissions: Tensor) -> Tensor:
        return self.crf.log_likelihood(emissions, self.tags, self.mask)


def test_gradients_of_the_marginals_are_those_of_small_changes() -> None:
    crf = make_crf().double()
    mask = mask_of([4, 2])
    emissions = torch.randn(2, 4, NUM_TAGS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: crf.marginals(given, mask), (emissions,))


@pytest.mark.parametrize("spread", [1e2, 1e4, 1e8])
def test_emissions_however_far_apart_give_finite_sums_and_gradients(spread: float) -> None:
    crf = make_crf()
    mask = mask_of([40, 3])
    emissions = (spread * torch.randn(2, 40, NUM_TAGS)).requires_grad_()
    tags = crf.decode(emissions.detach(), mask)
    likelihood = crf.log_likelihood(emissions, tags, mask)
    marginals = crf.marginals(emissions, mask)
    torch.testing.assert_close(marginals.sum(2), mask.float(), atol=1e-4, rtol=0.0)
    (likelihood.sum() + marginals.square().sum()).backward()
    for value in (likelihood, emissions.grad, *(own.grad for own in crf.parameters())):
        assert value is not None
        assert value.isfinite().all()


def test_what_stands_in_padding_reaches_neither_sums_nor_gradients() -> None:
    crf = make_crf()
    mask = mask_of([5, 3])
    emissions = torch.randn(2, 5, NUM_TAGS)
    dirty = emissions.masked_fill(~mask.unsqueeze(2), 1e30)
    found = []
    for given in (emissions, dirty):
        given.requires_grad_()
        crf.zero_grad()
        tags = torch.zeros(2, 5, dtype=torch.long)
        (
            crf.log_likelihood(given, tags, mask).sum() + crf.marginals(given, mask)[1, 0, 0]
        ).backward()
        assert given.grad is not None
        found.append((given.grad, crf.transition.grad, crf.decode(given, mask)))
    for of_clean, of_dirty in zip(*found, strict=True):
        assert of_clean is not None
        assert torch.equal(of_clean, of_dirty)
