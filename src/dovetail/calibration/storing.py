"""A model calibrated and stored, and what it comes to on other sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dovetail.calibration.calibrating import calibrate
from dovetail.calibration.on_test import OnTest, compared
from dovetail.calibration.outcome import Calibrated
from dovetail.calibration.sentences import Apart, of_files, of_run
from dovetail.calibration.told import told_on_card
from dovetail.corpora import read_corpus
from dovetail.errors import ModelError
from dovetail.evaluation.operating_points import Wanted
from dovetail.extractor import Extractor
from dovetail.report.run_report import ReadAs, extractor_of
from dovetail.running.steps import SILENT, Teller, result_of
from dovetail.saved.calibrated_folder import save_calibrated
from dovetail.saved.ensemble_folder import SavedPredictor, load_predictor
from dovetail.text.document import TASKS, Sentence
from dovetail.text.named_schemas import ONLY


@dataclass(frozen=True)
class Calibrating:
    """The calibration of a saved model.

    Args:
        source: the folder of the model.
        target: the folder that the calibrated one is written to.
        wanted: a precision or a recall, if any.
        tasks: those whose thresholds are chosen for it.
    """

    source: Path
    target: Path
    wanted: Wanted | None = None
    tasks: Sequence[str] = TASKS

    @cached_property
    def saved(self) -> SavedPredictor:
        """The model or the ensemble.

        Raises:
            ModelError: if it cannot be loaded.
        """
        return load_predictor(self.source)

    def sentences(
        self, dev: Sequence[Path], schema: str | None, read_as: ReadAs
    ) -> dict[str, Apart]:
        """The sentences to calibrate on, by the names of the schemas.

        Raises:
            ModelError: if they are none, are known to the model, or are of no schema of it.
        """
        model = self.saved.model
        if schema is not None or dev:
            model.of_schema(schema or ONLY)  # says what is wrong with the name
        if dev:
            return {schema or ONLY: of_files(dev, self.saved.members, read_as)}
        found = of_run(self.source, self.saved)
        if schema is None:
            return found
        if schema not in found:
            raise ModelError(
                f"{self.source} had no dev sentences of the schema {schema!r}: name a corpus of it "
                f"that the model did not learn from, as in `dovetail calibrate {self.source} DEV "
                f"--schema {schema}`"
            )
        return {schema: found[schema]}

    def calibrated(self, apart: Mapping[str, Apart], tell: Teller = SILENT) -> list[Calibrated]:
        """Calibrate the schemas, and write the model.

        Raises:
            ModelError: if nothing can be fitted, or the model cannot be written.
        """
        results = []
        for name, own in apart.items():
            extractor = extractor_of(self.saved, name)
            results.append(
                calibrate(extractor, own.sentences, wanted=self.wanted, tasks=self.tasks, tell=tell)
            )
        self.before  # noqa: B018  # which the new one may take the place of
        said = {own.schema: told_on_card(own, apart[own.schema].source) for own in results}
        save_calibrated(self.source, self.target, self.saved.model, said)
        return results

    @cached_property
    def before(self) -> Extractor:
        """The model as it was."""
        return Extractor.load(self.source)

    def test_sentences(self, test: Path, schema: str | None, read_as: ReadAs) -> Sequence[Sentence]:
        """The sentences of a corpus to test on, read before anything is written.

        Raises:
            CorpusError: if the corpus cannot be read, or is not annotated.
            ModelError: if there are several schemas, and none is named.
        """
        self.saved.model.of_schema(schema or ONLY)  # says what is wrong with the name
        reading = read_as(self.saved.reading.of_corpora)
        return read_corpus(test, reading=reading, expect_annotations=True).sentences

    def on_test(
        self, test: Path, gold: Sequence[Sentence], schema: str | None, tell: Teller = SILENT
    ) -> OnTest:
        """What the written model comes to on a corpus, beside the one that it was made of."""
        before, after = (
            self._annotated(own, gold, schema or ONLY, tell)
            for own in (self.before, Extractor.load(self.target))
        )
        symmetric = self.saved.model.of_schema(schema or ONLY).schema.symmetric
        return compared(str(test), gold, before, after, symmetric)

    @staticmethod
    def _annotated(
        extractor: Extractor, gold: Sequence[Sentence], schema: str, tell: Teller
    ) -> list[Sentence]:
        own = extractor.of_schema(schema) if schema else extractor
        tell.stage(f"annotating {len(gold):,} test sentences")
        return result_of(own.annotating(gold), tell.progress)
