//! Sockets that the service manager holds, and hands to one server after the other.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::support::{TempDir, eventually, program};

/// A server on that socket, which it gets as systemd gives it: as descriptor 3.
fn start(socket: &TcpListener, home: &TempDir) -> Child {
    start_with(socket, home, "LISTEN_FDS=1")
}

/// The same with these variables, and whatever else is to be open.
fn start_with(socket: &TcpListener, home: &TempDir, more: &str) -> Child {
    let socket = OwnedFd::from(socket.try_clone().unwrap());
    let log = File::options().create(true).append(true).open(home.path().join("log"));
    Command::new("sh")
        .arg("-c")
        .arg(format!(
            "exec 3<&0 </dev/null; export LISTEN_PID=$$ {more}; exec \"$0\" server -config=\"$1\""
        ))
        .arg(program())
        .arg(home.path().join("edgekeep.hcl"))
        .env("TMPDIR", home.path())
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(log.unwrap())
        .spawn()
        .unwrap()
}

fn configure(home: &TempDir, address: &str) {
    let config = format!(
        "storage \"redb\" {{ path = \"{}\" }}\ndisable_mlock = true\n\
         listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n",
        home.path().join("data").display()
    );
    fs::write(home.path().join("edgekeep.hcl"), config).unwrap();
}

fn log(home: &TempDir) -> String {
    fs::read_to_string(home.path().join("log")).unwrap()
}

/// Asks for its health over a connection that is there some time before the request.
fn ask_slowly(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    thread::sleep(Duration::from_millis(10));
    stream.write_all(b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub fn no_request_is_lost_while_one_server_follows_another() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let home = TempDir::new();
    configure(&home, &address);
    let (end, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut server = start(&socket, &home);
    thread::scope(|scope| {
        let askers: Vec<_> = (0..8)
            .map(|_| {
                let (address, end, answered) = (&address, &end, &answered);
                scope.spawn(move || {
                    while !end.load(Ordering::Relaxed) {
                        let answer = ask_slowly(address).map_err(|error| error.to_string())?;
                        // A server that has no keys yet.
                        if !answer.starts_with("HTTP/1.1 501") {
                            return Err(format!("answered {answer:?}"));
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        // Whether all go on asking.
        let go_on = || {
            let enough = answered.load(Ordering::Relaxed) + 200;
            eventually("requests are answered", || {
                answered.load(Ordering::Relaxed) >= enough || askers.iter().any(|a| a.is_finished())
            });
            !askers.iter().any(|asker| asker.is_finished())
        };
        for _ in 0..5 {
            if !go_on() {
                break;
            }
            let id = Pid::from_raw(server.id().cast_signed()).unwrap();
            kill_process(id, Signal::TERM).unwrap();
            let _ = server.wait();
            server = start(&socket, &home);
        }
        go_on();
        end.store(true, Ordering::Relaxed);
        for asker in askers {
            assert_eq!(asker.join().unwrap(), Ok(()), "after {answered:?} requests");
        }
    });
    let _ = server.kill();
    let _ = server.wait();
}

pub fn what_cannot_be_listened_on_is_told() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let home = TempDir::new();
    configure(&home, &address);
    // One more that is no socket, and many that are not there.
    let mut server = start_with(&socket, &home, "LISTEN_FDS=30; exec 4</dev/null");
    let answer = ask_slowly(&address).unwrap();
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer:?}");
    let id = Pid::from_raw(server.id().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let ended = server.wait().unwrap();
    let log = log(&home);
    assert!(ended.success(), "{log}");
    assert!(log.contains(" sockets too many"), "{log}");
    let odd = "systemd hands over descriptor 4 (/dev/null), and nobody can listen on that";
    assert!(log.contains(odd), "{log}");
}

pub fn a_socket_of_another_address_on_the_port_is_named() {
    let socket = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let home = TempDir::new();
    configure(&home, &format!("127.0.0.1:{port}"));
    let ended = start_with(&socket, &home, "LISTEN_FDS=1").wait().unwrap();
    let log = log(&home);
    assert!(!ended.success(), "{log}");
    let what = format!("systemd hands over a socket on 0.0.0.0:{port}, which takes the port of");
    assert!(log.contains(&what), "{log}");
    assert!(log.contains(&format!("ListenStream=127.0.0.1:{port}")), "{log}");
}
