//! The command line, as people and scripts meet it: the built program, its output, its exit codes.
//!
//! Most of that is data: `cases.rs` tells how it is written. What no such case can hold is in the
//! files beside it.

mod answers;
mod canned;
mod cases;
mod debug;
mod development;
mod diagnose;
mod environment;
mod every;
mod files;
mod foreign;
mod helper;
mod interrupted;
mod login;
mod pages;
mod secured;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod terminal;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::harness::{needs, needs_root, tests};
use support::{ROOT, TempDir, program};

tests! {
    answers {
        one_redirect_is_followed_and_the_token_goes_along,
        a_redirect_is_followed_once_and_to_no_user,
        a_success_that_is_none_is_no_success,
        what_is_too_large_is_said_to_be,
        a_download_that_does_not_move_ends,
        a_server_that_says_not_now_is_asked_again,
        a_field_in_a_pipe_ends_without_a_newline,
        a_snapshot_that_breaks_off_leaves_no_file,
        a_snapshot_goes_to_the_server_as_it_is,
        a_restored_store_is_sealed_where_the_server_says_so,
        a_target_is_named_that_a_server_may_wait_for,
        what_is_wanted_of_a_target_that_is_set_anew_is_not_waited_for,
        a_move_is_waited_for,
        a_unix_socket_is_spoken_to,
        what_is_kept_before_a_change_is_told,
    }
    cases {
        commands_without_a_server,
        commands_against_a_development_server,
        commands_against_a_new_server,
    }
    debug {
        a_bundle_holds_what_was_recorded_and_no_secret,
        what_the_token_may_not_ask_for_is_left_out,
        a_recording_ends_by_itself,
    }
    development {
        a_wrong_address_is_told_by_who_gave_it,
        a_home_that_takes_no_token_is_told_alone,
        a_folder_in_use_is_left_alone,
    }
    diagnose {
        a_store_is_seen_from_its_first_start_to_a_crash,
        a_server_that_does_not_answer_is_no_good_one,
        what_is_no_store_is_neither_waited_for_nor_begun_anew,
        a_page_that_makes_no_sense_is_told_in_one_line,
        a_store_that_was_cut_off_is_told_from_one_that_was_not_closed,
        a_store_that_was_closed_opens_and_a_broken_one_does_not,
        certificates_are_judged_by_their_dates_and_names,
        an_address_is_free_or_taken_by_somebody,
        a_server_that_wants_a_certificate_of_its_clients_is_known,
        where_no_file_can_be_made_no_store_is,
        small_limits_are_found,
        a_full_disk_and_a_store_in_memory_are_found,
        a_user_who_may_not_look_is_told_so,
        people_get_a_table,
        a_folder_that_hangs_is_told_and_holds_up_nothing_else,
        a_file_of_authorities_that_hangs_is_told,
        a_folder_of_the_store_that_hangs_is_told,
    }
    environment {
        a_redirect_may_be_left_alone,
        an_answer_that_does_not_come_is_not_waited_for,
        requests_keep_to_a_pace,
        a_pace_that_lets_nothing_through_is_told,
        headers_of_a_second_factor_are_sent,
        a_token_that_is_no_text_is_told,
        a_proxy_is_asked_for_a_tunnel,
        the_usual_proxy_is_not_for_this_machine,
    }
    every {
        each_has_its_cases,
        each_can_be_told_to_print_what_it_would_do,
        what_is_many_requests_is_not_printed_as_one,
        each_ends_quietly_when_nobody_reads_it,
        a_policy_tells_of_sudo_where_the_server_wants_it,
    }
    files {
        a_policy_keeps_its_mode_and_the_links_to_it,
        where_nothing_can_be_written_the_old_file_stays,
        who_may_not_write_a_file_puts_none_in_its_place,
        an_argument_that_is_no_text_is_refused,
    }
    foreign {
        an_answer_that_is_no_object_is_told,
        an_answer_that_says_nothing_of_what_was_asked_is_no_result,
        no_command_takes_it_for_a_result,
    }
    helper {
        it_keeps_a_token_for_each_server,
        what_never_ends_is_no_token,
        a_token_in_the_environment_needs_no_helper,
        no_core_is_dumped_of_who_knows_a_token,
        what_it_says_tells_no_token,
        a_configuration_that_names_none_is_told,
        a_development_server_gives_it_its_token,
    }
    interrupted {
        what_is_loaded_for_a_comparison_is_unloaded,
    }
    login {
        a_login_without_a_token_is_none,
        logins_at_once_do_not_disturb_each_other,
    }
    pages {
        the_reference_is_what_the_commands_say,
        each_page_of_the_manual_is_written,
        each_page_of_the_manual_is_good_roff for pages::JUDGES,
        a_shell_is_told_what_may_follow,
        bash_completes_by_its_variables,
        completion_is_put_into_the_files_of_shells_and_taken_out,
    }
    secured {
        a_certificate_may_be_its_own_authority,
        a_server_may_ask_who_the_client_is,
        what_speaks_no_tls_is_told_apart,
        the_file_at_fault_is_named,
    }
    streams {
        a_monitor_ends_quietly_when_it_is_interrupted,
        a_monitor_ends_quietly_when_nobody_reads_it,
        a_monitor_says_when_the_server_ends_the_stream,
        a_reader_that_goes_away_ends_the_command_quietly,
        a_result_that_cannot_be_printed_is_no_success,
        a_closed_stdin_is_no_empty_value,
    }
    terminal {
        errors_are_red_and_warnings_yellow,
        what_is_waited_for_is_said_and_taken_back,
        who_is_at_a_terminal_reads_no_roff,
        what_steers_a_terminal_is_not_sent_to_it,
    }
}

/// A command of the built program in a folder that is its home.
fn edgekeep(home: &TempDir, address: &str, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .env_clear()
        .env("HOME", home.path())
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", ROOT)
        .env("VAULT_MAX_RETRIES", "0")
        .current_dir(home.path())
        .stdin(Stdio::null());
    command
}

/// The user to whom nothing belongs.
const NO_USER: u32 = 65534;

/// A command as that user runs it, where somebody else can run the program.
fn of_nobody(mut command: Command) -> Command {
    needs_root("to become somebody else");
    let mut folders = Path::new(program()).ancestors().skip(1);
    let can_go = folders.all(|at| fs::metadata(at).is_ok_and(|meta| meta.mode() & 1 != 0));
    let why = "nobody else may look into the folder of the program";
    needs("another user", can_go.then_some(()).ok_or(why));
    command.uid(NO_USER);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
