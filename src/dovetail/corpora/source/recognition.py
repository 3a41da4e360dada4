"""The format of a corpus, recognised from its content; and what was seen where none fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dovetail.corpora.format import Format, Sample
from dovetail.corpora.format_plugins import Plugins
from dovetail.corpora.source.foreign_fields import FOREIGN_FIELDS, foreign_fields
from dovetail.corpora.source.json_records import describe
from dovetail.errors import CorpusError

_NAMES_SHOWN = 12
_LINE_CHARS = 60


def recognised(path: Path, formats: Mapping[str, Format]) -> tuple[Format, list[str]]:
    """The first format whose files look like this one, and notes on plug-ins that are broken.

    Raises:
        CorpusError: if there is none: what was seen, and what the formats need that come nearest,
            those of JSON or the others.
    """
    sample = Sample.of(path)
    for format in formats.values():
        if format.recognises(sample):
            return format, []
    plugins = Plugins(formats)
    found = plugins.recognise(sample)
    if found is not None:
        return found, plugins.notes
    weighed = "".join(
        f"\n  {format.name}: {need}"
        for format in formats.values()
        for need in [format.needs or format.description]
        if ("JSON" in need) == bool(sample.values or sample.is_array)
    )
    weighed += "".join(f"\n  {name}: what the plug-in looks for" for name in plugins.names)
    others = "".join(f"\n{note}" for note in plugins.notes)
    raise CorpusError(
        f"{path}: the format was not recognised. This is {seen(sample)}. No format fits; of "
        f"those that come nearest each needs:{weighed}\n"
        f"Convert it to one of these, or name the format if it is one all the same (--format, or "
        f"data.format in a config){others}"
    )


def seen(sample: Sample) -> str:
    """A description of a sample, in a few words."""
    if sample.path.is_dir():
        return _seen_in_folder(sample)
    if sample.is_array and not sample.values:
        return "a JSON array with nothing in it"
    if sample.values:
        kind = "a JSON array, the first item" if sample.is_array else "JSON, the first value"
        first = sample.values[0]
        if not isinstance(first, dict):
            return f"{kind} {describe(first)}"
        fields = _listed([repr(name) for name in first]) or "none"
        hints = [f"{name!r} is known from {FOREIGN_FIELDS[name]}" for name in foreign_fields(first)]
        return "; ".join([f"{kind} an object with the fields {fields}", *hints])
    line = next((line for line in sample.lines if line.strip()), "")
    return f"a text whose first line is {line[:_LINE_CHARS]!r}"


def _seen_in_folder(sample: Sample) -> str:
    if not sample.files:
        return "a folder without files"
    without = "" if sample.is_standoff else ", none of which ends in .ann"
    return f"a folder with {len(sample.files):,} files{without}: {_listed(sample.files)}"


def _listed(names: object) -> str:
    listed = [str(name)[:_LINE_CHARS] for name in names]  # type: ignore[attr-defined]
    more = f" and {len(listed) - _NAMES_SHOWN} more" if len(listed) > _NAMES_SHOWN else ""
    return ", ".join(listed[:_NAMES_SHOWN]) + more
