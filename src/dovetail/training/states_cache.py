"""States of frozen encoders, kept for further runs of the same process on the same sentences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from dovetail.encoders import ConcatenatedEncoder
from dovetail.text.document import Sentence
from dovetail.training.frozen_states import FrozenStates, states_of

ABOVE_STATES = frozenset({"dropout", "projection_dim"})
"""Assets of an encoder that say what is made of its frozen states, and not what these are."""

Key = tuple[str, str]
"""The key of frozen states: the encoders, and a digest of the words."""


class StatesCache:
    """Holds the states that were used last, as far as they fit."""

    def __init__(self) -> None:
        self._states: dict[Key, FrozenStates] = {}  # the one used last at the end

    def get(self, key: Key) -> FrozenStates | None:
        """The states of a key, if they are held."""
        states = self._states.pop(key, None)
        if states is not None:
            self._states[key] = states
        return states

    def put(self, key: Key, states: FrozenStates, *, limit_bytes: float) -> None:
        """Hold states, and let go of the oldest ones until all fit; the newest always stay."""
        self._states[key] = states
        while len(self._states) > 1 and self.num_bytes > limit_bytes:
            del self._states[next(iter(self._states))]

    @property
    def num_bytes(self) -> int:
        """The memory that all of them take."""
        return sum(states.num_bytes for states in self._states.values())


def key_of_states(encoder: ConcatenatedEncoder, sentences: Sequence[Sentence]) -> Key:
    """The same for two encoders whose frozen parts make the same of these sentences.

    Encoders without a frozen part count by their place alone.
    """
    word = states_of(encoder, [Sentence.from_tokens(["word"])])
    frozen = [
        {k: v for k, v in own.assets().items() if k not in ABOVE_STATES} if states else None
        for own, states in zip(encoder, word, strict=True)
    ]
    words = hashlib.sha256()
    for sentence in sentences:
        words.update(repr(sentence.tokens).encode())
    return json.dumps(frozen, sort_keys=True), words.hexdigest()
