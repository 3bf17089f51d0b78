//! A program of the system that does something for a seal. A secret goes to it and comes back by
//! pipes alone: arguments are for all to see.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::auto::SealError;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it may print, in bytes.
const MOST: usize = 64 << 10;

type Printed = Zeroizing<Vec<u8>>;

/// Runs it to its end, with `input` to read. What it prints.
pub fn run(command: &mut Command, input: &[u8]) -> Result<Printed, SealError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => SealError(format!("{name} is not installed")),
        _ => SealError(format!("{name} cannot be run: {error}")),
    })?;
    let printed = listen(child.stdout.take());
    let complaint = listen(child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends without reading says why.
        let _ = stdin.write_all(input);
    }
    let ended = ended(&mut child, &printed, &complaint);
    let Some((printed, complaint)) = ended else {
        return Err(SealError(format!("{name} has not ended in {} s", PATIENCE.as_secs())));
    };
    let status = child.wait().map_err(|error| SealError(format!("{name}: {error}")))?;
    match status.success() {
        true => Ok(printed),
        false => Err(SealError(format!("{name} failed: {}", told(&complaint)))),
    }
}

/// What it printed on both streams; `None` for one that took too long, which is ended.
fn ended(
    child: &mut Child,
    printed: &Receiver<Printed>,
    complaint: &Receiver<Printed>,
) -> Option<(Printed, Printed)> {
    let wait = |stream: &Receiver<Printed>| match stream.recv_timeout(PATIENCE) {
        Ok(bytes) => Some(bytes),
        Err(RecvTimeoutError::Disconnected) => Some(Printed::default()),
        Err(RecvTimeoutError::Timeout) => None,
    };
    let both = wait(printed).and_then(|printed| Some((printed, wait(complaint)?)));
    if both.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    both
}

/// Reads a stream to its end beside us.
fn listen(stream: Option<impl Read + Send + 'static>) -> Receiver<Printed> {
    let (tell, told) = channel();
    let read = move || {
        // In one piece: a vector that grows would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
        if let Some(stream) = stream {
            let _ = stream.take(MOST as u64).read_to_end(&mut bytes);
        }
        let _ = tell.send(bytes);
    };
    let _ = thread::Builder::new().name("seal tool".to_owned()).spawn(read);
    told
}

/// The last lines of a complaint, as one.
fn told(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8]) -> Result<Vec<u8>, String> {
        let run = run(Command::new("sh").args(["-c", script]), input);
        run.map(|printed| printed.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_given_and_gives_bytes() {
        assert_eq!(shell("cat", b"\0\xff\n").unwrap(), b"\0\xff\n");
        assert_eq!(shell("true", &[1; 1 << 17]).unwrap(), b"");
        let failed = shell("echo no >&2; echo; exit 3", b"").unwrap_err();
        assert_eq!(failed, "sh failed: no");
        let absent = run(&mut Command::new("edgekeep-no-such-tool"), b"").unwrap_err();
        assert_eq!(absent.to_string(), "edgekeep-no-such-tool is not installed");
    }
}
