//! The targets behind a network, each against the real server, which the test starts here: nginx
//! and Apache with dav, an S3 server, OpenSSH's sshd.
//! Where a program is missing its tests are ignored.

mod apache;
mod cut;
mod http;
#[path = "../support/peers/mod.rs"]
mod peers;
mod s3;
mod sftp;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod vanished;

use support::harness::tests;

tests! {
    apache {
        apache_keeps_the_contract,
        apache_is_cut_off,
        apache_refuses_strangers,
    }
    cut {
        a_web_server_keeps_what_was_cut_off_when_it_was_read,
        a_bucket_keeps_what_was_cut_off_when_it_was_read,
        a_host_keeps_what_was_cut_off_when_it_was_read,
        what_does_not_read_back_as_it_was_put_takes_no_room,
        a_newest_snapshot_that_a_web_server_does_not_give_after_a_restart_holds_up_nothing,
    }
    http {
        nginx_keeps_the_contract,
        nginx_is_cut_off,
        nginx_is_killed,
        what_an_earlier_process_left_is_removed,
        nginx_is_full,
        tls_is_spoken_and_judged,
        an_authority_that_is_exchanged_is_believed_at_once,
        a_connection_that_is_cut_says_nothing_of_tls,
        nobody_sends_a_password_without_tls_by_mistake,
        each_refusal_says_what_to_do,
    }
    s3 {
        a_bucket_keeps_the_contract,
        a_listing_has_as_many_pages_as_it_needs,
        a_bucket_is_cut_off,
        the_server_of_a_bucket_is_killed,
        uploads_that_an_earlier_process_began_are_given_up,
        a_bucket_is_full,
        a_bucket_behind_tls,
        each_refusal_says_what_to_do,
    }
    sftp {
        a_host_keeps_the_contract,
        a_host_is_cut_off,
        the_server_of_a_host_is_killed,
        a_host_is_full_or_read_only,
        what_an_earlier_process_left_is_removed,
        a_session_is_used_again_and_ends_when_nobody_uses_it,
        a_client_that_hangs_ends_with_the_server,
        each_refusal_says_what_to_do,
        a_host_that_offers_no_sftp_is_told,
        what_can_be_no_host_is_refused_at_once,
    }
    vanished {
        what_was_put_into_a_place_that_somebody_emptied_has_a_base_within_a_minute,
        what_went_to_the_place_where_a_disk_was_gone_is_told_as_a_gap,
    }
}
