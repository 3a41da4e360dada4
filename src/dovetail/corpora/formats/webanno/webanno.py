"""WebAnno TSV 3, which WebAnno and INCEpTION export: a document a file, a token a row.

A row has the number, the character positions (in UTF-16 units), the token, and a column for every
feature of every layer.  Which layer is read as entities and which as relations, `choose` says.
Source: https://inception-project.github.io/releases/latest/docs/user-guide.html#sect_webannotsv
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.webanno.webanno_annotations import Annotations, Row
from dovetail.corpora.formats.webanno.webanno_layers import (
    Layer,
    choose,
    read_layers,
    unescape,
    values_of,
)
from dovetail.corpora.formats.webanno.webanno_writer import SUFFIX, write
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.marking.marked_text import MarkedSentence, MarkedText, Span
from dovetail.corpora.marking.positions import converter, in_codepoints, length_in
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.reading import Offsets

_FORMAT = re.compile(r"#FORMAT=WebAnno TSV 3(\.[0-9]+)*")
_ROW = re.compile(r"([0-9]+-[0-9]+)(\.[0-9]+)?\t([0-9]{1,12})-([0-9]{1,12})\t([^\t]*)(?:\t(.*))?")
_TEXT, _SENTENCE_ID = "#Text=", "#Sentence.id="
_MOST_PADDING = 1_000_000
"""Characters between two sentences: the format does not hold them, so they are filled in."""


@dataclass(slots=True)
class _Sentence:
    lines: list[str] = field(default_factory=list)
    id: str = ""
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _File:
    """What stands in one file."""

    id: str
    path: Path
    layers: Sequence[Layer]
    sentences: Sequence[_Sentence]

    @property
    def rows(self) -> list[Row]:
        return [row for sentence in self.sentences for row in sentence.rows]

    def layer(self, name: str | None) -> Layer | None:
        """The layer of a name; its columns may be others than in another file."""
        return next((layer for layer in self.layers if layer.name == name), None)


def _read(source: Source) -> list[MarkedText]:
    files = []
    for id, path in _paths(source.path):
        with source.faults.guard(DOCUMENT, id):
            files.append(_parse(id, path, source.text(path)))
    used = _used(files)
    layers = {layer.name: layer for file in files for layer in file.layers}
    entities, relations = choose(layers.values(), used)
    chosen = {layer.name for layer in (entities, relations) if layer}
    for name in sorted(used.keys() - chosen):
        source.tally.note(f"layer {name!r} is not read", used[name])
    texts = []
    for file in files:
        with source.faults.guard(DOCUMENT, file.id):
            spans = file.layer(entities.name if entities else None)
            links = file.layer(relations.name if relations else None)
            texts.append(_marked(file, spans, links, source))
    return texts


def _paths(path: Path) -> list[tuple[str, Path]]:
    """The files to read, each with the id of its document."""
    if not path.is_dir():
        return [(path.name.removesuffix(SUFFIX), path)]
    files = sorted(file for file in path.rglob(f"*{SUFFIX}") if file.is_file())
    if not files:
        raise CorpusError(
            f"{path} is a directory without {SUFFIX} files; name a file, or a folder of WebAnno's"
        )
    return [(file.relative_to(path).as_posix().removesuffix(SUFFIX), file) for file in files]


def _used(files: Sequence[_File]) -> Counter[str]:
    """How many cells of each layer have something in them."""
    used: Counter[str] = Counter()
    for file in files:
        for layer in file.layers:
            column = layer.base_column if layer.base else layer.column
            used[layer.name] += sum(bool(values_of(row.cells[column])) for row in file.rows)
    return used


def _parse(id: str, path: Path, text: str) -> _File:
    lines = list(numbered_lines(text))
    if not _FORMAT.fullmatch(lines[0][1]):
        raise CorpusFormatError(
            f"{path}:1: expected '#FORMAT=WebAnno TSV 3.3', found {lines[0][1][:60]!r}"
        )
    layers = read_layers((line for _, line in lines), str(path))
    sentences = _sentences(lines, sum(layer.num_columns for layer in layers), path)
    if not sentences:
        raise CorpusFormatError(f"{path} has no tokens; expected rows as '1-1<tab>0-3<tab>Ann'")
    return _File(id, path, layers, sentences)


def _sentences(lines: Iterable[tuple[int, str]], num_columns: int, path: Path) -> list[_Sentence]:
    """The sentences that have tokens: a text without any has no place in the document."""
    sentences: list[_Sentence] = []
    current = _Sentence()
    for number, line in lines:
        where = f"{path}:{number}"
        if not line.strip() or (current.rows and line.startswith((_TEXT, _SENTENCE_ID))):
            current = _Sentence()
        if line.startswith(_SENTENCE_ID):
            current.id = line.removeprefix(_SENTENCE_ID).strip()
        elif line.startswith(_TEXT):
            current.lines.append(unescape(line.removeprefix(_TEXT)))
        elif line.strip() and not line.startswith("#"):
            if not current.lines:
                raise CorpusFormatError(f"{where}: expected '{_TEXT}' and the text before the rows")
            if not current.rows:
                sentences.append(current)
            current.rows.append(_row(line, num_columns, where))
    return sentences


def _row(line: str, num_columns: int, where: str) -> Row:
    match = _ROW.fullmatch(line)
    if match is None:
        raise CorpusFormatError(
            f"{where}: expected a token as '1-2<tab>4-9<tab>token' and its columns, found "
            f"{line[:60]!r}"
        )
    cells = [] if match[6] is None else match[6].split("\t")
    if len(cells) == num_columns + 1 and not cells[-1]:
        cells.pop()  # the tab at the end of a row
    if len(cells) != num_columns:
        raise CorpusFormatError(
            f"{where}: expected {num_columns} columns behind the token, as the header declares, "
            f"found {len(cells)}"
        )
    span = int(match[3]), int(match[4])
    token = unescape(match[5])
    return Row(match[1] + (match[2] or ""), match[2] is None, span, token, cells, where)


def _marked(
    file: _File, entities: Layer | None, relations: Layer | None, source: Source
) -> MarkedText:
    offsets = source.reading.offsets or "utf16"
    text = _text(file.sentences, offsets)
    tasks = [(ENTITY_TASK, entities), (RELATION_TASK, relations)]
    annotated = frozenset(task for task, layer in tasks if layer is not None)
    sentences = _own_sentences(file.sentences, text, offsets, annotated)
    place = converter(text, offsets) or int
    found = Annotations(file.id, source)
    if entities is not None:
        found.read_entities(file.rows, entities)
    if relations is not None:
        found.read_relations(file.rows, relations)
    counted = MarkedText(
        file.id,
        text,
        found.entities(lambda end, start: not text[place(end) : place(start)].strip()),
        found.relations,
        str(file.path),
        annotated,
    )
    # The sentences were placed in the text that was made of them, and need no conversion.
    return replace(in_codepoints(counted, offsets), sentences=sentences, offsets="codepoints")


def _text(sentences: Sequence[_Sentence], offsets: Offsets) -> str:
    """The text of the document, with spaces for what stood between two sentences."""
    parts: list[str] = []
    length = 0
    for sentence in sentences:
        gap = sentence.rows[0].span[0] - length
        if not 0 <= gap <= _MOST_PADDING:
            raise CorpusFormatError(
                f"{sentence.rows[0].where}: the sentence begins at character "
                f"{sentence.rows[0].span[0]}, and the one before ends at {length}; correct the "
                f"positions, which count UTF-16 units (--offsets codepoints if these do not)"
            )
        parts += [" " * gap, "\n".join(sentence.lines)]
        length += gap + length_in(parts[-1], offsets)
    return "".join(parts)


def _own_sentences(
    sentences: Sequence[_Sentence], text: str, offsets: Offsets, annotated: frozenset[str]
) -> list[MarkedSentence]:
    """The tokens of each sentence in code points, each held against the text."""
    convert = converter(text, offsets)
    own = []
    end = 0
    for sentence in sentences:
        spans: list[Span] = []
        for row in sentence.rows:
            if not row.is_token:
                continue
            start, after = map(convert, row.span) if convert else row.span
            if not end <= start < after or text[start:after] != row.token:
                raise CorpusFormatError(
                    f"{row.where}: the token {row.token[:60]!r} does not stand at the characters "
                    f"[{row.span[0]}, {row.span[1]}) of the text, or before the end of the token "
                    f"before; correct the positions, which count UTF-16 units (--offsets "
                    f"codepoints if these do not)"
                )
            spans.append((start, after))
            end = after
        own.append(MarkedSentence(spans, sentence.id, annotated))
    return own


def _recognises(sample: Sample) -> bool:
    if sample.lines:
        return bool(_FORMAT.fullmatch(sample.lines[0].removeprefix("\ufeff")))
    if sample.is_standoff:
        return False
    name = next((name for name in sample.files if name.endswith(SUFFIX)), None)
    if name is None:
        return False
    with (sample.path / name).open("rb") as content:
        return content.read(100).removeprefix(b"\xef\xbb\xbf").startswith(b"#FORMAT=WebAnno TSV 3")


WEBANNO = Format(
    "webanno",
    "WebAnno TSV 3, as INCEpTION exports it: a file, or a folder with a file for each document",
    _read,
    write,
    _recognises,
    needs="a first line as '#FORMAT=WebAnno TSV 3.3', or a folder of such .tsv files",
    folders=True,
)
