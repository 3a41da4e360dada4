"""The end of a run: thresholds, dev scores of what users will run, and the model that stays.

    Loop -> model.draft/ -> Extractor -> thresholds, dev scores -> model/ -> finished.json

Whoever kills the process in the middle of it leaves the last checkpoint, from which a resumed run
ends in the same way.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping, Sequence
from functools import partial

from dovetail.config import Config
from dovetail.evaluation import Evaluation, evaluate
from dovetail.extractor import Extractor
from dovetail.heads import RelationHead
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.model.ensemble import Ensemble
from dovetail.running.steps import retold
from dovetail.saved.committee_folder import save_trained
from dovetail.text.confidence import Confidence
from dovetail.text.document import Sentence
from dovetail.training.epochs import Epochs
from dovetail.training.job import Job
from dovetail.training.results import RunFinished, StageProgress
from dovetail.training.run_folder import RunFolder
from dovetail.training.selection import LOWEST, tuned_thresholds, with_thresholds

Stages = Generator[StageProgress, None, RunFinished]


def finish(loop: Epochs, job: Job, folder: RunFolder, *, interrupted: bool) -> Stages:
    """Save the best weights, with thresholds and dev scores of what users will run: the extractor.

    Training reads cached encodings in the precision of its device, which may tip a close decision.
    """
    loop.use_best()
    progress = loop.progress
    dev = yield from decide(loop, job, folder)
    if isinstance(loop.model, Ensemble):
        loop.model.pass_on_decisions()  # so that a member is of use alone
    yield StageProgress("saving the model")
    save_trained(folder.model, loop.model, job.config, dev_by_corpus=dev)
    shutil.rmtree(folder.draft, ignore_errors=True)
    folder.note_finished(progress, dev)
    return RunFinished(folder.model, dev, progress.best_epoch, progress.epoch, interrupted)


def decide(
    loop: Epochs, job: Job, folder: RunFolder
) -> Generator[StageProgress, None, dict[str, Evaluation]]:
    """Set the thresholds of the model; returns its scores on the dev sentences of each corpus.

    The dev sentences are annotated once, with all that the lowest threshold lets through: of that
    higher ones let through what the extractor would find with them.
    """
    weights = job.loss_weights
    learned = {name: loop.model.of_schema(name) for name in job.schemas}
    for heads in learned.values():
        if heads.relation_head is not None:
            threshold = job.config.relation_head.threshold
            if not weights[heads.relation_task]:
                threshold = UNREACHABLE
            set_all(heads.relation_head, LOWEST if threshold == "tuned" else threshold)
        if job.config.entity_head.threshold:
            least = dict.fromkeys(heads.schema.entity_types, job.config.entity_head.threshold)
            loop.model.set_confidence(heads.name, Confidence(least=least))
    scored = [corpus for corpus in job.corpora if loop.dev.by_corpus[corpus.name].gold]
    if not scored:
        return {}
    yield StageProgress("loading the model as users will")
    extractor = draft_extractor(loop, job.config, folder)
    dev: dict[str, Evaluation] = {}
    for name, heads in learned.items():
        own = extractor.of_schema(name) if name else extractor
        gold = {one.name: loop.dev.by_corpus[one.name].gold for one in scored if one.schema == name}
        tuned = job.config.relation_head.threshold == "tuned" and bool(
            weights.get(heads.relation_task)
        )
        dev |= yield from decided(own, gold, heads.relation_head if tuned else None)
    return dev


def decided(
    extractor: Extractor, gold: Mapping[str, Sequence[Sentence]], head: RelationHead | None
) -> Generator[StageProgress, None, dict[str, Evaluation]]:
    """Scores on the dev sentences of the corpora of a schema.

    The thresholds of the relation head, if one is given, are tuned on all of them together.
    """
    found: dict[str, list[Sentence]] = {}
    for name, sentences in gold.items():
        found[name] = yield from annotated(extractor, sentences)
    symmetric = extractor.schema.symmetric
    if head is not None and gold:
        types = head.schema.relation_types
        yield StageProgress("tuning the thresholds of the relations")
        tuned = tuned_thresholds(
            [sentence for own in gold.values() for sentence in own],
            [sentence for own in found.values() for sentence in own],
            types,
            symmetric=symmetric,
        )
        by_type = dict(zip(types, tuned, strict=True))
        found = {name: with_thresholds(own, by_type) for name, own in found.items()}
        head.set_thresholds(tuned)
    dev = {}
    for name, sentences in gold.items():
        yield StageProgress("drawing the dev sentences anew for intervals")
        dev[name] = evaluate(sentences, found[name], symmetric=symmetric)
    return dev


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


def draft_extractor(loop: Epochs, config: Config, folder: RunFolder) -> Extractor:
    """The model as it stands, saved and loaded again.

    Not as the run's model: whoever kills the process now must not leave a model there that has the
    thresholds of the search for better ones.
    """
    save_trained(folder.draft, loop.model, config)
    return Extractor.load(folder.draft, threads=config.training.threads)
