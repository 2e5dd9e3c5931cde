//! The files that container images are made from, and how to reach them.
//!
//! Knows: the file system (through one trait), script headers, requirements files, pyproject.toml, pixi.toml, locks,
//! ignore files, flyte's configuration file, and the way Python writes values as text (several of these formats embed
//! it). Everything that people write is read with places and as far as it goes; locks are read by the line.
//!
//! Must not know: what an image is, Python syntax, editors.
//!
//! Invariants: nothing here reads the environment or the clock; nothing panics on any input; every read goes
//! through [`fs::FileSystem`].

pub mod flyte_config;
pub mod fs;
pub mod header;
pub mod ignore_file;
pub mod legacy_toml;
pub mod locks;
pub mod manifest;
mod memo;
pub mod pins;
pub mod position;
pub mod pyproject;
pub mod pytext;
pub mod requirement;
pub mod requirements_txt;
pub mod script;
pub mod source_map;
pub mod toml_format;
pub mod toml_source;
pub mod uv_lock;
pub mod uv_stale;
