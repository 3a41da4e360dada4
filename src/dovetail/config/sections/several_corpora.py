"""Several corpora that one model learns from, and how they are mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.data_section import DataConfig, TaskNames
from dovetail.config.values import Positive
from dovetail.text.document import RELATION_TASK
from dovetail.text.named_schemas import SCHEMA_NAME


def _check_name(name: str) -> str:
    if not SCHEMA_NAME.fullmatch(name):
        raise ValueError(
            f"expected a name of at most 64 letters, digits, - and _, which stands before types "
            f"and tasks, found {name!r}"
        )
    return name


CorpusName = Annotated[str, AfterValidator(_check_name)]
"""The name of a corpus or a schema: letters, digits, - and _."""


class CorpusConfig(DataConfig):
    """One of several corpora: all fields of `[data]`, and these."""

    name: CorpusName
    """Name of the corpus, which its scores stand under: letters, digits, `-` and `_`."""

    schema_name: CorpusName | None = None
    """Name of its schema: of the types that it is annotated with. That is the name of the corpus
    unless another is given; corpora of one schema are learned by the same heads, even if one is
    annotated for entities and another for relations."""

    tasks: TaskNames = ("entity", "relation")
    """The tasks that its sentences are learned for and scored on, as far as the files say that they
    are annotated for them."""

    weight: Positive = 1.0
    """Factor of its share of an epoch beside those of the other corpora."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        for field in ("negatives", "extra_unrelated"):
            if getattr(self, field) and RELATION_TASK not in self.tasks:
                yield Contradiction(
                    field,
                    "this teaches that nothing is related, and the tasks of this corpus lack "
                    '"relation"; leave it out, or name the task',
                )

    @property
    def of_schema(self) -> str:
        """The name of its schema."""
        return self.schema_name or self.name

    @property
    def data(self) -> DataConfig:
        """The settings that `[data]` has for a single corpus."""
        own = {name: getattr(self, name) for name in DataConfig.model_fields}
        return DataConfig.model_construct(_fields_set=self.model_fields_set & own.keys(), **own)


class MixingConfig(Section):
    """How several corpora are learned together."""

    temperature: Annotated[float, Field(ge=1, le=1000)] = 1.0
    """How the corpora share an epoch, which has as many sentences as they have together: by their
    size to the power of 1 / temperature. With 1 each of their sentences is learned once; the
    higher, the more equal are the shares of small and large corpora."""

    select_corpus: CorpusName | None = None
    """The corpus whose dev score decides which epoch is kept; the mean over all where none is
    named."""


NO_DATA = DataConfig.model_construct(train=())
"""The value of `data` where several corpora are listed."""


def schema_has_dev(sources: Sequence[DataConfig]) -> Iterator[bool]:
    """For each schema, whether there will be sentences to make choices on."""
    names = {own.of_schema if isinstance(own, CorpusConfig) else "": None for own in sources}
    for name in names:
        yield any(
            own.has_dev
            for own in sources
            if not isinstance(own, CorpusConfig) or own.of_schema == name
        )


def contradictions_of_corpora(
    data: DataConfig, corpora: Sequence[CorpusConfig], mixing: MixingConfig
) -> Iterator[Contradiction]:
    """Yield settings that are for one corpus beside a list of several, or the reverse."""
    if not corpora:
        if not data.is_there:
            yield Contradiction(
                "data", "missing; expected a table with at least train, or several [[corpora]]"
            )
        if mixing != MixingConfig():
            yield Contradiction(
                "mixing", "nothing is mixed where [data] has one corpus; list several [[corpora]]"
            )
        return
    if data.is_there:
        yield Contradiction(
            "corpora", "one corpus is in [data] too; list it among the [[corpora]], or leave it out"
        )
    names = [own.name for own in corpora]
    for name, count in Counter(names).items():
        if count > 1:
            yield Contradiction(
                "corpora", f"{count} corpora have the name {name!r}; name each apart"
            )
    for field in ("unit", "language"):
        values = sorted({str(v) for own in corpora if (v := getattr(own, field)) is not None})
        if len(values) > 1:
            yield Contradiction(
                "corpora",
                f"a model reads all texts in one way, and these corpora have {field} = "
                f"{' and '.join(values)}; train a model for each",
            )
    known = [own.name for own in corpora if own.has_dev]
    if mixing.select_corpus is not None and mixing.select_corpus not in known:
        yield Contradiction(
            "mixing.select_corpus",
            f"expected a corpus with a dev set, {', '.join(known) or 'and none has one'}; found "
            f"{mixing.select_corpus!r}",
        )
