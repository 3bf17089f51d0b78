//! Snapshots: the file, taking, restoring and verifying, by themselves and from a server.

mod altered;
mod foreign;
mod library;
mod served;
#[path = "../support/mod.rs"]
mod support;

use support::harness::tests;

tests! {
    foreign {
        one_that_another_program_has_made_is_kept_as_it_comes_or_not_at_all,
        one_of_ours_is_checked_though_nobody_tells_its_length,
    }
    library {
        what_is_restored_elsewhere_is_what_was_taken,
        the_same_server_goes_back_and_stays_unsealed,
        a_snapshot_from_before_a_rekey_does_not_bring_the_old_shares_back,
        a_snapshot_taken_in_an_earlier_term_is_restored,
        other_keys_are_refused_by_name_and_forced_in_sealed,
        every_changed_byte_is_found,
        every_cut_and_every_addition_is_found,
        a_changed_file_replaces_nothing_even_when_forced,
        a_restore_that_fails_anywhere_replaces_all_or_nothing,
        a_restore_that_does_not_open_what_it_put_says_that_it_is_done,
        other_programs_open_it,
        decompressed_it_is_read_and_compressed_again_it_says_what_to_do,
        the_state_is_protobuf_without_the_fields_of_vault,
        verify_opens_every_entry,
        verify_names_what_was_bad_in_the_store,
        what_a_damaged_store_gave_is_not_good_when_it_is_read_back,
        an_altered_snapshot_of_the_same_keys_is_refused_even_when_forced,
        a_spool_leaves_the_disk_its_last_space,
        one_that_is_kept_beside_the_store_says_that_it_has_no_room,
        a_save_writes_through_no_link,
        a_save_puts_the_file_where_a_link_leads,
        a_save_follows_no_link_that_another_user_has_put_where_all_may,
        a_saved_file_is_complete_or_absent,
    }
    served {
        a_server_is_saved_and_restored_from_the_command_line,
        without_a_right_token_there_is_no_snapshot,
        an_altered_snapshot_is_told_of_as_soon_as_it_can_be,
        snapshots_under_load_are_each_one_instant,
        who_reads_while_a_store_is_replaced_is_refused_nothing_and_audited,
        a_server_that_is_killed_in_a_restore_has_all_or_nothing,
        a_restore_into_a_folder_that_is_ended_leaves_no_store_or_a_whole_one,
        nothing_is_restored_into_a_folder_of_vault,
        a_slow_peer_does_not_make_the_store_grow,
        a_full_or_read_only_target_gets_no_file,
        a_server_on_a_full_disk_says_so_and_serves_on,
        a_save_that_is_killed_leaves_no_file_of_that_name,
    }
}
