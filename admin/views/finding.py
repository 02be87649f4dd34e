"""Recipients, Find a person: every message to one number or address; and forgetting them."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import words
from admin.refusals import status_of
from admin.views.base import dialog
from admin.views.given import RECIPIENT, text_of, typed
from models.actors import Right
from models.clock import now_ms
from models.errors import InvalidInputError, NotAllowedError
from models.operations.forgetting import Forgotten, forget_person
from models.operations.seeking import find_recipient
from models.queries.finding import FoundMessage, FoundRecipient, recipient_typed
from models.words import MessageStatus, counted

blueprint = Blueprint("finding", __name__)
Facts = list[tuple[str, str]]


@blueprint.get("/find")
def page() -> ResponseReturnValue:
    """The search and what it found, as far as this person may see it."""
    sought = text_of("q", longest=RECIPIENT)
    try:
        found = find_recipient(sought, sessions.current_actor(), now=now_ms()) if sought.strip() else None
    except (InvalidInputError, NotAllowedError) as refused:
        return _page(sought, None, refused=refused), status_of(refused)
    return _page(sought, found)


@blueprint.route("/forget", methods=["GET", "POST"])
def forget() -> ResponseReturnValue:
    """Erase somebody everywhere, once the recipient was typed twice."""
    back = url_for("finding.page")
    if request.method == "GET":
        return dialog("administration/forget.html", back=back, typed=text_of("recipient", longest=RECIPIENT))
    recipient, again = (typed(field, longest=RECIPIENT) for field in ("recipient", "typed_again"))
    try:
        done = forget_person(recipient, typed_again=again, actor=sessions.current_actor(), now=now_ms())
    except InvalidInputError as refused:
        return dialog("administration/forget.html", back=back, typed=recipient, refused=refused), 422
    return dialog("administration/forgotten.html", back=back, done=done, facts=_facts(done))


def _page(sought: str, found: FoundRecipient | None, **shown: Any) -> str:
    return render_template(
        "administration/find.html",
        **{"refused": None, **shown},
        typed=sought,
        found=found,
        key=recipient_typed(sought)[1] if found else "",
        why={one.message_id: _why(one) for one in found.messages} if found else {},
        may_forget=sessions.current_actor().may(Right.FORGET_PEOPLE),
    )


def _why(message: FoundMessage) -> str:
    """Why it failed, or is in doubt, with the provider's own words as far as they are given."""
    if message.status is MessageStatus.UNCONFIRMED:
        return words.NO_FINAL_WORD
    reason = words.reason_of(message.status, message.failure_reason)
    if not reason:
        return ""
    own = ": ".join(filter(None, (message.provider_code, message.provider_text)))
    return words.reason_name(reason) + (f" ({own})" if own else "")


def _facts(done: Forgotten) -> Facts:
    """What was done, and what goes by itself."""
    facts = [
        ("Opt-out", "Kept, as a keyed hash: who they were can't be read from it."),
        ("Messages", f"{counted(done.messages, 'message')} erased, {done.opted_out:,} of them now Opted Out."),
        ("Files", f"{counted(done.files, 'file')} removed: uploads and exports of the campaigns concerned."),
        ("Receipts", f"{counted(done.posts, 'post')} emptied."),
    ]
    facts.append(("By itself", "Uploads that were never imported go within 14 days. Downloads are beyond our reach."))
    if done.at_verdict:
        facts.append(("With the provider", f"{counted(done.at_verdict, 'message')} erased once its word has come."))
    if done.posts_waiting:
        facts.append(("Not yet applied", f"{counted(done.posts_waiting, 'post')} of receipts: gone within 31 days."))
    if done.work_open:
        facts.append(("At work now", f"{counted(done.work_open, 'import')}: forget once more afterwards."))
    return facts
