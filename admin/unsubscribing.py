"""The unsubscribe page: GET only shows a button, since scanners of mails follow links; POST acts (RFC 8058)."""

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from models import unsubscribe as links
from models.addresses import mask
from models.clock import now_ms
from models.errors import NotFoundError
from models.operations.optouts import opt_out_by_link
from models.words import Channel

blueprint = Blueprint("unsubscribing", __name__)
TOKEN_LENGTH = 1000


@blueprint.route(f"{links.PATH}<token>", methods=["GET", "POST"])
def page(token: str) -> ResponseReturnValue:
    """Show whom the link is about, or opt them out; works after the campaign is deleted, and as often as one likes."""
    try:
        refuser = links.refuser_of(token[:TOKEN_LENGTH])
    except NotFoundError as foreign:
        return make_response(render_template("unsubscribe/page.html", sentence=str(foreign)), 404)
    if request.method == "POST":
        opt_out_by_link(refuser, now=now_ms())
    return render_template(
        "unsubscribe/page.html",
        whom=mask(refuser.recipient_key),
        kind="emails" if refuser.channel is Channel.EMAIL else "SMS",
        done=request.method == "POST",
    )
