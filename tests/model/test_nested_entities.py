"""Entities within others, all the way: learned, saved, loaded, found, merged, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import SENTENCES, save_corpus
from tests.networks import batch_of, reached, talkative_model, tiny_config, tiny_model

from dovetail.config import Config, DataConfig, SpanEntityHeadConfig
from dovetail.errors import ModelError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import DepthSharingConfig
from dovetail.tensors.features import Batch
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.reading import DEFAULT_READING
from dovetail.text.tagging import reachable
from dovetail.training import training_events


def works_of(place: str, *, person: str = "") -> Sentence:
    """A company with a place in its name, where it is; its part is a company and a place too."""
    company, named, seat = Entity(1, 3, "Company"), Entity(1, 2, "Place"), Entity(5, 6, "Place")
    entities = [company, named, seat]
    relations = [Relation(company, named, "based_in"), Relation(company, seat, "based_in")]
    words = ["the", place, "Works", "are", "in", place]
    if person:
        entities.append(Entity(7, 8, "Person"))
        relations.append(Relation(entities[-1], company, "works_for"))
        words += ["with", person]
    return Sentence.from_tokens([*words, "."], entities=entities, relations=relations)


NESTED = (
    works_of("Vienna"),
    works_of("Jena", person="Ada"),
    works_of("Soho", person="Ida"),
    works_of("Bristol"),
    Sentence.from_tokens(["Nobody", "was", "there", "."]),
)
SPANS = SpanEntityHeadConfig(hidden_dim=16, max_width=4)


def span_config(data: DataConfig | None = None, **settings: object) -> Config:
    sharing = DepthSharingConfig(hidden_dim=12, dropout=0.0, relation_layers=1)
    relation_head = {"dropout": 0.0, **settings}
    return tiny_config(
        data,
        sharing=sharing,
        entity_head=SPANS,
        relation_head=relation_head,
        training={"epochs": 60, "learning_rate": 2e-2, "patience_epochs": 0},
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that has learned the nested sentences by heart."""
    folder = tmp_path_factory.mktemp("nested")
    path = save_corpus(NESTED, folder / "train.jsonl")
    dev = save_corpus(NESTED[:3], folder / "dev.jsonl")
    for _ in training_events(span_config(DataConfig(train=(path,), dev=(dev,))), folder / "run"):
        pass
    return folder / "run" / "model"


def test_what_no_tagger_can_express_is_learned_saved_loaded_and_found(learned: Path) -> None:
    assert any(len(reachable(s.entities)) < len(s.entities) for s in NESTED)
    scores = evaluate(NESTED, Extractor.load(learned).annotate(NESTED))
    assert scores.entity_strict.micro.f1 == 1.0
    assert scores.relation_strict.micro.f1 == 1.0


def test_card_says_what_can_be_found(learned: Path) -> None:
    card = (learned / "README.md").read_text(encoding="utf-8")
    assert "- Entities: one within another too; of 4 tokens at most" in card


def test_nested_entities_of_a_text_have_their_characters(learned: Path) -> None:
    (extraction,) = Extractor.load(learned).pipe(["the Vienna Works are in Vienna ."])
    texts = [(entity.text, entity.type) for entity in extraction.entities]
    assert texts == [("Vienna", "Place"), ("Vienna Works", "Company"), ("Vienna", "Place")]
    head, tail = extraction.relations[0].head, extraction.relations[0].tail
    assert (head.text, tail.text, tail.start_char) == ("Vienna Works", "Vienna", 4)


def test_nested_entities_survive_the_windows_of_a_long_sentence(learned: Path) -> None:
    part = NESTED[1]
    times = 2 * DEFAULT_READING.max_tokens // len(part.tokens) + 1
    long = Sentence.from_tokens(part.tokens * times)
    (found,) = Extractor.load(learned).annotate([long])
    nested = [e for e in found.entities if any(o != e and o.overlaps(e) for o in found.entities)]
    assert any(entity.start >= DEFAULT_READING.max_tokens for entity in nested)


def confidences(sentences: Sequence[Sentence]) -> list[list[float | None]]:
    return [
        [found.confidence for found in (*s.sorted_entities, *s.sorted_relations)] for s in sentences
    ]


def test_model_is_saved_and_loaded_to_the_bit(tmp_path: Path) -> None:
    model, config = talkative_model(span_config()), span_config()
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model")
    assert saved.config == config
    ours, theirs = (Extractor(m).annotate(SENTENCES) for m in (model, saved.model))
    assert ours == theirs
    assert confidences(ours) == confidences(theirs)
    stored, found = model.stored_state(), load_file(tmp_path / "model" / "weights.safetensors")
    assert found.keys() == stored.keys()
    assert all(torch.equal(found[name], stored[name]) for name in stored)


def predict(model: JointModel, sentences: Sequence[Sentence]) -> list[Sentence]:
    return model.predict(Batch.from_sentences(sentences, model.encoder.featurise))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("labels", ["gold", "probabilities", "predicted"])
def test_a_sentence_alone_equals_the_same_in_a_batch(labels: str, training: bool) -> None:
    model = talkative_model(span_config(labels=labels)).train(training)
    some = [*SENTENCES[:8], *NESTED]
    together = predict(model, some)
    assert sum(len(sentence.relations) for sentence in together)
    alone = [predict(model, [sentence])[0] for sentence in some]
    assert together == alone
    for ours, theirs in zip(confidences(together), confidences(alone), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("labels", ["gold", "probabilities", "predicted"])
@pytest.mark.parametrize("candidates", ["gold", "predicted"])
def test_each_loss_reaches_its_own_head_alone(labels: str, candidates: str) -> None:
    config = span_config(labels=labels, candidates=candidates)
    for task, other in (("relation", "entity"), ("entity", "relation")):
        model = talkative_model(config)
        model.outputs(batch_of(NESTED, model)).losses[task].backward()
        found = reached(model)
        assert not {name for name in found if name.startswith(f"{other}_head")}
        assert any(name.startswith(f"{task}_head.scorer") for name in found)


def test_spurious_candidates_do_not_change_the_entity_loss() -> None:
    losses = []
    for candidates in ("gold", "predicted"):
        model = talkative_model(span_config(candidates=candidates))
        outputs = model.outputs(batch_of(NESTED, model))
        losses.append(outputs.losses["entity"].item())
    assert losses[0] == losses[1]


def test_every_nested_entity_and_relation_is_a_target() -> None:
    model = tiny_model(span_config())
    targets = batch_of(NESTED, model).targets
    assert targets is not None
    types = model.schema.entity_types
    assert targets.candidates.entities(types) == [set(s.entities) for s in NESTED]
    assert targets.relations.sum() == sum(len(sentence.relations) for sentence in NESTED)


def test_models_with_scorers_of_spans_decide_together() -> None:
    members = [talkative_model(span_config(), seed=seed) for seed in (0, 1)]
    alone = Extractor(members[0]).annotate(SENTENCES)
    twice = Extractor(Ensemble(deepcopy([members[0], members[0]])).eval()).annotate(SENTENCES)
    assert twice == alone
    together = Ensemble(deepcopy(members)).eval()
    assert Extractor(together).annotate(SENTENCES) != alone
    batch = Batch.from_sentences(SENTENCES[:4], members[0].featurise)
    with torch.no_grad():
        each = [member.emissions(member.streams(batch)) for member in members]
        batch = Batch.from_sentences(SENTENCES[:4], together.featurise)
        found = together.emissions(together.streams(batch))
    torch.testing.assert_close(found, (each[0] + each[1]) / 2)


def test_models_whose_heads_differ_do_not_decide_together() -> None:
    spans = tiny_model(span_config())
    with pytest.raises(ModelError, match="the same kind of entity head"):
        Ensemble([tiny_model(), spans])
    wider = span_config().model_copy(update={"entity_head": SpanEntityHeadConfig(max_width=5)})
    with pytest.raises(ModelError, match="the same width of spans; model 1 has 4, model 2 has 5"):
        Ensemble([spans, tiny_model(wider)])
