"""Dovetail extracts entities and the relations between them in one model.

    from dovetail import Extractor

    extraction = Extractor.load("news").extract("Ada Lovelace lived in London.")

What needs torch is imported when it is first asked for, so that ``import dovetail`` stays quick.
Importing changes nothing in the process: no threads, no environment, no handlers.

What is public is named in ``dovetail.__all__`` and in the ``__all__`` of the packages `config`,
`corpora`, `encoders`, `estimator`, `evaluation`, `graph`, `heads`, `objectives`, `sharing`,
`spacy_component`, `training` and `lab.search`; all other modules are Dovetail's own, and may change
with any release.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dovetail.version import __version__ as __version__

if TYPE_CHECKING:
    from dovetail.config import Config, load_config
    from dovetail.corpora import Corpus, Count, Drop, Ledger, read_corpus, write_corpus
    from dovetail.errors import (
        ConfigError,
        CorpusError,
        CorpusFormatError,
        DovetailError,
        MissingExtraError,
        ModelError,
        OutputError,
        TextError,
        TrainingError,
    )
    from dovetail.evaluation import (
        BootstrapIntervals,
        Evaluation,
        Interval,
        MacroScore,
        Score,
        ScoreIntervals,
        SettingScores,
        evaluate,
    )
    from dovetail.extractor import Extractor
    from dovetail.lab.search import Outcome, tune
    from dovetail.running.steps import Done
    from dovetail.saved.finding import shipped_models
    from dovetail.saved.hub import HubAccess, Pushed, PushOptions
    from dovetail.saved.hub_card import CardOptions
    from dovetail.text.data_frames import to_dataframe
    from dovetail.text.document import Document, Entity, Relation, Sentence, Unaligned
    from dovetail.text.extraction import Extraction, TextEntity, TextRelation
    from dovetail.text.reading import ModelReading, Reading
    from dovetail.text.schema import Schema
    from dovetail.training import (
        EpochResult,
        NotKept,
        RunEvent,
        RunFinished,
        RunStarted,
        StageProgress,
        StepResult,
        TeachingProgress,
        train,
        training_events,
    )

_HOME = {
    "BootstrapIntervals": "evaluation",
    "CardOptions": "saved.hub_card",
    "Config": "config",
    "ConfigError": "errors",
    "Corpus": "corpora",
    "CorpusError": "errors",
    "CorpusFormatError": "errors",
    "Count": "corpora",
    "Document": "text.document",
    "DovetailError": "errors",
    "Done": "running.steps",
    "Drop": "corpora",
    "Entity": "text.document",
    "EpochResult": "training",
    "Evaluation": "evaluation",
    "Extraction": "text.extraction",
    "Extractor": "extractor",
    "HubAccess": "saved.hub",
    "Interval": "evaluation",
    "Ledger": "corpora",
    "MacroScore": "evaluation",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "ModelReading": "text.reading",
    "NotKept": "training",
    "Outcome": "lab.search",
    "OutputError": "errors",
    "PushOptions": "saved.hub",
    "Pushed": "saved.hub",
    "Reading": "text.reading",
    "Relation": "text.document",
    "RunEvent": "training",
    "RunFinished": "training",
    "RunStarted": "training",
    "Schema": "text.schema",
    "Score": "evaluation",
    "ScoreIntervals": "evaluation",
    "Sentence": "text.document",
    "SettingScores": "evaluation",
    "StageProgress": "training",
    "StepResult": "training",
    "TeachingProgress": "training",
    "TextEntity": "text.extraction",
    "TextError": "errors",
    "TextRelation": "text.extraction",
    "TrainingError": "errors",
    "Unaligned": "text.document",
    "evaluate": "evaluation",
    "load_config": "config",
    "read_corpus": "corpora",
    "shipped_models": "saved.finding",
    "to_dataframe": "text.data_frames",
    "train": "training",
    "training_events": "training",
    "tune": "lab.search",
    "write_corpus": "corpora",
}

__all__ = [
    "BootstrapIntervals",
    "CardOptions",
    "Config",
    "ConfigError",
    "Corpus",
    "CorpusError",
    "CorpusFormatError",
    "Count",
    "Document",
    "Done",
    "DovetailError",
    "Drop",
    "Entity",
    "EpochResult",
    "Evaluation",
    "Extraction",
    "Extractor",
    "HubAccess",
    "Interval",
    "Ledger",
    "MacroScore",
    "MissingExtraError",
    "ModelError",
    "ModelReading",
    "NotKept",
    "Outcome",
    "OutputError",
    "PushOptions",
    "Pushed",
    "Reading",
    "Relation",
    "RunEvent",
    "RunFinished",
    "RunStarted",
    "Schema",
    "Score",
    "ScoreIntervals",
    "Sentence",
    "SettingScores",
    "StageProgress",
    "StepResult",
    "TeachingProgress",
    "TextEntity",
    "TextError",
    "TextRelation",
    "TrainingError",
    "Unaligned",
    "evaluate",
    "load_config",
    "read_corpus",
    "shipped_models",
    "to_dataframe",
    "train",
    "training_events",
    "tune",
    "write_corpus",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'dovetail' has no attribute {name!r}")
    return getattr(import_module(f"dovetail.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
