//! What ureq's own connectors lack: Unix sockets, and a server name other than the address's.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::error::PlainServer;

/// Connects to the socket, where there is one, whatever the address.
#[derive(Debug)]
pub(super) struct UnixConnector {
    pub socket: Option<PathBuf>,
}

impl Connector<()> for UnixConnector {
    type Out = UnixTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _chained: Option<()>,
    ) -> Result<Option<UnixTransport>, Error> {
        let Some(path) = &self.socket else { return Ok(None) };
        let stream = UnixStream::connect(path).map_err(|_| Error::ConnectionFailed)?;
        Ok(Some(UnixTransport { stream, buffers: buffers(details) }))
    }
}

#[derive(Debug)]
pub(super) struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(timeout.not_zero().map(|t| *t))?;
        let sent = self.stream.write_all(&self.buffers.output()[..amount]);
        sent.map_err(|e| timed_out(e, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(timeout.not_zero().map(|t| *t))?;
        let got = self.stream.read(self.buffers.input_append_buf());
        let got = got.map_err(|e| timed_out(e, timeout))?;
        self.buffers.input_appended(got);
        Ok(got > 0)
    }

    /// Each is used for one exchange: a kept one would have to be probed, a new one costs little.
    fn is_open(&mut self) -> bool {
        false
    }
}

fn timed_out(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

/// Wraps connections for `https` in TLS.
pub(super) struct TlsConnector {
    /// `None` where no https is spoken.
    pub config: Option<Arc<ClientConfig>>,
    pub server_name: Option<String>,
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let config = self.config.clone().ok_or(Error::TlsRequired)?;
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = self.server_name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| Error::Tls("no valid server name"))?;
        let mut conn = ClientConnection::new(config, name).map_err(Error::Rustls)?;
        let mut sock = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        sock.set_timeout(details.timeout);
        let mut overheard = Overheard { sock: &mut sock, begin: Vec::new() };
        if let Err(error) = conn.complete_io(&mut overheard) {
            let plain = PlainServer::tell(&overheard.begin, &error);
            return Err(plain.map_or_else(|| error.into(), |plain| Error::Other(Box::new(plain))));
        }
        let stream = StreamOwned { conn, sock };
        Ok(Some(Either::B(TlsTransport { stream, buffers: buffers(details) })))
    }
}

/// A handshake that notes with which bytes the server began.
struct Overheard<'a> {
    sock: &'a mut TransportAdapter,
    begin: Vec<u8>,
}

impl Read for Overheard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.sock.read(buffer)?;
        let wanted = PlainServer::BEGIN.len().saturating_sub(self.begin.len());
        self.begin.extend_from_slice(&buffer[..got.min(wanted)]);
        Ok(got)
    }
}

impl Write for Overheard<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sock.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sock.flush()
    }
}

impl std::fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

pub(super) struct TlsTransport {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let got = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(got);
        Ok(got > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTransport")
    }
}

fn buffers(details: &ConnectionDetails) -> LazyBuffers {
    LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size())
}
