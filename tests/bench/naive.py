"""What is commonly done instead: one RQ job for each message. No claim, no fence, no opt-out check.

`python -m tests.bench.naive REDIS_URL` is one worker.
"""

import http.client
import sqlite3
import sys
from base64 import b64encode
from urllib.parse import urlencode, urlsplit

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

QUEUE = "naive"
_kept: dict[str, http.client.HTTPConnection] = {}


def enqueue(url: str, path: str, stub: str, messages: int) -> None:
    """A table with a row for each message, and a job for each row."""
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, recipient TEXT, status TEXT, sid TEXT)")
        rows = [(number, f"+1202{number:07}", "queued") for number in range(1, messages + 1)]
        database.executemany("INSERT INTO messages (id, recipient, status) VALUES (?, ?, ?)", rows)
    database.close()
    queue = Queue(QUEUE, connection=redis.Redis.from_url(url), serializer=JSONSerializer)
    prepared = [Queue.prepare_data(send_one, (path, stub, number), result_ttl=0) for number, _, _ in rows]
    queue.enqueue_many(prepared)


def send_one(path: str, stub: str, message_id: int) -> None:
    """One message: read it, post it, note its id."""
    database = sqlite3.connect(path, timeout=30)
    recipient = database.execute("SELECT recipient FROM messages WHERE id = ?", (message_id,)).fetchone()[0]
    host = urlsplit(stub).netloc
    connection = _kept.setdefault(host, http.client.HTTPConnection(host))
    form = urlencode({"To": recipient, "Body": "Hi, our spring sale starts on Friday.", "MessagingServiceSid": "MG"})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Basic {b64encode(b'AC:token').decode()}",
    }
    connection.request("POST", "/2010-04-01/Accounts/AC/Messages.json", form, headers)
    answer = connection.getresponse()
    sid = answer.read()[8:42].decode()
    with database:
        database.execute("UPDATE messages SET status = 'sent', sid = ? WHERE id = ?", (sid, message_id))
    database.close()


if __name__ == "__main__":
    client = redis.Redis.from_url(sys.argv[1])
    worker = SimpleWorker(
        [Queue(QUEUE, connection=client, serializer=JSONSerializer)], connection=client, serializer=JSONSerializer
    )
    worker.log_job_description = False
    worker.work(burst=True, logging_level="WARNING")
