//! What is read whole is bounded: a device, a program or a peer may go on for ever.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Bytes that a token or a password has at most.
pub const TOKEN: u64 = 64 << 10;

/// Bytes that a file of settings, certificates or keys has at most: a system's bundle of
/// authorities has a tenth of that.
pub const SETTINGS: u64 = 2 << 20;

/// Bytes that the body of a request has at most.
pub const BODY: u64 = 32 << 20;

/// Reads to the end, and no more than `most` bytes. It may be a secret.
pub fn read(from: impl Read, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_into(Zeroizing::default(), from, most)
}

/// What is in a file: it is read once, into its last place.
pub fn read_file(file: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let opened = File::open(file)?;
    let length = opened.metadata()?.len().min(most);
    read_into(Zeroizing::new(Vec::with_capacity(length as usize + 1)), opened, most)
}

/// The text in a file.
pub fn read_text(file: &Path, most: u64) -> io::Result<Zeroizing<String>> {
    text(read_file(file, most)?)
}

/// What was read, as a text.
pub fn text(mut bytes: Zeroizing<Vec<u8>>) -> io::Result<Zeroizing<String>> {
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|no_text| {
        drop(Zeroizing::new(no_text.into_bytes()));
        io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text")
    });
    text.map(Zeroizing::new)
}

/// Refuses what has more than `most` bytes.
pub fn fits(length: usize, most: u64) -> io::Result<()> {
    if length as u64 <= most {
        return Ok(());
    }
    let most = if most < 1 << 20 { (most >> 10, "KiB") } else { (most >> 20, "MiB") };
    let why = format!("it is longer than {} {}", most.0, most.1);
    Err(io::Error::new(io::ErrorKind::FileTooLarge, why))
}

fn read_into(
    mut bytes: Zeroizing<Vec<u8>>,
    from: impl Read,
    most: u64,
) -> io::Result<Zeroizing<Vec<u8>>> {
    from.take(most + 1).read_to_end(&mut bytes)?;
    fits(bytes.len(), most)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_may_be() {
        assert_eq!(read(&[1; 4][..], 4).unwrap().as_slice(), [1; 4]);
        let told = |most| read_file(Path::new("/dev/zero"), most).unwrap_err().to_string();
        assert_eq!(told(TOKEN), "it is longer than 64 KiB");
        assert_eq!(told(BODY), "it is longer than 32 MiB");
        let told = text(Zeroizing::new(vec![0xff])).unwrap_err().to_string();
        assert_eq!(told, "it is no UTF-8 text");
    }
}
