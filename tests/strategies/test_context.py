"""Context between tasks: what each sort of it is, what it starts as, what is saved of a search."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES
from tests.networks import batch_of, layer_factory, reached, tiny_config, tiny_model
from tests.strategies.contract import inputs, moved, run, same
from torch import Tensor
from torch.nn.functional import layer_norm, one_hot, softplus

from dovetail.config import dump_config, load_config, parse_config
from dovetail.errors import ConfigError, ModelError
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import ContextSharingConfig, DepthSharingConfig
from dovetail.strategies.context.attention import (
    ClassAttention,
    GlobalAttention,
    LocalAttention,
    Read,
    class_means,
)
from dovetail.strategies.context.auxiliary import (
    AuxiliaryLosses,
    classes_of,
    entity_loss,
    note_of,
    relation_loss,
    roles_of,
    tags_of,
)
from dovetail.strategies.context.block import ContextBlock, Sizes
from dovetail.strategies.context.config import Context
from dovetail.strategies.context.genotype import (
    Choices,
    Genotype,
    choices_of,
    declared,
    drawn,
    uniform,
)
from dovetail.strategies.context.layers import LayersWithContext
from dovetail.strategies.context.search import Search
from dovetail.strategies.depth.block import depth
from dovetail.strategies.strategy import strategy_of
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Entity, Relation, Sentence
from dovetail.text.schema import Schema

DIM, CONTEXT_DIM, WINDOW = 5, 4, 3
CLASSES = {"entity": 5, "relation": 4}
DATA = {"train": "a.jsonl", "dev": "b.jsonl"}
SIX = ("a/entity", "a/relation", "b/entity", "b/relation", "c/entity", "c/relation")
KINDS = (GlobalAttention, LocalAttention, ClassAttention)


def attention_of(kind: type[torch.nn.Module]) -> torch.nn.Module:
    torch.manual_seed(0)
    window = {"window": WINDOW} if kind is LocalAttention else {}
    return kind(DIM, DIM + 1, CONTEXT_DIM, **window)


def read_of(*lengths: int, seed: int = 3) -> Read:
    generator = torch.Generator().manual_seed(seed)
    size = (len(lengths), max(lengths))
    target = torch.randn(*size, DIM, generator=generator)
    source = torch.randn(*size, DIM + 1, generator=generator)
    labels = torch.randn(*size, 3, generator=generator).log_softmax(2)
    return Read(target, source, torch.arange(size[1]) < torch.tensor(lengths)[:, None], labels)


def block_of(
    genotype: Genotype | None, tasks: Sequence[str] = TASKS, *, dropout: float = 0.0
) -> ContextBlock:
    """Of fixed contexts, or with a search for them."""
    torch.manual_seed(0)
    classes = {task: 3 + place for place, task in enumerate(tasks)}
    sizes = Sizes(CONTEXT_DIM, WINDOW, dropout, classes)
    dims = dict.fromkeys(tasks, DIM)
    if genotype is None:
        choices = choices_of(classes)
        return ContextBlock(dims, choices, sizes, search_of(choices))
    return ContextBlock(dims, {pair: (own,) for pair, own in genotype.items()}, sizes)


def search_of(choices: Choices) -> Search:
    return Search(choices, freeze_lead=0.3, entropy_weight=0.06)


def everywhere(context: Context, tasks: Sequence[str] = TASKS) -> Genotype:
    return uniform(context, choices_of(dict.fromkeys(tasks, 3)))


def streams_of(tasks: Sequence[str] = TASKS) -> Streams:
    generator = torch.Generator().manual_seed(1)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    return Streams({task: torch.randn(2, 4, DIM, generator=generator) for task in tasks}, mask)


def parameters_in(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# (a) nothing at first, and nothing without context


@pytest.mark.parametrize("context", ["global", "local", "target", "source", "search"])
@pytest.mark.parametrize("tasks", [TASKS, SIX])
def test_at_first_a_task_sees_its_own_stream_whatever_it_reads(
    context: Context, tasks: tuple[str, ...]
) -> None:
    block = block_of(None if context == "search" else everywhere(context, tasks), tasks)
    streams = streams_of(tasks)
    assert block.joined.keys() == set(tasks)
    for found in (block.train()(streams), block.eval()(streams)):
        assert all(torch.equal(found[task], streams[task]) for task in tasks)


def test_without_context_the_streams_are_handed_on_untouched() -> None:
    block = block_of(everywhere("none"))
    streams = streams_of()
    found = block(streams)
    assert all(found[task] is streams[task] for task in TASKS)
    assert not [*block.parameters()]


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_without_context_it_is_depth_bit_for_bit(cell: str) -> None:
    torch.manual_seed(0)
    layers = depth(layer_factory(cell), input_dim=DIM, shared=1, own={"entity": 1, "relation": 2})
    block = LayersWithContext(layers, block_of(everywhere("none")))
    tokens, mask = inputs(4, 2)
    same(run(block, tokens, mask), run(layers, tokens, mask))


@pytest.mark.parametrize("context", ["global", "local", "target", "source"])
def test_once_it_has_learned_a_task_reads_the_source_and_no_other(context: Context) -> None:
    tasks = ("entity", "relation", "coreference")
    genotype = dict.fromkeys(itertools.product(tasks, tasks), "none")
    block = moved(block_of({**genotype, ("relation", "entity"): context}, tasks))
    streams = streams_of(tasks)
    before = block(streams)
    for source in tasks:
        other = {**streams.by_task, source: streams[source] + torch.randn(2, 4, DIM)}
        after = block(Streams(other, streams.mask))
        read = {"entity", "relation"}
        changed = not torch.equal(
            after["relation"] - other["relation"], before["relation"] - streams["relation"]
        )
        assert changed == (source in read)
        assert all(after[task] is other[task] for task in ("entity", "coreference"))


# (b) the sorts of context, restated


def test_linear_attention_is_the_attention_of_its_kernel() -> None:
    attention, read = attention_of(GlobalAttention).double(), read_of(5, 3)
    target, source = read.target.double(), read.source.double()
    found = attention(Read(target, source, read.mask))
    queries, keys = softplus(attention.query(target)), softplus(attention.key(source))
    values = attention.value(source)
    for row, length in enumerate((5, 3)):
        for token in range(length):
            weights = torch.stack(
                [queries[row, token] @ keys[row, other] for other in range(length)]
            )
            assert (weights > 0).all()
            mean = (weights / weights.sum()) @ values[row, :length]
            torch.testing.assert_close(
                found[row, token], layer_norm(mean, (CONTEXT_DIM,)), rtol=0, atol=1e-12
            )


def test_local_attention_is_a_softmax_over_the_window() -> None:
    attention, read = attention_of(LocalAttention).double(), read_of(5, 3)
    target, source = read.target.double(), read.source.double()
    found = attention(Read(target, source, read.mask))
    queries, keys, values = attention.query(target), attention.key(source), attention.value(source)
    for row, length in enumerate((5, 3)):
        for token in range(length):
            around = range(max(0, token - 1), min(length, token + 2))
            scores = torch.stack([queries[row, token] @ keys[row, other] for other in around])
            mean = (scores / CONTEXT_DIM**0.5).softmax(0) @ values[row, list(around)]
            torch.testing.assert_close(
                found[row, token], layer_norm(mean, (CONTEXT_DIM,)), rtol=0, atol=1e-12
            )


def test_context_of_classes_is_attention_to_the_means_of_the_classes() -> None:
    attention, read = attention_of(ClassAttention).double(), read_of(5, 3)
    target, source = read.target.double(), read.source.double()
    assert read.labels is not None
    labels = read.labels.double()
    found = attention(Read(target, source, read.mask, labels))
    for row, length in enumerate((5, 3)):
        chances = labels[row, :length].exp()
        means = (chances / chances.sum(0)).T @ source[row, :length]
        keys, values = attention.key(means), attention.value(means)
        for token in range(length):
            scores = keys @ attention.query(target[row, token]) / CONTEXT_DIM**0.5
            torch.testing.assert_close(
                found[row, token],
                layer_norm(scores.softmax(0) @ values, (CONTEXT_DIM,)),
                rtol=0,
                atol=1e-12,
            )


def test_context_of_classes_needs_labels() -> None:
    with pytest.raises(ValueError, match="expected the labels of an auxiliary head, found none"):
        attention_of(ClassAttention)(read_of(2)._replace(labels=None))


# (c) classes


def test_means_of_certain_classes_are_those_of_their_tokens_that_are_no_padding() -> None:
    tokens, mask = torch.randn(2, 6, DIM), torch.arange(6) < torch.tensor([[6], [4]])
    classes = torch.tensor([[0, 1, 2, 1, 0, 0], [2, 0, 1, 1, 1, 2]])
    means = class_means(tokens, one_hot(classes, 3).float().log(), mask)
    for row, length in enumerate((6, 4)):
        for own in range(3):
            inside = tokens[row, :length][classes[row, :length] == own]
            torch.testing.assert_close(means[row, own], inside.mean(0))


def test_a_class_that_is_nowhere_probable_is_still_a_mean_of_tokens() -> None:
    tokens, mask = torch.randn(1, 3, DIM), torch.ones(1, 3).bool()
    labels = torch.tensor([[[-5000.0, 0.0], [-5001.0, 0.0], [-5000.0, 0.0]]])
    means = class_means(tokens, labels, mask)
    shares = torch.tensor([-5000.0, -5001.0, -5000.0]).softmax(0)
    torch.testing.assert_close(means[0, 0], shares @ tokens[0])


# (d) the auxiliary heads


def sentence_of(*entities: Entity, relations: Sequence[Relation] = ()) -> Sentence:
    tokens = ["In", "Jena", ",", "Carl", "Zeiss", "founded", "it"]
    return Sentence.from_tokens(tokens, entities=entities, relations=relations)


PLACE, PERSON, WORD = Entity(1, 2, "Place"), Entity(3, 5, "Person"), Entity(6, 7, "Place")
SCHEMA = Schema(("Person", "Place"), ("lives_in", "near"), symmetric=frozenset({"near"}))


def targets_of(*sentences: Sentence) -> tuple[Targets, Tensor]:
    targets = Targets.from_sentences(sentences, sorted, SCHEMA)
    return targets, torch.ones(len(sentences), len(sentences[0].tokens)).bool()


def test_tags_are_bio_tags_of_the_gold_entities() -> None:
    targets, mask = targets_of(sentence_of(PLACE, PERSON), sentence_of())
    outside, [person, inside_person], [place, _] = 0, (1, 2), (3, 4)
    assert tags_of(targets.candidates, mask).tolist() == [
        [outside, place, outside, person, inside_person, outside, outside],
        [outside] * 7,
    ]


def test_of_nested_entities_a_token_has_the_tag_of_the_shortest() -> None:
    whole = Entity(0, 5, "Place")
    candidates = Candidates.from_entities([[whole, PERSON]], SCHEMA.entity_types)
    tags = tags_of(candidates, torch.ones(1, 7).bool())
    assert tags.tolist() == [[3, 4, 4, 1, 2, 0, 0]]


def test_roles_say_who_is_head_and_who_is_tail_of_a_relation_of_a_type() -> None:
    lives, near = Relation(PERSON, PLACE, "lives_in"), Relation(PLACE, WORD, "near")
    targets, mask = targets_of(sentence_of(PLACE, PERSON, WORD, relations=[lives, near]))
    (roles,) = roles_of(targets, mask).tolist()
    names = ("head of lives_in", "head of near", "tail of lives_in", "tail of near")
    found = [{name for name, is_one in zip(names, own, strict=True) if is_one} for own in roles]
    symmetric = {"head of near", "tail of near"}
    assert found == [
        set(),
        {"tail of lives_in", *symmetric},
        set(),
        {"head of lives_in"},
        {"head of lives_in"},
        set(),
        symmetric,
    ]


def test_heads_learn_from_sentences_that_are_annotated_for_their_task() -> None:
    both = sentence_of(PLACE, PERSON, relations=[Relation(PERSON, PLACE, "lives_in")])
    entities_alone = replace(both, relations=frozenset(), annotated=frozenset({ENTITY_TASK}))
    targets, mask = targets_of(both, entities_alone)
    logits = torch.randn(2, 7, 5, requires_grad=True)
    entity_loss(logits, targets, mask).backward()
    assert logits.grad is not None
    assert logits.grad.any(2).all()
    roles = torch.randn(2, 7, 4, requires_grad=True)
    relation_loss(roles, targets, mask).backward()
    assert roles.grad is not None
    assert roles.grad[0].any(1).all()
    assert not roles.grad[1].any()


def test_without_annotated_sentences_the_losses_are_zero() -> None:
    targets, mask = targets_of(replace(sentence_of(), annotated=frozenset()))
    assert entity_loss(torch.randn(1, 7, 5), targets, mask) == 0
    assert relation_loss(torch.randn(1, 7, 4), targets, mask) == 0


def model_of(**settings: object) -> JointModel:
    sharing = ContextSharingConfig.model_validate(
        {"kind": "context", "hidden_dim": 4, "context_dim": 4, **settings}
    )
    return tiny_model(tiny_config(sharing=sharing))


def test_auxiliary_losses_reach_their_heads_and_no_layer_or_encoder() -> None:
    model = model_of(genotype="target")
    outputs = model.outputs(batch_of(SENTENCES, model))
    terms = AuxiliaryLosses(0.5)(outputs, batch_of(SENTENCES, model), 0)
    assert {*terms} == {"auxiliary_entity", "auxiliary_relation"}
    torch.stack([*terms.values()]).sum().backward()
    found = reached(model)
    assert found
    assert all(name.startswith("sharing.blocks.1.auxiliary.") for name in found)
    others = (p for name, p in model.named_parameters() if ".auxiliary." not in name)
    assert all(parameter.grad is None for parameter in others)


def test_auxiliary_losses_are_weighted_and_those_of_the_heads_that_are_there() -> None:
    model = model_of(genotype="declared", declared={"relation": {"entity": "source"}})
    batch = batch_of(SENTENCES, model)
    outputs = model.outputs(batch)
    (one,) = AuxiliaryLosses(1.0)(outputs, batch, 0).items()
    (half,) = AuxiliaryLosses(0.5)(outputs, batch, 0).items()
    assert one[0] == half[0] == note_of("entity") == "auxiliary_entity"
    assert half[1] == 0.5 * one[1]
    assert batch.targets is not None
    torch.testing.assert_close(
        one[1], entity_loss(outputs.streams.notes[one[0]], batch.targets, batch.mask)
    )


def test_the_number_of_classes_follows_from_the_types() -> None:
    schemas = {"news": SCHEMA, "names": Schema(("Name",), ())}
    assert classes_of(schemas) == {"news/entity": 5, "news/relation": 4, "names/entity": 3}


# (e) padding


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind: type[torch.nn.Module]) -> None:
    attention, read = attention_of(kind), read_of(5, 3)
    other = [
        own if own is None else own.masked_fill(~read.mask.unsqueeze(2), 1e3)
        for own in (read.target, read.source, read.labels)
    ]
    found = attention(read)[read.mask]
    assert torch.equal(found, attention(Read(other[0], other[1], read.mask, other[2]))[read.mask])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_where_all_is_padding_there_is_nothing(
    kind: type[torch.nn.Module], dtype: torch.dtype
) -> None:
    attention, read = attention_of(kind).to(dtype), read_of(3)
    mask = torch.zeros_like(read.mask)
    assert read.labels is not None
    source = read.source.to(dtype).requires_grad_()
    found = attention(Read(read.target.to(dtype), source, mask, read.labels.to(dtype)))
    assert not found.any()
    found.sum().backward()
    assert source.grad is not None
    assert not source.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_says_nearly_the_same(kind: type[torch.nn.Module]) -> None:
    attention, read = attention_of(kind), read_of(5, 3)
    half = Read(*(own if own is None or own is read.mask else own.bfloat16() for own in read))
    found = copy.deepcopy(attention).bfloat16()(half)[read.mask]
    torch.testing.assert_close(found.float(), attention(read)[read.mask], rtol=0, atol=0.1)


# Genotypes


def test_two_tasks_have_four_hundred_genotypes() -> None:
    choices = choices_of(CLASSES)
    counts = [len(allowed) for allowed in choices.values()]
    assert sorted(counts) == [4, 4, 5, 5]
    assert torch.tensor(counts).prod() == 400
    assert not any("source" in choices[(task, task)] for task in CLASSES)


def test_random_genotypes_are_drawn_by_the_seed_among_all() -> None:
    choices = choices_of(CLASSES)
    assert drawn(choices, seed=3) == drawn(choices, seed=3)
    many = [drawn(choices, seed=seed) for seed in range(200)]
    for pair, allowed in choices.items():
        assert {own[pair] for own in many} == set(allowed)


def test_a_task_without_types_offers_no_labels() -> None:
    choices = choices_of({"entity": 5, "relation": 0})
    assert set(choices[("entity", "relation")]) == {"global", "local", "target", "none"}
    assert set(choices[("relation", "entity")]) == {"global", "local", "source", "none"}
    assert uniform("target", choices)[("relation", "entity")] == "none"


def test_tasks_may_be_kept_from_reading_other_schemas() -> None:
    choices = choices_of(dict.fromkeys(SIX, 3), across_schemas=False)
    across = {pair for pair in choices if pair[0][0] != pair[1][0]}
    assert len(across) == 24
    assert all((choices[pair] == ("none",)) == (pair in across) for pair in choices)


def test_a_table_says_it_by_task_or_by_kind_and_the_more_exact_name_counts() -> None:
    choices = choices_of(dict.fromkeys(SIX, 3))
    found = declared(
        {
            "relation": {"entity": "source", "b/entity": "local"},
            "c/relation": {"entity": "global", "c/relation": "source"},
        },
        choices,
    )
    assert found[("a/relation", "a/entity")] == "source"
    assert found[("a/relation", "b/entity")] == "local"
    assert found[("c/relation", "b/entity")] == "global"
    assert found[("c/relation", "c/relation")] == "target"  # its own labels, by their other name
    assert {own for pair, own in found.items() if pair[0].endswith("entity")} == {"none"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"relation": {"entities": "source"}}, "names the task 'entities', and the tasks are"),
        ({"relations": {"entity": "source"}}, "names the task 'relations'"),
        ({"entity": {"relation": "source"}}, "which can have global, local, target, none"),
    ],
)
def test_a_table_that_cannot_be_is_refused(
    table: dict[str, dict[str, Context]], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        declared(table, choices_of({"entity": 5, "relation": 0}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 4}, "sharing.window: 4 tokens have none in the middle; take 3 or 5"),
        ({"genotype": "declared"}, "sharing.declared: genotype = .declared. needs a table"),
        ({"declared": {"entity": {}}}, "sharing.declared: it is read with genotype = .declared."),
        ({"genotype": "declared", "declared": {"entity": {"entity": "self"}}}, "declared.entity"),
        ({"genotype": "best"}, "sharing.genotype: expected"),
        (
            {"cell": "pretrained", "entity_layers": 0, "relation_layers": 0, "shared_layers": 0},
            "sharing.cell: there is no layer to copy",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_in_a_sentence(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config({"name": "tiny", "data": DATA, "sharing": {"kind": "context", **settings}})


def test_a_table_survives_a_file(tmp_path: Path) -> None:
    table = {"relation": {"entity": "source"}, "news/entity": {"drugs/entity": "global"}}
    sharing = {"kind": "context", "genotype": "declared", "declared": table}
    config = parse_config({"name": "tiny", "data": DATA, "sharing": sharing})
    path = tmp_path / "config.toml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path).sharing == config.sharing
    assert isinstance(config.sharing, ContextSharingConfig)
    assert config.sharing.declared == table


def test_the_layers_below_are_those_of_depth() -> None:
    section = ContextSharingConfig(
        hidden_dim=7, cell="lstm", shared_layers=0, entity_layers=2, relation_layers=3
    )
    assert section.layers == DepthSharingConfig(
        hidden_dim=7, cell="lstm", shared_layers=0, entity_layers=2, relation_layers=3
    )


# (f) what is saved


@pytest.mark.parametrize("tasks", [TASKS, SIX])
@pytest.mark.parametrize("seed", range(3))
def test_the_final_form_of_a_search_is_the_block_of_what_was_chosen(
    tasks: tuple[str, ...], seed: int
) -> None:
    block = moved(block_of(None, tasks))
    assert block.search is not None
    with torch.no_grad():
        for name, logits in block.search.named_parameters():
            logits.normal_(generator=torch.Generator().manual_seed(hash((name, seed)) % 1000))
    chosen = block.search.chosen()
    final, plain = block.finalize(), block_of(chosen, tasks)
    assert final.genotype() == chosen
    shapes = {name: value.shape for name, value in final.state_dict().items()}
    assert shapes == {name: value.shape for name, value in plain.state_dict().items()}
    before, after = block.eval()(streams_of(tasks)), final.eval()(streams_of(tasks))
    for task in tasks:
        torch.testing.assert_close(after[task], before[task])
    assert final.finalize() is final
    assert not any("search" in name for name in final.state_dict())


def test_a_saved_model_holds_the_chosen_contexts_and_their_heads_alone(tmp_path: Path) -> None:
    table = {"relation": {"entity": "source"}, "entity": {"entity": "local"}}
    model = model_of(genotype="declared", declared=table)
    config = tiny_config(
        sharing=ContextSharingConfig(
            hidden_dim=4, context_dim=4, genotype="declared", declared=table
        )
    )
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model").model
    parts = {
        ".".join(name.split(".")[3:7])
        for name in saved.stored_state()
        if name.startswith("sharing.blocks.1.pairs")
    }
    assert parts == {"pairs.relation.entity.source", "pairs.entity.entity.local"}
    heads = {
        name.split(".")[4]
        for name in saved.stored_state()
        if name.startswith("sharing.blocks.1.auxiliary")
    }
    assert heads == {"entity"}
    assert saved.sharing.assets() == {
        "genotype": {
            "entity": {"entity": "local", "relation": "none"},
            "relation": {"entity": "source", "relation": "none"},
        }
    }
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "- Context that relation reads: source of entity\n" in card
    assert "- Context that entity reads: local of entity\n" in card


@pytest.mark.parametrize("context", ["global", "local", "target", "source"])
@pytest.mark.parametrize("tasks", [2, 3, 6])
def test_parameters_are_those_of_the_formula(context: Context, tasks: int) -> None:
    names = SIX[:tasks]
    block = block_of(everywhere(context, names), names)
    pair = 2 * DIM * CONTEXT_DIM + (DIM + 1) * CONTEXT_DIM
    joined = (tasks * CONTEXT_DIM + 1) * DIM + 2 * DIM
    heads = sum((DIM + 1) * CONTEXT_DIM + (CONTEXT_DIM + 1) * (3 + place) for place in range(tasks))
    labelled = heads if context in ("target", "source") else 0
    assert parameters_in(block) == tasks**2 * pair + tasks * joined + labelled


@pytest.mark.parametrize("genotype", ["random", "none", "global", "search"])
def test_the_seed_draws_and_words_are_for_all_pairs(genotype: str) -> None:
    model = model_of(genotype=genotype)
    block = model.sharing
    assert isinstance(block, LayersWithContext)
    found = block.context.genotype()
    expected = {
        "random": drawn(choices_of(classes_of(model.schemas)), seed=1),
        "none": everywhere("none"),
        "global": everywhere("global"),
        "search": everywhere("global"),  # where nothing speaks for one of them
    }
    assert found == expected[genotype]
    assert (block.context.search is not None) == (genotype == "search")


def test_corpora_without_relations_have_contexts_all_the_same() -> None:
    sentences = [replace(own, relations=frozenset()) for own in SENTENCES]
    for genotype in ("search", "target", "source", "random"):
        sharing = ContextSharingConfig(hidden_dim=4, context_dim=4, genotype=genotype)
        model = tiny_model(tiny_config(sharing=sharing), sentences=sentences)
        block = model.sharing
        assert isinstance(block, LayersWithContext)
        assert RELATION_TASK not in block.context.auxiliary
        assert model(batch_of(sentences, model)).by_task.keys() == set(TASKS)


def test_the_search_space_keeps_to_what_the_section_asks_for() -> None:
    def space(genotype: str) -> object:
        table = {"entity": {"entity": "global"}} if genotype == "declared" else {}
        section = ContextSharingConfig(genotype=genotype, declared=table)  # type: ignore[arg-type]
        return strategy_of(section).search_space(section).get("genotype")

    assert (
        space("search")
        == space("source")
        == [
            "search",
            "global",
            "local",
            "target",
            "source",
            "none",
        ]
    )
    assert space("random") is space("declared") is None
