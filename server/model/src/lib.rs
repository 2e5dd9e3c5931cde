//! What a flyte image is: its layers, its tag, its Dockerfile, its build context, and the errors on the way.
//!
//! Knows: flyte's classes and methods (as data), flyte's releases, the bytes that a tag hashes, the text that a
//! Dockerfile consists of.
//!
//! Must not know: Python source text, editors, engines, the environment. Facts come in through [`world::Facts`],
//! files through `image_manifests::fs::FileSystem`.
//!
//! Invariants:
//! * A result is flyte's own, byte for byte, or it is [`Stop::Unknown`](error::Stop) with a reason. Nothing is guessed.
//! * Errors come at the stage, with the type and with the text that flyte gives them.
//! * Nothing panics on any input; recursion is bounded.

mod changes;
pub mod constructors;
pub mod context;
pub mod development;
pub mod dockerfile;
pub mod error;
pub mod folders;
pub mod hash;
pub mod ignore;
pub mod image;
pub mod layer;
pub mod layers;
pub mod methods;
pub mod origin;
pub mod path;
pub mod release;
pub mod secret;
pub mod signature;
pub mod value;
pub mod world;
