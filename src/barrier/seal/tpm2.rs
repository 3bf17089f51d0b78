//! The TPM seal: a chip of this very board keeps the unseal key, and gives it back to nobody but
//! this board, if that is wished only while it was booted as it is now (PCRs).
//!
//! It is asked through the system's tpm2-tools. Their files hold nothing that is secret: the parts
//! of an object that the chip has sealed.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Once};

use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
use super::tool::Tools;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::Key;
use crate::base::sync::lock;

/// `seal "tpm2"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The PCRs of the bank sha256 that must be as they are now, in order; none for any boot.
    pub pcrs: Vec<u8>,
    /// How the chip is reached (`TPM2TOOLS_TCTI`); the tools find it themselves where `None`.
    pub tcti: Option<String>,
}

impl Settings {
    /// The PCRs as the tools name them, and as what is wrapped does; empty where there are none.
    fn selection(&self) -> String {
        if self.pcrs.is_empty() {
            return String::new();
        }
        let pcrs: Vec<String> = self.pcrs.iter().map(u8::to_string).collect();
        format!("sha256:{}", pcrs.join(","))
    }

    /// The PCRs that are named so.
    fn pcrs_of(selection: &str) -> Vec<u8> {
        let pcrs = selection.trim_start_matches("sha256:").split(',');
        pcrs.filter_map(|pcr| pcr.parse().ok()).collect()
    }
}

/// The seal.
pub struct Tpm2 {
    settings: Settings,
    entropy: Arc<dyn Entropy>,
    tools: Tools,
    /// Whoever asks the chip has it alone until it is answered: what one keeps there for the next
    /// tool, another would throw out.
    turn: Mutex<()>,
    swept: Once,
}

impl Tpm2 {
    /// The chip is not asked yet.
    pub fn new(settings: Settings, tools: Tools, entropy: Arc<dyn Entropy>) -> Self {
        let (turn, swept) = (Mutex::default(), Once::new());
        Self { settings, entropy, tools, turn, swept }
    }

    /// Runs one of the tools in a folder.
    fn run(
        &self,
        folder: &Folder,
        name: &str,
        args: &[&str],
        input: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let command = |name: &str| {
            let mut command = Command::new(name);
            command.current_dir(&folder.path);
            if let Some(tcti) = &self.settings.tcti {
                command.env("TPM2TOOLS_TCTI", tcti);
            }
            command
        };
        let printed = self.tools.run(command(name).args(args), input);
        let is_silent = matches!(printed, Err(SealError::Silent(_)));
        // A chip without a manager of its resources keeps objects and sessions, and has room for
        // three of each. One that hangs is cleared when it answers again.
        for what in ["-t", "-l"].into_iter().filter(|_| !is_silent) {
            let _ = self.tools.run(command("tpm2_flushcontext").args(["-Q", what]), b"");
        }
        printed
    }

    /// A folder with the key of the chip under which ours is kept: the same one each time.
    fn begun(&self) -> Result<Folder, SealError> {
        self.swept.call_once(sweep);
        let folder = Folder::make(&*self.entropy)?;
        let args = ["-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", PRIMARY];
        self.run(&folder, "tpm2_createprimary", &args, b"")?;
        Ok(folder)
    }

    fn create(&self, key: &Key<32>) -> Result<Vec<u8>, SealError> {
        let folder = self.begun()?;
        let selection = self.settings.selection();
        let object = ["-Q", "-C", PRIMARY, "-g", "sha256", "-u", PUBLIC, "-r", PRIVATE, "-i", "-"];
        // The chip asks for no password: it is not of people that it is to know us.
        let guard: &[&str] = if selection.is_empty() {
            &["-a", "fixedtpm|fixedparent|noda|userwithauth"]
        } else {
            let args = ["-Q", "--policy-pcr", "-l", &selection, "-L", POLICY];
            self.run(&folder, "tpm2_createpolicy", &args, b"")?;
            &["-a", "fixedtpm|fixedparent|noda|adminwithpolicy", "-L", POLICY]
        };
        self.run(&folder, "tpm2_create", &[&object, guard].concat(), &**key)?;
        let (public, private) = (folder.read(PUBLIC)?, folder.read(PRIVATE)?);
        let length = u16::try_from(public.len()).map_err(|_| odd())?;
        Ok([&length.to_be_bytes()[..], &public, &private].concat())
    }

    fn unseal(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        let (length, rest) = wrapped.bytes.split_first_chunk().ok_or_else(odd)?;
        let length = u16::from_be_bytes(*length).into();
        let (public, private) = rest.split_at_checked(length).ok_or_else(odd)?;
        let folder = self.begun()?;
        folder.write(PUBLIC, public)?;
        folder.write(PRIVATE, private)?;
        let args = ["-Q", "-C", PRIMARY, "-u", PUBLIC, "-r", PRIVATE, "-c", LOADED];
        self.run(&folder, "tpm2_load", &args, b"")?;
        let pcrs = format!("pcr:{}", wrapped.by);
        let mut args = vec!["-c", LOADED];
        if !wrapped.by.is_empty() {
            args.extend(["-p", &pcrs]);
        }
        Key::from_bytes(&self.run(&folder, "tpm2_unseal", &args, b"")?).ok_or_else(odd)
    }
}

impl AutoSeal for Tpm2 {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Tpm2
    }

    fn wrap(&self, key: &Key<32>, _: &dyn Entropy) -> Result<WrappedKey, SealError> {
        let _turn = lock(&self.turn);
        Ok(WrappedKey { by: self.settings.selection(), bytes: self.create(key)? })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        let _turn = lock(&self.turn);
        self.unseal(wrapped)
    }

    /// More PCRs guard it better. Fewer or others do not: only people go over to those, so that
    /// nobody lets the chip give the key to any boot by changing a line of the configuration.
    fn is_current(&self, wrapped: &WrappedKey) -> bool {
        let present = Settings::pcrs_of(&wrapped.by);
        let pcrs = &self.settings.pcrs;
        pcrs.len() <= present.len() || !present.iter().all(|pcr| pcrs.contains(pcr))
    }

    fn stop(&self) {
        self.tools.stop();
    }
}

const PRIMARY: &str = "primary";
const PUBLIC: &str = "public";
const PRIVATE: &str = "private";
const POLICY: &str = "policy";
const LOADED: &str = "loaded";

fn odd() -> SealError {
    SealError::Away("what the TPM wrapped was changed".to_owned())
}

/// What the name of such a folder begins with.
const FOLDER: &str = "edgekeep-tpm2-";

/// Removes the folders of those who were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().as_bytes().starts_with(FOLDER.as_bytes());
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && hold(&entry.path()).is_ok()
        {
            // It may be another user's.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Holds a folder, if nobody does, until the file is dropped.
fn hold(path: &Path) -> io::Result<File> {
    let folder = File::open(path)?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
    Ok(folder)
}

/// A folder of our own for the tools' files; it goes with its end.
struct Folder {
    path: PathBuf,
    _held: File,
}

impl Folder {
    fn make(entropy: &dyn Entropy) -> Result<Self, SealError> {
        let name = hex::encode(&entropy.bytes::<8>());
        let path = std::env::temp_dir().join(format!("{FOLDER}{name}"));
        let made = fs::DirBuilder::new().mode(0o700).create(&path).and_then(|()| hold(&path));
        let held = made.map_err(|error| SealError::Away(format!("{}: {error}", path.display())))?;
        Ok(Self { path, _held: held })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, SealError> {
        fs::read(self.path.join(name))
            .map_err(|error| SealError::Away(format!("tpm2_create: {error}")))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SealError> {
        let path = self.path.join(name);
        fs::write(&path, bytes)
            .map_err(|error| SealError::Away(format!("{}: {error}", path.display())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
