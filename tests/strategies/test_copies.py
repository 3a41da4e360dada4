"""Copies of a pretrained encoder's own layers as sharing layers, with real, tiny encoders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import ENCODERS, batch_of, pretrained, reached, tiny_config, tiny_model
from torch import Tensor

from dovetail.build import with_auxiliary
from dovetail.config import AuxiliaryConfig, Config, SharingConfig
from dovetail.encoders import PretrainedEncoder, Transformer
from dovetail.errors import ModelError
from dovetail.model.joint import JointModel
from dovetail.strategies import DepthSharingConfig, ExitsSharingConfig
from dovetail.strategies.depth.block import depth_of_copies
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch
from dovetail.training.auxiliary import auxiliary_of

pytestmark = pytest.mark.usefixtures("fp32_everywhere")

LAYERS, DIM = 3, 16  # of the tiny BERT


def depth(shared: int, entity: int, relation: int) -> DepthSharingConfig:
    return DepthSharingConfig(
        cell="pretrained", shared_layers=shared, entity_layers=entity, relation_layers=relation
    )


def exits(entity: int, relation: int) -> ExitsSharingConfig:
    return ExitsSharingConfig(
        cell="pretrained",
        shared_layers=max(entity, relation),
        entity_exit=entity,
        relation_exit=relation,
    )


PLANS: dict[str, tuple[SharingConfig, int, int, int]] = {
    # the plan, the layers that stay in the encoder, the layers at which the two tasks end
    "1+1+1": (depth(1, 1, 1), 1, 3, 3),
    "1+1+2": (depth(1, 1, 2), 0, 2, 3),
    "0+1+2": (depth(0, 1, 2), 1, 2, 3),
    "2+0+0": (depth(2, 0, 0), 1, 3, 3),
    "1+0+1": (depth(1, 0, 1), 1, 2, 3),
    "0+3+3": (depth(0, 3, 3), 0, 3, 3),
    "exits 1 2": (exits(1, 2), 1, 2, 3),
}


def config_of(folder: Path, sharing: SharingConfig, **settings: object) -> Config:
    return tiny_config(encoders=(*ENCODERS, pretrained(folder, **settings)), sharing=sharing)


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def model(plan: str, pretrained_folder: Path) -> JointModel:
    return tiny_model(config_of(pretrained_folder, PLANS[plan][0]))


def pooled_states(folder: Path, batch: Batch) -> Tensor:
    """All layers of the whole encoder, (batch, tokens, layers, dim)."""
    whole = PretrainedEncoder(Transformer.load(str(folder), precision="fp32"))
    return whole.states(whole.featurise([sentence.tokens for sentence in batch.sentences]))


@pytest.mark.parametrize("kind", ["pretrained_folder", "mpnet_folder"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("name", PLANS)
def test_untrained_copies_are_the_layers_of_the_encoder(
    name: str, pooling: str, kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    sharing, _, *ends = PLANS[name]
    model = tiny_model(config_of(folder, sharing, pooling=pooling)).eval()
    batch = batch_of(SENTENCES, model)
    whole = PretrainedEncoder(Transformer.load(str(folder)), pooling=pooling)
    states = whole.states(whole.featurise([sentence.tokens for sentence in SENTENCES]))
    tokens, streams = model.encoder(batch.features), model(batch)
    for task, end in zip(model.sharing.tasks, ends, strict=True):
        torch.testing.assert_close(streams[task][..., :-DIM], tokens)
        torch.testing.assert_close(streams[task][..., -DIM:], states[:, :, end])


def test_the_encoder_keeps_the_layers_below(
    plan: str, model: JointModel, pretrained_folder: Path
) -> None:
    batch = batch_of(SENTENCES, model)
    states = model.encoder.with_states(batch.features)[-1]["states"]
    kept = PLANS[plan][1]
    torch.testing.assert_close(states, pooled_states(pretrained_folder, batch)[:, :, : kept + 1])


def test_counts_of_parameters_are_those_of_the_copies(
    plan: str, model: JointModel, pretrained_folder: Path
) -> None:
    sharing, kept, _, _ = PLANS[plan]
    transformer = Transformer.load(str(pretrained_folder))
    of_layer = sum(
        parameter.numel()
        for name, parameter in transformer.named_parameters()
        if ".layer.0." in name
    )
    copies = (
        LAYERS - kept
        if isinstance(sharing, ExitsSharingConfig)
        else sharing.shared_layers + sharing.entity_layers + sharing.relation_layers
    )
    assert sum(parameter.numel() for parameter in model.sharing.parameters()) == copies * of_layer
    assert not any(".layer." in name and "encoders" in name for name in model.layers_above)
    stored = {name for name in model.stored_state() if name.startswith("sharing.")}
    assert len(stored) == len(model.layers_above) == copies * 16


@pytest.mark.parametrize("training", [True, False])
def test_a_loss_reaches_the_copies_of_its_task_and_the_shared_ones(
    model: JointModel, training: bool
) -> None:
    model.train(training)
    batch = batch_of(TRAIN[:6], model)
    for task in model.sharing.tasks:
        model.zero_grad(set_to_none=True)
        model(batch)[task][batch.mask].sin().sum().backward()
        # A key's bias adds the same to all scores of a row, which the softmax undoes.
        found, declared = (
            {name for name in names if not name.endswith("key.bias")}
            for names in (reached(model.sharing), model.sharing.reached_by(task))
        )
        assert found == declared
        assert not any(".transformer." in name for name in reached(model))


def test_copies_stand_where_their_originals_stood(pretrained_folder: Path) -> None:
    model = tiny_model(config_of(pretrained_folder, depth(1, 1, 2)))
    above = model.layers_above
    assert {name.split(".layer.")[0]: count for name, count in above.items()} == {
        "sharing.inside.blocks.0.stack.layers.0": 2,
        "sharing.inside.blocks.1.stacks.entity.layers.0": 1,
        "sharing.inside.blocks.1.stacks.relation.layers.0": 1,
        "sharing.inside.blocks.1.stacks.relation.layers.1": 0,
    }
    assert above.keys() <= {name for name, _ in model.trainable_parameters()}


def test_dropout_of_the_copies_is_on_in_training_only(pretrained_folder: Path) -> None:
    model = tiny_model(config_of(pretrained_folder, depth(1, 1, 1)))
    batch = batch_of(TRAIN[:3], model)
    for training in (True, False):
        model.train(training)
        first, second = model(batch)["entity"], model(batch)["entity"]
        assert torch.equal(first, second) != training


@pytest.mark.parametrize("layers", ["mix", "concatenated", "last"])
def test_a_sentence_alone_equals_the_same_in_a_batch(layers: str, pretrained_folder: Path) -> None:
    model = tiny_model(config_of(pretrained_folder, depth(0, 1, 2), layers=layers)).eval()
    together = model(batch_of(SENTENCES, model))
    for row in (0, 7, 20):
        alone = model(batch_of([SENTENCES[row]], model))
        for task in model.sharing.tasks:
            found = together[task][row : row + 1, : alone.mask.shape[1]]
            torch.testing.assert_close(found, alone[task], rtol=1e-4, atol=1e-5)


def test_more_layers_than_the_encoder_has_cannot_be_copied(pretrained_folder: Path) -> None:
    with pytest.raises(ModelError, match="has 3 layers, and the plan of sharing copies the top 4"):
        tiny_model(config_of(pretrained_folder, depth(2, 1, 2)))


def test_without_pieces_the_copies_have_nothing_to_read(pretrained_folder: Path) -> None:
    layers = Transformer.load(str(pretrained_folder)).hand_on(1)
    block = depth_of_copies(layers, input_dim=2, piece_dim=DIM, shared=1, own={"entity": 0})
    with pytest.raises(ValueError, match="no encoder hands them on"):
        block(Streams.tied(torch.zeros(1, 1, 2), torch.ones(1, 1).bool(), block.tasks))


def test_auxiliary_tasks_start_from_copies_of_the_same_layers(
    plan: str, model: JointModel, pretrained_folder: Path
) -> None:
    config = config_of(pretrained_folder, PLANS[plan][0])
    entries = tuple(AuxiliaryConfig(task=task) for task in ("boundary", "related"))
    config = config.model_copy(update={"auxiliary": entries})
    more = with_auxiliary(model, config, auxiliary_of(config, model.schemas)).eval()
    state = more.stored_state()
    for name, value in more.finalize().stored_state().items():
        assert torch.equal(value, model.stored_state()[name])
    for name, value in state.items():
        for task, main in (("boundary", "entity"), ("related", "relation")):
            if name.startswith("sharing.") and f".{task}." in name:
                assert torch.equal(value, state[name.replace(f".{task}.", f".{main}.")])
    outputs = more.outputs(batch_of(SENTENCES[:4], more))
    for task, main in (("boundary", "entity"), ("related", "relation")):
        assert torch.equal(outputs.streams[task], outputs.streams[main])
        assert outputs.losses[task].isfinite()
