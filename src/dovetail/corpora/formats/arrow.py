"""Hugging Face token classification in Parquet files and in folders of ``datasets``.

The names of numbered tags are taken from the metadata of the Arrow schema, or from the
``dataset_info.json`` beside it.
Source: https://huggingface.co/docs/datasets/about_arrow
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.token_classification import (
    Fields,
    documents_of_rows,
    names_beside,
    names_in,
    rows_of,
)
from dovetail.corpora.ledger import Tally
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.text_files import (
    ARROW_FILE,
    ARROW_STREAM,
    MAX_CORPUS_BYTES,
    PARQUET,
    parse_json,
    read_text,
)
from dovetail.errors import CorpusError, CorpusFormatError, MissingExtraError
from dovetail.files.bounded import check_regular, json_value
from dovetail.files.writing import replaced, whole_folder
from dovetail.text.document import Document

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_DATA = "data-00000-of-00001.arrow"
_METADATA = b"huggingface"


def _pyarrow() -> Any:
    """Pyarrow with the modules for files.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet and Arrow files", extra="arrow") from error
    return pyarrow


def _read_parquet(source: Source) -> list[Document]:
    pyarrow = _pyarrow()
    try:
        check_regular(source.path, at_most=MAX_CORPUS_BYTES)
        with pyarrow.parquet.ParquetFile(source.path) as file:
            names = {**names_beside(source.path.parent), **_names(file.schema_arrow)}
            fields = _columns(file.schema_arrow, source.path)
            batches = file.iter_batches(columns=fields)
            return documents_of_rows(_records(batches, source.path), names, source)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(source.path, error) from error


def _read_datasets(source: Source) -> list[Document]:
    path = source.path
    if not path.is_dir():
        files, names = [path], names_beside(path.parent)
    else:
        if (path / _SPLITS).is_file():
            splits = _splits(path / _SPLITS)
            raise CorpusError(
                f"{path} holds several splits: {', '.join(splits)}; name the folder of one, as "
                f"{path / splits[0]}"
            )
        files, names = list(_data_files(path)), names_beside(path)
    pyarrow = _pyarrow()
    return documents_of_rows(_stored(files, names, pyarrow), names, source)


def _splits(path: Path) -> list[str]:
    """The splits that a file names; at least one."""
    record = Record.of(parse_json(read_text(path), path), str(path))
    return [str(name) for name in record.items("splits")] or record.fail("'splits' is empty")


def _data_files(folder: Path) -> Iterator[Path]:
    """The files that a saved data set names; each lies in its folder."""
    path = folder / _STATE
    state = Record.of(parse_json(read_text(path), path), str(path))
    for item in state.records("_data_files"):
        name = item.string("filename")
        if Path(name).name != name:
            item.fail(f"'filename': expected the name of a file in {folder}, found {name!r}")
        yield folder / name


def _stored(files: Sequence[Path], names: dict[str, list[str]], pyarrow: Any) -> Iterator[Record]:
    """The rows of Arrow files; the names that their schemas give are added to `names`."""
    for path in files:
        try:
            check_regular(path, at_most=MAX_CORPUS_BYTES)
            with pyarrow.memory_map(str(path)) as stored:
                whole = stored.read(len(ARROW_FILE)) == ARROW_FILE
                stored.seek(0)
                reader = (pyarrow.ipc.open_file if whole else pyarrow.ipc.open_stream)(stored)
                names |= _names(reader.schema)
                fields = _columns(reader.schema, path)
                batches = (
                    map(reader.get_batch, range(reader.num_record_batches)) if whole else reader
                )
                yield from _records((batch.select(fields) for batch in batches), path)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, error) from error


def _records(batches: Any, path: Path) -> Iterator[Record]:
    number = 0
    for batch in batches:
        batch.validate(full=True)  # borders that a damaged file has may lie outside of its data
        for row in batch.to_pylist():
            yield Record(row, f"{path}: row {number}")
            number += 1


def _columns(schema: Any, path: Path) -> list[str]:
    fields = Fields.of(schema.names, str(path))
    return [fields.tokens, fields.tags, *(["id"] if "id" in schema.names else [])]


def _names(schema: Any) -> dict[str, list[str]]:
    """The names of class labels that the metadata of a schema has."""
    try:
        described = json_value((schema.metadata or {}).get(_METADATA, b"null").decode())
    except ValueError:
        return {}
    return names_in(described.get("info")) if isinstance(described, dict) else {}


def _unreadable(path: Path, error: Exception) -> CorpusFormatError:
    reason = (getattr(error, "strerror", None) or str(error)).partition("\n")[0][:200]
    return CorpusFormatError(f"{path}: Arrow data that cannot be read ({reason}); write it again")


def _table(documents: Sequence[Document], tally: Tally) -> tuple[Any, dict[str, Any]]:
    """The rows as a table with numbered tags, and the description of its features."""
    pyarrow = _pyarrow()
    rows = list(rows_of(documents, tally))
    types = sorted({tag.partition("-")[2] for _, _, tags in rows for tag in tags if tag != "O"})
    names = ["O", *(f"{prefix}-{type_}" for type_ in types for prefix in "BI")]
    numbers = {name: number for number, name in enumerate(names)}
    text = {"dtype": "string", "_type": "Value"}
    labels = {"names": names, "_type": "ClassLabel"}
    features = {
        "id": text,
        "tokens": {"feature": text, "_type": "Sequence"},
        "ner_tags": {"feature": labels, "_type": "Sequence"},
    }
    schema = pyarrow.schema(
        [
            ("id", pyarrow.string()),
            ("tokens", pyarrow.list_(pyarrow.string())),
            ("ner_tags", pyarrow.list_(pyarrow.int64())),
        ],
        metadata={_METADATA: json.dumps({"info": {"features": features}})},
    )
    columns = [
        [id for id, _, _ in rows],
        [tokens for _, tokens, _ in rows],
        [[numbers[tag] for tag in tags] for _, _, tags in rows],
    ]
    return pyarrow.Table.from_arrays(
        [
            pyarrow.array(column, type=field.type)
            for column, field in zip(columns, schema, strict=True)
        ],
        schema=schema,
    ), features


def _write_parquet(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    with replaced(path) as unfinished:
        table, _ = _table(documents, tally)
        _pyarrow().parquet.write_table(table, unfinished)


def _write_datasets(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a folder, as ``Dataset.save_to_disk`` does.

    Raises:
        CorpusError: if there is something at the path.
        OutputError: if it cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CorpusError(f"{path} exists; name a new folder for the files of the data set")
    with whole_folder(path) as unfinished:
        table, features = _table(documents, tally)
        with _pyarrow().ipc.new_stream(unfinished / _DATA, table.schema) as writer:
            writer.write_table(table)
        state: dict[str, Any] = {
            "_data_files": [{"filename": _DATA}],
            "_fingerprint": "0" * 16,
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        (unfinished / _STATE).write_text(json.dumps(state), encoding="utf-8")
        (unfinished / _INFO).write_text(json.dumps({"features": features}), encoding="utf-8")


def _is_saved(sample: Sample) -> bool:
    if sample.head:
        return sample.head.startswith((ARROW_FILE, ARROW_STREAM))
    return _SPLITS in sample.files or {_STATE, _INFO} <= set(sample.files)


PARQUET_FORMAT = Format(
    "parquet",
    "Hugging Face token classification as Parquet: columns tokens and ner_tags; entities only",
    _read_parquet,
    _write_parquet,
    lambda sample: sample.head.startswith(PARQUET),
    needs="a Parquet file",
)
DATASETS = Format(
    "datasets",
    "a folder that the library datasets saved, or one of its .arrow files; entities only",
    _read_datasets,
    _write_datasets,
    _is_saved,
    needs=f"a folder with {_STATE} and {_INFO}, or an Arrow file",
    folders=True,
)
