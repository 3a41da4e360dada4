"""The encodings that training keeps for all its epochs: what frozen encoders make of sentences."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import accumulate

from dovetail.config import TrainingConfig
from dovetail.model.joint import JointModel
from dovetail.running.steps import retold
from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import lengths_of
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.features_file import room_on_disk
from dovetail.training.frozen_states import FrozenStates, frozen_bytes
from dovetail.training.results import NotKept, StageProgress
from dovetail.training.states_cache import StatesCache, key_of_states


def encoded(
    model: JointModel,
    sentences: Sequence[Sentence],
    config: TrainingConfig,
    cache: StatesCache,
    *,
    what: str,
) -> Generator[StageProgress | NotKept, None, EncodedSentences]:
    """Compute what frozen encoders make of the sentences, if there is room for it.

    Without room in memory or on disk, it is computed anew for every batch: slower, and the same
    except for the half precision in which it is kept.  `what` names the sentences to who waits.
    """
    size = frozen_bytes(model.encoder, sentences)
    if not size:
        return EncodedSentences(sentences)
    room, on_disk = config.cache_gigabytes * 1e9, config.disk_cache_gigabytes * 1e9
    in_file = size > room
    if in_file and size > min(on_disk, room_on_disk()):
        if room or on_disk:  # none at all is a choice
            yield NotKept(what, size)
        return EncodedSentences(sentences)
    key = key_of_states(model.encoder, sentences)
    states = cache.get(key)
    if states is None:
        steps = FrozenStates.compute(model.encoder, sentences, in_file=in_file)
        states = yield from _told(steps, sentences, f"encoding the {what} sentences")
        if not in_file:
            cache.put(key, states, limit_bytes=room)
    return EncodedSentences(sentences, states)


def _told(
    steps: Generator[int, None, FrozenStates], sentences: Sequence[Sentence], stage: str
) -> Generator[StageProgress, None, FrozenStates]:
    # The longest sentences come first, so that time goes by the tokens and not by the sentences.
    lengths = sorted(lengths_of(sentences), reverse=True)
    tokens = list(accumulate(lengths, initial=0))
    yield StageProgress(stage, 0, tokens[-1])
    return (yield from retold(steps, lambda done: StageProgress(stage, tokens[done], tokens[-1])))
