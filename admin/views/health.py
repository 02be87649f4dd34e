"""Administration, Health: how the installation does at this moment, asked again every few seconds."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.checkup.health import health_findings
from admin.presenting.words import finding_badge
from admin.views.base import done
from models.clock import now_ms
from models.config import current
from models.operations.proving import prove_all_again

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("")
def page() -> ResponseReturnValue:
    """All findings, the bad ones with their step."""
    now = now_ms()
    found = [(finding, finding_badge(finding.level)) for finding in health_findings(current(), now=now)]
    return render_template("administration/health.html", findings=found, as_of=now)


@blueprint.post("/prove")
def prove() -> ResponseReturnValue:
    """Let the counts of all campaigns be held against their messages now instead of once a day."""
    prove_all_again(actor=sessions.current_actor(), now=now_ms())
    return done("All counts are proven anew, one campaign after the other.", url_for("health.page"), stay=False)
