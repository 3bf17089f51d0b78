//! Automatic seals, through the built program: a machine that reboots alone, recovery keys, and the
//! change from one seal to another.

#[path = "../clients/environment.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod environment;
mod house;
mod migration;
mod peer;
mod pkcs11;
#[path = "../support/peers/process.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod process;
mod reboot;
mod recovery;
mod slow;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod tool;
mod tpm2;
mod transit;
mod typed;

use std::path::{Path, PathBuf};
use support::harness::tests;

tests! {
    migration {
        from_people_to_a_stick_and_back,
        a_migration_that_cannot_be_done_leaves_the_seal_as_it_was,
        a_seal_that_is_lost_can_be_left,
    }
    pkcs11 {
        it_keeps_the_contract,
        a_board_opens_its_store_with_its_module,
    }
    reboot {
        a_board_reboots_alone,
        a_stick_may_come_late,
        a_new_key_takes_the_place_of_the_old,
        a_server_that_somebody_sealed_stays_sealed_until_people_say_otherwise,
        whom_nobody_let_in_keeps_no_board_from_opening,
        shares_that_were_given_before_do_not_count_later,
        a_store_that_people_opened_goes_over_to_the_key_that_is_there,
        nothing_is_made_where_the_key_is_away,
        recovery_keys_open_the_store_where_the_stick_is_lost,
        a_stick_that_hangs_keeps_nobody_from_the_server,
        a_seal_that_is_not_configured_is_told,
    }
    recovery {
        enough_recovery_keys_make_a_root_token_and_no_others,
        recovery_keys_are_changed_by_those_who_hold_them,
        new_recovery_keys_can_be_verified_first,
        old_recovery_keys_open_no_store,
    }
    slow {
        a_key_that_is_wrapped_anew_brings_no_old_recovery_keys_back,
        a_diagnosis_asks_one_that_does_not_answer_once,
        whoever_has_the_seal_is_not_taken_for_people,
        who_asks_how_far_a_rekey_is_waits_for_no_seal,
        only_one_makes_a_store_and_nobody_waits_behind_him,
        an_answer_that_comes_late_opens_no_store_that_somebody_sealed_meanwhile,
        a_seal_that_cannot_tell_its_version_changes_nothing,
        people_who_open_a_store_are_told_that_its_seal_would_not,
        what_the_seal_answers_is_told_in_one_plain_line,
        a_token_that_cannot_be_renewed_is_not_asked_about_each_minute,
    }
    snapshots {
        a_bare_machine_with_the_key_opens_a_restored_store_by_itself,
        a_bare_machine_is_told_what_opens_its_store,
        a_snapshot_from_before_a_migration_leaves_the_seal_of_today,
    }
    tool {
        a_tool_sees_nothing_that_is_not_for_it,
        a_pin_that_is_refused_is_tried_once,
        what_was_padded_in_another_way_is_no_key,
        who_waits_rests_after_an_attempt_however_long_it_took,
        a_stop_waits_for_no_tool,
        a_diagnosis_asks_a_chip_that_hangs_once,
    }
    tpm2 {
        it_keeps_the_contract,
        who_asks_the_chip_at_once_takes_turns,
        another_boot_gets_no_key,
        a_board_opens_its_store_with_its_chip_and_no_other,
        folders_of_those_who_were_killed_are_removed,
    }
    transit {
        it_keeps_the_contract,
        a_board_waits_for_the_server_that_has_its_key,
        a_key_that_was_rotated_there_wraps_anew,
        the_token_is_renewed,
    }
    typed {
        a_store_is_made_and_moved_from_seal_to_seal,
        init_for_programs,
        a_diagnosis_does_not_blame_what_only_the_unit_is_given,
        a_diagnosis_tries_the_seal,
        a_diagnosis_tries_the_seal_on_the_store,
    }
}

/// Where the tests of a client are; `environment` gets OpenBao by that.
fn folder(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}
