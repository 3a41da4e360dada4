"""A diagnosis in a terminal: a paragraph for each finding, and what was looked for."""

from __future__ import annotations

from rich.console import Console

from dovetail.doctor.finding import Diagnosis, Finding

STYLES = {"very likely": "bold red", "likely": "bold yellow", "possible": "yellow"}


def show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print what was found, the likeliest first, or that nothing was."""
    _say(console, diagnosis.subject, "bold")
    for line in diagnosis.scores:
        _say(console, f"  {line}")
    for number, finding in enumerate(diagnosis.findings, start=1):
        console.print()
        _show_finding(number, finding, console)
    console.print()
    done = [own.what for own in diagnosis.looked if not own.why_not]
    if not diagnosis.findings:
        _say(console, "Nothing was found.", "green")
    _say(console, f"Looked for: {'; '.join(done)}.", "dim" if diagnosis.findings else "")
    for own in diagnosis.looked:
        if own.why_not:
            _say(console, f"Not looked for: {own.what}: {own.why_not}.", "dim")


def _show_finding(number: int, finding: Finding, console: Console) -> None:
    style = STYLES.get(finding.likelihood, "bold")
    _say(console, f"{number}. {finding.what} ({finding.disease}, {finding.likelihood})", style)
    for line in finding.evidence:
        _say(console, f"   - {line}")
    for example in finding.examples:
        _say(console, f"     {example}", "dim")
    _say(console, f"   What to do: {finding.remedy}.")
    for line in finding.settings:
        _say(console, f"     config: {line}")
    for line in finding.commands:
        _say(console, f"     {line}")


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, highlight=False)
