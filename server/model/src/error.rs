//! The two ways in which a computation ends without a result.

use std::sync::Arc;

use crate::origin::Site;

/// A Python exception as flyte raises it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The class: `ValueError`, `ImageBuildError`.
    pub exception: &'static str,
    /// `str(exception)`.
    pub message: String,
    /// What is behind it, for whoever explains it.
    pub cause: Cause,
}

/// What is behind an exception, for rules to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A layer on an image that takes none.
    NotExtendable,
    /// A layer on an image that is built from a Dockerfile.
    FromDockerfile,
    /// A layer on an image without a name.
    Nameless,
    /// A requirements file with another suffix.
    NotTxt {
        /// The path as written.
        path: String,
    },
    /// A list where flyte wants separate values.
    List {
        /// The field of flyte's class.
        field: &'static str,
    },
    /// A call that lacks required arguments.
    MissingArguments {
        /// Their names.
        names: Vec<String>,
    },
    /// A call that gives an argument twice.
    GivenTwice {
        /// Its name.
        name: String,
    },
    /// A call with an argument that the release in use lacks, or with too many.
    UnknownArgument {
        /// The keyword; `None` for too many positional arguments.
        name: Option<String>,
    },
    /// A method that the release in use lacks.
    MissingMethod {
        /// The release that brought it; `None` for one that no known release has.
        since: Option<&'static str>,
    },
    /// A file or folder is not there.
    MissingPath {
        /// The path as flyte prints it.
        path: String,
    },
    /// A file where a folder is needed, or the reverse, or a file of another kind.
    WrongKind {
        /// The path as flyte prints it.
        path: String,
    },
    /// Source files with the same name.
    DuplicateSource,
    /// A secret that is no valid one.
    Secret,
    /// `flyte.Image(…)`
    DirectInstantiation,
    /// A name of the configuration that it lacks.
    UnknownReference {
        /// The name.
        name: String,
        /// Those that it has.
        available: Vec<String>,
    },
    /// A script has no header that flyte sees.
    NoHeader,
    /// A script's header is no TOML that flyte can read.
    InvalidHeader,
    /// A dependency in a script's header is none that flyte takes.
    InvalidDependency,
    /// Anything else.
    Other,
}

/// Why something cannot be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// In words, to stand after "because".
    pub reason: String,
    /// Where.
    pub site: Option<Site>,
}

/// No result: flyte raises here, or nobody can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// flyte raises.
    Raise(Raised),
    /// It depends on something that is not known.
    Unknown(Arc<Unknown>),
}

/// A result of flyte's.
pub type Res<T> = Result<T, Stop>;

/// An exception of the given class.
pub fn raise<T>(exception: &'static str, message: impl Into<String>) -> Res<T> {
    Err(Stop::Raise(Raised { exception, message: message.into(), cause: Cause::Other }))
}

/// An exception with its cause.
pub fn raise_for<T>(exception: &'static str, message: impl Into<String>, cause: Cause) -> Res<T> {
    Err(Stop::Raise(Raised { exception, message: message.into(), cause }))
}

/// The end of what can be known.
pub fn unknown<T>(reason: impl Into<String>) -> Res<T> {
    Err(Stop::Unknown(Arc::new(Unknown { reason: reason.into(), site: None })))
}
