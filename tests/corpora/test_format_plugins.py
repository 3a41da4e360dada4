"""Real packages in a folder on the path: a module, and the metadata that an installer writes."""

import sys

import pytest
from tests.markdown import PROJECT, blocks_from_markdown
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import known_formats, read_corpus, write_corpus
from dovetail.errors import CorpusError

PAGE = (PROJECT / "docs" / "formats" / "plugins.md").read_text(encoding="utf-8")
[MODULE] = [block.text for block in blocks_from_markdown(PAGE) if block.language == "python"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    known = set(sys.modules)

    def install(package, source, **points):
        (folder / f"{package}.py").write_text(source)
        metadata = folder / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        lines = [f"{name} = {package}:{value}" for name, value in points.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[dovetail.formats]", *lines]) + "\n")

    yield install
    for name in set(sys.modules) - known:
        if name.startswith("plugin_"):
            del sys.modules[name]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.pipes"
    path.write_text("Anna|left|Bonn\nOtto|saw|Ulm\n")
    return path


def test_a_plug_in_is_recognised_read_and_named_in_the_help(install, corpus, tmp_path):
    install("plugin_pipes", MODULE, pipes="PIPES")
    for format in (None, "pipes"):
        read = read_corpus(corpus, format=format)
        assert read.format == "pipes"
        assert [s.tokens[0] for s in read.sentences] == ["Anna", "Otto"]
        assert not read.warnings
    target = tmp_path / "out.jsonl"
    result = CliRunner().invoke(app, ["convert", str(corpus), str(target), "--to", "dovetail"])
    assert result.exit_code == 0, result.output
    with pytest.raises(CorpusError, match="'pipes' is only read"):
        write_corpus(read.documents, target, format="pipes")
    with pytest.raises(CorpusError, match="did you mean 'pipes'"):
        read_corpus(corpus, format="pips")


def test_a_plug_in_that_writes_is_listed_by_convert(install, corpus, tmp_path):
    source = MODULE.replace("read, None,", "read, write,").replace(
        "PIPES =",
        "def write(documents, path, tally):\n"
        "    tally.keep_documents(documents)\n"
        "    path.write_text(f'{len(documents)}')\n\n\nPIPES =",
    )
    install("plugin_writer", source, pipes="PIPES")
    assert "pipes" in CliRunner().invoke(app, ["convert", "--help"]).output
    target = tmp_path / "out"
    result = CliRunner().invoke(app, ["convert", str(corpus), str(target), "--to", "pipes"])
    assert result.exit_code == 0, result.output
    assert target.read_text() == "2"


BROKEN = {
    "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'": "import nowhere",
    "cannot be loaded: AttributeError": "",
    "is no Format but a int": "BROKEN = 3",
    "is named 'pipes'": MODULE.replace("PIPES =", "BROKEN = PIPES ="),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_plug_in_is_an_error_when_asked_for_and_a_note_otherwise(
    install, corpus, tmp_path, message
):
    install("plugin_broken", BROKEN[message], broken="BROKEN")
    install("plugin_good", MODULE, pipes="PIPES")
    with pytest.raises(CorpusError, match="'broken' of the package 'plugin_broken'") as caught:
        read_corpus(corpus, format="broken")
    assert message in str(caught.value)
    read = read_corpus(corpus)
    assert read.format == "pipes"
    assert [message in warning for warning in read.warnings] == [True]
    native = tmp_path / "native.jsonl"
    write_corpus(read.documents, native, format="dovetail")
    assert not read_corpus(native).warnings
    assert CliRunner().invoke(app, ["convert", "--help"]).exit_code == 0


def test_a_plug_in_may_not_have_a_name_that_is_taken(install, corpus, tmp_path):
    install("plugin_pipes", MODULE.replace('"pipes"', '"spert"'), spert="PIPES")
    install("plugin_second", MODULE, pipes="PIPES")
    install("plugin_third", MODULE, pipes="PIPES")
    formats, notes = known_formats()
    assert [format.name for format in formats].count("spert") == 1
    assert [format.name for format in formats].count("pipes") == 1
    assert len(notes) == 2
    assert any("'spert'" in note and "Dovetail has a format of its name" in note for note in notes)
    with pytest.raises(CorpusError, match=r"expected a JSON array|malformed JSON"):
        read_corpus(corpus, format="spert")


def test_a_plug_in_that_fails_while_it_reads_says_whose_fault_it_is(install, corpus):
    install("plugin_fails", MODULE, pipes="PIPES")
    corpus.write_text("Anna|left\n")
    with pytest.raises(CorpusError, match=r"'pipes' .* failed reading: ValueError"):
        read_corpus(corpus, format="pipes")
    with pytest.raises(CorpusError, match=r"(?s)was not recognised.*columns.*pipes"):
        read_corpus(corpus)
