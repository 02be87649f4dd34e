"""Recipients, Opt-outs: the list, adding by hand, taking off with a reason."""

from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.views.base import ListView, dialog, done
from admin.views.given import RECIPIENT, text_of, typed, word_of
from admin.views.paging import edge_of_request, edges
from models.actors import Right
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import optouts
from models.queries.finding import recipient_typed
from models.queries.ledgers import OptOutFilter, count_opt_outs, names_of_campaigns, opt_out_of, opt_outs
from models.queries.pages import COUNTED
from models.tables import OptOut
from models.words import CHANNEL_LABELS, OPT_IN_REASON_LABELS, OPT_OUT_SOURCE_LABELS, Channel, OptInReason, OptOutSource

blueprint = Blueprint("optout", __name__, url_prefix="/opt-outs")
REMOVED = "removed"


class OptOutsView(ListView):
    """Who gets no message on a channel, the latest first."""

    list_template = "administration/optouts.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[OptOut]]:
        """The stretch that the URL asks for."""
        sought = text_of("q", longest=RECIPIENT).strip()
        wanted, refused = _wanted(sought)
        stretch = opt_outs(wanted, edge_of_request())
        state = REMOVED if wanted.removed else ""
        asked = {"channel": wanted.channel, "source": wanted.source, "q": sought, "state": state}
        total = count_opt_outs(wanted)
        self._template_args.update(
            wanted=asked,
            refused=refused,
            total=min(total, COUNTED),
            more=total > COUNTED,
            campaigns=names_of_campaigns([row.campaign_id for row in stretch.rows]),
            **edges("optouts.index_view", stretch, **asked),
        )
        return None, list(stretch.rows)

    def context(self) -> dict[str, Any]:
        """The words of the list, and what may be done with it."""
        actor = sessions.current_actor()
        return {
            "channels": CHANNEL_LABELS,
            "sources": OPT_OUT_SOURCE_LABELS,
            "may_remove": actor.may(Right.REMOVE_OPT_OUTS),
            "may_forget": actor.may(Right.FORGET_PEOPLE),
        }


@blueprint.route("/new", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """Put somebody on the list."""
    back = url_for("optouts.index_view")
    if request.method == "GET":
        return dialog("administration/optout_add.html", back=back, typed=text_of("recipient", longest=RECIPIENT))
    recipient = typed("recipient", longest=RECIPIENT)
    try:
        channel, key = recipient_typed(recipient)
    except InvalidInputError as refused:
        return dialog("administration/optout_add.html", back=back, typed=recipient, refused=refused), 422
    added = optouts.opt_out(channel, key, actor=sessions.current_actor(), now=now_ms())
    on_list = f"on the opt-out list of {CHANNEL_LABELS[channel]}"
    return done(f"Now {on_list}." if added else f"Already {on_list}; nothing was changed.", back, stay=False)


@blueprint.route("/<id:opt_out_id>/remove", methods=["GET", "POST"])
def remove(opt_out_id: int) -> ResponseReturnValue:
    """Take somebody off the list, with the reason."""
    back, row = url_for("optouts.index_view"), opt_out_of(opt_out_id)
    if request.method == "GET":
        return _ask_for_reason(row, back)
    try:
        reason = OptInReason(typed("reason"))
    except ValueError:
        return _ask_for_reason(row, back, refused=InvalidInputError("Choose why.", field="reason")), 422
    optouts.remove_opt_out(opt_out_id, reason=reason, actor=sessions.current_actor(), now=now_ms())
    return done(f"Taken off the opt-out list of {CHANNEL_LABELS[Channel(row.channel)]}.", back, stay=False)


def _ask_for_reason(row: OptOut, back: str, **shown: Any) -> str:
    return dialog("administration/optout_remove.html", back=back, row=row, reasons=OPT_IN_REASON_LABELS, **shown)


def _wanted(sought: str) -> tuple[OptOutFilter, InvalidInputError | None]:
    """The filter of the URL; who was typed there is looked for exactly, or nobody if it is no recipient."""
    refused, recipient = None, None
    if sought:
        try:
            recipient = recipient_typed(sought)
        except InvalidInputError as wrong:
            refused, recipient = wrong, (Channel.SMS, "")
    wanted = OptOutFilter(
        channel=word_of("channel", Channel),
        source=word_of("source", OptOutSource),
        recipient=recipient,
        removed=request.args.get("state") == REMOVED,
    )
    return wanted, refused
