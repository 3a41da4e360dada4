"""OpenAPI says what the backend does: schemathesis asks it everything that it describes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.label_studio.conftest import serving

from dovetail.label_studio.backend import Start
from dovetail.server.guard import Access

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

OPERATIONS = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/versions"),
    ("POST", "/predict"),
    ("POST", "/setup"),
    ("POST", "/train"),
    ("POST", "/webhook"),
]


KEY = "0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def locked(trained_model):
    """A backend that asks for a key."""
    with serving(Start(str(trained_model), threads=1), access=Access((KEY,))) as own:
        yield own


@pytest.fixture(scope="module")
def described(locked):
    return schemathesis.openapi.from_url(f"{locked.address}/openapi.json")


def test_no_address_of_label_studio_is_left_out(described):
    listed = [own.ok() for own in described.get_all_operations()]
    assert {*OPERATIONS} <= {(own.method.upper(), own.path) for own in listed}


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS[3:])
def test_every_answer_is_as_described(described, locked, method, path, mode):
    cases = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @settings(
        max_examples=20,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
        database=None,
    )
    @given(data=st.data())
    def asked(data):
        # What no schema can say is refused too: a labelling config that is none.
        case = data.draw(cases)
        case.call_and_validate(
            base_url=locked.address, headers=HEADERS, excluded_checks=[positive_data_acceptance]
        )

    asked()
