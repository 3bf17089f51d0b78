//! The server that is measured: ours, started for the run, or any other that is named.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::machine;

/// A running server.
pub struct Running {
    pub addr: String,
    pub token: String,
    pid: Option<u32>,
    own: Option<Own>,
}

struct Own {
    child: Mutex<Child>,
    folder: PathBuf,
    key: String,
}

impl Own {
    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().expect("no thread panicked with it")
    }
}

/// How long a start took.
pub struct Restarted {
    /// From exec to an answer of sys/health.
    pub answered: Duration,
    /// From the share to the answer that it is unsealed.
    pub unsealed: Duration,
}

type Failure = Box<dyn std::error::Error>;

impl Running {
    /// A server that runs already.
    pub fn elsewhere(addr: &str, token: &str, pid: Option<u32>) -> Self {
        Self { addr: addr.to_owned(), token: token.to_owned(), pid, own: None }
    }

    /// Starts ours with TLS and a new store under `data`, and unseals it.
    pub fn start(data: &Path) -> Result<Self, Failure> {
        let folder = data.join(format!("bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!(
            "storage \"redb\" {{ path = {:?} }}\nlistener \"tcp\" {{ address = \
             \"127.0.0.1:{port}\" }}\nlimits {{ unauthenticated_total_rate = 0 }}\nlog_level = \
             \"warn\"\n",
            folder.join("data")
        );
        fs::write(folder.join("edgekeep.hcl"), config)?;
        let child = spawn(&folder)?;
        let addr = format!("https://127.0.0.1:{port}");
        let pid = Some(child.id());
        let own = Own { child: child.into(), folder, key: String::new() };
        let mut running = Self { addr, token: String::new(), pid, own: Some(own) };
        running.wait_for_answer()?;
        let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = running.post("sys/init", &body)?;
        running.token = made["root_token"].as_str().unwrap_or_default().to_owned();
        if let Some(own) = &mut running.own {
            own.key = made["keys"][0].as_str().unwrap_or_default().to_owned();
        }
        running.unseal()?;
        let mount = json!({ "type": "kv", "options": { "version": "2" } });
        running.post("sys/mounts/secret", &mount)?;
        Ok(running)
    }

    /// A new connection.
    pub fn client(&self) -> io::Result<Client> {
        Client::connect(&self.addr, &self.token)
    }

    /// Processor time used so far, where the process is known.
    pub fn cpu(&self) -> Option<Duration> {
        machine::cpu(self.pid()?)
    }

    /// The process, where it is known.
    pub fn pid(&self) -> Option<u32> {
        self.own.as_ref().map(|own| own.lock().id()).or(self.pid)
    }

    /// The folder of our server's store.
    pub fn folder(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.folder.as_path())
    }

    /// Stops ours cleanly, starts it again and unseals it.
    pub fn restart(&self) -> Result<Restarted, Failure> {
        let own = self.own.as_ref().ok_or("only our own server is restarted")?;
        let pid = rustix::process::Pid::from_child(&own.lock());
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        own.lock().wait()?;
        let started = Instant::now();
        *own.lock() = spawn(&own.folder)?;
        self.wait_for_answer()?;
        let answered = started.elapsed();
        let started = Instant::now();
        self.unseal()?;
        Ok(Restarted { answered, unsealed: started.elapsed() })
    }

    /// POSTs a document and reads the answer's.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self.client()?.send("POST", path, body.to_string().as_bytes())?;
        if answer.status >= 300 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("POST {path}: {} {text}", answer.status).into());
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    fn unseal(&self) -> Result<(), Failure> {
        if let Some(own) = &self.own {
            self.post("sys/unseal", &json!({ "key": own.key }))?;
        }
        Ok(())
    }

    fn wait_for_answer(&self) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let answer = self.client().and_then(|mut c| c.send("GET", "sys/health", b""));
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > Duration::from_secs(30) => {
                    return Err(format!("the server does not answer: {error}").into());
                }
                // Polled tightly: the wait is what is measured.
                Err(_) => std::thread::sleep(Duration::from_micros(500)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let _ = own.lock().kill();
            let _ = own.lock().wait();
            let _ = fs::remove_dir_all(&own.folder);
        }
    }
}

fn spawn(folder: &Path) -> io::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_edgekeep"))
        .arg("server")
        .arg("-config")
        .arg(folder.join("edgekeep.hcl"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?)
        .spawn()
}
