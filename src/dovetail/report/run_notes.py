"""What is to be said of a run beside its scores: what was left out, and warnings."""

from __future__ import annotations

import json
from collections import Counter

from dovetail.text.reading import ModelReading
from dovetail.training.checkpoint import FILE, Checkpoint
from dovetail.training.long_sentences import accounts_of_windows
from dovetail.training.pools import Splits
from dovetail.training.run_folder import RunFolder


def left_out_of(folder: RunFolder) -> list[tuple[str, int]]:
    """Why, and how many, sentences of pools are not learned from."""
    if not folder.left_out.is_file():
        return []
    rows = map(json.loads, folder.left_out.read_text(encoding="utf-8").splitlines())
    return Counter(f"{row['field']}: {row['reason']}" for row in rows).most_common()


def warnings_of(splits: Splits, reading: ModelReading) -> tuple[str, ...]:
    """Warnings of what makes scores, or the model, less than they seem."""
    of_windows, _ = accounts_of_windows(splits, reading)
    return (*splits.warnings, *of_windows)


def changed_data(folder: RunFolder, splits: Splits) -> list[str]:
    """A warning if the corpora are not those that the run was trained on."""
    if not (folder.checkpoint / FILE).is_file():
        return []
    if Checkpoint.load(folder.checkpoint).data_digest == splits.digest:
        return []
    return [
        "The corpora are not those that the run was trained on: a file has changed since. What is "
        "said here of dev sentences is true of the files as they are now."
    ]
