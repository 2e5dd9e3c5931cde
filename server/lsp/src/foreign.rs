//! What the modules that use a file say of it: findings in requirements files, projects and the headers of scripts.
//!
//! A finding in such a file is found where an image is made from it. Each analysis of a module notes what it says of
//! other files; for files that are open, the modules of the workspace that use them are followed, open or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use image_rules::Finding;

use crate::analysis::Analysis;
use crate::state::lock;

/// What modules say of other files.
#[derive(Default)]
pub(crate) struct Foreign {
    /// By the file that is spoken of, then by the module that speaks.
    said: Mutex<HashMap<PathBuf, BTreeMap<PathBuf, Vec<Finding>>>>,
    /// The modules that use an open file.
    users: Mutex<HashMap<PathBuf, BTreeSet<PathBuf>>>,
    look: Mutex<Look>,
    /// Names of packages that the files of the workspace use.
    names: Mutex<Arc<BTreeSet<String>>>,
}

/// The look for users of files.
#[derive(Default)]
struct Look {
    /// Somebody is at it.
    is_on: bool,
    /// It was asked for since it was begun last.
    is_wanted: bool,
    /// Somebody waits to begin it.
    is_put_off: bool,
    /// When it ended last, and how long it took.
    last: Option<(Instant, Duration)>,
}

/// A look that took so long is taken again after as many times as long.
const PAUSES: u32 = 20;

/// The files that a finding is shown in, besides the module itself.
fn targets(finding: &Finding, module: &Path) -> BTreeSet<PathBuf> {
    let related = finding.related.iter().map(|r| &r.site.path);
    let all = related.chain([&finding.site.path]).map(|p| p.to_path_buf());
    let wanted = image_rules::is_about_manifests(finding.rule);
    all.filter(|p| wanted && p != module).collect()
}

/// What an analysis says of another file.
pub(crate) fn said_by(analysis: &Analysis, target: &Path) -> Vec<Finding> {
    let module = &analysis.report.path;
    analysis.findings.iter().filter(|f| targets(f, module).contains(target)).cloned().collect()
}

impl Foreign {
    /// Notes what an analysis says; the files of which something else is said now.
    pub(crate) fn note(&self, analysis: &Analysis) -> Vec<PathBuf> {
        let module = &analysis.report.path;
        let mut now: HashMap<PathBuf, Vec<Finding>> = HashMap::new();
        for finding in &analysis.findings {
            for target in targets(finding, module) {
                now.entry(target).or_default().push(finding.clone());
            }
        }
        let mut said = lock(&self.said);
        let mut changed = Vec::new();
        let known: BTreeSet<PathBuf> = said
            .iter()
            .filter(|(_, by)| by.contains_key(&**module))
            .map(|(target, _)| target.clone())
            .collect();
        for target in known.into_iter().chain(now.keys().cloned()).collect::<BTreeSet<_>>() {
            let by = said.entry(target.clone()).or_default();
            let before = by.remove(&**module).unwrap_or_default();
            let after = now.remove(&target).unwrap_or_default();
            if format!("{before:?}") != format!("{after:?}") {
                changed.push(target.clone());
            }
            if after.is_empty() {
                if by.is_empty() {
                    said.remove(&target);
                }
            } else {
                by.insert(module.to_path_buf(), after);
            }
        }
        changed
    }

    /// What is said of a file, each finding once.
    pub(crate) fn of(&self, target: &Path) -> Vec<Finding> {
        let mut found: Vec<Finding> =
            lock(&self.said).get(target).into_iter().flat_map(|by| by.values().flatten().cloned()).collect();
        image_rules::order(&mut found);
        found
    }

    /// The modules that say something of a file.
    pub(crate) fn speakers(&self, target: &Path) -> Vec<PathBuf> {
        lock(&self.said).get(target).into_iter().flat_map(|by| by.keys().cloned()).collect()
    }

    /// The modules that use an open file, as far as they were looked for.
    pub(crate) fn users(&self, target: &Path) -> Vec<PathBuf> {
        lock(&self.users).get(target).into_iter().flatten().cloned().collect()
    }

    /// Follows the modules that use an open file; those that are new.
    pub(crate) fn follow(&self, target: &Path, modules: BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let before = lock(&self.users).insert(target.to_owned(), modules.clone()).unwrap_or_default();
        modules.difference(&before).cloned().collect()
    }

    /// Follows one more module that uses an open file.
    pub(crate) fn add_user(&self, target: &Path, module: &Path) {
        lock(&self.users).entry(target.to_owned()).or_default().insert(module.to_owned());
    }

    /// A file is closed: nobody needs the modules that use it; those that are not followed any more.
    pub(crate) fn unfollow(&self, target: &Path) -> Vec<PathBuf> {
        let mut users = lock(&self.users);
        let gone = users.remove(target).unwrap_or_default();
        gone.into_iter().filter(|m| !users.values().any(|all| all.contains(m))).collect()
    }

    /// Names of packages that the files of the workspace use, as far as they were looked at.
    pub(crate) fn names(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&lock(&self.names))
    }

    /// Notes the names of packages that the files of the workspace use.
    pub(crate) fn note_names(&self, names: BTreeSet<String>) {
        *lock(&self.names) = Arc::new(names);
    }

    /// Asks for a look for users of files; whether nobody is at it yet.
    pub(crate) fn wants_look(&self) -> bool {
        let mut look = lock(&self.look);
        look.is_wanted = true;
        look.is_put_off = false;
        !std::mem::replace(&mut look.is_on, true)
    }

    /// How long a look is put off, which is to be waited by who asks; nothing where another one waits already.
    ///
    /// # Errors
    /// `Err` where it need not be put off.
    pub(crate) fn put_off(&self) -> Result<Option<Duration>, ()> {
        let mut look = lock(&self.look);
        let (ended, took) = look.last.ok_or(())?;
        let pause = (took * PAUSES).checked_sub(ended.elapsed()).ok_or(())?;
        Ok((!std::mem::replace(&mut look.is_put_off, true)).then_some(pause))
    }

    /// Notes that a look ended, and how long it took.
    pub(crate) fn looked(&self, took: Duration) {
        let mut look = lock(&self.look);
        look.last = Some((Instant::now(), took));
    }

    /// Whether a look is wanted. Who gets `false` is not at it any more.
    pub(crate) fn begins_look(&self) -> bool {
        let mut look = lock(&self.look);
        look.is_on = std::mem::take(&mut look.is_wanted);
        look.is_on
    }

    /// Whether a module is followed, open or not.
    pub(crate) fn is_followed(&self, module: &Path) -> bool {
        lock(&self.users).values().any(|all| all.contains(module))
    }

    /// All modules that are followed.
    pub(crate) fn followed(&self) -> BTreeSet<PathBuf> {
        lock(&self.users).values().flatten().cloned().collect()
    }

    /// A module is not there any more: what it said goes; the files that it spoke of.
    pub(crate) fn forget(&self, module: &Path) -> Vec<PathBuf> {
        let mut said = lock(&self.said);
        let mut changed = Vec::new();
        for (target, by) in said.iter_mut() {
            if by.remove(module).is_some() {
                changed.push(target.clone());
            }
        }
        said.retain(|_, by| !by.is_empty());
        changed
    }
}
