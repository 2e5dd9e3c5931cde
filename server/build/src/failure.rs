//! A build that failed: the step, the line of the Dockerfile, the layer, and the place in the Python source.

use std::path::{Path, PathBuf};

use image_model::origin::{CallSite, Origin, Site};
use image_model::value::Value;

use crate::known::{self, Known, Word};
use crate::plan::Plan;

/// How many of the last lines of a step's log are kept.
pub(crate) const LAST_LINES: usize = 20;

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// What went wrong, in one line.
    pub message: String,
    /// What the engine says, without secrets.
    pub said: String,
    /// First and last line of the Dockerfile, one-based, where the engine names them.
    pub lines: Option<(usize, usize)>,
    /// The instruction there.
    pub instruction: Option<String>,
    /// The Dockerfile, where it is the user's own.
    pub dockerfile: Option<PathBuf>,
    /// The method that wrote the line.
    pub method: Option<&'static str>,
    /// The place in the Python source: the very string, else the call.
    pub site: Option<Site>,
    /// The call that asked for the step.
    pub call: Option<Site>,
    /// The last lines that the step printed, without secrets.
    pub log: Vec<String>,
    /// What to do.
    pub advice: Option<String>,
}

impl Failure {
    /// A failure at some lines of a plan's Dockerfile.
    ///
    /// `said` is what the engine says, `log` what the step printed.
    pub(crate) fn new(plan: &Plan, lines: Option<(usize, usize)>, said: &str, log: Vec<String>) -> Self {
        let known = known::explain(&log, said);
        let instruction = lines.and_then(|(first, _)| plan.text_of_line(first));
        let layer = lines.and_then(|(first, _)| plan.layer_of_line(first));
        let call =
            layer.and_then(|l| l.call.as_deref()).or(plan.origin.as_deref().filter(|_| lines.is_some()));
        let word = known.as_ref().and_then(|k| k.word.as_ref());
        let listed = || listed(plan, layer?.file.as_deref()?, word?);
        let site = call.map(|call| {
            let found = word.and_then(|w| precise(call, w)).or_else(listed);
            let found = found.or_else(|| command(call, instruction.as_deref()?));
            found.unwrap_or_else(|| call.site.clone())
        });
        let message = match &known {
            Some(Known { message, .. }) => message.clone(),
            None => plain(said, instruction.as_deref()),
        };
        // A step that printed nothing leaves what the engine says.
        let log =
            if log.is_empty() && known.is_some() { said.lines().map(str::to_owned).collect() } else { log };
        Self {
            message,
            said: said.to_owned(),
            lines,
            instruction,
            dockerfile: plan.own_dockerfile.clone(),
            method: layer.and_then(|l| l.call.as_ref()).map(|c| c.method),
            site,
            call: call.map(|c| c.site.clone()),
            log,
            advice: known.map(|k| k.advice),
        }
    }
}

/// What an engine says, without what everybody knows.
fn plain(said: &str, instruction: Option<&str>) -> String {
    if let Some((_, code)) = said.rsplit_once("exit code: ") {
        let command =
            instruction.map_or_else(|| "a step".to_owned(), |text| format!("`{}`", shortened(text)));
        return format!("{command} ended with exit status {}", code.trim());
    }
    let said = match said.strip_prefix("building at STEP \"").and_then(|rest| rest.split_once("\": ")) {
        Some((_, rest)) => rest,
        None => said,
    };
    let said = said.strip_prefix("failed to solve: ").unwrap_or(said);
    let said = said.strip_prefix("rpc error: code = Unknown desc = ").unwrap_or(said);
    said.trim().to_owned()
}

/// An instruction as one line, without its mounts.
fn as_line(instruction: &str) -> String {
    let words = instruction.split_whitespace().filter(|w| !w.starts_with("--mount="));
    words.collect::<Vec<_>>().join(" ")
}

/// The same, as far as a message has room for it.
pub(crate) fn shortened(instruction: &str) -> String {
    const LONGEST: usize = 100;
    let text = as_line(instruction);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// The command that an instruction runs, as a call of `with_commands` has it; nothing where it has it twice.
fn command(call: &CallSite, instruction: &str) -> Option<Site> {
    let line = as_line(instruction);
    let own = line.strip_prefix("RUN ").filter(|_| call.method == "with_commands")?;
    let mut sites = Vec::new();
    for given in &call.arguments {
        visit(&given.value, Some(&given.origin), &given.site, &mut |text, site| {
            if as_line(text) == own {
                sites.push(site.clone());
            }
        });
    }
    sites.pop().filter(|_| sites.is_empty())
}

/// The string in a call that a word comes from.
pub(crate) fn precise(call: &CallSite, word: &Word) -> Option<Site> {
    let mut best: Option<(u8, Site)> = None;
    for given in &call.arguments {
        visit(&given.value, Some(&given.origin), &given.site, &mut |text, site| {
            let closeness = word.closeness(text);
            if closeness > best.as_ref().map_or(0, |(found, _)| *found) {
                best = Some((closeness, site.clone()));
            }
        });
    }
    best.map(|(_, site)| site)
}

/// The place of a project in the file that a layer installs from: a line of a requirements file, a string elsewhere.
fn listed(plan: &Plan, file: &Path, word: &Word) -> Option<Site> {
    let text = plan.read(file)?;
    let is_requirements = file.extension().is_some_and(|e| e == "txt");
    let fits = |part: &&str| matches!(word, Word::Project(_)) && word.closeness(part.trim()) == 2;
    let found = text.lines().find_map(|line| {
        let mut parts = line.split(['"', '\'']);
        if is_requirements {
            line.split([';', '#']).next().filter(fits)
        } else {
            parts.nth(1).into_iter().chain(parts.skip(1).step_by(2)).find(fits)
        }
    })?;
    let found = found.trim();
    let start = found.as_ptr() as usize - text.as_ptr() as usize;
    Some(Site { path: file.into(), start, end: start + found.len() })
}

/// Each string in a value, with the place where it is written.
fn visit(value: &Value, origin: Option<&Origin>, site: &Site, found: &mut dyn FnMut(&str, &Site)) {
    let site = origin.and_then(|o| o.site.as_ref()).unwrap_or(site);
    let item = |place: usize| origin.and_then(|o| o.items.get(place));
    match value {
        Value::Str(text) => found(text, site),
        Value::Path(path) => found(path.as_str(), site),
        Value::Tuple(items) | Value::List(items) | Value::Set(items) => {
            for (place, value) in items.iter().enumerate() {
                visit(value, item(place), site, found);
            }
        }
        Value::Dict(pairs) => {
            for (place, (key, value)) in pairs.iter().enumerate() {
                visit(key, item(2 * place), site, found);
                visit(value, item(2 * place + 1), site, found);
            }
        }
        _ => {}
    }
}
