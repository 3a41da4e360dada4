"""Which corpora a model is trained and tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.negatives_checks import contradictions_of_negatives
from dovetail.config.values import Count, FilePaths, Names, PositiveCount, Text
from dovetail.text.reading import (
    DEFAULT_LANGUAGE,
    Annotators,
    Discontinuous,
    Offsets,
    OnError,
    Reading,
    columns_in,
    sentences_in,
)
from dovetail.text.wording import WHOLE, CorpusPart

TaskNames = Annotated[tuple[Literal["entity", "relation"], ...], Field(min_length=1)]
"""Some of the tasks."""


def _unit(unit: str) -> str:
    sentences_in(unit)  # says what is wrong with it
    return unit


def _columns(columns: str) -> str:
    columns_in(columns)  # says what is wrong with it
    return columns


def _part(part: str) -> str:
    CorpusPart.parse(part)  # says what is wrong with it
    return part


Unit = Annotated[str, AfterValidator(_unit)]
"""The unit that is read at once."""


MOST_PER_EPOCH = 10**9
"""More sentences than any epoch has."""


class DataConfig(Section):
    """The corpora: what to learn from, and what to make choices on."""

    train: Annotated[FilePaths, Field(min_length=1)]
    """Files to learn from.
    Paths are relative to the working directory, and variables such as `$HOME` are expanded;
    `$DOVETAIL_DATA` is `../shared/data` where it is not set."""

    dev: FilePaths = ()
    """Files to make choices on: when to stop, which epoch to keep, which thresholds to use.
    Never the files that the final scores are reported on."""

    dev_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training sentences that is set apart as the dev set where there is no `dev`."""

    dev_seed: Count = 0
    """Seed of the choice of those sentences; apart from `seed`, so that runs with different
    seeds are tuned on the same sentences."""

    part: Annotated[str, AfterValidator(_part)] = WHOLE
    """The part of the training sentences that is learned from: where it starts and ends in a random
    order of them, such as `0:0.1` for a tenth and `0.1:1` for the others. The parts `0:0.05`,
    `0:0.1`, `0:0.2` hold one another, for a learning curve; `0:0.5` and `0.5:1` have no sentence in
    common, for two `[[corpora]]` of the same file. What `dev_fraction` sets apart is in none."""

    part_seed: Count = 0
    """Seed of that order; apart from `seed`, so that runs with different seeds learn from the same
    sentences."""

    per_epoch: Count = 0
    """Training sentences in an epoch, drawn at random, some several times if there are fewer; with
    0 all are read once, or of several corpora as many as their share says. With few sentences and
    many dev sentences, an epoch that reads the few several times spends less on dev scores."""

    extra: FilePaths = ()
    """Files to learn from as well whose sentences are annotated for some tasks only, such as for
    entities and not for relations. Their types have to be types of `train`, which alone decides
    what the model can say.
    A sentence that is also in `train`, in the dev set or in `held_out` is left out, whatever its
    case, spaces and punctuation. Scores reached with extra data are to be reported as such."""

    extra_tasks: TaskNames = ("entity",)
    """The tasks that the sentences of `extra` are learned for, as far as the files say that they
    are annotated for them."""

    extra_per_epoch: Count = 0
    """Sentences of `extra` that an epoch draws at random; 0 takes all."""

    extra_unrelated: bool = False
    """Whether no two entities of `extra` are related but those that its files relate, also where
    these are not annotated for relations. That is not true of all, but may be of most: then a
    model learns that sentences without a relation exist, and misses few that are like theirs."""

    templates: FilePaths = ()
    """Files of sentences with gaps for names, to learn from as well. A line is
    `RELATION HEAD TAIL TEXT`, with a relation from one gap to another (counted from 1), or `- TEXT`
    without one; a gap is an entity type in braces: `Work_For 1 2 {Peop} joined {Org}.` The names
    are entities of `train`. Lines that begin with `#` are passed over."""

    templates_times: PositiveCount = 2
    """How often each template is filled, with other names."""

    held_out: FilePaths = ()
    """Files of sentences that must not be learned from `extra`, such as those that the final
    scores are reported on. Their words are compared, and nothing else is made of them."""

    negatives: FilePaths = ()
    """Files to learn from as well whose sentences are known to hold no relation: corpora, whose
    formats are recognised, or plain text, a sentence a line (`.txt`). A file that holds a relation
    is refused. A sentence that is also in `train`, in the dev set or in `held_out` is left out, and
    so is one of a document that a dev or held-out sentence is of."""

    negatives_for: Literal["relations", "both"] = "relations"
    """What is learned of them: that no two of the entities that the model finds there are related
    (`relations`), whatever entities there are; or besides, that there are no entities but those
    that their files mark, in plain text none (`both`)."""

    negatives_per_epoch: Annotated[int | float, Field(ge=0, le=MOST_PER_EPOCH)] = 0
    """Sentences of `negatives` that an epoch draws at random: a whole number, or with a decimal
    point so many for each sentence of `train` with a relation (`0.5` is half as many, `4.0` four
    times as many); 0 takes all."""

    negatives_in_dev: Annotated[int | float, Field(ge=0, le=MOST_PER_EPOCH)] = 0
    """Sentences of `negatives` that are scored with the dev set and not learned from: a whole
    number, or with a decimal point so many for each dev sentence with a relation (`4.0` where four
    of five sentences hold none). Those of documents that a dev sentence is of come first."""

    negatives_held_out: Names = ()
    """Documents of `negatives` that are never learned from, by their ids, in which `*` stands for
    anything (`"*7"`)."""

    documents: FilePaths = ()
    """Files that say of which documents the sentences of `dev` and `held_out` are, where those
    files do not: corpora with the same sentences and the ids that `negatives` has."""

    max_sentences: Count = 0
    """Sentences that are read of each file of `train`, `dev`, `extra` and `negatives` at most, from
    its beginning; 0 reads all. For a quick try; a learning curve is better drawn with `part`.
    `held_out` is always read whole."""

    on_disk: bool = False
    """Whether the training sentences are kept in a temporary file in place of memory, for corpora
    that do not fit into it: the same model, some hundredths slower. The files of `train`, or of a
    folder or an archive in it, are read one at a time, so the largest of them has to fit."""

    format: Text | None = None
    """Name of the corpus format; recognised from the content of each file where it is not given."""

    language: Text | None = None
    """Language code (ISO 639, such as `en` or `de`) whose rules cut raw text into words. Where none
    is given, the script of the training text decides, and the run says and stores what it took."""

    unit: Unit = "sentence"
    """Unit that is read at once and holds a whole relation: `sentence`, `line`, `paragraph`,
    `document`, or `sentences:N` for so many sentences at a time. It is part of the model:
    extraction cuts texts as training did."""

    borders: Literal["snap", "drop", "cut"] = "snap"
    """How to treat a training entity of raw text that begins or ends inside a token: it grows to
    the borders of the token (`snap`), is left out (`drop`), or has the token cut (`cut`), which no
    text will be when the model extracts. Dev and test sentences are always cut as extraction cuts
    them, and what their tokens cannot express counts as missed."""

    on_error: OnError = "refuse"
    """How to treat annotations that break a format: all are listed and nothing is read
    (`refuse`); they are left out and listed (`drop`); or those that can have one meaning only are
    mended, and the rest left out (`fix`)."""

    offsets: Offsets | None = None
    """Unit of character positions, where the format leaves it open: `codepoints`, as Python
    does, `utf16`, as JavaScript and Java do, or `bytes` of UTF-8."""

    discontinuous: Discontinuous = "drop"
    """How an entity in several fragments is read: it is left out (`drop`), stands for the
    stretch from its first to its last (`cover`), or is learned and found as it is (`keep`), which
    needs `entity_head.kind = "span"`. With `keep` it is part of the model: what the model is scored
    on is read so too."""

    columns: Annotated[str, AfterValidator(_columns)] | None = None
    """Which columns of files in columns hold the words and the tags, counted from 1, as
    `token=2,tag=4`, where that is not plain."""

    annotators: Annotators = "first"
    """Whose annotations are read of a text that several annotators marked: those of one (`first`),
    whatever any of them marked (`merge`), or what all of them marked alike (`agree`)."""

    symmetric: Names = ()
    """Relation types for which head and tail may be exchanged: they are learned both ways, found
    once, and scored without regard to their direction."""

    @property
    def known_language(self) -> str:
        """The language of a finished run, which holds what was taken where none was given."""
        return self.language or DEFAULT_LANGUAGE

    @property
    def reading(self) -> Reading:
        """How everything is read that scores are made on: dev and test sentences."""
        return Reading(
            language=self.language,
            unit=self.unit,
            borders="text",
            offsets=self.offsets,
            on_error=self.on_error,
            discontinuous=self.discontinuous,
            columns=self.columns,
            annotators=self.annotators,
        )

    @property
    def reading_to_learn(self) -> Reading:
        """How training sentences are read."""
        return replace(self.reading, borders=self.borders)

    @property
    def is_there(self) -> bool:
        """Whether there is a corpus, which is not so where several are listed."""
        return bool(self.train)

    @property
    def is_whole(self) -> bool:
        """Whether all training sentences are learned from."""
        return CorpusPart.parse(self.part) == CorpusPart.parse(WHOLE)

    @property
    def described_part(self) -> str:
        """The part of the training sentences that is learned from, in words."""
        return f"the part {self.part}, drawn by part_seed = {self.part_seed}"

    @property
    def has_dev(self) -> bool:
        """Whether there will be sentences to make choices on."""
        return bool(self.dev) or self.dev_fraction > 0

    def contradictions(self) -> Iterator[Contradiction]:
        if self.dev and self.dev_fraction > 0:
            yield Contradiction(
                "dev_fraction",
                f"{self.dev_fraction:g} of the training sentences would be set apart although "
                f"dev names files; set dev_fraction = 0, or leave dev out",
            )
        for path in self.dev:
            if path in self.train:
                yield Contradiction(
                    "dev",
                    f'"{path}" is in train too, so every choice would be made on sentences '
                    f"learnt by heart; name another file, or leave dev out and set dev_fraction",
                )
        if self.on_disk and self.dev_fraction > 0:
            yield Contradiction(
                "on_disk",
                f"dev_fraction = {self.dev_fraction:g} takes documents out of all that there are, "
                f"which memory would have to hold; name files in dev, or leave on_disk out",
            )
        yield from self._contradictions_of_extra()
        yield from contradictions_of_negatives(self)

    def _contradictions_of_extra(self) -> Iterator[Contradiction]:
        if self.extra_unrelated and not self.extra:
            yield Contradiction(
                "extra_unrelated",
                "there are no such sentences; name files in extra, or leave it out",
            )
        # What is left of a file by data.part may be learned from as extra.
        for path in self.extra:
            for field in (*("train",) * self.is_whole, "dev", "held_out"):
                if path in getattr(self, field):
                    yield Contradiction(
                        "extra",
                        f'"{path}" is in {field} too, so that each of its sentences would be left '
                        f"out; leave it out of one of the two",
                    )
        for path in self.held_out:
            if path in self.train:
                yield Contradiction(
                    "held_out",
                    f'"{path}" is in train too, so it would be learned from after all; name it '
                    f"in one of the two",
                )
        if self.extra_per_epoch and not self.extra:
            yield Contradiction(
                "extra_per_epoch",
                f"{self.extra_per_epoch} sentences cannot be drawn from no file; name files in "
                f"extra, or leave extra_per_epoch out",
            )
