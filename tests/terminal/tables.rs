//! Tables of what was found, and the count of what is still looked at.

use std::fs;

use serde_json::json;

use crate::screen::Terminal;
use crate::slow::Slow;
use crate::support::{ROOT, Server, free_address};

pub fn a_diagnosis_is_a_table_with_its_remedies() {
    let terminal = Terminal::bash(80, "127.0.0.1:9");
    let address = free_address();
    let config = |storage: &str, address: &str| {
        let listener = format!("address = \"{address}\"\n  tls_disable = true");
        let text = format!("storage {storage}\nlistener \"tcp\" {{\n  {listener}\n}}\n");
        fs::write(terminal.home().join("x.hcl"), text).unwrap();
    };
    // What is found of the machine is another on the next one.
    terminal.runs("S='-skip=entropy -skip=memory -skip=descriptors'");
    terminal.runs("S=\"$S -skip=systemd -skip=space -skip=wear -skip=targets\"");
    let diagnose = "edgekeep operator diagnose -config=x.hcl $S";

    config("\"redb\" { path = \"data\" }", &address);
    terminal.begins(diagnose);
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 0, "{screen}");
    let begin = format!(
        "$ {diagnose}\n\
         Check           Status     Finding\n\
         -----           ------     -------\n\
         configuration   ok         x.hcl is right\n"
    );
    assert!(screen.starts_with(&begin), "{screen}");
    assert!(screen.contains("\nstorage         ok         data is made at the first start\n"));
    assert!(screen.ends_with("\n\nAll is well."), "{screen}");
    assert!(terminal.coloured().contains("\x1b[32mok"), "{}", terminal.coloured());

    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    config("\"redb\" { path = \"/proc/nope\" }", &everywhere);
    terminal.begins(diagnose);
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 1, "{screen}");
    let certificates = format!(
        "\
certificates    warn       {everywhere}: no TLS: whoever is on the way reads
                           every secret
                           Remedy: take tls_disable out, or let the listener
                           listen on 127.0.0.1 alone
listener        ok         {everywhere} is free
storage         fail       cannot create /proc/nope: /proc holds what the kernel
                           tells, and no files: name a folder on a disk
"
    );
    assert!(screen.contains(&certificates), "{screen}");
    assert!(screen.ends_with("\n\n1 fail, 1 warn."), "{screen}");
    assert!(terminal.coloured().contains("\x1b[31mfail"), "{}", terminal.coloured());
}

pub fn an_import_counts_and_then_tells_what_came() {
    let (from, to) = (Server::dev(), Server::dev());
    let root = from.root();
    for i in 0..6 {
        let path = format!("secret/data/{i}");
        let value = "x".repeat(1 << 20);
        assert_eq!(root.post(&path, json!({ "data": { "a": value } })).status, 200);
    }
    root.post("sys/policies/acl/app", json!({ "policy": "path \"secret/*\" {}" }));
    let slow = Slow::before(&from.address);
    let terminal = Terminal::bash(80, &to.address);
    terminal.runs(&format!("export EDGEKEEP_FROM_ADDR=http://{}", slow.address));
    terminal.runs(&format!("export EDGEKEEP_FROM_TOKEN={ROOT}"));
    slow.hold();
    terminal.begins("edgekeep import");
    let counting = terminal.wait_for(" things looked at");
    let counting = counting.trim_end().lines().last().unwrap();
    let count = counting.strip_prefix("Importing: ").unwrap().split(' ').next().unwrap();
    assert!(count.parse::<u32>().is_ok(), "{counting}");
    slow.release();
    let (screen, exit) = terminal.ended();
    assert_eq!(exit, 0, "{screen}");
    let told = format!(
        "\
$ edgekeep import
Kind              Came    Unchanged
----              ----    ---------
policy            1       1
secrets engine    0       1
kv settings       0       1
secret            6       0

Tokens, leases and cubbyholes never come: whoever used a token there logs in
here.
Success! Imported from http://{}",
        slow.address
    );
    assert_eq!(screen, told);
}
