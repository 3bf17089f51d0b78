//! What is sent back: see [`Response`] for the wire, `Reply` for what a handler returns.

use std::io::{self, Write};

use zeroize::Zeroizing;

/// An answer, ready for the wire.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers in their order; the server adds Content-Length and what each answer has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: ResponseBody,
}

/// The body of an answer.
pub enum ResponseBody {
    /// No body and no content type.
    Empty,
    /// Bytes with their content type; wiped when dropped.
    Whole(&'static str, Zeroizing<Vec<u8>>),
    /// Bytes that are written as they are made.
    Stream {
        /// Content type.
        content_type: &'static str,
        /// Exact length; a writer that gives less or fails closes the connection.
        length: u64,
        /// Writes the body.
        write: Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>,
    },
}
