"""Refusals and faults as answers: one sentence, a fitting status, nothing of our insides."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from peewee import PeeweeException
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from admin import sessions
from admin.act_urls import act_url, opens_page, step_word
from admin.security import LARGER_BODIES, MEGABYTE
from models.database import DATABASES_OWN
from models.errors import (
    CampaignError,
    ChannelTakenError,
    InvalidInputError,
    NotAllowedError,
    NotConfiguredError,
    NotFoundError,
    WrongStateError,
)
from models.queries.campaigns import get_campaign

_STATUS = (
    (NotFoundError, 404),
    (NotAllowedError, 403),
    (WrongStateError, 409),
    (InvalidInputError, 422),
    (NotConfiguredError, 409),
)
_TITLES = {403: "Not allowed", 404: "Not found", 409: "Not now", 413: "Too large", 422: "Not accepted"}
_SENTENCES = {
    403: "Your role does not let you open this. Ask an Org Admin.",
    404: "There is nothing at this address, or no longer.",
    405: "This address is not asked in this way.",
    500: "Something went wrong on our side; it has been noted. Try again in a moment.",
    503: "The database does not answer as it should. Try again in a moment.",
}
MOST_READ = 200 * MEGABYTE  # of a body that is too large
STALE_FORM = "This page was open too long or belongs to another session. Nothing was changed: reload it and try again."

# An act that is refused for these: the page it was asked from shows what is no more, and looks again at once.
_STALE = (404, 409)
DIALOGS = "dialogs"  # where a page puts its dialogs


@dataclass(frozen=True)
class Step:
    """A button of a refusal: its word, where it leads, and whether that is a dialog."""

    word: str
    url: str
    is_dialog: bool


def set_up(app: Flask) -> None:
    """Answer refusals of operations and of Flask in our own words."""
    app.register_error_handler(CampaignError, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _failed)
    for fault in DATABASES_OWN:
        app.register_error_handler(fault, _without_database)


def status_of(refused: CampaignError) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in _STATUS if isinstance(refused, kind)), 409)


def answer(sentence: str, status: int, steps: Sequence[Step] = ()) -> Response:
    """A refusal as a dialog for a page that asked by script, else as a page; `steps` are its buttons."""
    title = _TITLES.get(status, "That did not work")
    wants_part = bool(request.headers.get("HX-Request"))
    template = "dialogs/refused.html" if wants_part else "panel/refused.html"
    shown = {"title": title, "sentence": sentence, "steps": steps, "sign_in": _sign_in()}
    response = make_response(render_template(template, **shown), status)
    if wants_part:
        response.headers["HX-Retarget"] = f"#{DIALOGS}"
        response.headers["HX-Reswap"] = "innerHTML"
        response.headers["HX-Reselect"] = "unset"  # what asked may look for a part that no refusal has
        if status in _STALE and request.headers.get("HX-Target") == DIALOGS:
            response.headers["HX-Trigger"] = "moved"
    return response


def _sign_in() -> str:
    """Where to sign in, and from there back to the page that asked: it still has what was typed."""
    page = urlsplit(request.referrer or "")
    return url_for("signing_in.password", next=urlunsplit(("", "", page.path, page.query, "")) or None)


def _refused(refused: CampaignError) -> Response:
    return answer(str(refused), status_of(refused), _steps(refused))


def _steps(refused: CampaignError) -> list[Step]:
    """What to do instead: the next step that the rule names, and the campaign that is in the way."""
    steps = []
    try:
        if refused.next_step and refused.campaign_id is not None:
            campaign = get_campaign(refused.campaign_id)
            is_dialog = not opens_page(refused.next_step, campaign)
            steps.append(Step(step_word(refused.next_step, campaign), act_url(refused.next_step, campaign), is_dialog))
        if isinstance(refused, ChannelTakenError) and refused.blocker_id is not None:
            blocker = get_campaign(refused.blocker_id)
            steps.append(Step(f"Open {blocker.name}", url_for("messages.index_view", campaign_id=blocker.id), False))
    except NotFoundError:  # it was deleted meanwhile
        return steps
    return steps


def _stale_form(_error: CSRFError) -> Response:
    return answer(STALE_FORM, 400)


def _failed(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    if isinstance(error, RequestEntityTooLarge):
        _read_to_its_end()
        limit = LARGER_BODIES.get(request.endpoint or "", MEGABYTE) // MEGABYTE
        return answer(f"This is larger than the {limit} MB that can be sent here.", 413)
    sentence = _SENTENCES.get(error.code) or error.description or "This request can't be understood."
    return answer(sentence, error.code)


def _without_database(_trouble: PeeweeException) -> Response:
    sessions.ask_no_more()
    current_app.log_exception(sys.exc_info())
    return answer(_SENTENCES[503], 503)


def _read_to_its_end() -> None:
    """A browser that is still sending when it is answered shows a broken connection instead of the answer."""
    stream, left = request.environ["wsgi.input"], min(request.content_length or 0, MOST_READ)
    while left > 0 and (piece := stream.read(min(left, MEGABYTE))):
        left -= len(piece)
