"""Distribution matching: what its losses are, where they teach, and where they do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, talkative_model, tiny_config
from torch import Tensor
from torch.nn.functional import cross_entropy as plain_cross_entropy
from torch.nn.functional import softmax

from dovetail.config import Config, SpanEntityHeadConfig, parse_config
from dovetail.couplings import MatchingCouplingConfig
from dovetail.couplings.coupling import CouplingGround, Domain
from dovetail.couplings.matching.coupling import Matching, table_of
from dovetail.couplings.matching.objective import (
    Found,
    MatchingObjective,
    TableTensors,
    beliefs,
    cross_entropy,
    distance,
    with_none,
)
from dovetail.couplings.matching.table import Table
from dovetail.errors import ConfigError, TrainingError
from dovetail.heads.parts import HeadParts
from dovetail.model.joint import JointModel
from dovetail.strategies.objective import Outputs
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema
from dovetail.training.pools import for_tasks

SCHEMA = Schema.from_sentences(TRAIN)
TYPES, RELATIONS = SCHEMA.entity_types, SCHEMA.relation_types
PERSON, PLACE, COMPANY = (TYPES.index(own) for own in ("Person", "Place", "Company"))
LIVES_IN = RELATIONS.index("lives_in")

EXACT = {"smoothing": 0.0, "direction": "-q log p"}


def section_of(**fields: object) -> MatchingCouplingConfig:
    """A section with weights for all terms, unless told."""
    return MatchingCouplingConfig.model_validate(
        {"kind": "matching", "relation_weight": 1, **fields}
    )


def ground_of(
    sentences: Sequence[Sentence] = TRAIN,
    schema: Schema = SCHEMA,
    *,
    seed: int = 1,
    learned: frozenset[str] = frozenset(TASKS),
) -> CouplingGround:
    model = talkative_model()
    parts = HeadParts(model.entity_head, model.relation_head)
    return CouplingGround(
        schemas={ONLY: schema},
        domains=(Domain("training", tuple(sentences)),),
        heads={ONLY: parts},
        output_dims=model.sharing.output_dims,
        learned=learned,
        steps_per_epoch=5,
        seed=seed,
    )


def objective_of(**fields: object) -> MatchingObjective:
    (objective,) = Matching().objectives(section_of(**fields), ground_of())
    assert isinstance(objective, MatchingObjective)
    return objective


def annotated_for(*tasks: str) -> list[Sentence]:
    return [for_tasks(sentence, tasks) for sentence in TRAIN[:8]]


def ran(model: JointModel, sentences: Sequence[Sentence]) -> tuple[Outputs, Batch]:
    batch = batch_of(sentences, model)
    return model.outputs(batch), batch


@pytest.fixture(params=["crf", "span"])
def model(request: pytest.FixtureRequest) -> JointModel:
    """A model whose relations may link all types."""
    head = SpanEntityHeadConfig(hidden_dim=8, max_width=4) if request.param == "span" else None
    return unlimited(talkative_model(tiny_config(entity_head=head)))


def unlimited(model: JointModel) -> JointModel:
    model.relation_head.admitted.fill_(True)
    return model


def tensors(smoothing: float = 0.0, table: str = "signatures") -> TableTensors:
    return TableTensors(table_of(section_of(table=table), ground_of(), ONLY), smoothing)


# The table


def test_a_signature_admits_its_types_in_their_roles() -> None:
    table = table_of(section_of(), ground_of(), ONLY)
    for place, relation in enumerate(RELATIONS):
        for head, tail in itertools.product(range(len(TYPES)), repeat=2):
            admits = SCHEMA.admits(relation, TYPES[head], TYPES[tail])
            assert bool(table.types[place, head, tail] > 0) == admits
    assert table.of_heads(0)[LIVES_IN].tolist() == [float(place == PERSON) for place in range(4)]
    assert table.of_tails(0)[LIVES_IN].tolist() == [float(place == PLACE) for place in range(4)]


@pytest.mark.parametrize("smoothing", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("table", ["signatures", "counted"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_what_a_table_says_sums_to_one(table: str, shuffled: bool, smoothing: float) -> None:
    own = table_of(section_of(table=table, shuffled=shuffled), ground_of(), ONLY)
    for labels in (own.of_heads(smoothing), own.of_tails(smoothing)):
        torch.testing.assert_close(labels.sum(1), torch.ones(len(RELATIONS)))
    torch.testing.assert_close(own.of_pairs.sum(2), torch.ones(len(TYPES), len(TYPES)))
    torch.testing.assert_close(own.relations.sum(), torch.tensor(1.0))


def test_a_counted_table_gives_the_shares_of_training_pairs() -> None:
    table = Table.counted(TRAIN, SCHEMA)
    pairs = [
        (sentence, head, tail)
        for sentence in TRAIN
        for head, tail in itertools.permutations(sentence.entities, 2)
    ]
    for head, tail in itertools.product(range(len(TYPES)), repeat=2):
        own = [p for p in pairs if (p[1].type, p[2].type) == (TYPES[head], TYPES[tail])]
        for place, relation in enumerate(RELATIONS):
            found = sum(
                any((link.head, link.tail, link.type) == (h, t, relation) for link in s.relations)
                for s, h, t in own
            )
            share = found / len(own) if own else 0.0
            assert table.of_pairs[head, tail, place].item() == pytest.approx(share, abs=1e-6)


def test_sentences_without_relations_to_learn_are_not_counted() -> None:
    entities_only = [for_tasks(sentence, (ENTITY_TASK,)) for sentence in TRAIN]
    own = Table.counted([*TRAIN, *entities_only], SCHEMA)
    assert torch.equal(own.types, Table.counted(TRAIN, SCHEMA).types)


def test_types_that_no_pair_has_are_not_related() -> None:
    of_pairs = Table.counted(TRAIN[:1], SCHEMA).of_pairs  # Ada Lovelace lives in London
    assert of_pairs[COMPANY, COMPANY].tolist() == [0.0] * len(RELATIONS) + [1.0]


def test_without_signatures_in_the_schema_those_of_the_training_pairs_hold() -> None:
    off = table_of(section_of(), ground_of(schema=replace(SCHEMA, signatures={})), ONLY)
    assert torch.equal(off.types, table_of(section_of(), ground_of(), ONLY).types)


def test_symmetric_relations_say_the_same_of_head_and_tail() -> None:
    schema = replace(SCHEMA, symmetric=frozenset(["lives_in"]))
    for table in ("signatures", "counted"):
        own = table_of(section_of(table=table), ground_of(schema=schema), ONLY)
        assert torch.equal(own.of_heads(0.1)[LIVES_IN], own.of_tails(0.1)[LIVES_IN])


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_table_gives_each_type_the_place_of_another(seed: int) -> None:
    plain = table_of(section_of(), ground_of(), ONLY)
    shuffled = table_of(section_of(shuffled=True), ground_of(seed=seed), ONLY)
    again = table_of(section_of(shuffled=True), ground_of(seed=seed), ONLY)
    assert torch.equal(shuffled.types, again.types)
    wrong = [other for other in range(len(TYPES)) if other != PERSON]
    assert shuffled.of_heads(0)[LIVES_IN, wrong].sum() == 1
    for place in range(len(RELATIONS)):
        assert sorted(plain.types[place].flatten()) == sorted(shuffled.types[place].flatten())


# The distance


def found_of(labels: Tensor, logits: Tensor) -> Found:
    return Found(labels, logits, torch.ones_like(logits, dtype=torch.bool))


def certain(relation: int, number: int = 2) -> Tensor:
    """Logits of one sentence: the relation holds from the first entity to the second, surely."""
    logits = torch.full((1, number, number, len(RELATIONS)), -1e4)
    logits[0, 0, 1, relation] = 1e4
    return logits


@pytest.mark.parametrize("related", ["exclusive", "noisy-or"])
@pytest.mark.parametrize("relation", range(len(RELATIONS)))
def test_a_certain_relation_gives_the_cross_entropy_of_the_types_that_it_implies(
    relation: int, related: str
) -> None:
    """(a)"""
    torch.manual_seed(0)
    scores = torch.randn(1, 2, len(TYPES) + 1)
    ((head, tail),) = SCHEMA.signatures[RELATIONS[relation]]
    expected = plain_cross_entropy(
        scores[0], torch.tensor([TYPES.index(head), TYPES.index(tail)]), reduction="sum"
    )
    section = section_of(related=related, **EXACT)
    own = distance(found_of(softmax(scores, 2), certain(relation)), tensors(), section)
    torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("direction", ["-p log q", "-q log p"])
@pytest.mark.parametrize("related", ["exclusive", "noisy-or"])
def test_what_is_surely_unrelated_teaches_nothing(related: str, direction: str) -> None:
    """(b)"""
    torch.manual_seed(0)
    scores = torch.randn(2, 3, len(TYPES) + 1, requires_grad=True)
    logits = torch.full((2, 3, 3, len(RELATIONS)), -1e4, requires_grad=True)
    section = section_of(related=related, direction=direction)
    own = distance(found_of(softmax(scores, 2), logits), tensors(0.01), section)
    own.backward()
    assert own.item() == 0.0
    for leaf in (scores, logits):
        assert leaf.grad is not None
        assert not leaf.grad.any()


def test_a_pair_does_not_escape_by_being_unrelated() -> None:
    """The weight passes no gradient: all relations at once lower by as much change nothing."""
    logits = torch.zeros(1, 2, 2, len(RELATIONS), requires_grad=True)
    labels = softmax(torch.randn(1, 2, len(TYPES) + 1), 2)
    distance(found_of(labels, logits), tensors(0.01), section_of()).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.sum(3), torch.zeros(1, 2, 2), rtol=0, atol=1e-6)


@pytest.mark.parametrize("detached", ["none", "entity", "relation"])
def test_the_detached_side_gets_no_gradient(model: JointModel, detached: str) -> None:
    """(e)"""
    objective = objective_of(detached=detached, entity_weight=0, relation_weight=0)
    outputs, batch = ran(model, TRAIN[:6])
    emissions = outputs.emissions.detach().requires_grad_()
    assert outputs.relation_logits is not None
    logits = outputs.relation_logits.detach().requires_grad_()
    heard = outputs._replace(emissions=emissions, relation_logits=logits)
    objective(heard, batch, 0)["matching"].backward()
    for side, leaf in (("entity", emissions), ("relation", logits)):
        assert (leaf.grad is None or not leaf.grad.any()) == (side == detached)


@pytest.mark.parametrize("direction", ["-p log q", "-q log p"])
def test_the_direction_decides_whether_types_become_certain_or_equal(direction: str) -> None:
    """(f)"""
    implied = torch.tensor([0.5, 0.3, 0.2])
    scores = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.05)
    for _ in range(1500):
        optimiser.zero_grad()
        cross_entropy(softmax(scores, 0), implied, direction).backward()
        optimiser.step()
    least = torch.tensor([1.0, 0.0, 0.0]) if direction == "-p log q" else implied
    torch.testing.assert_close(softmax(scores.detach(), 0), least, rtol=0, atol=0.02)


@pytest.mark.parametrize("related", ["exclusive", "noisy-or"])
def test_what_is_believed_of_a_pair_sums_to_one(related: str) -> None:
    """(g)"""
    torch.manual_seed(0)
    logits = 3 * torch.randn(50, len(RELATIONS))
    possible = torch.rand(50, len(RELATIONS)) < 0.7
    relations, share = beliefs(logits, possible, related)
    torch.testing.assert_close(relations.sum(1), torch.ones(50))
    assert bool(((share >= 0) & (share <= 1)).all())
    some = possible.any(1)
    assert not share[~some].any()
    assert not (relations * ~possible)[some].any()
    torch.testing.assert_close((relations @ tensors(0.1).of_heads).sum(1), torch.ones(50))


def test_beliefs_are_what_they_are_said_to_be() -> None:
    logits, possible = torch.randn(9, 3), torch.ones(9, 3, dtype=torch.bool)
    exclusive, share = beliefs(logits, possible, "exclusive")
    odds = logits.exp()
    torch.testing.assert_close(exclusive * share.unsqueeze(1), odds / (1 + odds.sum(1, True)))
    independent, share = beliefs(logits, possible, "noisy-or")
    chances = logits.sigmoid()
    torch.testing.assert_close(share, 1 - (1 - chances).prod(1))
    torch.testing.assert_close(independent, chances / chances.sum(1, True))


def test_the_distance_is_the_sum_over_pairs(model: JointModel) -> None:
    outputs, _ = ran(model, TRAIN[:6])
    assert outputs.relation_logits is not None
    assert outputs.linked is not None
    torch.manual_seed(1)
    candidates = outputs.linked.candidates
    labels = softmax(torch.randn(*candidates.types.shape, len(TYPES) + 1), 2)
    possible = model.relation_head.possible(candidates)
    logits = outputs.relation_logits.detach()
    section = section_of(direction="-q log p")
    own = distance(Found(labels, logits, possible), tensors(0.01), section)
    table, expected = tensors(0.01), 0.0
    for row, head, tail in itertools.product(*map(range, logits.shape[:3])):
        if possible[row, head, tail].any():
            odds = logits[row, head, tail].exp() * possible[row, head, tail]
            for place, types in ((head, table.of_heads), (tail, table.of_tails)):
                implied = (odds / odds.sum()) @ types
                share = (odds.sum() / (1 + odds.sum())).item()
                expected += share * -(implied * labels[row, place].log()).sum().item()
    assert own.item() == pytest.approx(expected / 6, rel=1e-4)


# Soft co-annotation


def test_a_sentence_of_relations_only_lends_its_arguments_their_types() -> None:
    model = talkative_model()
    outputs, batch = ran(model, annotated_for(RELATION_TASK))
    terms = objective_of(weight=0, **EXACT)(outputs, batch, 0)
    candidates = batch.targets.candidates if batch.targets else None
    assert candidates is not None
    types = model.entity_head.type_probabilities(outputs.emissions, batch.mask, candidates)
    expected = 0.0
    for row, sentence in enumerate(batch.sentences):
        entities = model.entity_head.expressible(sentence.entities)
        for argument in {e for link in sentence.relations for e in (link.head, link.tail)}:
            place = entities.index(argument)
            # In this corpus a relation leaves one type for each of its arguments.
            expected -= types[row, place, TYPES.index(argument.type)].log().item()
    assert terms["soft_entity"].item() == pytest.approx(expected / len(batch.sentences), rel=1e-4)
    assert terms["soft_relation"].item() == 0.0


def test_a_sentence_of_entities_only_lends_its_pairs_their_relations() -> None:
    model = talkative_model()
    outputs, batch = ran(model, annotated_for(ENTITY_TASK))
    terms = objective_of(weight=0, table="counted")(outputs, batch, 0)
    assert terms["soft_entity"].item() == 0.0
    assert batch.targets is not None
    assert outputs.relation_logits is not None
    candidates = batch.targets.candidates
    of_pairs = Table.counted(TRAIN, SCHEMA).of_pairs[..., :-1]
    types = candidates.types
    soft = of_pairs[types.unsqueeze(2), types.unsqueeze(1)]
    rows = torch.ones(len(batch.sentences), dtype=torch.bool)
    expected = model.relation_head.soft_loss(outputs.relation_logits, soft, candidates, rows)
    torch.testing.assert_close(terms["soft_relation"], expected)
    assert expected > 0


def test_an_argument_of_two_relations_has_a_type_that_suits_both() -> None:
    schema = Schema(
        ("A", "B", "C"),
        ("one", "two"),
        {
            "one": frozenset({("A", "A"), ("B", "A")}),
            "two": frozenset({("B", "A"), ("C", "A")}),
        },
    )
    table = Table(torch.zeros(3, 3, 3), torch.zeros(3)).with_signatures(schema)
    suiting = table.of_heads(0.01)[0].log() + table.of_heads(0.01)[1].log()
    assert softmax(suiting, 0)[1] > 0.97


def test_spurious_candidates_are_lent_no_relations() -> None:
    model = talkative_model(tiny_config(relation_head={"candidates": "predicted"}))
    outputs, batch = ran(model, annotated_for(ENTITY_TASK))
    assert outputs.linked is not None
    assert batch.targets is not None
    gold = batch.targets.candidates.mask.shape[1]
    assert outputs.linked.candidates.mask.shape[1] > gold, "the head finds what is none"
    certain = torch.full_like(outputs.linked.relations, -1e4)
    certain[:, :gold, :gold] = 0.0
    heard = outputs._replace(relation_logits=certain)
    own = objective_of(weight=0, entity_weight=0)(heard, batch, 0)["soft_relation"]
    # Zero scores cost log 2 in each cell, whatever is wanted; surely none costs nothing.
    possible = model.relation_head.possible(outputs.linked.candidates)
    cells = possible[:, :gold, :gold].sum() / possible.sum()
    torch.testing.assert_close(own, cells * torch.tensor(2.0).log())


# Both


def test_without_a_task_s_labels_its_own_loss_is_zero(model: JointModel) -> None:
    """(c)"""
    for task, other in (TASKS, TASKS[::-1]):
        outputs, _ = ran(model, annotated_for(task))
        assert outputs.losses[other].item() == 0.0
        assert outputs.losses[task].item() > 0.0


def test_unannotated_sentences_teach_nothing(model: JointModel) -> None:
    outputs, batch = ran(model, annotated_for())
    terms = objective_of()(outputs, batch, 0)
    assert {name: term.item() for name, term in terms.items()} == dict.fromkeys(terms, 0.0)


def test_the_losses_teach_what_they_say(model: JointModel) -> None:
    """A few steps on the distance alone bring what the two heads say together."""
    objective = objective_of(entity_weight=0, relation_weight=0, detached="relation")
    optimiser = torch.optim.Adam(model.entity_head.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        outputs, batch = ran(model, TRAIN[:8])
        loss = objective(outputs, batch, 0)["matching"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_types_that_are_not_annotated_do_not_teach_through_signatures() -> None:
    """With signatures they would say which relations are possible, and these what types there are.

    Without them a sentence of relations only takes part, and its types change nothing.
    """
    objective = objective_of(entity_weight=0, relation_weight=0)
    model = talkative_model()
    terms = [objective(*ran(model, annotated_for(task)), 0)["matching"] for task in TASKS]
    assert terms[0] > 0
    assert terms[1] == 0
    config = tiny_config(relation_head={"labels": "probabilities"})
    model = unlimited(talkative_model(config))
    others = {"Person": "Place", "Place": "Company", "Company": "Person"}
    sentences = annotated_for(RELATION_TASK)
    renamed = [
        replace(
            own,
            entities=frozenset(replace(e, type=others[e.type]) for e in own.entities),
            relations=frozenset(),
        )
        for own in sentences
    ]
    first, second = (objective(*ran(model, own), 0)["matching"] for own in (sentences, renamed))
    assert first > 0
    assert torch.equal(first, second)


def test_probabilities_of_types_leave_the_rest_to_none() -> None:
    labels = with_none(torch.tensor([[0.25, 0.5], [0.6, 0.4000001]]))
    torch.testing.assert_close(labels, torch.tensor([[0.25, 0.5, 0.25], [0.6, 0.4, 0.0]]))


# What is refused


@pytest.mark.parametrize("learned", [frozenset(), frozenset({ENTITY_TASK})])
def test_one_task_alone_has_nobody_to_teach(learned: frozenset[str]) -> None:
    with pytest.raises(TrainingError, match="no corpus is learned for both"):
        Matching().objectives(section_of(), ground_of(learned=learned))


def test_a_single_entity_type_cannot_be_told() -> None:
    schema = Schema(("Place",), ("near",), {"near": frozenset({("Place", "Place")})})
    with pytest.raises(TrainingError, match="has 1 entity type"):
        Matching().objectives(section_of(), ground_of([], schema))


@pytest.mark.parametrize(
    ("couplings", "message"),
    [
        ([{"kind": "matching", "smoothing": 0}], "infinite for types that no relation admits"),
        ([{"kind": "matching"}, {"kind": "matching"}], "2 couplings are of the kind 'matching'"),
        ([{"kind": "matchings"}], 'did you mean "matching"'),
    ],
)
def test_contradictions_are_told(couplings: list[dict[str, object]], message: str) -> None:
    parse: Callable[[dict[str, object]], Config] = parse_config
    with pytest.raises(ConfigError, match=message):
        parse({"data": {"train": "t.json", "dev": "d.json"}, "couplings": couplings})
