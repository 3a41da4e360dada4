from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import (
    ENCODERS,
    batch_of,
    pretrained,
    reached,
    talkative_model,
    tiny_config,
    tiny_model,
)

from dovetail.config import SharingConfig
from dovetail.errors import ModelError
from dovetail.model.joint import JointModel
from dovetail.strategies import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    ProbeSharingConfig,
)
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence

SHARINGS: dict[str, SharingConfig] = {
    "depth": DepthSharingConfig(hidden_dim=4),
    "depth 0+0+0": DepthSharingConfig(shared_layers=0, entity_layers=0, relation_layers=0),
    "depth lstm": DepthSharingConfig(cell="lstm", hidden_dim=4, entity_layers=0, normalise=True),
    "bottom": BottomSharingConfig(hidden_dim=4, relation_layers=2),
    "bottom and top": BottomSharingConfig(
        hidden_dim=4, projection_dim=8, entity_layers=0, relation_layers_above=1
    ),
    "exits": ExitsSharingConfig(hidden_dim=4),
    "residual exits": ExitsSharingConfig(hidden_dim=4, residual=True),
    "probe": ProbeSharingConfig(hidden_dim=4, layers=2, task="relation"),
}


@pytest.fixture(params=SHARINGS)
def sharing(request: pytest.FixtureRequest) -> SharingConfig:
    return SHARINGS[request.param]


def predict(model: JointModel, sentences: Sequence[Sentence]) -> list[Sentence]:
    return model.predict(Batch.from_sentences(sentences, model.encoder.featurise))


def assert_same(first: Sequence[Sentence], second: Sequence[Sentence]) -> None:
    """The same annotations, with confidences as close as rounding lets them be."""
    assert list(first) == list(second)
    for ours, theirs in zip(first, second, strict=True):
        for own, other in (
            (ours.sorted_entities, theirs.sorted_entities),
            (ours.sorted_relations, theirs.sorted_relations),
        ):
            assert [a.confidence for a in own] == pytest.approx(
                [a.confidence for a in other], abs=1e-5
            )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("task", ["entity", "relation"])
def test_a_tasks_loss_reaches_its_head_its_layers_and_the_encoder(
    sharing: SharingConfig, task: str, training: bool
) -> None:
    model = tiny_model(tiny_config(sharing=sharing)).train(training)
    model.outputs(batch_of(TRAIN, model)).losses[task].backward()
    found = reached(model)
    assert {name for name in found if name.startswith("sharing.")} == {
        f"sharing.{name}" for name in model.sharing.reached_by(task)
    }
    own, other = f"{task}_head.", {"entity": "relation_head.", "relation": "entity_head."}[task]
    assert not {name for name in found if name.startswith(other)}
    parts = ["scorer", "crf"] if task == "entity" else ["scorer", "label_embedding"]
    assert all(any(name.startswith(f"{own}{part}") for name in found) for part in parts)
    assert {name for name in found if name.startswith("encoder.")} == {
        name for name, _ in model.named_parameters() if name.startswith("encoder.")
    }


@pytest.mark.parametrize("labels", ["gold", "probabilities", "predicted"])
def test_label_link_passes_values_and_no_gradient(labels: str) -> None:
    model = talkative_model(tiny_config(relation_head={"labels": labels}))
    batch = batch_of(TRAIN[:4], model)
    assert batch.targets is not None
    model.outputs(batch).losses["relation"].backward()
    assert not {name for name in reached(model) if "entity" in name}
    # Another label of an entity is another relation loss, all else being equal.
    streams = model(batch)
    candidates = batch.targets.candidates
    labels = model.entity_head.labels(candidates)
    with torch.no_grad():
        logits = model.relation_head(streams["relation"], labels, candidates)
        others = (labels + 1) % model.entity_head.num_labels
        changed = model.relation_head(streams["relation"], others, candidates)
    assert not torch.allclose(logits, changed)


def test_frozen_encoder_is_never_reached_nor_trained(pretrained_folder: Path) -> None:
    model = tiny_model(tiny_config(encoders=(pretrained(pretrained_folder), *ENCODERS)))
    frozen = {name for name, _ in model.named_parameters() if ".transformer." in name}
    outputs = model.outputs(batch_of(TRAIN[:4], model))
    torch.stack(list(outputs.losses.values())).sum().backward()
    assert frozen
    assert not reached(model) & frozen
    assert any("encoders.0.join" in name for name in reached(model))  # the learned mix of layers
    assert not frozen & {name for name, _ in model.trainable_parameters()}
    assert not model.layers_above


def test_trained_layers_of_a_pretrained_encoder_are_named(pretrained_folder: Path) -> None:
    model = tiny_model(tiny_config(encoders=(pretrained(pretrained_folder, trained_layers=1),)))
    trainable = {name for name, _ in model.trainable_parameters()}
    named = {name: 0 for name in trainable if ".transformer." in name}
    assert model.layers_above == named != {}
    torch.stack(list(model.outputs(batch_of(TRAIN[:4], model)).losses.values())).sum().backward()
    assert named.keys() <= reached(model)


@pytest.mark.parametrize("training", [True, False])
def test_a_sentence_alone_equals_the_same_in_a_batch(
    sharing: SharingConfig, training: bool
) -> None:
    config = tiny_config(
        sharing=sharing.model_copy(update={"dropout": 0.0}), relation_head={"dropout": 0.0}
    )
    model = talkative_model(config).train(training)
    together = predict(model, SENTENCES)
    assert sum(len(sentence.relations) for sentence in together)
    assert_same(together, [predict(model, [sentence])[0] for sentence in SENTENCES])


def test_order_of_the_batch_is_irrelevant() -> None:
    model = talkative_model()
    assert_same(predict(model, SENTENCES), predict(model, SENTENCES[::-1])[::-1])


def test_predictions_do_not_depend_on_gold_annotations() -> None:
    model = talkative_model()
    stripped = [sentence.without_annotations() for sentence in SENTENCES]
    assert_same(predict(model, SENTENCES), predict(model, stripped))


def test_predictions_are_what_the_schema_can_say() -> None:
    model = talkative_model()
    found = predict(model, SENTENCES)
    relations = [relation for sentence in found for relation in sentence.relations]
    assert relations
    assert all(model.schema.allows(relation) for relation in relations)


def test_losses_of_a_batch_are_those_of_its_sentences_put_together() -> None:
    """A longer neighbour pads a sentence; it must not change the sentence's likelihood."""
    model = tiny_model().eval()
    pair = [TRAIN[0], TRAIN[4]]
    together = model.outputs(batch_of(pair, model)).losses["entity"]
    alone = [model.outputs(batch_of([sentence], model)).losses["entity"] for sentence in pair]
    torch.testing.assert_close(together, torch.stack(alone).mean())


def test_partly_annotated_sentences_teach_only_their_task() -> None:
    model = tiny_model().eval()
    entity_only = replace(TRAIN[1], relations=frozenset(), annotated=frozenset({"entity"}))
    full = model.outputs(batch_of([TRAIN[0]], model)).losses
    more = model.outputs(batch_of([TRAIN[0], entity_only], model)).losses
    torch.testing.assert_close(more["relation"], full["relation"])
    assert not torch.allclose(more["entity"], full["entity"])


def test_outputs_without_targets_say_what_to_do() -> None:
    model = tiny_model()
    batch = Batch.from_sentences(TRAIN[:2], model.encoder.featurise)
    with pytest.raises(ValueError, match="with_targets"):
        model.outputs(batch)


def test_stored_state_makes_another_model_the_same() -> None:
    first, second = talkative_model(), tiny_model(seed=7)
    second.load_stored_state(first.stored_state())
    assert_same(predict(first, SENTENCES), predict(second.eval(), SENTENCES))
    state = first.stored_state()
    del state["relation_head.thresholds"]
    with pytest.raises(ModelError, match=r"missing: relation_head\.thresholds"):
        second.load_stored_state(state)


def test_fast_precision_changes_confidences_by_rounding_only() -> None:
    first, second = talkative_model(), talkative_model()
    second.use_fast_precision()
    batch = Batch.from_sentences(SENTENCES, first.encoder.featurise)
    exact, fast = first(batch), second(batch)
    assert isinstance(fast, Streams)
    for task in ("entity", "relation"):
        assert fast[task].dtype == torch.float32
        torch.testing.assert_close(
            exact[task][batch.mask], fast[task][batch.mask], atol=0.05, rtol=0.05
        )
