import json
from xml.etree import ElementTree

import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

TEXT = "Anna and Otto live in Bonn."


def region(id, start, end, *labels, text=TEXT, **more):
    value = {"start": start, "end": end, "text": text[start:end], "labels": [*labels]}
    return {"id": id, "type": "labels", "from_name": "l", "to_name": "t", "value": value, **more}


def link(head, tail, *labels, direction="right", **more):
    return {
        "type": "relation",
        "from_id": head,
        "to_id": tail,
        "direction": direction,
        **({"labels": [*labels]} if labels else {}),
        **more,
    }


def save(tmp_path, *tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def task(*results, text=TEXT, **more):
    annotations = [{"result": result} for result in results]
    return {"id": 1, "data": {"text": text}, "annotations": annotations, **more}


ANNA, OTTO, BONN = region("a", 0, 4, "Peop"), region("o", 9, 13, "Peop"), region("b", 22, 26, "Loc")


def found(corpus):
    """Entities and relations with the words that they cover."""
    entities, relations = set(), set()
    for document in corpus.documents:
        for sentence in document.sentences:
            words = {e: document.surface(sentence, e) for e in sentence.entities}
            entities |= {(words[e], e.type) for e in sentence.entities}
            relations |= {(words[r.head], r.type, words[r.tail]) for r in sentence.relations}
    return entities, relations


def test_regions_and_relations_in_every_direction_are_read(tmp_path):
    result = [
        ANNA,
        OTTO,
        BONN,
        link("a", "b", "Live_In"),
        link("b", "o", "Live_In", direction="left"),
        link("a", "o", "Knows", direction="bi"),
        link("o", "b"),
    ]
    corpus = read_corpus(save(tmp_path, task(result)))
    assert corpus.format == "labelstudio"
    entities, relations = found(corpus)
    assert entities == {("Anna", "Peop"), ("Otto", "Peop"), ("Bonn", "Loc")}
    assert relations == {
        ("Anna", "Live_In", "Bonn"),
        ("Otto", "Live_In", "Bonn"),
        ("Anna", "Knows", "Otto"),
        ("Otto", "Knows", "Anna"),
        ("Otto", "related", "Bonn"),
    }
    assert corpus.ledger.notes["relation: read in both directions"] == 1
    assert corpus.ledger.notes["relation: it has no label, so it is a 'related'"] == 1


def test_a_region_with_two_labels_is_two_entities(tmp_path):
    corpus = read_corpus(save(tmp_path, task([region("b", 22, 26, "Loc", "City")])))
    assert found(corpus)[0] == {("Bonn", "Loc"), ("Bonn", "City")}


def test_what_is_no_entity_is_dropped_under_its_own_kind(tmp_path):
    rating = {"id": "r", "type": "rating", "value": {"rating": 3}}
    bare = region("x", 0, 4)
    corpus = read_corpus(save(tmp_path, task([BONN, rating, bare, link("x", "b", "R")])))
    assert corpus.ledger["rating"].dropped == 1
    assert [(drop.kind, drop.reason) for drop in corpus.ledger.drops] == [
        ("rating", "Dovetail holds entities and relations only"),
        ("entity", "the region has no label"),
        ("relation", "an argument was dropped"),
    ]


@pytest.mark.parametrize(
    ("annotators", "entities", "relations"),
    [
        ("first", {"Anna", "Bonn"}, {("Anna", "Live_In", "Bonn")}),
        ("merge", {"Anna", "Otto", "Bonn"}, {("Anna", "Live_In", "Bonn"), ("Otto", "X", "Bonn")}),
        ("agree", {"Anna", "Bonn"}, {("Anna", "Live_In", "Bonn")}),
    ],
)
def test_several_annotators_are_chosen_from_merged_or_agree(
    tmp_path, annotators, entities, relations
):
    one = [ANNA, BONN, link("a", "b", "Live_In")]
    # Another annotator's regions have names of their own.
    other = [
        {**OTTO, "id": "1"},
        {**BONN, "id": "2"},
        {**ANNA, "id": "3"},
        link("3", "2", "Live_In"),
        link("1", "2", "X"),
    ]
    path = save(tmp_path, task(one, other))
    corpus = read_corpus(path, reading=Reading(annotators=annotators))
    read = found(corpus)
    assert ({words for words, _ in read[0]}, read[1]) == (entities, relations)
    reasons = [(drop.kind, drop.type) for drop in corpus.ledger.drops]
    assert (
        reasons
        == {
            "first": [("further annotator", "")],
            "merge": [],
            "agree": [("entity", "Peop"), ("relation", "X")],
        }[annotators]
    )


def test_the_ground_truth_is_the_first_annotator_and_a_skipped_task_is_none(tmp_path):
    annotations = [
        {"result": [OTTO], "was_cancelled": True},
        {"result": [ANNA]},
        {"result": [BONN], "ground_truth": True},
    ]
    path = save(tmp_path, {"data": {"text": TEXT}, "annotations": annotations})
    assert found(read_corpus(path))[0] == {("Bonn", "Loc")}


def test_predictions_are_read_with_scores_only_where_nobody_annotated(tmp_path):
    prediction = {"model_version": "m", "score": 0.3, "result": [{**ANNA, "score": 0.75}]}
    alone = {"data": {"text": TEXT}, "predictions": [prediction]}
    beside = {**task([BONN]), "predictions": [prediction]}
    undone = {"data": {"text": TEXT}, "annotations": [], "predictions": []}
    first, second, third = read_corpus(save(tmp_path, alone, beside, undone)).sentences
    assert [(e.type, e.confidence) for e in first.entities] == [("Peop", 0.75)]
    assert [(e.type, e.confidence) for e in second.entities] == [("Loc", None)]
    assert first.annotated == third.annotated == frozenset()
    assert second.annotated == {"entity"}  # no relation in all of the corpus
    assert not third.entities


EMOJI = "💩 Anna lives in Bonn."


@pytest.mark.parametrize(("start", "end"), [(16, 20), (17, 21)])
def test_positions_of_old_and_new_versions_are_told_apart(tmp_path, start, end):
    value = {"start": start, "end": end, "text": "Bonn", "labels": ["Loc"]}
    item = {"id": "b", "type": "labels", "value": value}
    corpus = read_corpus(save(tmp_path, task([item], text=EMOJI)))
    assert found(corpus)[0] == {("Bonn", "Loc")}
    utf16 = "document: its positions count UTF-16 units, as they did before Label Studio 1.4"
    assert (utf16 in corpus.ledger.notes) == (start == 17)


def test_a_line_break_that_the_editor_spelled_out_is_one(tmp_path):
    text = "Bad\nGodesberg is old."
    item = region("b", 0, 13, "Loc", text=text)
    item["value"]["text"] = "Bad\\nGodesberg"
    corpus = read_corpus(save(tmp_path, task([item], text=text)), reading=Reading(unit="document"))
    assert found(corpus)[0] == {("Bad\nGodesberg", "Loc")}


def test_faults_name_task_and_region(tmp_path):
    path = save(tmp_path, task([region("a", 0, 99, "X"), link("a", "zz", "R")]), {"data": 3})
    with pytest.raises(CorpusFormatError, match=r"item 0: annotations\[0\]: result\[0\]") as caught:
        read_corpus(path)
    assert "result[1]: 'to_id' is 'zz', which is no region" in str(caught.value)
    assert "item 1: data: expected a JSON object" in str(caught.value)
    corpus = read_corpus(path, reading=Reading(on_error="drop"))
    assert {kind: corpus.ledger[kind].dropped for kind in ("document", "entity", "relation")} == {
        "document": 1,
        "entity": 1,
        "relation": 1,
    }


def test_the_public_sample_has_one_wrong_offset_that_can_be_mended(data_folder):
    path = data_folder / "formats" / "label_studio" / "sample_predictions.json"
    with pytest.raises(CorpusFormatError, match=r"\[68, 90\)"):
        read_corpus(path)
    corpus = read_corpus(path, reading=Reading(on_error="fix"))
    entities, relations = found(corpus)
    assert ("john.smith@example.com", "Email") in entities
    assert len(entities) == 5
    assert len(relations) + corpus.ledger["relation"].dropped == 2 - sum(
        len(sentence.unaligned_for("relation")) for sentence in corpus.sentences
    )


def test_written_tasks_name_what_the_config_defines(tmp_path):
    anna, bonn = Entity(0, 1, 'A "<b>&'), Entity(3, 4, "Loc", 0.25)
    sentence = Sentence.from_tokens(
        ["Anna", "lives", "in", "Bonn"],
        entities=[anna, bonn],
        relations=[Relation(anna, bonn, "Live_In", 0.5)],
        id="s",
    )
    empty = Sentence.from_tokens(["Nobody"], annotated=[], id="e")
    documents = [Document.from_sentence(item) for item in (sentence, empty)]
    path = tmp_path / "tasks.json"
    write_corpus(documents, path, format="labelstudio")
    predicted, undone = json.loads(path.read_text())
    assert "annotations" not in predicted
    assert undone == {"data": {"text": "Nobody", "id": "e"}}
    config = ElementTree.fromstring((tmp_path / "tasks.config.xml").read_text())
    [labels], [text] = config.findall("Labels"), config.findall("Text")
    for item in predicted["predictions"][0]["result"]:
        if item["type"] == "labels":
            assert item["from_name"] == labels.get("name")
            assert item["to_name"] == labels.get("toName") == text.get("name")
            assert set(item["value"]["labels"]) <= {label.get("value") for label in labels}
    assert [r.get("value") for r in config.iter("Relation")] == ["Live_In"]
    assert text.get("value") == "$text"
    read = read_corpus(path).sentences[0]
    assert sorted((e.type, e.confidence) for e in read.entities if e.confidence) == [("Loc", 0.25)]
    assert [r.confidence for r in read.relations] == [0.5]


def test_the_short_export_is_refused_by_its_name(tmp_path):
    short = {"text": TEXT, "id": 1, "label": [{"start": 0, "end": 4}], "annotation_id": 1}
    with pytest.raises(CorpusFormatError, match=r"JSON-MIN.*export the project as JSON"):
        read_corpus(save(tmp_path, short))


def test_a_config_that_somebody_else_wrote_stays(tmp_path):
    document = Document.from_sentence(Sentence.from_tokens(["a"], entities=[Entity(0, 1, "X")]))
    path, config = tmp_path / "tasks.json", tmp_path / "tasks.config.xml"
    for _ in range(2):
        ledger = write_corpus([document], path, format="labelstudio")
        assert "labelling config: written beside it, as tasks.config.xml" in ledger.notes
    config.write_text("<View/>")
    ledger = write_corpus([document], path, format="labelstudio")
    assert "labelling config: not written, for there is a file tasks.config.xml" in ledger.notes
    assert config.read_text() == "<View/>"
