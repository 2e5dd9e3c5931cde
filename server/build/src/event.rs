//! What a build tells while it runs.

use std::sync::Arc;

use image_model::origin::Site;

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// The engine had its result already.
    Cached,
    /// It failed.
    Failed,
}

impl State {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cached => "cached",
            Self::Failed => "failed",
        }
    }
}

/// A step of a build, or something that the engine does besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which one, in the order in which they were told.
    pub id: usize,
    /// What the engine calls it: the instruction.
    pub name: String,
    /// Which of how many, in the stage that becomes the image; `None` for other work.
    pub number: Option<(usize, usize)>,
    /// The platform, where there are several.
    pub platform: Option<String>,
    /// How it stands.
    pub state: State,
    /// Seconds that it took, once it is over.
    pub seconds: Option<f64>,
    /// First line in the Dockerfile, one-based.
    pub line: Option<usize>,
    /// The method that asked for it.
    pub method: Option<&'static str>,
    /// Its place in the Python source.
    pub site: Option<Site>,
    /// It is flyte's own step of a remote build: there are no numbers, and it is worth showing.
    pub is_flytes: bool,
}

/// Where an image that is already there was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the engine.
    Engine,
    /// In its registry.
    Registry,
}

impl Place {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Registry => "registry",
        }
    }
}

/// What a build tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins.
    Started {
        /// The address.
        uri: String,
        /// The engine, in words.
        engine: String,
    },
    /// The image is already there.
    Exists {
        /// The address.
        uri: String,
        /// Where.
        place: Place,
    },
    /// What the engine asked for of the context.
    Context {
        /// Files.
        files: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// A step begins or ends.
    Step(Step),
    /// A line that a step prints.
    Log {
        /// The step's id.
        step: usize,
        /// It is its standard error.
        error: bool,
        /// The line, without secrets.
        line: String,
    },
    /// flyte's backend runs the build.
    Run {
        /// The run's name.
        name: String,
        /// Its page.
        url: String,
    },
    /// Something that does not stop the build.
    Warning {
        /// What.
        message: String,
        /// The rule that covers it.
        rule: Option<&'static str>,
        /// Where.
        site: Option<Site>,
    },
    /// The registry has it.
    Pushed {
        /// The address.
        uri: String,
        /// The digest there.
        digest: Option<String>,
    },
}

/// Who is told. Called from several threads, and never blocks for long.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;
