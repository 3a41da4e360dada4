"""Which mentions are one entity."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.graph_lines import FOUND, entity, line, stored

from dovetail.errors import CorpusFormatError, DovetailError
from dovetail.graph import Mention, Naming, read_aliases
from dovetail.graph.naming import linker_of
from dovetail.graph.spelling import encoded, is_iri, normalised

TEXTS = some.text(some.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("New York", "new  york"),
        ("STRASSE", "Straße"),
        ("\uff21\uff23\uff2d\uff25", "acme"),
        ("ﬁnal", "Final"),
        ("Soft\u00adly\u200b", "softly"),
        ("Ångström", "A\u030angstro\u0308m"),
        ("line\nbreak", "line break"),
    ],
)
def test_spellings_of_one_name_are_alike(first, second):
    assert normalised(first) == normalised(second)


def test_joiners_that_make_another_word_stay():
    assert normalised("\u0645\u06cc\u200c\u062e") != normalised("\u0645\u06cc\u062e")  # Persian


@given(TEXTS)
def test_making_alike_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) == once


@given(TEXTS, TEXTS)
def test_encoded_names_are_safe_and_never_meet(first, second):
    assert (encoded(first) == encoded(second)) == (first == second)
    assert set(encoded(first)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%~"
    )
    assert len(encoded(first * 500)) <= 400


def test_case_is_kept_for_the_types_that_ask_for_it():
    text = "Shh SHH"
    both = [entity(text, "Shh", "Gene"), entity(text, "SHH", "Gene")]
    with stored([line("d", text, both)]) as store:
        assert len(list(store.nodes())) == 1
    with stored([line("d", text, both)], Naming(keep_case={"Gene"})) as store:
        assert [own.id for own in store.nodes()] == ["Gene/Shh", "Gene/SHH"]


def test_aliases_join_names_and_types(tmp_path):
    file = tmp_path / "aliases.csv"
    file.write_text(
        "mention,type,entity,name\n"
        "London,,http://www.wikidata.org/entity/Q84,London (England)\n"
        "Ada Lovelace,Person,Ada Byron,\n"
    )
    text = "London London"
    more = line(
        "d",
        text,
        [
            {"start": 0, "end": 6, "type": "Org", "confidence": 0.5},
            {"start": 7, "end": 13, "type": "Place", "confidence": 0.5},
        ],
    )
    with stored([*FOUND, more], Naming(aliases=read_aliases(file))) as store:
        nodes = {own.linked: own for own in store.nodes()}
    london = nodes["http://www.wikidata.org/entity/Q84"]
    assert (london.name, london.type, london.mentions) == ("London (England)", "Place", 4)
    assert nodes["Ada Byron"].name == "Ada Byron"
    assert len(nodes) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,entity\na,b\n", r"aliases.csv:1: expected the columns mention, entity"),
        ("mention,entity\na,\n", r"aliases.csv:2: expected a mention and an entity"),
        ("mention,entity\na,b\nA,c\n", r"aliases.csv:3: 'A' means 'c' here and 'b' before"),
        ("mention,entity\na,b,c,d\n", r"aliases.csv:2: expected a mention"),
        ('mention,entity\n"a,b\n', r"aliases.csv:\d: no CSV"),
    ],
)
def test_what_is_wrong_with_aliases_is_said_with_its_line(tmp_path, content, message):
    file = tmp_path / "aliases.csv"
    file.write_text(content)
    with pytest.raises(CorpusFormatError, match=message):
        read_aliases(file)


def test_a_linker_sees_the_mention_in_its_text_and_names_the_entity():
    seen: list[Mention] = []

    def link(mention: Mention) -> str | None:
        seen.append(mention)
        return "urn:example:London" if mention.text == "London" else None

    with stored(FOUND, Naming(linker=link)) as store:
        ids = {own.id for own in store.nodes()}
    assert ids == {"@/urn%3Aexample%3ALondon", "Person/ada%20lovelace"}
    assert {own.document_text[own.start : own.end] for own in seen} == {own.text for own in seen}


def test_a_linker_that_fails_is_an_error_with_its_place():
    with (
        pytest.raises(DovetailError, match=r"found.jsonl:2: the linker failed .* ZeroDivision"),
        stored(FOUND, Naming(linker=lambda mention: 1 / 0)),
    ):
        pass


def test_linkers_are_found_by_entry_point(monkeypatch):
    point = EntryPoint("title", "tests.graph.test_naming:by_title", "dovetail.linkers")
    monkeypatch.setattr(
        "dovetail.running.plugins.entry_points",
        lambda group: EntryPoints([point]).select(group=group),
    )
    assert importlib.metadata.entry_points is not None
    assert linker_of("title")(Mention("a", "T", 0, 1, "", "a")) == "A"
    with pytest.raises(DovetailError, match=r"no linker 'other'.*\(title\)"):
        linker_of("other")


def by_title(mention: Mention) -> str:
    return mention.text.title()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org/a%20b?c#d", True),
        ("urn:isbn:0451450523", True),
        ("http://a b", False),
        ("https://x/%zz", False),
        ("javascript:alert(1)", False),
        ("Ada Lovelace", False),
        ("http://x/<b>", False),
    ],
)
def test_addresses_are_told_from_names(text, expected):
    assert is_iri(text) is expected
