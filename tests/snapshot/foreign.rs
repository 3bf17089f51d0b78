//! Snapshots of another program's server: kept as they come, complete or absent.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::support::{Server, TempDir, program};

/// A server that tells no length and gives `body` in one chunk; then the end, or none.
fn save_from(body: &[u8], whole: bool, folder: &TempDir) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
            let end: &[u8] = if whole { b"0\r\n\r\n" } else { b"" };
            // Who has seen enough may be gone.
            let _ = stream.write_all(&[head.as_bytes(), &chunk, end].concat());
        });
        Command::new(program())
            .args(["operator", "raft", "snapshot", "save", "a.snap"])
            .env_clear()
            .envs([("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "x")])
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    })
}

/// A tar archive of HashiCorp's form in a gzip that compresses.
fn foreign() -> Vec<u8> {
    let folder = TempDir::new();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    let content: Vec<u8> = (0..3000_u32).map(|n| (n * n / 7) as u8).collect();
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "meta.json", &content[..]).unwrap();
    fs::write(folder.path().join("a.tar"), archive.into_inner().unwrap()).unwrap();
    let packed = Command::new("gzip").args(["-c", "a.tar"]).current_dir(folder.path()).output();
    packed.unwrap().stdout
}

pub fn one_that_another_program_has_made_is_kept_as_it_comes_or_not_at_all() {
    let (file, folder) = (foreign(), TempDir::new());
    let name = folder.path().join("a.snap");
    let cut = save_from(&file, false, &folder);
    assert_eq!((cut.status.code(), name.exists()), (Some(2), false), "{cut:?}");
    let saved = save_from(&file, true, &folder);
    assert!(saved.status.success(), "{saved:?}");
    assert!(String::from_utf8_lossy(&saved.stdout).contains("unchecked"), "{saved:?}");
    assert_eq!(fs::read(&name).unwrap(), file);
}

pub fn one_of_ours_is_checked_though_nobody_tells_its_length() {
    let file = Server::dev().root().get("sys/storage/raft/snapshot").body;
    let folder = TempDir::new();
    let name = folder.path().join("a.snap");
    let mut changed = file.clone();
    changed[20] ^= 1;
    for broken in [&file[..file.len() / 2], &file[..100], &changed, b"", b"no snapshot"] {
        let refused = save_from(broken, true, &folder);
        assert_eq!((refused.status.code(), name.exists()), (Some(2), false), "{refused:?}");
    }
    let saved = save_from(&file, true, &folder);
    assert!(saved.status.success() && fs::read(&name).unwrap() == file, "{saved:?}");
}
