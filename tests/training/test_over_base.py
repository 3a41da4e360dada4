"""Tasks added to a trained model: what stays bit for bit, what is refused, what is left behind."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import ENCODERS, pretrained, tiny_config
from tests.training.conftest import weights

from dovetail.config import Config, DataConfig, SharingConfig, load_config
from dovetail.errors import TrainingError
from dovetail.extractor import Extractor
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import digest_of_model, load_model
from dovetail.strategies import (
    BankSharingConfig,
    BottomSharingConfig,
    DeltasSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
)
from dovetail.tensors.features import Batch
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.training import RunStarted, training_events
from dovetail.training.over_base import model_over_base, with_base

DECAYED = {"weight_decay": 0.5, "epochs": 4}
KINDS = pytest.mark.parametrize("kind", [DeltasSharingConfig, BankSharingConfig])


def data_in(folder: Path, *, relations: bool = True, names: dict[str, str] | None = None) -> Any:
    """The tiny corpus, without relations or with other names of its types."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        name: (save_corpus([changed(s, relations, names or {}) for s in sentences], path),)
        for name, sentences, path in (
            ("train", TRAIN, folder / "train.jsonl"),
            ("dev", DEV, folder / "dev.jsonl"),
        )
    }
    return DataConfig(**paths)


def changed(sentence: Sentence, relations: bool, names: dict[str, str]) -> Sentence:
    """A sentence without its relations, or with other names of types."""
    renamed = {
        own: Entity(own.start, own.end, names.get(own.type, own.type)) for own in sentence.entities
    }
    kept = [
        Relation(renamed[own.head], renamed[own.tail], names.get(own.type, own.type))
        for own in sentence.relations
        if relations
    ]
    return replace(sentence, entities=frozenset(renamed.values()), relations=frozenset(kept))


def left_by(config: Config, folder: Path, **options: Any) -> Path:
    for _ in training_events(config, folder, **options):
        pass
    return folder / "model"


def entities_only(folder: Path, sharing: SharingConfig | None = None, **fields: Any) -> Path:
    """A base that was trained on a corpus without relations."""
    config = tiny_config(
        data_in(folder / "data", relations=False),
        sharing=sharing or DepthSharingConfig(hidden_dim=6, dropout=0.1, normalise=True),
        relation_head={"threshold": 0.5},
        training={
            "relation_loss_weight": 0.0,
            "select": "entity",
            "epochs": 10,
            "learning_rate": 3e-2,
        },
        **fields,
    )
    return left_by(config, folder / "base")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return entities_only(tmp_path_factory.mktemp("entities"))


def added(
    data: DataConfig,
    base: Path,
    kind: Any = DeltasSharingConfig,
    *,
    add_tasks: tuple[str, ...] = ("relation",),
    training: dict[str, Any] | None = None,
    **settings: Any,
) -> Config:
    """A config that takes from the base all that it does not name."""
    config = tiny_config(
        data,
        name="added",
        sharing=kind(base=str(base), add_tasks=add_tasks, **settings),
        training={**DECAYED, **(training or {})},
    )
    left_out = {"encoders", "entity_head"}
    fields = {
        name: getattr(config, name) for name in config.model_fields_set if name not in left_out
    }
    return Config(**fields)


@torch.no_grad()
def emissions(model: JointModel) -> torch.Tensor:
    batch = Batch.from_sentences(SENTENCES, model.featurise)
    return model.emissions(model.streams(batch))


def entities(folder: Path) -> list[Any]:
    return [
        sorted((own.start, own.end, own.type, own.confidence) for own in sentence.entities)
        for sentence in Extractor.load(folder).annotate(SENTENCES)
    ]


PLANS: dict[str, SharingConfig] = {
    "gru": DepthSharingConfig(hidden_dim=6, dropout=0.1, normalise=True),
    "lstm exits": ExitsSharingConfig(
        cell="lstm", hidden_dim=6, shared_layers=2, entity_exit=2, relation_exit=1
    ),
    "transformer": DepthSharingConfig(
        cell="transformer", hidden_dim=6, attention_heads=2, normalise=True
    ),
}

COPIES: dict[str, SharingConfig] = {
    "copies": DepthSharingConfig(
        cell="pretrained", shared_layers=1, entity_layers=1, relation_layers=1
    ),
    "copies exits": ExitsSharingConfig(
        cell="pretrained", shared_layers=2, entity_exit=2, relation_exit=1
    ),
}


@KINDS
@pytest.mark.parametrize("plan", [*PLANS, *COPIES])
def test_entities_stay_bit_for_bit_when_relations_are_added(
    plan: str, kind: Any, pretrained_folder: Path, tmp_path: Path
) -> None:
    fields = {"encoders": (*ENCODERS, pretrained(pretrained_folder))} if plan in COPIES else {}
    base = entities_only(tmp_path / "entities", (PLANS | COPIES)[plan], **fields)
    before = digest_of_model(base)
    data = data_in(tmp_path / "relations")
    model = left_by(added(data, base, kind), tmp_path / "run")
    first, second = load_model(base).model, load_model(model).model
    assert torch.equal(emissions(first), emissions(second))
    assert entities(model) == entities(base)
    assert any(entities(base))
    assert second.schema.relation_types == ("based_in", "lives_in", "works_for")
    assert digest_of_model(base) == before


@KINDS
def test_a_second_corpus_is_learned_and_the_base_stays_as_it_is(
    kind: Any, trained_model: Path, tmp_path: Path
) -> None:
    digest, found = digest_of_model(trained_model), entities(trained_model)
    data = data_in(tmp_path / "data", names={"Person": "Human", "works_for": "serves"})
    config = added(data, trained_model, kind, add_tasks=("entity", "relation"))
    model = left_by(config, tmp_path / "run")
    schema = load_model(model).model.schema
    assert schema.entity_types == ("Company", "Human", "Place")
    assert "serves" in schema.relation_types
    assert digest_of_model(trained_model) == digest
    assert entities(trained_model) == found
    trained_model_layers = load_model(trained_model).model.sharing.state_dict()
    frozen = load_model(model).model.sharing.get_submodule("layers").state_dict()
    shared = trained_model_layers["blocks.0.stack.layers.0.forwards.weight_ih_l0"]
    assert torch.equal(frozen["0.forwards.weight_ih_l0"], shared)


def test_a_model_that_learned_entities_alone_finds_no_relations(base: Path) -> None:
    extractor = Extractor.load(base)
    found = extractor.annotate(list(TRAIN))
    assert any(sentence.entities for sentence in found)
    assert not any(sentence.relations for sentence in found)


@KINDS
def test_relations_are_learned_by_what_is_added(kind: Any, base: Path, tmp_path: Path) -> None:
    data = data_in(tmp_path / "data")
    training = {"epochs": 24, "learning_rate": 2e-2, "weight_decay": 0.01}
    config = added(data, base, kind, training=training, dropout=0.0)
    losses = [
        event.losses["relation"]
        for event in training_events(config, tmp_path / "run")
        if hasattr(event, "losses") and hasattr(event, "dev")
    ]
    assert losses[-1] < 0.7 * losses[0]


@KINDS
def test_the_model_is_whole_without_its_base(kind: Any, tmp_path: Path) -> None:
    base = entities_only(tmp_path / "entities")
    digest = digest_of_model(base)
    model = left_by(added(data_in(tmp_path / "data"), base, kind), tmp_path / "run")
    found = entities(model)
    base.rename(tmp_path / "elsewhere")
    assert entities(model) == found
    sharing = load_config(model / "config.toml").sharing
    assert getattr(sharing, "base_sha256", None) == digest
    assert (sharing.hidden_dim, getattr(sharing, "shared_layers", None)) == (6, 2)
    saved = load_model(model).model
    trained = {name for name, _ in saved.sharing.named_parameters() if "overrides" in name}
    new = sum(saved.sharing.get_parameter(name).numel() for name in trained)
    for part in (saved.link, saved.relation_head):
        new += sum(tensor.numel() for tensor in part.state_dict().values())
    assert f"relation; {new:,} of the parameters are new" in (model / "README.md").read_text(
        "utf-8"
    )


def test_what_is_frozen_is_in_no_optimiser(base: Path, tmp_path: Path) -> None:
    started = next(training_events(added(data_in(tmp_path / "data"), base), tmp_path / "run"))
    assert isinstance(started, RunStarted)
    first = load_model(base).model
    kept = sum(
        own.numel() for part in (first.encoder, first.entity_head) for own in part.parameters()
    )
    layers = sum(own.numel() for own in first.sharing.get_submodule("blocks.0").parameters())
    assert started.trainable_parameters < started.total_parameters - kept - layers


@KINDS
def test_a_resumed_run_ends_with_the_bits_of_one_that_never_stopped(
    kind: Any, base: Path, tmp_path: Path
) -> None:
    config = added(data_in(tmp_path / "data"), base, kind)
    left_by(config, tmp_path / "whole")
    asked = itertools.count(1)
    left_by(config, tmp_path / "run", should_stop=lambda: next(asked) >= 11)
    left_by(config, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_penalty_starts_after_its_epochs(base: Path, tmp_path: Path) -> None:
    config = added(data_in(tmp_path / "data"), base, penalty_after_epochs=2)
    found = [
        "deltas" in event.losses
        for event in training_events(config, tmp_path / "run")
        if hasattr(event, "dev") and hasattr(event, "losses")
    ]
    assert found == [False, False, True, True]


@pytest.mark.parametrize("settings", [{"penalty": 1e4}, {"layers": "random", "random_layers": 1}])
def test_what_is_off_is_not_stored(settings: dict[str, Any], base: Path, tmp_path: Path) -> None:
    config = added(
        data_in(tmp_path / "data"),
        base,
        penalty_after_epochs=0,
        **settings,
        training={"epochs": 6, "select": "relation", "learning_rate": 5e-2},
    )
    model = left_by(config, tmp_path / "run")
    (replaced,) = json.loads((model / "model.json").read_text("utf-8"))["sharing"].values()
    whole = [sum("weight" in name for name in names) > 1 for names in replaced]
    assert len(whole) == 2
    assert sum(whole) <= 1


def refusal(config: Config, folder: Path, **options: Any) -> str:
    with pytest.raises(TrainingError) as error:
        left_by(config, folder / "run", **options)
    return str(error.value)


def test_bases_that_nothing_can_be_added_to_are_refused(
    base: Path, trained_model: Path, tmp_path: Path
) -> None:
    data = data_in(tmp_path / "data")
    assert "there is no model at 'nowhere'" in refusal(added(data, Path("nowhere")), tmp_path)
    (tmp_path / "empty").mkdir()
    assert "is no single model" in refusal(added(data, tmp_path / "empty"), tmp_path)
    extended = left_by(added(data, base, training={"epochs": 1}), tmp_path / "extended")
    assert 'has kind = "deltas"' in refusal(added(data, extended), tmp_path)
    bottom = left_by(
        tiny_config(data, sharing=BottomSharingConfig(hidden_dim=4), training={"epochs": 1}),
        tmp_path / "bottom",
    )
    assert 'layers of kind "depth" or "exits" only' in refusal(added(data, bottom), tmp_path)
    flat = entities_only(
        tmp_path / "flat",
        DepthSharingConfig(shared_layers=0, entity_layers=0, relation_layers=1, hidden_dim=4),
    )
    assert "has no layers for the relation task" in refusal(added(data, flat), tmp_path)
    drawn = added(data, base, layers="random", random_layers=5)
    assert "5 layers or matrices of a task are to be drawn" in refusal(drawn, tmp_path)


def test_another_base_than_before_is_refused(
    base: Path, trained_model: Path, tmp_path: Path
) -> None:
    data = data_in(tmp_path / "data")
    config = added(data, base, base_sha256=digest_of_model(trained_model))
    assert "is not the base that the config names" in refusal(config, tmp_path)
    left_by(added(data, base, training={"epochs": 1}), tmp_path / "run")
    other = added(data, trained_model, training={"epochs": 1})
    assert "sharing.base_sha256: was" in refusal(other, tmp_path, resume=True)


def test_types_that_the_base_does_not_find_are_refused_where_entities_are_kept(
    base: Path, tmp_path: Path
) -> None:
    data = data_in(tmp_path / "data", names={"Person": "Human"})
    message = refusal(added(data, base), tmp_path)
    assert "entities of the types Human, and the base" in message
    assert "add the entity task too" in message


def test_parts_that_are_the_base_s_are_refused_in_the_config(base: Path, tmp_path: Path) -> None:
    data = data_in(tmp_path / "data")
    config = added(data, base, hidden_dim=7)
    assert "sharing.hidden_dim is not that of the base" in refusal(config, tmp_path)
    head = tiny_config().entity_head.model_copy(update={"hidden_dim": 3})
    config = Config(
        **{**dict(added(data, base)), "encoders": tiny_config().encoders, "entity_head": head}
    )
    refused = refusal(config, tmp_path)
    assert "entity_head is not that of the base" in refused
    assert 'found {kind = "crf", hidden_dim = 3}' in refused  # as a config has it
    german = data.model_copy(update={"language": "de"})
    assert "reads texts of the language en" in refusal(added(german, base), tmp_path)


def test_base_on_an_encoder_that_is_not_the_same_any_more_is_refused(
    tmp_path: Path, pretrained_folder: Path
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    encoder = shutil.copytree(pretrained_folder, tmp_path / "encoder")
    base = entities_only(tmp_path / "entities", encoders=(pretrained(encoder),))
    (path,) = encoder.glob("*.safetensors")
    save_file(
        {name: tensor + 1 for name, tensor in load_file(path).items()},
        path,
        metadata={"format": "pt"},
    )
    message = refusal(added(data_in(tmp_path / "data"), base), tmp_path)
    assert message.startswith(f"nothing can be added to {base}")
    assert "SHA-256" in message


def test_copies_for_relations_that_were_not_trained_are_refused(
    pretrained_folder: Path, tmp_path: Path
) -> None:
    base = entities_only(
        tmp_path / "entities",
        DepthSharingConfig(cell="pretrained", entity_layers=0, relation_layers=2),
        encoders=(*ENCODERS, pretrained(pretrained_folder)),
    )
    with pytest.raises(TrainingError, match="copied more layers of its encoder for them than the"):
        left_by(added(data_in(tmp_path / "data"), base), tmp_path / "run")


@KINDS
def test_what_is_added_to_copies_learns_at_the_encoders_rate(
    kind: Any, pretrained_folder: Path, tmp_path: Path
) -> None:
    """All but the scores: they only choose."""
    base = entities_only(
        tmp_path / "entities",
        DepthSharingConfig(cell="pretrained", shared_layers=2, entity_layers=0, relation_layers=0),
        encoders=(*ENCODERS, pretrained(pretrained_folder)),
    )
    config = with_base(added(data_in(tmp_path / "data"), base, kind))
    model = model_over_base(config, load_model(base).model.schemas, TRAIN)
    above = model.layers_above
    own = {name for name, _ in model.trainable_parameters() if name.startswith("sharing.")}
    assert own
    assert own - above.keys() == {name for name in own if name.endswith("scores")}
    assert {above[name] for name in own & above.keys() if ".relation.0." in name} == {1}
    assert {above[name] for name in own & above.keys() if ".relation.1." in name} == {0}
    assert not any("overrides" in name for name in model.pretrained_names)
