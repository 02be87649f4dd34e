"""Sample contacts files, realistic and the same for the same seed.

`python -m tests.sample_contacts sms|email --rows 10000 [--seed 1] -o F.csv`
"""

import argparse
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import phonenumbers

from models.words import Channel, FailureReason

HEADERS = {Channel.SMS: ["phone", "name", "city", "note"], Channel.EMAIL: ["email", "name", "city", "note"]}

# One in so many rows is of the kind.
REFUSED_EVERY = 50
REPEATED_EVERY = 40
SIMULATED_EVERY = 20

# The simulated provider's outcomes (SPEC 10) but `account`, which would end the campaign.
OUTCOMES = {
    0: "delivered",
    **{number: f"failed.{reason}" for number, reason in enumerate(FailureReason, start=1)},
    20: "optedout",
    30: "silent",
    31: "sent",
    40: "deferred",
    50: "lost",
    51: "lostnever",
    70: "late",
}

PEOPLE = (
    ("Ann O'Neil", "Cork"),
    ("Zoë Müller", "Köln"),
    ("José Ñíguez", "A Coruña"),
    ("Łukasz Żak", "Łódź"),
    ("Nguyễn Thị Hạnh", "Huế"),
    ("Иван Петров", "Москва"),
    ("Олена Шевченко", "Київ"),
    ("Γιώργος Παππάς", "Αθήνα"),
    ("محمد العلي", "القاهرة"),
    ("נועה כהן", "חיפה"),
    ("अनिता शर्मा", "दिल्ली"),
    ("রহিম উদ্দিন", "ঢাকা"),
    ("கவிதா முருகன்", "சென்னை"),
    ("สมชาย ใจดี", "กรุงเทพฯ"),
    ("ნინო ბერიძე", "თბილისი"),
    ("Արամ Սարգսյան", "Երևան"),
    ("አበበ ቢቂላ", "አዲስ አበባ"),
    ("김민준", "서울"),
    ("王小明", "北京"),
    ("佐藤 さくら", "札幌"),
)
NOTES = (
    "",
    "",
    "call after 5 pm",
    'likes "quotes", commas; and | pipes',
    "first line\nsecond line",
    "first line\r\nsecond line",
    "🎉 renewed 👍🏽",
    "=SUM(1,2)",
    "-10 %",
    "{{name}}",
    "tab\there",
    " spaces around ",
)
BAD_NUMBERS = (
    "",
    "n/a",
    "0412 345 678",
    "61412345678",
    "+61 412 345 678",
    "+61-412-345-678",
    "(02) 9876 5432",
    "6.14E+10",
    '="+61412345678"',
    "+6１412345678",
    "+61412345678\u200e",
    "+4407911123456",
)
BAD_ADDRESSES = (
    "",
    "n/a",
    "ann.example.com",
    "ann@",
    "@example.com",
    "ann@@example.com",
    "ann smith@example.com",
    "ann@example.com ",
    "ann@-host.example",
    "ann@host..example",
    "ann@host.invalid",
    "ann\u200b@example.com",
    "Ann <ann@example.com>",
)
LOCAL_PARTS = ("ann", "zoe.mueller", "jose_n", "l+news", "иван", "用户", "josé", "o'neil", "अनिता")
DOMAINS = ("example.com", "example.net", "example.org", "bücher.example", "例え.example", "пример.example")


def sample_rows(channel: Channel, rows: int, seed: int = 1) -> Iterator[list[str]]:
    """Rows in the order of HEADERS: mostly good ones, some refused ones, repeats and simulated outcomes.

    Numbers are those that phonenumbers ships as examples for mobiles of every region, with other last digits.
    Domains are kept for documentation.
    """
    random = Random(seed)
    good = _numbers(random) if channel is Channel.SMS else _addresses(random)
    bad = [*BAD_NUMBERS, *random.sample(_short_numbers(), 10)] if channel is Channel.SMS else BAD_ADDRESSES
    earlier = next(good)
    for number in range(1, rows + 1):
        if number % REFUSED_EVERY == 0:
            destination = random.choice(bad)
        elif number % REPEATED_EVERY == 0:
            destination = earlier
        else:
            destination = next(good)
            if number % SIMULATED_EVERY == 1:
                destination = _simulated(channel, destination, random)
            if random.random() < 0.01:
                earlier = destination
        yield [destination, *random.choice(PEOPLE), random.choice(NOTES)]


def sample_file(channel: Channel, rows: int, seed: int = 1) -> bytes:
    """The same as a file with header, in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(_with_header(channel, sample_rows(channel, rows, seed)))
    return text.getvalue().encode()


def _with_header(channel: Channel, rows: Iterable[list[str]]) -> Iterator[list[str]]:
    yield HEADERS[channel]
    yield from rows


def _numbers(random: Random) -> Iterator[str]:
    """Each region's example once, then numbers like them of the regions that have room for many."""
    examples = [_e164(number) for region in sorted(phonenumbers.SUPPORTED_REGIONS) if (number := _mobile(region))]
    yield from examples
    roomy = [example for example in examples if len(example) >= 12]
    while True:
        example = random.choice(roomy)
        yield example[:-6] + f"{random.randrange(10**6):06}"


def _mobile(region: str) -> phonenumbers.PhoneNumber | None:
    return phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)


def _short_numbers() -> list[str]:
    """Most regions' example with too many digits missing."""
    numbers = map(phonenumbers.invalid_example_number, sorted(phonenumbers.SUPPORTED_REGIONS))
    return [_e164(number) for number in numbers if number and not phonenumbers.is_possible_number(number)]


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _addresses(random: Random) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        local_part, domain = random.choice(LOCAL_PARTS), random.choice(DOMAINS)
        host = f"mail{random.randrange(300)}." if random.random() < 0.5 else ""
        yield f"{local_part}.{number}@{host}{domain}"


def _simulated(channel: Channel, destination: str, random: Random) -> str:
    outcome = random.choice(sorted(OUTCOMES))
    if channel is Channel.SMS:
        return f"{destination[:-4]}90{outcome:02}"
    local_part, _, domain = destination.partition("@")
    return f"sim.{OUTCOMES[outcome]}@h{local_part.rpartition('.')[2]}.{domain}"


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.sample_contacts", description=__doc__)
    parser.add_argument("channel", type=Channel, choices=list(Channel))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    with asked.output.open("w", encoding="utf-8", newline="") as file:
        rows = sample_rows(asked.channel, asked.rows, asked.seed)
        csv.writer(file).writerows(_with_header(asked.channel, rows))


if __name__ == "__main__":
    main()
