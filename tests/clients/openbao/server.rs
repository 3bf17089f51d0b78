//! A server of OpenBao.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::PATIENCE;
use super::super::support::harness::is_failing;
use super::super::support::http::Client;
use super::super::support::{ROOT, TempDir, free_address};

/// A running one; killed when dropped.
pub struct OpenBao {
    child: Child,
    folder: TempDir,
    /// Where it listens, `127.0.0.1:PORT`.
    pub address: String,
}

impl OpenBao {
    /// One that is not initialised, whose storage takes snapshots.
    pub fn with_raft(program: &Path) -> Self {
        let (folder, address, cluster) = (TempDir::new(), free_address(), free_address());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let config = folder.path().join("server.hcl");
        let text = format!(
            "storage \"raft\" {{\n  path = \"{}\"\n  node_id = \"one\"\n}}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  cluster_address = \"{cluster}\"\n  \
             tls_disable = true\n}}\n\
             api_addr = \"http://{address}\"\ncluster_addr = \"https://{cluster}\"\n\
             disable_mlock = true\n",
            data.display()
        );
        fs::write(&config, text).unwrap();
        let config = format!("-config={}", config.display());
        Self::start(program, &["server", &config], folder, address, |_| true)
    }

    /// One that is open, in memory, whose root token is [`ROOT`].
    pub fn dev(program: &Path) -> Self {
        let address = free_address();
        let root = format!("-dev-root-token-id={ROOT}");
        let listen = format!("-dev-listen-address={address}");
        let args = ["server", "-dev", "-dev-no-store-token", &root, &listen];
        let mounted = |client: &Client| {
            let config = client.clone().token(ROOT).ask("GET", "secret/config", None);
            config.is_ok_and(|reply| reply.status == 200)
        };
        Self::start(program, &args, TempDir::new(), address, mounted)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn start(
        program: &Path,
        args: &[&str],
        folder: TempDir,
        address: String,
        ready: impl Fn(&Client) -> bool,
    ) -> Self {
        let output = File::create(folder.path().join("output")).unwrap();
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut server = Self { child, folder, address };
        let (client, deadline) = (Client::new(&server.address), Instant::now() + PATIENCE);
        let answers = || client.try_send("GET", "/v1/sys/health", &[], None).is_ok();
        while !(answers() && ready(&client)) {
            assert!(server.child.try_wait().unwrap().is_none(), "it ended: {}", server.output());
            assert!(Instant::now() < deadline, "it does not start: {}", server.output());
            sleep(Duration::from_millis(20));
        }
        server
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if is_failing() {
            let lines: Vec<String> = self.output().lines().map(str::to_owned).collect();
            let last = &lines[lines.len().saturating_sub(20)..];
            eprintln!("OpenBao at {} said at last:\n{}", self.address, last.join("\n"));
        }
    }
}
