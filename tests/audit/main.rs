//! The audit log: what is told of each request and answer, to whom, and what becomes of requests
//! whose entries nobody takes.

mod entries;
mod log;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use support::harness::tests;

tests! {
    entries {
        an_entry_has_vaults_fields_and_every_text_hashed,
        a_line_has_vaults_order,
        a_device_starts_with_an_entry_of_nobody,
        raw_and_accessors_are_shown_where_that_is_asked_for,
        jsonx_is_one_line_of_xml,
        a_mount_names_keys_that_are_shown,
        listings_are_shown_by_their_length_where_that_is_asked_for,
        headers_are_shown_that_are_asked_for,
        who_is_refused_is_told_of_and_gives_nothing_away,
        tokens_that_are_handed_out_are_hashed,
        a_login_is_told_of_with_whom_it_makes_known,
        what_is_wrapped_is_told_of_when_it_is_and_when_it_is_not_any_more,
        a_wrapping_token_is_known_again_in_whatever_form_it_comes,
        what_is_no_json_is_no_data,
        a_request_that_meets_conflicts_has_one_entry,
        an_answer_names_its_request,
    }
    trouble {
        moving_a_file_away_loses_and_doubles_nothing_under_load,
        a_file_that_is_moved_away_is_written_on_until_it_is_told,
        a_full_disk_refuses_everything_and_all_is_well_once_there_is_room,
        a_request_that_nobody_is_told_of_is_not_carried_out,
        one_of_two_devices_is_enough,
        a_device_that_cannot_be_written_to_is_not_enabled,
        a_file_has_the_mode_that_is_asked_for_and_is_never_executable,
        a_log_does_not_lie_in_the_stores_folder,
        a_peer_that_reads_nothing_holds_nobody_up_for_longer_than_it_may,
        a_peer_that_comes_back_is_found_again,
        the_machines_log_is_sent_packets_and_found_again,
        devices_and_their_hashes_outlive_the_server,
        a_sealed_server_holds_no_file,
        every_acknowledged_write_has_its_line_after_a_kill,
    }
}
