//! Which files a command looks at.

use std::path::{Path, PathBuf};

use image_python::evaluate::Condition;
use image_python::files::{may_have_images, walk};
use image_python::inspect::FileReport;
use image_python::json::Places;
use rayon::prelude::*;

use image_python::notebook::is_notebook;

use crate::args::Check;
use crate::context::Context;
use crate::error::{CliError, warn};
use crate::inspect::place;

/// A file, and the name of the one image that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) image: Option<String>,
    /// Named by the user, not found in a folder.
    pub(crate) explicit: bool,
}

/// `PATH` or `PATH::NAME`.
pub(crate) fn split_name(argument: &str) -> (&str, Option<&str>) {
    match argument.split_once("::") {
        Some((path, name)) => (path, Some(name)),
        None => (argument, None),
    }
}

/// The one image that `FILE[::NAME]` means: its file's report, and its number in it. Where the name holds another image
/// under other conditions, that is said.
///
/// # Errors
/// Where the file cannot be read, has no such image, or has several and none is named.
pub(crate) fn one_image(argument: &str, context: &Context) -> Result<(FileReport, usize), CliError> {
    let (path, name) = split_name(argument);
    let full = clean(&context.ambient.current_directory.join(path));
    let unreadable = |message| CliError::Unreadable { path: path.to_owned(), message };
    let (report, _) = context.inspect(&full).map_err(unreadable)?;
    let images = || report.images.iter().enumerate().filter(|(_, i)| !i.intermediate && !i.speculative);
    let mut available: Vec<String> = images().flat_map(|(_, i)| i.names.first().cloned()).collect();
    available.dedup();
    // Images that share the only name are one image for whoever asks.
    let shared =
        available.first().filter(|_| available.len() == 1 && images().all(|(_, i)| !i.names.is_empty()));
    let name = name.or(shared.map(String::as_str));
    let found = match name {
        Some(name) => match report.named(name) {
            Some(number) => {
                say_others(path, name, &report, context);
                number
            }
            None => {
                let (path, name) = (path.to_owned(), name.to_owned());
                return Err(CliError::NoSuchImage { path, name, available });
            }
        },
        None => match images().map(|(number, _)| number).collect::<Vec<_>>().as_slice() {
            [] => return Err(CliError::NoImages { path: path.to_owned() }),
            [one] => *one,
            _ => return Err(CliError::Several { path: path.to_owned(), available }),
        },
    };
    Ok((report, found))
}

fn say_others(path: &str, name: &str, report: &FileReport, context: &Context) {
    let mut places = Places::new(&*context.fs, |path| context.shown(path));
    for (other, binding) in report.also_named(name) {
        let place = place(&other.site, &mut places);
        let when: Vec<String> = binding.when.iter().map(Condition::shown).collect();
        let when = if when.is_empty() {
            "in other cases".to_owned()
        } else {
            format!("when {}", when.join(" and "))
        };
        warn(path, &format!("{name} is another image {when}: that of {place}"));
    }
}

/// The files of the arguments; folders are walked as git sees them. Paths that are not there become problems.
pub(crate) fn targets(arguments: &[String], context: &Context) -> (Vec<Target>, Vec<CliError>) {
    found(arguments, context, |path| path.extension().is_some_and(|e| e == "py"))
}

/// What `check` looks at in folders: Python files, and notebooks.
pub(crate) fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "py") || is_notebook(path)
}

/// The files for `check`. Whether they are excluded is asked only of those that can have images.
pub(crate) fn check_targets(arguments: &Check, context: &Context) -> (Vec<Target>, Vec<CliError>) {
    let (targets, problems) = found(&arguments.paths, context, is_module);
    if arguments.verbose {
        for target in &targets {
            let settings = context.settings(&target.path);
            let from = settings.path.as_ref().map_or_else(|| "the defaults".to_owned(), |p| context.shown(p));
            crate::error::note(&format!("{} with {from}", context.shown(&target.path)));
        }
    }
    (targets, problems)
}

fn found(
    arguments: &[String],
    context: &Context,
    wanted: impl Fn(&Path) -> bool + Sync,
) -> (Vec<Target>, Vec<CliError>) {
    let mut targets: Vec<Target> = Vec::new();
    let mut problems = Vec::new();
    for argument in arguments {
        let (path, image) = split_name(argument);
        let full = clean(&context.ambient.current_directory.join(path));
        if full.is_dir() {
            let (mut files, errors) = walk(&full, &wanted);
            files.sort();
            targets.extend(files.into_iter().map(|path| Target { path, image: None, explicit: false }));
            let told = |message| CliError::Unreadable { path: path.to_owned(), message };
            problems.extend(errors.into_iter().map(told));
        } else if full.exists() {
            targets.push(Target { path: full, image: image.map(str::to_owned), explicit: true });
        } else {
            problems.push(CliError::Unreadable {
                path: path.to_owned(),
                message: "no such file or folder".to_owned(),
            });
        }
    }
    targets.dedup();
    (targets, problems)
}

/// A path without `.` parts; links and `..` stay as they are, since flyte does not resolve them either.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Works on the targets that can have images, several at a time where there are several, and keeps their order.
pub(crate) fn for_each<T: Send>(targets: &[Target], work: impl Fn(&Target) -> T + Sync) -> Vec<(&Target, T)> {
    let wanted = |t: &&Target| t.explicit || mentions_flyte(&t.path);
    match targets {
        // Threads are not worth their start for one file.
        [one] => vec![(one, work(one))],
        many => many.par_iter().filter(|t| wanted(t)).map(|t| (t, work(t))).collect(),
    }
}

/// Whether a file can have images.
fn mentions_flyte(path: &Path) -> bool {
    // What cannot be read is reported later.
    std::fs::read(path).map_or(true, |bytes| may_have_images(&bytes))
}
