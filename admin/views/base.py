"""What our views share: Flask-Admin's ModelView without its pages, and answers to acts."""

import json
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from flask_admin import Admin
from flask_admin.contrib.peewee import ModelView
from flask_admin.form import BaseForm

from models.queries.pages import PAGE

STOP_POLLING = 286  # htmx's own status: take this answer and ask no more


class ListView(ModelView):  # type: ignore[misc]  # publishes no types
    """A list whose rows come from our queries and whose page is ours.

    Of ModelView's routes only `index_view` exists: the others (new, edit, delete, details, action, ajax,
    export) are not registered, so they answer 404.
    """

    can_create = can_edit = can_delete = can_view_details = can_export = False
    simple_list_pager = True
    column_display_actions = False
    page_size = PAGE
    column_list = ("id",)
    column_sortable_list = ()

    def create_blueprint(self, admin: Admin) -> Blueprint:
        """Register the list's own route and no other."""
        self._urls = [("/", "index_view", ("GET",))]
        blueprint: Blueprint = super().create_blueprint(admin)
        return blueprint

    def scaffold_form(self) -> Any:
        """No form is ever made from a table."""
        return BaseForm

    def scaffold_list_form(self, *_: Any, **__: Any) -> None:
        """The same for lists."""

    def render(self, template: str, **context: Any) -> str:
        """Our template with what our query gave."""
        page: str = super().render(template, **context, **self.context())
        return page

    def context(self) -> dict[str, Any]:
        """What the template shows beside the rows."""
        return {}


def wants_part() -> bool:
    """Whether a page's script asks for a part of it."""
    return bool(request.headers.get("HX-Request"))


def go_to(location: str) -> Response:
    """Send the browser on, whoever asked: the page itself or its script."""
    if not wants_part():
        return make_response(redirect(location, 303))
    response = make_response("")
    response.headers["HX-Redirect"] = location
    return response


def done(sentence: str, location: str, *, stay: bool = True, event: str = "") -> Response:
    """An act is done: say so, on the page that is open if it may stay, else on the one at `location`.

    The open page hears `moved`, and `event` if one is named.
    """
    if wants_part() and stay:
        response = make_response("")
        events = {"toast": sentence, "moved": "", **({event: ""} if event else {})}
        response.headers["HX-Trigger"] = json.dumps(events)
        return response
    flash(sentence)
    return go_to(location)


def dialog(template: str, **shown: Any) -> str:
    """A dialog as a part for the open page, else as a page; `back` among `shown` is where its Cancel leads."""
    part = wants_part()
    page: str = render_template(
        template,
        **{"refused": None, **shown},
        alone=not part,
        layout="dialogs/bare.html" if part else "panel/base.html",
    )
    return page
