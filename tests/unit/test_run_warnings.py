"""What a Run dialog warns of: each warning for its own reason, in a sentence."""

from dataclasses import replace

import pytest

from models.rules.run_warnings import EmptyField, RunCheck, offers_opt_out
from models.words import Channel

GOOD = RunCheck(
    channel=Channel.SMS,
    total=3,
    sendable=3,
    opted_out=0,
    segments=3,
    cost=None,
    currency="",
    too_long=0,
    empty_fields=(),
    broken=(),
    offers_opt_out=True,
    reached_lately=0,
    webhook_lacks="",
)


def test_nothing_is_warned_of_without_reason() -> None:
    assert GOOD.warnings == ()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"reached_lately": 1}, "1 contact was sent another SMS campaign in the last 24 hours."),
        ({"reached_lately": 1200}, "1,200 contacts were sent another SMS campaign in the last 24 hours."),
        (
            {"empty_fields": (EmptyField("First name", 1),)},
            "1 contact has no First name: they will read {{First name}}.",
        ),
        ({"empty_fields": (EmptyField("city", 1234),)}, "1,234 contacts have no city: they will read {{city}}."),
        ({"too_long": 1}, "1 contact gets a text of over 1,600 characters, which no SMS can carry: it will fail."),
        ({"broken": ("{{name}",)}, "{{name} looks like a variable but will be sent as typed."),
        (
            {"broken": ("{{name}", "{city}", "{{a")},
            "{{name}, {city} and {{a look like variables but will be sent as typed.",
        ),
        (
            {"broken": tuple(f"{{{{{letter}}}" for letter in "abcdefg")},
            "{{a}, {{b}, {{c}, {{d}, {{e} and 2 more look like variables but will be sent as typed.",
        ),
        ({"offers_opt_out": False}, "The text doesn't say how to opt out. Add a line like: Reply STOP to opt out."),
        ({"webhook_lacks": "PUBLIC_URL is not set."}, "PUBLIC_URL is not set."),
    ],
)
def test_each_reason_has_its_sentence(changed: dict[str, object], sentence: str) -> None:
    assert replace(GOOD, **changed).warnings == (sentence,)  # type: ignore[arg-type]  # of several kinds


def test_all_reasons_are_told() -> None:
    bad = replace(
        GOOD,
        channel=Channel.EMAIL,
        reached_lately=2,
        empty_fields=(EmptyField("a", 2), EmptyField("b", 1)),
        broken=("{a}",),
        offers_opt_out=False,
        webhook_lacks="No.",
    )
    assert len(bad.warnings) == 6
    assert "{{unsubscribe_url}}" in bad.warnings[4]


@pytest.mark.parametrize(
    "body",
    [
        "Sale! Reply STOP to opt out.",
        "Sale! STOP to end",
        "Antworte mit STOP",
        "Reply stop to end",
        'Text "stop" to end',
        "Unsubscribe: example.com/u",
        "opt-out at example.com",
        "For opting out call us",
        "OPT OUT: reply",
    ],
)
def test_sms_that_tells_the_way_out_offers_it(body: str) -> None:
    assert offers_opt_out(Channel.SMS, body)


@pytest.mark.parametrize(
    "body", ["", "Sale!", "Stop by our shop", "STOPPED", "nonstop fun", "bus stop", "adopt outright"]
)
def test_sms_that_only_sounds_like_it_does_not(body: str) -> None:
    assert not offers_opt_out(Channel.SMS, body)


@pytest.mark.parametrize("body", ['<a href="{{unsubscribe_url}}">x</a>', "{{ Unsubscribe_URL }}"])
def test_email_with_its_link_offers_it(body: str) -> None:
    assert offers_opt_out(Channel.EMAIL, body)


@pytest.mark.parametrize("body", ["", "Reply STOP to unsubscribe", "{unsubscribe_url}", "unsubscribe_url"])
def test_email_without_its_link_does_not(body: str) -> None:
    assert not offers_opt_out(Channel.EMAIL, body)
