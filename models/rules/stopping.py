"""What is said of a Stop that came too late for anything: the same on the page, in Slack and in the list of moves."""


def nothing_stopped(sending: int) -> str:
    """In the middle of a sentence; `sending` is how many messages were with the provider by then."""
    if not sending:
        return "nothing was left to stop"
    already = "the last message is" if sending == 1 else f"the last {sending:,} messages are"
    return f"nothing was left to stop, {already} already with the provider"
