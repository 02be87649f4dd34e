"""What the panel draws from what is known: the chart, times in a zone, the mark of the installation."""

from datetime import UTC, datetime

import pytest

from admin.presenting import zones
from admin.presenting.charts import FEWEST, chart_of
from admin.presenting.environments import environment_of
from models.errors import InvalidInputError
from models.queries.flow import STEPS, Flow
from models.rules.timeouts import DAY, HOUR, MINUTE
from models.words import Channel, MessageStatus

D, A, F = MessageStatus.DELIVERED, MessageStatus.ASSUMED_DELIVERED, MessageStatus.FAILED
SINCE = 1_750_000_000_000 - 1_750_000_000_000 % DAY
BERLIN = "Europe/Berlin"
NOON = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1000)


class TestChart:
    def test_columns_stand_on_the_ground_and_reach_the_top_at_most(self) -> None:
        chart = chart_of(Flow(SINCE, MINUTE, ({D: 7}, {}, {D: 10, A: 3, F: 1})), "UTC")
        delivered, failed = chart.strips
        assert (delivered.top, failed.top) == (20, 2)
        for strip in chart.strips:
            for box in strip.boxes:
                assert 0 <= float(box.y) <= float(box.y) + float(box.height) <= strip.height + 0.1
        assert [(box.colour, box.x) for box in delivered.boxes] == [
            ("delivered", 1),
            ("delivered", 21),
            ("assumed", 21),
        ]

    def test_assumed_ones_lie_on_the_delivered_ones(self) -> None:
        below, above = chart_of(Flow(SINCE, MINUTE, ({D: 5, A: 5},)), "UTC").strips[0].boxes
        assert float(above.y) + float(above.height) == pytest.approx(float(below.y), abs=0.2)

    def test_twin_has_every_column_with_the_same_numbers(self) -> None:
        chart = chart_of(Flow(SINCE, 5 * MINUTE, ({D: 7}, {F: 2})), "UTC")
        assert chart.headings == ("Delivered", "Failed")
        assert chart.rows == (("00:00", (7, 0)), ("00:05", (0, 2)))
        assert chart.step == "5 min"

    def test_nothing_failed_draws_no_second_strip(self) -> None:
        assert len(chart_of(Flow(SINCE, MINUTE, ({D: 7},)), "UTC").strips) == 1

    def test_first_column_is_no_wall(self) -> None:
        chart = chart_of(Flow(SINCE, STEPS[0], ({D: 7},)), "UTC")
        assert chart.width == 10 * FEWEST
        assert chart.labels == ("00:00:00", "00:00:40", "00:01:20", "00:02:00")

    def test_several_days_are_told_with_their_dates(self) -> None:
        chart = chart_of(Flow(SINCE, 12 * HOUR, ({D: 1},) * 14), "UTC")
        assert (chart.labels[0], chart.labels[-1]) == ("15 Jun 00:00", "22 Jun 00:00")
        assert chart.strips[0].told == "Delivered per 12 h: at most 1, from 15 Jun 00:00 on."

    @pytest.mark.parametrize("peak", [0, 1, 2, 3, 9, 10, 11, 99, 100, 101, 2770, 300_000])
    def test_scale_ends_at_a_round_number_not_far_above_the_peak(self, peak: int) -> None:
        top = chart_of(Flow(SINCE, MINUTE, ({D: peak},)), "UTC").strips[0].top
        assert peak <= top <= max(2, 2 * peak)
        assert top % 2 == 0


class TestZones:
    @pytest.mark.parametrize(
        ("typed", "zone", "moment"),
        [
            ("2026-11-26T13:00", BERLIN, NOON),
            ("2026-11-26T12:00", "UTC", NOON),
            ("2026-11-26T07:00:00", "America/New_York", NOON),
            ("2026-11-26T17:45", "Asia/Kathmandu", NOON),
        ],
    )
    def test_what_is_typed_is_a_time_there(self, typed: str, zone: str, moment: int) -> None:
        assert zones.moment_in(typed, zone) == moment
        assert zones.field_value(moment, zone) == typed[:16]

    def test_hour_that_comes_twice_is_its_first(self) -> None:
        assert zones.moment_in("2026-10-25T02:30", BERLIN) == zones.moment_in("2026-10-25T01:30", BERLIN) + HOUR

    def test_hour_that_does_not_come_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="There is no 02:30 on that day in Europe/Berlin"):
            zones.moment_in("2026-03-29T02:30", BERLIN)

    @pytest.mark.parametrize(
        ("typed", "zone"),
        [
            ("", "UTC"),
            ("now", "UTC"),
            ("2026-02-30T12:00", "UTC"),
            ("\0", "UTC"),
            ("0001-01-01T00:00", "Asia/Tokyo"),
            ("9999-12-31T23:59:59", "America/New_York"),
        ],
    )
    def test_what_is_no_time_is_refused(self, typed: str, zone: str) -> None:
        with pytest.raises(InvalidInputError, match="Choose the day and the time"):
            zones.moment_in(typed, zone)

    @pytest.mark.parametrize(
        ("zone", "told"),
        [
            ("UTC", "Thu 26 Nov 2026, 12:00 UTC"),
            (BERLIN, "Thu 26 Nov 2026, 13:00 Europe/Berlin (UTC+01:00)"),
            ("America/New_York", "Thu 26 Nov 2026, 07:00 America/New_York (UTC-05:00)"),
            ("America/St_Johns", "Thu 26 Nov 2026, 08:30 America/St_Johns (UTC-03:30)"),
        ],
    )
    def test_moment_is_told_with_its_zone(self, zone: str, told: str) -> None:
        assert zones.told(NOON, zone) == told


class TestEnvironment:
    @pytest.mark.parametrize(
        ("providers", "variables", "word", "meaning"),
        [
            ({Channel.SMS: "simulated", Channel.EMAIL: "simulated"}, {}, "Simulated", "no message leaves Signalbox"),
            ({Channel.SMS: "simulated"}, {}, "Simulated", "no message leaves Signalbox"),
            ({Channel.SMS: "twilio", Channel.EMAIL: "simulated"}, {}, "Email simulated", "no email leaves Signalbox"),
            ({Channel.SMS: "simulated", Channel.EMAIL: "smtp"}, {}, "SMS simulated", "no SMS leaves Signalbox"),
            (
                {Channel.SMS: "twilio"},
                {"TWILIO_API_URL": "http://127.0.0.1:1"},
                "Test",
                "messages go to another address than the provider's",
            ),
            ({Channel.SMS: "twilio", Channel.EMAIL: "smtp"}, {}, "Production", "messages reach people"),
        ],
    )
    def test_mark_says_what_becomes_of_messages(
        self, providers: dict[Channel, str], variables: dict[str, str], word: str, meaning: str
    ) -> None:
        mark = environment_of(providers, variables)
        assert mark is not None
        assert (mark.word, mark.meaning, mark.real) == (word, meaning, word == "Production")

    def test_where_nothing_can_be_sent_there_is_no_mark(self) -> None:
        assert environment_of({}, {}) is None
