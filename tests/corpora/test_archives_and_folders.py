"""Compressed files, archives and folders are read as what is in them."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest

from dovetail.corpora import read_corpus
from dovetail.corpora.source.unpacking import Unpacking
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.reading import Reading


def line(id, **fields):
    return json.dumps({"id": id, "tokens": ["Anna"], "entities": [], **fields}) + "\n"


def ids(corpus):
    return [document.id for document in corpus.documents]


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def write_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_read_whatever_their_name(tmp_path, compress):
    path = tmp_path / "corpus.packed"
    path.write_bytes(compress((line("a") + line("b")).encode()))
    assert ids(read_corpus(path)) == ["a", "b"]
    path.write_bytes(compress((line("a") + "{").encode()))
    with pytest.raises(CorpusFormatError, match=f"^{path}:2: malformed"):
        read_corpus(path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_archives_are_one_corpus_in_the_order_of_names(tmp_path, kind):
    path = tmp_path / f"corpus.{kind}"
    members = {"in/b.jsonl": line("b"), "in/a.jsonl": line("a"), "README.md": "none"}
    if kind == "zip":
        write_zip(path, members)
    else:
        write_tar(path, members, f"w:{kind[4:]}" if "." in kind else "w")
    corpus = read_corpus(path)
    assert ids(corpus) == ["a", "b"]
    assert corpus.ledger.notes["file 'README.md' beside the corpus: not read"] == 1


def test_messages_and_the_ledger_name_archive_and_member(tmp_path):
    path = tmp_path / "c.zip"
    write_zip(path, {"a.jsonl": line("a"), "b.jsonl": line("b") + '{"text": "x", "tokens": 3'})
    with pytest.raises(CorpusFormatError, match=f"^{path}/b.jsonl:2: malformed JSON"):
        read_corpus(path)
    corpus = read_corpus(path, reading=Reading(on_error="drop"))
    assert ids(corpus) == ["a", "b"]
    assert "/tmp" not in str([drop.reason for drop in corpus.ledger.drops])


def test_a_brat_archive_is_a_brat_folder(tmp_path):
    path = tmp_path / "c.zip"
    write_zip(path, {"d/1.txt": "Anna left", "d/1.ann": "T1\tPeop 0 4\tAnna\n"})
    corpus = read_corpus(path)
    assert (corpus.format, ids(corpus)) == ("brat", ["d/1"])


@pytest.mark.parametrize("name", ["../out.jsonl", "/out.jsonl", "a/../../out.jsonl", "a\\b.jsonl"])
def test_no_member_is_written_outside(tmp_path, name):
    for kind, write in (("tar", write_tar), ("zip", write_zip)):
        path = tmp_path / "in" / f"c.{kind}"
        path.parent.mkdir(exist_ok=True)
        write(path, {name: line("a")})
        with pytest.raises(CorpusError, match=f"^{path}: the name .* leads out"):
            read_corpus(path)
    assert not list(tmp_path.rglob("out.jsonl"))


def test_links_and_other_members_that_are_no_files_are_left_out(tmp_path):
    path = tmp_path / "c.tar"
    write_tar(path, {"a.jsonl": line("a")})
    with tarfile.open(path, "a") as archive:
        for name, kind in (("b.jsonl", tarfile.SYMTYPE), ("c.jsonl", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert ids(read_corpus(path)) == ["a"]


def test_what_is_unpacked_is_bounded_and_removed(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b" " * 1_000_000))
    with (
        pytest.raises(CorpusError, match=r"holds more than 1,000 bytes"),
        Unpacking(1000) as opened,
    ):
        opened.open(path)
    with Unpacking() as opened:
        inside = opened.open(path)
        assert inside.stat().st_size == 1_000_000
    assert not inside.exists()


@pytest.mark.parametrize("content", [b"\x1f\x8bxx", b"BZh9xx", b"\xfd7zXZ\0xx", b"PK\x03\x04xx"])
def test_broken_archives_are_named(tmp_path, content):
    path = tmp_path / "c.gz"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"^{path} cannot be unpacked"):
        read_corpus(path)


def test_an_archive_in_archives_without_end_is_refused(tmp_path):
    inner = tmp_path / "0.zip"
    write_zip(inner, {"a.jsonl": line("a")})
    for number in range(1, 6):
        outer = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(outer, "w") as archive:
            archive.write(inner, "x.zip")
        inner = outer
    assert ids(read_corpus(tmp_path / "2.zip")) == ["a"]
    with pytest.raises(CorpusError, match="is an archive in 3 others"):
        read_corpus(inner)


def test_ids_that_two_files_of_a_folder_have_get_the_name_of_the_file(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(line("1") + line(name))
    corpus = read_corpus(tmp_path)
    assert ids(corpus) == ["1", "a", "b/1", "b"]
    assert [sentence.id for sentence in corpus.sentences] == ids(corpus)
    assert corpus.ledger.notes["file: read as one corpus with the others of the folder"] == 2


def test_files_of_several_formats_are_no_corpus(tmp_path):
    (tmp_path / "a.jsonl").write_text(line("a"))
    (tmp_path / "b.conll").write_text("Anna\tB-P\n")
    with pytest.raises(CorpusError, match=r"several formats \(1 of dovetail, 1 of columns\)"):
        read_corpus(tmp_path)
    (tmp_path / "b.conll").write_text("Anna left")
    with pytest.raises(CorpusError, match=r"1 of dovetail\).*b\.conll: the format was not"):
        read_corpus(tmp_path)
