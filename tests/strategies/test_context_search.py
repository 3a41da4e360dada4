"""The search for context: temperature, entropy, freezing; then training afresh with its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import batch_of, reached, tiny_config, tiny_loop, tiny_model
from tests.strategies.contract import moved
from torch import Tensor

from dovetail.build import build_model
from dovetail.config import Config, parse_config
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import ContextSharingConfig
from dovetail.strategies.context.auxiliary import note_of
from dovetail.strategies.context.genotype import choices_of
from dovetail.strategies.context.layers import LayersWithContext, search_of
from dovetail.strategies.context.search import SPEED, Search
from dovetail.tensors.features import Batch
from dovetail.text.schema import Schema
from dovetail.training import EpochResult, training_events
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.loop import Loop
from dovetail.training.supervision import curriculum_of

TASKS = ("entity", "relation")
PAIRS = [(target, source) for target in TASKS for source in TASKS]


def search_over(*tasks: str, entropy_weight: float = 0.06) -> Search:
    choices = choices_of(dict.fromkeys(tasks, 3))
    return Search(choices, freeze_lead=0.3, entropy_weight=entropy_weight)


def both() -> Search:
    return search_over("entity", "relation")


def set_logits(search: Search, pair: tuple[str, str], *values: float) -> None:
    with torch.no_grad():
        search.logits.get_submodule(pair[0]).get_parameter(pair[1]).copy_(
            torch.tensor(values) / SPEED
        )


def block_with(model: JointModel) -> LayersWithContext:
    assert isinstance(model.sharing, LayersWithContext)
    return model.sharing


# Temperature, entropy, freezing


def test_before_the_search_all_contexts_are_as_probable() -> None:
    for shares in both().shares().values():
        values = [share.item() for share in shares.values() if share is not None]
        assert values == pytest.approx([1 / len(values)] * len(values))


def test_the_temperature_falls_evenly_and_mixtures_become_single_contexts() -> None:
    search = both()
    temperatures, largest = [], []
    for step in range(101):
        torch.manual_seed(step % 7)
        search.begin_step(step / 100)
        temperatures.append(search.temperature)
        shares = [torch.stack([*own.values()]) for own in search.shares().values()]  # type: ignore[arg-type]
        assert all(own.sum().item() == pytest.approx(1) for own in shares)
        largest.append(min(own.max().item() for own in shares))
    assert temperatures[0] == 1.0
    assert temperatures[-1] == pytest.approx(0.05)
    assert temperatures[50] == pytest.approx(0.525)
    assert sum(largest[-20:]) > 1.4 * sum(largest[:20])


def test_samples_choose_each_context_as_often_as_it_is_probable() -> None:
    search = both()
    set_logits(search, ("entity", "relation"), 1.0, 0.0, -1.0, 0.5, 0.0)
    expected = torch.tensor([1.0, 0.0, -1.0, 0.5, 0.0]).softmax(0)
    torch.manual_seed(0)
    counts = torch.zeros(5)
    for _ in range(3000):
        search.begin_step(1.0)
        shares = search.shares()[("entity", "relation")]
        counts[int(torch.stack([*shares.values()]).argmax())] += 1  # type: ignore[arg-type]
    torch.testing.assert_close(counts / 3000, expected, rtol=0, atol=0.03)


def test_entropy_is_rewarded_in_the_first_quarter_and_costs_afterwards() -> None:
    """(g): its weight goes from -0.02 to 0.06 and is zero after 25 %."""
    search = both()
    weights = []
    for done in (0.0, 0.1, 0.25, 0.3, 1.0):
        search.begin_step(done)
        penalty = search.penalty()
        assert penalty is not None
        entropy = torch.tensor([4.0, 5.0, 5.0, 4.0]).log().mean()  # of all that can be had
        weights.append(round((penalty / entropy).item(), 6))
    assert weights == [-0.02, -0.012, 0.0, 0.004, 0.06]


@pytest.mark.parametrize(("done", "grows"), [(0.0, True), (0.9, False)])
def test_at_first_entropy_grows_and_later_it_falls(done: float, grows: bool) -> None:
    search = both()
    pair = ("relation", "entity")
    set_logits(search, pair, 0.8, 0.2, 0.0, 0.0, 0.0)
    search.begin_step(done)
    optimiser = torch.optim.SGD(search.parameters(), lr=1.0)
    before = _entropy(search, pair)
    for _ in range(5):
        optimiser.zero_grad()
        penalty = search.penalty()
        assert penalty is not None
        penalty.backward()
        optimiser.step()
    assert (_entropy(search, pair) > before) == grows


def _entropy(search: Search, pair: tuple[str, str]) -> float:
    chances = search.logits_of(pair).detach().softmax(0)
    return float(-(chances * chances.log()).sum())


def test_a_pair_is_frozen_when_its_best_context_leads_by_enough_and_nothing_opens_it() -> None:
    """(f): neither other logits, nor the steps and the end of the search."""
    search, pair = both(), ("relation", "entity")
    set_logits(search, pair, 0.0, 0.0, 0.0, 1.0, 0.0)  # 0.40 to 0.15
    search.freeze_leaders()
    assert search.open_pairs() == PAIRS
    set_logits(search, pair, 0.0, 0.0, 0.0, 1.4, 0.0)  # 0.50 to 0.12
    search.freeze_leaders()
    assert search.open_pairs() == [own for own in PAIRS if own != pair]
    set_logits(search, pair, 9.0, 0.0, 0.0, 0.0, 0.0)
    for _ in range(3):
        search.begin_step(0.5)
        search.freeze_leaders()
    search.freeze_all()
    assert search.chosen()[pair] == "source"
    assert not search.open_pairs()
    assert search.penalty() is None
    again = both()
    again.load_state_dict(search.state_dict())
    assert again.chosen() == search.chosen()
    assert not again.open_pairs()


def test_the_noise_of_a_pair_does_not_depend_on_what_is_frozen() -> None:
    free, frozen = both(), both()
    set_logits(frozen, PAIRS[0], 9.0, 0.0, 0.0, 0.0)
    frozen.freeze_leaders()
    for search in (free, frozen):
        torch.manual_seed(4)
        search.begin_step(0.0)
    ours, theirs = free.shares()[PAIRS[3]], frozen.shares()[PAIRS[3]]
    assert [*ours.values()] == [*theirs.values()]


# What is run in training, and what is reached


def model_of(**settings: Any) -> JointModel:
    return tiny_model(config_of(**settings))


def config_of(training: dict[str, Any] | None = None, **settings: Any) -> Config:
    own = {"hidden_dim": 4, "context_dim": 4, "dropout": 0.1, "search_epochs": 3, **settings}
    return tiny_config(
        sharing=ContextSharingConfig(**own),
        training={"epochs": 2, "patience_epochs": 0, **(training or {})},
    )


def test_a_frozen_pair_runs_its_context_alone() -> None:
    model = model_of()
    context = block_with(model).context
    moved(context)
    search = search_of(model)
    set_logits(search, ("relation", "entity"), 0.0, 9.0, 0.0, 0.0, 0.0)  # local
    set_logits(search, ("entity", "relation"), 0.0, 0.0, 0.0, 0.0, 9.0)  # none
    search.freeze_leaders()
    assert search.open_pairs() == [("entity", "entity"), ("relation", "relation")]
    model.train()
    for task in model.sharing.tasks:
        model.zero_grad(set_to_none=True)
        model.outputs(batch_of(SENTENCES, model)).losses[task].backward()
        inside = {name for name in reached(model) if name.startswith("sharing.")}
        assert inside == {f"sharing.{name}" for name in model.sharing.reached_by(task)}
        assert any(f"pairs.{task}.{task}.target" in name for name in inside)
        assert any(f"search.logits.{task}.{task}" in name for name in inside)
        assert sum("search.logits" in name for name in inside) == 1
        local = {name for name in inside if "pairs.relation.entity" in name}
        assert all("entity.local" in name for name in local)
        assert bool(local) == (task == "relation")
        assert not any("pairs.entity.relation" in name for name in inside)
    assert model.sharing.reads == {
        "entity": frozenset({"entity"}),
        "relation": frozenset({"entity", "relation"}),
    }


def test_auxiliary_heads_that_nothing_reads_any_more_are_not_run() -> None:
    model = model_of()
    search = search_of(model)
    model.train()
    names = {note_of(task) for task in TASKS}
    assert {*model(batch_of(SENTENCES, model)).notes} == names
    for pair in PAIRS:
        logits = torch.zeros(len(search.choices[pair]))
        logits[0 if pair[0] == "entity" else 1] = 9.0  # global, and local
        set_logits(search, pair, *logits.tolist())
    set_logits(search, ("relation", "entity"), 0.0, 0.0, 0.0, 9.0, 0.0)  # source
    search.freeze_leaders()
    assert {*model(batch_of(SENTENCES, model)).notes} == {note_of("entity")}


def test_other_models_have_no_search() -> None:
    for model in (tiny_model(), model_of(genotype="global")):
        with pytest.raises(TypeError, match="expected a search for context"):
            search_of(model)


# Training


def parameters_of(loop: Loop) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in loop.model.trainable_parameters()}


def test_training_searches_and_then_starts_afresh_with_what_was_found() -> None:
    loop = tiny_loop(config_of({"learning_rate": 0.05}))
    first = parameters_of(loop)
    logits = {name for name in first if ".search." in name}
    begun: dict[str, Tensor] = {}
    phases, chosen, terms = [], [], []
    for result in loop.run():
        if isinstance(result, EpochResult):
            phases.append(result.phase)
            chosen.append(search_of(loop.model).chosen())
            terms.append({*result.losses})
            if result.epoch == 3:
                searched = parameters_of(loop)
        elif loop.progress.phase == 1 and not begun:
            begun = parameters_of(loop)  # after the first step
    assert phases == ["search"] * 3 + ["joint"] * 2
    assert all(not torch.equal(searched[name], first[name]) for name in logits)
    assert chosen[2] == chosen[3] == chosen[4]
    assert all("context_entropy" in own for own in terms[:1])
    assert not any("context_entropy" in own for own in terms[3:])
    last = parameters_of(loop)
    assert all(torch.equal(last[name], searched[name]) for name in logits)
    # One small step away from what they began with, and far from where the search left them.
    one_step = 0.06
    weights = [name for name in first if name not in logits]
    assert all((begun[name] - first[name]).abs().max() < one_step for name in weights)
    assert any((searched[name] - first[name]).abs().max() > one_step for name in weights)


def test_the_search_ends_with_its_last_state_not_with_the_best_epoch_and_no_patience() -> None:
    config = config_of({"patience_epochs": 1, "learning_rate": 1e-9}, search_epochs=4)
    loop = tiny_loop(config)
    results = [result for result in loop.run() if isinstance(result, EpochResult)]
    assert [own.phase for own in results] == ["search"] * 4 + ["joint"] * 2
    assert [own.best_epoch for own in results] == [1, 1, 1, 1, 5, 5]


@pytest.mark.parametrize("average", ["none", "ema"])
def test_training_goes_on_from_any_epoch_of_both_phases_to_the_same_bits(
    tmp_path: Path, average: str
) -> None:
    config = config_of({"learning_rate": 0.05, "average": average})
    whole = tiny_loop(config)
    open_pairs = []
    for result in whole.run():
        if isinstance(result, EpochResult):
            whole.checkpoint().save(tmp_path / str(result.epoch))
            open_pairs.append(len(search_of(whole.model).open_pairs()))
    assert open_pairs[0] > 0 == open_pairs[-1]
    weights = whole.model.stored_state()
    for epoch in (1, 2, 3, 4):
        resumed = tiny_loop(config)
        resumed.restore(Checkpoint.load(tmp_path / str(epoch)))
        assert [own.epoch for own in resumed.run() if isinstance(own, EpochResult)] == [
            *range(epoch + 1, 6)
        ]
        found = resumed.model.stored_state()
        assert all(torch.equal(found[name], weights[name]) for name in weights), epoch


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_a_saved_search_is_the_chosen_contexts_and_says_the_same(cell: str, tmp_path: Path) -> None:
    config = config_of({"learning_rate": 0.05}, cell=cell)
    loop = tiny_loop(config)
    for _ in loop.run():
        pass
    model = loop.model.eval()
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model").model
    batch = batch_of(SENTENCES, model)
    ours, theirs = model(batch), saved(batch)
    for task in model.sharing.tasks:
        torch.testing.assert_close(theirs[task][batch.mask], ours[task][batch.mask])
    assert saved.sharing.assets() == model.sharing.assets()
    assert not any(".search." in name for name in saved.stored_state())
    assert len(saved.stored_state()) < len(model.stored_state())


# Several schemas

SCHEMAS = {
    "towns": Schema.from_sentences(SENTENCES),
    "people": Schema(("Name", "Person"), ("knows",)),
    "names": Schema(("Name",), ()),
}


@pytest.mark.parametrize("across", [True, False])
def test_auxiliary_losses_are_those_of_the_schema_of_the_batch(across: bool) -> None:
    config = config_of(across_schemas=across)
    torch.manual_seed(0)
    model = build_model(config, SCHEMAS, words=[own.tokens for own in SENTENCES])
    curriculum = curriculum_of(config, dict.fromkeys(model.sharing.tasks, 1.0), steps_per_epoch=1)
    batch = Batch.from_sentences(SENTENCES, model.encoder.featurise)
    own = model.of_schema("towns")
    batch = own.with_targets(Batch(batch.sentences, batch.features, batch.mask, schema="towns"))
    outputs = model.train().outputs(batch)
    terms: dict[str, Tensor] = {}
    for objective in curriculum[0].objectives:
        terms |= objective(outputs, batch, 0)
    auxiliary = {name for name in terms if name.startswith("auxiliary")}
    assert auxiliary == {"auxiliary_towns/entity", "auxiliary_towns/relation"}
    assert model.sharing.takes_some == (not across)
    # Without pairs across, nothing of the others is computed at all.
    assert (outputs.streams.by_task.keys() == {*own.tasks}) == (not across)
    assert ("auxiliary_people/entity" in outputs.streams.notes) == across


@pytest.mark.parametrize("genotype", ["search", "source"])
def test_several_corpora_are_trained_saved_and_loaded(
    genotype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        save_corpus(TRAIN, Path(f"{name}.jsonl"))
    save_corpus(DEV, Path("dev.jsonl"))
    corpora = [
        {"name": name, "train": f"{name}.jsonl", "dev": "dev.jsonl"} for name in ("one", "two")
    ]
    config = parse_config(
        {
            "name": "both",
            "encoders": [{"kind": "characters", "embedding_dim": 4, "hidden_dim": 4}],
            "corpora": corpora,
            "sharing": {
                "kind": "context",
                "hidden_dim": 4,
                "context_dim": 4,
                "genotype": genotype,
                "search_epochs": 1,
            },
            "entity_head": {"hidden_dim": 4},
            "training": {"epochs": 1, "precision": "fp32", "threads": 1},
        }
    )
    for _ in training_events(config, Path("run")):
        pass
    table = load_model(Path("run", "model")).model.sharing.assets()["genotype"]
    tasks = {"one/entity", "one/relation", "two/entity", "two/relation"}
    assert table.keys() == tasks
    assert all(own.keys() == tasks for own in table.values())
    card = Path("run", "model", "README.md").read_text(encoding="utf-8")
    assert card.count("Context that") == 4
