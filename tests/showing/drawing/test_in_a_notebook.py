"""A real notebook, run by a real kernel, shows an extraction."""

from __future__ import annotations

import nbclient
import nbformat
import pytest

CELL = """
from dovetail import Extraction
from dovetail.text.document import Document, Entity, Relation, Sentence

ada, london = Entity(0, 1, "<b>Person</b>", 0.9), Entity(3, 4, "Place", 0.9)
words = ["Ada", "lives", "in", "London"]
links = [Relation(ada, london, "in")]
sentence = Sentence.from_tokens(words, entities=[ada, london], relations=links)
Extraction(Document.from_sentence(sentence), {})
"""


# The client's own loop warns of itself, not of what is shown.
@pytest.mark.filterwarnings("ignore")
def test_last_line_of_a_cell_is_shown_with_its_arcs():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "execute_result"
    html = output.data["text/html"]
    assert "<svg" in html
    assert "&lt;b&gt;Person&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "1 relation" in html
