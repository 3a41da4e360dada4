"""Models on a hub: the real client, real bytes, and a stand-in for the hub on loopback."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import ModelCard
from tests.hub_server import TOKEN, Repository, served
from typer.testing import CliRunner

from dovetail import (
    CardOptions,
    Extractor,
    HubAccess,
    ModelError,
    PushOptions,
    evaluate,
    read_corpus,
)
from dovetail.cli import app
from dovetail.saved.ensemble_folder import digest_of, save_ensemble
from dovetail.saved.finding import HubName
from dovetail.saved.hub_card import named_places

# Of the hub's client, which sends large files in a form that its own library will give up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

TEXT = "Ann works for Zeiss. Rudolf moved to Jena."
NAME = "ann/harbour"
HERE = HubAccess(token=TOKEN)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that the real client of this process talks to, with an empty cache."""
    with served() as hub:
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        files = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its servers are another thing
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
        yield hub


@pytest.fixture
def pushed(hub, trained_model):
    Extractor.load(trained_model).push_to_hub(NAME, access=HERE)
    return hub.repositories[NAME]


def files_of(repository: Repository, revision: str = "main") -> dict[str, bytes]:
    return repository.commits[repository.branches[revision]]


def test_a_model_comes_back_from_the_hub_with_the_same_answers(pushed, trained_model):
    there = Extractor.from_pretrained(NAME)
    assert there.extract(TEXT) == Extractor.load(trained_model).extract(TEXT)
    assert there.name == NAME
    assert there.header()["model"] == NAME
    assert Extractor.load(NAME).extract(TEXT) == there.extract(TEXT)


def test_all_files_of_a_model_are_put_there_in_one_commit(hub, pushed, trained_model):
    own = {path.name: path.read_bytes() for path in trained_model.iterdir()}
    there = files_of(pushed)
    assert {name: there[name] for name in own if name != "README.md"} == {
        name: content for name, content in own.items() if name != "README.md"
    }
    assert sum("/commit/" in asked for asked in hub.asked) == 1
    assert pushed.large == {"weights.safetensors"}


def test_pushing_again_takes_stale_files_away_and_leaves_those_of_others(pushed, trained_model):
    pushed.commit({**files_of(pushed), "words-7.txt": b"a\n", "notes.md": b"mine"})
    Extractor.load(trained_model).push_to_hub(NAME, access=HERE)
    assert "words-7.txt" not in files_of(pushed)
    assert files_of(pushed)["notes.md"] == b"mine"


OTHERS = (
    "data/part-1.txt",
    "notes-1.txt",
    "old/words-1.txt",
    "old/model.json",
    "members/2/old/model.json",
    "members/notes/README.md",
    "words-100.txt",
    "words-1.txt.bak",
)


def test_pushing_leaves_all_files_that_are_not_a_models(pushed, trained_model):
    others = {name: name.encode() for name in OTHERS}
    stale = {"words-12.txt": b"a\n", "characters-9.txt": b"a\n", "members/3/model.json": b"{}"}
    own = set(files_of(pushed))
    pushed.commit({**files_of(pushed), **others, **stale})
    Extractor.load(trained_model).push_to_hub(NAME, access=HERE)
    assert set(files_of(pushed)) == own | set(OTHERS)
    assert {name: files_of(pushed)[name] for name in OTHERS} == others


def test_files_of_others_in_a_repository_are_no_part_of_its_model(pushed, trained_model):
    expected = Extractor.load(trained_model).extract(TEXT)
    pushed.commit({**files_of(pushed), **dict.fromkeys(OTHERS, b"mine")})
    assert Extractor.from_pretrained(NAME).extract(TEXT) == expected
    (cache,) = Path(huggingface_hub.constants.HF_HUB_CACHE).glob("models--*/snapshots/*")
    assert not (cache / "notes-1.txt").exists()


def test_texts_beside_a_model_are_neither_replaced_nor_part_of_its_digest(trained_model, tmp_path):
    Extractor.load(trained_model).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "notes-1.txt").write_text("mine")
    assert digest_of(tmp_path / "model") == digest_of(trained_model)
    with pytest.raises(ModelError, match=r"holds files that are not a model's.*notes-1\.txt"):
        Extractor.load(trained_model).save_pretrained(tmp_path / "model")


def test_nothing_but_the_files_of_a_model_is_downloaded(hub, pushed):
    harm = {"evil.py": b"import os", "pytorch_model.bin": b"\x80", "x.pkl": b"\x80", "a/b.sh": b""}
    pushed.commit({**files_of(pushed), **harm})
    Extractor.from_pretrained(NAME)
    (cache,) = Path(huggingface_hub.constants.HF_HUB_CACHE).glob("models--*/snapshots/*")
    names = {path.name for path in cache.rglob("*")}
    assert "model.json" in names
    assert not names & {"evil.py", "pytorch_model.bin", "x.pkl", "b.sh"}
    assert not any(name in asked for asked in hub.asked for name in harm)


def test_a_revision_is_a_branch_or_a_commit(pushed, trained_model):
    first = pushed.branches["main"]
    pushed.branches["old"] = first
    pushed.commit({**files_of(pushed), "README.md": b"newer"})
    assert Extractor.from_pretrained(NAME, revision="old").extract(TEXT)
    assert Extractor.from_pretrained(f"{NAME}@{first}").extract(TEXT)
    with pytest.raises(ModelError, match=f"the model {NAME} on .* has no branch.* 'new'"):
        Extractor.from_pretrained(NAME, revision="new")


def test_a_model_is_put_on_a_branch_that_is_there(pushed, trained_model):
    pushed.branches["tried"] = pushed.branches["main"]
    extractor = Extractor.load(trained_model)
    extractor.push_to_hub(NAME, options=PushOptions(revision="tried"), access=HERE)
    assert pushed.branches["tried"] != pushed.branches["main"]
    with pytest.raises(ModelError, match="it has no branch 'nowhere'; make it there first"):
        extractor.push_to_hub(NAME, options=PushOptions(revision="nowhere"), access=HERE)


def test_a_private_model_is_for_those_who_may_read_it(hub, trained_model):
    extractor = Extractor.load(trained_model)
    extractor.push_to_hub(NAME, options=PushOptions(private=True), access=HERE)
    assert hub.repositories[NAME].private
    with pytest.raises(ModelError, match=r"no model ann/harbour on .* or it is private.*HF_TOKEN"):
        Extractor.from_pretrained(NAME)
    assert Extractor.from_pretrained(NAME, access=HERE).extract(TEXT) == extractor.extract(TEXT)


def test_without_a_token_nothing_is_pushed(hub, trained_model):
    with pytest.raises(ModelError, match=r"you may not write there; log in"):
        Extractor.load(trained_model).push_to_hub(NAME, access=HubAccess(token="hf_wrong"))
    assert not hub.repositories


@pytest.mark.parametrize("name", ["harbour", "a/b/c", "ann/har bour", "../harbour", "ann/x@main"])
def test_what_is_no_name_is_not_pushed_to(hub, trained_model, name):
    with pytest.raises(ModelError, match="expected the name of a model on a hub, as owner/name"):
        Extractor.load(trained_model).push_to_hub(name, access=HERE)
    assert not hub.asked


def test_a_missing_model_is_said_to_be_missing(hub):
    with pytest.raises(ModelError, match=r"there is no model ann/nothing on http://127"):
        Extractor.from_pretrained("ann/nothing", access=HERE)


def test_what_is_no_model_of_dovetail_is_said_to_be_none(hub):
    hub.repositories["ann/other"] = Repository()
    hub.repositories["ann/other"].commit({"config.json": b"{}", "README.md": b""})
    with pytest.raises(ModelError, match=r"is no model of Dovetail: it has no model\.json"):
        Extractor.from_pretrained("ann/other")


def test_a_model_in_the_cache_needs_no_network(hub, pushed, monkeypatch):
    expected = Extractor.from_pretrained(NAME).extract(TEXT)
    hub.asked.clear()
    assert (
        Extractor.from_pretrained(NAME, access=HubAccess(local_files_only=True)).extract(TEXT)
        == expected
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert Extractor.load(NAME).extract(TEXT) == expected
    assert not hub.asked
    with pytest.raises(ModelError, match=r"is not in the cache .*HF_HUB_OFFLINE.*: load it once"):
        Extractor.from_pretrained("ann/nothing")
    with pytest.raises(ModelError, match="take HF_HUB_OFFLINE away"):
        Extractor.load(NAME).push_to_hub(NAME, access=HERE)


def test_a_hub_that_is_not_there_is_said_to_be_out_of_reach(hub, pushed, monkeypatch):
    expected = Extractor.from_pretrained(NAME).extract(TEXT)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert Extractor.from_pretrained(NAME).extract(TEXT) == expected  # of the cache
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9 cannot be reached: load it once"):
        Extractor.from_pretrained("ann/nothing")


def test_weights_that_arrive_damaged_are_refused(hub, pushed):
    hub.damages = True
    with pytest.raises(ModelError, match=r"has the SHA-256 .* and its card says .* damaged"):
        Extractor.from_pretrained(NAME)


def test_a_model_can_be_pinned_by_its_digest(pushed, trained_model):
    digest = digest_of(trained_model)
    assert Extractor.from_pretrained(NAME, sha256=digest).extract(TEXT)
    with pytest.raises(ModelError, match=f"has the SHA-256 {digest}, expected 00"):
        Extractor.from_pretrained(NAME, sha256="00")


def test_a_path_is_not_asked_for_at_the_hub(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(ModelError, match="there is no model at 'runs/harbour'"):
        Extractor.load("runs/harbour")
    assert not hub.asked


@pytest.mark.parametrize("ask", [Extractor.load, Extractor.from_pretrained])
def test_no_hub_is_asked_for_what_begins_with_a_folder_that_is_there(
    ask, hub, pushed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    hub.asked.clear()
    (tmp_path / "ann").mkdir()  # the hub has ann/harbour
    for name in (NAME, f"{NAME}@main"):
        with pytest.raises(ModelError, match=f"there is no model at '{name}'"):
            ask(name)
    assert not hub.asked


def test_a_revision_of_a_path_is_refused(trained_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ann").mkdir()
    for path in (trained_model, NAME):
        with pytest.raises(ModelError, match="so it has no revision"):
            Extractor.from_pretrained(path, revision="main")


def test_a_pipeline_of_spacy_asks_for_its_hub_model_on_first_use(hub, pushed, trained_model):
    spacy = pytest.importorskip("spacy")
    hub.asked.clear()
    nlp = spacy.blank("en")
    nlp.add_pipe("dovetail", config={"model": NAME})
    assert not hub.asked
    expected = Extractor.load(trained_model).extract(TEXT)
    doc = nlp(TEXT)
    assert len(doc.spans["dovetail"]) == len(expected.entities)
    assert hub.asked


def test_a_saved_pipeline_of_spacy_takes_the_model_that_it_brings_and_asks_no_hub(
    hub, pushed, tmp_path
):
    spacy = pytest.importorskip("spacy")

    def found(nlp):
        doc = nlp(TEXT)
        return [span.text for span in doc.spans["dovetail"]]

    nlp = spacy.blank("en")
    nlp.add_pipe("dovetail", config={"model": NAME})
    nlp.to_disk(tmp_path / "pipeline")
    expected = found(nlp)
    shutil.rmtree(huggingface_hub.constants.HF_HUB_CACHE)
    hub.asked.clear()
    loaded = spacy.load(tmp_path / "pipeline")
    assert found(loaded) == expected
    content = loaded.to_bytes()
    again = spacy.blank("en")
    again.add_pipe("dovetail", config={"model": NAME})
    again.from_bytes(content)
    assert found(again) == expected
    assert not hub.asked


def test_names_are_told_from_paths():
    assert HubName.parsed("ann/harbour") == HubName("ann/harbour")
    assert HubName.parsed("ann/harbour@v1.2") == HubName("ann/harbour", "v1.2")
    for text in ("harbour", "/ann/harbour", "ann/", "ann/b--c", "./harbour", "a/b/c", "ann/h@"):
        assert HubName.parsed(text) is None


def test_a_model_of_the_hub_can_be_sent_to_another_process(pushed):
    extractor = Extractor.from_pretrained(NAME)
    assert pickle.loads(pickle.dumps(extractor)).extract(TEXT) == extractor.extract(TEXT)


def test_an_ensemble_is_pushed_and_loaded_as_a_model_is(hub, trained_model, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained_model, other)
    config = other / "network.toml"
    config.write_text(config.read_text("utf-8") + "\n", "utf-8")  # another digest, the same model
    save_ensemble(tmp_path / "both", [trained_model, other])
    extractor = Extractor.load(tmp_path / "both")
    extractor.push_to_hub(NAME, access=HERE)
    assert "members/2/weights.safetensors" in files_of(hub.repositories[NAME])
    assert Extractor.from_pretrained(NAME).extract(TEXT) == extractor.extract(TEXT)


def test_a_saved_copy_is_the_same_model_and_takes_no_others_place(trained_model, tmp_path):
    extractor = Extractor.load(trained_model)
    extractor.save_pretrained(tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == digest_of(trained_model)
    extractor.save_pretrained(tmp_path / "copy")
    (tmp_path / "copy" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"notes\.txt"):
        extractor.save_pretrained(tmp_path / "copy")
    with pytest.raises(TypeError, match="made in memory"):
        Extractor(extractor.model).save_pretrained(tmp_path / "memory")


def card_of(repository: Repository) -> ModelCard:
    return ModelCard(files_of(repository)["README.md"].decode())


def test_the_card_has_the_dev_scores_of_the_run_as_the_hub_reads_them(pushed, trained_model):
    data = card_of(pushed).data
    finished = json.loads((trained_model.parent / "finished.json").read_text("utf-8"))
    results = {(own.task_type, own.metric_type): own for own in data.eval_results}
    for task, name in (("token-classification", "entity"), ("relation-extraction", "relation")):
        micro = finished["dev"][name]["strict"]["micro"]
        for metric in ("f1", "precision", "recall"):
            result = results[task, metric]
            assert result.metric_value == pytest.approx(micro[metric], abs=1e-4)
            assert (result.dataset_split, "strict" in result.metric_name) == ("dev", True)
    assert (data.library_name, data.language, data.model_name) == ("dovetail", "en", "harbour")
    assert {"dovetail", "relation-extraction"} <= set(data.tags)


def test_the_card_survives_the_round_trip_of_the_hubs_own_library(pushed):
    card = card_of(pushed)
    card.validate()  # asks the hub
    again = ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert again.data.eval_results == card.data.eval_results
    assert card.data.to_dict()["model-index"][0]["name"] == "harbour"
    assert f'Extractor.from_pretrained("{NAME}")' in card.text
    assert "# " in card.text
    assert "## Limits" in card.text


def test_the_card_takes_scores_licence_and_data_sets_that_are_named(hub, trained_model, tmp_path):
    gold = read_corpus(trained_model.parents[1] / "dev.jsonl").sentences
    extractor = Extractor.load(trained_model)
    scores = evaluate(gold, extractor.annotate(gold))
    (tmp_path / "scores.json").write_text(json.dumps(scores.to_dict()))
    options = CardOptions(
        "apache-2.0", ["ann/letters"], tmp_path / "scores.json", "Harbour letters", "test"
    )
    extractor.push_to_hub(NAME, card=options, access=HERE)
    data = card_of(hub.repositories[NAME]).data
    assert (data.license, data.datasets) == ("apache-2.0", ["ann/letters"])
    (f1,) = (
        own
        for own in data.eval_results
        if (own.metric_type, own.task_type) == ("f1", "token-classification")
    )
    assert f1.metric_value == round(scores.entity_strict.micro.f1, 4)
    assert (f1.dataset_name, f1.dataset_type) == ("Harbour letters", "harbour-letters")


def test_scores_that_are_none_are_refused(trained_model, tmp_path):
    (tmp_path / "scores.json").write_text("[]")
    with pytest.raises(ModelError, match=r"expected what `dovetail evaluate --output` writes"):
        Extractor.load(trained_model).push_to_hub(
            NAME, card=CardOptions(scores=tmp_path / "scores.json"), access=HERE
        )


def test_pushing_a_model_of_the_hub_again_keeps_one_head_on_its_card(hub, pushed):
    Extractor.from_pretrained(NAME).push_to_hub("ann/second", access=HERE)
    card = card_of(hub.repositories["ann/second"])
    assert card.data.model_name == "second"
    assert card.text.count("model-index") == 0


def test_pushing_a_model_of_the_hub_elsewhere_leaves_one_way_to_use_it(hub, pushed):
    first = card_of(pushed).text
    Extractor.from_pretrained(NAME).push_to_hub("ann/second", access=HERE)
    second = card_of(hub.repositories["ann/second"]).text
    assert second.count("## Use") == second.count("## Limits") == 1
    assert second.count("ann/second") == 2
    assert NAME not in second
    Extractor.from_pretrained("ann/second").push_to_hub("bea/harbour", access=HERE)
    third = card_of(hub.repositories["bea/harbour"]).text
    assert third == second.replace("ann/second", "bea/harbour")
    assert {*first.splitlines()} == {*second.replace("ann/second", NAME).splitlines()}


def test_places_of_this_machine_are_named_before_they_are_pushed(trained_model, hub):
    result = CliRunner().invoke(app, ["push", str(trained_model.parent), NAME])
    assert "names no licence" in result.stderr
    assert named_places(trained_model)
    assert "name places of this machine: /" in result.stderr


def test_the_commands_push_and_extract_by_name_in_processes_of_their_own(trained_model, tmp_path):
    """As a user has it: the hub and the token from the environment."""
    with served() as hub:
        own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}

        def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "dovetail", *arguments],
                env={**os.environ, **own, **more},
                capture_output=True,
                text=True,
                check=True,
            )

        told = run("push", str(trained_model.parent), NAME, "--license", "mit", HF_TOKEN=TOKEN)
        assert told.stdout.startswith(f"{hub.url}/{NAME}\ncommit ")
        found = run("extract", NAME, TEXT).stdout
    (header, line) = map(json.loads, found.splitlines())
    assert header["model"] == NAME
    assert line["text"] == TEXT


def test_a_dry_run_writes_the_folder_and_asks_nobody(trained_model, tmp_path, hub):
    result = CliRunner().invoke(
        app, ["push", str(trained_model), NAME, "--dry-run", str(tmp_path / "dry")]
    )
    assert result.exit_code == 0, result.output
    assert not hub.asked
    assert Extractor.load(tmp_path / "dry").extract(TEXT)
    assert (tmp_path / "dry" / "README.md").read_text("utf-8").startswith("---\n")
