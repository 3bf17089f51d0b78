//! Snapshots that leave by themselves, to a folder: scheduled, verified, dropped, and the journal
//! between them.

mod aging;
mod away;
mod credential;
mod damage;
mod folder;
mod hung;
mod include;
mod journal;
mod killed;
mod mark;
mod neighbours;
mod promises;
mod remedies;
mod rotten;
mod settings;
mod silent;
mod snapshots;
mod twins;
mod undo;
mod unfit;
#[path = "../support/mod.rs"]
mod support;

use support::harness::tests;

tests! {
    aging {
        what_is_older_than_a_week_is_kept_by_the_hour,
        a_clock_that_has_just_jumped_makes_nothing_old,
        what_another_machine_has_compacted_is_not_missed,
        a_file_that_is_torn_holds_up_nothing,
    }
    away {
        one_that_never_had_a_snapshot_is_told_of_within_a_minute,
        how_far_it_is_behind_is_counted_from_what_it_had,
        each_target_that_is_late_is_named,
        one_that_is_late_has_not_caught_up_by_a_restore,
        a_journal_that_came_to_its_limit_is_told_before_a_snapshot_that_is_late,
    }
    credential {
        it_is_sent_as_it_was_given_and_missed_where_it_was_not,
    }
    damage {
        one_that_was_emptied_has_a_base_again_at_once,
        one_that_went_bad_is_told_until_a_good_one_stands,
        a_segment_that_was_changed_is_found_when_it_is_read_back,
        a_segment_that_was_cut_is_found_at_the_next_look,
        a_made_up_name_accuses_no_file_of_ones_own,
        what_rotted_since_it_was_put_takes_no_good_one_along,
        what_the_server_may_not_read_is_told,
        a_newest_snapshot_that_it_may_not_read_after_a_restart_holds_up_nothing,
    }
    hung {
        it_holds_up_no_other_target_no_request_and_no_unseal,
        it_holds_up_no_reading_of_a_configuration,
        a_file_of_authorities_that_hangs_holds_up_nothing,
        a_pipe_in_place_of_a_file_of_authorities_holds_up_nothing,
        a_request_that_hangs_keeps_no_key_of_a_sealed_server,
    }
    include {
        what_changes_between_two_snapshots_is_in_the_journal,
        what_is_no_file_keeps_nothing_back,
        what_does_not_go_along_is_told_and_a_link_back_hides_nothing,
        what_is_named_itself_goes_before_what_lies_in_a_folder,
    }
    journal {
        it_is_shipped_and_goes_on_after_a_restart_a_crash_and_an_absence,
        a_cut_journal_is_shipped_to_its_end_and_begun_anew,
        its_limit_holds_from_the_first_request_on,
        a_server_that_went_back_writes_nothing_over_and_may_go_on_beside,
        what_was_written_before_a_restore_is_shipped_too,
        a_name_that_tells_of_more_than_there_is_stops_nothing,
        the_first_snapshot_is_where_the_journal_goes_on,
        who_is_stopped_right_after_a_restore_ships_what_came_since,
    }
    killed {
        the_journal_outlives_kills_without_a_gap,
        who_ends_in_peace_ships_what_was_committed_last,
    }
    mark {
        where_its_disk_is_not_mounted_nothing_is_written_until_that_is_adopted,
        a_target_that_is_removed_and_set_again_takes_any_folder,
    }
    neighbours {
        two_of_one_place_are_refused_unless_their_files_have_other_names,
        a_place_that_links_lead_to_is_told_by_where_they_lead,
        a_place_that_a_mount_leads_to_is_told_by_where_it_leads,
        every_kind_of_place_is_told_again,
        a_configuration_with_two_of_one_place_is_none,
    }
    promises {
        a_broken_one_is_told_once_though_the_target_hangs_and_once_when_it_is_kept_again,
    }
    remedies {
        another_place_is_adopted,
        what_is_ahead_is_restored_or_gone_on_beside,
        what_was_written_before_a_disk_was_put_back_is_had_where_as_much_was_since,
        what_is_ahead_is_had_from_where_it_went_on,
        one_of_two_servers_goes_on,
        what_the_other_one_left_bars_nobody_from_its_own_newest_state,
        a_server_that_writes_another_timeline_is_told_of_until_that_is_known,
        what_was_undone_comes_back,
        what_a_snapshot_of_other_keys_replaced_comes_back,
        a_snapshot_that_is_ahead_is_not_passed_over,
    }
    rotten {
        none_of_a_rotten_store_is_put_and_what_is_there_brings_it_back,
        where_none_there_is_good_that_is_told_with_what_is_wrong,
    }
    settings {
        a_target_is_set_read_listed_and_removed,
        a_field_of_another_kind_of_place_is_not_taken_silently,
        what_cannot_be_is_refused_with_a_reason,
        what_the_api_brings_names_no_place_of_the_server,
        kept_credentials_go_nowhere_else,
        a_target_is_known_as_soon_as_the_store_is_open,
        a_field_that_nobody_knows_is_told,
        a_field_that_is_misspelt_destroys_nothing,
        what_a_version_before_took_from_the_api_is_shown_and_told_with_what_helps,
        several_that_are_set_at_once_keep_nobody_from_writing,
    }
    silent {
        what_is_late_is_told_while_the_call_hangs,
        what_was_wanted_when_the_server_was_sealed_is_refused_and_the_thread_rests,
    }
    snapshots {
        they_come_by_themselves_and_as_many_stay_as_are_wanted,
        a_target_that_was_away_catches_up_and_shows_in_health,
        what_does_not_verify_counts_as_absent_and_the_last_good_one_stays,
        one_is_taken_when_it_is_asked_for,
        two_servers_share_a_folder,
        there_is_room_for_as_much_as_is_allowed,
    }
    twins {
        what_two_have_shipped_in_one_second_is_there_in_full_and_both_tell_of_it,
        what_the_other_has_written_is_no_past_of_who_goes_on,
        one_that_finds_the_others_segment_later_tells_of_it,
        snapshots_of_two_do_not_take_each_others_place,
        a_clock_that_is_far_ahead_drops_nothing_of_another_server,
        where_there_is_no_room_nothing_goes_of_who_goes_on_in_what_was_left,
        without_a_journal_each_has_what_it_took_itself,
        who_keeps_no_journal_hears_of_one_that_does,
        what_was_written_while_no_journal_was_kept_is_not_taken_from_the_other,
        who_goes_on_without_a_journal_drops_nothing_of_the_other,
        a_history_that_grows_beside_is_told_of_until_it_ends,
        each_of_several_that_grow_beside_is_told_of_since_it_was_first_seen,
        a_snapshot_of_who_has_left_stops_nobody,
        what_who_leaves_has_written_goes_beside_and_stops_nobody,
        what_would_stop_the_other_is_kept_here_and_told,
        what_came_while_it_was_off_is_told_too,
    }
    undo {
        without_a_journal_the_last_snapshot_of_each_kind_is_kept,
        a_rekey_says_what_is_kept,
        a_rekey_is_not_taken_back_from_a_target_that_no_configuration_has,
        what_cannot_be_kept_is_told_and_holds_up_nothing,
        a_journal_is_marked_and_no_snapshot_kept,
        where_no_target_leads_back_to_the_mark_a_snapshot_is_kept_too,
        the_history_that_a_restore_left_stays_for_a_while,
        the_history_that_was_left_yields_only_if_that_makes_room,
        the_history_that_was_left_yields_where_that_makes_room,
        another_build_of_a_version_is_one_too,
        before_a_version_has_the_store_that_one_before_it_left_there_is_a_way_back,
    }
    unfit {
        the_journal_goes_on_and_room_can_be_made_while_no_snapshot_fits,
    }
}
