"""The address of the panel itself."""

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import BaseView, expose


class Home(BaseView):  # type: ignore[misc]  # publishes no types
    """Leads to the campaigns."""

    def __init__(self) -> None:
        super().__init__(name="Signalbox", endpoint="home", url="/")

    @expose("/")  # type: ignore[untyped-decorator]  # the same
    def index(self) -> ResponseReturnValue:
        """The campaigns are what people come for."""
        return redirect(url_for("campaigns.index_view"))
