//! One folder of files, as the machine's disk has it: what lies under the shelves of exhibits, and nothing that knows what they hold.
//!
//! The seam is here so that everything above it (slots, seals, order of writing) runs unchanged on a disk that a test lets fail.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Files by name in one folder. All methods block.
pub trait Folder: Send + Sync {
    /// Makes an empty file; its name is durable. Refuses one that is there.
    fn create(&self, name: &str) -> Result<()>;

    /// Writes at a place, beyond the end too; durable after [`Folder::sync`] only.
    fn write_at(&self, name: &str, at: u64, bytes: &[u8]) -> Result<()>;

    /// Makes what was written to a file durable.
    fn sync(&self, name: &str) -> Result<()>;

    /// Reads from a place into `out` and returns how many bytes; fewer than it holds where the file ends.
    fn read_at(&self, name: &str, at: u64, out: &mut [u8]) -> Result<usize>;

    /// Takes a file away; one that is not there is gone already.
    fn remove(&self, name: &str) -> Result<()>;

    /// Lists the files.
    fn names(&self) -> Result<Vec<String>>;

    /// Returns how many bytes are free.
    fn free(&self) -> Result<u64>;
}

/// A directory of the machine.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Opens the directory, makes it if there is none; nobody else may read it.
    pub(crate) fn open(dir: &Path) -> Result<Directory> {
        fs::create_dir_all(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        Ok(Directory(dir.to_owned()))
    }

    fn file(&self, name: &str) -> Result<File> {
        OpenOptions::new().read(true).write(true).open(self.0.join(name))
    }
}

impl Folder for Directory {
    fn create(&self, name: &str) -> Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.0.join(name))?;
        // The name must outlive a crash, else the document would point at nothing.
        File::open(&self.0).and_then(|d| d.sync_all())
    }

    fn write_at(&self, name: &str, at: u64, bytes: &[u8]) -> Result<()> {
        self.file(name)?.write_all_at(bytes, at)
    }

    fn sync(&self, name: &str) -> Result<()> {
        self.file(name)?.sync_data()
    }

    fn read_at(&self, name: &str, at: u64, out: &mut [u8]) -> Result<usize> {
        let (file, mut filled) = (self.file(name)?, 0);
        while filled < out.len() {
            match file.read_at(&mut out[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }

    fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn free(&self) -> Result<u64> {
        let disk = rustix::fs::statvfs(&self.0).map_err(Error::from)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
