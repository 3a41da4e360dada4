"""Put a trained model into the package, with a card whose scores it measures itself.

    python scripts/ship_model.py runs/conll04 news --test $DOVETAIL_DATA/conll04/conll04_test.json

With `--negatives FILE`, `--negatives-documents PATTERN` and `--negatives-share SHARE` the card has
the false alarms too.
The text about the data and its terms is in `scripts/shipped_models.toml`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

from dovetail.corpora import read_corpus
from dovetail.encoders.known_encoders import KNOWN
from dovetail.evaluation import Evaluation, SettingScores, evaluate
from dovetail.extractor import Extractor
from dovetail.model.ensemble import num_stored
from dovetail.report.false_alarms import Alarms, AskedNegatives
from dovetail.saved.model_folder import files_of_model, load_model

PROJECT = Path(__file__).resolve().parent.parent
SHIPPED = PROJECT / "src" / "dovetail" / "pretrained"

CARD = """# {name}

{summary}

- **Data:** {data}
- **Terms:** {terms}
- **Recipe:** `{recipe}`, seed {seed}: `dovetail train {recipe}`
- **Encoder:** {encoder}
- **Size:** {size:.1f} MB; {numbers:,} stored parameters

## Scores

{test_sentences} test sentences, never used for a choice; strict, in percent, with 95 % bootstrap
intervals over the sentences. The command that measures them again:

    dovetail evaluate {name} {test}{negatives}

| | precision | recall | F1 | F1, interval |
|---|---|---|---|---|
{rows}

By type (F1): {by_type}.

{alarms}

## What it can say

Entity types: {entity_types}. Relation types: {relation_types}.

## Limits

{limits}
"""


def main() -> None:
    """Copy the model, measure it, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--negatives", type=Path, action="append", default=[])
    parser.add_argument("--negatives-documents", action="append", default=[])
    parser.add_argument("--negatives-share", type=float)
    arguments = parser.parse_args()
    folder = SHIPPED / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files_of_model(arguments.run / "model"):
        shutil.copyfile(arguments.run / "model" / file, folder / file)
    extractor = Extractor.load(folder)
    gold = read_corpus(arguments.test).sentences
    evaluation = evaluate(gold, extractor.annotate(gold))
    asked = AskedNegatives(
        tuple(arguments.negatives), tuple(arguments.negatives_documents), arguments.negatives_share
    )
    found = asked.found_by(extractor, extractor.reading.of_corpora)
    alarms = Alarms.of(evaluation, found, asked.share)
    (folder / "scores.json").write_text(json.dumps(evaluation.to_dict(), indent=1) + "\n")
    told = {"negatives": options_of(asked), "alarms": alarms_in_words(alarms)}
    (folder / "README.md").write_text(
        card(arguments.name, folder, arguments.test, evaluation, extractor, told), encoding="utf-8"
    )


def options_of(asked: AskedNegatives) -> str:
    """The options that ask for the same false alarms, each with a space before it."""
    share = [] if asked.share is None else ["--negatives-share", f"{asked.share:g}"]
    words = [
        *(word for file in asked.files for word in ("--negatives", str(file))),
        *(word for own in asked.documents for word in ("--negatives-documents", shlex.quote(own))),
        *share,
    ]
    return "".join(f" {word}" for word in words)


def alarms_in_words(alarms: Alarms) -> str:
    """What the card says of relations that are found where there are none."""
    if alarms.interval is None:
        return (
            "False alarms: not known, for each test sentence holds a relation. On text in which "
            "most sentences hold none, precision is lower than the table says."
        )
    of_all, interval = alarms.of_all, alarms.interval
    text = (
        f"False alarms: a relation is found in {of_all.per_thousand:.0f} of 1,000 sentences that "
        f"hold none ({interval.low:.0f} to {interval.high:.0f}; {of_all.alarmed:,} of "
        f"{of_all.sentences:,})."
    )
    if alarms.at_share is not None:
        at = alarms.at_share
        text += (
            f" Where {100 * at.share:g} % of sentences hold none: relations, micro-F1 "
            f"{100 * at.f1:.1f}, precision {100 * at.precision:.1f}."
        )
    return text


def card(
    name: str,
    folder: Path,
    test: Path,
    evaluation: Evaluation,
    extractor: Extractor,
    told: dict[str, str],
) -> str:
    """The model card."""
    texts = tomllib.loads((PROJECT / "scripts" / "shipped_models.toml").read_text())[name]
    config = tomllib.loads((folder / "config.toml").read_text())
    encoders = [own for own in config["encoders"] if own["kind"] == "pretrained"]
    kinds = {"entities": evaluation.entity_strict, "relations": evaluation.relation_strict}
    rows = "\n".join(row for kind, scores in kinds.items() for row in score_rows(kind, scores))
    by_type = ", ".join(
        f"{type_} {100 * score.f1:.1f}"
        for scores in kinds.values()
        for type_, score in scores.by_type.items()
    )
    return CARD.format(
        name=name,
        **texts,
        encoder="; ".join(map(encoder, encoders)) or "none that is pretrained",
        seed=config["seed"],
        size=sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        numbers=num_stored(load_model(folder).model),
        test=str(test),
        test_sentences=evaluation.sentences,
        rows=rows,
        **told,
        by_type=by_type,
        entity_types=", ".join(extractor.schema.entity_types),
        relation_types=", ".join(extractor.schema.relation_types),
    )


def encoder(section: dict[str, Any]) -> str:
    """What is read of a pretrained encoder, and where its weights are."""
    name = section["name"]
    read = f"the lower {section['layers_read']} layers of " if "layers_read" in section else ""
    trained = section["trained_layers"]
    kept = (
        "frozen" if not trained else f"{trained if trained == 'all' else f'top {trained}'} trained"
    )
    return (
        f"{read}{KNOWN[name].hub.rpartition('/')[2]}, {kept} (Apache-2.0); what is frozen is not "
        f"in this folder, but named by its digest"
    )


def score_rows(kind: str, scores: SettingScores) -> list[str]:
    """Micro and macro, a row of the table each."""
    rows = []
    for average in ("micro", "macro"):
        score = getattr(scores, average)
        interval = getattr(scores.intervals, average).f1
        rows.append(
            f"| {kind}, {average} | {100 * score.precision:.1f} | {100 * score.recall:.1f} "
            f"| {100 * score.f1:.1f} | {100 * interval.low:.1f} to {100 * interval.high:.1f} |"
        )
    return rows


if __name__ == "__main__":
    main()
