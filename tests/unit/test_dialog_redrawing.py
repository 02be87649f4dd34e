"""Of several redrawings of a dialog the newest comes last."""

from threading import Event, Thread

from bot.dialogs.redrawing import REMEMBERED, Redrawings


def shown(redrawings: Redrawings, view_id: str, at: float) -> bool:
    with redrawings.show(view_id, at) as newest:
        return newest


def test_older_turn_that_is_slower_is_not_shown() -> None:
    redrawings = Redrawings()
    redrawings.begin("V1", 1.0)
    redrawings.begin("V1", 2.0)
    assert shown(redrawings, "V1", 2.0)
    assert not shown(redrawings, "V1", 1.0)


def test_turns_that_come_in_the_wrong_order_are_told_apart_by_their_time() -> None:
    redrawings = Redrawings()
    redrawings.begin("V1", 2.0)
    redrawings.begin("V1", 1.0)
    assert not shown(redrawings, "V1", 1.0)


def test_other_dialogs_have_turns_of_their_own() -> None:
    redrawings = Redrawings()
    redrawings.begin("V1", 2.0)
    redrawings.begin("V2", 1.0)
    assert shown(redrawings, "V2", 1.0)


def test_newer_turn_waits_until_the_older_one_is_shown() -> None:
    redrawings, showing, order = Redrawings(), Event(), list[float]()
    redrawings.begin("V1", 1.0)

    def newer() -> None:
        redrawings.begin("V1", 2.0)
        showing.set()
        with redrawings.show("V1", 2.0):
            order.append(2.0)

    with redrawings.show("V1", 1.0) as newest:
        assert newest
        thread = Thread(target=newer)
        thread.start()
        assert showing.wait(5)
        order.append(1.0)
    thread.join(5)
    assert order == [1.0, 2.0]


def test_it_does_not_remember_every_dialog_there_ever_was() -> None:
    redrawings = Redrawings()
    for number in range(REMEMBERED + 1):
        redrawings.begin(f"V{number}", 2.0)
    assert shown(redrawings, "V0", 1.0)
