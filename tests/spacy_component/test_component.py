"""The component in real pipelines: found by its name, saved with them, quick, and never silent."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import shutil
from importlib.metadata import entry_points

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from tests.networks import talkative_model, tiny_config
from tests.spacy_component.conftest import TEXTS, run_alone

from dovetail import Extractor
from dovetail.errors import CorpusError, DovetailError, ModelError
from dovetail.saved.ensemble_folder import save_ensemble
from dovetail.saved.model_folder import save_model
from dovetail.spacy_component import DovetailComponent, extraction_of, relations_of
from dovetail.spacy_component.packed_model import packed, unpacked


def said(doc):
    """What a document says, as JSON values."""
    return [
        [[e.text, e.label_] for e in doc.ents],
        [[s.start_char, s.end_char, s.label_] for s in doc.spans["dovetail"]],
        [[r.head.text, r.type, r.tail.text, r.confidence] for r in doc._.relations],
    ]


PROGRAM = f"import json, sys, spacy\n{inspect.getsource(said)}"
"""The beginning of a program of its own, which imports nothing of Dovetail."""


def pipeline(model, language="en", **config):
    nlp = spacy.blank(language)
    nlp.add_pipe("dovetail", config={"model": str(model), **config})
    return nlp


def results(docs):
    return [said(doc) for doc in docs]


@pytest.fixture(scope="module")
def expected(model):
    """What the library finds."""
    return [found.to_dict() for found in Extractor.load(model).pipe(TEXTS)]


def test_entry_point_is_that_of_the_factory():
    (point,) = [own for own in entry_points(group="spacy_factories") if own.name == "dovetail"]
    assert point.value == "dovetail.spacy_component.factory:make_component"


def test_user_imports_nothing_but_spacy_and_gets_what_the_library_finds(model, expected):
    program = f"""{PROGRAM}
texts = json.loads(sys.argv[2])
nlp = spacy.blank("en")
own = {{name for name in sys.modules if name.startswith("dovetail.")}}
light = ("version", "spacy_component", "spacy_component.factory")  # spaCy imports all entry points
assert own <= {{"dovetail." + name for name in light}}, own
nlp.add_pipe("dovetail", config={{"model": sys.argv[1]}})
print(json.dumps([said(doc) for doc in nlp.pipe(texts)]))
"""
    found = json.loads(run_alone(program, model, json.dumps(TEXTS)))
    assert any(relations for _, _, relations in found)
    for (_, spans, relations), own in zip(found, expected, strict=True):
        assert spans == [[e["start"], e["end"], e["type"]] for e in own["entities"]]
        assert [score for *_, score in relations] == [r["confidence"] for r in own["relations"]]


@pytest.mark.parametrize("language", ["de", "fr", "xx"])
def test_language_of_the_pipeline_changes_no_entity(model, expected, language):
    nlp = pipeline(model, language)
    for doc, own in zip(nlp.pipe(TEXTS), expected, strict=True):
        assert [extraction_of(doc).text, len(doc.spans["dovetail"])] == [
            own["text"],
            len(own["entities"]),
        ]


def test_stream_gives_what_single_documents_give_in_order(model):
    nlp = pipeline(model)
    assert results(nlp.pipe(TEXTS)) == results(map(nlp, TEXTS))
    with_context = list(nlp.pipe([(text, at) for at, text in enumerate(TEXTS)], as_tuples=True))
    assert [at for _, at in with_context] == [*range(len(TEXTS))]


def test_two_processes_give_the_same(model):
    nlp = pipeline(model)
    assert results(nlp.pipe(TEXTS * 3, n_process=2, batch_size=4)) == results(nlp.pipe(TEXTS * 3))


def test_pipeline_is_loaded_in_a_new_process_without_import_and_without_the_models_folder(
    model, tmp_path
):
    moved = tmp_path / "model"
    shutil.copytree(model, moved)
    nlp = pipeline(moved)
    nlp.to_disk(tmp_path / "pipeline")
    shutil.rmtree(moved)
    (tmp_path / "pipeline").rename(tmp_path / "elsewhere")
    program = f"""{PROGRAM}
nlp = spacy.load(sys.argv[1])
print(json.dumps([said(doc) for doc in nlp.pipe(json.loads(sys.argv[2]))]))
"""
    found = json.loads(run_alone(program, tmp_path / "elsewhere", json.dumps(TEXTS)))
    assert found == results(nlp.pipe(TEXTS))
    files = [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]
    assert {path.name for path in files if path.parent.name == "dovetail"} == {
        path.name for path in model.iterdir()
    }


def test_loaded_pipeline_can_be_saved_again_also_in_its_own_place(model, tmp_path):
    pipeline(model).to_disk(tmp_path / "one")
    again = spacy.load(tmp_path / "one")
    again.to_disk(tmp_path / "one")
    again.to_disk(tmp_path / "two")
    assert results(spacy.load(tmp_path / "two").pipe(TEXTS)) == results(again.pipe(TEXTS))


def test_saved_model_is_taken_where_another_stands_at_its_old_place(model, tmp_path):
    place = tmp_path / "model"
    shutil.copytree(model, place)
    nlp = pipeline(place)
    nlp.to_disk(tmp_path / "pipeline")
    shutil.rmtree(place)
    save_model(place, talkative_model(seed=5), tiny_config())
    loaded = spacy.load(tmp_path / "pipeline")
    assert results(loaded.pipe(TEXTS)) == results(nlp.pipe(TEXTS))
    assert results(pipeline(place).pipe(TEXTS)) != results(nlp.pipe(TEXTS))
    (place / "weights.safetensors").write_bytes(b"damaged")
    assert results(spacy.load(tmp_path / "pipeline").pipe(TEXTS)) == results(nlp.pipe(TEXTS))


def test_bytes_hold_the_model(model, tmp_path):
    content = pipeline(model).to_bytes()
    nlp = pipeline(tmp_path / "nowhere")
    nlp.from_bytes(content)
    assert results(nlp.pipe(TEXTS)) == results(pipeline(model).pipe(TEXTS))
    nlp.to_disk(tmp_path / "pipeline")
    assert results(spacy.load(tmp_path / "pipeline").pipe(TEXTS)) == results(nlp.pipe(TEXTS))


def test_component_goes_to_another_process_also_where_no_folder_holds_its_model(model):
    component = DovetailComponent(str(model))
    from_bytes = DovetailComponent("nowhere").from_bytes(component.to_bytes())
    for own in (component, from_bytes):
        arrived = pickle.loads(pickle.dumps(own))
        doc = spacy.blank("en")(TEXTS[0])
        assert said(arrived(doc)) == said(own(doc))
    assert len(pickle.dumps(component)) < 1000 < len(pickle.dumps(from_bytes))


def test_ensemble_is_saved_with_all_its_members(model, tmp_path):
    save_model(tmp_path / "other", talkative_model(seed=5), tiny_config())
    save_ensemble(tmp_path / "both", [model, tmp_path / "other"])
    nlp = pipeline(tmp_path / "both")
    nlp.to_disk(tmp_path / "pipeline")
    before = results(nlp.pipe(TEXTS))
    shutil.rmtree(tmp_path / "both")
    assert results(spacy.load(tmp_path / "pipeline").pipe(TEXTS)) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93\x01\x02\x03",
        spacy.util.srsly.msgpack_dumps({"format": "other", "files": {}}),
        *(
            spacy.util.srsly.msgpack_dumps({"format": "dovetail-model-files", "files": {name: b""}})
            for name in (
                *("", ".", "..", "../model.json", "a/../../b", "a//b", "a/", "/etc/model.json"),
                *("..\\model.json", "\\\\host\\a", "C:model.json", "C:/a", "a\0", "a/.. /b", "a."),
            )
        ),
    ],
)
def test_other_bytes_are_refused(content):
    with pytest.raises(ModelError, match="expected"):
        unpacked(content)


def test_files_of_a_model_are_gone_with_the_component(model):
    from dovetail.spacy_component.packed_model import Folder

    folder = unpacked(spacy.util.srsly.msgpack_dumps(packed(Folder(model))))
    path = folder.path
    assert (path / "model.json").is_file()
    del folder
    assert not path.exists()


def test_relations_survive_a_docbin_in_a_process_without_the_component(model, tmp_path):
    docs = list(pipeline(model).pipe(TEXTS))
    DocBin(store_user_data=True, docs=docs).to_disk(tmp_path / "docs.spacy")
    program = f"""{PROGRAM}
from spacy.tokens import DocBin
from dovetail.spacy_component import relations_of
docs = DocBin().from_disk(sys.argv[1]).get_docs(spacy.blank("xx").vocab)
print(json.dumps([[(r.head.text, r.head.label_, r.type, r.tail.start, r.confidence)
                   for r in relations_of(doc)] for doc in docs]))
"""
    found = json.loads(run_alone(program, tmp_path / "docs.spacy"))
    assert found == [
        [[r.head.text, r.head.label_, r.type, r.tail.start, r.confidence] for r in relations_of(d)]
        for d in docs
    ]
    assert any(found)


def test_doc_keeps_relations_as_bytes_and_as_a_copy(model):
    (doc,) = pipeline(model).pipe(TEXTS[:1])
    for again in (Doc(doc.vocab).from_bytes(doc.to_bytes()), doc.copy()):
        assert said(again) == said(doc)
        assert again._.relations[0].head.doc is again


def test_two_components_add_to_each_other(model, tmp_path):
    save_model(tmp_path / "other", talkative_model(seed=5), tiny_config())
    nlp = pipeline(model)
    config = {"model": str(tmp_path / "other"), "spans_key": "second"}
    nlp.add_pipe("dovetail", name="second", config=config)
    doc = nlp(TEXTS[0])
    alone = [pipeline(folder)(TEXTS[0]) for folder in (model, tmp_path / "other")]
    assert [len(doc.spans[key]) for key in ("dovetail", "second")] == [
        len(own.spans["dovetail"]) for own in alone
    ]
    assert len(doc._.relations) == sum(len(own._.relations) for own in alone)
    assert len(nlp(doc)._.relations) == len(doc._.relations)  # a second pass replaces the first


def test_model_that_is_missing_is_told_when_it_is_used(tmp_path):
    nlp = pipeline(tmp_path / "nowhere")
    for use in (
        lambda: nlp("Ada left."),
        lambda: list(nlp.pipe(["Ada left."])),
        lambda: nlp.to_disk(tmp_path / "pipeline"),
        nlp.to_bytes,
    ):
        with pytest.raises(ModelError, match="there is no model at"):
            use()


@pytest.mark.parametrize("config", [{}, {"model": "news", "ents": "maybe"}, {"model": 3}])
def test_settings_that_cannot_be_right_are_refused_by_name(config):
    with pytest.raises(ValueError, match=r"ents|model"):
        spacy.blank("en").add_pipe("dovetail", config=config)


def test_extension_of_another_package_is_not_taken_over(model):
    Doc.set_extension("relations", default=None)
    with pytest.raises(DovetailError, match="rename that one"):
        pipeline(model)


def test_text_that_cannot_be_read_goes_to_the_error_handler(model, monkeypatch):
    """No `Doc` holds such a text today, so the tokenizer is made to refuse one."""
    nlp = pipeline(model)
    component = nlp.get_pipe("dovetail")
    read = component.extractor.tokenizer.document

    def refusing(text):
        if "Siemens" in text:
            raise CorpusError("cannot be read")
        return read(text)

    monkeypatch.setattr(component.extractor.tokenizer, "document", refusing)
    with pytest.raises(CorpusError, match="cannot be read"):
        list(nlp.pipe(TEXTS))
    told = []
    nlp.set_error_handler(lambda name, proc, docs, error: told.append((name, docs[0].text)))
    assert [doc.text for doc in nlp.pipe(TEXTS)] == [t for t in TEXTS if "Siemens" not in t]
    assert told == [("dovetail", TEXTS[3])]


def test_growth_is_told_once(model, caplog):
    component = DovetailComponent(str(model))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            text = "Ada/Lovelace lives in London."
            words = [text]  # one token for all of it
            component(Doc(spacy.blank("en").vocab, words=words, spaces=[False]))
    assert caplog.text.count("have grown to its borders") == 1


def test_own_relations_can_be_set(model):
    doc = pipeline(model)(TEXTS[0])
    kept = [relation for relation in doc._.relations if relation.head.start == 0]
    doc._.relations = kept
    assert doc._.relations == kept


def test_doc_is_shown_as_what_the_library_shows(model):
    doc = pipeline(model)(TEXTS[0])
    found = Extractor.load(model).extract(TEXTS[0])
    assert extraction_of(doc).to_svg() == found.to_svg()
