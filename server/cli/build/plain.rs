//! Everything that happens, one line after the other, on standard error.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use image_build::{BuildError, Built, Event, State, Step};
use image_manifests::fs::FileSystem;
use image_model::origin::Site;

use super::{Progress, places, report};
use crate::paint::{BAD, DIM, GOOD, UNSURE, in_style};

/// Characters of an instruction that are shown.
const LONGEST: usize = 90;

pub(super) struct Plain {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    /// The numbers of the steps, for their lines.
    shown: HashMap<usize, usize>,
    /// Steps that ended: some begin again, for a moment.
    ended: HashSet<usize>,
}

/// A step's number and name in one line, without its mounts, and cut where it is longer.
pub(super) fn title(step: &Step, longest: usize) -> String {
    let words = step.name.split_whitespace().filter(|w| !w.starts_with("--mount="));
    let text = words.collect::<Vec<_>>().join(" ");
    let cut = text.chars().count() > longest;
    let text: String = text.chars().take(longest).chain(cut.then_some('…')).collect();
    let numbers = step.number.map(|(number, total)| format!("[{number}/{total}] ")).unwrap_or_default();
    let platform = step.platform.as_ref().map(|p| format!("{p} ")).unwrap_or_default();
    format!("{numbers}{platform}{text}")
}

/// Where a step comes from: `with_pip_packages, line 7`.
pub(super) fn origin(step: &Step, fs: &dyn FileSystem, directory: &std::path::Path) -> String {
    let (Some(method), Some(site)) = (step.method, &step.site) else { return String::new() };
    let mut places = places(fs, directory);
    format!("{method}, {}:{}", places.path(&site.path), places.range(site).start.line)
}

impl Plain {
    pub(super) fn new(fs: Arc<dyn FileSystem>, directory: PathBuf) -> Self {
        Self { fs, directory, shown: HashMap::new(), ended: HashSet::new() }
    }

    fn line(&self, text: &str) {
        // Nothing is left to do when even this fails.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    fn step(&mut self, step: &Step) {
        let next = self.shown.len() + 1;
        let is_new = !self.shown.contains_key(&step.id);
        let number = *self.shown.entry(step.id).or_insert(next);
        let head = in_style(DIM, format!("#{number}"));
        if is_new {
            let origin = origin(step, &*self.fs, &self.directory);
            let origin = if origin.is_empty() { origin } else { format!("  {}", in_style(DIM, origin)) };
            self.line(&format!("{head} {}{origin}", title(step, LONGEST)));
        }
        let seconds = step.seconds.map(|s| format!(" {s:.1}s")).unwrap_or_default();
        let again = step.state != State::Running && !self.ended.insert(step.id);
        match step.state {
            State::Running => {}
            State::Done if again && step.seconds.is_none_or(|s| s < 0.1) => {}
            State::Done => self.line(&format!("{head} {}{seconds}", in_style(GOOD, "done"))),
            State::Cached => self.line(&format!("{head} {}", in_style(GOOD, "cached"))),
            State::Failed => self.line(&format!("{head} {}{seconds}", in_style(BAD, "failed"))),
        }
    }
}

/// What both ways for people say of events that are no steps.
pub(super) fn sentence(event: &Event, fs: &dyn FileSystem, directory: &std::path::Path) -> Option<String> {
    Some(match event {
        Event::Started { uri, engine } => {
            format!("building {} with {engine}", in_style(crate::paint::NAME, uri))
        }
        Event::Exists { uri, place } => format!("{uri} is already there, in the {}", place.name()),
        Event::Context { files, bytes } => {
            in_style(DIM, format!("context: {files} files, {} sent", report::size(*bytes)))
        }
        Event::Warning { message, rule, site } => {
            let rule = rule.map(|code| format!("[{code}]")).unwrap_or_default();
            let mut places = places(fs, directory);
            let place =
                |site: &Site| format!("{}:{}: ", places.path(&site.path), places.range(site).start.line);
            let place = site.as_ref().map(place).unwrap_or_default();
            format!("{}: {place}{message}", in_style(UNSURE, format!("warning{rule}")))
        }
        Event::Run { url, .. } => format!("the build runs at {}", in_style(crate::paint::NAME, url)),
        Event::Pushed { uri, .. } => format!("{} {uri}", in_style(GOOD, "pushed")),
        Event::Step(_) | Event::Log { .. } => return None,
    })
}

impl Progress for Plain {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(step) => self.step(step),
            Event::Log { step, line, .. } => {
                let number = self.shown.get(step).copied().unwrap_or_default();
                self.line(&format!("{} {line}", in_style(DIM, format!("#{number}"))));
            }
            other => {
                if let Some(text) = sentence(other, &*self.fs, &self.directory) {
                    self.line(&text);
                }
            }
        }
    }

    fn finished(&mut self, built: &Built) -> std::io::Result<()> {
        report::finished(built)
    }

    fn failed(&mut self, error: &BuildError) -> std::io::Result<()> {
        report::failed(error, &mut places(&*self.fs, &self.directory))
    }
}
