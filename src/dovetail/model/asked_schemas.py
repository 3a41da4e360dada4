"""Which schemas of a model are asked for, and under which names their types stand in results.

Sentences are predicted in batches of similar length, several at a time where there are threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch

from dovetail.encoders import Features
from dovetail.model.prediction import Predictor
from dovetail.model.side_by_side import side_by_side
from dovetail.running.locks import ProcessLock
from dovetail.running.steps import Done
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, is_only, joined_schema, joined_sentence, named
from dovetail.text.reading_ahead import batches_of_similar_length
from dovetail.text.schema import Schema

Featurise = Callable[[Sequence[Sequence[str]]], list[Features]]
"""Makes the features of a batch, from the tokens of its sentences."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class AskedSchemas:
    """All schemas of a model, or the one that was chosen, whose types then stand without a name.

    A `floor` is a probability from which all relations are taken, if it is below their threshold.
    """

    model: Predictor
    chosen: str = ONLY
    floor: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The schemas that the model is asked for."""
        return (self.chosen,) if self.chosen else tuple(self.model.schemas)

    @property
    def shown(self) -> tuple[str, ...]:
        """The names that stand before types in results, if any do."""
        return () if self.chosen or is_only(self.names) else self.names

    @property
    def schema(self) -> Schema:
        """All types, as they stand in results."""
        return joined_schema(self._as_shown(self.model.schemas))

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken, to four places."""
        return {type_: round(value, 4) for type_, value in self.exact_thresholds.items()}

    @property
    def exact_thresholds(self) -> dict[str, float]:
        """The same as they are compared."""
        lowered = math.inf if self.floor is None else self.floor
        return {
            named(name, type_): min(value, lowered) if value <= 1 else value
            for name, own in self._as_shown(self.model.heads).items()
            if own.relation_head is not None
            for type_, value in zip(
                own.schema.relation_types, own.relation_head.known_thresholds, strict=True
            )
        }

    def predict(
        self,
        sentences: Sequence[Sentence],
        featurise: Featurise,
        *,
        given_entities: bool,
        at_once: int,
        turn: ProcessLock,
    ) -> Generator[Done, None, dict[str, list[Sentence]]]:
        """Predict sentences of any length, for each schema; tells how many tokens are done.

        Args:
            sentences: with their entities, if these are given.
            featurise: makes the features of a batch.
            given_entities: whether relations alone are predicted, between these.
            at_once: how many batches are predicted at a time.
            turn: held by each batch where that is one.
        """
        predicted = {name: list(sentences) for name in self.names}
        lengths = [len(sentence.tokens) for sentence in sentences]
        full = [index for index, length in enumerate(lengths) if length]
        batches = [
            [full[place] for place in places]
            for places in batches_of_similar_length([lengths[index] for index in full])
        ]
        found = side_by_side(
            partial(self._predict_batch, featurise, given_entities),
            ([sentences[index] for index in indices] for indices in batches),
            threads=at_once if len(batches) > 1 else 1,
            turn=turn,
        )
        done = Done(0, sum(lengths))
        for indices, by_name in zip(batches, found, strict=True):
            for name, own in by_name.items():
                for index, sentence in zip(indices, own, strict=True):
                    predicted[name][index] = sentence
            done = done._replace(done=done.done + sum(lengths[index] for index in indices))
            yield done
        return predicted

    @torch.inference_mode()
    def _predict_batch(
        self, featurise: Featurise, given_entities: bool, sentences: Sequence[Sentence]
    ) -> dict[str, list[Sentence]]:
        batch = Batch.from_sentences(sentences, featurise).to(self.model.device)
        batch = replace(batch, given_entities=given_entities, floor=self.floor)
        return self.model.predict_schemas(batch, self.names)

    def joined(self, found: Mapping[str, Sequence[Sentence]]) -> list[Sentence]:
        """Join the annotations that the schemas asked for found on the same sentences."""
        shown = self._as_shown(found)
        return [
            joined_sentence(dict(zip(shown, own, strict=True)))
            for own in zip(*shown.values(), strict=True)
        ]

    def _as_shown(self, values: Mapping[str, Value]) -> dict[str, Value]:
        return {ONLY if self.chosen else name: values[name] for name in self.names}
