//! The files of the lost machine that its store brought along.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Component, Path};

use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::replace;
use crate::cli::snapshot::keys::{self, Opener};
use crate::cli::stop::{Exit, Stop};
use crate::node::offline::{Interruption, Lying};
use crate::snapshot::include::{self, Included};

/// What to do where nobody can be asked.
pub const INSTEAD: &str = "Give them as operands, or - to read one from a line of stdin";

/// Says what was done; beside JSON to who looks on.
fn say(cx: &mut Context, text: &str) -> Result<(), Stop> {
    if cx.format == Format::Table {
        return cx.say(text);
    }
    cx.note(text);
    Ok(())
}

/// Opens the store that lies in `folder` and puts the files back that came with it. One that is
/// there is left as it is, unless by `force`.
pub fn put_back(
    cx: &mut Context,
    folder: &Path,
    (given, config): (&[String], &[String]),
    force: bool,
) -> Result<Exit, Stop> {
    let failed = |error: &dyn std::fmt::Display| {
        Stop::Failed(format!(
            "The store is restored; its files are not: {error}. To try again before the server is \
             started, give -force too"
        ))
    };
    let lying = Lying::open(folder).map_err(|error| failed(&error))?;
    let seal = lying.seal().map_err(|error| failed(&error))?;
    // While nothing that is typed is shown, the question itself ends what ends the program, and
    // gives the terminal back before.
    let asking = Interruption::begin().map_err(|error| failed(&error))?;
    let key = keys::gather(cx, &seal, Opener { given, config, instead: INSTEAD })?;
    drop(asking);
    let (past, report) = lying.unlock(&key).map_err(|error| failed(&error))?;
    keys::warn_of(cx, "The store", &report);
    let files = past.look(include::kept).map_err(|error| failed(&error))?;
    if files.is_empty() {
        cx.warn("The store brought no files along: no snapshot \"NAME\" had an include");
    }
    let mut exit = Exit::Done;
    for file in &files {
        let path = &file.path;
        match put(file, force) {
            Ok(Put::Made) => say(cx, &format!("Put back {path}"))?,
            Ok(Put::Same) => say(cx, &format!("{path} is as it was"))?,
            Ok(Put::Other) => {
                cx.warn(&format!(
                    "{path} is another now, and was left as it is: -force replaces it"
                ));
            }
            Err(error) => {
                cx.complain(&format!("{path}: {error}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

/// What became of a file.
enum Put {
    Made,
    /// It was there, just so.
    Same,
    /// Another is there.
    Other,
}

fn put(file: &Included, force: bool) -> io::Result<Put> {
    let path = Path::new(&file.path);
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(plain) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "that is no place of a file"));
    }
    // A pipe that nobody writes would be read for ever.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let what = "what is there is no file: move it away, and ask again with -force";
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    match fs::read(path) {
        Ok(there) if there == file.content => return Ok(Put::Same),
        Ok(_) if !force => return Ok(Put::Other),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = path.parent() {
        make_folder(folder, file)?;
    }
    replace::make(path, 0o600, &file.content)?;
    give(path, file)?;
    // After its owner, who alone may have what was in it until now.
    fs::set_permissions(path, Permissions::from_mode(file.mode & 0o777))?;
    Ok(Put::Made)
}

/// Makes the folder of a file, and those around it. Whoever has the file has the folder too, and
/// may do there what is done in it: renew a certificate, read a configuration.
fn make_folder(folder: &Path, file: &Included) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    if let Some(around) = folder.parent() {
        make_folder(around, file)?;
    }
    let readable = file.mode & 0o044;
    DirBuilder::new().mode(0o700).create(folder)?;
    give(folder, file)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700 | readable | readable >> 2))
}

/// Gives what was made to the owner of a file: only root may.
fn give(made: &Path, file: &Included) -> io::Result<()> {
    match rustix::process::geteuid().is_root() {
        true => chown(made, Some(file.uid), Some(file.gid)),
        false => Ok(()),
    }
}
