"""The panel, put together: sessions, rights, headers, refusals, and its views."""

from flask import Flask, request
from flask_admin import Admin
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import IntegerConverter

from admin import access, refusals, security, sessions, shown
from admin.numbers import LARGEST_ID
from admin.views import (
    account,
    campaign,
    columns,
    composing,
    contacts,
    creating,
    exports,
    finding,
    health,
    looking_up,
    optouts,
    people,
    retrying,
    settings,
    signing_in,
    stories,
    testing,
)
from admin.views.audit import AuditView
from admin.views.campaigns import CampaignsView
from admin.views.exports import ExportsView
from admin.views.home import Home
from admin.views.messages import MessagesView
from admin.views.moves import MovesView
from admin.views.optouts import OptOutsView
from admin.views.people import PeopleView
from jobs.queues import pass_hints
from models import database
from models.config import Config
from models.tables import Audit, BulkMove, Campaign, Export, Message, OptOut, Person

_BLUEPRINTS = (
    account, campaign, columns, composing, contacts, creating, exports, finding, health, looking_up, optouts, people,
    retrying, settings, signing_in, stories, testing,
)  # fmt: skip


class IdConverter(IntegerConverter):
    """An id in an address; a larger number than the database can hold is no address."""

    def __init__(self, map: object, *args: object, **options: object) -> None:  # noqa: A002  # Werkzeug's name
        super().__init__(map, *args, **{"max": LARGEST_ID, **options})  # type: ignore[arg-type]  # as given


def install(app: Flask, config: Config) -> None:
    """Add the panel to the application; the installation must be open."""
    app.url_map.converters["id"] = IdConverter
    pass_hints(config)
    sessions.set_up(app, config)
    security.set_up(app)
    access.guard(app)
    _refuse_foreign_forms(app)
    refusals.set_up(app)
    shown.set_up(app, config)
    app.teardown_request(lambda _error: database.release())
    for views in _BLUEPRINTS:
        app.register_blueprint(views.blueprint)
    _add_model_views(app)


def _refuse_foreign_forms(app: Flask) -> None:
    """Every POST carries the session's token, but for those that prove by a signature who asks."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)  # a form lives as long as its session
    protect = CSRFProtect(app)

    def check() -> None:
        if request.endpoint not in access.MACHINES:
            protect.protect()

    app.before_request(check)


def _add_model_views(app: Flask) -> None:
    # With a path of its own and no folder, Flask-Admin serves none of its static files.
    admin = Admin(app, name="Signalbox", url="/", index_view=Home(), static_url_path="/static/admin")
    admin.add_view(CampaignsView(Campaign, endpoint="campaigns", url="/campaigns"))
    admin.add_view(MessagesView(Message, endpoint="messages", url="/campaigns/<id:campaign_id>"))
    admin.add_view(ExportsView(Export, endpoint="exports", url="/exports"))
    admin.add_view(MovesView(BulkMove, endpoint="moves", url="/moves"))
    admin.add_view(OptOutsView(OptOut, endpoint="optouts", url="/opt-outs"))
    admin.add_view(PeopleView(Person, endpoint="people", url="/people"))
    admin.add_view(AuditView(Audit, endpoint="audit", url="/audit"))
