//! The command line as a person sees it: on a terminal, with keys that are pressed.

mod completion;
mod screen;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use rustix::process::{Pid, Signal, kill_process};
use screen::Terminal;
use serde_json::json;
use slow::Slow;
use support::harness::tests;
use support::store::Store;
use support::{ROOT, Server, TempDir, data, eventually};

tests! {
    self {
        a_share_is_asked_for_and_not_shown,
        a_login_asks_for_what_is_secret,
        who_interrupts_a_question_gets_the_terminal_back,
        who_interrupts_the_question_of_a_restore_ends_it,
        whatever_ends_a_question_gives_the_terminal_back,
        a_question_that_breaks_off_leaves_stdout_empty,
        a_question_that_is_stopped_is_hidden_again_when_it_goes_on,
        a_bar_shows_how_far_a_snapshot_is,
        mistakes_are_red_where_colours_are_wanted,
    }
    completion {
        bash_completes,
        zsh_completes,
        fish_completes,
    }
    tables {
        a_diagnosis_is_a_table_with_its_remedies,
        an_import_counts_and_then_tells_what_came,
    }
}

/// A server that is sealed, and the one share that opens it.
fn sealed() -> (Server, String, String) {
    let server = Server::uninitialised();
    let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let made = server.client().post("sys/init", body).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (server, text(&made["keys_base64"][0]), text(&made["root_token"]))
}

fn a_share_is_asked_for_and_not_shown() {
    let (server, share, root) = sealed();
    let terminal = Terminal::bash(80, &server.address);
    terminal.begins("edgekeep operator unseal");
    terminal.wait_for("Unseal Key (will be hidden):");
    terminal.wait_until_hidden();
    terminal.types(&share);
    terminal.presses("Enter");
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 0, "{screen}");
    let begin = "$ edgekeep operator unseal\nUnseal Key (will be hidden):\n\
                 Key             Value\n---             -----\nSeal Type       shamir\n\
                 Initialized     true\nSealed          false\nTotal Shares    1\n";
    assert!(screen.starts_with(begin), "{screen}");
    assert!(!screen.contains(&share[..4]), "{screen}");

    terminal.runs(&format!("export VAULT_TOKEN={root}"));
    terminal.runs("edgekeep operator rekey -init -key-shares=1 -key-threshold=1");
    terminal.begins("edgekeep operator rekey");
    terminal.wait_for("Unseal Key (will be hidden):");
    terminal.wait_until_hidden();
    terminal.types(&share);
    terminal.presses("Enter");
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 0, "{screen}");
    assert!(screen.contains("\nKey 1: ") && !screen.contains(&share[..4]), "{screen}");
}

fn a_login_asks_for_what_is_secret() {
    let server = Server::dev();
    let terminal = Terminal::bash(80, &server.address);
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    root.post("auth/userpass/users/ann", json!({ "password": "hunter2" }));
    for (line, question, secret) in [
        ("edgekeep login", "Token (will be hidden):", ROOT),
        ("edgekeep login -method=userpass username=ann", "Password (will be hidden):", "hunter2"),
    ] {
        terminal.begins(line);
        terminal.wait_for(question);
        terminal.wait_until_hidden();
        terminal.types(secret);
        terminal.presses("Enter");
        let (screen, exit) = terminal.ended();
        assert_eq!(exit, 0, "{screen}");
        assert!(screen.contains("Success! You are now authenticated."), "{screen}");
        assert!(screen.contains(&format!("{question}\n")), "{screen}");
    }
}

fn who_interrupts_a_question_gets_the_terminal_back() {
    let (server, ..) = sealed();
    let terminal = Terminal::bash(80, &server.address);
    // A shell that does not put the terminal right by itself, as one that reads lines does.
    terminal.begins("sh -c 'trap : INT; edgekeep operator unseal; echo exit $?; stty -a'");
    terminal.wait_until_hidden();
    terminal.presses("C-c");
    let (screen, _) = terminal.ended();
    assert!(screen.contains("Unseal Key (will be hidden):\nexit 130\n"), "{screen}");
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
}

fn who_interrupts_the_question_of_a_restore_ends_it() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let target = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  interval = \"24h\"\n  \
         path_prefix = \"{}\"\n}}\n",
        disk.display()
    );
    let (store, server) = Store::configured(&home.path().join("data"), &target);
    let stands = || data(&store.root(&server).get("sys/snapshots/targets/disk"));
    eventually("there is a snapshot", || stands()["last_good"].is_object());
    let terminal = Terminal::bash(100, &server.address);
    let (disk, into) = (disk.display(), home.path().join("new"));
    let line = format!("edgekeep restore -target={disk} -into={} -include", into.display());
    std::fs::write(terminal.home().join("asks"), format!("{line}\necho exit $?; stty -a\n"))
        .unwrap();
    terminal.begins("sh -c 'trap : INT; . ./asks'");
    terminal.wait_until_hidden();
    terminal.presses("C-c");
    let (screen, _) = terminal.ended();
    assert!(screen.contains("exit 130\n"), "{screen}");
    assert!(!into.exists(), "it is asked before anything is made");
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
}

fn whatever_ends_a_question_gives_the_terminal_back() {
    let (server, ..) = sealed();
    let terminal = Terminal::bash(80, &server.address);
    let script = "sh -c 'echo $$ >asking; exec edgekeep operator unseal'\necho exit $?; stty -a\n";
    std::fs::write(terminal.home().join("asks"), script).unwrap();
    for signal in [Signal::USR1, Signal::USR2, Signal::ALARM, Signal::TERM] {
        terminal.begins("sh asks");
        terminal.wait_until_hidden();
        let id = std::fs::read_to_string(terminal.home().join("asking")).unwrap();
        kill_process(Pid::from_raw(id.trim().parse().unwrap()).unwrap(), signal).unwrap();
        let (screen, _) = terminal.ended();
        assert!(screen.contains(&format!("exit {}\n", 128 + signal.as_raw())), "{screen}");
        assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
    }
}

fn a_question_that_breaks_off_leaves_stdout_empty() {
    let server = Server::dev();
    let terminal = Terminal::bash(100, &server.address);
    let login = "edgekeep login -method=userpass username=ann";
    terminal.begins(&format!("sh -c 'trap : INT; {login} >said; wc -c said'"));
    terminal.wait_until_hidden();
    terminal.presses("C-c");
    let (screen, _) = terminal.ended();
    assert!(screen.trim_end().ends_with("Password (will be hidden):\n0 said"), "{screen}");
}

fn a_question_that_is_stopped_is_hidden_again_when_it_goes_on() {
    let (server, share, _) = sealed();
    let terminal = Terminal::bash(80, &server.address);
    terminal.begins("edgekeep operator unseal");
    terminal.wait_until_hidden();
    terminal.presses("C-z");
    terminal.wait_for("Stopped");
    terminal.ended();
    terminal.begins("fg");
    terminal.wait_until_hidden();
    terminal.types(&share);
    terminal.presses("Enter");
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 0, "{screen}");
    assert!(screen.contains("Sealed          false"), "{screen}");
    assert!(!screen.contains(&share[..4]), "{screen}");
}

fn a_bar_shows_how_far_a_snapshot_is() {
    let server = Server::dev();
    for i in 0..12 {
        let value = "x".repeat(1 << 20);
        let path = format!("secret/data/{i}");
        assert_eq!(server.root().post(&path, json!({ "data": { "a": value } })).status, 200);
    }
    let slow = Slow::before(&server.address);
    let terminal = Terminal::bash(80, &slow.address);
    let half_way = |line: &str, columns: u32| {
        terminal.is_wide(columns);
        slow.hold();
        terminal.begins(line);
        let screen = terminal.wait_for("##.");
        slow.release();
        let (done, exit) = terminal.ended();
        assert_eq!(exit, 0, "{done}");
        let bars = screen.lines().filter(|line| line.contains("##.")).collect::<Vec<_>>();
        (bars.join("\n"), done)
    };
    let (bar, done) = half_way("edgekeep snapshot save a.snap", 80);
    assert!(bar.starts_with("Saving [##") && bar.ends_with(" of 12.0 MiB"), "{bar}");
    assert!(done.starts_with("$ edgekeep snapshot save a.snap\nSuccess! Saved "), "{done}");

    let (bar, done) = half_way("edgekeep snapshot restore a.snap", 80);
    assert!(bar.contains(" [#") && bar.ends_with(" of 12.0 MiB"), "{bar}");
    assert!(done.ends_with("\nSuccess! Restored the snapshot"), "{done}");

    // A bar that is drawn again and again stays one line.
    let (bar, done) = half_way("edgekeep snapshot save a.snap", 40);
    assert!(bar.len() < 40 && bar.ends_with(" of 12.0 MiB"), "{bar}");
    assert!(done.starts_with("$ edgekeep snapshot save a.snap\nSuccess! Saved "), "{done}");
}

fn mistakes_are_red_where_colours_are_wanted() {
    let terminal = Terminal::bash(80, "127.0.0.1:9");
    terminal.runs("edgekeep kv get");
    let red = "\x1b[31mNot enough arguments (expected 1, got 0)";
    assert!(terminal.coloured().contains(red), "{}", terminal.coloured());
    terminal.runs("NO_COLOR=1 edgekeep kv get");
    assert!(!terminal.coloured().contains("\x1b[31m"), "{}", terminal.coloured());
    // A pipe is nobody who sees colours.
    terminal.runs("edgekeep kv get 2>&1 | cat");
    assert!(!terminal.coloured().contains("\x1b[31m"), "{}", terminal.coloured());
}
