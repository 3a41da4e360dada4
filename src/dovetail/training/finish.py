"""The end of a run: thresholds, dev scores of what users will run, and the model that stays.

    Loop -> model.draft/ -> Extractor -> thresholds, dev scores -> model/ -> finished.json

Whoever kills the process in the middle of it leaves the last checkpoint, from which a resumed run
ends in the same way.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from functools import partial

from dovetail.config import Config
from dovetail.evaluation import Evaluation, evaluate
from dovetail.extractor import Extractor
from dovetail.heads import RelationHead
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.running.steps import retold
from dovetail.saved.model_folder import save_model
from dovetail.text.document import RELATION_TASK, Sentence
from dovetail.training.loop import Loop
from dovetail.training.results import RunFinished, StageProgress
from dovetail.training.run_folder import RunFolder
from dovetail.training.selection import LOWEST, tuned_thresholds, with_thresholds
from dovetail.training.supervision import learned_tasks

Stages = Generator[StageProgress, None, RunFinished]


def finish(loop: Loop, config: Config, folder: RunFolder, *, interrupted: bool) -> Stages:
    """Save the best weights, with thresholds and dev scores of what users will run: the extractor.

    Training reads cached encodings in the precision of its device, which may tip a close decision.
    """
    loop.use_best()
    progress = loop.progress
    dev = yield from decide(loop, config, folder)
    yield StageProgress("saving the model")
    save_model(folder.model, loop.model, config, dev=dev)
    shutil.rmtree(folder.draft, ignore_errors=True)
    folder.note_finished(progress, dev)
    return RunFinished(folder.model, dev, progress.best_epoch, progress.epoch, interrupted)


def decide(
    loop: Loop, config: Config, folder: RunFolder
) -> Generator[StageProgress, None, Evaluation | None]:
    """Set the thresholds of the model; returns its scores on the dev sentences, if there are any.

    The dev sentences are annotated once, with all that the lowest threshold lets through: of that
    higher ones let through what the extractor would find with them.
    """
    head = loop.model.relation_head
    gold = loop.dev.gold
    learns_relations = RELATION_TASK in learned_tasks(config)
    threshold = config.relation_head.threshold if learns_relations else UNREACHABLE
    is_tuned = threshold == "tuned"
    set_all(head, LOWEST if threshold == "tuned" else threshold)
    if not gold:
        return None
    yield StageProgress("loading the model as users will")
    extractor = draft_extractor(loop, config, folder)
    found = yield from annotated(extractor, gold)
    symmetric = extractor.schema.symmetric
    if is_tuned:
        types = head.schema.relation_types
        yield StageProgress("tuning the thresholds of the relations")
        tuned = tuned_thresholds(gold, found, types, symmetric=symmetric)
        found = with_thresholds(found, dict(zip(types, tuned, strict=True)))
        head.set_thresholds(tuned)
    yield StageProgress("drawing the dev sentences anew for intervals")
    return evaluate(gold, found, symmetric=symmetric)


def set_all(head: RelationHead, threshold: float) -> None:
    """Give all relation types the same threshold."""
    head.set_thresholds([threshold] * len(head.schema.relation_types))


def annotated(
    extractor: Extractor, sentences: Sequence[Sentence]
) -> Generator[StageProgress, None, list[Sentence]]:
    """Annotate the dev sentences as users would, and tell how far that is."""
    told = partial(StageProgress, "scoring the dev sentences with the saved model")
    yield told(0, sum(len(sentence.tokens) for sentence in sentences))
    return (yield from retold(extractor.annotating(sentences), lambda done: told(*done)))


def draft_extractor(loop: Loop, config: Config, folder: RunFolder) -> Extractor:
    """The model as it stands, saved and loaded again.

    Not as the run's model: whoever kills the process now must not leave a model there that has the
    thresholds of the search for better ones.
    """
    save_model(folder.draft, loop.model, config)
    return Extractor.load(folder.draft, threads=config.training.threads)
