"""What Delete takes away in the end; audit, opt-outs and the story of its bulk moves stay."""

from models.database import execute, for_update, marks, select, transaction


def remove_messages(campaign_id: int, size: int) -> int:
    """Remove up to `size` messages with their attempts, within the open transaction; returns how many."""
    ids = [
        row[0]
        for row in select(
            f"SELECT id FROM messages WHERE campaign_id = ? ORDER BY id LIMIT ?{for_update()}", campaign_id, size
        )
    ]
    if ids:
        execute(f"DELETE FROM attempts WHERE message_id IN ({marks(ids)})", *ids)
        execute(f"DELETE FROM messages WHERE id IN ({marks(ids)})", *ids)
    return len(ids)


def remove_campaign(campaign_id: int) -> None:
    """Remove the campaign itself and what hangs on it, once its messages are gone."""
    with transaction():
        for table in ("message_counts", "message_flow", "retry_plans", "scheduled_starts", "sent_tests", "look_ups"):
            execute(f"DELETE FROM {table} WHERE campaign_id = ?", campaign_id)
        _remove_files(campaign_id)
        execute("DELETE FROM campaigns WHERE id = ? AND phase = 'deleting'", campaign_id)


def _remove_files(campaign_id: int) -> None:
    file_ids = [
        row[0]
        for row in select(
            "SELECT file_id FROM attachments WHERE campaign_id = ? "
            "UNION SELECT file_id FROM imports WHERE campaign_id = ? "
            "UNION SELECT refused_file_id FROM imports WHERE campaign_id = ? AND refused_file_id IS NOT NULL "
            "UNION SELECT file_id FROM exports WHERE campaign_id = ? AND file_id IS NOT NULL",
            campaign_id,
            campaign_id,
            campaign_id,
            campaign_id,
        )
    ]
    for table in ("attachments", "imports"):
        execute(f"DELETE FROM {table} WHERE campaign_id = ?", campaign_id)
    execute("UPDATE exports SET file_id = NULL WHERE campaign_id = ?", campaign_id)
    unshared = [file_id for file_id in file_ids if not _is_attached(file_id)]
    if unshared:
        execute(f"DELETE FROM file_chunks WHERE file_id IN ({marks(unshared)})", *unshared)
        execute(f"DELETE FROM files WHERE id IN ({marks(unshared)})", *unshared)


def _is_attached(file_id: int) -> bool:
    """Whether another campaign, a duplicate or what it was made from, goes out with the file too."""
    return bool(select("SELECT 1 FROM attachments WHERE file_id = ? LIMIT 1", file_id))
