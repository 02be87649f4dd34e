"""What the tests of the administration pages share."""

import re
from collections.abc import Callable

from models.actors import Actor
from models.words import Role

Cast = Callable[[str, Role], Actor]
NAUGHTY = "<script>alert(1)</script>'\"{{7*7}}"
NONSENSE = (
    "older=99999999999999999999999",
    "newer=-1",
    "older=abc",
    "q=%00%27%3B--",
    "q=" + "x" * 5000,
    "channel=pigeon&source=magic&surface=moon&act=nonsense&kind=none",
    "since=yesterday&until=0001-01-01",
    "since=9999-12-31&until=2024-02-30",
    "actor=1%20OR%201=1",
    "whose=nobody&state=nonsense",
)


def link_in(page: str, words: str) -> str:
    """Where the link with these words leads; fails the test if there is none."""
    for address, inner in re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL):
        if words in re.sub(r"<[^>]+>", "", inner):
            return str(address).replace("&amp;", "&")
    raise AssertionError(f"no link “{words}”")


def rows_in(page: str) -> list[str]:
    """The rows of the page's table, in words."""
    body = page.partition("<tbody")[2].partition("</tbody>")[0]
    return [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    ]
