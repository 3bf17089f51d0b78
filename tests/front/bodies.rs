//! Bodies of requests and of answers: their ends, their sizes, their speed.

use std::sync::atomic::AtomicBool;

use super::*;

fn post(house: &House, path: &str, headers: &str, body: &[u8]) -> String {
    let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
    house.say(&[head.as_bytes(), body].concat())
}

fn chunked(content: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in content.chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[test]
fn a_body_of_32_mib_passes_and_more_is_413() {
    let house = House::new();
    let most = vec![b'z'; 32 << 20];
    let digest = hex(&sha256(&most));
    let answer = post(&house, "/v1/big", &format!("Content-Length: {}\r\n", most.len()), &most);
    assert!(answer.contains(&format!("body={} {digest}", most.len())), "{answer}");
    house.is_honest();
    let answer = post(&house, "/v1/big", TE, &chunked(&most, 1 << 16));
    assert!(answer.contains(&format!("body={} {digest}", most.len())), "{answer}");
    house.is_honest();

    let more = vec![b'z'; 33 << 20];
    let declared = format!("Content-Length: {}\r\n", more.len());
    for (headers, body) in [(declared.as_str(), more.clone()), (TE, chunked(&more, 100_000))] {
        let answer = post(&house, "/v1/big", headers, &body);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{headers}: {answer}");
        assert!(answer.contains("{\"errors\":[\"error parsing JSON\"]}"), "{answer}");
        house.is_honest();
    }
    let answer = post(&house, "/v1/big", "Content-Length: 100000000000000\r\n", b"x");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    house.is_honest();
}

const TE: &str = "Transfer-Encoding: chunked\r\n";

#[test]
fn a_snapshot_streams_without_a_bound() {
    let house = House::new();
    let content: Vec<u8> = (0..40u32 << 20).map(|n| (n % 251) as u8).collect();
    let expected = format!("whole {} {}", content.len(), hex(&sha256(&content)));
    let path = "/v1/sys/storage/raft/snapshot";
    let length = format!("X-Vault-Token: t\r\nContent-Length: {}\r\n", content.len());
    let answer = post(&house, path, &length, &content);
    assert!(answer.contains(&expected), "{answer}");
    let te = format!("X-Vault-Token: t\r\n{TE}");
    let answer = post(&house, "/v1/sys/storage/raft/snapshot-force", &te, &chunked(&content, 9999));
    assert!(answer.contains(&expected), "{answer}");
    let answer = post(&house, path, "X-Vault-Token: t\r\nContent-Length: 0\r\n", b"");
    assert!(answer.contains("whole 0 "), "{answer}");
    // Each takes a line away; there must be others after it.
    for _ in 0..10 {
        let answer = post(&house, path, "X-Vault-Token: t\r\nContent-Length: 3\r\n", b"abc");
        assert!(answer.contains("whole 3 "), "{answer}");
    }
    house.is_honest();
}

#[test]
fn a_snapshot_that_is_refused_unread_closes_the_connection() {
    let house = House::new();
    for headers in [TE, "Content-Length: 100000000000000\r\n"] {
        let smuggled = b"500000\r\nGET /v1/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
        let path = "/v1/sys/storage/raft/snapshot";
        let mut body = smuggled.to_vec();
        body.resize(3 << 20, b'x');
        let answer = post(&house, path, headers, &body);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        house.is_honest();
    }
}

#[test]
fn a_body_cut_short_never_reads_as_whole() {
    let house = House::new();
    let before = house.front().counters().requests.get();
    for headers in ["Content-Length: 20\r\n", TE] {
        for body in ["5\r\nabc", "5\r\nabcde\r\n", "5\r\nabcde\r\n0\r\n"] {
            let mut stream = house.connect();
            let head = format!("POST /v1/cut HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}");
            stream.write_all(head.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let answer = rest(&mut stream);
            assert!(!answer.contains("200 OK"), "{headers}{body}: {answer}");
        }
    }
    assert_eq!(house.front().counters().requests.get(), before, "none was passed on");
    house.is_honest();

    for (headers, body) in [
        ("Content-Length: 10000000\r\n", "x".repeat(5_000_000)),
        (TE, format!("4c4b40\r\n{}\r\n", "x".repeat(5_000_000))),
        (TE, format!("4c4b41\r\n{}", "x".repeat(5_000_000))),
    ] {
        let cut = CUT.load(Ordering::SeqCst);
        let mut stream = house.connect();
        let path = "/v1/sys/storage/raft/snapshot";
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: t\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        drop(stream);
        eventually("the handler is told of the cut", || CUT.load(Ordering::SeqCst) > cut);
        house.is_honest();
    }
}

#[test]
fn a_malformed_chunk_is_refused() {
    let house = House::new();
    for body in ["x\r\n", "-1\r\n", "3\r\nabcdefgh", "ffffffffffffffffff\r\nabc"] {
        let answer = post(&house, "/v1/chunks", TE, body.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        house.is_honest();
    }
}

#[test]
fn bodies_that_find_no_room_are_503() {
    let house = House::with(Limits { held_bytes: 1 << 20, ..limits() });
    let answer = post(&house, "/v1/big", "Content-Length: 2000000\r\n", &vec![b'x'; 2_000_000]);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Retry-After: 2\r\n"), "{answer}");
    let answer = post(&house, "/v1/big", "Content-Length: 900000\r\n", &vec![b'x'; 900_000]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = post(&house, "/v1/big", "Content-Length: 900000\r\n", &vec![b'x'; 900_000]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "room is given back: {answer}");
}

#[test]
fn heads_and_small_bodies_take_room_too() {
    let house = House::with(Limits { held_bytes: 256 << 10, ..limits() });
    let head = format!("GET /v1/h HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(40 << 10));
    let body = "POST /v1/b HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n";
    for start in [head, format!("{body}{}", "x".repeat(40 << 10))] {
        let refused = house.front().counters().refused.get();
        let unfinished: Vec<_> = (0..20)
            .map(|_| {
                let mut stream = house.connect();
                // One that is refused may be gone before all is sent.
                let _ = stream.write_all(start.as_bytes());
                stream
            })
            .collect();
        let counters = house.front().counters();
        eventually("most find no room", || counters.refused.get() >= refused + 13);
        house.is_honest();
        drop(unfinished);
        eventually("all are gone", || counters.open.get() == 0);
    }
    let large = post(&house, "/v1/b", "Content-Length: 200000\r\n", &vec![b'x'; 200_000]);
    assert!(large.starts_with("HTTP/1.1 200 "), "room is given back: {large}");
}

#[test]
fn expect_100_continue_is_answered_before_the_body() {
    let house = House::new();
    let mut stream = house.connect();
    for _ in 0..2 {
        let head = "PUT /v1/e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n";
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        assert_eq!(one(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"abc").unwrap();
        let answer = one(&mut stream);
        assert!(answer.contains("Put e ") && answer.contains("body=3"), "{answer}");
    }
    let head = "Expect: 100-continue\r\nContent-Length: 99999999\r\n";
    let answer = post(&house, "/v1/e", head, b"");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let answer = post(&house, "/v1/e", "Expect: coffee\r\nContent-Length: 3\r\n", b"abc");
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    house.is_honest();
}

#[test]
fn large_answers_come_whole_however_slowly_they_are_read() {
    let house = House::new();
    for path in ["large/20000000", "stream/20000000"] {
        let mut slow = house.connect();
        let head = format!("GET /v1/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        slow.write_all(head.as_bytes()).unwrap();
        let mut buffer = vec![0; 100_000];
        let mut total = 0;
        for _ in 0..20 {
            total += slow.read(&mut buffer).unwrap();
            house.is_honest();
        }
        total += rest(&mut slow).len();
        assert!((20_000_000..20_001_000).contains(&total), "{path}: {total}");
    }
}

#[test]
fn slow_readers_of_large_answers_hold_no_worker() {
    let house = House::new();
    let slow: Vec<_> = (0..10)
        .map(|_| {
            let mut stream = house.connect();
            stream.write_all(b"GET /v1/large/6000000 HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            stream
        })
        .collect();
    house.is_honest();
    for mut stream in slow {
        assert!(one(&mut stream).ends_with(&format!("\r\n\r\n{}", "a".repeat(6_000_000))));
    }
}

#[test]
fn slow_readers_that_fill_the_room_give_way() {
    let house = House::new();
    let get = b"GET /v1/large/20000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let ask = |_| {
        let mut stream = house.connect();
        stream.write_all(get).unwrap();
        stream
    };
    let silent: Vec<_> = (0..14).map(ask).collect();
    let counters = house.front().counters();
    eventually("all but the workers' requests wait", || counters.requests.get() >= 8);
    let started = Instant::now();
    house.is_honest();
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());

    let mut dripping: Vec<_> = (0..14).map(ask).collect();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut drop = [0; 4 << 10];
            while !ended.load(Ordering::Relaxed) {
                for stream in &mut dripping {
                    // It fails once it is cut.
                    let _ = stream.read(&mut drop);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        house.is_honest();
        let taken = started.elapsed();
        let whole = house.say(get);
        ended.store(true, Ordering::Relaxed);
        assert!(taken < LONG, "{taken:?}");
        assert!(whole.ends_with(&format!("\r\n\r\n{}", "a".repeat(20_000_000))));
    });
    assert!(counters.crowding.get() >= 16, "{}", counters.crowding.get());
    drop(silent);
}

#[test]
fn senders_that_fill_the_room_and_stop_give_way() {
    let house = House::with(Limits { held_bytes: 8 << 20, ..limits() });
    let counters = house.front().counters();
    let post = |sent: usize| {
        let mut stream = house.connect();
        let head = "POST /v1/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
        let head = format!("{head}Content-Length: 2000000\r\n\r\n");
        // One that finds no room is answered before it has sent all.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![b'a'; sent]);
        stream
    };
    let stopped: Vec<_> = (0..6).map(|_| post(1_999_999)).collect();
    eventually("one is let in again", || {
        rest(&mut post(2_000_000)).starts_with("HTTP/1.1 200 OK\r\n")
    });
    assert!(counters.crowding.get() >= 1, "{}", counters.crowding.get());
    drop(stopped);
}

#[test]
fn who_follows_an_endless_answer_slowly_takes_no_worker_from_others() {
    let house = House::with(Limits {
        // What is longer does not wait in the gate.
        body_bytes: 1 << 20,
        ..limits()
    });
    let ask = |path: &str| {
        let mut stream = house.connect();
        let head = format!("GET /v1/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let following: Vec<_> = (0..3).map(|_| ask("endless")).collect();
    let counters = house.front().counters();
    eventually("they are answered", || counters.requests.get() == 3);
    let slow: Vec<_> = (0..3).map(|_| ask("large/30000000")).collect();
    eventually("of the others one is cut", || counters.crowding.get() > 0);
    house.is_honest();
    assert_eq!(counters.crowding.get(), 1);
    drop((following, slow));
}

#[test]
fn slow_readers_leave_half_of_the_workers_to_others() {
    let house = House::with(Limits {
        // What is longer does not wait in the gate.
        body_bytes: 1 << 20,
        ..limits()
    });
    let slow: Vec<_> = ["stream", "large", "stream", "large"]
        .iter()
        .map(|kind| {
            let mut stream = house.connect();
            let head = format!("GET /v1/{kind}/30000000 HTTP/1.1\r\nHost: h\r\n");
            stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
            stream
        })
        .collect();
    let counters = house.front().counters();
    eventually("all workers are taken", || counters.requests.get() == 4);
    for _ in 0..10 {
        house.is_honest();
    }
    eventually("two are cut", || counters.crowding.get() == 2);
    let is_whole = slow.into_iter().map(|mut stream| rest(&mut stream).len() > 30_000_000);
    assert_eq!(is_whole.collect::<Vec<_>>(), [true, false, true, false], "streams go last");
}

#[test]
fn who_reads_nothing_is_cut() {
    let house = House::with(Limits { write_stall: Duration::from_millis(600), ..limits() });
    let mut stuck: Vec<_> = ["large/30000000", "stream/90000000"]
        .iter()
        .map(|path| {
            let mut stream = house.connect();
            let head = format!("GET /v1/{path} HTTP/1.1\r\nHost: h\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    eventually("both are given up", || house.front().counters().timeouts.get() == 2);
    for stream in &mut stuck {
        assert!(rest(stream).len() < 30_000_000);
    }
    house.is_honest();
}

#[test]
fn a_stream_that_fails_in_the_middle_does_not_end_as_if_whole() {
    let house = House::new();
    for length in [10u64, 1000, 10_000_000] {
        let mut stream = house.connect();
        let head = format!("GET /v1/broken/{length} HTTP/1.1\r\nHost: h\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.matches('s').count() < length as usize, "{}", answer.len());
        house.is_honest();
    }
    eventually("all are counted", || house.front().counters().broken.get() == 3);
}
