"""The card of a model on a hub: the metadata that the hub reads, and the model's own card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.encoders.known_encoders import KNOWN
from dovetail.errors import ModelError
from dovetail.evaluation import Evaluation
from dovetail.files.bounded import read_bytes, read_json
from dovetail.saved.ensemble_folder import digest_of, first_config
from dovetail.saved.finding import MODEL

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

    from dovetail.config import Config

DIGEST = "dovetail_sha256"
"""The field of a card with the digest of the model that it goes with."""

SCORES = "scores.json"
"""The file of scores that a model may come with."""

LIBRARY = "dovetail"
TAGS = ("dovetail", "named-entity-recognition", "relation-extraction", "information-extraction")

_CARD, _RECORD = "README.md", "finished.json"
_MOST_BYTES = 1 << 24
_FRONT = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n", re.DOTALL)
_BEGIN_USE, _END_USE = "<!-- use -->", "<!-- end of use -->"
_USE = re.compile(rf"\n*{_BEGIN_USE}.*?{_END_USE}\n*", re.DOTALL)
_TASKS = {"entity": "token-classification", "relation": "relation-extraction"}


@dataclass(frozen=True, slots=True)
class ScoredOn:
    """The scores of a model, and what they were measured on."""

    evaluation: Evaluation
    name: str
    split: str


@dataclass(frozen=True, slots=True)
class CardOptions:
    """What a card says that a model does not know of itself.

    Args:
        license: as the hub spells it, such as ``apache-2.0``.
        datasets: names of data sets on the hub that it was trained on.
        scores: a file that `dovetail evaluate --output` wrote; by default the scores of the run.
        scored_on: the name of the corpus of these scores.
        split: the split of these scores.
    """

    license: str | None = None
    datasets: Sequence[str] = field(default=())
    scores: Path | None = None
    scored_on: str = "test"
    split: str = "test"


def hub_card(folder: Path, source: Path, repository: str, options: CardOptions) -> str:
    """Markdown with metadata for a model folder.

    Args:
        folder: the model folder, whose own card is the text.
        source: where it came from, where scores may lie beside it.
        repository: the name that it is to have on the hub.
        options: what it does not know of itself.

    Raises:
        ModelError: if scores that were named cannot be read.
    """
    config = first_config(folder)
    data = card_data(config, repository, scores_of(source, options), options)
    data[DIGEST] = digest_of(folder)
    own = (folder / _CARD).read_text(encoding="utf-8") if (folder / _CARD).is_file() else ""
    own = _USE.sub("\n\n", _FRONT.sub("", own)).strip()
    text = f"{own}\n{_use(repository)}{_limits(config, own)}"
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def card_data(
    config: Config, repository: str, scores: Sequence[ScoredOn], options: CardOptions
) -> ModelCardData:
    """The metadata."""
    from huggingface_hub import ModelCardData

    language = config.reading.language
    encoders = (getattr(encoder, "name", "") for encoder in config.encoders)
    bases = [KNOWN[name].hub if name in KNOWN else str(name) for name in encoders if name]
    return ModelCardData(
        language=None if language == "xx" else language,
        license=options.license,
        library_name=LIBRARY,
        pipeline_tag="token-classification",
        tags=list(TAGS),
        datasets=list(options.datasets) or None,
        base_model=[base for base in bases if re.fullmatch(r"[\w.-]+/[\w.-]+", base)] or None,
        model_name=repository.rpartition("/")[2],
        eval_results=[own for scored in scores for own in _results(scored)] or None,
    )


def _results(scored: ScoredOn) -> Iterator[EvalResult]:
    """The strict scores over all types, of each task that has any."""
    from huggingface_hub import EvalResult

    evaluation = scored.evaluation
    by_task = {"entity": evaluation.entity_strict, "relation": evaluation.relation_strict}
    for task, settings in by_task.items():
        micro = settings.micro
        if not (micro.support or micro.predicted):
            continue
        for metric in ("f1", "precision", "recall"):
            yield EvalResult(
                task_type=_TASKS[task],
                task_name={"entity": "Named entities", "relation": "Relations"}[task],
                dataset_type=re.sub(r"[^a-z0-9]+", "-", scored.name.lower()).strip("-") or "corpus",
                dataset_name=scored.name,
                dataset_split=scored.split,
                metric_type=metric,
                metric_name=f"{task}, strict micro {metric}",
                metric_value=round(getattr(micro, metric), 4),
            )


def scores_of(source: Path, options: CardOptions) -> list[ScoredOn]:
    """The scores that were named, those that a model came with, or those of its run.

    Raises:
        ModelError: if scores that were named cannot be read.
    """
    if options.scores is not None:
        try:
            evaluation = Evaluation.from_dict(read_json(options.scores, at_most=_MOST_BYTES))
        except OSError as error:
            raise ModelError(f"{options.scores} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{options.scores}: expected what `dovetail evaluate --output` writes: {error!r}"
            ) from error
        return [ScoredOn(evaluation, options.scored_on, options.split)]
    return list(_known_scores(source, options))


def _known_scores(source: Path, options: CardOptions) -> Iterator[ScoredOn]:
    try:
        if (source / SCORES).is_file():
            values = read_json(source / SCORES, at_most=_MOST_BYTES)
            yield ScoredOn(Evaluation.from_dict(values), options.scored_on, options.split)
        elif source.name == MODEL and (source.parent / _RECORD).is_file():
            values = read_json(source.parent / _RECORD, at_most=_MOST_BYTES)
            several = values.get("dev_by_corpus") or {"dev": values["dev"]}
            for name, own in several.items():
                if own:
                    yield ScoredOn(Evaluation.from_dict(own), name, "dev")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return  # nobody asked for them


def _use(repository: str) -> str:
    return f"""
{_BEGIN_USE}
## Use

```sh
pip install dovetail
dovetail extract {repository} "A text."
```

```python
from dovetail import Extractor

extraction = Extractor.from_pretrained("{repository}").extract("A text.")
print(extraction.entities, extraction.relations)
```
{_END_USE}
"""


def _limits(config: Config, own: str) -> str:
    """What follows from how the model reads; nothing where its own card has limits."""
    if "## Limits" in own:
        return ""
    reading = config.reading
    return f"""
## Limits

- It reads one {reading.unit} at a time, and relates nothing beyond it; language:
  {reading.language}.
- It knows only the types above, and was measured only on the texts that its scores name.
- A confidence is the model's own, and is as good as its training data are like your texts.
"""


def field_of_card(folder: Path, name: str) -> str | None:
    """A field of the metadata of a card, if it has it."""
    from huggingface_hub import ModelCard

    try:
        text = read_bytes(folder / _CARD, at_most=_MOST_BYTES).decode("utf-8")
        value = ModelCard(text, ignore_metadata_errors=True).data.get(name)
    except Exception:  # a card is written by people, and says nothing then
        return None
    return value if isinstance(value, str) else None


def named_places(folder: Path) -> list[str]:
    """The absolute paths that the files of a model name, which others would see."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".toml", ".md", ".json"):
            text = path.read_text(encoding="utf-8", errors="replace")
            found.update(re.findall(r"[\"'`](/[^\"'`\n]+|[A-Za-z]:\\[^\"'`\n]+)[\"'`]", text))
    return sorted(found)
