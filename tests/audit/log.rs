//! An audit device that is a file, and what is in it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::http::Client;

/// A file of entries.
pub struct Log(PathBuf);

impl Log {
    /// Enables a device at `name` that writes to `file`, with more options.
    pub fn enable(root: &Client, name: &str, file: &Path, options: Value) -> Self {
        let mut options = options;
        options["file_path"] = file.to_str().into();
        let body = json!({ "type": "file", "options": options });
        let reply = root.post(&format!("sys/audit/{name}"), body);
        assert_eq!(reply.status, 204, "{}", reply.json());
        Self(file.to_owned())
    }

    /// The file at that path, whoever wrote it.
    pub fn at(file: &Path) -> Self {
        Self(file.to_owned())
    }

    /// All of it.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    /// Its entries; each line has to be one.
    pub fn entries(&self) -> Vec<Value> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is cut short");
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
        };
        text.lines().map(read).collect()
    }

    /// The two entries of the only request to `path`.
    pub fn pair(&self, path: &str) -> (Value, Value) {
        let mut found = self.entries();
        found.retain(|entry| entry["request"]["path"] == path);
        let [request, response] = &found[..] else { panic!("not two entries: {found:#?}") };
        assert_eq!(request["type"], "request");
        assert_eq!(response["type"], "response");
        assert_eq!(request["request"]["id"], response["request"]["id"]);
        (request.clone(), response.clone())
    }
}

/// What stands for `text` in the entries of the device at `name`, as the server says.
pub fn hash(root: &Client, name: &str, text: &str) -> Value {
    let reply = root.post(&format!("sys/audit-hash/{name}"), json!({ "input": text }));
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["data"]["hash"].clone()
}

/// Tells the server that files were moved away.
pub fn hang_up(server: &Server) {
    kill_process(Pid::from_raw(server.id() as i32).unwrap(), Signal::HUP).unwrap();
}

/// The names in an object, in their order.
pub fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}
