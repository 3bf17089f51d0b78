//! A long policy and many policies: what it costs to tell whether somebody may read a secret.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::load;
use crate::server::Running;
use crate::tasks::{self, Done, MANY, micros};
use crate::{Options, Report};

/// Paths of the long policy.
const PATHS: u64 = 5_000;
/// How many policies there are, and how many of them somebody has.
const POLICIES: u64 = 10_000;
const HELD: [u64; 2] = [10, 100];

/// Reads as root, and with tokens of a small policy, of a long one, and of some of many.
pub fn policies(running: &Running, options: &Options, report: &mut Report) -> Done {
    read(running, "root", options, report)?;
    write(running, "small", &rule("secret/data/app/*"))?;
    read(&holder(running, &["small".into()])?, "a small policy", options, report)?;

    write(running, "long", &long())?;
    let long = holder(running, &["long".into()])?;
    let (mut client, started) = (long.client()?, Instant::now());
    let first = client.send("GET", "secret/data/app/s1", b"")?;
    if first.status != 200 {
        return Err(format!("the first read: {}", first.status).into());
    }
    let span = micros(started.elapsed());
    report.row(&format!("first read by {PATHS} paths just written"), span, "us");
    read(&long, &format!("a policy of {PATHS} paths"), options, report)?;

    fill(running)?;
    for count in HELD {
        let held: Vec<String> = (0..count).map(|n| name(n * (POLICIES / count))).collect();
        let (whose, holder) = (format!("{count} of {POLICIES} policies"), holder(running, &held)?);
        read(&holder, &whose, options, report)?;
    }
    Ok(())
}

fn read(running: &Running, whose: &str, options: &Options, report: &mut Report) -> Done {
    let outcome = load::run(running, MANY, options.seconds, tasks::read)?;
    tasks::tell(report, &format!("reads, {whose}"), MANY, &outcome);
    Ok(())
}

/// The server as who has these policies and no others.
fn holder(running: &Running, policies: &[String]) -> Result<Running, Box<dyn std::error::Error>> {
    let body = json!({ "policies": policies, "no_default_policy": true });
    let made = running.post("auth/token/create", &body)?;
    let token = made["auth"]["client_token"].as_str().unwrap_or_default();
    Ok(Running::elsewhere(&running.addr, token, running.pid()))
}

/// Rules of every kind: for one path, for all below one, and with a wildcard in the middle.
fn long() -> String {
    let path = |n: u64| match n % 3 {
        0 => format!("secret/data/app/s{}", n / 3),
        1 => format!("secret/data/team{n}/*"),
        _ => format!("secret/+/app/+/part{n}"),
    };
    (0..PATHS).map(|n| rule(&path(n))).collect()
}

fn fill(running: &Running) -> Done {
    let next = AtomicU64::new(0);
    let go_on = |_| next.load(Ordering::Relaxed) < POLICIES;
    load::run_while(running, MANY, &go_on, |_, _| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let more = if number == 0 { rule("secret/data/app/*") } else { String::new() };
        let text = rule(&format!("secret/data/team{number}/*")) + &rule("secret/data/all") + &more;
        let body = json!({ "policy": text }).to_string();
        ("PUT", format!("sys/policies/acl/{}", name(number)), body.into_bytes())
    })?;
    Ok(())
}

fn write(running: &Running, name: &str, text: &str) -> Done {
    running.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": text }))?;
    Ok(())
}

fn name(number: u64) -> String {
    format!("bench-{number}")
}

fn rule(path: &str) -> String {
    format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n")
}
