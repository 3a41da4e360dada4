"""The browser that the pages of reports are looked at with."""

from tests.report.conftest import look

__all__ = ["look"]
