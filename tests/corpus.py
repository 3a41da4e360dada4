"""A tiny annotated corpus: three entity types, three relation types, thirty short sentences.

`[Ada|Person 1]` marks an entity and numbers it; after the bar stand the relations between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dovetail.corpora import write_corpus
from dovetail.text.document import Document, Entity, Relation, Sentence

MARKED = re.compile(r"\[(?P<words>[^|]+)\|(?P<type>\w+) (?P<number>\d+)\]|\S+")

TEXT = """\
[Ada Lovelace|Person 1] lives in [London|Place 2] . || 1 lives_in 2
[Brunel|Person 1] worked for [Great Western|Company 2] . || 1 works_for 2
[Great Western|Company 1] is based in [Bristol|Place 2] . || 1 based_in 2
[Clara Schumann|Person 1] lived in [Leipzig|Place 2] . || 1 lives_in 2
In [Jena|Place 1] , [Carl Zeiss|Person 2] founded [Zeiss|Company 3] . || 3 based_in 1; 2 works_for 3
Nobody was there .
[Ernst Abbe|Person 1] joined [Zeiss|Company 2] in [Jena|Place 3] . || 1 works_for 2; 2 based_in 3
[Watt|Person 1] and [Boulton|Person 2] live in [Soho|Place 3] . || 1 lives_in 3; 2 lives_in 3
The weather in [Paris|Place 1] was fine .
[Gustave Eiffel|Person 1] lived in [Paris|Place 2] . || 1 lives_in 2
[Eiffel Works|Company 1] is based in [Paris|Place 2] . || 1 based_in 2
[Emil|Person 1] worked for [Eiffel Works|Company 2] . || 1 works_for 2
[Anna Freud|Person 1] lives in [Vienna|Place 2] , not [London|Place 3] . || 1 lives_in 2
[Otto Wagner|Person 1] lived in [Vienna|Place 2] . || 1 lives_in 2
It rained .
[Wiener Bahn|Company 1] has its seat in [Vienna|Place 2] . || 1 based_in 2
[Wagner|Person 1] planned for [Wiener Bahn|Company 2] . || 1 works_for 2
[Mary Anning|Person 1] lives in [Lyme Regis|Place 2] . || 1 lives_in 2
[Siemens|Company 1] of [Berlin|Place 2] hired [Ida|Person 3] . || 1 based_in 2; 3 works_for 1
[Ida|Person 1] lived in [Berlin|Place 2] . || 1 lives_in 2
[Hertz|Person 1] never worked for [Siemens|Company 2] .
[Stephenson Works|Company 1] is based in [Newcastle|Place 2] . || 1 based_in 2
[Robert|Person 1] worked for [Stephenson Works|Company 2] . || 1 works_for 2
Joints hold without glue .
[Lise Meitner|Person 1] lives in [Stockholm|Place 2] . || 1 lives_in 2
[Nobel Works|Company 1] is based in [Stockholm|Place 2] . || 1 based_in 2
[Alfred|Person 1] worked for [Nobel Works|Company 2] . || 1 works_for 2
[Sofia|Person 1] lived in [Stockholm|Place 2] , in [Berlin|Place 3] . || 1 lives_in 2; 1 lives_in 3
Wood swells .
[Carl|Person 1] joined [Nobel Works|Company 2] in [Paris|Place 3] . || 1 works_for 2
"""


def sentence_from_line(line: str, id: str) -> Sentence:
    marked, _, links = line.partition(" || ")
    tokens: list[str] = []
    entities: dict[str, Entity] = {}
    for match in MARKED.finditer(marked):
        if match["words"] is None:
            tokens.append(match[0])
            continue
        words = match["words"].split()
        start = len(tokens)
        tokens += words
        entities[match["number"]] = Entity(start, len(tokens), match["type"])
    relations = [link.split() for link in links.split(";")] if links else []
    return Sentence.from_tokens(
        tokens,
        entities=entities.values(),
        relations=[
            Relation(entities[head], entities[tail], type_) for head, type_, tail in relations
        ],
        id=id,
    )


SENTENCES = tuple(
    sentence_from_line(line, f"s{number}") for number, line in enumerate(TEXT.splitlines())
)
TRAIN, DEV = SENTENCES[:22], SENTENCES[22:]


def save_corpus(sentences: Sequence[Sentence], path: Path) -> Path:
    """Write sentences in the native format."""
    write_corpus(
        [Document.from_sentence(sentence) for sentence in sentences], path, format="dovetail"
    )
    return path
