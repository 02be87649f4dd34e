"""Who is there: processes show that they live, and one of several holds a lease."""

from models.database import execute, transaction

BEAT_SECONDS = 5.0


def beat(name: str, *, duty: str, host: str, pid: int, now: int) -> None:
    """Note that the process `name` lives at `now`."""
    with transaction():
        execute(
            "INSERT INTO running_processes (name, duty, host, pid, started_at, beat_at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, beat_at = excluded.beat_at, started_at = CASE WHEN "
            "running_processes.pid = excluded.pid THEN running_processes.started_at ELSE excluded.started_at END",
            name,
            duty,
            host,
            pid,
            now,
            now,
        )


def leave(name: str) -> None:
    """Note that the process `name` has ended."""
    with transaction():
        execute("DELETE FROM running_processes WHERE name = ?", name)


def hold_lease(name: str, *, holder: str, seconds: float, now: int) -> bool:
    """Take or renew the lease `name`; False while another holds it."""
    with transaction():
        return bool(
            execute(
                "INSERT INTO leases (name, holder, until_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "holder = excluded.holder, until_at = excluded.until_at "
                "WHERE leases.holder = excluded.holder OR leases.until_at < ?",
                name,
                holder,
                now + int(seconds * 1000),
                now,
            )
        )


def give_up_lease(name: str, *, holder: str) -> None:
    """Let another have it at once."""
    with transaction():
        execute("DELETE FROM leases WHERE name = ? AND holder = ?", name, holder)
