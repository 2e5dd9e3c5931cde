//! Rules: what is wrong with an image definition, before a build finds out.
//!
//! One file a rule in [`rules`]; each declares itself once (code, name, severity, documentation, examples), and
//! everything else comes from that declaration.
//!
//! Must not know: editors, output formats.
//!
//! Invariants: a rule never guesses, what is not known is no finding; a finding points at the smallest range that is
//! to blame.

mod rule;
pub mod rules;

pub use rule::{Finding, Related, Rule, Severity, check, covering};
