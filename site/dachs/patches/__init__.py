"""Patches of DaCHS, applied while it runs.

Each function changes one thing, says for which versions of DaCHS, and describes the problem
as it could be reported to DaCHS' developers. They were written for DaCHS 2.7, the version in
Debian 12, and tried with 2.11 in Debian 13 and with 2.13 as well; ``versions.py`` knows the
differences. One that does not fit another version is left out with a warning. Remove a function
once the DaCHS of all supported Debian releases can do the same.

What cannot be patched from within DaCHS is handled elsewhere, and described in the same way:

- ``rd/alerts/regions.sql``: the database functions behind queries by region,
- ``rd/km3net/circles.sql``: those behind queries for error circles,
- ``webpages.py`` in ``ingest``: files that must exist before the server starts,
- ``vocabularies.py`` in ``ingest``: IVOA vocabularies without a network.

Descriptors note the problems of DaCHS 2.7 that they avoid: a table called ``products``
(``km3net/nu.rd``), polygons without an xtype and views beside their tables (``alerts/nu.rd``),
a time frame in ``stc2`` (``ant20_01/nu.rd``).

This runs in the Python of DaCHS.
"""

import importlib

from . import versions

_problems = []


def apply():
    """Apply all patches."""
    versions.use_one_module_of_errors()
    # first, because availability recognizes errors before they become messages
    _apply("messages", "keep_internals_out_of_messages")
    _apply("database", "keep_pools_open", "wait_for_restarts", "forget_errors_of_restarts")
    _apply("availability", "answer_restarts_with_503", "ask_database_for_availability")
    _apply("imports", "expand_macros_at_backslashes", "forget_tables_that_left_tap")
    _apply("pages", "cache_pages_without_visitor", "escape_tables", "run_scripts_from_files_only")
    _apply("frame", "put_pages_into_our_frame", "show_logins_to_those_who_have_them")
    _apply(
        "tables",
        "write_units_for_people",
        "write_values_for_people",
        "make_tables_and_forms_accessible",
    )
    _apply("headers", "secure_all_answers")
    # after the headers, which are to be those of the page
    _apply("browserpages", "transform_for_browsers")
    _apply(
        "requests",
        "refuse_unknown_methods",
        "refuse_what_is_not_text",
        "read_addresses_of_uploads",
        "read_forms_as_sent",
        "read_files_under_their_names",
        "accept_the_former_path_of_tap",
        "ignore_hosts_in_requests",
        "name_missing_parameters",
        "stay_on_this_site_after_login",
    )
    _apply("productfiles", "answer_head_requests_for_products")
    _apply("generation", "announce_changes")
    _apply(
        "closed",
        "close_test_services",
        "close_well_known",
        "close_user_tables",
        "close_form_of_products",
    )
    _apply(
        "protected",
        "compare_passwords_in_one_place",
        "close_protected_releases",
        "lock_products",
    )
    # after those that refuse what is no request, and those that check passwords
    _apply("bearers", "accept_tokens")
    _apply("errorpages", "explain_errors_in_our_frame")
    _apply(
        "registry",
        "register_alert_streams",
        "state_rights_of_tables",
        "bound_resumption_tokens",
    )
    _apply(
        "adql",
        "read_string_literals_as_the_standard_does",
        "accept_the_standard_inequality",
        "translate_all_clauses",
        "keep_tabs",
        "keep_percent_signs",
        "let_circles_cover_the_sky",
    )
    _apply("circles", "find_error_circles_by_cells")
    _apply("cones", "plan_small_cones_quickly")
    _apply("datalink", "qualify_contents", "name_types_of_static_files")
    _apply("query_text", "bound_queries")
    _apply("query_functions", "bound_generating_functions")
    _apply("visitors", "restore_the_role_of_visitors")
    _apply("forms", "sort_by_identifiers")
    _apply("upload_columns", "declare_arrays_by_length", "check_names")
    _apply("votable_values", "check_null_values", "name_fields_plainly", "refer_to_time_systems")
    _apply(
        "jobs",
        "hide_jobs_of_others",
        "bound_times_of_jobs",
        "report_errors_with_a_status",
        "bound_polls",
        "bound_number_of_jobs",
    )
    _apply("jobfiles", "name_uploads_apart", "bound_results")
    _apply("turns", "give_each_client_a_turn")
    _apply("query_limits", "limit_queries", "limit_time_of_services", "limit_uploads")
    _apply(
        "connections",
        "limit_bodies",
        "find_boundaries_at_once",
        "limit_time_of_connections",
        "limit_number_of_connections",
    )
    _apply("columns", "point_to_files")
    _apply("query_processes", "run_queries_in_processes")
    _apply(
        "job_processes",
        "start_job_processes_with_patches",
        "end_processes_with_their_jobs",
        "signal_no_groups_of_processes",
        "keep_the_queue_moving",
        "wait_for_the_table_of_jobs",
        "tell_the_place_in_the_queue",
    )
    _apply("replica", "send_jobs_to_the_standby")
    _apply("uploads", "restrict_uploads_by_url")
    _apply("lookups", "bound_lookups")
    _apply("worker", "run_beside_others")
    _apply("leader", "lead_one_worker")
    _apply("draining", "drain_at_sigterm")
    _apply("logs", "forget_requests")
    # after all others, because it counts what they answer
    _apply("metrics", "count_requests")
    _apply("heartbeat", "cut_connections_to_a_silent_database")
    versions.warn(_problems)
    # last, because these processes are copies of this one, with its patches
    _apply("query_processes", "fork_first_process")


def _apply(topic, *names):
    """Apply the patches of one module that this version of DaCHS needs.

    One that does not fit is left out, so that DaCHS starts; warnings say which.
    """
    for name in names:
        patch = f"{topic}.{name}"
        if versions.reason_to_skip(patch):
            continue
        try:
            getattr(importlib.import_module(f".{topic}", __name__), name)()
        except Exception as problem:
            _problems.append(f"DaCHS is not patched by {patch}: {problem!r}")
            continue
        unknown = versions.unknown_code(patch)
        if unknown:
            _problems.append(f"{patch} replaces code that was not tried: {', '.join(unknown)}")
