"""Destinations: what is refused and why, what is doubtful, keys and masks."""

import phonenumbers
import pytest

from models.addresses import DOUBTFUL, GOOD, REFUSAL_LABELS, Judgement, Refusal, judge, mask, opt_out_key
from models.words import Channel


class TestNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            "+61412345678",
            "+14155552671",
            "+447911123456",
            "+27821234567",
            "+390612345678",
            "+80012345678",
            "+85291234567",
        ],
    )
    def test_valid_number_in_e164_is_good(self, number: str) -> None:
        assert judge(Channel.SMS, number) == GOOD

    @pytest.mark.parametrize(
        "number", ["+15555550123", "+12025550123", "+447700900123", "+61491570156", "+61491570110"]
    )
    def test_number_kept_for_fiction_is_not_refused(self, number: str) -> None:
        assert judge(Channel.SMS, number) in {GOOD, DOUBTFUL}

    @pytest.mark.parametrize("number", ["+15555550123", "+447700900123", "+614120000000", "+15550100"])
    def test_possible_but_not_valid_number_is_doubtful(self, number: str) -> None:
        assert judge(Channel.SMS, number) == DOUBTFUL

    @pytest.mark.parametrize(
        ("written", "refusal"),
        [
            ("", Refusal.EMPTY),
            (" \t", Refusal.EMPTY),
            ("0412345678", Refusal.NO_PLUS),
            ("61412345678", Refusal.NO_PLUS),
            ("(02) 1234 5678", Refusal.NO_PLUS),
            ("0061412345678", Refusal.NO_PLUS),
            ("+61 412 345 678", Refusal.PUNCTUATION),
            ("+61-412-345-678", Refusal.PUNCTUATION),
            ("+61\u2013412\u2013345\u2013678", Refusal.PUNCTUATION),
            ("+1 (415) 555-2671", Refusal.PUNCTUATION),
            ("(+61) 412.345.678", Refusal.PUNCTUATION),
            ("+61412345678 ", Refusal.PUNCTUATION),
            ("abc123", Refusal.NOT_A_NUMBER),
            ("+61CALLNOW", Refusal.NOT_A_NUMBER),
            ("tel:+61412345678", Refusal.NOT_A_NUMBER),
            ("+61412345678 / +61412345679", Refusal.NOT_A_NUMBER),
            ("номер", Refusal.NOT_A_NUMBER),
            ("+", Refusal.NOT_A_NUMBER),
            ("6.14E+10", Refusal.SPREADSHEET),
            ("1.5555E+10", Refusal.SPREADSHEET),
            ("6,14123E+10", Refusal.SPREADSHEET),
            ('="0155123456"', Refusal.SPREADSHEET),
            ("'+61412345678", Refusal.SPREADSHEET),
            ("61412345678.0", Refusal.SPREADSHEET),
            ("+61412345678.0", Refusal.SPREADSHEET),
            ("61412345678.00", Refusal.SPREADSHEET),
            ("#######", Refusal.SPREADSHEET),
            ("+6１412345678", Refusal.HIDDEN_CHARACTERS),
            ("+٦١٤١٢٣٤٥٦٧٨", Refusal.HIDDEN_CHARACTERS),
            ("\u202d+61412345678\u202c", Refusal.HIDDEN_CHARACTERS),
            ("+614\u200b12345678", Refusal.HIDDEN_CHARACTERS),
            ("+61\u00a0412345678", Refusal.HIDDEN_CHARACTERS),
            ("+61412345678\n", Refusal.HIDDEN_CHARACTERS),
            ("+610412345678", Refusal.TRUNK_PREFIX),
            ("+4407911123456", Refusal.TRUNK_PREFIX),
            ("+1415555", Refusal.NOT_POSSIBLE),
            ("+9991234567", Refusal.NOT_POSSIBLE),
            ("+0412345678", Refusal.NOT_POSSIBLE),
            ("+4", Refusal.NOT_POSSIBLE),
            ("+6141234567890123", Refusal.NOT_POSSIBLE),
        ],
    )
    def test_anything_else_is_refused_with_its_reason(self, written: str, refusal: Refusal) -> None:
        assert judge(Channel.SMS, written) == Judgement(refusal)

    def test_every_region_has_its_examples_accepted(self) -> None:
        kinds = phonenumbers.PhoneNumberType.values()
        examples = [
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            for region in phonenumbers.SUPPORTED_REGIONS
            for kind in kinds
            if (number := phonenumbers.example_number_for_type(region, kind))
        ]
        assert len(examples) > 1_000
        assert [number for number in examples if judge(Channel.SMS, number) != GOOD] == []


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "ann@example.com",
            "Ann.O'Neil+news@EXAMPLE.org",
            "a@mail.example",
            "sim.delivered@example.com",
            "sim.failed.mailbox_full@h3.example.net",
            "ann@bücher.example",
            "ann@xn--bcher-kva.example",
            "用户@例え.jp",
            "अनिता@पता.example",
            "josé@example.com",
            "a!#$%&'*/=?^_`{|}~b@example.com",
            "x" * 240 + "@example.co",
        ],
    )
    def test_address_by_rfc_5322_is_good(self, address: str) -> None:
        assert judge(Channel.EMAIL, address) == GOOD

    @pytest.mark.parametrize(
        ("written", "refusal"),
        [
            ("", Refusal.EMPTY),
            ("  ", Refusal.EMPTY),
            ("ann.example.com", Refusal.NO_AT_SIGN),
            ("ann＠example.com", Refusal.NO_AT_SIGN),
            (" ann@example.com", Refusal.SPACES),
            ("ann smith@example.com", Refusal.SPACES),
            ("Ann <ann@example.com>", Refusal.SPACES),
            ("<ann@example.com>", Refusal.INVALID_DOMAIN),
            ("ann\u200b@example.com", Refusal.HIDDEN_CHARACTERS),
            ("\u200eann@example.com", Refusal.HIDDEN_CHARACTERS),
            ("ann@example.com\u00a0", Refusal.HIDDEN_CHARACTERS),
            ("ann@example.com\r\nBcc: bob@example.com", Refusal.HIDDEN_CHARACTERS),
            ('="ann@example.com"', Refusal.SPREADSHEET),
            ("ann@", Refusal.INVALID_DOMAIN),
            ("ann@localhost", Refusal.INVALID_DOMAIN),
            ("ann@host.invalid", Refusal.INVALID_DOMAIN),
            ("ann@host..example", Refusal.INVALID_DOMAIN),
            ("ann@-host.example", Refusal.INVALID_DOMAIN),
            ("ann@[192.0.2.1]", Refusal.INVALID_DOMAIN),
            ("ann@1.אב.com", Refusal.INVALID_DOMAIN),
            ("@example.com", Refusal.INVALID_ADDRESS),
            ("ann..smith@example.com", Refusal.INVALID_ADDRESS),
            ("ann@bob@example.com", Refusal.INVALID_ADDRESS),
            ("x" * 243 + "@example.com", Refusal.INVALID_ADDRESS),
            ("\u0301ann@example.com", Refusal.INVALID_ADDRESS),
        ],
    )
    def test_anything_else_is_refused_with_its_reason(self, written: str, refusal: Refusal) -> None:
        assert judge(Channel.EMAIL, written) == Judgement(refusal)


def test_every_refusal_has_a_label() -> None:
    assert set(REFUSAL_LABELS) == set(Refusal)


class TestKeys:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Ann@Example.COM", "ann@example.com"),
            ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
            ("ann@Bu\u0308cher.example", "ann@bücher.example"),
            ("JOSE\u0301@example.com", "josé@example.com"),
            ("ann@例え。example", "ann@例え.example"),
        ],
    )
    def test_spellings_of_one_address_share_a_key(self, one: str, other: str) -> None:
        assert opt_out_key(Channel.EMAIL, one) == opt_out_key(Channel.EMAIL, other)

    def test_key_has_an_ascii_domain_and_keeps_the_local_part(self) -> None:
        assert opt_out_key(Channel.EMAIL, "Иван@Bücher.example") == "иван@xn--bcher-kva.example"

    @pytest.mark.parametrize("address", ["", "no address", "a@b@c", "x@\ud800", "@", "x@☃☃.example", "é@" + "ü" * 300])
    def test_what_is_no_address_has_a_key_too(self, address: str) -> None:
        key = opt_out_key(Channel.EMAIL, address)
        assert opt_out_key(Channel.EMAIL, key) == key

    def test_number_is_its_own_key(self) -> None:
        assert opt_out_key(Channel.SMS, "+61412345678") == "+61412345678"


class TestMasks:
    @pytest.mark.parametrize(
        ("recipient", "masked"),
        [
            ("+15551231234", "+1555***1234"),
            ("+6421234567", "+642***4567"),
            ("+4712345", "+***2345"),
            ("+12345", "+***45"),
            ("+12", "+***"),
            ("", "***"),
            ("ann@x.com", "a***@x.com"),
            ("a@x.com", "a***@x.com"),
            ("用户@例え.jp", "用***@例え.jp"),
            ('"a@b"@x.com', '"***@x.com'),
        ],
    )
    def test_mask_shows_too_little_to_write_to(self, recipient: str, masked: str) -> None:
        assert mask(recipient) == masked
