"""A template with one contact's values in it, as it will look to that person."""

from collections.abc import Mapping

from markupsafe import Markup, escape

from models.queries.previews import NOWHERE
from models.template import UNSUBSCRIBE_URL, Template, normalise_name, render

_EMPTY = "<p>The email is empty.</p>"


def marked(text: str, values: Mapping[str, str]) -> Markup:
    """The text with each value marked; a field without a value stays as it was written."""
    template = Template.parse(text)
    known = {normalise_name(name): value for name, value in values.items()}
    pieces = [escape(template.lead)]
    for placeholder, following in template.rest:
        value = known.get(placeholder.name)
        pieces.append(Markup("<mark>{}</mark>").format(value) if value else escape(placeholder.written))
        pieces.append(escape(following))
    return Markup("").join(pieces)


def email_document(html: str, values: Mapping[str, str]) -> str:
    """The email's HTML with escaped values, as a document of its own for a sandboxed frame."""
    body = render(html, {**values, UNSUBSCRIBE_URL: NOWHERE}, escape_html=True) if html.strip() else _EMPTY
    if "<html" in body[:500].lower():
        return body
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Preview</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:16px;color:#14181f;background:#fff}</style>"
        f"{body}</html>"
    )
