"""Tiny models of every kind of sharing, as 0.1.0 saved them, and what they said of the tiny corpus.

    python -m tests.strategies.golden FOLDER

trains them anew into a folder, and prints digests of their weights: two commits of one machine are
compared by that to the bit.  What is kept in `tests/strategies/golden/` was made before strategies
had rooms of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus

from dovetail.config import Config, parse_config
from dovetail.extractor import Extractor
from dovetail.text.document import Sentence
from dovetail.training import training_events

SHARING: dict[str, dict[str, Any]] = {
    "depth": {"relation_layers": 1},
    "bottom": {"cell": "lstm", "projection_dim": 8, "relation_layers_above": 1},
    "exits": {"shared_layers": 2, "relation_exit": 2, "residual": True, "normalise": True},
    "gates": {"layers": 2, "warmup_epochs": 2, "weight": 1.0},
    "primitives": {"projection_dim": 8, "reservoir_dim": 4},
    "deltas": {"base": "depth/model", "add_tasks": ["relation"], "penalty_after_epochs": 1},
    "bank": {"base": "depth/model", "add_tasks": ["entity", "relation"], "rank": 0.7},
    "probe": {"cell": "transformer", "layers": 2, "attention_heads": 2, "penalty": 0.01},
}
"""A setting of each kind, with the code of its own in use."""

SHIPPED = {
    "news": [
        "Ada Lovelace lives in London and works for Great Western .",
        "President Clinton met Boris Yeltsin of Russia in Moscow on Tuesday .",
        "The Associated Press reported from Jerusalem that Israel had agreed .",
        "John Wilkes Booth shot Lincoln at Ford 's Theatre in Washington .",
    ],
    "adverse-effects": [
        "Severe headache was seen after the first dose of aspirin .",
        "We report a case of hepatitis associated with isoniazid therapy .",
        "Two patients developed lithium-induced tremor and nausea .",
        "Nothing happened .",
    ],
}
"""Shipped models, and what they are asked."""


def tiny(kind: str) -> Config:
    """A config of a kind, whose data and base lie in the working directory."""
    layers = {} if kind in ("deltas", "bank") else {"hidden_dim": 4, "dropout": 0.1}
    values: dict[str, Any] = {
        "name": kind,
        "data": {"train": "train.jsonl", "dev": "dev.jsonl"},
        "sharing": {"kind": kind, **layers, **SHARING[kind]},
        "relation_head": {"label_dim": 4, "hidden_dim": 8, "dropout": 0.1},
        "training": {
            "epochs": 12,
            "batch_size": 4,
            "learning_rate": 0.02,
            "precision": "fp32",
            "threads": 1,
        },
    }
    if kind not in ("deltas", "bank"):
        values["encoders"] = [
            {"kind": "characters", "embedding_dim": 6, "hidden_dim": 4},
            {"kind": "casing"},
        ]
        values["entity_head"] = {"hidden_dim": 8}
    return parse_config(values)


def told(sentences: list[Sentence]) -> list[Any]:
    """What was found, with confidences, as JSON values."""
    return [
        {
            "entities": sorted([e.start, e.end, e.type, e.confidence] for e in sentence.entities),
            "relations": sorted(
                [r.head.start, r.head.end, r.tail.start, r.tail.end, r.type, r.confidence]
                for r in sentence.relations
            ),
        }
        for sentence in sentences
    ]


def rounded(value: Any) -> Any:
    """Confidences with as many digits as another machine has in common with this one."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def said_by(model: Path) -> list[Any]:
    """What a saved model of the tiny corpus says of it."""
    return told(Extractor.load(model, threads=1).annotate(list(SENTENCES)))


def said_by_shipped(name: str) -> list[Any]:
    """What a shipped model says of its sentences."""
    sentences = [Sentence.from_tokens(text.split()) for text in SHIPPED[name]]
    return told(Extractor.load(name, threads=1).annotate(sentences))


def trained(folder: Path) -> dict[str, Any]:
    """Train all kinds in a folder; for each the digest of its weights, its losses and words."""
    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    found: dict[str, Any] = {}
    try:
        save_corpus(TRAIN, Path("train.jsonl"))
        save_corpus(DEV, Path("dev.jsonl"))
        for kind in SHARING:
            for _ in training_events(tiny(kind), Path(kind)):
                pass
            model = Path(kind, "model")
            lines = Path(kind, "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            found[kind] = {
                "weights": hashlib.sha256((model / "weights.safetensors").read_bytes()).hexdigest(),
                "losses": [json.loads(line)["losses"] for line in lines],
                "said": said_by(model),
            }
    finally:
        os.chdir(before)
    return found


def main(folder: Path) -> None:
    """Train, compare shipped models, and write what is kept."""
    found = trained(folder)
    for kind, own in found.items():
        sys.stdout.write(f"{kind} {own['weights']}\n")
        shutil.rmtree(folder / "golden" / kind, ignore_errors=True)
        shutil.copytree(folder / kind / "model", folder / "golden" / kind)
    shipped = {name: said_by_shipped(name) for name in SHIPPED}
    digest = hashlib.sha256(json.dumps(shipped).encode()).hexdigest()
    sys.stdout.write(f"shipped {digest}\n")
    lines = [
        json.dumps({"kind": kind, "losses": own["losses"][:2], "said": rounded(own["said"])})
        for kind, own in found.items()
    ]
    lines += [json.dumps({"kind": name, "said": rounded(own)}) for name, own in shipped.items()]
    (folder / "golden" / "said.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
