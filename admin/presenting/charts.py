"""Delivery over time as a small chart, drawn from figures, and as the table that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from admin.presenting import times
from admin.presenting.words import message_badge
from models.queries.flow import DRAWN, Flow
from models.rules.timeouts import DAY, HOUR, MINUTE
from models.words import MessageStatus

# Units of the drawing: a column's width, the heights of both strips, and that of the small one in a list.
COLUMN, TALL, LOW, SMALL = 10, 104, 40, 20
GAP = 2
FEWEST = 12  # columns' worth of width, so that the first ones do not look like walls
FEWEST_SPARKS, SPARKS = 3, 24  # columns of the small one: fewer are no course of anything
LABELS = 4  # times under the chart
_UNITS = ((DAY, "day"), (HOUR, "h"), (MINUTE, "min"), (1000, "s"))


@dataclass(frozen=True)
class Box:
    """One rectangle of the drawing."""

    colour: str
    x: int
    y: str
    width: int
    height: str


@dataclass(frozen=True)
class Strip:
    """One scale with its columns: `top` is what its upper edge stands for, `told` says it in words."""

    name: str
    colour: str
    icon: str
    top: int
    height: int
    boxes: tuple[Box, ...]
    told: str


@dataclass(frozen=True)
class Chart:
    """The drawing, `width` units wide, and its text twin: a row of (from when, numbers) for each column."""

    width: int
    step: str
    zone: str
    strips: tuple[Strip, ...]
    labels: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def chart_of(flow: Flow, zone: str) -> Chart:
    """Delivered, the assumed ones on top, and Failed on a scale of its own where anything failed; times in `zone`."""
    shown = [
        status
        for status in DRAWN
        if status is MessageStatus.DELIVERED or any(status in column for column in flow.columns)
    ]
    failed = [status for status in shown if status is MessageStatus.FAILED]
    strips = [_strip(flow, zone, [status for status in shown if status not in failed], TALL)]
    strips += [_strip(flow, zone, failed, LOW)] if failed else []
    return Chart(
        COLUMN * _wide(flow),
        _span(flow.step),
        zone,
        tuple(strips),
        _labels(flow, zone),
        tuple(message_badge(status).word for status in shown),
        tuple(
            (_when(flow, place, zone), tuple(column.get(status, 0) for status in shown))
            for place, column in enumerate(flow.columns)
        ),
    )


@dataclass(frozen=True)
class Spark:
    """The small drawing of a list, `width` units wide, and what it says in words."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    told: str


def spark_of(flow: Flow, zone: str) -> Spark:
    """All that arrived in one strip, the failures on top, without scale or labels; times in `zone`."""
    strip = _strip(flow, zone, DRAWN, SMALL)
    sums = {status: sum(column.get(status, 0) for column in flow.columns) for status in DRAWN}
    peak = max(range(len(flow.columns)), key=lambda place: sum(flow.columns[place].values()))
    told = ", ".join(f"{message_badge(status).word} {n:,}" for status, n in sums.items() if n)
    begin, busiest = _when(flow, 0, zone), _when(flow, peak, zone)
    most = f"at most {sum(flow.columns[peak].values()):,} in {_span(flow.step)}, from {busiest} on"
    return Spark(COLUMN * _wide(flow), SMALL, strip.boxes, f"Delivery over time since {begin}: {told}; {most}.")


def _strip(flow: Flow, zone: str, statuses: Sequence[MessageStatus], height: int) -> Strip:
    sums = [sum(column.get(status, 0) for status in statuses) for column in flow.columns]
    peak = max(sums)
    top = _round_number(peak)
    boxes = []
    for place, column in enumerate(flow.columns):
        y = float(height)
        for status in statuses:
            tall = height * column.get(status, 0) / top
            y -= tall
            if tall:
                colour = message_badge(status).colour
                boxes.append(Box(colour, COLUMN * place + GAP // 2, f"{y:.1f}", COLUMN - GAP, f"{tall:.1f}"))
    badge = message_badge(statuses[0])
    told = f"{badge.word} per {_span(flow.step)}: at most {peak:,}, from {_when(flow, sums.index(peak), zone)} on."
    return Strip(badge.word, badge.colour, badge.icon, top, height, tuple(boxes), told)


def _round_number(peak: int) -> int:
    """The next even figure with noughts, so that the half of it is whole too."""
    unit = 1
    while 10 * unit < peak:
        unit *= 10
    return next(leading * unit for leading in (2, 4, 6, 8, 10) if leading * unit >= peak)


def _span(step: int) -> str:
    unit, name = next((unit, name) for unit, name in _UNITS if step >= unit)
    n = step // unit
    return f"{n} {name}{'s' if name == 'day' and n > 1 else ''}"


def _when(flow: Flow, place: int, zone: str) -> str:
    """The beginning of a column."""
    return _told(flow, flow.since + place * flow.step, zone)


def _labels(flow: Flow, zone: str) -> tuple[str, ...]:
    """Times under the chart, from its left edge to its right one."""
    span = _wide(flow) * flow.step
    return tuple(_told(flow, flow.since + span * at // (LABELS - 1), zone) for at in range(LABELS))


def _wide(flow: Flow) -> int:
    return max(FEWEST, len(flow.columns))


def _told(flow: Flow, moment: int, zone: str) -> str:
    """The time of day, with its date where there are several."""
    if flow.step >= MINUTE and _wide(flow) * flow.step > DAY:
        return times.day_and_clock(moment, zone)
    return times.clock(moment, zone) if flow.step >= MINUTE else times.clock_exact(moment, zone)
