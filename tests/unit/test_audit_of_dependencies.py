"""The dependency audit never takes silence for health."""

from tests.audit import verdict

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {"name": "rq", "version": "3.0.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.0.1"]}]}
UNKNOWN = {"name": "peewee", "skip_reason": "Dependency not found on PyPI"}


def test_all_audited_and_well_passes() -> None:
    assert verdict([GOOD]) == (["1 audited, 0 known vulnerabilities"], 0)


def test_known_vulnerability_fails_and_names_the_version_that_mends_it() -> None:
    lines, code = verdict([GOOD, BAD])
    assert (lines[0], code) == ("rq 3.0.0: PYSEC-1, mended in 3.0.1", 1)


def test_what_was_not_audited_is_said_and_fails_nothing() -> None:
    lines, code = verdict([GOOD, UNKNOWN])
    assert lines == [
        "not audited: 1 of 2, the advisories don't know peewee",
        "1 audited, 0 known vulnerabilities",
    ]
    assert code == 0
