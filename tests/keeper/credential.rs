//! A target's credential that the service manager gives.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::store::Store;
use super::support::{TempDir, data, eventually};

const PASSWORD: &str = "open sesame";

pub fn it_is_sent_as_it_was_given_and_missed_where_it_was_not() {
    let home = TempDir::new();
    fs::write(home.path().join("dav"), format!("{PASSWORD}\n")).unwrap();
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "snapshot \"dav\" {{\n  type = \"http\"\n  http_url = \"http://{}\"\n  http_username = \
         \"backup\"\n  http_password = \"systemd://dav\"\n  http_allow_plain = true\n  interval = \
         \"24h\"\n}}\n",
        place.local_addr().unwrap()
    );
    let (tell, told) = channel();
    // It goes on until the end of the test's process.
    thread::spawn(move || {
        for mut call in place.incoming().flatten() {
            for line in BufReader::new(&call).lines().map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
                if line.to_lowercase().starts_with("authorization: ") {
                    let _ = tell.send(line);
                }
            }
            let _ = call.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (store, server) = Store::configured(&home.path().join("data"), &more);
    let root = store.root(&server);
    let error = || data(&root.get("sys/snapshots/targets/dav"))["error"].to_string();
    eventually("it is missed", || error().contains("LoadCredential="));
    drop(server);
    let server = store.start_with(&[("CREDENTIALS_DIRECTORY", home.path())]);
    let sent = told.recv_timeout(Duration::from_secs(60)).expect("it is sent");
    let wanted = STANDARD.encode(format!("backup:{PASSWORD}"));
    assert_eq!(sent.split_once(": ").unwrap().1, format!("Basic {wanted}"));
    let root = store.root(&server);
    let shown = data(&root.get("sys/storage/raft/snapshot-auto/config/dav"));
    assert_eq!(shown["http_password"], "systemd://dav");
    assert!(!server.output().contains(PASSWORD), "{}", server.output());
}
