//! Whole folders, read behind the typist's back.
//!
//! A tag that holds a folder's files would need all of them with every key. So what was read is kept: a small folder's
//! bytes, and of a larger one the digest at intervals. An answer is given from that, or there is none yet; reading is
//! done by [`FolderCache::refresh`], off the typing path. flyte feeds everything into one MD5, so that after a file that
//! changed everything behind it has to be fed anew; what is before it is not read again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use image_manifests::fs::{FileSystem, Kind, Metadata};
use image_model::context::Item;
use image_model::error::Res;
use image_model::folders::{Direct, Files, Folders, being_read};
use image_model::hash::{self, Digest, SourceFile};
use image_model::ignore::Ignore;
use image_model::path::PyPath;
use image_model::world::{Environment, World};

/// Bytes of a folder whose content is kept, so that a new beginning costs no reading.
const SMALL: u64 = 128 << 10;
/// Bytes between two digests that are kept.
const INTERVAL: u64 = 4 << 20;
/// Bytes from which on a single file's digest is kept.
const LARGE: u64 = 64 << 10;
/// Digests of single files that are kept.
const HASHED: usize = 64;
/// How long a folder is believed to be as it was.
const FRESH: Duration = Duration::from_secs(1);
/// A look that took so long is taken again after as many times as long.
const PAUSES: u32 = 20;
/// Digests with different beginnings that are kept for a folder.
const BEGINNINGS: usize = 16;

/// What a folder is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    folder: String,
    ignore: String,
}

/// Digests after so many files.
type Marks = Vec<(usize, Digest)>;
/// A file as it was when it was read.
type Seen = (SourceFile, Option<Metadata>);

#[derive(Default)]
struct Folder {
    files: Arc<Vec<Seen>>,
    /// The bytes that are hashed, of a small folder.
    content: Option<Arc<[u8]>>,
    /// By the digest before the folder: the digests at intervals (after so many files), and the last one.
    digests: HashMap<String, (Marks, Res<Digest>)>,
    several: Option<bool>,
    checked: Option<Instant>,
    /// How it was asked for last.
    asked: Option<(Wish, Environment)>,
}

/// Something that somebody wants to know.
#[derive(Clone)]
enum Wish {
    Digest { before: Digest, folder: PyPath, ignore: Option<Ignore> },
    Several { folder: PyPath, ignore: Option<Ignore> },
    Files { item: Item },
}

/// A large file that was hashed behind something.
struct HashedFile {
    before: String,
    path: PathBuf,
    metadata: Metadata,
    after: Digest,
}

#[derive(Default)]
struct Known {
    files: Vec<HashedFile>,
    folders: HashMap<Key, Folder>,
    contexts: HashMap<String, (Res<Arc<Files>>, Instant)>,
    wishes: Vec<(String, Wish, Environment)>,
    /// When the folders were looked at last without being asked for, and how long that took.
    looked: Option<(Instant, Duration)>,
}

/// What is known of folders.
#[derive(Default)]
pub(crate) struct FolderCache {
    known: Mutex<Known>,
}

fn key(folder: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> Key {
    Key {
        folder: world.resolve(folder).to_string_lossy().into_owned(),
        ignore: format!("{folder}{ignore:?}"),
    }
}

impl FolderCache {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody wants to know something that is not known, or not known for sure any more.
    pub(crate) fn has_wishes(&self) -> bool {
        !self.known().wishes.is_empty()
    }

    /// Believes nothing any more without a look; what was read stays as far as it is still so.
    pub(crate) fn look_again(&self) {
        let mut known = self.known();
        for folder in known.folders.values_mut() {
            folder.checked = None;
        }
        known.contexts.clear();
    }

    /// Wants to know again what was not looked at for a while: nobody may type, and files change nevertheless. A look at
    /// very many files is taken less often.
    pub(crate) fn recheck(&self) {
        let mut known = self.known();
        let pause = known.looked.map_or(FRESH, |(_, took)| FRESH.max(took * PAUSES));
        if known.looked.is_some_and(|(at, _)| at.elapsed() < pause) {
            return;
        }
        let Known { folders, wishes, .. } = &mut *known;
        for (key, folder) in folders {
            let is_old = folder.checked.is_none_or(|at| at.elapsed() >= FRESH);
            let name = digest_name(key);
            if let Some((wish, environment)) = folder.asked.clone().filter(|_| is_old)
                && !wishes.iter().any(|(n, _, _)| *n == name)
            {
                wishes.push((name, wish, environment));
            }
        }
    }

    /// Forgets everything: it is read again when it is asked for.
    pub(crate) fn forget(&self) {
        let mut known = self.known();
        known.folders.clear();
        known.contexts.clear();
    }

    /// Reads what is wanted. Takes long. Whether any answer is another one now.
    pub(crate) fn refresh(&self, fs: &dyn FileSystem) -> bool {
        let wishes = std::mem::take(&mut self.known().wishes);
        let (start, mut changed) = (Instant::now(), false);
        for (_, wish, environment) in wishes {
            let world = World::new(fs, &environment);
            changed |= match wish {
                Wish::Digest { before, folder, ignore } => {
                    self.read(&before, &folder, ignore.as_ref(), &world)
                }
                Wish::Several { folder, ignore } => {
                    let several = Direct.has_several_folders(&folder, ignore.as_ref(), &world);
                    let mut known = self.known();
                    let entry = known.folders.entry(key(&folder, ignore.as_ref(), &world)).or_default();
                    entry.several.replace(several) != Some(several)
                }
                Wish::Files { item } => {
                    let files = Direct.files(&item, &world);
                    let before =
                        self.known().contexts.insert(name_of(&item, &world), (files.clone(), Instant::now()));
                    before.is_none_or(|(before, _)| before != files)
                }
            };
        }
        self.known().looked = Some((Instant::now(), start.elapsed()));
        changed
    }

    fn wish(&self, known: &mut Known, name: String, wish: Wish, world: &World<'_>) {
        let _ = self;
        // Of a folder with several beginnings the last one is what is typed now; the others will ask again.
        known.wishes.retain(|(n, _, _)| *n != name);
        known.wishes.push((name, wish, world.env.clone()));
    }

    /// Reads a folder, as far as it is not as it was.
    fn read(&self, before: &Digest, folder: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
        let key = key(folder, ignore, world);
        let files: Res<Vec<Seen>> = hash::listing(folder, ignore, world)
            .map(|files| files.into_iter().map(|f| (f.clone(), stamp(&f.path, world))).collect());
        let (old_files, old) = {
            let mut known = self.known();
            let entry = known.folders.entry(key.clone()).or_default();
            (Arc::clone(&entry.files), entry.digests.get(&before.hex()).cloned())
        };
        let feed = Feed { before, world };
        let (files, content, marks, digest) = match files {
            Err(stop) => (Vec::new(), None, Vec::new(), Err(stop)),
            Ok(files) => {
                let same = files
                    .iter()
                    .zip(old_files.iter())
                    .take_while(|(a, b)| a == b && a.1.is_some_and(|m| m.modified.is_some()))
                    .count();
                let unchanged = same == files.len() && same == old_files.len();
                if unchanged && let Some((_, _)) = &old {
                    if let Some(entry) = self.known().folders.get_mut(&key) {
                        entry.checked = Some(Instant::now());
                    }
                    return false;
                }
                let marks = old.as_ref().map(|(marks, _)| marks.as_slice()).unwrap_or_default();
                let (content, marks, digest) = feed.digest(&files, same, marks);
                (files, content, marks, digest)
            }
        };
        let mut known = self.known();
        let entry = known.folders.entry(key).or_default();
        if *entry.files != files {
            entry.digests.clear();
            entry.content = None;
            entry.files = Arc::new(files);
        }
        if entry.digests.len() >= BEGINNINGS {
            entry.digests.clear();
        }
        entry.content = content.or(entry.content.take());
        entry.checked = Some(Instant::now());
        let hex = |d: &Res<Digest>| d.as_ref().map(Digest::hex).map_err(Clone::clone);
        let new = hex(&digest);
        entry.digests.insert(before.hex(), (marks, digest));
        old.is_none_or(|(_, old)| hex(&old) != new)
    }
}

struct Feed<'a, 'w> {
    before: &'a Digest,
    world: &'a World<'w>,
}

/// A small folder's bytes, the digests at intervals, and the last one.
type Read = (Option<Arc<[u8]>>, Marks, Res<Digest>);

impl Feed<'_, '_> {
    /// The digest of files of which the first ones are as they were.
    fn digest(&self, files: &[Seen], same: usize, marks: &[(usize, Digest)]) -> Read {
        let size: u64 = files.iter().map(|(_, m)| m.map_or(0, |m| m.len)).sum();
        let mut marks: Marks = marks.iter().filter(|(n, _)| *n <= same).cloned().collect();
        let (start, mut digest) = marks.last().cloned().unwrap_or((0, self.before.clone()));
        let is_plain = |m: &Option<Metadata>| m.is_some_and(|m| m.kind == Kind::File);
        if size <= SMALL && files.iter().all(|(_, m)| is_plain(m)) {
            let mut content = Vec::new();
            for (file, _) in files {
                let full = self.world.resolve(&file.path);
                match self.world.fs.read(&full) {
                    Ok(bytes) => content.extend_from_slice(&bytes),
                    Err(error) => return (None, Vec::new(), Err(hash::os_error(&error, file.path.as_str()))),
                }
                content.extend_from_slice(file.name.as_bytes());
            }
            let mut digest = self.before.clone();
            digest.update(&content);
            return (Some(content.into()), Vec::new(), Ok(digest));
        }
        let mut since = 0;
        for (number, (file, metadata)) in files.iter().enumerate().skip(start) {
            if since >= INTERVAL {
                marks.push((number, digest.clone()));
                since = 0;
            }
            if let Err(stop) = digest.source_content(&file.path, &file.name, self.world) {
                return (None, marks, Err(stop));
            }
            since += metadata.map_or(0, |m| m.len);
        }
        (None, marks, Ok(digest))
    }
}

fn digest_name(key: &Key) -> String {
    format!("digest {key:?}")
}

fn stamp(path: &PyPath, world: &World<'_>) -> Option<Metadata> {
    world.fs.metadata(&world.resolve(path)).ok()
}

fn name_of(item: &Item, world: &World<'_>) -> String {
    format!("{item:?} in {}", world.env.working_directory)
}

impl Folders for FolderCache {
    /// A lock or a wheel is hashed once, and again when it changes or what is before it does.
    fn file(&self, before: Digest, path: &PyPath, world: &World<'_>) -> Res<Digest> {
        let full = world.resolve(path);
        let metadata = world.fs.metadata(&full).ok().filter(|m| m.modified.is_some() && m.len >= LARGE);
        let key = metadata.map(|metadata| (before.hex(), full, metadata));
        if let Some((before, path, metadata)) = &key {
            let known = self.known();
            let is_it = |f: &&HashedFile| f.before == *before && f.path == *path && f.metadata == *metadata;
            if let Some(file) = known.files.iter().find(is_it) {
                return Ok(file.after.clone());
            }
        }
        let after = Direct.file(before, path, world)?;
        if let Some((before, path, metadata)) = key {
            let files = &mut self.known().files;
            files.retain(|f| f.path != path || f.metadata == metadata);
            if files.len() >= HASHED {
                files.remove(0);
            }
            files.push(HashedFile { before, path, metadata, after: after.clone() });
        }
        Ok(after)
    }

    fn digest(
        &self,
        before: Digest,
        folder: &PyPath,
        ignore: Option<&Ignore>,
        world: &World<'_>,
    ) -> Res<Digest> {
        let is_small_file = |m: Metadata| m.kind != Kind::Dir && m.len <= SMALL;
        if world.fs.metadata(&world.resolve(folder)).map_or(true, is_small_file) {
            return Direct.digest(before, folder, ignore, world);
        }
        let key = key(folder, ignore, world);
        let mut known = self.known();
        let wish = Wish::Digest { before: before.clone(), folder: folder.clone(), ignore: ignore.cloned() };
        let entry = known.folders.entry(key.clone()).or_default();
        entry.asked = Some((wish.clone(), world.env.clone()));
        let entry = known.folders.get(&key);
        let fresh = entry.and_then(|e| e.checked).is_some_and(|at| at.elapsed() < FRESH);
        let answer = entry.and_then(|entry| match (&entry.content, entry.digests.get(&before.hex())) {
            (_, Some((_, digest))) => Some(digest.clone()),
            (Some(content), None) => {
                let mut digest = before.clone();
                digest.update(content);
                Some(Ok(digest))
            }
            (None, None) => None,
        });
        if !fresh || answer.is_none() {
            self.wish(&mut known, digest_name(&key), wish, world);
        }
        answer.unwrap_or_else(|| Err(being_read(folder)))
    }

    fn files(&self, item: &Item, world: &World<'_>) -> Res<Arc<Files>> {
        let Item::Folder { source, .. } = item else { return Direct.files(item, world) };
        let name = name_of(item, world);
        let mut known = self.known();
        let found = known.contexts.get(&name).cloned();
        if found.as_ref().is_none_or(|(_, at)| at.elapsed() >= FRESH) {
            self.wish(&mut known, name, Wish::Files { item: item.clone() }, world);
        }
        found.map_or_else(|| Err(being_read(source)), |(files, _)| files)
    }

    fn has_several_folders(&self, root: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
        let key = key(root, ignore, world);
        let mut known = self.known();
        let found = known.folders.get(&key).and_then(|e| e.several);
        if found.is_none() {
            let wish = Wish::Several { folder: root.clone(), ignore: ignore.cloned() };
            self.wish(&mut known, format!("several {key:?}"), wish, world);
        }
        found.unwrap_or(false)
    }
}

/// Reads what is asked for, and keeps it for the next time.
pub(crate) struct Reading(pub(crate) Arc<FolderCache>);

impl Folders for Reading {
    fn digest(
        &self,
        before: Digest,
        folder: &PyPath,
        ignore: Option<&Ignore>,
        world: &World<'_>,
    ) -> Res<Digest> {
        self.0.read(&before, folder, ignore, world);
        let known = self.0.known();
        let read = known.folders.get(&key(folder, ignore, world)).and_then(|e| e.digests.get(&before.hex()));
        read.map_or_else(|| Err(being_read(folder)), |(_, digest)| digest.clone())
    }

    fn files(&self, item: &Item, world: &World<'_>) -> Res<Arc<Files>> {
        Direct.files(item, world)
    }

    fn has_several_folders(&self, root: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
        Direct.has_several_folders(root, ignore, world)
    }
}

/// Reads nothing: for questions that no folder's content answers.
pub(crate) struct Unread;

impl Folders for Unread {
    fn digest(&self, _: Digest, folder: &PyPath, _: Option<&Ignore>, _: &World<'_>) -> Res<Digest> {
        Err(being_read(folder))
    }

    fn files(&self, item: &Item, _: &World<'_>) -> Res<Arc<Files>> {
        match item {
            Item::Folder { source, .. } | Item::File { source, .. } => Err(being_read(source)),
            Item::Text { .. } => Ok(Arc::default()),
        }
    }

    fn has_several_folders(&self, _: &PyPath, _: Option<&Ignore>, _: &World<'_>) -> bool {
        false
    }
}
