"""Several models: their names, and the memory that they share."""

from __future__ import annotations

import pytest
import torch
from tests.model.test_several_schemas import OF_TASKS, model_of
from tests.networks import ENCODERS, pretrained, talkative_model, tiny_config
from tests.server.conftest import start

from dovetail.encoders.shared_weights import share_equal
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.server.guard import Access
from dovetail.server.limits import Limits
from dovetail.server.served_models import ServedModels

TEXTS = ["Ada Lovelace lives in London .", "Zeiss is based in Jena ."]


def models_on(folder, **settings):
    """Two models that know different things and stand on the same encoder."""
    config = tiny_config(encoders=(pretrained(folder, **settings), *ENCODERS))
    return [Extractor(talkative_model(config, seed=seed)) for seed in (1, 2)]


def frozen_bytes(extractors):
    """The bytes of all frozen weights, each place in memory counted once."""
    tensors = {
        tensor.data_ptr(): tensor.nbytes
        for own in extractors
        for encoder in own.model.encoders
        for name, tensor in encoder.state_dict().items()
        if name in encoder.unstored_names()
    }
    return sum(tensors.values())


def test_frozen_encoder_of_several_models_is_in_memory_once(pretrained_folder):
    extractors = models_on(pretrained_folder)
    alone, both = frozen_bytes(extractors[:1]), frozen_bytes(extractors)
    assert both == 2 * alone > 0
    expected = [own.extract(TEXTS) for own in extractors]
    ServedModels(dict(zip("ab", extractors, strict=True)))
    assert frozen_bytes(extractors) == alone
    assert [own.extract(TEXTS) for own in extractors] == expected


@pytest.mark.parametrize("kind", ["pretrained_folder", "mpnet_folder"])
def test_lower_layers_of_one_model_are_those_of_another(kind, request):
    folder = request.getfixturevalue(kind)
    extractors = [models_on(folder)[0], models_on(folder, layers_read=1)[1]]
    whole, lower = (frozen_bytes([own]) for own in extractors)
    assert lower < whole
    expected = [own.extract(TEXTS) for own in extractors]
    ServedModels(dict(zip("ab", extractors, strict=True)))
    assert frozen_bytes(extractors) == whole
    assert [own.extract(TEXTS) for own in extractors] == expected


def test_sharing_again_saves_nothing_more(pretrained_folder):
    encoders = [encoder for own in models_on(pretrained_folder) for encoder in own.model.encoders]
    assert share_equal(encoders) > 0
    assert share_equal(encoders) == 0


def test_weights_that_differ_or_are_trained_stay_apart(pretrained_folder):
    first, second = models_on(pretrained_folder, trained_layers=1)
    ServedModels({"a": first, "b": second})
    before = second.extract(TEXTS)
    with torch.no_grad():
        for _, parameter in first.model.trainable_parameters():
            parameter.zero_()
    assert second.extract(TEXTS) == before


def test_models_are_called_by_their_runs_or_as_told(trained_model):
    served = ServedModels.load([str(trained_model), f"other={trained_model}"], threads=1)
    assert [*served] == ["run", "other"]
    assert served.default == "run"
    with pytest.raises(ModelError, match="two models are called 'run': give them names"):
        ServedModels.load([str(trained_model)] * 2, threads=1)
    with pytest.raises(ModelError, match="at least one model"):
        ServedModels.load([])
    with pytest.raises(LookupError, match="has no model yet"):
        ServedModels({}).find(ServedModels({}).default, "")


def test_schemas_of_a_model_can_be_asked_for_one_by_one(models):
    with pytest.raises(LookupError, match="There is no model 'x'; the server has tiny, twin"):
        models.find("x", "")
    with pytest.raises(LookupError, match="has no schema 'x'; it has one, which has no name"):
        models.find("tiny", "x")


@pytest.fixture(scope="module")
def of_several():
    """A server of a model of three schemas, and the extractor of that model."""
    extractor = Extractor(model_of(OF_TASKS[6]))
    running = start(ServedModels({"several": extractor}), Limits(), Access())
    with running.client() as client:
        yield client, extractor
    running.end()


def test_all_schemas_of_a_model_are_answered_together_or_one_by_one(of_several):
    client, extractor = of_several
    for schema in (None, *extractor.schemas):
        request = {"texts": TEXTS, "schema": schema, "candidates": 0.05}
        found = client.post("/v1/extract", json=request).json()
        asked = extractor if schema is None else extractor.of_schema(schema)
        expected = asked.extract(TEXTS)
        said = [
            [(own["type"], own["start"], own["end"]) for own in document["entities"]]
            for document in found["documents"]
        ]
        assert said == [
            [(own.type, own.start_char, own.end_char) for own in extraction.entities]
            for extraction in expected
        ]
        assert found["thresholds"] == asked.thresholds
    listed = client.get("/v1/models").json()["models"][0]["schemas"]
    assert [own["name"] for own in listed] == [*extractor.schemas]


def test_page_shows_each_schema_of_a_model(of_several, browser):
    client, extractor = of_several
    page = browser.new_context().new_page()
    page.goto(str(client.base_url))
    page.locator("#schema option").first.wait_for(state="attached")
    for schema in extractor.schemas:
        page.select_option("#schema", schema)
        page.fill("#text", TEXTS[0])
        page.click("#extract")
        page.locator("#entity-sliders .slider").first.wait_for()
        sliders = page.locator("#entity-sliders label")
        sliders.filter(has_text=extractor.of_schema(schema).schema.entity_types[0]).wait_for()
        assert tuple(sliders.all_inner_texts()) == extractor.of_schema(schema).schema.entity_types
    page.context.close()
