"""Which test proves which threat, by the numbers of the threat table that the suite was written from.

A test is named by its file under `tests` and its name; a name alone stands for all tests of that file.
"""

from typing import NamedTuple


class Threat(NamedTuple):
    """A threat, the tests that prove its defence, and why a part of it does not apply here, if so."""

    name: str
    tests: tuple[str, ...]
    not_here: str = ""


ACCESS, ROLES = "integration/test_panel_access.py", "integration/test_panel_roles.py"
THREATS = {
    1: Threat(
        "forged or replayed Slack request",
        (
            "integration/slack/test_requests.py::test_what_slack_did_not_sign_is_refused",
            "attack/test_forgeries.py::test_only_five_minutes_either_way_are_believed",
            "integration/slack/test_socket_mode.py::test_envelope_that_comes_twice_is_acted_on_once",
            "integration/slack/test_dialogs.py::test_two_submissions_run_it_once",
        ),
    ),
    2: Threat(
        "forged provider webhook",
        (
            "integration/test_webhooks.py::test_unsigned_or_wrongly_signed_is_403_whatever_it_is",
            "integration/test_webhooks.py::test_another_token_another_address_and_another_body_are_refused",
            "integration/test_webhooks.py::test_fields_nobody_knows_are_part_of_what_is_signed",
            "attack/test_forgeries.py::test_webhook_of_any_shape_without_a_signature_is_refused",
        ),
    ),
    3: Threat(
        "webhook replay",
        (
            "attack/test_forgeries.py::test_a_thousand_replayed_receipts_change_nothing",
            "integration/test_webhooks.py::test_timestamp_of_long_ago_is_refused",
            "integration/test_inbox.py::test_unmatched_post_is_given_up_after_25_hours",
        ),
    ),
    4: Threat(
        "size and flood",
        (
            "integration/test_webhooks.py::test_body_over_a_megabyte_is_not_read",
            "integration/test_panel_pages.py::test_larger_body_than_the_limit_is_refused",
        ),
        "neither a rate by address nor a slow body is limited: that is left to the proxy in front",
    ),
    5: Threat(
        "CSV import bomb",
        (
            "unit/test_contacts_reading.py",
            "integration/test_panel_creating.py::test_more_than_fifty_megabytes_are_not_even_read",
        ),
    ),
    6: Threat(
        "formula in an export",
        (
            "property/test_contacts.py",
            "integration/test_command_line_export.py::test_naughty_strings_come_back_as_they_went_in",
        ),
        "no spreadsheet opens the file in a test",
    ),
    7: Threat("template injection", ("unit/test_template.py", "property/test_template.py")),
    8: Threat(
        "XSS in the email preview",
        (
            "integration/test_panel_composing.py::test_preview_is_a_document_of_its_own_that_does_nothing",
            "integration/test_panel_pages.py::test_email_preview_runs_and_loads_nothing",
        ),
    ),
    9: Threat(
        "header injection",
        (
            "integration/test_smtp_mails.py::test_no_value_can_add_a_header",
            "unit/test_template.py::test_line_break_or_nul_is_refused",
            "integration/test_sendgrid.py::test_a_subject_is_one_line_whatever_is_put_in",
        ),
    ),
    10: Threat(
        "stored XSS in the panel",
        (
            "attack/test_every_page.py::test_no_text_of_anybody_becomes_part_of_a_page",
            "integration/test_panel_creating.py::test_are_themselves_as_headers_and_cells",
            "integration/test_panel_house.py::test_is_our_own_with_nothing_inline_and_shows_names_as_themselves",
        ),
    ),
    11: Threat("Slack markup injection", ("integration/slack/test_outside_texts.py",)),
    12: Threat(
        "CSRF",
        (
            f"{ACCESS}::test_form_without_the_sessions_token_changes_nothing",
            "attack/test_every_post.py::test_no_form_without_the_sessions_token_is_heard",
        ),
    ),
    13: Threat("session theft", ("integration/test_panel_signing_in.py::TestSession",)),
    14: Threat(
        "brute force",
        (
            "attack/test_forgeries.py::test_a_thousand_guesses_reach_the_hash_ten_times_at_most",
            "integration/test_panel_signing_in.py::test_all_failures_are_told_in_the_same_words",
            "integration/test_panel_signing_in.py::test_failures_of_many_accounts_slow_their_address_down",
        ),
    ),
    15: Threat(
        "acts beyond a role",
        (
            ACCESS,
            ROLES,
            "attack/test_slack_roles.py",
            "integration/test_command_line.py::test_the_audit_names_the_command_line",
        ),
        "who has the command line has the installation: it acts as an Org Admin, under its own name in the audit",
    ),
    16: Threat("SSRF", (), "no address that a person types is ever asked: no media, no remote images, no call-backs"),
    17: Threat(
        "secrets at rest",
        (
            "crash/test_canaries.py",
            "integration/test_panel_settings.py::test_says_what_is_set_and_never_a_secret",
            "integration/test_ledger.py::test_secret_is_made_once_and_only_its_owner_reads_it",
        ),
        "providers' keys are in the environment only, never in the database",
    ),
    18: Threat(
        "personal data in logs, Redis and Slack",
        (
            "crash/test_canaries.py",
            "integration/test_queues.py::test_a_job_carries_an_id_and_nothing_personal",
            "integration/slack/test_outside_texts.py::test_no_channel_carries_anything_personal",
        ),
    ),
    19: Threat("open redirect", ("integration/test_panel_signing_in.py::test_signing_in_leads_to_no_other_site",)),
    20: Threat(
        "export links",
        (
            "integration/test_panel_exports.py::test_larger_export_is_made_by_a_job_and_downloaded_by_its_owner",
            "integration/test_panel_exports.py::test_link_to_a_file_ends_after_a_quarter_of_an_hour",
            f"{ROLES}::test_foreign_things_are_refused_and_stay_as_they_are",
        ),
        "a link may be used again by its owner until it ends",
    ),
    21: Threat(
        "the audit rewritten",
        (
            "integration/test_ledger.py::test_audit_refuses_every_change",
            "integration/test_ledger.py::test_audit_refuses_to_be_emptied",
            "integration/test_ledger.py::test_audit_refuses_replacement",
        ),
        "no hash chain: who may drop triggers may rewrite the chain too",
    ),
    22: Threat(
        "SQL injection",
        (
            "attack/test_every_page.py::test_no_filter_search_or_order_reaches_the_database_as_words",
            "integration/test_panel_table.py::test_in_any_parameter_is_no_fault_and_shows_as_itself",
        ),
    ),
    23: Threat("unsubscribe abuse", ("integration/test_webhooks.py::TestUnsubscribe",)),
    24: Threat("pickle in RQ", ("attack/test_forgeries.py::test_pickled_job_is_not_unpickled",)),
    25: Threat(
        "double click",
        (
            "integration/slack/test_dialogs.py::test_twenty_clicks_stop_it_once",
            "integration/slack/test_dialogs.py::test_two_submissions_run_it_once",
            "integration/test_panel_acts.py::test_two_tabs_that_act_at_once_change_it_once",
            "integration/test_races.py::test_one_of_two_campaigns_wins_the_channel_in_every_round",
        ),
    ),
    26: Threat(
        "supply chain",
        ("unit/test_house.py::test_every_dependency_is_pinned_to_one_version", "unit/test_audit_of_dependencies.py"),
        "versions without hashes: one set serves several Pythons and platforms; semgrep's rules need a network",
    ),
}
