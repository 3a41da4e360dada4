"""Models with tasks of training alone: what these learn, whom they teach, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import SENTENCES
from tests.discontinuous import HURT, SPANS
from tests.networks import ENCODERS, reached, tiny_config

from dovetail.build import build_model, with_auxiliary
from dovetail.config import AuxiliaryConfig, Config, CrfEntityHeadConfig, SharingConfig
from dovetail.model.joint import JointModel
from dovetail.model.schema_heads import SchemaHeads
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    PrimitivesSharingConfig,
    VariationalSharingConfig,
)
from dovetail.tensors.features import Batch, Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence
from dovetail.text.named_schemas import ONLY, Schemas, all_tasks
from dovetail.text.schema import Schema
from dovetail.training.auxiliary import auxiliary_of

TOWNS = Schema.from_sentences(SENTENCES, symmetric=["based_in"])
PEOPLE = Schema(("Name", "Person"), ("knows",), symmetric=frozenset({"knows"}))
MENTIONS = Schema(("Mention",), ())
ONE = {ONLY: TOWNS}
SEVERAL = {"towns": TOWNS, "people": PEOPLE, "mentions": MENTIONS}
WORDS = [sentence.tokens for sentence in SENTENCES]

LAYERS: dict[str, Any] = {"hidden_dim": 6, "dropout": 0.0}
SHARINGS: dict[str, SharingConfig] = {
    "tied": DepthSharingConfig(**LAYERS, entity_layers=0, relation_layers=0),
    "depth": DepthSharingConfig(**LAYERS, relation_layers=1),
    "bottom": BottomSharingConfig(**LAYERS, relation_layers_above=1),
    "exits": ExitsSharingConfig(**LAYERS),
    "primitives": PrimitivesSharingConfig(**LAYERS, reservoir_dim=2),
    "variational": VariationalSharingConfig(**LAYERS, feature_dim=5, noise=0.0),
}
ALL = ("boundary", "related", "each_relation")


def config_of(
    *tasks: str, sharing: SharingConfig | None = None, directed: bool = True, **fields: object
) -> Config:
    entries = [
        AuxiliaryConfig(task=task, directed=directed or not task.endswith("related"))
        for task in tasks
    ]
    config = tiny_config(sharing=sharing, relation_head={"dropout": 0.0}, **fields)  # type: ignore[arg-type]
    return config.model_copy(update={"auxiliary": tuple(entries)})


def model_of(config: Config, schemas: Schemas = ONE) -> JointModel:
    torch.manual_seed(0)
    model = build_model(config, schemas, words=WORDS)
    return with_auxiliary(model, config, auxiliary_of(config, schemas)).eval()


def batch_of(model: JointModel, sentences: Sequence[Sentence], schema: str = ONLY) -> Batch:
    batch = replace(Batch.from_sentences(sentences, model.featurise), schema=schema)
    return model.of_schema(schema).with_targets(batch)


def only_heads(model: JointModel) -> SchemaHeads:
    return model.heads[ONLY]


def said(model: JointModel, batch: Batch) -> dict[str, list[tuple[object, object]]]:
    """All annotations of all schemas, with their confidences."""
    found = model.predict_schemas(batch, [*model.schemas])
    return {
        name: [
            (
                [(entity, entity.confidence) for entity in sentence.sorted_entities],
                [(link, link.confidence) for link in sentence.sorted_relations],
            )
            for sentence in sentences
        ]
        for name, sentences in found.items()
    }


def of_one_type(sentence: Sentence) -> Sentence:
    """Another way to the same: the entities are renamed before targets are made of them."""
    found = {Entity(e.start, e.end, "Entity") for e in sentence.entities}
    return replace(sentence.with_annotations(found, ()), annotated=sentence.annotated)


def cells(targets: Targets, sentences: Sequence[Sentence]) -> list[set[tuple[object, object]]]:
    """The pairs of spans that are related in each sentence."""
    spans = targets.candidates.spans.tolist()
    found: list[set[tuple[object, object]]] = [set() for _ in sentences]
    for row, head, tail, _ in targets.relations.nonzero().tolist():
        found[row].add((tuple(spans[row][head]), tuple(spans[row][tail])))
    return found


@pytest.mark.parametrize("head", [CrfEntityHeadConfig(hidden_dim=8), SPANS])
def test_boundaries_are_the_spans_of_all_entities(head: object) -> None:
    model = model_of(config_of("boundary", entity_head=head))
    (boundary,) = only_heads(model).auxiliary
    batch = batch_of(model, SENTENCES)
    assert batch.targets is not None
    found = boundary.targets(batch.targets)
    expressible = boundary.get_submodule("head").expressible  # type: ignore[operator]
    renamed = [of_one_type(sentence) for sentence in SENTENCES]
    expected = Targets.from_sentences(renamed, expressible, boundary.task.labels(TOWNS))
    assert torch.equal(found.candidates.spans, expected.candidates.spans)
    assert torch.equal(found.candidates.types, expected.candidates.types)
    assert torch.equal(found.candidates.mask, expected.candidates.mask)


@pytest.mark.parametrize("directed", [True, False])
def test_related_are_the_pairs_with_a_relation_whatever_its_type(directed: bool) -> None:
    model = model_of(config_of("related", directed=directed))
    (related,) = only_heads(model).auxiliary
    batch = batch_of(model, SENTENCES)
    assert batch.targets is not None
    found = cells(related.targets(batch.targets), SENTENCES)
    expected = []
    for sentence in SENTENCES:
        pairs = {(link.head.span, link.tail.span): link for link in sentence.relations}
        both_ways = {
            (tail, head)
            for (head, tail), link in pairs.items()
            if not directed or link.type in TOWNS.symmetric
        }
        expected.append({*pairs} | both_ways)
    assert found == expected
    assert any(found)


def test_one_relation_is_told_from_all_others() -> None:
    model = model_of(config_of("each_relation"))
    heads = only_heads(model)
    batch = batch_of(model, SENTENCES)
    assert batch.targets is not None
    assert len(heads.auxiliary) == 3
    for own, type_ in zip(heads.auxiliary, TOWNS.relation_types, strict=True):
        place = TOWNS.relation_types.index(type_)
        found = own.targets(batch.targets).relations
        assert torch.equal(found[..., 0], batch.targets.relations[..., place])
        assert found.any()


def test_a_link_between_fragments_is_no_relation_and_a_fragment_no_whole_entity() -> None:
    schema = Schema.from_sentences(HURT)
    config = config_of("boundary", "related", entity_head=SPANS)
    model = model_of(config, {ONLY: schema})
    boundary, related = only_heads(model).auxiliary
    batch = batch_of(model, HURT)
    assert batch.targets is not None
    fragments = {*schema.fragment_types.values()}
    types = [
        schema.coded.entity_types[i] in fragments for i in batch.targets.candidates.types.flatten()
    ]
    found = boundary.targets(batch.targets).candidates
    of_mask = found.mask.flatten()
    assert found.types.flatten()[of_mask].tolist() == torch.tensor(types)[of_mask].int().tolist()
    assert {*found.types[found.mask].tolist()} == {0, 1}
    pairs = cells(related.targets(batch.targets), HURT)
    has = schema.coded.relation_types.index("has")
    expected = cells(
        replace(batch.targets, relations=batch.targets.relations[..., has:][..., :1]), HURT
    )
    assert pairs == expected
    assert any(pairs)
    links = batch.targets.relations.sum() - batch.targets.relations[..., has].sum()
    assert links > 0
    losses = model.outputs(batch).losses
    assert losses["boundary"].isfinite()
    assert losses["related"].isfinite()


def test_annotations_decide_which_sentences_count() -> None:
    """Entities for boundary, relations for the others: as for the main tasks."""
    model = model_of(config_of(*ALL))
    kinds = {own.task.name: own.task.kind for own in only_heads(model).auxiliary}

    def losses(*annotated: str) -> dict[str, float]:
        sentences = [replace(SENTENCES[0], annotated=frozenset(annotated)), SENTENCES[1]]
        found = model.outputs(batch_of(model, sentences)).losses
        return {task: loss.item() for task, loss in found.items()}

    both = losses(ENTITY_TASK, RELATION_TASK)
    alone = model.outputs(batch_of(model, SENTENCES[1:2])).losses
    for missing in (ENTITY_TASK, RELATION_TASK):
        found = losses(*{ENTITY_TASK, RELATION_TASK} - {missing})
        for task, kind in kinds.items():
            expected = alone[task].item() if kind == missing else both[task]
            assert found[task] == pytest.approx(expected, rel=1e-5)
            assert alone[task].item() != pytest.approx(both[task], rel=1e-5)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("schemas", [ONE, SEVERAL])
def test_a_loss_reaches_the_shared_layers_and_what_is_the_tasks_own(
    sharing: str, schemas: Schemas
) -> None:
    model = model_of(config_of(*ALL, sharing=SHARINGS[sharing]), schemas)
    for name, schema in schemas.items():
        types, relations = schema.entity_types, schema.relation_types
        first, second = (Entity(0, 1, types[0]), Entity(2, 4, types[-1]))
        pairs = sorted(schema.signatures.get(relations[0], ())) if relations else []
        if pairs:
            first, second = Entity(0, 1, pairs[0][0]), Entity(2, 4, pairs[0][1])
        link = [Relation(first, second, relations[0])] if relations else []
        sentence = SENTENCES[0].with_annotations([first, second], link)
        own = model.heads[name]
        assert len(own.auxiliary) == (2 + len(relations) if relations else 1)
        for head in own.auxiliary:
            model.train().zero_grad(set_to_none=True)
            task = head.task.name
            model.outputs(batch_of(model, [sentence], name)).losses[task].backward()
            found = reached(model)
            declared = {f"sharing.{part}" for part in model.sharing.reached_by(task)}
            assert {one for one in found if one.startswith("sharing.")} == declared
            in_head = {
                full
                for full, parameter in model.named_parameters()
                if any(parameter is part for part in head.parameters())
            }
            others = {one for one in found if not one.startswith(("sharing.", "encoder."))}
            assert others
            assert others <= in_head
            assert any(one.startswith("encoder.") for one in found)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("schemas", [ONE, SEVERAL])
def test_training_starts_where_it_starts_without_them(sharing: str, schemas: Schemas) -> None:
    """The weights of the main tasks, what they say, and what is drawn afterwards are the same."""
    config = config_of(*ALL, sharing=SHARINGS[sharing])
    torch.manual_seed(0)
    plain = build_model(config, schemas, words=WORDS)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    built = build_model(config, schemas, words=WORDS)
    model = with_auxiliary(built, config, auxiliary_of(config, schemas))
    assert torch.equal(torch.rand(3), drawn)
    assert model.sharing.tasks[: len(plain.sharing.tasks)] == plain.sharing.tasks
    final, expected = model.finalize().stored_state(), plain.finalize().stored_state()
    assert list(final) == list(expected)
    for name, value in expected.items():
        assert torch.equal(final[name], value), name
    for name, value in plain.stored_state().items():
        assert torch.equal(model.stored_state()[name], value), name
    assert len(model.stored_state()) > len(final)
    name, schema = next(iter(schemas.items()))
    if schema == TOWNS:
        plain.eval(), model.eval()
        losses = model.outputs(batch_of(model, SENTENCES[:4], name)).losses
        for task, loss in plain.outputs(batch_of(plain, SENTENCES[:4], name)).losses.items():
            assert torch.equal(losses[task], loss)


def test_what_they_change_is_the_gradient_of_what_is_shared() -> None:
    """The sum of the losses moves the main tasks' own layers and heads as without them."""
    config = config_of(*ALL)
    torch.manual_seed(0)
    plain = build_model(config, ONE, words=WORDS).eval()
    model = model_of(config)

    def gradients(of: JointModel, tasks: Sequence[str]) -> dict[str, torch.Tensor]:
        of.zero_grad(set_to_none=True)
        losses = of.outputs(batch_of(of, SENTENCES[:6])).losses
        torch.stack([losses[task] for task in tasks]).sum().backward()
        return {n: p.grad for n, p in of.named_parameters() if p.grad is not None}

    alone = gradients(plain, all_tasks(ONE))
    names = [task for task in model.sharing.tasks if task not in all_tasks(ONE)]
    beside = gradients(model, names)
    together = gradients(model, model.sharing.tasks)
    assert {*beside} & {*alone}
    for name, value in alone.items():
        if name in beside:
            torch.testing.assert_close(together[name], value + beside[name])
            assert not torch.equal(together[name], value)
        else:
            assert torch.equal(together[name], value)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("schemas", [ONE, SEVERAL])
def test_the_saved_model_is_that_without_them_and_says_the_same(
    sharing: str, schemas: Schemas, tmp_path: Path
) -> None:
    config = config_of(*ALL, sharing=SHARINGS[sharing])
    model = model_of(config, schemas)
    with torch.no_grad():
        for parameter in (own for _, own in model.trainable_parameters() if own.dim() > 1):
            parameter.normal_(std=0.7)
    for own in model.heads.values():
        if own.relation_head is not None:
            own.relation_head.set_thresholds([0.1] * len(own.schema.relation_types))
    batch = Batch.from_sentences(SENTENCES[:6], model.featurise)
    before = said(model, batch)
    save_model(tmp_path / "model", model, config)
    loaded = load_model(tmp_path / "model").model
    assert loaded.sharing.tasks == all_tasks(schemas)
    assert said(loaded, batch) == before
    assert any(relations for found in before.values() for _, relations in found)
    assert said(model, batch) == before  # and the model goes on as it was
    torch.manual_seed(0)
    plain = build_model(config, schemas, words=WORDS)
    assert {n: v.shape for n, v in loaded.stored_state().items()} == {
        n: v.shape for n, v in plain.finalize().stored_state().items()
    }
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert (
        "- Auxiliary tasks in training, with their weights: `boundary` (1), `related` (1)" in card
    )


def test_their_layers_are_not_run_to_predict() -> None:
    model = model_of(config_of(*ALL))
    asked: list[tuple[str, ...]] = []
    model.sharing.register_forward_pre_hook(lambda _, args: asked.append(tuple(args[0].by_task)))
    model.predict(Batch.from_sentences(SENTENCES[:2], model.featurise))
    model.outputs(batch_of(model, SENTENCES[:2]))
    assert asked == [all_tasks(ONE), model.sharing.tasks]


def test_heads_of_other_switches_have_losses_too() -> None:
    """Marked layers of their own, labels as probabilities, and entities that are predicted."""
    switches = {
        "labels": "probabilities", "candidates": "predicted", "marked_layers": 1,
        "marked_hidden_dim": 4, "between": "attention", "distance_dim": 4,
    }  # fmt: skip
    config = tiny_config(encoders=ENCODERS, relation_head=switches)
    entries = tuple(AuxiliaryConfig(task=task) for task in ALL)
    model = model_of(config.model_copy(update={"auxiliary": entries}))
    assert sum("marked" in name for name in model.stored_state()) > sum(
        "marked" in name for name in model.finalize().stored_state()
    )
    losses = model.outputs(batch_of(model, SENTENCES[:4])).losses
    assert len(losses) == 2 + 2 + 3
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("number", [1, 3])
def test_some_tasks_beside_two(number: int) -> None:
    for tasks in combinations(("boundary", "related", "relation:lives_in"), number):
        model = model_of(config_of(*tasks))
        assert model.sharing.tasks == (*all_tasks(ONE), *tasks)
        assert [*model.outputs(batch_of(model, SENTENCES[:3])).losses] == [*model.sharing.tasks]
