"""The card that goes with a saved model: what it is, what it knows, how good it was on dev data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dovetail.config import Config, CrfEntityHeadConfig, DataConfig
from dovetail.couplings.coupling import coupling_of
from dovetail.evaluation import Evaluation, FalseAlarms
from dovetail.model.ensemble import members_of, num_stored
from dovetail.model.joint import JointModel
from dovetail.model.prediction import Predictor
from dovetail.strategies.strategy import strategy_of
from dovetail.text.named_schemas import joined_schema


def model_card(model: Predictor, config: Config, dev_by_corpus: Mapping[str, Evaluation]) -> str:
    """Markdown for the README of the folder of a model, or of a committee of several."""
    members = members_of(model)
    schema = joined_schema(model.schemas)
    signatures = "None: the model was trained to find entities alone." * (not schema.relation_types)
    signatures += "\n".join(
        f"- `{relation}`: "
        + (
            ", ".join(f"{head} → {tail}" for head, tail in sorted(schema.signatures[relation]))
            if relation in schema.signatures
            else "any pair of entities"
        )
        for relation in schema.relation_types
    )
    encoders = ", ".join(own.in_words for own in config.encoders)
    learned_beside = _auxiliary(config) + _couplings(config)
    return f"""# {config.name}

{_opening(len(members))}

- Entity types: {", ".join(f"`{type_}`" for type_ in schema.entity_types)}
- Encoders: {encoders}; sharing: {config.sharing.kind}; seed {config.seed}
- Entities: {_entities(config)}{_discontinuous(schema.discontinuous)}
- Parameters stored: {num_stored(model):,}
{_sharing(members, config)}{learned_beside}{_trained_on(config)}{_teacher(config)}
Relation types and the arguments that they admit:

{signatures}

{_scores(dev_by_corpus)}
"""


def _opening(members: int) -> str:
    """What the model is."""
    if members == 1:
        return "A joint entity and relation model trained with Dovetail."
    return (
        f"A committee of {members} joint entity and relation models that were trained together "
        f"with Dovetail and decide by the mean of their scores; frozen encoders run once for all."
    )


def _trained_on(config: Config) -> str:
    """The files of each corpus."""
    if not config.corpora:
        data = config.data
        return f"- Trained on: {_training_files(data)}\n{_others(data)}"
    return "".join(
        f"- Trained on the corpus `{own.name}` (schema `{own.of_schema}`, for "
        f"{' and '.join(own.tasks)}): {_training_files(own)}\n{_others(own)}"
        for own in config.corpora
    )


def _training_files(data: DataConfig) -> str:
    """The files, and the part of their sentences that was learned from."""
    part = "" if data.is_whole else f" (of it {data.described_part})"
    return _files(data.train) + part


def _entities(config: Config) -> str:
    """Which entities the head can find, and how sure of them it has to be."""
    head = config.entity_head
    least = f"; of a confidence of {head.threshold:g} at least" if head.threshold else ""
    if isinstance(head, CrfEntityHeadConfig):
        return f"flat, so of two that overlap one is found at most{least}"
    overlaps = {"nested": "one within another too", "all": "overlapping ones too", "none": "flat"}
    return f"{overlaps[head.overlaps]}; of {head.max_width} tokens at most{least}"


def _discontinuous(types: Collection[str]) -> str:
    """Which of them may have several fragments."""
    names = ", ".join(f"`{type_}`" for type_ in sorted(types))
    return f"; in several fragments too: {names}" if types else ""


def _files(paths: Sequence[Path]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _sharing(members: Sequence[JointModel], config: Config) -> str:
    """Return the strategy's lines on what training chose."""
    strategy, model = strategy_of(config.sharing), members[0]
    lines = strategy.card_lines(config.sharing, model.sharing, num_new=model.num_added)
    for own in model.heads.values():
        lines = [*lines, *strategy.card_lines_of_heads(config.sharing, own.learned)]
    if lines and len(members) > 1:
        lines = ["What training chose in each member: its own card, in `members`, says it"]
    return "".join(f"- {line}\n" for line in lines)


def _auxiliary(config: Config) -> str:
    """The tasks that were there in training alone."""
    told = [f"`{own.task}` ({own.weight:g})" for own in config.auxiliary if own.weight]
    return f"- Auxiliary tasks in training, with their weights: {', '.join(told)}\n" * bool(told)


def _couplings(config: Config) -> str:
    """The lines of each coupling."""
    lines = (line for own in config.couplings for line in coupling_of(own).card_lines(own))
    return "".join(f"- {line}\n" for line in lines)


def _others(data: DataConfig) -> str:
    """What was learned from beside the training sentences, a line each."""
    return _extra_data(data) + _templates(data) + _negatives(data)


def _extra_data(data: DataConfig) -> str:
    """The extra data; scores reached with it are to be reported as such."""
    if not data.extra:
        return ""
    unrelated = ", learned as if no two entities were related" * data.extra_unrelated
    tasks = " and ".join(data.extra_tasks)
    return f"- Extra data, for {tasks} only: {_files(data.extra)}{unrelated}\n"


def _templates(data: DataConfig) -> str:
    """The sentences with gaps that were filled with names and learned from."""
    if not data.templates:
        return ""
    times = data.templates_times
    return f"- Templates: {_files(data.templates)}, filled {times:,} time{'s' * (times > 1)}\n"


def _negatives(data: DataConfig) -> str:
    """The sentences without a relation that were learned from, and how many of them."""
    if not data.negatives:
        return ""
    numbers = (
        f", {number:,} {place}"
        if isinstance(number, int)
        else f", {number:g} to each with one {place}"
        for number, place in (
            (data.negatives_per_epoch, "in an epoch"),
            (data.negatives_in_dev, "in the dev set"),
        )
        if number
    )
    learned = "relations" if data.negatives_for == "relations" else "entities and relations"
    return (
        f"- Sentences without a relation, for {learned}: {_files(data.negatives)}"
        f"{''.join(numbers)}\n"
    )


def _teacher(config: Config) -> str:
    """The teacher that the model learned from, beside or instead of the annotations."""
    distillation = config.distillation
    if distillation.teacher is None:
        return ""
    text = f"- Distilled from: `{distillation.teacher}` (SHA-256 {distillation.teacher_sha256})"
    if distillation.unlabelled:
        text += f", on these sentences too: {_files(distillation.unlabelled)}"
    return f"{text}\n"


def _scores(dev_by_corpus: Mapping[str, Evaluation]) -> str:
    if not dev_by_corpus:
        return "There was no dev set, so nothing is known of how good the model is."
    lines = [
        line
        for name, dev in dev_by_corpus.items()
        for line in ([f"{name}:", ""] if name else []) + _scores_of(dev) + ([""] if name else [])
    ]
    return (
        "Scores on the dev set, which epoch and thresholds were chosen by, so they are somewhat "
        "too good (strict micro-F1, %):\n\n" + "\n".join(lines).rstrip()
    )


def _scores_of(dev: Evaluation) -> list[str]:
    entities, relations = dev.entity_strict.micro, dev.relation_strict.micro
    lines = [f"- entities {100 * entities.f1:.1f}"] if dev.entity_sentences else []
    if relations.support or relations.predicted:
        lines.append(f"- relations {100 * relations.f1:.1f}")
        lines.append(f"- false alarms: {_alarms(dev.false_alarms)}")
    return lines


def _alarms(alarms: FalseAlarms) -> str:
    """The sentences without a relation in which one is found."""
    if not alarms.sentences:
        return "not known, for each dev sentence holds a relation"
    return (
        f"a relation in {alarms.per_thousand:.0f} of 1,000 sentences that hold none "
        f"({alarms.alarmed:,} of {alarms.sentences:,})"
    )
