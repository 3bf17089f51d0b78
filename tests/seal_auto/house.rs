//! A folder with a store in it, a stick with keys, and servers of it one after the other.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{Client, Reply};
use crate::support::{Server, TempDir, data, eventually, free_address, program};

pub struct House {
    pub folder: TempDir,
}

impl House {
    pub fn new() -> Self {
        let house = Self { folder: TempDir::new() };
        fs::create_dir(house.path("stick")).unwrap();
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a key on the stick.
    pub fn put_key(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("stick").join(name), bytes).unwrap();
    }

    pub fn pull_key(&self, name: &str) {
        fs::remove_file(self.path("stick").join(name)).unwrap();
    }

    /// What a configuration says of a key that is on the stick: `current_key...` of its name.
    pub fn key(&self, which: &str, name: &str) -> String {
        let file = self.path("stick").join(name);
        format!("{which}_key_id = {name:?}\n {which}_key = \"file://{}\"\n", file.display())
    }

    /// `seal "static"` with the key of that name.
    pub fn stick(&self, name: &str) -> String {
        format!("seal \"static\" {{\n {}}}\n", self.key("current", name))
    }

    /// A server with these seals in its configuration.
    pub fn serve(&self, seals: &str) -> Server {
        let address = free_address();
        self.configure(seals, &address);
        let file = self.path("edgekeep.hcl");
        Server::start(&["server", "-config", file.to_str().unwrap()], address)
    }

    pub fn configure(&self, seals: &str, address: &str) {
        let store = self.path("store");
        let config = format!(
            "disable_mlock = true\n{seals}\
             listener \"tcp\" {{ address = \"{address}\" tls_disable = true }}\n\
             storage \"redb\" {{ path = {store:?} }}\n"
        );
        fs::write(self.path("edgekeep.hcl"), config).unwrap();
    }

    /// The program, run to its end; what it printed on both streams, and its exit code.
    pub fn run(&self, args: &[&str]) -> (String, Option<i32>) {
        let output = self.output(args, &[]);
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.code())
    }

    pub fn output(&self, args: &[&str], environment: &[(&str, &str)]) -> Output {
        Command::new(program())
            .args(args)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .envs(environment.iter().copied())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

/// What an init answered.
pub struct Keys {
    pub shares: Vec<String>,
    pub root: String,
}

/// Makes a store under an automatic seal.
pub fn init(client: &Client, shares: u8, threshold: u8) -> Keys {
    let body = json!({ "recovery_shares": shares, "recovery_threshold": threshold });
    let answer = ok(client.post("sys/init", body));
    assert_eq!((&answer["keys"], &answer["keys_base64"]), (&json!([]), &json!([])));
    assert_eq!(answer["recovery_keys"].as_array().unwrap().len(), usize::from(shares));
    let root = answer["root_token"].as_str().unwrap().to_owned();
    Keys { shares: texts(&answer["recovery_keys_base64"]), root }
}

/// The same under the seal by people.
pub fn init_by_people(client: &Client, shares: u8, threshold: u8) -> Keys {
    let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
    let answer = ok(client.post("sys/init", body));
    let root = answer["root_token"].as_str().unwrap().to_owned();
    Keys { shares: texts(&answer["keys_base64"]), root }
}

pub fn ok(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

pub fn refused(reply: Reply, status: u16, text: &str) {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.body));
    let errors = reply.json()["errors"].to_string();
    assert!(errors.contains(text), "{errors}");
}

pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

pub fn give(client: &Client, share: &str) -> Reply {
    client.post("sys/unseal", json!({ "key": share }))
}

pub fn give_to_migrate(client: &Client, share: &str) -> Reply {
    client.post("sys/unseal", json!({ "key": share, "migrate": true }))
}

pub fn status(client: &Client) -> Value {
    ok(client.get("sys/seal-status"))
}

pub fn is_sealed(client: &Client) -> bool {
    status(client)["sealed"].as_bool().unwrap()
}

/// Waits for a server that opens its store by itself.
pub fn opens(server: &Server) {
    let client = server.client();
    eventually("it opens its store by itself", || !is_sealed(&client));
}

/// Waits until the status tells why it does not.
pub fn waits(server: &Server, why: &str) {
    let client = server.client();
    eventually(&format!("it tells {why:?}: {}", status(&client)), || {
        let status = status(&client);
        status["sealed"] == true
            && status["degraded"].as_str().is_some_and(|told| told.contains(why))
    });
}

/// Looks on for as long as the seal would be tried twice.
pub fn stays_sealed(client: &Client) {
    let end = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < end {
        assert!(is_sealed(client), "it opened its store");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn write_secret(root: &Client, text: &str) {
    let mount = json!({ "type": "kv" });
    assert_eq!(root.post("sys/mounts/safe", mount).status, 204);
    assert_eq!(root.post("safe/it", json!({ "is": text })).status, 204);
}

pub fn secret(root: &Client) -> Value {
    data(&root.get("safe/it"))["is"].clone()
}
