"""The estimator: in scikit-learn's own searches, and by its own checks as far as texts allow."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from tests.corpus import SENTENCES, TRAIN
from tests.networks import tiny_config

from dovetail import CorpusError, Extractor, ModelError, TrainingError, evaluate
from dovetail.errors import ConfigError
from dovetail.estimator import DovetailEstimator
from dovetail.text.document import Document

DOCUMENTS = [Document.from_sentence(sentence) for sentence in SENTENCES]
LEARNED, SCORED = DOCUMENTS[: len(TRAIN)], DOCUMENTS[len(TRAIN) :]
CONFIG = tiny_config(training={"epochs": 15, "learning_rate": 2e-2})
QUICK = {"training.epochs": 1}


def as_answer(document: Document) -> dict:
    """The annotations of a text, as people have them."""
    (sentence,) = document.sentences
    entities = sentence.sorted_entities
    return {
        "entities": [
            {
                "start": sentence.offsets[own.start][0],
                "end": sentence.offsets[own.end - 1][1],
                "type": own.type,
            }
            for own in entities
        ],
        "relations": [
            {"head": entities.index(r.head), "tail": entities.index(r.tail), "type": r.type}
            for r in sentence.sorted_relations
        ],
    }


TEXTS = [document.text for document in DOCUMENTS]
ANSWERS = [as_answer(document) for document in DOCUMENTS]


@pytest.fixture(scope="module")
def fitted() -> DovetailEstimator:
    return DovetailEstimator(CONFIG, select="entity").fit(LEARNED, dev=SCORED)


def test_fit_learns_and_predict_gives_extractions(fitted):
    found = fitted.predict(TEXTS)
    assert [own.text for own in found] == TEXTS
    assert any(own.entities for own in found)
    assert [own.to_dict() for own in found] == [
        own.to_dict() for own in fitted.extractor_.pipe(TEXTS)
    ]
    assert fitted.dev_evaluation_.entity_strict.micro.f1 == fitted.score(SCORED)


@pytest.mark.parametrize("select", ["entity", "relation", "mean", None])
def test_score_is_strict_micro_f1_as_the_library_counts_it(fitted, select):
    gold = [sentence for document in SCORED for sentence in document.sentences]
    counted = evaluate(gold, fitted.extractor_.annotate(gold), bootstrap_samples=0)
    entity, relation = counted.entity_strict.micro.f1, counted.relation_strict.micro.f1
    expected = {"entity": entity, "relation": relation, "mean": (entity + relation) / 2}
    score = fitted.set_params(select=select).score(SCORED)
    fitted.set_params(select="entity")
    assert score == pytest.approx(expected[select or "mean"])
    assert entity > 0


def test_texts_with_answers_are_learned_as_documents_are():
    of_texts = DovetailEstimator(CONFIG, settings=QUICK).fit(TEXTS, ANSWERS)
    of_documents = DovetailEstimator(CONFIG, settings=QUICK).fit(DOCUMENTS)
    of_columns = DovetailEstimator(CONFIG, settings=QUICK).fit(
        pandas.Series(TEXTS), np.array(ANSWERS, dtype=object)
    )
    one, *others = (
        [own.to_dict()["entities"] for own in estimator.predict(TEXTS)]
        for estimator in (of_texts, of_documents, of_columns)
    )
    assert others == [one, one]


def test_extractions_can_be_learned_from_and_scored_against(fitted):
    found = fitted.predict(DOCUMENTS)
    assert fitted.score(found) == 1.0
    assert fitted.score(TEXTS, found) == 1.0
    assert DovetailEstimator(CONFIG, settings=QUICK).fit(found).predict(TEXTS)


def test_texts_and_documents_are_predicted_together_as_alone(fitted):
    mixed = [TEXTS[0], DOCUMENTS[1], TEXTS[2], DOCUMENTS[1], DOCUMENTS[3]]
    together = fitted.predict(mixed)
    alone = [fitted.predict([item])[0] for item in mixed]
    for one, other in zip(together, alone, strict=True):
        assert one.text == other.text
        assert [own.text for own in one.entities] == [own.text for own in other.entities]
    assert fitted.predict([]) == []


def test_an_item_that_cannot_be_predicted_is_named_by_its_place(fitted):
    broken = {"text": "Ann", "entities": [{"start": 9, "end": 12, "type": "T"}], "relations": []}
    with pytest.raises(CorpusError, match="item 2, counted from 0"):
        fitted.predict([TEXTS[0], DOCUMENTS[1], broken])
    with pytest.raises(TypeError, match="item 1 of X, counted from 0"):
        fitted.predict([TEXTS[0], 3])


def test_grid_search_chooses_among_settings_and_leaves_a_fitted_estimator():
    grid = {"training__epochs": [1, 12], "select": ["entity"]}
    search = GridSearchCV(DovetailEstimator(CONFIG), grid, cv=KFold(2), error_score="raise")
    search.fit(DOCUMENTS)
    assert search.best_params_["training__epochs"] == 12
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0] >= 0
    assert search.best_estimator_.settings == {"training.epochs": 12}
    assert search.predict(TEXTS[:1])[0].text == TEXTS[0]


def test_cross_validation_of_texts_and_answers_also_in_other_processes():
    estimator = DovetailEstimator(CONFIG, settings=QUICK, select="entity")
    one = cross_val_score(estimator, TEXTS, ANSWERS, cv=2, error_score="raise")
    two = cross_val_score(estimator, TEXTS, ANSWERS, cv=2, error_score="raise", n_jobs=2)
    assert len(one) == 2
    assert [*one] == [*two]


def test_pipeline_of_scikit_learn_holds_it(fitted):
    piped = make_pipeline("passthrough", DovetailEstimator(CONFIG, settings=QUICK))
    piped.set_params(dovetailestimator__training__batch_size=2)
    assert piped.fit(TEXTS, ANSWERS).predict(TEXTS[:2])[1].text == TEXTS[1]


def test_clone_has_the_arguments_and_nothing_that_was_learned(fitted):
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    assert not hasattr(again, "extractor_")
    with pytest.raises(NotFittedError):
        again.predict(TEXTS)


def test_settings_are_parameters_one_by_one():
    estimator = DovetailEstimator(settings={"seed": 3})
    estimator.set_params(training__epochs=5, select="entity")
    assert estimator.get_params() == {
        "config": None,
        "folder": None,
        "select": "entity",
        "seed": 3,
        "training__epochs": 5,
        "settings": {"seed": 3, "training.epochs": 5},
    }
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        estimator.set_params(epochs=3)


def test_save_leaves_a_model_folder_from_which_it_comes_back(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert "weights.safetensors" in names
    assert not {name for name in names if name.endswith((".pkl", ".joblib", ".bin", ".pt"))}
    again = DovetailEstimator.load(tmp_path / "model")
    texts = TEXTS[:9]
    assert [own.to_dict() for own in again.predict(texts)] == [
        own.to_dict() for own in Extractor.load(tmp_path / "model").pipe(texts)
    ]
    assert again.set_params(select="entity").score(SCORED) == fitted.score(SCORED)
    assert clone(again).set_params(training__epochs=1).fit(DOCUMENTS).predict(texts)


def test_fitted_estimator_is_not_pickled_and_says_what_to_do(fitted):
    for carry in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"use save\(folder\)"):
            carry(fitted)
    unfitted = pickle.loads(pickle.dumps(clone(fitted)))
    assert unfitted.get_params() == fitted.get_params()


def test_folder_of_the_run_is_kept_where_one_is_named_and_else_gone_with_the_estimator(tmp_path):
    kept = DovetailEstimator(CONFIG, settings=QUICK, folder=tmp_path / "run").fit(DOCUMENTS)
    assert (tmp_path / "run" / "model" / "weights.safetensors").is_file()
    with pytest.raises(TrainingError, match="holds a run already"):
        kept.fit(DOCUMENTS)
    passing = DovetailEstimator(CONFIG, settings=QUICK).fit(DOCUMENTS)
    first = passing.model_folder_
    second = passing.fit(DOCUMENTS).model_folder_
    assert second.is_dir()
    assert not first.exists()
    del passing
    assert not second.exists()


def test_folder_that_holds_something_else_is_not_written_over(fitted, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match="name another folder"):
        fitted.save(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_config_may_be_a_file_whose_own_data_give_way(tmp_path, monkeypatch):
    from dovetail.config import dump_config

    path = tmp_path / "config.toml"
    path.write_text(dump_config(CONFIG), encoding="utf-8")  # names files that are not there
    estimator = DovetailEstimator(path, settings=QUICK).fit(DOCUMENTS)
    assert 0 < estimator.dev_evaluation_.sentences < 9  # 0.15 of them, with all types


@pytest.mark.parametrize(
    ("given", "answers", "error", "words"),
    [
        (np.ones((3, 2)), None, TypeError, "item 0 of X, counted from 0: expected a Document"),
        (TEXTS, None, TypeError, "item 0 of y, counted from 0: expected the annotations"),
        (TEXTS, ANSWERS[1:], ValueError, "X has 30 items and y 29"),
        (DOCUMENTS, ANSWERS, TypeError, "only texts take annotations from y"),
        (TEXTS[::-1], DOCUMENTS, ValueError, "of another text than item 0"),
        (TEXTS[:1], [{"tokens": ["a"]}], ValueError, "item 0 of y, .* found those of tokens"),
        ("one text", None, TypeError, "as a list of items, found str"),
        (pandas.DataFrame({"text": TEXTS}), ANSWERS, TypeError, "give one of its columns"),
        (TEXTS[:1], [{"entities": [{"start": 3, "end": 999, "type": "X"}]}], CorpusError, "item 0"),
        ([], None, CorpusError, "the items"),
        (DOCUMENTS[5:6] * 3, None, TrainingError, "hold no entity"),
    ],
)
def test_what_cannot_be_learned_is_told_by_item(given, answers, error, words):
    with pytest.raises(error, match=words):
        DovetailEstimator(CONFIG, settings=QUICK).fit(given, answers)


def test_setting_that_does_not_exist_is_told_as_the_config_tells_it():
    with pytest.raises(ConfigError, match=r"training.epoch"):
        DovetailEstimator(CONFIG, settings={"training.epoch": 1}).fit(DOCUMENTS)
    with pytest.raises(ConfigError, match="one corpus that fit is given"):
        DovetailEstimator("examples/several.toml").fit(DOCUMENTS)


def test_scikit_learn_is_told_that_items_are_no_numbers():
    with pytest.warns(SkipTestWarning, match="requires input"):
        check_estimator(DovetailEstimator(), on_fail="raise")


NUMBERS = "it fits on a table of numbers, and this learns texts"
EXPECTED_TO_FAIL = dict.fromkeys(
    [
        *("check_fit_score_takes_y", "check_estimators_overwrite_params"),
        *("check_dont_overwrite_parameters", "check_estimators_fit_returns_self"),
        *("check_readonly_memmap_input", "check_positive_only_tag_during_fit"),
        *("check_estimators_dtypes", "check_pipeline_consistency", "check_estimator_sparse_tag"),
        *("check_f_contiguous_array_estimator", "check_methods_sample_order_invariance"),
        *("check_methods_subset_invariance", "check_fit2d_1sample", "check_fit2d_1feature"),
        *("check_dict_unchanged", "check_fit_idempotent", "check_fit_check_is_fitted"),
    ],
    NUMBERS,
) | {"check_estimators_pickle": f"{NUMBERS}, and nothing that was learned is pickled"}


class Claiming(DovetailEstimator):
    """One that claims to learn tables, so that scikit-learn does not skip its checks."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        return tags


def test_checks_of_scikit_learn_pass_where_they_need_no_numbers():
    results = check_estimator(
        Claiming(), expected_failed_checks=EXPECTED_TO_FAIL, on_fail=None, on_skip=None
    )
    ended = {own["check_name"]: own["status"] for own in results}
    assert [name for name, status in ended.items() if status == "failed"] == []
    assert {name for name, status in ended.items() if status == "xfail"} <= {*EXPECTED_TO_FAIL}
    assert sum(status == "passed" for status in ended.values()) >= 12


def test_what_those_checks_ask_holds_with_texts(fitted):
    estimator = DovetailEstimator(CONFIG, settings=QUICK)
    before = estimator.get_params()
    assert estimator.fit(DOCUMENTS) is estimator
    assert estimator.get_params() == before
    assert [*vars(estimator)][: len(before) - 1] == ["config", "settings", "select", "folder"]
    values = dict(vars(fitted))
    found = [own.entities for own in fitted.predict(TEXTS)]
    assert dict(vars(fitted)) == values
    alone = [fitted.predict([text])[0].entities for text in TEXTS]
    turned = [own.entities for own in fitted.predict(TEXTS[::-1])][::-1]

    def places(entities):
        return [(own.start_char, own.end_char, own.type) for own in entities]

    for one, *others in zip(found, alone, turned, strict=True):
        assert [places(other) for other in others] == [places(one)] * 2
    again = [own.to_dict() for own in estimator.predict(TEXTS)]
    assert [own.to_dict() for own in estimator.fit(DOCUMENTS).predict(TEXTS)] == again


def test_missing_scikit_learn_is_told_with_how_to_install_it():
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from dovetail import MissingExtraError\n"
        "try:\n    import dovetail.estimator\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'dovetail[sklearn]'" in ended.stdout
