import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.config import (
    BrownEncoderConfig,
    CasingEncoderConfig,
    CharactersEncoderConfig,
    Config,
    CrfEntityHeadConfig,
    DataConfig,
    PretrainedEncoderConfig,
    RelationHeadConfig,
    SpanEntityHeadConfig,
    StaticEncoderConfig,
    TrainingConfig,
    dump_config,
    load_config,
    parse_config,
)
from dovetail.errors import ConfigError
from dovetail.strategies import BottomSharingConfig, DepthSharingConfig, ExitsSharingConfig

DATA = {"train": "train.json", "dev": "dev.json"}

dimensions = st.integers(1, 4096)
counts = st.integers(0, 9)
dropouts = st.floats(0, 1, exclude_max=True)
words = st.text(st.characters(codec="utf-8"), min_size=1)
paths = words.map(Path)

encoders = st.one_of(
    st.builds(
        PretrainedEncoderConfig,
        name=words.filter(lambda word: "$" not in word),
        trained_layers=counts | st.just("all"),
        layers=st.sampled_from(["mix", "concatenated", "last"]),
        pooling=st.sampled_from(["first", "last", "mean"]),
        projection_dim=counts,
        dropout=dropouts,
    ),
    st.builds(
        StaticEncoderConfig,
        path=paths.filter(lambda path: path.suffix != ".npy"),
        lowercase=st.booleans(),
        max_words=st.none() | dimensions,
    ),
    st.builds(StaticEncoderConfig, path=st.just(Path("a.npy")), vocabulary=paths),
    st.builds(
        BrownEncoderConfig,
        path=paths,
        prefixes=st.sets(dimensions, min_size=1, max_size=32).map(lambda some: tuple(sorted(some))),
        whole_path=st.booleans(),
    ),
    st.builds(CharactersEncoderConfig, embedding_dim=dimensions, dropout=dropouts),
    st.just(CasingEncoderConfig()),
)
sharings = st.one_of(
    st.builds(DepthSharingConfig, cell=st.sampled_from(["gru", "lstm"]), shared_layers=counts),
    st.builds(BottomSharingConfig, hidden_dim=dimensions, normalise=st.booleans()),
    st.builds(ExitsSharingConfig, entity_exit=st.integers(0, 3), dropout=dropouts),
)
entity_heads = st.one_of(
    st.builds(CrfEntityHeadConfig, scheme=st.sampled_from(["bio", "bilou"])),
    st.builds(SpanEntityHeadConfig, max_width=dimensions, span=st.sampled_from(["ends", "pooled"])),
)
relation_heads = st.one_of(
    st.builds(RelationHeadConfig, threshold=st.just("tuned") | st.floats(0, 1)),
    st.builds(
        RelationHeadConfig,
        signatures=st.just("declared"),
        declared=st.dictionaries(
            words, st.lists(st.tuples(words, words), min_size=1).map(tuple), min_size=1
        ),
    ),
)
configs = st.builds(
    Config,
    name=words.filter(lambda word: word not in (".", "..") and not set(word) & set("/\\:\0")),
    seed=st.integers(0, 2**32 - 1),
    data=st.builds(
        DataConfig,
        train=st.lists(paths, min_size=1).map(tuple),
        dev_fraction=st.floats(0.01, 0.9),
        format=st.none() | words,
        symmetric=st.lists(words).map(tuple),
    ),
    encoders=st.lists(encoders, min_size=1, max_size=4).map(tuple),
    sharing=sharings,
    entity_head=entity_heads,
    relation_head=relation_heads,
    training=st.builds(
        TrainingConfig,
        learning_rate=st.floats(0, exclude_min=True, allow_infinity=False),
        decay=st.sampled_from(["linear", "cosine", "constant"]),
    ),
)


@given(config=configs)
def test_dumped_config_reads_back_as_the_same(config):
    assert parse_config(tomllib.loads(dump_config(config))) == config


def test_dump_survives_a_file(tmp_path):
    config = parse_config({"data": {"train": ["a.json", "b.json"], "dev_fraction": 0.1}})
    path = tmp_path / "config.toml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config


def test_dump_holds_the_defaults():
    dumped = tomllib.loads(dump_config(parse_config({"data": DATA})))
    assert dumped["training"]["relation_loss_weight"] == 5.0
    assert dumped["sharing"]["kind"] == "depth"
    left_out = {"corpora", "mixing", "couplings", "auxiliary"}  # of several corpora; empty lists
    left_out.add("committee")  # of several models
    assert set(dumped) == set(Config.model_fields) - left_out


def test_one_path_and_one_name_are_lists_of_one():
    config = parse_config({"data": {**DATA, "symmetric": "Siblings"}})
    assert config == parse_config(
        {"data": {"train": ["train.json"], "dev": ["dev.json"], "symmetric": ["Siblings"]}}
    )
    assert config.data.train == (Path("train.json"),)


def test_config_from_python_equals_config_from_toml():
    assert Config(data=DataConfig(**DATA), sharing=ExitsSharingConfig()) == parse_config(
        {"data": DATA, "sharing": {"kind": "exits"}}
    )


def test_entity_head_without_a_kind_is_the_tagger():
    old = parse_config({"data": DATA, "entity_head": {"scheme": "bilou"}})
    assert old.entity_head == CrfEntityHeadConfig(scheme="bilou")
    assert parse_config({"data": DATA}).entity_head == CrfEntityHeadConfig()
    spans = parse_config({"data": DATA}, ["entity_head.kind=span"])
    assert spans.entity_head == SpanEntityHeadConfig()


def test_paths_expand_variables(monkeypatch):
    monkeypatch.setenv("CORPORA", "/corpora")
    config = parse_config({"data": {"train": "$CORPORA/a.json", "dev": "${CORPORA}s/$$5.json"}})
    assert config.data.train == (Path("/corpora/a.json"),)
    assert config.data.dev == (Path("/corporas/$5.json"),)


def test_data_folder_has_a_default_that_the_environment_replaces(monkeypatch):
    monkeypatch.delenv("DOVETAIL_DATA", raising=False)
    assert DataConfig(train="$DOVETAIL_DATA/a.json").train == (Path("../shared/data/a.json"),)
    monkeypatch.setenv("DOVETAIL_DATA", "/corpora")
    assert DataConfig(train="$DOVETAIL_DATA/a.json").train == (Path("/corpora/a.json"),)
    written = DataConfig(train=["$DOVETAIL_DATA/a.json", "/corpora$$/b.json"]).model_dump(
        mode="json"
    )
    assert written["train"] == ["$DOVETAIL_DATA/a.json", "/corpora$$/b.json"]


@pytest.mark.parametrize("text", ["$NO_SUCH_VARIABLE/a.json", "a$", "$/b.json"])
def test_variable_that_cannot_be_expanded_is_refused(text):
    with pytest.raises(ConfigError, match=r"write \$\$ for a dollar sign"):
        DataConfig(train=text)


def test_byte_order_mark_is_read_over(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[data]\ntrain = 'a.json'\ndev = 'b.json'\n")
    assert load_config(path).data.dev == (Path("b.json"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[data\n", r"not valid TOML: .*line 1"),
        (b"\x00\xff\x80", r"expected TOML in UTF-8"),
        (b"[data]\ntrain = 'a'\ntrain = 'b'\n", r"not valid TOML: .*line 3"),
        (b"", r"data: missing; expected a table with at least train"),
    ],
)
def test_unreadable_file_is_named_with_its_fault(tmp_path, content, message):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"broken\.toml: {message}"):
        load_config(path)


def test_missing_file_and_folder_are_told_apart(tmp_path):
    with pytest.raises(ConfigError, match="there is no such config file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="found a folder"):
        load_config(tmp_path)


def test_config_is_frozen():
    config = parse_config({"data": DATA})
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 2


def test_import_brings_no_heavy_library():
    heavy = {"torch", "numpy", "transformers", "spacy", "rich", "typer"}
    code = f"import sys, dovetail.config; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
