import pytest

from dovetail.config import parse_config
from dovetail.errors import ConfigError

DATA = {"train": "train.json", "dev": "dev.json"}


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("seed=7", lambda config: config.seed == 7),
        (" seed = 7 ", lambda config: config.seed == 7),
        ("sharing.entity_layers=2", lambda config: config.sharing.entity_layers == 2),
        ("sharing.kind=bottom", lambda config: config.sharing.kind == "bottom"),
        ("encoders.0.pooling=mean", lambda config: config.encoders[0].pooling == "mean"),
        (
            "encoders.0.trained_layers=all",
            lambda config: config.encoders[0].trained_layers == "all",
        ),
        ('encoders=[{kind="casing"}]', lambda config: len(config.encoders) == 1),
        ("training.learning_rate=1e-4", lambda config: config.training.learning_rate == 1e-4),
        ("training.clip_norm=2", lambda config: config.training.clip_norm == 2.0),
        ("encoders.0.layers=last", lambda config: config.encoders[0].layers == "last"),
        ('name="12"', lambda config: config.name == "12"),
        ("name=2020-01-01", lambda config: config.name == "2020-01-01"),
        ("name=a=b", lambda config: config.name == "a=b"),
        ("data.train=a/b-c.json", lambda config: str(config.data.train[0]) == "a/b-c.json"),
        ('data.train=["a", "b"]', lambda config: len(config.data.train) == 2),
    ],
)
def test_override_replaces_one_value(override, read):
    assert read(parse_config({"data": DATA}, [override]))
    assert not read(parse_config({"data": DATA}))


def test_override_reaches_names_with_any_signs():
    config = parse_config(
        {"data": DATA},
        [
            "relation_head.signatures=declared",
            'relation_head.declared."works.for"=[["Peop", "Org"]]',
        ],
    )
    assert config.relation_head.declared == {"works.for": (("Peop", "Org"),)}


def test_later_override_wins():
    assert parse_config({"data": DATA}, ["seed=2", "seed=3"]).seed == 3


def test_overrides_leave_the_given_values_alone():
    values = {"data": dict(DATA), "encoders": [{"kind": "pretrained"}]}
    parse_config(values, ["encoders.0.pooling=mean", "data.train=other.json", "training.epochs=1"])
    assert values == {"data": DATA, "encoders": [{"kind": "pretrained"}]}


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("seed", "expected an override such as"),
        ("seed=", "expected an override such as"),
        ("=3", "expected names joined by dots"),
        ("a b=3", "expected names joined by dots"),
        ("a..b=3", "expected names joined by dots"),
        ("[training]\nepochs=3", "expected names joined by dots"),
        ('data.train=["a"', "is not TOML"),
        ("training.epoch=3", "training.epoch: unknown key; did you mean training.epochs?"),
        ("trainin.epochs=3", "trainin: unknown key; did you mean training?"),
        ("encoders.2.pooling=mean", "expected a number from 0 to 1 after it, found '2'"),
        ("encoders.first.pooling=mean", "after it, found 'first'"),
        ("data.train.name=3", "data.train is the value 'train.json', which has nothing named"),
        (
            "training.epochs=many",
            'training.epochs: expected an integer of at least 1, found "many"',
        ),
        ("training.epochs=1\nbatch_size=0", "training.epochs: expected an integer"),
    ],
)
def test_override_that_cannot_be_right_is_refused(override, problem):
    with pytest.raises(ConfigError) as caught:
        parse_config({"data": DATA}, [override])
    assert problem in str(caught.value)
