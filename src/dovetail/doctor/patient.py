"""The patient: a corpus with its config, and what a run left of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dovetail.config import Config
from dovetail.corpora import Corpus, read_corpus
from dovetail.doctor.places import Places
from dovetail.report.curves import Curves
from dovetail.report.scored import ScoredCorpus
from dovetail.text.document import RELATION_TASK, TASKS, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import Reading


@dataclass(frozen=True)
class RunFacts:
    """What is left of a training: its record, and its dev sentences as its model annotates them."""

    folder: Path
    curves: Curves | None
    scored: ScoredCorpus | None
    thresholds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Patient:
    """One corpus, as a config names it, and what is known of a run on it.

    `train` and `dev` are the sentences as training has them; `config` is that of a model of this
    corpus alone.  `source` is what the user named.
    """

    config: Config
    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    source: str
    name: str = ONLY
    run: RunFacts | None = None

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All of them."""
        return (*self.train, *self.dev)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of training and dev sentences."""
        data = self.config.data
        return (*data.train, *data.dev)

    def read(self, reading: Reading) -> list[Corpus]:
        """The files, read in some way; what is broken in this way is left out."""
        return [
            read_corpus(path, format=self.config.data.format, reading=reading)
            for path in self.paths
        ]

    @cached_property
    def texts(self) -> Sequence[Corpus]:
        """The files as everything is read that scores are made on: annotations change no token."""
        return self.read(self.config.data.reading)

    @property
    def raw(self) -> list[Corpus]:
        """Those of the files that are text and bring no tokens."""
        return [corpus for corpus in self.texts if corpus.language is not None]

    @cached_property
    def learned_places(self) -> Places:
        """Where training sentences stand, and dev sentences that are set apart from them."""
        return Places(self.config.data.train)

    @cached_property
    def dev_places(self) -> Places:
        """Where dev sentences stand."""
        return Places(self.config.data.dev or self.config.data.train)

    @cached_property
    def places(self) -> Places:
        """Where any sentence stands."""
        return Places(self.paths)

    def annotations(self, sentences: Sequence[Sentence]) -> dict[str, int]:
        """How many annotations sentences carry for each task."""
        return {
            task: sum(
                len(own.relations if task == RELATION_TASK else own.entities)
                + len(own.unaligned_for(task))
                for own in sentences
                if task in own.annotated
            )
            for task in TASKS
        }
