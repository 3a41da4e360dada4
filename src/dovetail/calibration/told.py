"""What a calibration comes to in words: for the card of a model."""

from __future__ import annotations

from dovetail.calibration.outcome import Calibrated, TypeCalibration
from dovetail.text.named_schemas import named


def told_on_card(own: Calibrated, source: str) -> str:
    """Markdown on the calibration of a schema, made on the sentences of a source."""
    of = f" of `{own.schema}`" if own.schema else ""
    wanted = f" Thresholds are for {own.wanted} of each type." if own.wanted else ""
    lines = [
        f"Confidences{of} were calibrated on {own.sentences:,} sentences of {source}: a "
        f"temperature divides log-odds, and an offset is added.{wanted}",
        "",
        "| type | examples | temperature | offset | threshold | reached on these sentences |",
        "|---|---:|---:|---:|---:|---|",
        *(_row(own.schema, type_) for type_ in own.types),
        "",
    ]
    lines += [
        f"Expected calibration error of {task} confidences on these sentences: "
        f"{100 * before:.1f} points before, {100 * after:.1f} after."
        for task, (before, after) in own.errors.items()
    ]
    return "\n".join(lines)


def _row(schema: str, own: TypeCalibration) -> str:
    scale = own.scale
    threshold = f"{own.threshold:.2f}" if own.threshold else ""
    return (
        f"| {own.task} `{named(schema, own.type)}` | {own.examples:,} | {scale.temperature:.2f} | "
        f"{scale.offset:+.2f} | {threshold} | {reached(own)} |"
    )


def reached(own: TypeCalibration) -> str:
    """What is reached of what is wanted, with its interval, and on how many examples it stands.

    Empty where nothing was wanted.
    """
    if own.point is None:
        return "no example" if own.is_common else ""
    point = own.point
    told = (
        f"{100 * point.share:.0f} % of {point.number:,} "
        f"({100 * point.interval.low:.0f} to {100 * point.interval.high:.0f})"
    )
    if own.is_common:
        return f"{told}: too few examples, so the threshold is that of all types"
    return told if point.is_reached else f"{told}: not reached, this is the best"
