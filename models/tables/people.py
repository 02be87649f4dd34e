"""People and their one-time sign-in links."""

from peewee import BigIntegerField, TextField

from models.tables.base import Moment, Table, UnnumberedTable


class Person(Table):
    """Somebody who may use the product; the email is lower case. Sessions begun before `sign_ins_before` are over."""

    email = TextField()
    name = TextField()
    role = TextField()
    slack_id = TextField(null=True)
    password_hash = TextField(null=True)
    time_zone = TextField(null=True)
    sign_ins_before = Moment(default=0)
    finished_muted_at = Moment(null=True)
    created_at = Moment()
    removed_at = Moment(null=True)

    class Meta:
        table_name = "people"


class SignInLink(UnnumberedTable):
    """A link that signs in once; only a hash of it is kept."""

    token_hash = TextField(primary_key=True)
    person_id = BigIntegerField()
    created_at = Moment()
    expires_at = Moment()
    used_at = Moment(null=True)

    class Meta:
        table_name = "sign_in_links"
