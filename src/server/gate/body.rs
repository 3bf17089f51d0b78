//! A request's body as it arrives: its end is known exactly, or it is refused.

use super::buffer::Buffer;
use super::head::Framing;
use crate::server::refusal::Refusal;

/// Bytes of a chunk's size line, and of all trailers; nobody sends so many.
const MAX_LINE: usize = 4096;

/// A body of which some is still to come.
pub struct Body {
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Whole,
}

impl Body {
    /// A body of which nothing was read yet.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Whole,
            Framing::Length(length) => State::Plain(length),
            Framing::Chunked => State::ChunkSize,
        };
        Self { state }
    }

    /// Whether its end was reached.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Moves at most `most` bytes of content from `input` to `output` and tells how many they
    /// were. What follows the body stays in `input`.
    pub fn take(
        &mut self,
        input: &mut Buffer,
        output: &mut Buffer,
        most: usize,
    ) -> Result<usize, Refusal> {
        let mut moved = 0;
        loop {
            let waiting = input.as_slice();
            let (used, next) = match self.state {
                State::Plain(left) | State::Chunk(left) => {
                    let n = waiting.len().min(clamp(left)).min(most - moved);
                    output.append(&waiting[..n]);
                    moved += n;
                    (n, self.after_content(left - n as u64))
                }
                State::ChunkSize => match httparse::parse_chunk_size(waiting) {
                    Ok(httparse::Status::Complete((n, _))) if !is_size_line(&waiting[..n]) => {
                        return Err(Refusal::Malformed(""));
                    }
                    Ok(httparse::Status::Complete((n, 0))) => (n, State::Trailers),
                    Ok(httparse::Status::Complete((n, size))) => (n, State::Chunk(size)),
                    Ok(httparse::Status::Partial) if waiting.len() < MAX_LINE => (0, self.state),
                    _ => return Err(Refusal::Malformed("")),
                },
                State::ChunkEnd => match waiting {
                    [b'\r', b'\n', ..] => (2, State::ChunkSize),
                    [] | [b'\r'] => (0, self.state),
                    _ => return Err(Refusal::Malformed("")),
                },
                State::Trailers => {
                    match httparse::parse_headers(waiting, &mut [httparse::EMPTY_HEADER; 16]) {
                        Ok(httparse::Status::Complete((n, _))) => (n, State::Whole),
                        Ok(httparse::Status::Partial) if waiting.len() < MAX_LINE => {
                            (0, self.state)
                        }
                        _ => return Err(Refusal::Malformed("")),
                    }
                }
                State::Whole => return Ok(moved),
            };
            input.consume(used);
            if used == 0 && next == self.state {
                return Ok(moved);
            }
            self.state = next;
        }
    }

    fn after_content(&self, left: u64) -> State {
        match (self.state, left) {
            (State::Plain(_), 0) => State::Whole,
            (State::Plain(_), left) => State::Plain(left),
            (_, 0) => State::ChunkEnd,
            (_, left) => State::Chunk(left),
        }
    }
}

/// Whether others would read the line in one way too: httparse takes no digits at all for a 0, and
/// a line feed for a part of an extension.
fn is_size_line(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_hexdigit)
        && line.iter().filter(|byte| **byte == b'\n').count() == 1
}

/// As much of a length as fits the memory of this machine.
fn clamp(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dechunk(raw: &[u8], step: usize) -> Result<(Vec<u8>, bool, usize), Refusal> {
        let (mut body, mut input, mut output) =
            (Body::new(Framing::Chunked), Buffer::default(), Buffer::default());
        for piece in raw.chunks(step) {
            input.append(piece);
            body.take(&mut input, &mut output, usize::MAX)?;
        }
        Ok((output.as_slice().to_vec(), body.is_whole(), input.len()))
    }

    #[test]
    fn chunks_in_pieces_of_any_size() {
        let raw = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET /";
        for step in 1..raw.len() {
            let (content, whole, left) = dechunk(raw, step).unwrap();
            assert_eq!((&content[..], whole, left), (&b"abc0123456789"[..], true, 5), "{step}");
        }
        for cut in 0..raw.len() - 5 {
            let (_, whole, _) = dechunk(&raw[..cut], 7).unwrap();
            assert!(!whole, "{cut}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for raw in [
            "g\r\n",
            "-1\r\n",
            "3\r\nabcd\r\n",
            "3\nabc\r\n0\n\n",
            "\r\n",
            " \r\n",
            ";x\r\n",
            "0;\nx\r\n",
            "11111111111111111\r\n",
        ] {
            assert!(dechunk(raw.as_bytes(), 1000).is_err(), "{raw:?}");
        }
        assert!(dechunk(&[b'0'; 5000], 1000).is_err());
    }
}
