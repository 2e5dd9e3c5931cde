//! On a terminal: one line for each step that runs, above it what is done.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use image_build::{BuildError, Built, Event, State, Step};
use image_manifests::fs::FileSystem;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::plain::{origin, sentence, title};
use super::{Progress, places, report};
use crate::paint::{BAD, DIM, GOOD, in_style};

/// How often what runs is drawn.
const TICK: Duration = Duration::from_millis(100);
/// Characters of an instruction that are shown.
const LONGEST: usize = 50;

pub(super) struct Terminal {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    all: MultiProgress,
    /// The lines of the steps that run, and what they begin with.
    running: HashMap<usize, (ProgressBar, String)>,
}

impl Terminal {
    pub(super) fn new(fs: Arc<dyn FileSystem>, directory: PathBuf) -> Self {
        Self { fs, directory, all: MultiProgress::new(), running: HashMap::new() }
    }

    fn line(&self, text: &str) {
        // Escapes are dropped where the user wants no colours; what cannot be drawn is not.
        let text = match anstream::AutoStream::choice(&std::io::stderr()) {
            anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
            _ => text.to_owned(),
        };
        let _ = self.all.println(text);
    }

    /// Takes all lines off the screen.
    fn end(&mut self) -> std::io::Result<()> {
        for (_, (bar, _)) in self.running.drain() {
            bar.finish_and_clear();
        }
        self.all.clear()
    }

    /// What a line shows: the step, and behind it where it comes from or what it printed last.
    fn words(step: &str, tail: &str) -> String {
        format!("{step}  {}", in_style(DIM, tail))
    }

    fn step(&mut self, step: &Step) {
        if step.state == State::Running {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>3} {wide_msg}");
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_message(Self::words(&title(step, LONGEST), &origin(step, &*self.fs, &self.directory)));
            bar.enable_steady_tick(TICK);
            self.running.insert(step.id, (bar, title(step, LONGEST)));
            return;
        }
        if let Some((bar, _)) = self.running.remove(&step.id) {
            bar.finish_and_clear();
        }
        // What the engine does besides is of no interest once it is over: where it fails, the end says so.
        if step.number.is_none() && !step.is_flytes {
            return;
        }
        let seconds = step.seconds.map(|s| format!("{s:.1}s")).unwrap_or_default();
        let (mark, after) = match step.state {
            State::Failed => (in_style(BAD, "✗"), seconds),
            State::Cached => (in_style(GOOD, "✓"), "cached".to_owned()),
            State::Done | State::Running => (in_style(GOOD, "✓"), seconds),
        };
        let origin = origin(step, &*self.fs, &self.directory);
        let tail = [origin, after].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ");
        self.line(&format!("{mark} {}", Self::words(&title(step, LONGEST), &tail)));
    }
}

impl Progress for Terminal {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(step) => self.step(step),
            Event::Log { step, line, .. } => {
                if let Some((bar, title)) = self.running.get(step) {
                    bar.set_message(Self::words(title, line));
                }
            }
            other => {
                if let Some(text) = sentence(other, &*self.fs, &self.directory) {
                    self.line(&text);
                }
            }
        }
    }

    fn finished(&mut self, built: &Built) -> std::io::Result<()> {
        self.end()?;
        report::finished(built)
    }

    fn failed(&mut self, error: &BuildError) -> std::io::Result<()> {
        self.end()?;
        report::failed(error, &mut places(&*self.fs, &self.directory))
    }
}
