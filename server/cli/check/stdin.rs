//! `image-lsp check -`: text from standard input, under a name. With `--fix` the mended text goes to standard output,
//! and what is left to standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use image_manifests::fs::{OsFileSystem, Overlay};

use super::{Outcome, applicability, finish, fix, format};
use crate::args::{Check, Project};
use crate::context::{Context, ambient};
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn run(arguments: &Check, project: &Project) -> Result<u8, CliError> {
    let mut bytes = Vec::new();
    let unreadable = |message: String| CliError::Unreadable { path: "-".to_owned(), message };
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("not UTF-8 text".to_owned()))?;
    let name = arguments.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("stdin.py"));
    let path: PathBuf = ambient().current_directory.join(name).components().collect();
    let buffers = BTreeMap::from([(path.clone(), Arc::from(text.as_str()))]);
    let context =
        Context::for_check_over(Arc::new(Overlay::new(Arc::new(OsFileSystem), buffers)), project, arguments)?;
    let excluded = arguments.force_exclude && context.is_excluded(&path);
    let mut outcome = Outcome::default();
    if !excluded {
        let settings = context.settings(&path);
        outcome.problems.extend(context.take_settings_errors());
        let (report, _) = context
            .inspect(&path)
            .map_err(|m| CliError::Unreadable { path: context.shown(&path), message: m })?;
        outcome.findings = image_rules::check(&report, &context.sources, &*context.fs, &settings);
    }
    if !arguments.fix && !arguments.diff {
        return finish(arguments, &outcome, &context);
    }
    // What is wrong in other files is not mended here.
    let (own, others) =
        std::mem::take(&mut outcome.findings).into_iter().partition(|f| *f.site.path == *path);
    let owners = BTreeSet::from([path.clone()]);
    let fixed = fix::of_file(&path, own, applicability(arguments), &owners, &context);
    let plain = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let new = fixed.texts.get(&path).map_or(plain, |t| t);
    let mut out = Output::new();
    if arguments.diff {
        fix::write_diff(&mut out, &context.shown(&path), plain, new)?;
        outcome.differs = plain != new;
    } else {
        write!(out, "{}{new}", &text[..text.len() - plain.len()])?;
    }
    out.finish()?;
    outcome.findings = fixed.left;
    outcome.findings.extend::<Vec<_>>(others);
    image_rules::order(&mut outcome.findings);
    outcome.fixed = fixed.applied;
    if arguments.diff {
        return finish(arguments, &outcome, &context);
    }
    let report = format::text(arguments, &outcome, &context)?;
    anstream::stderr().lock().write_all(&report)?;
    let bad = outcome.findings.iter().any(|f| f.severity != image_rules::Severity::Hint);
    Ok(u8::from(bad && !arguments.exit_zero))
}
