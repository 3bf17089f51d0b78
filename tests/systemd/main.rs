//! The server as a service: what it tells the service manager, the sockets that it is handed, and
//! the units and the configuration that it comes with. `boot` beside this file runs it under a real
//! systemd.

#[path = "../support/mod.rs"]
mod support;

mod activation;
mod example;
mod manager;
mod notify;
mod units;

use support::harness::tests;

tests! {
    activation {
        no_request_is_lost_while_one_server_follows_another,
        what_cannot_be_listened_on_is_told,
        a_socket_of_another_address_on_the_port_is_named,
    }
    example {
        it_is_right_as_it_is,
        it_is_right_with_all_that_it_offers,
        it_has_every_key,
    }
    notify {
        it_is_told_each_state,
        it_is_told_what_a_sealed_store_waits_for,
        a_reload_has_a_begin_and_an_end,
        a_reload_tells_what_it_does_not_take,
        a_manager_at_an_abstract_name_is_told,
        a_stop_is_heard_while_the_store_is_checked,
        a_store_that_was_not_closed_is_checked_with_patience,
        a_standby_says_what_it_follows,
        a_server_that_stands_still_does_not_say_that_it_is_well,
        a_server_whose_writer_hangs_does_not_say_that_it_is_well,
        a_server_under_load_says_that_it_is_well,
        a_line_for_the_journal_says_its_level,
    }
    units {
        the_services_are_hardly_exposed,
        the_units_are_what_systemd_understands,
        the_installation_is_whole,
    }
}
