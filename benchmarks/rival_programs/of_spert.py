"""SpERT: its own model, sampling and prediction, over the encoder of the task.

It is trained for an epoch at first, so that it predicts about as many entities as there are, and
has the options of its own examples.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from answering import Counts, Sentence, answer, task


def options(asked: dict[str, Any], folder: Path, model: str) -> Namespace:
    """What its command lines would say, its own defaults for all that is not named."""
    from args import train_argparser

    named = {"label": "rivals", "model_path": model, "tokenizer_path": asked["encoder"]}
    named |= {"log_path": str(folder / "log"), "save_path": str(folder / "save")}
    named |= {"sampling_processes": "0", "epochs": "1"}
    words = [word for name, value in named.items() for word in (f"--{name}", value)]
    found: Namespace = train_argparser().parse_args(
        [*words, "--cpu", "--lowercase", "--final_eval"]
    )
    found.predictions_path = str(folder / "predictions.json")
    return found


def written(path: Path, sentences: Sequence[Sentence]) -> str:
    """Sentences as a file that its reader reads."""
    rows = [{"tokens": own["tokens"], "entities": [], "relations": []} for own in sentences]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return str(path)


def in_its_format(source: Path, target: Path) -> str:
    """A copy of a model's folder whose weights are in the file that it looks for."""
    import torch
    from safetensors.torch import load_file

    if not target.is_dir():
        shutil.copytree(source, target)
        torch.save(load_file(target / "model.safetensors"), target / "pytorch_model.bin")
        (target / "model.safetensors").unlink()
    return str(target)


def main() -> None:
    """Train it once, and load it from then on."""
    asked = task()
    sys.path.insert(0, asked["spert"])
    os.chdir(asked["spert"])  # where it looks for its templates
    import torch
    from spert.input_reader import JsonInputReader
    from spert.spert_trainer import SpERTTrainer

    torch.set_num_threads(1)
    folder = Path(asked["folder"])
    learned = folder / "learned"
    if not learned.is_dir():
        encoder = in_its_format(Path(asked["encoder"]), folder / "encoder")
        few = written(folder / "few.json", asked["sentences"][:2])
        SpERTTrainer(options(asked, folder, encoder)).train(
            asked["train"], few, asked["types"], JsonInputReader
        )
        (saved,) = (folder / "save").glob("rivals/*/final_model")
        in_its_format(saved, learned)
    chosen = options(asked, folder, str(learned))
    trainer = SpERTTrainer(chosen)
    reader = JsonInputReader(asked["types"], trainer._tokenizer, max_span_size=10)
    model = trainer._load_model(reader)

    def find(sentences: Sequence[Sentence]) -> Counts:
        path = written(folder / "asked.json", sentences)
        trainer._predict(model, reader.read(path, "asked"), reader)
        predicted = json.loads(Path(chosen.predictions_path).read_text("utf-8"))
        return (
            sum(len(own["entities"]) for own in predicted),
            sum(len(own["relations"]) for own in predicted),
        )

    answer(find, asked["sentences"])


if __name__ == "__main__":
    main()
