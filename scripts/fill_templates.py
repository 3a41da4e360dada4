"""Fill the gaps of sentences with the names of a corpus: many annotated sentences for little work.

    python scripts/fill_templates.py recipes/templates/news.txt TRAIN --output filled.jsonl

A line of templates is a relation type and the gaps that it links (counted from 1), or `-`, and a
sentence whose gaps are entity types in braces.  Each is filled so many times with names drawn from
the entities of the corpus, which must be one to train on.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.corpora import read_corpus

GAP = re.compile(r"\{(\w+)\}")
LINE = re.compile(r"(?:-|(?P<type>\S+) (?P<head>\d+) (?P<tail>\d+)) (?P<text>.+)")


@dataclass(frozen=True)
class Template:
    """A sentence with gaps, and the relation between two of them, if there is one."""

    text: str
    relation: tuple[str, int, int] | None

    @classmethod
    def parse(cls, line: str) -> Template:
        """Read a line.

        Raises:
            ValueError: if it is none, or links a gap that is not there.
        """
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError("expected '- TEXT' or 'RELATION HEAD TAIL TEXT'")
        if match["type"] is None:
            return cls(match["text"], None)
        ends = int(match["head"]), int(match["tail"])
        gaps = len(GAP.findall(match["text"]))
        if not all(1 <= end <= gaps for end in ends):
            raise ValueError(f"the gaps {ends} are linked, and there are {gaps}")
        return cls(match["text"], (match["type"], *ends))

    def filled(self, names: Mapping[str, Sequence[str]], chance: random.Random) -> dict[str, Any]:
        """A line of the native format; no name stands in it twice.

        Raises:
            KeyError: if there is no name of a type.
        """
        text, entities, rest = "", [], 0
        used: set[str] = set()
        for gap in GAP.finditer(self.text):
            name = chance.choice([name for name in names[gap[1]] if name not in used])
            used.add(name)
            text += self.text[rest : gap.start()]
            entities.append({"start": len(text), "end": len(text) + len(name), "type": gap[1]})
            text += name
            rest = gap.end()
        relations = []
        if self.relation is not None:
            type_, head, tail = self.relation
            relations = [{"type": type_, "head": head - 1, "tail": tail - 1}]
        return {"text": text + self.text[rest:], "entities": entities, "relations": relations}


def read_templates(path: Path) -> Iterator[Template]:
    """The templates of a file; empty lines and those that begin with # are passed over.

    Raises:
        SystemExit: naming a line that is none.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            try:
                yield Template.parse(line)
            except ValueError as error:
                raise SystemExit(f"{path}, line {number}: {error}") from None


def names_of(corpus: Path) -> dict[str, list[str]]:
    """The entities of a corpus by type, each once, if they are of letters and spaces alone.

    Another one, such as `Md.` or `U.S.`, may not be whole tokens at another place.
    """
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for document in read_corpus(corpus).documents:
        for sentence in document.sentences:
            for entity in sentence.sorted_entities:
                name = document.surface(sentence, entity)
                if all(part.isalpha() for part in name.split()):
                    names[entity.type][name] = None
    return {type_: list(own) for type_, own in names.items()}


def main() -> None:
    """Fill the templates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("templates", type=Path)
    parser.add_argument("corpus", type=Path, help="the training sentences that the names are of")
    parser.add_argument("--times", type=int, default=4, help="how often each is filled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", "-o", type=Path, required=True)
    given = parser.parse_args()
    names, chance = names_of(given.corpus), random.Random(given.seed)
    lines = [
        json.dumps(template.filled(names, chance), ensure_ascii=False)
        for template in read_templates(given.templates)
        for _ in range(given.times)
    ]
    given.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
