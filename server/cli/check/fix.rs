//! `--fix` and `--diff`: fixes in rounds, file by file, and what is written or shown of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::{FileSystem, Overlay};
use image_python::notebook::is_notebook;
use image_rules::Finding;
use image_rules::apply::{Fixed, fix};
use similar::TextDiff;

use super::{Outcome, applicability};
use crate::args::Check;
use crate::context::Context;
use crate::error::CliError;
use crate::paint::{self, Output};

/// Mends what can be mended. What is left takes the place of what was found.
pub(super) fn run(arguments: &Check, outcome: &mut Outcome, context: &Context) -> Result<(), CliError> {
    let up_to = applicability(arguments);
    let mut by_file: BTreeMap<Arc<Path>, Vec<Finding>> = BTreeMap::new();
    for finding in std::mem::take(&mut outcome.findings) {
        by_file.entry(Arc::clone(&finding.site.path)).or_default().push(finding);
    }
    let mut out = Output::new();
    for (path, findings) in by_file {
        let fixable = findings.iter().any(|f| f.fix.as_ref().is_some_and(|x| x.applicability <= up_to));
        if !fixable || is_notebook(&path) {
            outcome.findings.extend(findings);
            continue;
        }
        let originals = originals(&findings);
        let owners = outcome.owners.get(&path).cloned().unwrap_or_default();
        let fixed = of_file(&path, findings, up_to, &owners, context);
        if arguments.diff {
            for (path, text) in &fixed.texts {
                let before = originals.text(path, &*context.fs);
                outcome.differs |= before != **text;
                write_diff(&mut out, &context.shown(path), &before, text)?;
            }
            outcome.findings.extend(fixed.left);
            continue;
        }
        let mut written = Vec::new();
        for (path, text) in &fixed.texts {
            match write(path, text, originals.bytes(path)) {
                Ok(()) => written.push(path),
                Err(message) => {
                    outcome.problems.push(CliError::NotFixed { path: context.shown(path), message })
                }
            }
        }
        if written.len() == fixed.texts.len() {
            for (code, count) in fixed.applied {
                *outcome.fixed.entry(code).or_default() += count;
            }
        }
        outcome.findings.extend(fixed.left);
    }
    image_rules::order(&mut outcome.findings);
    Ok(out.finish()?)
}

/// Fixes one file to the end, in memory. `owners` are the files that are looked at to find what is wrong in it.
pub(super) fn of_file(
    path: &Path,
    findings: Vec<Finding>,
    up_to: image_rules::Applicability,
    owners: &BTreeSet<PathBuf>,
    context: &Context,
) -> Fixed {
    let read = |path: &Path| context.fs.read_text(path).ok().map(without_mark);
    let check = |texts: &BTreeMap<PathBuf, Arc<str>>| {
        let fs = Overlay::new(Arc::clone(&context.fs), texts.clone());
        let all = owners.iter().flat_map(|owner| context.check_over(owner, &fs));
        let mut own: Vec<Finding> = all.filter(|f| &*f.site.path == path).collect();
        image_rules::order(&mut own);
        own
    };
    fix(findings, up_to, &read, &check)
}

fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// The bytes of files as they were when they were checked.
struct Originals(BTreeMap<PathBuf, Option<Vec<u8>>>);

fn originals(findings: &[Finding]) -> Originals {
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).ok();
        (path, bytes)
    };
    Originals(super::touched(findings).into_iter().map(read).collect())
}

impl Originals {
    fn bytes(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).and_then(|b| b.as_deref())
    }

    fn text(&self, path: &Path, fs: &dyn FileSystem) -> String {
        without_mark(fs.read_text(path).unwrap_or_default())
    }
}

/// Writes a file in one go: a new one beside it takes its place, with its permissions. A file that is not what it was
/// is left alone.
pub(super) fn write(path: &Path, text: &str, original: Option<&[u8]>) -> Result<(), String> {
    let now = std::fs::read(path).ok();
    if now.as_deref() != original {
        return Err("it was changed meanwhile".to_owned());
    }
    // A link stays one: what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().ok_or("it has no folder")?;
    let failed = |e: std::io::Error| e.to_string();
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    if original.is_some_and(|bytes| bytes.starts_with("\u{feff}".as_bytes())) {
        file.write_all("\u{feff}".as_bytes()).map_err(failed)?;
    }
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match std::fs::metadata(&target) {
        Ok(metadata) => std::fs::set_permissions(file.path(), metadata.permissions()).map_err(failed)?,
        Err(_) => share(file.path())?,
    }
    file.persist(&target).map_err(|e| e.error.to_string())?;
    Ok(())
}

/// A file that is new may be read by others, as any file that an editor makes; a temporary one may not.
#[cfg(unix)]
fn share(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).map_err(|e| e.to_string())
}

#[cfg(not(unix))]
fn share(_: &Path) -> Result<(), String> {
    Ok(())
}

pub(super) fn write_diff(out: &mut Output, name: &str, before: &str, after: &str) -> Result<(), CliError> {
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(3).header(name, name).to_string();
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        let style = match content.bytes().next() {
            Some(b'+') if !content.starts_with("+++") => Some(paint::GOOD),
            Some(b'-') if !content.starts_with("---") => Some(paint::BAD),
            Some(b'@') => Some(paint::TAG),
            _ => None,
        };
        match style {
            Some(style) => write!(out, "{}{end}", paint::in_style(style, content))?,
            None => write!(out, "{line}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.py");
        std::fs::write(&path, "new").expect("written");
        assert_eq!(write(&path, "fixed", Some(b"old")), Err("it was changed meanwhile".to_owned()));
        assert_eq!(write(&path, "fixed", None), Err("it was changed meanwhile".to_owned()));
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "new");
        assert_eq!(write(&path, "fixed", Some(b"new")), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "fixed");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
