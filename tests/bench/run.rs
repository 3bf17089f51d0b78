//! The numbers that Edgekeep is bound to, measured: `cargo bench`.
//!
//!     cargo bench                              our release binary, started for the purpose
//!     cargo bench -- --json                    the same as one JSON document
//!     cargo bench -- --addr https://127.0.0.1:8200 --token TOKEN --pid PID
//!                                              any server of Vault's API, kv version 2 at secret/
//!     --seconds N    of each load (5)          --idle N   seconds before memory is read (60)
//!     --secrets N    for the snapshot (100000) --data DIR where our server's file lies (target/)
//!     --leases N     for the leases (100000)
//!     --only LIST    reads,writes,audit,policies,memory,start,size,device,snapshot,leases,
//!                    ended,journal,target
//!
//! Timings drift: compare servers in one run, one after the other, and quote the ratio.

mod client;
mod leases;
mod load;
mod machine;
#[path = "../support/peers/mod.rs"]
mod peers;
mod places;
mod policies;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod targets;
mod tasks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value};

/// What was asked for on the command line.
pub struct Options {
    pub addr: Option<String>,
    pub token: String,
    pub pid: Option<u32>,
    pub seconds: Duration,
    pub idle: Duration,
    pub secrets: usize,
    pub leases: u64,
    pub data: PathBuf,
    pub only: Vec<String>,
    pub json: bool,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
        let mut options = Self {
            addr: None,
            token: "root".to_owned(),
            pid: None,
            seconds: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            secrets: 100_000,
            leases: 100_000,
            data: target.into(),
            only: Vec::new(),
            json: false,
        };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(flag) = arguments.next() {
            if flag == "--json" {
                options.json = true;
                continue;
            }
            let value = arguments.next().ok_or(format!("{flag} wants a value"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{flag} wants a number"));
            match flag.as_str() {
                "--addr" => options.addr = Some(value.trim_end_matches('/').to_owned()),
                "--token" => options.token = value,
                "--pid" => options.pid = u32::try_from(number()?).ok(),
                "--seconds" => options.seconds = Duration::from_secs(number()?),
                "--idle" => options.idle = Duration::from_secs(number()?),
                "--secrets" => options.secrets = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--leases" => options.leases = number()?,
                "--data" => options.data = value.into(),
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                other => return Err(format!("unknown flag {other}: see tests/bench/run.rs")),
            }
        }
        Ok(options)
    }

    fn wants(&self, task: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == task)
    }
}

/// The figures of one run, in the order in which they were taken.
pub struct Report {
    json: bool,
    rows: Map<String, Value>,
}

impl Report {
    /// Notes a figure and, for people, prints it at once.
    pub fn row(&mut self, name: &str, value: Value, unit: &str) {
        if !self.json {
            println!("{name:<44} {value:>14} {unit}");
        }
        self.rows.insert(format!("{name} ({unit})"), value);
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse()?;
    let mut report = Report { json: options.json, rows: Map::new() };
    let running = match &options.addr {
        Some(addr) => server::Running::elsewhere(addr, &options.token, options.pid),
        None => server::Running::start(&options.data)?,
    };
    tasks::fill(&running, 1000)?;
    if options.wants("reads") {
        tasks::reads(&running, &options, &mut report)?;
    }
    if options.wants("writes") {
        tasks::writes(&running, &options, &mut report)?;
    }
    if options.wants("audit") {
        tasks::audit(&running, &options, &mut report)?;
    }
    if options.wants("policies") {
        policies::policies(&running, &options, &mut report)?;
    }
    if options.wants("device") {
        tasks::device(&running, &mut report)?;
    }
    if options.wants("memory") {
        tasks::memory(&running, &options, &mut report)?;
    }
    if options.addr.is_none() {
        if options.wants("start") {
            tasks::start(&running, &mut report)?;
        }
        if options.wants("size") {
            tasks::size(&mut report)?;
        }
        if options.wants("leases") {
            leases::leases(&running, &options, &mut report)?;
        }
        if options.wants("ended") {
            leases::ended(&running, &options, &mut report)?;
        }
        if options.wants("journal") {
            targets::journal(&running, &options, &mut report)?;
        }
        if options.wants("target") {
            targets::all(&running, &options, &mut report)?;
        }
    }
    if options.wants("snapshot") {
        tasks::snapshot(&running, &options, &mut report)?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.rows)?);
    }
    Ok(())
}
