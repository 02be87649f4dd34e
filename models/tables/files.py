"""Files: uploads, attachments, exports. In the database, so that every machine has them."""

from peewee import BigIntegerField, BlobField, CompositeKey, TextField

from models.tables.base import Moment, Table, UnnumberedTable


class File(Table):
    """A file's name and figures; size in bytes before compression."""

    name = TextField()
    media_type = TextField()
    size = BigIntegerField()
    sha256 = TextField()
    created_at = Moment()
    expires_at = Moment(null=True)

    class Meta:
        table_name = "files"


class FileChunk(UnnumberedTable):
    """A stretch of a file, compressed with zlib."""

    file_id = BigIntegerField()
    number = BigIntegerField()
    compressed = BlobField()

    class Meta:
        table_name = "file_chunks"
        primary_key = CompositeKey("file_id", "number")


class Attachment(UnnumberedTable):
    """A file that goes with every message of an email campaign."""

    campaign_id = BigIntegerField()
    file_id = BigIntegerField()

    class Meta:
        table_name = "attachments"
        primary_key = CompositeKey("campaign_id", "file_id")
