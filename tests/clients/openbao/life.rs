//! What somebody does with a server from the first day on, by commands alone.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::PATIENCE;
use super::super::support::http::Client;
use super::{Cli, both};

/// The life of a server that is not initialised.
pub fn whole(cli: &mut Cli, server: &Client) {
    let (share, root) = open(cli, server);
    secrets(cli);
    kv_of_versions(cli);
    kv_without(cli);
    policies(cli);
    tokens(cli, &root);
    auth(cli, &root);
    leases(cli);
    snapshots(cli, server);
    seal(cli, server, &share);
}

/// Initialises and unseals it: the share and the root token.
fn open(cli: &mut Cli, server: &Client) -> (String, String) {
    status(cli, 2);
    let made = cli.json("operator init -key-shares=1 -key-threshold=1 -format=json");
    let text = |pointer| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let (share, root) = (text("/unseal_keys_b64/0"), text("/root_token"));
    cli.token(&root);
    unseal(cli, server, &share);
    (share, root)
}

fn unseal(cli: &Cli, server: &Client, share: &str) {
    cli.says(&format!("operator unseal {share}"), "Initialized");
    until("active", || server.get("sys/health").status == 200);
    status(cli, 0);
}

fn status(cli: &Cli, exit: i32) {
    let output = cli.run("status", "");
    assert_eq!(output.status.code(), Some(exit), "{}", both(&output));
}

fn secrets(cli: &Cli) {
    cli.all(&[
        "secrets enable -path=two -description=versions kv-v2",
        "secrets enable -path=one -version=1 kv",
        "secrets enable -path=gone kv",
        "secrets list",
        "secrets tune -default-lease-ttl=1h -description=none one",
        "secrets move gone moved",
        "secrets disable moved",
    ]);
    let mounts = cli.json("secrets list -detailed -format=json");
    assert_eq!(mounts["two/"]["options"]["version"], "2");
    assert_eq!(mounts["one/"]["config"]["default_lease_ttl"], 3600);
    assert_eq!(mounts["one/"]["description"], "none");
    assert!(mounts.get("moved/").is_none() && mounts.get("gone/").is_none(), "{mounts:#}");
    cli.refused("secrets enable -path=two kv");
}

fn kv_of_versions(cli: &Cli) {
    cli.says("kv put -mount=two app/db user=app password=first", "version");
    cli.all(&["kv put -mount=two -cas=1 app/db user=app password=second"]);
    cli.refused("kv put -mount=two -cas=1 app/db user=other");
    cli.all(&["kv patch -mount=two app/db user=ann", "kv get -mount=two app/db"]);
    cli.says("kv get -mount=two -field=user app/db", "ann");
    cli.says("kv get -field=password two/app/db", "second");
    let first = cli.text("kv get -mount=two -version=1 -format=json app/db", "/data/data/password");
    assert_eq!(first, "first");
    assert_eq!(cli.json("kv list -mount=two -format=json app"), serde_json::json!(["db"]));
    cli.all(&["kv metadata put -mount=two -max-versions=9 -custom-metadata=owner=ann app/db"]);
    cli.says("kv metadata get -mount=two app/db", "owner");
    cli.all(&["kv delete -mount=two -versions=1 app/db"]);
    let deleted = cli.json("kv get -mount=two -version=1 -format=json app/db");
    assert_eq!(deleted["data"]["data"], serde_json::Value::Null, "{deleted:#}");
    cli.all(&["kv undelete -mount=two -versions=1 app/db"]);
    cli.says("kv get -mount=two -version=1 -field=password app/db", "first");
    cli.all(&["kv destroy -mount=two -versions=1 app/db"]);
    cli.says("kv rollback -mount=two -version=2 app/db", "version");
    cli.says("kv get -mount=two -field=user app/db", "app");
    cli.says_of("kv put -mount=two stdin password=-", "from stdin", "version");
    cli.says("kv get -mount=two -field=password stdin", "from stdin");
    cli.all(&["kv metadata delete -mount=two app/db"]);
    cli.refused("kv get -mount=two app/db");
    let get = "kv get -mount=two -wrap-ttl=60s -format=json stdin";
    let wrapped = cli.text(get, "/wrap_info/token");
    cli.says(&format!("unwrap {wrapped}"), "from stdin");
    cli.refused(&format!("unwrap {wrapped}"));
}

fn kv_without(cli: &Cli) {
    cli.all(&["kv put -mount=one a/b c=d", "write one/a/e f=g", "kv list one/a", "list one/a"]);
    cli.says("kv get -field=c one/a/b", "d");
    cli.says("read -field=f one/a/e", "g");
    cli.all(&["kv delete one/a/b", "delete one/a/e"]);
    cli.refused("kv get one/a/b");
    cli.all(&["kv enable-versioning one"]);
    until("a kv with versions", || cli.run("kv put -mount=one x y=z", "").status.success());
    cli.says("kv metadata get -mount=one x", "max_versions");
}

fn policies(cli: &Cli) {
    let rules = "path \"two/data/*\" { capabilities = [\"read\"] }\n";
    cli.says_of("policy write app -", rules, "Success");
    std::fs::write(cli.home.path().join("other.hcl"), rules).unwrap();
    cli.all(&["policy fmt other.hcl", "policy write other other.hcl"]);
    cli.says("policy read app", rules);
    cli.says("policy list", "other\n");
    cli.all(&["policy delete other"]);
    cli.refused("policy read other");
}

fn tokens(cli: &mut Cli, root: &str) {
    cli.says("token lookup", "root");
    let made = cli.json("token create -policy=app -ttl=1h -display-name=x -format=json");
    let text = |pointer| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let (token, accessor) = (text("/auth/client_token"), text("/auth/accessor"));
    cli.says(&format!("token lookup -accessor {accessor}"), "token-x");
    cli.says(&format!("token lookup {token}"), "token-x");
    cli.says(&format!("token renew -increment=10m {token}"), "10m");
    cli.says(&format!("token capabilities {token} two/data/x"), "read");
    cli.token(&token);
    cli.says("kv get -mount=two -field=password stdin", "from stdin");
    cli.refused("kv put -mount=two stdin password=mine");
    cli.says("token renew", "10m");
    cli.says("token capabilities two/data/x", "read");
    cli.token(root);
    cli.all(&[&format!("token revoke {token}")]);
    cli.refused(&format!("token lookup {token}"));
    let batch = "token create -type=batch -policy=app -ttl=1h -field=token";
    cli.says(batch, "b.");
}

fn auth(cli: &mut Cli, root: &str) {
    cli.all(&[
        "auth enable -description=people userpass",
        "auth enable -path=machines approle",
        "auth tune -description=users userpass",
        "auth move auth/machines auth/boxes",
        "auth disable boxes",
    ]);
    let methods = cli.json("auth list -detailed -format=json");
    assert_eq!(methods["userpass/"]["description"], "users");
    assert!(methods.get("boxes/").is_none(), "{methods:#}");
    let user = "write auth/userpass/users/bob password=- token_policies=app token_ttl=1h";
    cli.says_of(user, "pw", "Success");
    cli.says("login -no-store -method=userpass username=bob password=pw", "app");
    cli.refused("login -no-store -method=userpass username=bob password=wrong");
    let login = "login -token-only -method=userpass username=bob password=pw";
    let token = both(&cli.run(login, ""));
    cli.token(token.trim());
    cli.says("token lookup", "auth/userpass/login/bob");
    cli.says("kv get -mount=two -field=password stdin", "from stdin");
    // What it keeps is found without being named.
    cli.env.retain(|(name, _)| *name != "VAULT_TOKEN");
    cli.says_of("login -method=userpass username=bob password=-", "pw", "app");
    cli.says("token lookup", "auth/userpass/login/bob");
    cli.all(&["token revoke -self"]);
    cli.refused("token lookup");
    cli.token(root);
    cli.says(&format!("login {root}"), "root");
}

/// The leases that there are without engines that make any: those of tokens.
fn leases(cli: &Cli) {
    let prefix = "auth/userpass/login/bob";
    let list = format!("list -format=json sys/leases/lookup/{prefix}");
    let id = cli.text(&list, "/0");
    cli.says(&format!("lease lookup {prefix}/{id}"), "expire_time");
    cli.all(&[&format!("lease revoke -sync {prefix}/{id}")]);
    cli.all(&[&format!("lease revoke -sync -prefix {prefix}")]);
    let output = cli.run(&list, "");
    assert!(!output.status.success(), "{}", both(&output));
    cli.refused(&format!("lease lookup {prefix}/{id}"));
}

fn snapshots(cli: &Cli, server: &Client) {
    cli.all(&["operator raft snapshot save a.snap", "kv put -mount=two later a=b"]);
    assert!(cli.home.path().join("a.snap").metadata().unwrap().len() > 0);
    cli.all(&["operator raft snapshot restore a.snap"]);
    until("restored", || {
        server.get("sys/health").status == 200
            && cli.run("kv get -mount=two later", "").status.code() == Some(2)
            && cli.run("kv get -mount=two stdin", "").status.success()
    });
}

fn seal(cli: &Cli, server: &Client, share: &str) {
    cli.all(&["operator key-status", "operator members", "operator seal"]);
    status(cli, 2);
    unseal(cli, server, share);
    cli.says("kv get -mount=two -field=password stdin", "from stdin");
}

/// Waits until something is.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "it is not {what}");
        sleep(Duration::from_millis(20));
    }
}
