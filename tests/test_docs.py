"""What the Markdown files say of files, commands and Python is so."""

from __future__ import annotations

import ast
import doctest
import json
import re
import runpy
import subprocess
import sys

import pytest
import typer.main
from tests.markdown import PROJECT, blocks_from_markdown, markdown_files, prose_from_markdown

from dovetail.cli import app
from dovetail.config import parse_config
from dovetail.corpora import read_corpus
from dovetail.text.extraction import Extraction

FILES = markdown_files()
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)|(?:src|srcset|href)=\"(?P<source>[^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
COMMANDS = typer.main.get_command(app).commands


def name_of(value):
    return str(value.relative_to(PROJECT)) if hasattr(value, "relative_to") else None


def anchors(text):
    """The anchors that a Markdown file offers, as GitHub makes them."""
    headings = HEADING.findall(prose_from_markdown(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_of(text):
    """The lines of the code blocks, and the code within the prose."""
    for block in blocks_from_markdown(text):
        yield from block.text.splitlines()
    yield from INLINE.findall(prose_from_markdown(text))


def usages(text):
    """The uses of the command line in a text: the command, and what follows it."""
    for code in code_of(text):
        for use in re.split(r"[|;&]", code):
            words = use.split()
            if "dovetail" in words and not use.startswith("git clone"):
                after = words[words.index("dovetail") + 1 :]
                if after and after[0] in COMMANDS:
                    yield after[0], after[1:]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_links_lead_somewhere(path):
    for match in LINK.finditer(prose_from_markdown(TEXTS[path])):
        target = match["target"] or match["source"]
        if re.match(r"\w+:", target):  # of another place, which tests do not visit
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{target}: there is no {linked}"
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_options_that_are_mentioned_exist(path):
    for command, words in usages(TEXTS[path]):
        known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        for word in words:
            if word.startswith("-") and word != "-":
                option = word.partition("=")[0].rstrip(",.;:)")
                assert option in known, f"dovetail {command} has no {option}: {sorted(known)}"


def test_commands_that_blocks_show_exist():
    shown = {
        line.split()[line.split().index("dovetail") + 1]
        for text in TEXTS.values()
        for block in blocks_from_markdown(text)
        if block.language in ("sh", "console")
        for line in block.text.splitlines()
        if line.removeprefix("$ ").startswith("dovetail ")
    }
    assert shown
    assert shown <= {*COMMANDS}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_python_blocks_import_what_exists(path):
    for block in blocks_from_markdown(TEXTS[path]):
        if block.language != "python" or ">>>" in block.text:
            continue
        imports = [
            node
            for node in ast.walk(ast.parse(block.text))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        for node in imports:
            exec(compile(ast.Module([node], []), str(path), "exec"), {})


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_python_sessions_print_what_they_say(path):
    for block in blocks_from_markdown(TEXTS[path]):
        if block.language == "python" and ">>>" in block.text:
            session = doctest.DocTestParser().get_doctest(block.text, {}, path.name, str(path), 0)
            assert doctest.DocTestRunner().run(session).failed == 0


def test_toml_that_is_a_whole_config_can_be_used():
    import tomllib

    for text in TEXTS.values():
        for block in blocks_from_markdown(text):
            if block.language == "toml" and "[data]" in block.text:
                assert parse_config(tomllib.loads(block.text)).data.train


def native_samples():
    """The lines of JSON on the page of the native format, those of one block together."""
    blocks = blocks_from_markdown(TEXTS[PROJECT / "docs" / "formats" / "dovetail.md"])
    return [block.text.strip().splitlines() for block in blocks if block.language == "json"]


def test_lines_of_the_native_format_can_be_read(tmp_path):
    lines = [
        line
        for block in native_samples()
        for line in block
        if not {"format", "place"} & json.loads(line).keys()
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    corpus = read_corpus(file, format="dovetail")
    assert len(corpus.documents) == len(lines) == 5
    assert not corpus.ledger.drops


def test_extractions_are_written_as_the_page_of_the_native_format_says(tmp_path):
    (block,) = (lines for lines in native_samples() if len(lines) == 2)
    header, line = map(json.loads, block)
    file = tmp_path / "found.jsonl"
    file.write_text("\n".join(block) + "\n", encoding="utf-8")
    (document,) = read_corpus(file).documents
    assert Extraction(document, header["thresholds"]).to_dict() == line


def test_example_files_are_what_is_marked(tmp_path):
    from shutil import copytree

    copytree(PROJECT / "examples", tmp_path / "examples")
    folder = tmp_path / "examples" / "harbour"
    files = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
    assert {*files} == {"train.jsonl", "dev.jsonl", "test.jsonl"}
    for path in folder.glob("*.jsonl"):
        path.unlink()
    subprocess.run([sys.executable, str(folder / "assemble.py")], check=True)
    assert {path.name: path.read_bytes() for path in folder.glob("*.jsonl")} == files


EXAMPLES = [
    document
    for path in (PROJECT / "examples" / "harbour").glob("*.jsonl")
    for document in read_corpus(path).documents
]


def test_relations_of_the_examples_are_those_of_their_table():
    table = TEXTS[PROJECT / "examples" / "README.md"]
    listed = set(re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \|", table, re.MULTILINE))
    relations = [r for d in EXAMPLES for sentence in d.sentences for r in sentence.relations]
    assert {(r.type, r.head.type, r.tail.type) for r in relations} == listed


def test_no_example_sentence_is_in_two_splits():
    texts = [document.text for document in EXAMPLES]
    assert len(texts) == len(set(texts)) > 200
    assert {len(document.sentences) for document in EXAMPLES} == {1}


def test_pictures_are_what_is_drawn(tmp_path):
    drawn = tmp_path / "draw.py"
    images = PROJECT / "docs" / "images"
    drawn.write_bytes((images / "draw.py").read_bytes())
    subprocess.run([sys.executable, str(drawn)], check=True)
    drawings = {path.name for path in tmp_path.glob("*.svg")}
    assert drawings == {path.name for path in images.glob("*.svg")}
    for name in drawings:
        assert (tmp_path / name).read_bytes() == (images / name).read_bytes()


def test_every_page_is_listed_by_the_index_or_by_the_overview_of_its_folder():
    docs = PROJECT / "docs"
    overviews = {
        docs: docs / "README.md",
        docs / "coming-from": docs / "README.md",
        docs / "strategies": docs / "strategies" / "README.md",
    }
    for path in FILES:
        if path.is_relative_to(docs) and path.name != "README.md":
            overview = overviews.get(path.parent, docs / f"{path.parent.name}.md")
            assert f"({path.relative_to(overview.parent)})" in TEXTS[overview]


@pytest.mark.parametrize("name", ["architecture.md", "decisions.md"])
def test_modules_that_a_page_names_exist(name):
    roots = (PROJECT, PROJECT / "src" / "dovetail")
    named = re.findall(r"`([\w/]+\.py)`", TEXTS[PROJECT / "docs" / name])
    assert named
    for module in named:
        assert any((root / module).is_file() for root in roots), f"{name} names {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_page_begins_with_words_on_what_it_is_for(path):
    title, _, rest = TEXTS[path].partition("\n")
    assert re.match("# .", title)
    words = re.sub("<!--.*?-->", "", rest).strip()
    assert re.match(r"[\w`*\[]", words), f"{path}: {words[:40]!r}"


def test_list_of_public_names_is_what_the_script_writes():
    page = runpy.run_path(str(PROJECT / "scripts" / "write_api.py"))["api_page"]()
    assert TEXTS[PROJECT / "docs" / "api.md"] == page, "run scripts/write_api.py"
