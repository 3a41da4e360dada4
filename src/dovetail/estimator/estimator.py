"""A model as an estimator of scikit-learn: `fit`, `predict`, `score`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w

from dovetail.config import Config
from dovetail.config.config_files import read_toml, validate
from dovetail.errors import ConfigError, MissingExtraError
from dovetail.estimator.items import (
    FORMAT,
    annotated_lines,
    documents_of_lines,
    item_in_errors,
    listed,
    write_lines,
)
from dovetail.evaluation import Evaluation, evaluate
from dovetail.extractor import Extractor
from dovetail.files.temporary import TemporaryFolder
from dovetail.saved.ensemble_folder import copy_saved, first_config
from dovetail.saved.finding import model_folder
from dovetail.text.document import Document
from dovetail.text.extraction import Extraction
from dovetail.training import train
from dovetail.training.selection import score_of

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtraError("DovetailEstimator", extra="sklearn") from error

DEV_FRACTION = 0.15
"""Share of the documents that choices are made on, where neither `fit` nor the config says."""

_NOTHING = {"text": "-", "entities": [], "relations": []}

Select = Literal["mean", "entity", "relation"]


class DovetailEstimator(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Learns documents, predicts extractions, and scores them by strict micro F1.

    `X` are documents with their annotations, or texts whose annotations are in `y`: each a
    `Document`, an `Extraction`, or a mapping as `Extraction.to_dict` gives it.

    Args:
        config: a file or a `Config`; None takes the defaults.  Its `data.train` and `data.dev` give
            way to what `fit` is given.
        settings: fields of the config by their dotted names, such as ``{"training.epochs": 5}``.
            To `set_params`, and so to a grid, they are ``training__epochs``.
        select: what `score` counts: ``relation``, ``entity``, or the ``mean`` of the two; None
            takes what the config chooses epochs by (`training.select`).
        folder: where `fit` leaves its run; None takes a temporary folder, which is gone with the
            estimator.

    Examples:
        >>> DovetailEstimator().set_params(training__epochs=5).settings
        {'training.epochs': 5}

    Raises:
        MissingExtraError: on import, if scikit-learn is not installed.
    """

    def __init__(
        self,
        config: Config | str | Path | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        select: Select | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.config = config
        self.settings = settings
        self.select = select
        self.folder = folder

    def fit(self, X: Any, y: Any = None, *, dev: Any = None) -> DovetailEstimator:  # noqa: N803
        """Train a model, and extract by it from then on.

        Args:
            X: annotated documents, or texts.
            y: the annotations of texts.
            dev: annotated documents to make choices on; without them a share of `X` is set apart.

        Raises:
            TypeError: if an item is nothing that has annotations.
            ConfigError: if the config or a setting cannot be right.
            CorpusError: if an annotation is broken; names the item.
            TrainingError: if there is nothing to learn.
        """
        lines = annotated_lines(X, y)
        dev_lines = annotated_lines(dev) if dev is not None else []
        temporary = TemporaryFolder()
        files = temporary.path
        train_file = write_lines(lines, files / "train.jsonl")
        dev_file = write_lines(dev_lines, files / "dev.jsonl") if dev_lines else None
        config = self._config(train_file, dev_file)
        run = Path(self.folder) if self.folder is not None else files / "run"
        with item_in_errors(train_file):
            finished = train(config, run)
        self._temporary = temporary  # the model of an earlier fit may go now
        self._take(finished.model_folder)
        self.dev_evaluation_ = finished.dev
        return self

    def _config(self, train_file: Path, dev_file: Path | None) -> Config:
        """The config of the run, with the settings, whose data are these files."""
        values, source = _config_values(self.config)
        if values.get("corpora"):
            raise ConfigError(
                f"{source}: an estimator learns the one corpus that fit is given, and the config "
                f"has [[corpora]]; train it by `dovetail train`"
            )
        data = dict(values.get("data", {}))
        chosen_by_files = self.config is None or bool(data.pop("dev", ()))
        fraction = data.get("dev_fraction") or DEV_FRACTION * chosen_by_files
        data |= {"train": [str(train_file)], "format": FORMAT, "dev_fraction": fraction}
        if dev_file is not None:
            data |= {"dev": [str(dev_file)], "dev_fraction": 0.0}
        settings = self.settings or {}
        overrides = [f"{name}={_toml(value)}" for name, value in settings.items()]
        return validate({**values, "data": data}, overrides, source=source)

    def _take(self, folder: Path) -> None:
        self.model_folder_ = folder
        self.extractor_ = Extractor.load(folder)

    def predict(self, X: Any) -> list[Extraction]:  # noqa: N803
        """Extract from texts, or from documents, whose annotations are not looked at.

        Raises:
            TypeError: if an item is nothing that has a text.
            CorpusError: if one is broken; names the item.
        """
        check_is_fitted(self)
        items = listed(X, "X")
        if all(isinstance(item, str) for item in items):
            documents = [self.extractor_.tokenizer.document(item) for item in items]
        else:
            documents = self._documents(items)
        return list(self.extractor_.pipe_documents(documents))

    def _documents(self, items: Sequence[Any]) -> list[Document]:
        """Documents and texts, as the model reads each of them."""
        # Lines in the place of texts have errors count the items as the caller does.
        lines = annotated_lines([_NOTHING if isinstance(item, str) else item for item in items])
        annotated = documents_of_lines(lines, self.extractor_.reading.of_corpora)
        return [
            self.extractor_.tokenizer.document(item) if isinstance(item, str) else document
            for item, document in zip(items, annotated, strict=True)
        ]

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Strict micro F1, from 0 to 1, of what `select` says.

        A relation is right if its type, its direction, and the borders and types of both its
        entities are.
        """
        evaluation = self.evaluate(X, y)
        return score_of(evaluation, self.select or first_config(self.model_folder_).training.select)

    def evaluate(self, X: Any, y: Any = None) -> Evaluation:  # noqa: N803
        """All scores, by type, as `dovetail.evaluate` gives them, without intervals."""
        check_is_fitted(self)
        reading = self.extractor_.reading.of_corpora
        documents = documents_of_lines(annotated_lines(X, y), reading)
        gold = [sentence for document in documents for sentence in document.sentences]
        return evaluate(
            gold,
            self.extractor_.annotate(gold),
            symmetric=self.extractor_.schema.symmetric,
            bootstrap_samples=0,
        )

    def save(self, folder: str | Path) -> None:
        """Write the model as `dovetail train` leaves it: safetensors, JSON and TOML.

        Raises:
            ModelError: if the folder holds something else, or cannot be written.
        """
        check_is_fitted(self)
        copy_saved(self.model_folder_, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> DovetailEstimator:
        """An estimator with a saved model, which `fit` trains again as that was trained.

        Raises:
            ModelError: if there is no such model.
        """
        found = model_folder(folder)
        estimator = cls(first_config(found))
        estimator._take(found)
        return estimator

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the estimator; `deep` lists the settings one by one too."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep and isinstance(self.settings, Mapping):  # what is wrong with others, `fit` says
            params |= {name.replace(".", "__"): own for name, own in self.settings.items()}
        return params

    def set_params(self, **params: Any) -> DovetailEstimator:
        """Set arguments, or fields of the config: ``training__epochs=5``.

        Raises:
            ValueError: if there is no such argument or section.
        """
        fields = {
            name: value
            for name, value in params.items()
            if name.split("__")[0] in Config.model_fields
        }
        own = {name: value for name, value in params.items() if name not in fields}
        super().set_params(**own)
        if fields:
            dotted = {name.replace("__", "."): value for name, value in fields.items()}
            self.settings = {**(self.settings or {}), **dotted}
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process while there is no model yet, as searches ask for.

        Raises:
            TypeError: if there is a model, which is not pickled: a pickle runs code when it is
                read, and would outlive the folder.
        """
        if hasattr(self, "extractor_"):
            raise TypeError(
                "a fitted DovetailEstimator is not pickled, since a pickle runs code when it is "
                "read: use save(folder), and DovetailEstimator.load(folder) to have it again"
            )
        state: dict[str, Any] = super().__getstate__()
        return state

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect: items that are texts or documents, not numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.target_tags.required = False
        tags.no_validation = True
        return tags


def _toml(value: Any) -> str:
    """A value as an override of a config takes it."""
    return tomli_w.dumps({"value": value}).partition("=")[2].strip()


def _config_values(config: Config | str | Path | None) -> tuple[dict[str, Any], str]:
    """The values of a config as TOML has them, and what messages call it."""
    if config is None:
        return {}, "config"
    if isinstance(config, Config):
        return config.model_dump(mode="json", exclude_none=True), "config"
    return read_toml(Path(config)), str(config)
