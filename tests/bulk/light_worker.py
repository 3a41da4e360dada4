"""A worker as `dovetail.bulk` runs it, over an extractor that needs no torch and starts at once.

It finds words in capitals, and links neighbours.  Some words in a text do to the worker what texts,
machines and administrators do.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise

from dovetail.bulk.messages import Identity, Setting
from dovetail.bulk.worker_process import main
from dovetail.running.steps import Done, result_of
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.extraction import Extraction

EVILS = ("KILLS", "HANGS", "EATS", "RAISES", "GROWS")
held: list[bytearray] = []


def suffer(text: str) -> None:
    if "KILLS" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "HANGS" in text:
        time.sleep(600)
    if "EATS" in text:
        raise MemoryError
    if "RAISES" in text:
        raise ValueError("no such word")
    while "GROWS" in text:
        held.append(bytearray(os.urandom(1 << 20)) * 16)
        time.sleep(0.005)
    if "SLOW" in text:
        time.sleep(0.01)


class LightExtractor:
    @property
    def tokenizer(self) -> LightExtractor:
        return self

    def document(self, text: str, id: str = "") -> Document:
        sentence = Sentence.from_tokens(text.split(), id=f"{id}-0")
        return Document(id, " ".join(text.split()), (sentence,) if sentence.tokens else ())

    def annotating(self, sentences):
        found = []
        for sentence in sentences:
            suffer(" ".join(sentence.tokens))
            places = [place for place, token in enumerate(sentence.tokens) if token[0].isupper()]
            entities = [Entity(place, place + 1, "Name", 0.5) for place in places]
            pairs = pairwise(entities)
            relations = [Relation(head, tail, "before", 0.25) for head, tail in pairs]
            found.append(sentence.with_annotations(entities, relations))
            yield Done(len(found), len(sentences))
        return found

    def extraction(self, document: Document, annotated: Iterable[Sentence]) -> Extraction:
        return Extraction(Document(document.id, document.text, tuple(annotated)), {"before": 0.5})

    def pipe_documents(self, documents: Iterable[Document]) -> Iterator[Extraction]:
        for document in documents:
            yield self.extraction(document, result_of(self.annotating(document.sentences)))

    def header(self):
        return {"format": "dovetail", "version": 1, "thresholds": {"before": 0.5}}


def load(setting: Setting):
    return LightExtractor(), Identity(setting.model, setting.model)


if __name__ == "__main__":
    main(load)
