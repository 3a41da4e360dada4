import pytest

from dovetail.config import Config, DataConfig, RelationHeadConfig, parse_config
from dovetail.errors import ConfigError
from dovetail.strategies import ExitsSharingConfig

DATA = {"train": "train.json", "dev": "dev.json"}


def message_for(values):
    with pytest.raises(ConfigError) as caught:
        parse_config({"data": DATA, **values})
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"sead": 3}, "sead: unknown key; did you mean seed?"),
        (
            {"sharing": {"entity_layrs": 2}},
            "sharing.entity_layrs: unknown key; did you mean sharing.entity_layers?",
        ),
        (
            {"encoders": [{"kind": "casing"}, {"kind": "pretrained", "poolin": "mean"}]},
            "encoders.1.poolin: unknown key; did you mean encoders.1.pooling?",
        ),
        ({"epochs": 3}, "epochs: unknown key here; it belongs to [training]"),
        ({"training": {"seed": 3}}, "training.seed: unknown key here; it belongs to the top"),
        (
            {"sharing": {"kind": "depth", "entity_exit": 1}},
            'sharing.entity_exit: unknown key here; it belongs to [sharing] with kind = "exits"',
        ),
        (
            {"entity_head": {"max_width": 3}},
            'max_width: unknown key here; it belongs to [entity_head] with kind = "span"',
        ),
        (
            {"entity_head": {"kind": "span", "scheme": "bio"}},
            'scheme: unknown key here; it belongs to [entity_head] with kind = "crf"',
        ),
        ({"entity_head": {"zzz": 1}}, "known here: kind, scheme, hidden_dim, activation, dropout"),
    ],
)
def test_unknown_key_is_named_with_its_near_miss(values, problem):
    assert problem in message_for(values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"seed": "1"}, 'seed: expected an integer from 0 to 4294967295, found "1"'),
        ({"seed": -1}, "seed: expected an integer from 0 to 4294967295, found -1"),
        ({"seed": 1.0}, "seed: expected an integer from 0 to 4294967295, found 1.0"),
        ({"training": {"epochs": True}}, "expected an integer of at least 1, found true"),
        ({"training": {"clip_norm": False}}, "expected a number above 0, found false"),
        ({"training": {"learning_rate": float("nan")}}, "expected a number above 0, found nan"),
        ({"training": {"warmup_fraction": 1.5}}, "expected a number from 0 to 1, found 1.5"),
        ({"sharing": {"hidden_dim": 0}}, "expected an integer from 1 to 16384, found 0"),
        ({"sharing": {"normalise": 1}}, "sharing.normalise: expected true or false, found 1"),
        ({"sharing": {"dropout": 1.0}}, "expected a number of at least 0 and below 1, found 1.0"),
        ({"sharing": 3}, "sharing: expected a table, found 3"),
        (
            {"sharing": {"cell": "gruu"}},
            'sharing.cell: expected "gru", "lstm", "transformer" or "pretrained", found "gruu"',
        ),
        (
            {"sharing": {"kind": "dephts"}},
            '"deltas", "bank" or "probe", found "dephts"; did you mean "depth"?',
        ),
        (
            {"entity_head": {"kind": "spam"}},
            'entity_head.kind: expected "crf" or "span", found "spam"; did you mean "span"?',
        ),
        (
            {"entity_head": {"kind": "span", "max_width": 0}},
            "entity_head.max_width: expected an integer from 1 to 4096, found 0",
        ),
        (
            {"encoders": [{}]},
            'encoders.0.kind: missing; expected "pretrained", "elmo", "static", "brown"',
        ),
        ({"encoders": [{"kind": "static"}]}, "encoders.0.path: missing; expected a path"),
        ({"encoders": []}, "encoders: expected a non-empty list of tables, found []"),
        (
            {"encoders": [{"kind": "pretrained", "trained_layers": "al"}]},
            'expected an integer from 0 to 128 or "all", found "al"; did you mean "all"?',
        ),
        (
            {"encoders": [{"kind": "brown", "path": "a", "prefixes": [1, "a"]}]},
            'encoders.0.prefixes.1: expected an integer of at least 1, found "a"',
        ),
        (
            {"relation_head": {"threshold": 2}},
            'relation_head.threshold: expected a number from 0 to 1 or "tuned", found 2',
        ),
        (
            {"relation_head": {"signatures": "declared", "declared": {"works for": [["Peop"]]}}},
            'relation_head.declared."works for".0.1: missing; expected a non-empty string',
        ),
        (
            {"data": {"train": []}},
            "data.train: expected a path or a non-empty list of paths, found []",
        ),
        ({"data": {"train": ["a", 3], "dev": "b"}}, "data.train.1: expected a path, found 3"),
        ({"data": {"train": "", "dev": "b"}}, "the path is empty"),
        ({"name": "runs/mine"}, "name: expected a name that a folder can have"),
        ({"name": ".."}, "name: expected a name that a folder can have"),
    ],
)
def test_wrong_value_is_named_with_what_was_expected(values, problem):
    assert problem in message_for(values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"data": {"train": "a"}},
            "training.patience_epochs: stopping early needs a dev set, and there is none",
        ),
        (
            {"data": {"train": "a"}, "training": {"patience_epochs": 0}},
            "relation_head.threshold: tuning needs a dev set, and there is none",
        ),
        ({"data": {**DATA, "dev_fraction": 0.1}}, "data.dev_fraction: 0.1 of the training"),
        ({"data": {"train": ["a", "b"], "dev": "b"}}, 'data.dev: "b" is in train too'),
        (
            {"encoders": [{"kind": "static", "path": "a.npy"}]},
            'encoders.0.vocabulary: "a.npy" holds vectors without words',
        ),
        (
            {"encoders": [{"kind": "static", "path": "a.txt", "vocabulary": "b"}]},
            'encoders.0.vocabulary: "a.txt" brings its own words',
        ),
        (
            {"encoders": [{"kind": "brown", "path": "a", "prefixes": [], "whole_path": False}]},
            "encoders.0.prefixes: there is no prefix and no whole path",
        ),
        (
            {"encoders": [{"kind": "brown", "path": "a", "prefixes": [6, 4]}]},
            "encoders.0.prefixes: expected ascending lengths, found [6, 4]",
        ),
        (
            {"sharing": {"kind": "gates", "gates": "random", "granularity": "layer"}},
            "sharing.granularity: random gates are drawn among units",
        ),
        (
            {"sharing": {"kind": "primitives", "primitives": ["next", "identity", "next"]}},
            "sharing.primitives: next is there twice",
        ),
        (
            {
                "sharing": {
                    "kind": "primitives",
                    "primitives": ["identity"],
                    "trainable_primitives": True,
                }
            },
            "sharing.trainable_primitives: of the primitives only the reservoir has weights",
        ),
        (
            {"sharing": {"cell": "transformer", "hidden_dim": 9, "attention_heads": 4}},
            "sharing.attention_heads: 4 heads cannot share a layer's width of 18",
        ),
        (
            {"sharing": {"kind": "exits", "shared_layers": 2, "relation_exit": 3}},
            "sharing.relation_exit: expected a layer from 0 to 2 (shared_layers), found 3",
        ),
        (
            {"sharing": {"kind": "bottom", "entity_layers": 0, "hidden_dim": 8}},
            "sharing.projection_dim: one task has no layer below the shared ones, which would",
        ),
        (
            {"sharing": {"kind": "exits", "cell": "pretrained", "residual": True}},
            "sharing.residual: pretrained layers add to what they read anyway",
        ),
        (
            {"sharing": {"kind": "exits", "relation_exit": 2}},
            "sharing.shared_layers: the last task leaves after layer 2, so nothing reads",
        ),
        (
            {"sharing": {"cell": "pretrained"}, "encoders": [{"kind": "casing"}]},
            'sharing.cell: "pretrained" copies the top layers of the pretrained encoder, and the '
            "list of encoders has none",
        ),
        (
            {"sharing": {"cell": "pretrained"}, "encoders": [{"kind": "pretrained"}] * 2},
            "the list of encoders has 2; list one of this kind",
        ),
        (
            {
                "sharing": {"cell": "pretrained"},
                "encoders": [{"kind": "pretrained", "trained_layers": 1}],
            },
            "trained_layers trains these layers themselves; set trained_layers = 0",
        ),
        (
            {
                "sharing": {
                    "cell": "pretrained",
                    "shared_layers": 0,
                    "entity_layers": 0,
                    "relation_layers": 0,
                }
            },
            "sharing.cell: there is no layer to copy; take one",
        ),
        (
            {"relation_head": {"labels": "predicted", "label_dim": 0}},
            "relation_head.labels: with label_dim = 0 no label is read",
        ),
        (
            {"relation_head": {"pair_dropout": 0.2}},
            "relation_head.pair_dropout: with pair_hidden_dim = 0 there is no hidden layer",
        ),
        (
            {"relation_head": {"signatures": "declared"}},
            'relation_head.declared: signatures = "declared" needs at least one relation type',
        ),
        (
            {"relation_head": {"declared": {"Kill": [["Peop", "Peop"]]}}},
            'signatures = "learned" would ignore the pairs declared for Kill',
        ),
        (
            {"relation_head": {"signatures": "declared", "declared": {"Kill": []}}},
            "relation_head.declared: Kill admits no pair",
        ),
        (
            {"training": {"entity_loss_weight": 0, "relation_loss_weight": 0}},
            "training.entity_loss_weight: relation_loss_weight is 0 too",
        ),
        (
            {"training": {"entity_loss_weight": 0, "select": "entity"}},
            'training.select: "entity" would choose by a task',
        ),
    ],
)
def test_contradiction_is_refused_with_a_sentence(values, problem):
    assert problem in message_for(values)


def test_run_without_dev_needs_no_early_stopping_and_a_threshold():
    config = parse_config(
        {
            "data": {"train": "a"},
            "training": {"patience_epochs": 0},
            "relation_head": {"threshold": 0.5},
        }
    )
    assert not config.data.has_dev


def test_all_problems_are_said_at_once():
    message = message_for(
        {
            "sead": 1,
            "sharing": {"kind": "exits", "relation_exit": 9},
            "encoders": [{"kind": "casing", "size": 3}, 5],
            "training": {"epochs": 0, "batch_size": "x"},
        }
    )
    first, *problems = message.split("\n")
    assert first == "config: 6 problems"
    assert [problem.split(":")[0].strip() for problem in problems] == [
        "encoders.0.size",
        "encoders.1",
        "sharing.relation_exit",
        "training.epochs",
        "training.batch_size",
        "sead",
    ]


def test_long_value_is_shortened():
    assert len(message_for({"seed": "x" * 5000})) < 200


def test_section_made_in_python_raises_the_same_error():
    with pytest.raises(ConfigError, match="DataConfig: tran: unknown key; did you mean train"):
        DataConfig(train="a", tran="b")
    with pytest.raises(ConfigError, match="ExitsSharingConfig: shared_layers: the last task"):
        ExitsSharingConfig(shared_layers=5)
    with pytest.raises(ConfigError, match="Config: 2 problems"):
        Config(data=DataConfig(train="a"))


def test_braces_in_a_message_are_not_read_as_place_holders():
    with pytest.raises(ConfigError, match=r"declared for \{type\}"):
        RelationHeadConfig(declared={"{type}": [["a", "b"]]})
