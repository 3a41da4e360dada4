"""The browser that the pages of reports are looked at with."""

from tests.report.conftest import browser, look

__all__ = ["browser", "look"]
