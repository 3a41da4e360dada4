"""What must hold of the relation head whatever is switched on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.fx.experimental._config as exp_config
from tests.corpus import SENTENCES, TRAIN
from tests.networks import batch_of, reached, talkative_model, tiny_config, tiny_model
from torch import Tensor

from dovetail.model.joint import JointModel
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch
from dovetail.text.document import Entity, Sentence

SWITCHES: dict[str, dict[str, Any]] = {
    "off": {},
    "no labels": {"label_dim": 0},
    "probabilities": {"labels": "probabilities"},
    "predicted labels": {"labels": "predicted"},
    "predicted candidates": {"candidates": "predicted"},
    "ends": {"span": "ends"},
    "pooled": {"span": "pooled"},
    "width": {"width_dim": 3},
    "marked": {"marked_layers": 1, "marked_hidden_dim": 5},
    "between": {"between": True},
    "attention": {"between": "attention"},
    "distance": {"distance_dim": 3},
    "bilinear": {"bilinear_dim": 4},
    "hidden": {"pair_hidden_dim": 6},
}
EVERYTHING: dict[str, Any] = {
    "labels": "probabilities",
    "candidates": "predicted",
    "span": "pooled",
    "width_dim": 3,
    "marked_layers": 2,
    "marked_hidden_dim": 5,
    "between": "attention",
    "distance_dim": 3,
    "bilinear_dim": 4,
    "pair_hidden_dim": 6,
    "pair_dropout": 0.2,
    "positive_weight": 2.0,
    "normalisation": "sentences",
}
SWITCHES["everything"] = EVERYTHING
OF_RELATIONS = ("relation_head.", "link.")
SWITCHES["everything, maximum"] = {**EVERYTHING, "between": True, "labels": "predicted"}


@pytest.fixture(params=SWITCHES)
def switches(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"dropout": 0.0, **SWITCHES[request.param]}


@pytest.fixture
def model(switches: dict[str, Any]) -> JointModel:
    model = talkative_model(tiny_config(relation_head=switches))
    model.relation_head.set_thresholds([0.0] * 3)  # every possible pair is a relation
    return model


def relations(model: JointModel, sentences: list[Sentence]) -> list[dict[tuple[Any, ...], float]]:
    found = model.predict(Batch.from_sentences(sentences, model.encoder.featurise))
    return [
        {(r.head, r.tail, r.type): r.confidence or 0.0 for r in sentence.relations}
        for sentence in found
    ]


def test_a_sentence_alone_equals_the_same_in_a_batch(model: JointModel) -> None:
    together = relations(model, list(SENTENCES))
    assert sum(map(len, together)) > 10
    for sentence, expected in zip(SENTENCES, together, strict=True):
        (alone,) = relations(model, [sentence])
        assert alone == pytest.approx(expected, abs=1e-5)


def test_what_stands_in_padding_changes_nothing(model: JointModel) -> None:
    batch = batch_of(SENTENCES, model)
    assert batch.targets is not None
    head, candidates = model.relation_head, batch.targets.candidates
    stream = torch.randn(*batch.mask.shape, model.sharing.output_dims["relation"])
    labels = model.entity_head.labels(candidates)

    def logits(stream: Tensor) -> Tensor:
        streams = Streams({"relation": stream}, batch.mask)
        return head(model.heads[""].relation_stream(streams, candidates), labels, candidates)

    garbage = stream.masked_fill(~batch.mask.unsqueeze(2), 1e6)
    real = candidates.pairs
    assert torch.equal(logits(garbage)[real], logits(stream)[real])


def test_the_relation_loss_reaches_every_parameter_of_the_head(switches: dict[str, Any]) -> None:
    model = tiny_model(tiny_config(relation_head=switches)).train()
    for parameter in (*model.relation_head.parameters(), *model.link.parameters()):
        if parameter.dim() == 1:  # some start at zero, and would let nothing through
            torch.nn.init.normal_(parameter)
    touching = Sentence.from_tokens(
        ["Ida", "Berlin"], entities=[Entity(0, 1, "Person"), Entity(1, 2, "Place")]
    )
    model.outputs(batch_of([*SENTENCES, touching], model)).losses["relation"].backward()
    own = {
        name
        for name, parameter in model.named_parameters()
        if name.startswith(OF_RELATIONS) and parameter.numel()
    }
    assert {name for name in reached(model) if name.startswith(OF_RELATIONS)} == own
    assert not {name for name in reached(model) if name.startswith("entity_head.")}


@pytest.mark.parametrize("entities", [[], [Entity(1, 3, "Person")]], ids=["none", "one"])
def test_no_or_one_entity_is_finite(switches: dict[str, Any], entities: list[Entity]) -> None:
    model = tiny_model(tiny_config(relation_head=switches)).train()
    sentence = Sentence.from_tokens(["a", "b", "c", "d"], entities=entities)
    outputs = model.outputs(batch_of([sentence], model))
    assert outputs.relation_logits.isfinite().all()
    sum(outputs.losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_under_autocast_the_head_works_in_single_precision(switches: dict[str, Any]) -> None:
    model = tiny_model(tiny_config(relation_head=switches)).train()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model.outputs(batch_of(TRAIN, model))
    assert outputs.relation_logits.dtype == torch.float32
    assert outputs.losses["relation"].dtype == torch.float32
    outputs.losses["relation"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_stored_weights_make_another_model_the_same(switches: dict[str, Any]) -> None:
    config = tiny_config(relation_head=switches)
    first, second = talkative_model(config), tiny_model(config, seed=7).eval()
    second.load_stored_state(first.stored_state())
    assert relations(second, list(SENTENCES)) == relations(first, list(SENTENCES))


@exp_config.patch(meta_nonzero_assume_all_nonzero=True)  # type: ignore[attr-defined]
def test_no_tensor_is_made_on_another_device_than_the_inputs(switches: dict[str, Any]) -> None:
    """On the device `meta`, a tensor of the CPU is refused as on a GPU."""
    # It holds no values: all pairs count, and nothing is laid out by the number of any.
    span = "ends" if switches.get("span") == "pooled" else switches.get("span", "last")
    switches = {**switches, "span": span, "between": False}
    model = tiny_model(tiny_config(relation_head=switches))
    batch = batch_of(TRAIN, model)
    assert batch.targets is not None
    targets = batch.targets
    model.to("meta")
    moved = batch.to(torch.device("meta"))
    meta, meta_mask = moved.targets, moved.mask
    assert meta is not None
    stream = torch.randn(*batch.mask.shape, model.sharing.output_dims["relation"], device="meta")
    labels = model.entity_head.labels(meta.candidates)
    streams = Streams({"relation": stream}, meta_mask)
    read = model.heads[""].relation_stream(streams, meta.candidates)
    logits = model.relation_head(read, labels, meta.candidates)
    assert logits.shape == targets.relations.shape
    assert logits.device.type == "meta"
    assert model.relation_head.loss(logits, meta).device.type == "meta"


def test_with_everything_off_the_head_has_the_parameters_of_the_first_release() -> None:
    head = tiny_model().relation_head
    assert {name: tuple(value.shape) for name, value in head.state_dict().items()} == {
        "thresholds": (3,),
        "label_embedding.weight": (7, 4),
        "scorer.diagonals": (3, 16),
        "scorer.as_cosine": (3,),
        "scorer.projection.0.weight": (8, 16),
        "scorer.projection.0.bias": (8,),
        "scorer.as_head.weight": (3, 8),
        "scorer.as_head.bias": (3,),
        "scorer.as_tail.weight": (3, 8),
        "scorer.as_product.weight": (3, 3),
    }
