//! The installed flyte as a child: builds by the remote builder against a stand-in for its backend, comparisons, and what
//! happens where the user's code does not do as one would like. flyte is that of the package index.
//!
//! `cargo test --features live --test remote`

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod builds;
mod control_plane;
mod editor;
mod hygiene;
mod message;
#[path = "../conformance/oracle.rs"]
#[allow(dead_code, reason = "environments alone are used")]
mod oracle;
mod project;
mod protocol;
mod verify;
