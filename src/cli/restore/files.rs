//! The files of the lost machine that its store brought along.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Component, Path};

use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::replace;
use crate::cli::snapshot::keys::{self, Opener};
use crate::cli::stop::{Exit, Stop};
use crate::node::offline::Interruption;
use crate::node::opened::Sealed;
use crate::snapshot::include::{self, Included};
use crate::snapshot::rewind::Prepared;

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

/// The files that come with a store, which is opened for that before it is put into `folder`: who
/// has not the keys is told so while nothing is made yet.
pub fn brought(
    cx: &mut Context,
    prepared: &Prepared,
    folder: &Path,
    (given, config): (&[String], &[String]),
) -> Result<Vec<Included>, Stop> {
    let failed = |error: &dyn std::fmt::Display| {
        Stop::Failed(format!("Error reading the files of the store: {error}"))
    };
    let sealed = Sealed::beside(folder, prepared).map_err(|error| failed(&error))?;
    // While nothing that is typed is shown, the question itself ends what ends the program, and
    // gives the terminal back before.
    let asking = Interruption::begin().map_err(|error| failed(&error))?;
    let opener = Opener { given, config, instead: INSTEAD };
    let past = keys::open(cx, "The store", &sealed, opener)?;
    drop(asking);
    past.look(include::kept).map_err(|error| failed(&error))
}

/// Puts the files back, or tells what would be. One that is there is left as it is, unless by
/// `force`.
pub fn put_back(
    cx: &mut Context,
    files: &[Included],
    force: bool,
    dry_run: bool,
) -> Result<Exit, Stop> {
    if files.is_empty() {
        cx.warn("The store brought no files along: no snapshot \"NAME\" had an include");
    }
    let mut exit = Exit::Done;
    for file in files {
        let path = &file.path;
        let there = compare(file);
        if matches!(there, Ok(There::Other)) && !force {
            cx.warn(&format!("{path} is another now, and is left as it is: -force replaces it"));
            continue;
        }
        let done = there.and_then(|there| match there {
            There::Same => Ok(format!("{path} is as it was")),
            There::Nothing | There::Other if dry_run => Ok(format!("Would put back {path}")),
            There::Nothing | There::Other => put(file).map(|()| format!("Put back {path}")),
        });
        match done {
            Ok(done) => say(cx, &done)?,
            Err(error) => {
                cx.complain(&format!("{path}: {error}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

/// What lies where a file was.
enum There {
    Nothing,
    /// That file, just so.
    Same,
    /// Another one.
    Other,
}

fn compare(file: &Included) -> io::Result<There> {
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
    match fs::read(path).map(Zeroizing::new) {
        Ok(there) if *there == file.content => Ok(There::Same),
        Ok(_) => Ok(There::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(There::Nothing),
        Err(error) => Err(error),
    }
}

fn put(file: &Included) -> io::Result<()> {
    let path = Path::new(&file.path);
    if let Some(folder) = path.parent() {
        make_folder(folder, file)?;
    }
    replace::make(path, 0o600, &file.content)?;
    give(path, file)?;
    // After its owner, who alone may have what was in it until now.
    fs::set_permissions(path, Permissions::from_mode(file.mode & 0o777))
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
