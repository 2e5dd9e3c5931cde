//! What BuildKit tells of a build that runs, as steps and lines.

use std::collections::{HashMap, VecDeque};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};

use crate::event::{Event, Sink, State, Step};
use crate::failure::LAST_LINES;
use crate::instructions::step_name;
use crate::plan::Plan;
use crate::secrets::Values;

/// Longer lines are cut: some programs never end theirs.
const LONGEST_LINE: usize = 64 * 1024;

/// The steps so far.
pub(super) struct Tracker<'a> {
    plan: &'a Plan,
    secrets: &'a Values,
    sink: &'a Sink,
    steps: HashMap<String, Seen>,
    /// The last step that failed.
    failed: Option<String>,
    /// The number of the first step: an earlier attempt told the ones before.
    first: usize,
}

struct Seen {
    step: Step,
    told: Option<State>,
    /// Standard output and standard error, as far as their lines are not complete.
    open: [String; 2],
    last: VecDeque<String>,
}

impl<'a> Tracker<'a> {
    pub(super) fn new(plan: &'a Plan, secrets: &'a Values, sink: &'a Sink, first: usize) -> Self {
        Self { plan, secrets, sink, steps: HashMap::new(), failed: None, first }
    }

    /// The number of the next step.
    pub(super) fn next(&self) -> usize {
        self.first + self.steps.len()
    }

    /// Takes in what was told.
    pub(super) fn take(&mut self, status: StatusResponse) {
        for vertex in &status.vertexes {
            self.vertex(vertex);
        }
        for log in &status.logs {
            self.log(log);
        }
        // What ends, ends after its last line.
        for vertex in status.vertexes.iter().filter(|v| v.completed.is_some()) {
            self.ended(vertex);
        }
        for warning in status.warnings {
            let line = warning.ranges.first().and_then(|r| r.start).map(|p| p.line);
            let text = String::from_utf8_lossy(&warning.short).into_owned();
            let at = line.map(|l| format!(" (line {l} of the Dockerfile)")).unwrap_or_default();
            // The generated Dockerfile is flyte's: its style is not the user's to change.
            if self.plan.own_dockerfile.is_some() {
                (self.sink)(Event::Warning { message: format!("{text}{at}"), rule: None, site: None });
            }
        }
    }

    fn vertex(&mut self, vertex: &Vertex) {
        let number = self.next();
        let plan = self.plan;
        let seen = self.steps.entry(vertex.digest.clone()).or_insert_with(|| new(number, &vertex.name, plan));
        // Some end at once and begin again, such as the sending of the context.
        if vertex.started.is_some() && vertex.completed.is_none() && seen.told != Some(State::Running) {
            seen.step.seconds = None;
            seen.tell(State::Running, self.sink);
        }
    }

    fn ended(&mut self, vertex: &Vertex) {
        let Some(seen) = self.steps.get_mut(&vertex.digest) else { return };
        for (place, error) in [(0, false), (1, true)] {
            let rest = std::mem::take(&mut seen.open[place]);
            seen.line(&rest, error, self.secrets, self.sink);
        }
        let state = match (vertex.cached, vertex.error.is_empty()) {
            (_, false) => State::Failed,
            (true, true) => State::Cached,
            (false, true) => State::Done,
        };
        seen.step.seconds = seconds(vertex.started.as_ref(), vertex.completed.as_ref());
        if state == State::Failed {
            self.failed = Some(vertex.digest.clone());
        }
        if seen.told != Some(state) {
            seen.tell(state, self.sink);
        }
    }

    fn log(&mut self, log: &VertexLog) {
        let Some(seen) = self.steps.get_mut(&log.vertex) else { return };
        let error = log.stream == 2;
        let place = usize::from(error);
        seen.open[place].push_str(&String::from_utf8_lossy(&log.msg));
        while let Some((line, rest)) = seen.open[place].split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            seen.open[place] = rest;
            seen.line(&line, error, self.secrets, self.sink);
        }
        if seen.open[place].len() > LONGEST_LINE {
            let line = std::mem::take(&mut seen.open[place]);
            seen.line(&line, error, self.secrets, self.sink);
        }
    }

    /// The last lines of a step: the one with the digest, else the one that failed last.
    pub(super) fn last_lines(&self, digest: Option<&str>) -> Vec<String> {
        let digest = digest.or(self.failed.as_deref());
        let seen = digest.and_then(|d| self.steps.get(d));
        seen.map(|s| s.last.iter().cloned().collect()).unwrap_or_default()
    }

    /// The line of the step that failed, where its number tells.
    pub(super) fn failed_line(&self) -> Option<usize> {
        self.steps.get(self.failed.as_ref()?)?.step.line
    }
}

fn new(id: usize, name: &str, plan: &Plan) -> Seen {
    let parsed = step_name(name);
    let line = parsed.as_ref().and_then(|step| plan.line_of_step(step));
    let (method, site) = line.map(|line| plan.place_of_line(line)).unwrap_or_default();
    let is_last = parsed.as_ref().is_some_and(|s| s.stage.is_none_or(|stage| stage == plan.last_stage()));
    let step = Step {
        id,
        name: parsed.as_ref().map_or(name, |s| s.text).to_owned(),
        number: parsed.as_ref().filter(|_| is_last).map(|s| (s.number, s.total)),
        platform: parsed.and_then(|s| s.platform.map(str::to_owned)),
        state: State::Running,
        seconds: None,
        line,
        method,
        site,
        is_flytes: false,
    };
    Seen { step, told: None, open: [String::new(), String::new()], last: VecDeque::new() }
}

impl Seen {
    fn tell(&mut self, state: State, sink: &Sink) {
        self.told = Some(state);
        self.step.state = state;
        sink(Event::Step(self.step.clone()));
    }

    fn line(&mut self, text: &str, error: bool, secrets: &Values, sink: &Sink) {
        // What a program writes over itself ends with what it wrote last.
        let text = text.trim_end_matches('\r');
        let text = text.rsplit('\r').next().unwrap_or(text).trim_end();
        if text.is_empty() {
            return;
        }
        let line = secrets.redact(text);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.clone());
        sink(Event::Log { step: self.step.id, error, line });
    }
}

fn seconds(started: Option<&Timestamp>, completed: Option<&Timestamp>) -> Option<f64> {
    let (started, completed) = (started?, completed?);
    let whole = completed.seconds.saturating_sub(started.seconds);
    #[expect(clippy::cast_precision_loss, reason = "a build lasts no billion years")]
    Some((whole as f64 + f64::from(completed.nanos - started.nanos) / 1e9).max(0.0))
}
