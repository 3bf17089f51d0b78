//! A file that is only read, under a layer in memory that is written: what is tried there leaves
//! the file as it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use crate::base::sync::lock;

/// Bytes of a page of the layer.
const PAGE: u64 = 4096;
/// Pages that the layer has at most: 64 MiB.
const MOST: usize = 16 << 10;

/// Such a file.
#[derive(Debug)]
pub struct Overlay {
    file: File,
    layer: Mutex<Layer>,
    full: Arc<AtomicBool>,
}

/// What was written.
#[derive(Debug)]
struct Layer {
    /// The file's length now.
    length: u64,
    /// How much of the file below still shows: what was cut off once is gone.
    shown: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    /// Lays an empty layer over a file.
    pub fn over(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let layer = Mutex::new(Layer { length, shown: length, pages: BTreeMap::new() });
        Ok(Self { file, layer, full: Arc::default() })
    }

    /// Tells whether more was written than the layer takes.
    pub fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    /// What lies in a page of the file below; behind its end zeros.
    fn below(&self, page: u64, shown: u64) -> io::Result<Box<[u8]>> {
        let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
        let begin = page * PAGE;
        let length = shown.saturating_sub(begin).min(PAGE) as usize;
        self.file.read_exact_at(&mut bytes[..length], begin)?;
        Ok(bytes)
    }
}

/// The parts of pages that `length` bytes from `offset` on are: page, where in it, how long.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + length as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        let (page, within) = (at / PAGE, at % PAGE);
        let long = (PAGE - within).min(end - at);
        at += long;
        (long > 0).then_some((page, within as usize, long as usize))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.layer).length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let layer = lock(&self.layer);
        if offset.saturating_add(out.len() as u64) > layer.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = out;
        for (page, within, long) in parts(offset, rest.len()) {
            let (part, behind) = rest.split_at_mut(long);
            match layer.pages.get(&page) {
                Some(bytes) => part.copy_from_slice(&bytes[within..within + long]),
                None => {
                    let bytes = self.below(page, layer.shown)?;
                    part.copy_from_slice(&bytes[within..within + long]);
                }
            }
            rest = behind;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut layer = lock(&self.layer);
        if length < layer.length {
            layer.shown = layer.shown.min(length);
            drop(layer.pages.split_off(&length.div_ceil(PAGE)));
            let (last, within) = (length / PAGE, (length % PAGE) as usize);
            if let Some(bytes) = layer.pages.get_mut(&last) {
                bytes[within..].fill(0);
            }
        }
        layer.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut layer = lock(&self.layer);
        let mut rest = data;
        for (page, within, long) in parts(offset, data.len()) {
            let (part, behind) = rest.split_at(long);
            if !layer.pages.contains_key(&page) {
                if layer.pages.len() >= MOST {
                    self.full.store(true, Ordering::Relaxed);
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let bytes = self.below(page, layer.shown)?;
                layer.pages.insert(page, bytes);
            }
            if let Some(bytes) = layer.pages.get_mut(&page) {
                bytes[within..within + long].copy_from_slice(part);
            }
            rest = behind;
        }
        layer.length = layer.length.max(offset + data.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_written_is_read_and_the_file_stays() {
        let name = format!("edgekeep-overlay-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let content = vec![7; 10_000];
        fs::write(&path, &content).unwrap();
        let overlay = Overlay::over(File::open(&path).unwrap()).unwrap();
        let read = |offset: u64, length: usize| {
            let mut out = vec![1; length];
            overlay.read(offset, &mut out).map(|()| out)
        };
        assert_eq!(overlay.len().unwrap(), 10_000);
        overlay.write(4000, &[9; 200]).unwrap();
        let seen = read(3990, 220).unwrap();
        assert_eq!(seen, [vec![7; 10], vec![9; 200], vec![7; 10]].concat());
        assert!(read(9_990, 20).is_err(), "behind the end");

        overlay.set_len(4100).unwrap();
        overlay.set_len(12_000).unwrap();
        assert_eq!(read(4096, 6).unwrap(), [9, 9, 9, 9, 0, 0], "what was cut off is gone");
        assert_eq!(read(9_990, 10).unwrap(), [0; 10]);
        overlay.write(11_999, &[5, 6]).unwrap();
        assert_eq!((overlay.len().unwrap(), read(11_999, 2).unwrap()), (12_001, vec![5, 6]));
        assert_eq!(fs::read(&path).unwrap(), content);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_layer_is_bounded() {
        let overlay = Overlay::over(File::open("/dev/null").unwrap()).unwrap();
        let page = [1; PAGE as usize];
        let written = (0..).map(|i| overlay.write(i * PAGE, &page));
        assert_eq!(written.take_while(Result::is_ok).count(), MOST);
        assert!(overlay.full().load(Ordering::Relaxed));
    }
}
