//! What a build sees, as a tree that is read when the engine asks for it. Nothing is copied.
//!
//! Two kinds: the context that flyte would put together in a temporary folder, and the folder of a Dockerfile of the
//! user's own, which is taken as it is, links included.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use image_manifests::fs::{FileSystem, Kind};
use image_model::context::Content;

use crate::patterns::{Patterns, clean, has_wildcards, name_matches};

/// Bits of a mode as Go writes them.
const DIR: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    Dir,
    File(PathBuf),
    Text(Arc<str>),
    Link(String),
}

/// A name in a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the context.
    pub(crate) path: String,
    /// Permissions, without the bits that say what it is.
    pub(crate) permissions: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) holds: Holds,
}

impl Entry {
    /// The mode in Go's bits, which BuildKit wants.
    pub(crate) fn go_mode(&self) -> u32 {
        let special = [(0o4000, SETUID), (0o2000, SETGID), (0o1000, STICKY)];
        let special: u32 =
            special.iter().filter(|(bit, _)| self.permissions & bit != 0).map(|(_, go)| go).sum();
        let kind = match self.holds {
            Holds::Dir => DIR,
            Holds::Link(_) => LINK,
            Holds::File(_) | Holds::Text(_) => 0,
        };
        (self.permissions & 0o777) | special | kind
    }

    fn is_dir(&self) -> bool {
        self.holds == Holds::Dir
    }
}

/// What a build sees.
#[derive(Clone)]
pub(crate) struct Tree {
    pub(crate) fs: Arc<dyn FileSystem>,
    kind: TreeKind,
    now: SystemTime,
}

#[derive(Clone)]
enum TreeKind {
    /// The names in each folder.
    Made(Arc<BTreeMap<String, Vec<Entry>>>),
    Folder(PathBuf),
}

/// What is wanted of a tree.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) include: Patterns,
    pub(crate) exclude: Patterns,
}

impl Tree {
    /// The context that flyte would make: files at their places, folders as its process would make them.
    pub(crate) fn made(
        files: Vec<(String, Content)>,
        resolve: &dyn Fn(&image_model::path::PyPath) -> PathBuf,
        fs: Arc<dyn FileSystem>,
        umask: u32,
        now: SystemTime,
    ) -> Self {
        let mut folders: BTreeMap<String, BTreeMap<String, Entry>> = BTreeMap::new();
        for (path, content) in files {
            let mut below = path.as_str();
            while let Some((parent, _)) = below.rsplit_once('/') {
                let entry = Entry {
                    path: parent.to_owned(),
                    permissions: 0o777 & !umask,
                    size: 0,
                    modified: nanoseconds(Some(now)),
                    holds: Holds::Dir,
                };
                folders
                    .entry(parent_of(parent).to_owned())
                    .or_default()
                    .entry(parent.to_owned())
                    .or_insert(entry);
                below = parent;
            }
            let entry = match content {
                Content::Text(text) => Entry {
                    path: path.clone(),
                    permissions: 0o666 & !umask,
                    size: text.len() as u64,
                    modified: nanoseconds(Some(now)),
                    holds: Holds::Text(text.into()),
                },
                Content::File(source) => file_entry(path.clone(), resolve(&source), &*fs, now),
            };
            folders.entry(parent_of(&path).to_owned()).or_default().insert(path, entry);
        }
        let folders = folders.into_iter().map(|(folder, entries)| (folder, entries.into_values().collect()));
        Self { fs, kind: TreeKind::Made(Arc::new(folders.collect())), now }
    }

    /// A folder as it is.
    pub(crate) fn folder(path: PathBuf, fs: Arc<dyn FileSystem>, now: SystemTime) -> Self {
        Self { fs, kind: TreeKind::Folder(path), now }
    }

    /// Something that stays the same from one build of it to the next.
    pub(crate) fn key(&self, uri: &str) -> String {
        match &self.kind {
            TreeKind::Made(_) => format!("image-lsp:{}", uri.rsplit_once(':').map_or(uri, |(name, _)| name)),
            TreeKind::Folder(path) => format!("image-lsp:{}", path.display()),
        }
    }

    /// The entries of a folder, in the order of their names; `""` is the top.
    fn children(&self, folder: &str) -> Vec<Entry> {
        let root = match &self.kind {
            TreeKind::Made(folders) => return folders.get(folder).cloned().unwrap_or_default(),
            TreeKind::Folder(root) => root,
        };
        let Ok(found) = self.fs.read_dir(&root.join(folder)) else { return Vec::new() };
        let mut entries: Vec<Entry> = found
            .into_iter()
            // The engine takes no other names.
            .filter_map(|entry| Some((entry.name?, entry.is_symlink)))
            .filter_map(|(name, is_link)| {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                self.on_disk(root, path, is_link)
            })
            .collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    fn on_disk(&self, root: &Path, path: String, is_link: bool) -> Option<Entry> {
        let full = root.join(&path);
        if is_link {
            let target = self.fs.read_link(&full).ok()?.to_str()?.to_owned();
            let modified = nanoseconds(Some(self.now));
            return Some(Entry { path, permissions: 0o777, size: 0, modified, holds: Holds::Link(target) });
        }
        let metadata = self.fs.metadata(&full).ok()?;
        match metadata.kind {
            Kind::File => Some(file_entry(path, full, &*self.fs, self.now)),
            Kind::Dir => Some(Entry {
                path,
                permissions: metadata.mode.unwrap_or(0o755),
                size: 0,
                modified: nanoseconds(metadata.modified),
                holds: Holds::Dir,
            }),
            Kind::Socket | Kind::Other => None,
        }
    }

    /// Hands over what is selected, each folder before what is in it, until somebody has enough.
    ///
    /// # Errors
    /// What the taker returns.
    pub(crate) fn visit<E>(
        &self,
        selection: &Selection,
        take: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        Visit { tree: self, selection, pending: Vec::new(), take }.folder("", 0)
    }

    /// All of it.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        let done: Result<(), std::convert::Infallible> = self.visit(&Selection::default(), &mut |entry| {
            all.push(entry);
            Ok(())
        });
        let Ok(()) = done;
        all
    }

    /// Opens a file of it.
    ///
    /// # Errors
    /// As the system reports them.
    pub(crate) fn open<'a>(&'a self, holds: &'a Holds) -> io::Result<Box<dyn Read + 'a>> {
        match holds {
            Holds::File(path) => self.fs.open(path),
            Holds::Text(text) => Ok(Box::new(text.as_bytes())),
            Holds::Dir | Holds::Link(_) => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }

    /// The paths that are asked for, and where links on the way to them lead.
    ///
    /// Source: github.com/tonistiigi/fsutil, `FollowLinks`.
    pub(crate) fn follow(&self, paths: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        for path in paths {
            self.follow_one(path, &mut found, 0);
        }
        if found.iter().any(|p| p == ".") { Vec::new() } else { found }
    }

    fn follow_one(&self, path: &str, found: &mut Vec<String>, depth: usize) {
        let cleaned = clean(path);
        let cleaned = cleaned.trim_start_matches('/');
        if depth > 255 || cleaned.is_empty() {
            found.push(".".to_owned());
            return;
        }
        let parts: Vec<&str> = cleaned.split('/').collect();
        for at in 0..parts.len() {
            let (here, rest) = (parts[..=at].join("/"), parts[at + 1..].join("/"));
            let targets = self.targets(&here);
            if targets.is_empty() {
                continue;
            }
            if found.contains(&here) {
                return;
            }
            found.push(here);
            for target in targets {
                self.follow_one(&format!("{target}/{rest}"), found, depth + 1);
            }
            return;
        }
        if !found.iter().any(|p| p == cleaned) {
            found.push(cleaned.to_owned());
        }
    }

    /// Where a link leads, or the links that a name with wildcards stands for.
    fn targets(&self, path: &str) -> Vec<String> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let matches = |entry: &Entry| {
            let own = entry.path.rsplit('/').next().unwrap_or_default();
            if has_wildcards(name) { name_matches(name, own) } else { name == own }
        };
        let entries = self.children(parent).into_iter().filter(matches);
        entries
            .filter_map(|entry| match entry.holds {
                Holds::Link(target) if target.starts_with('/') => Some(target),
                Holds::Link(target) => Some(format!("/{parent}/{target}")),
                _ => None,
            })
            .collect()
    }
}

struct Visit<'a, E> {
    tree: &'a Tree,
    selection: &'a Selection,
    /// Folders that are handed over when something in them is.
    pending: Vec<Entry>,
    take: &'a mut dyn FnMut(Entry) -> Result<(), E>,
}

impl<E> Visit<'_, E> {
    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), E> {
        if depth > 512 {
            return Ok(());
        }
        let Selection { include, exclude } = self.selection;
        for entry in self.tree.children(folder) {
            let excluded = exclude.matches(&entry.path);
            let kept = !excluded && (include.is_empty() || include.matches(&entry.path));
            if !entry.is_dir() {
                if kept {
                    self.flush()?;
                    (self.take)(entry)?;
                }
                continue;
            }
            let path = entry.path.clone();
            if (excluded && !exclude.has_negated())
                || (!kept && !include.is_empty() && !include.may_match_below(&path))
            {
                continue;
            }
            self.pending.push(entry);
            if kept {
                self.flush()?;
            }
            self.folder(&path, depth + 1)?;
            if self.pending.last().is_some_and(|e| e.path == path) {
                self.pending.pop();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), E> {
        self.pending.drain(..).try_for_each(&mut self.take)
    }
}

fn file_entry(path: String, source: PathBuf, fs: &dyn FileSystem, now: SystemTime) -> Entry {
    let metadata = fs.metadata(&source).ok();
    Entry {
        path,
        permissions: metadata.and_then(|m| m.mode).unwrap_or(0o644),
        size: metadata.map_or(0, |m| m.len),
        // A text that an editor holds may change without its size: the engine goes by the time.
        modified: nanoseconds(metadata.and_then(|m| m.modified).or(Some(now))),
        holds: Holds::File(source),
    }
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn nanoseconds(time: Option<SystemTime>) -> i64 {
    let since = time.and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::{MemoryFileSystem, OsFileSystem};
    use image_model::path::PyPath;

    fn made(files: &[&str]) -> Tree {
        let fs = files.iter().fold(MemoryFileSystem::default(), |fs, f| fs.with(format!("/w/{f}"), "x"));
        let files = files.iter().map(|f| ((*f).to_owned(), Content::File(PyPath::new(f)))).collect();
        let resolve = |path: &PyPath| Path::new("/w").join(path.as_str());
        Tree::made(files, &resolve, Arc::new(fs), 0o022, SystemTime::UNIX_EPOCH)
    }

    fn selected(tree: &Tree, include: &[&str], exclude: &[&str]) -> Vec<String> {
        let patterns =
            |texts: &[&str]| Patterns::new(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        let selection = Selection { include: patterns(include), exclude: patterns(exclude) };
        let mut paths = Vec::new();
        let done: Result<(), ()> = tree.visit(&selection, &mut |e| {
            paths.push(e.path);
            Ok(())
        });
        done.expect("never fails");
        paths
    }

    #[test]
    fn folders_come_before_what_is_in_them_and_names_in_order() {
        let tree = made(&["b/c", "b.txt", "a", "b/a/d"]);
        assert_eq!(selected(&tree, &[], &[]), ["a", "b", "b/a", "b/a/d", "b/c", "b.txt"]);
        assert_eq!(selected(&tree, &["b/c"], &[]), ["b", "b/c"]);
        assert_eq!(selected(&tree, &["b"], &["b/a"]), ["b", "b/c"]);
        assert_eq!(selected(&tree, &[], &["b", "!b/c"]), ["a", "b", "b/c", "b.txt"]);
        let modes: Vec<u32> = tree.entries().iter().take(2).map(Entry::go_mode).collect();
        assert_eq!(modes, [0o644, DIR | 0o755]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_what_they_name() {
        let folder = crate::tests::folder("links");
        std::fs::create_dir_all(folder.join("real/deep")).expect("a folder");
        std::fs::write(folder.join("real/deep/f"), "x").expect("written");
        std::os::unix::fs::symlink("real", folder.join("alias")).expect("a link");
        let tree = Tree::folder(folder, Arc::new(OsFileSystem), SystemTime::UNIX_EPOCH);
        let follow = |path: &str| tree.follow(&[path.to_owned()]);
        assert_eq!(follow("alias/deep/f"), ["alias", "real/deep/f"]);
        assert_eq!(follow("al*"), ["al*", "real"]);
        assert_eq!(follow("real/deep"), ["real/deep"]);
        assert!(follow("/").is_empty());
        let include: Vec<String> = follow("alias/deep/f");
        let include: Vec<&str> = include.iter().map(String::as_str).collect();
        assert_eq!(selected(&tree, &include, &[]), ["alias", "real", "real/deep", "real/deep/f"]);
    }
}
