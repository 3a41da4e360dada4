"""Dovetail: a model, from tokens or from raw text."""

from __future__ import annotations

from collections.abc import Sequence

from answering import Counts, Sentence, answer, task

from dovetail.extractor import Extractor
from dovetail.text.document import Sentence as OfTokens


def main() -> None:
    """Load the model that the task names."""
    asked = task()
    extractor = Extractor.load(asked["model"], threads=1)

    def find(sentences: Sequence[Sentence]) -> Counts:
        found = (
            [*extractor.pipe(own["text"] for own in sentences)]
            if asked["from"] == "text"
            else extractor.annotate([OfTokens.from_tokens(own["tokens"]) for own in sentences])
        )
        return sum(len(own.entities) for own in found), sum(len(own.relations) for own in found)

    answer(find, asked["sentences"])


if __name__ == "__main__":
    main()
