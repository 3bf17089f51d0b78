//! A stream of exactly the length that was told.

use std::io::{self, ErrorKind, Read};

/// Reads a stream that must have a certain length. Its last bytes are handed on only when nothing
/// follows them, so that whoever waits for all of them never has the start of something longer.
pub struct Exactly<R> {
    from: R,
    left: u64,
    /// Whether the end was seen where it should be.
    ended: bool,
    failure: Option<io::Error>,
}

impl<R: Read> Exactly<R> {
    /// `from`, which must be `length` bytes long.
    pub fn new(from: R, length: u64) -> Self {
        Self { from, left: length, ended: false, failure: None }
    }

    /// Why the stream could not be read to its end, where it could not: what tells an error of
    /// the source from one of the place to which it is copied.
    pub fn into_failure(self) -> Option<io::Error> {
        self.failure
    }

    fn must_end(&mut self) -> io::Result<()> {
        let mut beyond = [0];
        let read = loop {
            match self.from.read(&mut beyond) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        if read > 0 {
            let text = "it is longer than was told";
            return Err(io::Error::new(ErrorKind::InvalidData, text));
        }
        self.ended = true;
        Ok(())
    }

    fn next(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.from.read(&mut buffer[..room])?;
        self.left -= read as u64;
        if read == 0 && room > 0 {
            let text = format!("it ends {} bytes before it should", self.left);
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        if self.left == 0 {
            self.must_end()?;
        }
        Ok(read)
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        if let Some(failure) = &self.failure {
            return Err(io::Error::new(failure.kind(), failure.to_string()));
        }
        self.next(buffer).map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            if error.kind() != ErrorKind::Interrupted {
                self.failure = Some(error);
            }
            told
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_of_that_length_is_read_to_its_end() {
        let read = |text: &str, length| {
            let mut all = Vec::new();
            let mut stream = Exactly::new(text.as_bytes(), length);
            let outcome = stream.read_to_end(&mut all).map_err(|error| error.kind());
            (String::from_utf8(all).unwrap(), outcome, stream.into_failure().is_some())
        };
        assert_eq!(read("", 0), (String::new(), Ok(0), false));
        assert_eq!(read("abc", 3), ("abc".into(), Ok(3), false));
        assert_eq!(read("abc", 4), ("abc".into(), Err(ErrorKind::UnexpectedEof), true));
        assert_eq!(read("a", 0), (String::new(), Err(ErrorKind::InvalidData), true));
        let (seen, outcome, failed) = read("abcd", 3);
        assert!(seen.len() < 3 && outcome == Err(ErrorKind::InvalidData) && failed);
    }
}
