//! Builds images: with the engine of the machine (docker through BuildKit, Podman in docker's older way), or by flyte's
//! remote builder through the installed flyte, which also says whether predictions are right.
//!
//! Knows: engines and how they are found, registries, credentials, progress, cancelling, and which layer of an image a
//! failure belongs to.
//!
//! Must not know: editors, the command line.
//!
//! Invariants: what is built is what the model says, byte for byte; nothing here reads the environment or the clock on
//! its own ([`Surroundings`]); secrets leave it only through the engine's secrets service, or for Podman in the context
//! from which its service takes them out; a build that is dropped leaves nothing connected; nothing panics.

mod build;
mod buildkit;
mod credentials;
pub mod engine;
mod error;
mod event;
mod failure;
pub mod flyte;
mod instructions;
mod known;
mod patterns;
mod plan;
mod podman;
mod prepare;
mod proxy;
mod push;
mod registry;
mod secrets;
mod solve_options;
mod surroundings;
#[cfg(test)]
mod tests;
mod tree;

pub use build::{Built, Choices, build};
pub use engine::find::Wanted;
pub use engine::{Engine, Kind, Store, Tried, find};
pub use error::{BuildError, Refusal};
pub use event::{Event, Place, Sink, State, Step};
pub use failure::Failure;
pub use plan::Plan;
pub use prepare::{Builder, Prepared, builder, prepare};
pub use surroundings::Surroundings;
