//! The one door to the file system.
//!
//! Unsaved editor buffers ([`Overlay`]) and tests ([`MemoryFileSystem`]) look like files; everything else reads
//! the disk ([`OsFileSystem`]). Paths are absolute when they arrive here: resolving a relative path needs a
//! working directory, which is the caller's to know.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// What a path is, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A socket: flyte's hash leaves it out.
    Socket,
    /// A device, a pipe: reading it could block.
    Other,
}

/// What is known of a path without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub len: u64,
    /// Last change of the content, where the system tells.
    pub modified: Option<SystemTime>,
    /// Inode and last change of the inode in nanoseconds, where the system has them: installers set times of content
    /// as they like, but a file put in the place of another one differs here.
    pub identity: Option<(u64, i64)>,
    /// Permissions as in `st_mode`, where the system has them.
    pub mode: Option<u32>,
}

impl Metadata {
    /// What is known of a file that is nowhere but in memory.
    #[must_use]
    pub fn in_memory(kind: Kind, len: usize) -> Self {
        Self { kind, len: len as u64, modified: None, identity: None, mode: None }
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name alone. `None` when it is no UTF-8, which no prediction can cover.
    pub name: Option<String>,
    /// A directory, links followed.
    pub is_dir: bool,
    /// The entry itself is a symbolic link.
    pub is_symlink: bool,
}

/// The operations that this program needs of a file system.
pub trait FileSystem: Send + Sync {
    /// Opens a file for one pass from its beginning.
    ///
    /// # Errors
    /// As the operating system reports them; opening a directory fails with [`io::ErrorKind::IsADirectory`].
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>>;

    /// What a path is, links followed.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// The entries of a directory **in the order the operating system gives them**: flyte's folder hash depends
    /// on that order.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// The path with every link resolved.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;

    /// What a symbolic link holds.
    ///
    /// # Errors
    /// As the operating system reports them; a file system without links has none.
    fn read_link(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::Error::from(io::ErrorKind::InvalidInput))
    }

    /// The whole content.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The whole content as text.
    ///
    /// # Errors
    /// As the operating system reports them, and [`io::ErrorKind::InvalidData`] for anything but UTF-8.
    fn read_text(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
    }

    /// The whole content as text, shared where it is in memory already.
    ///
    /// # Errors
    /// As [`FileSystem::read_text`].
    fn read_shared(&self, path: &Path) -> io::Result<Arc<str>> {
        self.read_text(path).map(Arc::from)
    }

    /// Whether anything is there, links followed.
    fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    /// Whether it is a regular file, links followed.
    fn is_file(&self, path: &Path) -> bool {
        self.metadata(path).is_ok_and(|m| m.kind == Kind::File)
    }

    /// Whether it is a directory, links followed.
    fn is_dir(&self, path: &Path) -> bool {
        self.metadata(path).is_ok_and(|m| m.kind == Kind::Dir)
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Option<(u64, i64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.ino(), metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec())))
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Option<(u64, i64)> {
    None
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFileSystem;

impl FileSystem for OsFileSystem {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let file = std::fs::File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Box::new(file))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let m = std::fs::metadata(path)?;
        let (kind, modified) = (kind_of(m.file_type()), m.modified().ok());
        Ok(Metadata { kind, len: m.len(), modified, identity: identity(&m), mode: mode(&m) })
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let is_symlink = file_type.is_symlink();
            let is_dir = if is_symlink {
                std::fs::metadata(entry.path()).is_ok_and(|m| m.is_dir())
            } else {
                file_type.is_dir()
            };
            entries.push(DirEntry { name: entry.file_name().into_string().ok(), is_dir, is_symlink });
        }
        Ok(entries)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(path)
    }
}

fn kind_of(t: std::fs::FileType) -> Kind {
    if t.is_file() {
        return Kind::File;
    }
    if t.is_dir() {
        return Kind::Dir;
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_socket(&t) {
        return Kind::Socket;
    }
    Kind::Other
}

/// Buffers laid over another file system: what an editor holds unsaved, or text from standard input.
pub struct Overlay {
    under: Arc<dyn FileSystem>,
    buffers: BTreeMap<PathBuf, Arc<str>>,
}

impl Overlay {
    /// An overlay with the given buffers, keyed by absolute path.
    pub fn new(under: Arc<dyn FileSystem>, buffers: BTreeMap<PathBuf, Arc<str>>) -> Self {
        Self { under, buffers }
    }

    /// The buffer of a path.
    #[must_use]
    pub fn buffer(&self, path: &Path) -> Option<&Arc<str>> {
        self.buffers.get(path)
    }

    /// Whether a path has a buffer.
    #[must_use]
    pub fn has_buffer(&self, path: &Path) -> bool {
        self.buffers.contains_key(path)
    }
}

impl FileSystem for Overlay {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        match self.buffers.get(path) {
            Some(text) => Ok(Box::new(text.as_bytes())),
            None => self.under.open(path),
        }
    }

    fn read_shared(&self, path: &Path) -> io::Result<Arc<str>> {
        match self.buffers.get(path) {
            Some(text) => Ok(Arc::clone(text)),
            None => self.under.read_shared(path),
        }
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.buffers.get(path) {
            Some(text) => Ok(Metadata::in_memory(Kind::File, text.len())),
            None => self.under.metadata(path),
        }
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = match self.under.read_dir(path) {
            Ok(entries) => entries,
            Err(_) if self.buffers.keys().any(|p| p.parent() == Some(path)) => Vec::new(),
            Err(error) => return Err(error),
        };
        for buffer in self.buffers.keys().filter(|p| p.parent() == Some(path)) {
            let name = buffer.file_name().and_then(|n| n.to_str()).map(str::to_owned);
            if !entries.iter().any(|e| e.name == name) {
                entries.push(DirEntry { name, is_dir: false, is_symlink: false });
            }
        }
        Ok(entries)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.under
            .canonicalize(path)
            .or_else(|e| if self.buffers.contains_key(path) { Ok(path.into()) } else { Err(e) })
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.under.read_link(path)
    }
}

/// Files in memory, directories implied by the files in them, listed in order of name.
#[derive(Debug, Clone, Default)]
pub struct MemoryFileSystem {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFileSystem {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.into(), content.as_ref().to_vec());
        self
    }

    fn has_dir(&self, path: &Path) -> bool {
        self.files.keys().any(|p| p != path && p.starts_with(path))
    }
}

impl FileSystem for MemoryFileSystem {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        match self.files.get(path) {
            Some(bytes) => Ok(Box::new(bytes.as_slice())),
            None if self.has_dir(path) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.files.get(path) {
            Some(bytes) => Ok(Metadata::in_memory(Kind::File, bytes.len())),
            None if self.has_dir(path) => Ok(Metadata::in_memory(Kind::Dir, 0)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        if !self.has_dir(path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let mut entries: Vec<DirEntry> = Vec::new();
        for file in self.files.keys() {
            let Ok(rest) = file.strip_prefix(path) else { continue };
            let mut parts = rest.components();
            let Some(first) = parts.next() else { continue };
            let name = first.as_os_str().to_str().map(str::to_owned);
            if !entries.iter().any(|e| e.name == name) {
                entries.push(DirEntry { name, is_dir: parts.next().is_some(), is_symlink: false });
            }
        }
        Ok(entries)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.metadata(path).map(|_| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_hides_the_file_below_it() {
        let disk = MemoryFileSystem::default().with("/p/a.txt", "old").with("/p/b.txt", "b");
        let buffers = BTreeMap::from([
            (PathBuf::from("/p/a.txt"), Arc::from("new")),
            (PathBuf::from("/p/c.txt"), Arc::from("c")),
        ]);
        let over = Overlay::new(Arc::new(disk), buffers);
        assert_eq!(over.read_text(Path::new("/p/a.txt")).ok().as_deref(), Some("new"));
        assert_eq!(over.read_text(Path::new("/p/b.txt")).ok().as_deref(), Some("b"));
        let names: Vec<_> =
            over.read_dir(Path::new("/p")).into_iter().flatten().filter_map(|e| e.name).collect();
        assert_eq!(names, ["a.txt", "b.txt", "c.txt"]);
    }
}
