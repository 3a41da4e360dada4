"""Each disease, planted in a corpus that is healthy otherwise, is found, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.doctor.planted import (
    CHINESE,
    ENGLISH,
    GERMAN,
    NESTED,
    TORN,
    Corpus,
    Text,
    in_utf16,
    moved,
)

from dovetail.config import load_config
from dovetail.doctor.examination import CHECKS, examined, patients_of_config
from dovetail.doctor.finding import Diagnosis, Disease, Finding

Splits = tuple[list[Text], list[Text]]


def each(change: Callable[[Text], Text]) -> Callable[[list[Text], list[Text]], Splits]:
    """A change of every text."""
    return lambda train, dev: ([*map(change, train)], [*map(change, dev)])


def renamed(row: Text, old: str, new: str) -> Text:
    entities = [(s, e, new if t == old else t) for s, e, t in row.entities]
    return replace(row, entities=entities)


def with_other_names(train: list[Text], dev: list[Text]) -> Splits:
    return train, [renamed(row, "Place", "place") for row in dev]


def with_a_rare_type(train: list[Text], dev: list[Text]) -> Splits:
    return [*train, *(Text(f"The {n} Stella came.", [(4, 12, "Ship")]) for n in "AB")], dev


def with_known_sentences(train: list[Text], dev: list[Text]) -> Splits:
    return train, [*dev, *train[:10]]


def contradictory(train: list[Text], dev: list[Text]) -> Splits:
    """Five training texts stand there twice, once without what is in them."""
    full = [row for row in train if row.relations][:5]
    return [*train, *(replace(row, relations=[]) for row in full)], dev


def of_companies(train: list[Text], dev: list[Text]) -> Splits:
    """Of dev, nothing but texts that name a company, and of training those that name none."""
    named = {True: [], False: []}
    for row in (*train, *dev):
        named[any(t == "Company" for *_, t in row.entities)].append(row)
    return [*named[False], *named[True][:15]], named[True][15:]


def related_alone(train: list[Text], dev: list[Text]) -> Splits:
    """Training texts in whose sentences something is related, each."""
    return [row for row in train if len(row.relations) == 2], dev


CORPORA = {
    "health": Corpus(),
    "health of German": Corpus(GERMAN, data='language = "de"'),
    "health of wide units": Corpus(TORN, data='unit = "document"'),
    "positions of UTF-16": Corpus(change=each(in_utf16)),
    "positions off by one": Corpus(change=each(lambda row: moved(row, 1, 1))),
    "ends off by one": Corpus(change=each(lambda row: moved(row, 0, -1))),
    "Chinese cut as English": Corpus(CHINESE, chinese=True, data='language = "en"'),
    "German read as English": Corpus(GERMAN),
    "relations between sentences": Corpus((*TORN, *ENGLISH)),
    "windows that are too short": Corpus(config="[windows]\nmax_tokens = 8\noverlap = 0.5"),
    "nested entities for a tagger": Corpus((*ENGLISH, *NESTED)),
    "declared types that rule relations out": Corpus(
        config='[relation_head]\nsignatures = "declared"\n'
        'declared = { lives_in = [["Person", "Company"]] }'
    ),
    "a task without weight": Corpus(
        config='[training]\nrelation_loss_weight = 0.0\nselect = "entity"'
    ),
    "types of other names": Corpus(change=with_other_names),
    "a type of two examples": Corpus(change=with_a_rare_type),
    "dev sentences in training": Corpus(change=with_known_sentences),
    "contradictions": Corpus(change=contradictory),
    "splits of other subjects": Corpus(change=of_companies),
    "no sentence without a relation": Corpus(change=related_alone, train=500),
}

DISEASES = {
    "positions of UTF-16": Disease.OFFSETS,
    "positions off by one": Disease.OFFSETS,
    "ends off by one": Disease.OFFSETS,
    "Chinese cut as English": Disease.LANGUAGE,
    "German read as English": Disease.LANGUAGE,
    "relations between sentences": Disease.UNITS,
    "windows that are too short": Disease.REACH,
    "nested entities for a tagger": Disease.REACH,
    "declared types that rule relations out": Disease.REACH,
    "a task without weight": Disease.SWITCHED_OFF,
    "types of other names": Disease.UNSEEN_LABELS,
    "a type of two examples": Disease.RARE_LABELS,
    "dev sentences in training": Disease.LEAKS,
    "contradictions": Disease.CONTRADICTIONS,
    "splits of other subjects": Disease.DRIFT,
    "no sentence without a relation": Disease.NO_NEGATIVES,
}
"""What is planted; in the other corpora it is nothing."""

REMEDIES = {
    "positions of UTF-16": 'data.offsets = "utf16"',
    "Chinese cut as English": 'data.language = "zh"',
    "German read as English": 'data.language = "de"',
    "relations between sentences": 'data.unit = "sentences:3"',
    "nested entities for a tagger": 'entity_head.kind = "span"',
    "declared types that rule relations out": 'relation_head.signatures = "learned"',
}


@pytest.fixture(scope="module")
def diagnosis_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Diagnosis]:
    """The diagnosis of a corpus by its name, made once."""

    @cache
    def of(name: str) -> Diagnosis:
        config = CORPORA[name].save(tmp_path_factory.mktemp("planted"))
        (patient,) = patients_of_config(load_config(config), str(config))
        return examined(patient)

    return of


def only(diagnosis: Diagnosis) -> Finding:
    (finding,) = diagnosis.findings
    return finding


Diagnose = Callable[[str], Diagnosis]


@pytest.mark.parametrize("name", CORPORA)
def test_what_is_planted_is_found_and_nothing_else(name: str, diagnosis_of: Diagnose) -> None:
    diagnosis = diagnosis_of(name)
    planted = [DISEASES[name]] if name in DISEASES else []
    assert [finding.disease for finding in diagnosis.findings] == planted
    for finding in diagnosis.findings:
        assert finding.evidence
        assert finding.remedy
        if name in REMEDIES:
            assert REMEDIES[name] in finding.settings
    json.dumps(diagnosis.to_dict())


def test_all_that_is_looked_for_is_listed_once_whatever_is_found(diagnosis_of: Diagnose) -> None:
    for name in ("health", "contradictions"):
        looked = diagnosis_of(name).looked
        assert [own.disease for own in looked] == [*(c.disease for c in CHECKS), Disease.NOISE]
        assert {own.disease for own in looked if own.why_not} == {
            *(Disease.THRESHOLDS, Disease.EPOCHS, Disease.NOISE)
        }


def test_a_remedy_heals(diagnosis_of: Diagnose, tmp_path: Path) -> None:
    """With the lines of the config that a finding gives, it is found no more."""
    name = "Chinese cut as English"
    config = CORPORA[name].save(tmp_path)
    (line,) = only(diagnosis_of(name)).settings
    field, _, value = line.partition(" = ")
    (patient,) = patients_of_config(load_config(config, [f"{field}={value}"]), str(config))
    assert examined(patient).findings == []


@pytest.mark.parametrize("name", ["contradictions", "a type of two examples"])
def test_examples_stand_where_the_finding_says(name: str, diagnosis_of: Diagnose) -> None:
    examples = only(diagnosis_of(name)).examples
    assert examples
    for example in examples:
        file, _, line = example.place.rpartition(":")
        row = json.loads(Path(file).read_text("utf-8").splitlines()[int(line) - 1])
        assert example.text.rpartition("in: ")[2].removesuffix(" .") in row["text"].replace(
            ",", " ,"
        )


def test_the_two_sides_of_a_contradiction_are_two_lines(diagnosis_of: Diagnose) -> None:
    places = [
        example.place.rpartition(":") for example in only(diagnosis_of("contradictions")).examples
    ]
    assert len(places) == 10
    for (file, _, one), (_, _, other) in zip(places[::2], places[1::2], strict=True):
        rows = Path(file).read_text("utf-8").splitlines()
        first, second = (json.loads(rows[int(number) - 1]) for number in (one, other))
        assert first["text"] == second["text"]
        assert first["relations"]
        assert second["relations"] == []


def test_moves_of_positions_are_told(diagnosis_of: Diagnose) -> None:
    evidence = " ".join(only(diagnosis_of("positions off by one")).evidence)
    assert "if each start is moved by -1, 0 would" in evidence
    evidence = " ".join(only(diagnosis_of("ends off by one")).evidence)
    assert "if each end is moved by +1, 0 would" in evidence
