"""The browser in which the page of a graph is looked at."""

from tests.report.conftest import browser, look

__all__ = ["browser", "look"]
