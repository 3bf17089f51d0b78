//! Places that hold snapshots, the real thing each: what all of them must do, and what happens
//! when one is full, read-only or taken away in the middle.

mod crowded;
mod folder;
mod silent;
mod trouble;
mod usb;

#[path = "../support/mod.rs"]
mod support;

use support::harness::tests;
use support::volume::KINDS;

tests! {
    crowded {
        of_very_many_files_that_count_as_absent_the_log_names_some,
    }
    folder {
        a_folder_passes,
        it_passes_on_what_a_stick_may_have for KINDS,
        nobody_else_can_read_it_and_nothing_is_left_beside_it,
        a_folder_that_is_not_there_is_away_and_is_not_made,
        one_that_goes_in_the_middle_of_a_put_is_away,
        what_failed_attempts_left_is_removed_by_the_next,
        no_link_leads_out_of_it,
        what_is_not_ours_is_neither_listed_nor_touched,
        an_object_that_is_cut_short_while_it_is_read_is_an_error,
        what_is_read_comes_from_the_device,
    }
    silent {
        few_wait_for_a_target_that_hangs_and_all_others_are_served,
        many_targets_that_hang_hold_half_of_the_workers,
        what_is_known_of_one_that_hangs_is_told_without_it,
        who_lists_one_that_hangs_keeps_no_key_of_a_sealed_server,
    }
    trouble {
        what_does_not_fit_is_refused_before_it_begins for KINDS,
        a_disk_that_somebody_fills_in_the_middle_keeps_what_it_had for KINDS,
        what_is_mounted_read_only_is_read for KINDS,
        a_device_that_fails_in_the_middle_keeps_what_it_had for KINDS,
        a_disk_that_is_gone_in_the_middle_keeps_what_it_had for KINDS,
        what_is_not_ours_is_denied,
    }
    usb {
        who_ask_for_it_at_the_same_time_are_all_told_to_plug_it_in,
        a_stick_is_lent_while_it_is_wanted_and_can_then_be_pulled for KINDS,
        a_stick_that_is_pulled_in_the_middle_keeps_what_it_had for KINDS,
        an_empty_folder_is_no_stick,
        who_looks_beside_the_keeper_takes_no_stick_from_it,
        where_nobody_can_be_asked_that_is_said,
        one_that_is_write_protected_says_so,
        one_that_cannot_be_mounted_is_told_of,
        one_that_nobody_asks_for_is_left_alone,
    }
}
