//! The files that container images are made from, and how to reach them.
//!
//! Knows: the file system (through one trait), script headers, uv.lock, ignore files, flyte's configuration
//! file, and the way Python writes values as text (several of these formats embed it).
//!
//! Must not know: what an image is, Python syntax, editors.
//!
//! Invariants: nothing here reads the environment or the clock; nothing panics on any input; every read goes
//! through [`fs::FileSystem`].

pub mod flyte_config;
pub mod fs;
pub mod ignore_file;
pub mod legacy_toml;
pub mod pins;
pub mod position;
pub mod pyproject;
pub mod pytext;
pub mod script;
pub mod uv_lock;
pub mod uv_stale;
