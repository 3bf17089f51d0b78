//! The token of a login in the hands of a program.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use super::support::{NOBODY, Server, TempDir, free_address};
use super::{edgekeep, text};

/// Keeps a token for each server, and notes what it was asked.
const KEEPER: &str = "#!/bin/sh\n\
    kept=\"$HOME/kept-${VAULT_ADDR##*:}\"\n\
    echo \"$*\" >> \"$HOME/asked\"\n\
    case \"$1\" in\n\
    get) [ ! -f \"$kept\" ] || cat \"$kept\" ;;\n\
    store) cat > \"$kept\" ;;\n\
    erase) rm \"$kept\" ;;\n\
    esac\n";

/// A home whose token helper is a script of this text.
fn home_with(script: &str) -> TempDir {
    let home = TempDir::new();
    let folder = home.path().display();
    fs::write(home.path().join("script"), script).unwrap();
    fs::write(home.path().join(".vault"), format!("token_helper = \"{folder}/helper\"\n")).unwrap();
    // A file that this process wrote may still be open in a child of another test.
    let made = Command::new("sh")
        .args(["-c", "cp script helper && chmod 700 helper"])
        .current_dir(home.path())
        .status();
    assert!(made.unwrap().success());
    home
}

fn run(home: &TempDir, address: &str, words: &[&str]) -> Output {
    let mut command = edgekeep(home, address, words);
    command.env("VAULT_TOKEN", "").output().unwrap()
}

fn printed(home: &TempDir, address: &str, words: &[&str]) -> String {
    let output = run(home, address, words);
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
    text(&output.stdout)
}

pub fn it_keeps_a_token_for_each_server() {
    let server = Server::dev();
    let address = format!("http://{}", server.address);
    let home = home_with(KEEPER);
    let word = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();

    // The address may come from an option: the helper is told all the same.
    let there = format!("-address={address}");
    printed(&home, "http://127.0.0.1:9", &["login", &there, "-no-print", "root"]);
    let kept = format!("kept-{}", server.address.rsplit(':').next().unwrap());
    assert_eq!((word("asked"), word(&kept)), ("store\n".into(), "root".into()));
    assert!(!home.path().join(".vault-token").exists());
    assert_eq!(printed(&home, &address, &["print", "token"]), "root\n");
    assert_eq!(printed(&home, "http://127.0.0.1:9", &["print", "token"]), "\n");

    let child = ["token", "create", "-policy=default", "-field=token"];
    let child = printed(&home, &address, &child);
    let mut login = edgekeep(&home, &address, &["login", "-no-print", "-"]);
    login.env("VAULT_TOKEN", "").stdin(Stdio::piped());
    let mut login = login.spawn().unwrap();
    login.stdin.take().unwrap().write_all(child.as_bytes()).unwrap();
    assert!(login.wait().unwrap().success());
    assert_eq!(word(&kept), child);

    // A token that is no more is not kept.
    printed(&home, &address, &["token", "revoke", "-self"]);
    assert!(!home.path().join(&kept).exists());
    assert_eq!(word("asked"), "store\nget\nget\nget\nstore\nget\nerase\n");
}

pub fn what_never_ends_is_no_token() {
    let home = home_with("#!/bin/sh\nexec yes\n");
    let told = run(&home, NOBODY, &["token", "lookup"]);
    assert!(text(&told.stderr).contains("get: what it prints: it is longer than 64 KiB"));
    let home = TempDir::new();
    std::os::unix::fs::symlink("/dev/zero", home.path().join(".vault-token")).unwrap();
    let told = run(&home, NOBODY, &["token", "lookup"]);
    assert!(text(&told.stderr).contains(".vault-token: it is longer than 64 KiB"));
}

pub fn a_token_in_the_environment_needs_no_helper() {
    let server = Server::dev();
    let home = home_with("#!/bin/sh\necho broken >&2; exit 3\n");
    let address = format!("http://{}", server.address);
    let with_token = edgekeep(&home, &address, &["token", "lookup"]).output().unwrap();
    assert_eq!(text(&with_token.stderr), "");
    let without = run(&home, &address, &["token", "lookup"]);
    let helper = home.path().join("helper");
    let wanted = format!("the token helper {} get: exit status: 3: broken\n", helper.display());
    assert_eq!((text(&without.stderr), without.status.code()), (wanted, Some(2)));
}

pub fn no_core_is_dumped_of_who_knows_a_token() {
    let home = home_with("#!/bin/sh\necho \"$(ulimit -c) $(ulimit -H -c)\"\n");
    assert_eq!(printed(&home, NOBODY, &["print", "token"]), "0 0\n");
}

pub fn what_it_says_tells_no_token() {
    let server = Server::dev();
    let home = home_with("#!/bin/sh\necho \"no room for $(cat)\"; exit 1\n");
    let address = format!("http://{}", server.address);
    let output = run(&home, &address, &["login", "root"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("helper store: exit status: 1: no room for ...\n"), "{said}");
    assert!(said.contains("Authentication was successful"), "{said}");
    assert!(text(&output.stdout).contains("\ntoken                root\n"));
}

pub fn a_configuration_that_names_none_is_told() {
    let home = TempDir::new();
    let said = |config: &str| {
        fs::write(home.path().join(".vault"), config).unwrap();
        text(&run(&home, "http://127.0.0.1:9", &["print", "token"]).stderr)
    };
    assert_eq!(said("token_helper = \"\""), "");
    assert_eq!(said("# nothing\n"), "");
    for (config, why) in [
        ("token_helper = \"bin/helper\"", "token_helper on line 1 is no absolute path"),
        ("token_helper =", "At 1:14: a key without a value"),
        ("token_helper = 3", "token_helper on line 1 is no string"),
        ("\nanswer = 42", "invalid key \"answer\" on line 2"),
        ("$ANSIBLE_VAULT;1.1;AES256", "At 1:1: illegal char"),
    ] {
        let told = said(config);
        assert!(told.contains(&format!(".vault\": {why}; ensure that")), "{told}");
    }
    let told = said("token_helper = \"/nowhere/helper\"");
    assert!(told.starts_with("the token helper /nowhere/helper cannot be run: "), "{told}");
    let mut elsewhere = edgekeep(&home, "", &["print", "token"]);
    elsewhere.env("VAULT_TOKEN", "").env("VAULT_CONFIG_PATH", "/dev/null");
    assert_eq!(text(&elsewhere.output().unwrap().stdout), "\n");
}

pub fn a_development_server_gives_it_its_token() {
    let home = home_with(KEEPER);
    let address = free_address();
    let listen = format!("-dev-listen-address={address}");
    let words = ["server", "-dev", "-dev-root-token-id=dev-root", &listen];
    let mut server = edgekeep(&home, "", &words)
        .env("TMPDIR", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(server.stdout.take().unwrap());
    let is_ready = said.lines().any(|line| line.unwrap().starts_with("Root Token: "));
    server.kill().unwrap();
    server.wait().unwrap();
    let kept = home.path().join(format!("kept-{}", address.rsplit(':').next().unwrap()));
    assert_eq!((is_ready, fs::read_to_string(kept).unwrap().as_str()), (true, "dev-root"));
    assert!(!home.path().join(".vault-token").exists());
}
