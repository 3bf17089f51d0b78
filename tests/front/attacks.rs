//! Peers that mean no good, or do none.

use super::*;

/// What this process has in memory, in KiB.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Only one test at a time measures, and it is alone while it does: it runs in a process of its
/// own, with what it is named as its only test.
pub fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os("EDGEKEEP_TEST_ALONE").is_some_and(|only| only == name) {
        edgekeep::base::process::give_back_freed_memory();
        return test();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("EDGEKEEP_TEST_ALONE", name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn settles(house: &House, before: u64) {
    house.is_honest();
    eventually("all are gone", || house.front().counters().open.get() == 0);
    let mut lowest = u64::MAX;
    eventually(&format!("memory is back at {before} kB"), || {
        // As the server does now and then.
        edgekeep::base::process::give_back_free_pages();
        lowest = lowest.min(memory());
        lowest <= before + 8 * 1024
    });
}

#[test]
fn tls_where_none_is_spoken_is_answered_at_once() {
    let house = House::new();
    for begin in [&b"\x16\x03\x01\x00\xee"[..], b"\x16", b"\0"] {
        let answer = house.say(begin);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{begin:?}: {answer}");
    }
    house.is_honest();
}

#[test]
fn two_thousand_that_never_speak() {
    alone("attacks::two_thousand_that_never_speak", || {
        let house = House::with(Limits { head: Duration::from_secs(8), ..limits() });
        house.is_honest();
        let before = memory();
        let silent: Vec<_> = (0..2000).map(|_| house.connect()).collect();
        eventually("all are accepted", || house.front().counters().open.get() >= 2000);
        let each = (memory().saturating_sub(before) * 1024) / 2000;
        assert!(each < 4096, "{each} bytes for a silent peer");
        house.is_honest();
        eventually("their time is up", || house.front().counters().timeouts.get() >= 2000);
        drop(silent);
        settles(&house, before);
    });
}

#[test]
fn more_than_it_bears_make_the_oldest_go() {
    let house = House::with(Limits { connections: 100, ..limits() });
    let mut kept = house.connect();
    kept.write_all(b"GET /v1/kept HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    one(&mut kept);
    let silent: Vec<_> = (0..500)
        .map(|n| {
            if n % 50 == 0 {
                house.is_honest();
            }
            house.connect()
        })
        .collect();
    eventually("all came in", || house.front().counters().accepted.get() >= 511);
    assert!(house.front().counters().open.get() <= 100);
    house.is_honest();
    kept.write_all(b"GET /v1/kept HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert!(one(&mut kept).contains("Get kept"), "who has spoken goes after who has not");
    drop(silent);
}

#[test]
fn heads_that_never_end() {
    let house = House::with(Limits { head: Duration::from_secs(4), ..limits() });
    let mut slow: Vec<_> = (0..50).map(|_| house.connect()).collect();
    let started = Instant::now();
    while house.front().counters().timeouts.get() < 50 {
        assert!(started.elapsed() < LONG);
        for stream in &mut slow {
            // It fails once its time is up.
            let _ = stream.write_all(b"X");
        }
        house.is_honest();
    }
    let endless = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "y".repeat(70_000));
    let answer = house.say(endless.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let lines: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = house.say(format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "y".repeat(60_000);
    let answer = house.say(
        format!("GET /v1/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: {long}\r\n\r\n")
            .as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    house.is_honest();
}

#[test]
fn bodies_that_never_come() {
    let house = House::with(Limits { read_stall: Duration::from_millis(600), ..limits() });
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = house.connect();
            let head = b"POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\nabc";
            stream.write_all(head).unwrap();
            stream
        })
        .collect();
    house.is_honest();
    eventually("their time is up", || house.front().counters().timeouts.get() >= 20);
    drop(slow);
    house.is_honest();
}

#[test]
fn resets_in_the_middle() {
    alone("attacks::resets_in_the_middle", || {
        let house = House::new();
        house.is_honest();
        let before = memory();
        let requests: [&[u8]; 6] = [
            b"GET /v1/x HT",
            b"POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\nabc",
            b"GET /v1/large/9000000 HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /v1/stream/90000000 HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"POST /v1/sys/storage/raft/snapshot HTTP/1.1\r\nHost: h\r\nX-Vault-Token: t\r\n\
              Content-Length: 9000000\r\n\r\nabc",
        ];
        for round in 0..120 {
            let mut stream = house.connect();
            stream.write_all(requests[round % 6]).unwrap();
            if round % 4 == 0 {
                house.is_honest();
            }
            let now = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(&stream, now).unwrap();
            drop(stream);
        }
        settles(&house, before);
    });
}

#[test]
fn nothing_can_be_smuggled() {
    let house = House::new();
    let lengths = [
        "",
        "5",
        "-1",
        "+5",
        "5, 5",
        "05",
        "0x5",
        "5 5",
        " ",
        "1e1",
        "\u{665}",
        "5;",
        "99999999999999999999",
        "100000000000000",
    ];
    let codings = [
        "",
        "chunked",
        "Chunked",
        "identity",
        "gzip, chunked",
        "chunked, chunked",
        "xchunked",
        " chunked",
        "\x0bchunked",
        "chunked\t",
        "chunked;q=1",
    ];
    let names = [
        "Transfer-Encoding",
        "transfer-encoding ",
        " Transfer-Encoding",
        "Transfer_Encoding",
        "Transfer-Encoding\0",
    ];
    let mut tried = 0;
    for first in lengths {
        for second in ["", "5", "6"] {
            for coding in codings {
                for name in if coding.is_empty() { &names[..1] } else { &names[..] } {
                    let mut head = String::from("POST /v1/front HTTP/1.1\r\nHost: h\r\n");
                    for length in [first, second].iter().filter(|text| !text.is_empty()) {
                        head += &format!("Content-Length: {length}\r\n");
                    }
                    if !coding.is_empty() {
                        head += &format!("{name}: {coding}\r\n");
                    }
                    let hidden = "GET /v1/hidden HTTP/1.1\r\nHost: h\r\n\r\n";
                    let chunks = format!("0\r\n\r\n{hidden}");
                    let mut stream = house.connect();
                    let _ = stream.write_all(format!("{head}\r\n{chunks}").as_bytes());
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    let answer = rest(&mut stream);
                    let plain = *name == names[0]
                        && matches!(coding, "chunked" | "Chunked" | " chunked" | "chunked\t");
                    let absent =
                        coding.is_empty() || *name == names[3] && !coding.starts_with('\x0b');
                    let five = matches!(first, "5" | "05") && matches!(second, "" | "5")
                        || first.is_empty() && second == "5";
                    let none = first.is_empty() && second.is_empty();
                    match (plain, absent) {
                        // Two requests, and nobody could read them in another way.
                        (true, _) if none => assert!(answer.contains("hidden"), "{head}{answer}"),
                        (_, true) if five => assert!(answer.contains("hidden"), "{head}{answer}"),
                        // No body at all: what follows is no request.
                        (_, true) if none => assert!(!answer.contains("hidden"), "{head}{answer}"),
                        (_, true) if second.is_empty() && first == "100000000000000" => {
                            assert!(answer.starts_with("HTTP/1.1 413 "), "{head}{answer}");
                        }
                        (_, true) if first.is_empty() && second == "6" => {
                            assert!(!answer.contains("hidden"), "{head}{answer}");
                        }
                        _ => {
                            assert!(
                                answer.starts_with("HTTP/1.1 4")
                                    || answer.starts_with("HTTP/1.1 501 "),
                                "{head}{answer}"
                            );
                            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head}{answer}");
                        }
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    house.is_honest();
}

#[test]
fn no_client_names_another_connection() {
    let house = House::new();
    let answer = house.say(
        b"GET /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
          x-edgekeep-connection: 00000000000000000000000000000000\r\n\
          X-Forwarded-For: 1.2.3.4\r\n\r\n",
    );
    assert!(answer.contains("Get x ") && !answer.contains("x-edgekeep"), "{answer}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let house = House::new();
    let mut stream = house.connect();
    let mut all = String::from("\r\n");
    for n in 0..200 {
        let verb = if n % 3 == 0 { "POST" } else { "GET" };
        let body = if n % 3 == 0 { "Content-Length: 4\r\n\r\nbody" } else { "\r\n" };
        all += &format!("{verb} /v1/n{n} HTTP/1.1\r\nHost: h\r\n{body}");
    }
    stream.write_all(all.as_bytes()).unwrap();
    for n in 0..200 {
        let answer = one(&mut stream);
        assert!(answer.contains(&format!(" n{n} [")), "{n}: {answer}");
    }
    house.is_honest();
}

#[test]
fn who_pipelines_and_reads_nothing_fills_no_memory() {
    alone("attacks::who_pipelines_and_reads_nothing_fills_no_memory", || {
        let house = House::new();
        house.is_honest();
        let before = memory();
        let mut stream = house.connect();
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let request = "GET /v1/large/100000 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
        while stream.write_all(request.as_bytes()).is_ok() {}
        assert!(memory() < before + 8 * 1024);
        drop(stream);
        settles(&house, before);
    });
}

#[test]
fn streams_that_nobody_reads_fill_no_memory() {
    alone("attacks::streams_that_nobody_reads_fill_no_memory", || {
        let house =
            House::with(Limits { write_stall: Duration::from_secs(2), workers: 8, ..limits() });
        let get = "HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let short = house.say(format!("GET /v1/stream/9 {get}").as_bytes());
        assert!(short.ends_with("sssssssss") && !short.contains("edgekeep"), "{short}");
        let before = memory();
        let stuck: Vec<_> = (0..3)
            .map(|_| {
                let mut stream = house.connect();
                stream.write_all(b"GET /v1/stream/30000000 HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
                stream
            })
            .collect();
        let mut most = 0;
        eventually("all are given up", || {
            most = most.max(memory());
            house.front().counters().timeouts.get() == 3
        });
        assert!(most < before + 8 * 1024, "{before} kB before, {most} kB at most");
        drop(stuck);
        settles(&house, before);
    });
}

#[test]
fn upgrades_and_other_protocols() {
    let house = House::new();
    let answer = house.say(
        b"GET /v1/up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
          Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("upgrade"), "{answer}");
    let answer = house.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
    let mut junk: Vec<u8> =
        (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    junk[..6].copy_from_slice(b"\x16\x03\x01\x02\x00\x01");
    let answer = house.say(&junk);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let answer = house.say(b"GET /v1/a HTTP/1.1\r\n\r\n");
    assert!(answer.ends_with("400 Bad Request: missing required Host header"), "{answer}");
    let answer = house.say(b"GET /v1/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert!(answer.ends_with("400 Bad Request: too many Host headers"), "{answer}");
    house.is_honest();
}

#[test]
fn http_1_0_and_keeping_alive() {
    let house = House::new();
    let answer = house.say(b"GET /v1/old HTTP/1.0\r\n\r\n");
    assert!(answer.contains("Get old") && answer.contains("Connection: close"), "{answer}");
    let mut stream = house.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /v1/old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
        let answer = one(&mut stream);
        assert!(answer.contains("Connection: keep-alive\r\n"), "{answer}");
    }
    // Half a close is no reason not to answer.
    stream.write_all(b"GET /v1/last HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(rest(&mut stream).contains("Get last"));
}

#[test]
fn a_kept_connection_that_idles_is_closed() {
    let house = House::with(Limits { idle: Duration::from_millis(300), ..limits() });
    let mut stream = house.connect();
    stream.write_all(b"GET /v1/a HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    one(&mut stream);
    assert_eq!(rest(&mut stream), "");
    house.is_honest();
}

const ASK: &[u8] = b"GET /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";

/// A peer in the middle of an answer that is too large to wait for it anywhere.
fn busy(house: &House) -> TcpStream {
    let mut busy = house.connect();
    busy.write_all(b"GET /v1/stream/20000000 HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    busy.read_exact(&mut [0; 12]).unwrap();
    busy
}

/// All that still comes on a connection that is closed in order.
fn to_the_end(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn stopping_lets_end_what_runs() {
    let mut house = House::new();
    let mut idle = house.connect();
    idle.write_all(ASK).unwrap();
    one(&mut idle);
    let mut new = house.connect();
    let busy = busy(&house);
    eventually("all are accepted", || house.front().counters().accepted.get() == 3);
    let front = house.front.take().unwrap();
    let stopping = std::thread::spawn(move || front.stop());
    assert_eq!(to_the_end(idle), "", "who asks no more is sent away");
    assert!(TcpStream::connect(house.address).is_err());
    new.write_all(ASK).unwrap();
    let answer = to_the_end(new);
    assert!(answer.starts_with("HTTP/1.1 200 "), "who came just before is answered: {answer:?}");
    assert!(to_the_end(busy).len() > 20_000_000);
    stopping.join().unwrap();
}

#[test]
fn stopping_answers_once_more_who_was_answered_just_before() {
    let mut house = House::with(Limits { resting: 10 * LONG, ..limits() });
    let mut kept = house.connect();
    kept.write_all(ASK).unwrap();
    one(&mut kept);
    let front = house.front.take().unwrap();
    let stopping = std::thread::spawn(move || front.stop());
    eventually("nobody new is accepted", || TcpStream::connect(house.address).is_err());
    kept.write_all(ASK).unwrap();
    let answer = to_the_end(kept);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    assert!(answer.to_lowercase().contains("connection: close\r\n"), "{answer:?}");
    stopping.join().unwrap();
}

#[test]
fn stopping_waits_for_nobody_who_sends_blank_lines() {
    let mut house = House::with(Limits { drain: 10 * LONG, ..limits() });
    let mut kept = house.connect();
    kept.write_all(ASK).unwrap();
    one(&mut kept);
    let front = house.front.take().unwrap();
    let begun = Instant::now();
    let stopping = std::thread::spawn(move || front.stop());
    while kept.write_all(b"\r\n").is_ok() {
        assert!(begun.elapsed() < LONG / 2, "it is waited for as long as it likes");
        std::thread::sleep(Duration::from_millis(20));
    }
    stopping.join().unwrap();
}

#[test]
fn stopping_waits_for_nobody_who_never_asks() {
    let mut house = House::with(Limits { newcomers: Duration::from_millis(100), ..limits() });
    let silent = house.connect();
    let busy = busy(&house);
    eventually("both are accepted", || house.front().counters().accepted.get() == 2);
    let front = house.front.take().unwrap();
    let stopping = std::thread::spawn(move || front.stop());
    assert_eq!(to_the_end(silent), "");
    assert!(to_the_end(busy).len() > 20_000_000, "what runs is waited for all the same");
    stopping.join().unwrap();
}

/// The child of the next test: a front in few descriptors, that takes and frees others as told.
#[test]
fn a_house_with_few_descriptors() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::io::BufRead;
    if std::env::var_os("EDGEKEEP_TEST_DESCRIPTORS").is_none() {
        return;
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum: Some(200) }).unwrap();
    let house = House::new();
    println!("\nlistening {}", house.address);
    println!("\nin {}", house.folder.join("run").display());
    let mut taken = Vec::new();
    for line in std::io::stdin().lock().lines() {
        taken.clear();
        if let Some(free) = line.unwrap().strip_prefix("leave ") {
            while let Ok(file) = std::fs::File::open("/dev/null") {
                taken.push(file);
            }
            taken.truncate(taken.len() - free.parse::<usize>().unwrap());
        }
        println!("\ndone {}", house.front().counters().rebuilt.get());
    }
}

#[test]
fn descriptors_used_up() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "attacks::a_house_with_few_descriptors", "--nocapture"])
        .env("EDGEKEEP_TEST_DESCRIPTORS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut answer =
        |word: &str| lines.find_map(|line| line.strip_prefix(word).map(str::to_owned)).unwrap();
    let address: SocketAddr = answer("listening ").parse().unwrap();
    let run = PathBuf::from(answer("in "));
    let mut orders = child.stdin.take().unwrap();
    let mut order = |text: &str| {
        writeln!(orders, "{text}").unwrap();
        answer("done ").parse::<u64>().unwrap()
    };
    let house = House { front: None, address, folder: PathBuf::new() };
    let upload = |body: &[u8]| {
        let mut stream = house.connect();
        let head =
            b"POST /v1/sys/storage/raft/snapshot HTTP/1.1\r\nHost: h\r\nX-Vault-Token: t\r\n\
            Content-Length: 3\r\nConnection: close\r\n\r\n";
        // It may be refused before all is sent.
        let _ = stream.write_all(&[head, body].concat());
        stream
    };
    house.is_honest();
    // More than it has descriptors for: the oldest go.
    let silent: Vec<_> = (0..300).map(|_| house.connect()).collect();
    house.is_honest();
    // None left, or just enough to kill the inner server when a line is made.
    for free in 0..4 {
        order(&format!("leave {free}"));
        let uploads: Vec<_> = (0..3).map(|_| upload(b"abc")).collect();
        house.is_honest();
        order("free");
        for mut stream in uploads {
            rest(&mut stream);
        }
        for _ in 0..10 {
            house.is_honest();
        }
    }
    // It dies of what it cannot accept, or of a panic since it cannot double a descriptor, and what
    // it has accepted before is served all the same.
    let before = order("leave 0");
    let mut accepted = Vec::new();
    eventually("the inner server is dead", || match UnixStream::connect(inner_socket(&run)) {
        Ok(stream) => {
            accepted.push(stream);
            false
        }
        Err(_) => true,
    });
    order("free");
    drop(accepted);
    house.is_honest();
    assert!(rest(&mut upload(b"abc")).contains("whole 3 "));
    let rebuilt = || order("free") > before;
    eventually("there is another one", rebuilt);
    let mut on_its_line = upload(b"ab");
    house.is_honest();
    on_its_line.write_all(b"c").unwrap();
    assert!(rest(&mut on_its_line).contains("whole 3 "));
    house.is_honest();
    drop(silent);
    drop(orders);
    assert!(child.wait().unwrap().success());
}

/// The socket of the inner server that was built last.
fn inner_socket(run: &Path) -> PathBuf {
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let is_own = |folder: &PathBuf| folder.file_name().unwrap() != "socket";
    let own = entries(run).map(|entry| entry.path()).find(is_own).unwrap();
    let number = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_prefix("http-").unwrap().parse::<u64>().unwrap()
    };
    entries(&own).map(|entry| entry.path()).max_by_key(number).unwrap()
}
