//! Rules: what is wrong with an image definition, before a build finds out.
//!
//! One file a rule in [`rules`]; each declares itself once (code, name, severity, documentation, examples), and
//! everything else comes from that declaration. Fixes are data ([`Fix`]): the command line and the editor apply the
//! same edits. Settings ([`settings`]) and suppression comments decide what is reported.
//!
//! Must not know: editors, output formats.
//!
//! Invariants: a rule never guesses, what is not known is no finding; a finding points at the smallest range that is
//! to blame; a fix leaves text that parses, and every comment.

pub mod apply;
mod checker;
mod finding;
mod knowledge;
mod manifest;
mod requirement;
mod rule;
pub mod rules;
pub mod settings;
mod shell;
mod source;
mod suppression;

pub use checker::{check, check_workspace, covering, order};
pub use finding::{Applicability, Edit, Finding, Fix, Related};
pub use rule::{FixSafety, Proof, Rule, Severity, is_about_manifests};
pub use source::add_argument;
pub use suppression::{suppress, suppress_all};

/// Requirements as `uv pip install` takes them.
pub mod requirements {
    pub use crate::requirement::{in_words, name};
}

#[cfg(test)]
mod tests;
