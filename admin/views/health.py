"""Administration, Health: how the installation does at this moment, asked again every few seconds."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.health import health_findings
from admin.presenting.words import finding_badge
from admin.views.base import done
from models.clock import now_ms
from models.config import current
from models.operations.recounting import ask_for_recount

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("")
def page() -> ResponseReturnValue:
    """All findings, the bad ones with their step."""
    now = now_ms()
    found = [(finding, finding_badge(finding.level)) for finding in health_findings(current(), now=now)]
    return render_template("administration/health.html", findings=found, as_of=now)


@blueprint.post("/recount")
def recount() -> ResponseReturnValue:
    """Let a worker count all messages against the counters."""
    ask_for_recount(actor=sessions.current_actor())
    return done("A worker counts all campaigns now; the result will stand here.", url_for("health.page"), stay=False)
