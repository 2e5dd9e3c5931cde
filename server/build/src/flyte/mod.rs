//! The installed flyte, asked in a child process: what it makes of a file's images, and builds by its remote builder.
//!
//! The child is the project's own interpreter with a small program of ours ([`driver.py`](../../src/flyte/driver.py)),
//! which uses flyte's public names alone. It runs the user's code, so that nothing here starts unless somebody asked
//! for it.
//!
//! Invariants: no shell; a process group of its own, of which nothing is left when it is over, when the future that waits
//! for it is dropped, or when this process dies; a folder for temporary files of its own, removed; bounded memory
//! whatever the child prints; the phases that are ours have an end.

mod child;
mod compare;
mod error;
pub mod json;
mod python;
mod remote;
mod verify;

pub use child::LIMIT;
pub use error::{AskError, FailedRun, Raised};
pub use python::Python;
pub use remote::{RemoteChoices, RemoteJob, Run, abort, build_remote};
pub use verify::{Asker, Compared, Difference, Part, Target, Verdict, Verified};
