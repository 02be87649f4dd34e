"""The tables, as the migrations make them. Operations write them, queries read them, nobody else."""

from models.tables.campaigns import Campaign, MessageCount, MessageFlow, Recovery
from models.tables.files import Attachment, File, FileChunk
from models.tables.ledger import Audit, Lease, RunningProcess, Setting, Tally
from models.tables.messages import Attempt, Message, OptOut, ReceiptPost, UnmappedCode
from models.tables.people import Person, SignInLink
from models.tables.slack import SlackFault, SlackOutbox, SlackPost
from models.tables.work import BulkMove, Export, Import, LookUp, RetryPlan, ScheduledStart, SentTest

__all__ = [
    "Attachment",
    "Attempt",
    "Audit",
    "BulkMove",
    "Campaign",
    "Export",
    "File",
    "FileChunk",
    "Import",
    "Lease",
    "LookUp",
    "Message",
    "MessageCount",
    "MessageFlow",
    "OptOut",
    "Person",
    "ReceiptPost",
    "Recovery",
    "RetryPlan",
    "RunningProcess",
    "ScheduledStart",
    "SentTest",
    "Setting",
    "SignInLink",
    "SlackFault",
    "SlackOutbox",
    "SlackPost",
    "Tally",
    "UnmappedCode",
]
