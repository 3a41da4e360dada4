"""A run from end to end: exactly once, the same bytes whatever is killed, and refusals."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet
from tests.bulk.conftest import content_of, kill, line_of, run
from tests.waiting import until

from dovetail.corpora import read_corpus
from dovetail.errors import DovetailError, OutputError

pytestmark = pytest.mark.usefixtures("light")


def rows(folder: Path, table: str) -> list[dict[str, object]]:
    """The rows of a table of all shards."""
    return [
        row
        for path in sorted((folder / table).glob("*.parquet"))
        for row in parquet.read_table(path).to_pylist()
    ]


def test_output_inside_of_an_input_is_refused(names: Path) -> None:
    for folder in (names.parent, names.parent / "deep" / "out"):
        with pytest.raises(
            OutputError, match=r"is inside of the input .*: name a folder elsewhere"
        ):
            run(folder, names.parent)
        assert [*names.parent.iterdir()] == [names]


def test_tables_hold_each_document_once_and_what_was_found(names: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    summary = run(folder, names, keep=("year",), workers=2)
    documents = rows(folder, "documents")
    assert [own["number"] for own in documents] == [*range(60)]
    assert [own["id"] for own in documents] == [f"n{number}" for number in range(60)]
    assert documents[5]["place"] == f"{names}:6"
    assert documents[5]["year"] == "1905"
    entities, relations = rows(folder, "entities"), rows(folder, "relations")
    for entity in entities:
        text = documents[entity["document"]]["text"]
        assert text[entity["start"] : entity["end"]] == entity["text"]
    for relation in relations:
        own = [entity for entity in entities if entity["document"] == relation["document"]]
        for end in ("head", "tail"):
            entity = own[relation[end]]
            assert entity["entity"] == relation[end]
            assert (entity["text"], entity["type"]) == (
                relation[f"{end}_text"],
                relation[f"{end}_type"],
            )
    assert (summary.total.documents, summary.failed) == (60, 0)
    assert (summary.total.entities, summary.total.relations) == (len(entities), len(relations))
    assert len(entities) == sum(4 * (1 + number % 3) for number in range(60))


def test_all_forms_say_the_same(names: Path, tmp_path: Path) -> None:
    for form in ("tables", "nested", "jsonl"):
        run(tmp_path / form, names, form=form, keep=("year",), texts=form != "tables")
    assert "text" not in rows(tmp_path / "tables", "documents")[0]
    nested = rows(tmp_path / "nested", "documents")
    entities = [own for row in nested for own in row["entities"]]
    assert entities == [
        {name: own[name] for name in entities[0]} for own in rows(tmp_path / "tables", "entities")
    ]
    files = sorted((tmp_path / "jsonl" / "documents").iterdir())
    read = [document for file in files for document in read_corpus(file).documents]
    assert [(own.id, own.text) for own in read] == [(own["id"], own["text"]) for own in nested]
    found = [own for document in read for s in document.sentences for own in s.sorted_relations]
    assert len(found) == sum(len(own["relations"]) for own in nested)
    line = json.loads(files[0].read_text("utf-8").splitlines()[1])
    assert line["year"] == 1900


def test_the_number_of_workers_changes_no_byte(names: Path, tmp_path: Path) -> None:
    run(tmp_path / "one", names)
    run(tmp_path / "two", names, workers=2)
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")


PROGRAM = """
import sys
from pathlib import Path
from tests.bulk.conftest import run
from dovetail.bulk import messages
messages.WORKER = "tests.bulk.light_worker"
run(Path(sys.argv[1]), sys.argv[2], workers=2, resume=True)
"""


def begin(folder: Path, names: Path) -> subprocess.Popen[bytes]:
    """A run in a process of its own, from its beginning or from where it was killed."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(names)],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def workers_of(process: int) -> list[int]:
    """The children of a process."""
    path = Path(f"/proc/{process}/task/{process}/children")
    try:
        own = [int(number) for number in path.read_text("ascii").split()]
    except OSError:
        own = []
    threads = Path(f"/proc/{process}/task")
    try:
        for thread in threads.iterdir():
            own += map(int, (thread / "children").read_text("ascii").split())
    except OSError:
        pass
    return sorted(set(own))


def campaign(tmp_path: Path, kills: int, seed: int) -> None:
    """Kill workers and drivers at random until so many are killed; then let a run end."""
    names = tmp_path / "slow.jsonl"
    lines = (line_of(number).replace("Ada", "SLOW Ada", 1) for number in range(400))
    names.write_text("".join(lines), encoding="utf-8")
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    run(undisturbed, names, workers=2)
    chance = random.Random(seed)
    process = begin(folder, names)
    drivers = workers = 0
    while drivers + workers < kills and process.poll() is None:
        if chance.random() < 0.5:
            seconds, is_driver = chance.uniform(0.2, 2.5), True
        else:
            seconds, is_driver = chance.uniform(0.0, 1.0), False
        time.sleep(seconds)
        children = workers_of(process.pid)
        if is_driver:
            process.kill()
            process.communicate()
            # Workers whose driver is gone end by themselves.
            until(lambda left=children: not any(map(is_alive, left)), seconds=30)
            drivers += 1
            process = begin(folder, names)
        elif children:
            kill(chance.choice(children))
            workers += 1
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    assert drivers + workers > kills // 2, "it was done before it could be killed"
    assert content_of(folder) == content_of(undisturbed)
    assert not [*folder.rglob(".*")]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_whatever_is_killed_the_bytes_are_the_same(tmp_path: Path) -> None:
    campaign(tmp_path, 10, seed=1)


@pytest.mark.slow
def test_a_campaign_of_200_kills(tmp_path: Path) -> None:
    for seed in range(10):
        folder = tmp_path / str(seed)
        folder.mkdir()
        campaign(folder, 20, seed)


def test_what_is_damaged_or_gone_is_done_again(names: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run(folder, names)
    whole = content_of(folder)
    (folder / "entities" / "000003.parquet").write_bytes(b"damaged")
    (folder / "documents" / "000001.parquet").unlink()
    (folder / "errors.parquet").unlink()
    manifest = folder / "manifest.jsonl"
    content = manifest.read_bytes()
    manifest.write_bytes(content[:-100])  # as if killed in the middle of its last line
    (folder / "relations" / ".000003.parquet.0.unfinished").write_bytes(b"begun")
    summary = run(folder, names, resume=True)
    assert content_of(folder) == whole
    assert (summary.total.documents, summary.own.documents) == (60, 7 + 7 + 4)


def test_a_run_is_not_mixed_with_another(names: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run(folder, names)
    with pytest.raises(DovetailError, match="holds a run already: go on with it by --resume"):
        run(folder, names)
    with pytest.raises(DovetailError, match="unit_documents was 7 and is 8"):
        run(folder, names, unit_documents=8, resume=True)
    other = tmp_path / "other.jsonl"
    other.write_text(line_of(1), encoding="utf-8")
    with pytest.raises(DovetailError, match=r"the input .*other.jsonl is new"):
        run(folder, names, other, resume=True)
    names.write_text(names.read_text("utf-8") + line_of(60), encoding="utf-8")
    with pytest.raises(DovetailError, match=r"names.jsonl had [\d,]+ bytes and has"):
        run(folder, names, resume=True)
    used = tmp_path / "used"
    used.mkdir()
    (used / "notes.txt").write_text("mine", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(DovetailError, match=r"holds 'notes\.txt', and no manifest"):
            run(used, other, resume=resume)


def test_another_model_is_refused(names: Path, tmp_path: Path) -> None:
    from dovetail.bulk import BulkOptions, Running, run_bulk

    folder = tmp_path / "out"
    run(folder, names)
    options, running = BulkOptions(unit_documents=7), Running(workers=1, resume=True)
    with pytest.raises(DovetailError, match=r"the model was 'light', light… and is heavy…"):
        run_bulk("heavy", [str(names)], folder, options, running)


def test_the_second_of_two_runs_is_refused(names: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    slow = tmp_path / "slow.jsonl"
    slow.write_text("".join(json.dumps({"text": "SLOW"}) + "\n" for _ in range(2000)), "utf-8")
    first = begin(folder, slow)
    try:
        until(lambda: (folder / "manifest.jsonl").exists(), seconds=60)
        for resume in (False, True):
            with pytest.raises(DovetailError, match="another process extracts into"):
                run(folder, names, resume=resume)
    finally:
        first.kill()
        first.communicate()


def test_a_full_disk_is_an_error_that_can_be_resumed(
    names: Path, tmp_path: Path, small_disk: Path
) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text("".join(map(line_of, range(300))), encoding="utf-8")
    run(tmp_path / "roomy", many)
    folder = small_disk / "out"
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * 700_000)
    with pytest.raises(OutputError, match="No space left") as raised:
        run(folder, many)
    assert "make room, and go on with --resume" in raised.value.__notes__[0]
    filler.unlink()
    run(folder, many, resume=True)
    assert content_of(folder) == content_of(tmp_path / "roomy")


LIMITED = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
{PROGRAM}
"""


def test_a_file_that_cannot_grow_is_an_error_that_can_be_resumed(
    names: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder), str(names)], capture_output=True, check=False
    )
    assert ended.returncode == 1
    assert b"OutputError" in ended.stderr
    assert b"File too large" in ended.stderr
    summary = run(folder, names, resume=True)
    assert (summary.total.documents, len(rows(folder, "documents"))) == (60, 60)


def test_bad_documents_are_listed_with_place_and_reason(names: Path, tmp_path: Path) -> None:
    broken, missing = tmp_path / "broken.jsonl", tmp_path / "missing.csv"
    broken.write_bytes(
        b'{"text": "Ada KILLS"}\n{"text": \n{"text": "Ada RAISES"}\n{"text": "Ok"}\n'
    )
    missing.write_text("a,b\n1,2\n", encoding="utf-8")
    folder = tmp_path / "out"
    summary = run(folder, names, broken, missing)
    (input_, *errors) = parquet.read_table(folder / "errors.parquet").to_pylist()
    assert input_ == {
        "number": None,
        "place": str(missing),
        "reason": "has no column 'text'; it has 'a', 'b'",
    }
    assert [own["place"] for own in errors] == [f"{broken}:{line}" for line in (1, 2, 3)]
    for own, reason in zip(errors, ("signal 9", "malformed JSON", "no such word"), strict=True):
        assert reason in own["reason"]
    assert (summary.failed, summary.total.documents) == (4, 61)
    values = json.loads((folder / "summary.json").read_text("utf-8"))
    assert (values["failed"], values["documents"], values["before"]) == (4, 61, 0)
