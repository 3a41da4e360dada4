import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.corpora.format import Source
from dovetail.corpora.source.json_objects import read_each
from dovetail.errors import CorpusFormatError
from dovetail.text.reading import Reading

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
objects = st.dictionaries(texts, st.recursive(texts | st.integers(), st.lists, max_leaves=4))

LAYOUTS = {
    "an array": lambda items: json.dumps(items),
    "an array over lines": lambda items: json.dumps(items, indent=1),
    "lines": lambda items: "\n\n".join(json.dumps(i, ensure_ascii=False) for i in items) + "\r\n",
    "objects over lines": lambda items: "\n".join(json.dumps(item, indent=2) for item in items),
}


def read(path, **reading):
    source = Source(path, Reading(**reading))
    return read_each(source, lambda record: record), source.faults


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(items=st.lists(objects, min_size=1, max_size=5))
def test_objects_are_the_same_in_every_layout(tmp_path, layout, items):
    path = tmp_path / "corpus"
    path.write_text(LAYOUTS[layout](items), encoding="utf-8", newline="")
    assert [record.values for record in read(path)[0]] == items


def test_places_are_lines_of_the_file(tmp_path):
    path = tmp_path / "corpus"
    path.write_text('\n{\n"a": 1\n}\n{"b":\n2}\n{"c": 3}')
    assert [record.where for record in read(path)[0]] == [f"{path}:{line}" for line in (2, 5, 7)]


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1\n{"a": 2}\n{"a": 3}\n',
        '{\n"a": 1,\n}\n{"a":\n2}\n{"a": 3}',
        '[7, {"a": 2}, {"a": 3}]',
    ],
)
def test_a_broken_object_takes_no_other_with_it(tmp_path, content):
    path = tmp_path / "corpus"
    path.write_text(content)
    found, faults = read(path, on_error="drop")
    assert [record.values["a"] for record in found] == [2, 3]
    assert len(faults.found) == 1


def test_many_objects_over_lines_take_time_in_proportion(tmp_path):
    path = tmp_path / "corpus"
    path.write_text(json.dumps({"a": "x" * 200}, indent=2) * 20_000)
    assert len(read(path)[0]) == 20_000


def test_a_file_without_objects_is_refused(tmp_path):
    path = tmp_path / "corpus"
    path.write_text("[]")
    with pytest.raises(CorpusFormatError, match="expected JSON objects, found none"):
        read(path)
