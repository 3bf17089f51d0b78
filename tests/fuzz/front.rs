//! What a peer without a token sends first: a request's head and its body's framing.

use edgekeep::server::gate::body::Body;
use edgekeep::server::gate::buffer::Buffer;
use edgekeep::server::gate::head::{self, Framing, Head};
use edgekeep::server::target::Target;

/// A head, and a body after it: neither has two readings.
pub fn read_head(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_target(text);
    }
    let Ok(Some(head)) = head::parse(bytes) else { return };
    let (own, rest) = bytes.split_at(head.length);
    assert_eq!(head::parse(&own[..own.len() - 1]), Ok(None), "without its last byte");
    read_forwarded(&head);
    read_body(head.framing, rest);
    assert_eq!(head::parse(own), Ok(Some(head)), "what follows does not matter");
}

/// What goes on says nothing of the body or the connection, and is read behind the gate as it was
/// read in it.
fn read_forwarded(head: &Head) {
    let text = std::str::from_utf8(&head.forward).expect("it is ASCII");
    let mut lines = text.strip_suffix("\r\n").expect("the last line is ended").split("\r\n");
    let raw = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a target");
    assert!(Target::parse(raw).is_ok(), "{raw}");
    let names: Vec<&str> = lines.map(|line| line.split(':').next().unwrap_or_default()).collect();
    for name in &names {
        assert!(*name != "content-length" && *name != "transfer-encoding", "{text}");
        assert!(*name != "connection" && *name != head::CONNECTION_ID, "{text}");
    }
    // HTTP/1.0 may leave out the host.
    if names.contains(&"host") {
        let again = head::parse(&[&head.forward[..], b"\r\n"].concat());
        let again = again.expect("it may pass").expect("it is whole");
        assert_eq!(again.forward, head.forward);
        assert_eq!(again.framing, Framing::Length(0));
        assert_eq!((again.bodiless, again.unbounded), (head.bodiless, head.unbounded));
    }
}

/// A body is the same, and ends in the same place, whatever pieces it comes in.
fn read_body(framing: Framing, bytes: &[u8]) {
    let whole = take_body(framing, bytes, bytes.len().max(1));
    // A line's length is bounded where a piece ends.
    if bytes.len() < 4096 {
        assert_eq!(whole, take_body(framing, bytes, 1));
        assert_eq!(whole, take_body(framing, bytes, 7));
    }
}

/// The content, whether it is all, and how many bytes follow it; none of a refused one.
fn take_body(framing: Framing, bytes: &[u8], piece: usize) -> Option<(Vec<u8>, bool, usize)> {
    let (mut input, mut output) = (Buffer::default(), Buffer::default());
    let mut body = Body::new(framing);
    for piece in bytes.chunks(piece) {
        input.append(piece);
        body.take(&mut input, &mut output, usize::MAX).ok()?;
    }
    Some((output.as_slice().to_vec(), body.is_whole(), input.len()))
}

/// A redirect leads to a clean path on this server, at once.
fn read_target(raw: &str) {
    let Ok(target) = Target::parse(raw) else { return };
    assert!(target.path.starts_with('/'));
    target.parameters();
    if let Some(location) = target.redirect() {
        let there = Target::parse(&location).expect("it leads somewhere");
        assert_eq!((there.redirect(), there.query), (None, target.query), "{location}");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
    }
}
