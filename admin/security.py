"""What every answer says to the browser: what it may load, run, frame and keep."""

import secrets

from flask import Flask, Response, g, request

MEGABYTE = 1024 * 1024
LARGEST_BODY = MEGABYTE
# Bodies that may be larger, by what a person may put into them: contacts, attachments, and a template of 1 MB as a
# form encodes it. What the form adds comes on top.
LARGER_BODIES = {
    "contacts.upload": 50 * MEGABYTE,
    "composing.attach": 20 * MEGABYTE,
    "creating.template": 3 * MEGABYTE,
    "composing.measure": 3 * MEGABYTE,
    "composing.sizes": 3 * MEGABYTE,
    "composing.try_out": 3 * MEGABYTE,
}
FORM_ITSELF = MEGABYTE
# An email's preview: no script, nothing loaded, an origin of its own. Styles are part of what an email is.
PREVIEW_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
PREVIEWS = frozenset({"campaign.preview", "composing.try_out"})


def set_up(app: Flask) -> None:
    """Limit bodies before they are read, and add the headers to every answer."""
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, MAX_FORM_MEMORY_SIZE=4 * MEGABYTE)
    app.before_request(_limit_body)
    app.after_request(_add_headers)
    app.jinja_env.globals["csp_nonce"] = nonce


def nonce() -> str:
    """This answer's word that lets a script or a style of ours run."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _limit_body() -> None:
    if request.endpoint in LARGER_BODIES:
        request.max_content_length = LARGER_BODIES[request.endpoint] + FORM_ITSELF


def _add_headers(response: Response) -> Response:
    preview = request.endpoint in PREVIEWS and response.status_code == 200
    response.headers.setdefault("Content-Security-Policy", PREVIEW_POLICY if preview else _policy())
    response.headers.setdefault("X-Frame-Options", "SAMEORIGIN" if preview else "DENY")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    return (
        f"default-src 'none'; script-src 'nonce-{nonce()}'; style-src 'nonce-{nonce()}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
