"""What all templates can use: words and times, who is there, and whether anything is really sent."""

from functools import partial
from typing import Any

from flask import Flask, request, url_for

from admin import act_urls, sessions
from admin.presenting import bars, environments, times, words
from models.actors import Actor, Right
from models.clock import now_ms
from models.config import Config
from models.queries.slack import SlackTrouble, slack_troubles
from models.rules.counts import left_out_told
from models.words import (
    CHANNEL_LABELS,
    DELETE_MEANS,
    LEAVE_OUT_MEANS,
    OPT_OUT_SOURCE_LABELS,
    RESUME_LEFT_OUT,
    ROLE_LABELS,
    SILENCE_LABELS,
    STOP_MEANS,
    Channel,
    MessageStatus,
    OptOutSource,
    Phase,
    Role,
    Silence,
    counted,
    duration,
)

THEMES = ("light", "dark")
# The menus; an entry that the role may not use is left out, and so is an empty menu.
MENUS = (
    (
        "Outreach",
        (
            ("Campaigns", "campaigns.index_view", Right.SEE_CAMPAIGNS),
            ("Exports", "exports.index_view", Right.EXPORT),
            ("Bulk moves", "moves.index_view", Right.CHANGE_CAMPAIGNS),
        ),
    ),
    (
        "Recipients",
        (
            ("Find a person", "finding.page", Right.SEE_CAMPAIGNS),
            ("Opt-outs", "optouts.index_view", Right.ADD_OPT_OUTS),
        ),
    ),
    (
        "Administration",
        (
            ("People", "people.index_view", Right.MANAGE_STAFF),
            ("Audit", "audit.index_view", Right.SEE_OPERATIONS),
            ("Settings", "settings.page", Right.CHANGE_SETTINGS),
            ("Health", "health.page", Right.SEE_OPERATIONS),
        ),
    ),
)
# Which entry a view belongs to, where its name does not say so.
SECTIONS = {
    "messages": "campaigns",
    "campaign": "campaigns",
    "retrying": "campaigns",
    "stories": "campaigns",
    "creating": "campaigns",
    "contacts": "campaigns",
    "columns": "campaigns",
    "composing": "campaigns",
    "testing": "campaigns",
    "export": "exports",
    "optout": "optouts",
    "person": "people",
}


def set_up(app: Flask, config: Config) -> None:
    """Give the templates what they all need."""
    environment = environments.environment_of(config.providers, config.variables)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(number=words.number, duration=duration, phase=Phase, message_status=MessageStatus)
    app.jinja_env.globals.update(
        ago=lambda moment: times.ago_element(moment, now_ms()),
        started=lambda moment: times.start_element(moment, now_ms(), sessions.current_zone()),
        exact=times.exact,
        clock=lambda moment: times.clock_element(moment, sessions.current_zone()),
        time_on_phone=lambda moment: times.clock(moment, sessions.current_zone()),
        day=lambda moment: times.day(moment, sessions.current_zone()),
        counted=counted,
        act_url=act_urls.act_url,
        opens_page=act_urls.opens_page,
        bar_parts=bars.parts,
        bar_told=bars.told,
        reason_parts=bars.reason_parts,
        reasons_told=bars.reasons_told,
        message_badge=words.message_badge,
        opt_out_source=lambda source: OPT_OUT_SOURCE_LABELS[OptOutSource(source)],
        campaign_badge=words.campaign_badge,
        reason_name=words.reason_name,
        left_out_told=left_out_told,
        role_name=lambda role: ROLE_LABELS[Role(role)],
        silence_label=lambda silence: SILENCE_LABELS[Silence(silence)],
        channel_label=lambda channel: CHANNEL_LABELS[Channel(channel)],
        stop_means=STOP_MEANS,
        resume_left_out=RESUME_LEFT_OUT,
        delete_means=DELETE_MEANS,
        leave_out_means=LEAVE_OUT_MEANS,
        channel_icon=lambda channel: words.CHANNEL_ICONS[Channel(channel)],
    )
    lasting = {
        "environment": environment,
        "slack_is_on": config.slack_is_on,
        "slack_is_missed": config.really_sends and not config.slack_is_on,
    }
    app.context_processor(lambda: {**lasting, **_context()})


def _context() -> dict[str, Any]:
    theme = request.cookies.get("theme", "")
    person = sessions.current_person()
    actor = sessions.current_actor() if person else None
    return {
        "chosen_theme": theme if theme in THEMES else "",  # Flask-Admin has a `theme` of its own
        "person": person,
        "role_label": ROLE_LABELS[Role(person.role)] if person else "",
        # Only a whole page asks for these; its parts, of which it fetches one every two seconds, do not.
        "menus": partial(_menus, actor),
        "slack_troubles": partial(_slack_troubles, actor),
        "may_create": actor is not None and actor.may(Right.CHANGE_CAMPAIGNS),
        "may_see": actor is not None and actor.may(Right.SEE_RECIPIENTS),
    }


def _slack_troubles(actor: Actor | None) -> list[SlackTrouble]:
    return slack_troubles() if actor and actor.may(Right.SEE_OPERATIONS) else []


def _menus(actor: Actor | None) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    if actor is None:
        return []
    here = (request.endpoint or "").partition(".")[0]
    menus = []
    for name, entries in MENUS:
        shown = [
            (word, url_for(endpoint), endpoint.partition(".")[0] == SECTIONS.get(here, here))
            for word, endpoint, right in entries
            if actor.may(right)
        ]
        if shown:
            menus.append((name, shown))
    return menus
