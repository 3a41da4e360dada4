"""What `dovetail evaluate` finds in sentences without a relation: false alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dovetail.cli.output_checks import check_output
from dovetail.cli.waiting import Waiting, being_read

if TYPE_CHECKING:
    from dovetail.evaluation import Evaluation, FalseAlarms, ScoreAtShare
    from dovetail.extractor import Extractor
    from dovetail.text.document import Relation, Sentence
    from dovetail.text.reading import Reading

_PANEL = "False alarms"


@dataclass(frozen=True)
class NegativesOptions:
    """The options on sentences without a relation; None where an option is not given."""

    negatives: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Sentences known to hold no relation, a corpus or plain text with a sentence a "
            "line: what is found in them is a false alarm; repeatable.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    negatives_documents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Take those of these documents alone, by their ids, in which * stands for "
            "anything; repeatable.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    negatives_share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=0.9999,
            help="Reckon precision and F1 of relations in text of which this share of sentences "
            "holds none, such as 0.8.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    false_alarms: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the sentences of --negatives with false alarms, and what was found in "
            "them, to this file, which data.negatives reads.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    @property
    def files(self) -> list[Path]:
        """The files of such sentences."""
        return self.negatives or []

    @property
    def documents(self) -> list[str]:
        """The documents that are taken; all where none is named."""
        return self.negatives_documents or []

    def check(self, *inputs: Path | None, output: Path | None) -> None:
        """Check the files to write, beside those that are read, and options of files not named.

        Raises:
            typer.BadParameter: if there is such an option, or a folder does not exist.
            OutputError: if a file to write is one of the others.
        """
        inputs = (*inputs, *self.files)
        check_output(output, *inputs, self.false_alarms)
        check_output(self.false_alarms, *inputs, option="--false-alarms")
        for given, name in (
            (self.documents, "--negatives-documents"),
            (self.false_alarms, "--false-alarms"),
        ):
            if given and not self.files:
                raise typer.BadParameter(
                    "there are no files that it could be of; name them by --negatives",
                    param_hint=name,
                )

    def found_by(self, extractor: Extractor, reading: Reading, tell: Waiting) -> InNegatives | None:
        """What a model finds in the files; None if there are none.

        Raises:
            CorpusError: if a file cannot be read, or holds a relation.
            typer.BadParameter: if no document is of those that are named.
        """
        if not self.files:
            return None
        from dovetail.corpora.negatives import of_documents, read_negatives
        from dovetail.running.steps import result_of

        ids: list[str] = []
        sentences: list[Sentence] = []
        for path in self.files:
            tell.stage(being_read(path))
            for document in read_negatives(path, reading).documents:
                if not self.documents or of_documents(document.id, self.documents):
                    ids += [document.id] * len(document.sentences)
                    sentences += document.sentences
        if not sentences:
            raise typer.BadParameter(
                f"no document has an id as {' or '.join(map(repr, self.documents))}",
                param_hint="--negatives-documents",
            )
        tell.stage(f"annotating {len(sentences):,} sentences without a relation")
        return InNegatives(
            ids, sentences, result_of(extractor.annotating(sentences), tell.progress)
        )


@dataclass(frozen=True)
class InNegatives:
    """Sentences without a relation, the ids of their documents, and what a model finds in them."""

    ids: Sequence[str]
    sentences: Sequence[Sentence]
    found: Sequence[Sentence]

    def alarms(self) -> FalseAlarms:
        """The false alarms in them."""
        from dovetail.evaluation import false_alarms
        from dovetail.text.document import RELATION_TASK

        known = frozenset({RELATION_TASK})
        return false_alarms([replace(own, annotated=known) for own in self.sentences], self.found)

    def lines(self) -> str:
        """The sentences with false alarms as lines of JSON, which say that nobody annotated them.

        What was found is beside the annotations, so the file can be read as negatives.
        """
        return "".join(
            json.dumps(
                {
                    "id": id,
                    "tokens": sentence.tokens,
                    "found": [_said(own, sentence) for own in sentence.sorted_relations],
                },
                ensure_ascii=False,
            )
            + "\n"
            for id, sentence in zip(self.ids, self.found, strict=True)
            if sentence.relations
        )


def _said(relation: Relation, sentence: Sentence) -> dict[str, Any]:
    """A relation in words."""
    head, tail = (
        {"text": " ".join(sentence.tokens[token] for token in own.tokens), "type": own.type}
        for own in (relation.head, relation.tail)
    )
    return {"type": relation.type, "head": head, "tail": tail, "confidence": relation.confidence}


@dataclass(frozen=True)
class Alarms:
    """False alarms of the corpus and the negatives together, and scores at a share of such."""

    of_all: FalseAlarms
    at_share: ScoreAtShare | None = None

    @classmethod
    def of(
        cls, evaluation: Evaluation, negatives: InNegatives | None, share: float | None
    ) -> Alarms:
        """The alarms beside an evaluation.

        Raises:
            typer.BadParameter: if scores at a share cannot be reckoned.
        """
        from dovetail.evaluation import ScoreAtShare

        within = evaluation.false_alarms
        of_all = within if negatives is None else within + negatives.alarms()
        if share is None:
            return cls(of_all)
        score, related = evaluation.relation_strict.micro, evaluation.related_sentences
        try:
            return cls(of_all, ScoreAtShare.of(score, related, within, of_all, share))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--negatives-share") from error

    def to_dict(self) -> dict[str, Any] | None:
        """JSON values; None where nothing tells of false alarms."""
        from dovetail.evaluation.false_alarms import interval_per_thousand

        values = self.of_all.to_dict()
        if values is None:
            return None
        interval = interval_per_thousand(self.of_all)
        at_share = None if self.at_share is None else self.at_share.to_dict()
        return {**values, "interval": [interval.low, interval.high], "at_share": at_share}

    def warnings(self, evaluation: Evaluation) -> list[str]:
        """A warning if nothing tells of false alarms."""
        number = evaluation.relation_sentences
        if self.of_all.sentences or not number:
            return []
        return [
            f"Each of the {number:,} sentences that are annotated for relations holds one, so the "
            f"scores say nothing of relations that are found where there are none, as in most "
            f"sentences of most texts: score the model on such sentences too (--negatives)."
        ]
