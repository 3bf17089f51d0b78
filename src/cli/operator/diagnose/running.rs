//! A server that runs with the configuration, as the kernel and the server itself tell of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::base::bounded;
use crate::base::clock::{Clock, SystemClock};
use crate::client::tls::Tls;
use crate::client::{Address, Call, Client, End, Settings};
use crate::config::Listener;
use crate::server::gate::listener;
use crate::storage::folder;

/// How long a server may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A process that has the store open.
pub struct Running {
    /// Its number.
    pub pid: u32,
}

impl Running {
    /// The one that has the store in `folder` open; nothing is locked to find it.
    pub fn find(folder: &Path) -> Option<Self> {
        folder::holder(folder).map(|pid| Self { pid })
    }

    /// The most that it may have of something, by its name in proc_pid_limits(5).
    pub fn limit(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/limits", self.pid)).ok()?;
        hard_limit(&text, name)
    }

    /// Bytes that it has written to devices; only root is told.
    pub fn written(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.pid)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
    }
}

/// The second of the two numbers behind a name.
fn hard_limit(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    match rest.split_ascii_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// Who is met at an address on which somebody listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// An Edgekeep.
    Edgekeep,
    /// Something else, or an Edgekeep that wants a certificate of its clients.
    Other,
    /// Somebody who does not answer within [`PATIENCE`].
    Silent,
}

/// Asks who it is. It is told nothing, and not believed in anything else.
pub fn meet(listener: &Listener) -> Met {
    let begin = SystemClock.boot();
    let client = client(listener);
    match client.map(|client| client.call(&Call::get("sys/seal-status"))) {
        Some(Ok(status)) => match status.body["version"].as_str() {
            Some(version) if version.contains("edgekeep") => Met::Edgekeep,
            _ => Met::Other,
        },
        Some(Err(_)) if SystemClock.boot().saturating_sub(begin) >= PATIENCE => Met::Silent,
        _ => Met::Other,
    }
}

/// What it counts, where it tells that to everybody.
pub fn metrics(listener: &Listener) -> Option<String> {
    let call = Call::get("sys/metrics").with_query("format", "prometheus");
    let reply = client(listener)?.download(&call).ok()?;
    let text = bounded::read(reply.body, bounded::BODY).and_then(bounded::text).ok()?;
    Some(text.to_string())
}

/// A meter of such a text.
pub fn meter(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (_, value) = rest.strip_prefix(['{', ' ']).and(rest.rsplit_once(' '))?;
        value.parse().ok()
    })
}

fn client(listener: &Listener) -> Option<Client> {
    let address = match &*listener.address {
        listener::Address::Unix { path, .. } => Address::Unix(path.clone()),
        listener::Address::Tcp(text) => {
            let scheme = if listener.tls.is_some() { "https" } else { "http" };
            let here = text.replacen("0.0.0.0:", "127.0.0.1:", 1).replacen("[::]:", "[::1]:", 1);
            Address::parse(&format!("{scheme}://{here}")).ok()?
        }
    };
    let settings = Settings {
        end: End::Server,
        address,
        tls: Tls { skip_verify: true, ..Tls::default() },
        token: None,
        proxy: None,
        namespace: None,
        headers: Vec::new(),
        timeout: PATIENCE,
        retries: 0,
        redirects: false,
        pace: None,
    };
    Client::new(settings).ok()
}

#[cfg(test)]
mod tests {
    use super::{hard_limit, meter};

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "\
Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 4096                 files
Max locked memory         65536                unlimited            bytes
";
        assert_eq!(hard_limit(text, "Max open files"), Some(4096));
        assert_eq!(hard_limit(text, "Max locked memory"), Some(u64::MAX));
        assert_eq!(hard_limit(text, "Max cpu time"), None);
    }

    #[test]
    fn meters_are_found_by_their_whole_names() {
        let text = "# HELP a_b x\na_b_c 1\na_b{cluster=\"x y\"} 2\nc 3.5e2\n";
        assert_eq!(meter(text, "a_b"), Some(2.0));
        assert_eq!(meter(text, "c"), Some(350.0));
        assert_eq!(meter(text, "d"), None);
    }
}
