"""Servers that do what their OpenAPI says: schemathesis asks all that it describes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

KEY = "0123456789abcdef"
"""What a described server asks for."""


def described_at(address: str) -> Any:
    """What a server says of itself."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


def operations_of(described: Any) -> list[tuple[str, str]]:
    """The methods and addresses."""
    listed = [own.ok() for own in described.get_all_operations()]
    return [(own.method.upper(), own.path) for own in listed]


def check_answers(described: Any, address: str, method: str, path: str, mode: str, most: int):
    """Ask an address what is right, or what is wrong, so many times at most.

    What no schema can say is refused too: a labelling config that is none, a line that is no JSON.
    """
    cases = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @settings(
        max_examples=most,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
        database=None,
    )
    @given(data=st.data())
    def asked(data):
        data.draw(cases).call_and_validate(
            base_url=address,
            headers={"Authorization": f"Bearer {KEY}"},
            excluded_checks=[positive_data_acceptance],
        )

    asked()
