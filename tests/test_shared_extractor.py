"""One extractor for threads and processes: copied, pickled, forked."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import SENTENCES
from tests.networks import talkative_model

from dovetail.errors import TextError
from dovetail.extractor import Extractor
from dovetail.saved.finding import shipped_models

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]


def found(extractor: Extractor, texts: list[str]) -> list[dict[str, Any]]:
    return [extraction.to_dict() for extraction in extractor.extract(texts)]


@pytest.fixture(scope="module")
def extractor(trained_model: Path) -> Extractor:
    return Extractor.load(trained_model, threads=1)


def test_threads_get_what_one_alone_gets() -> None:
    extractor = Extractor(talkative_model())
    parts = [TEXTS[start : start + 10] for start in (0, 5, 10, 15, 20)] * 8
    expected = [found(extractor, part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda part: found(extractor, part), parts)) == expected


def test_a_pickle_is_the_place_of_the_model_and_not_its_weights(extractor: Extractor) -> None:
    pickled = pickle.dumps(extractor)
    assert len(pickled) < 1000
    assert found(pickle.loads(pickled), TEXTS) == found(extractor, TEXTS)


def test_a_shipped_model_is_pickled_by_its_name() -> None:
    if "news" not in shipped_models():
        pytest.skip("the model 'news' is not shipped with this tree")
    pickled = pickle.dumps(Extractor.load("news", threads=1))
    assert str(shipped_models()["news"]).encode() not in pickled


def test_a_process_loads_a_pickle_once_and_anew_when_the_folder_is_another(
    trained_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained_model, folder)
    pickled = pickle.dumps(Extractor.load(folder, threads=1))
    first = pickle.loads(pickled)
    assert pickle.loads(pickled) is first
    shutil.copyfile(trained_model / "model.json", folder / "model.json")
    assert pickle.loads(pickled) is not first


def test_an_extractor_from_memory_says_why_it_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match=r"made from a model in memory; save the model"):
        pickle.dumps(Extractor(talkative_model()))


def test_a_deep_copy_has_weights_of_its_own() -> None:
    extractor = Extractor(talkative_model())
    expected = found(extractor, TEXTS)
    copied, shallow = copy.deepcopy(extractor), copy.copy(extractor)
    assert found(copied, TEXTS) == found(shallow, TEXTS) == expected
    with torch.no_grad():
        for parameter in copied.model.parameters():
            parameter.zero_()
    assert found(copied, TEXTS) != expected
    assert found(extractor, TEXTS) == expected
    assert shallow.model is extractor.model


def test_the_error_of_a_text_can_be_sent_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(TextError("text 7: no", 7)))
    assert (str(error), error.index) == ("text 7: no", 7)


def test_a_pool_of_new_processes_extracts(extractor: Extractor) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        extracted = list(pool.map(extractor.extract, TEXTS[:4]))
    assert [extraction.to_dict() for extraction in extracted] == [
        extractor.extract(text).to_dict() for text in TEXTS[:4]
    ]


# In a process of its own, because one that forks must not have threads that a test left.
FORKING = """
import json, multiprocessing, sys, torch
from dovetail import Extractor
from dovetail.errors import DovetailError

extractor = Extractor.load(sys.argv[1], threads=2)
texts = json.loads(sys.argv[2])

def counted(text):
    torch.rand(700, 700) @ torch.rand(700, 700)  # enough for two threads
    return len(extractor.extract(text).entities)

def refused(threads):
    try:
        Extractor.load(sys.argv[1], threads=threads)
    except DovetailError as error:
        return str(error)

expected = [counted(text) for text in texts]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map_async(counted, texts).get(60) == expected
    sent = pool.map_async(extractor.extract, texts).get(60)
    assert [len(extraction.entities) for extraction in sent] == expected
    print(*pool.map_async(refused, (0, 1, 2)).get(60), sep="\\n")
"""


def test_a_pool_that_is_forked_after_two_threads_computed_extracts(trained_model: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux forks safely")
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(trained_model), json.dumps(TEXTS[:6])],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    zero, one, two = done.stdout.splitlines()
    assert (zero, one) == ("None", "None")
    assert "forked from one that computes cannot use 2 threads" in two
    assert "spawn" in two
