//! What is asked of one package, by a project and by its lock, and what the two differ in.

use std::collections::BTreeSet;

use pep508_rs::MarkerTree;
use toml_edit::{InlineTable, TableLike, Value};

use super::string;
use crate::pins::normalised as normal;
use crate::requirement::{self, Requirement, canonical_specifiers};

/// Where a package comes from, if not from an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    kind: &'static str,
    /// The address or the path.
    at: Option<String>,
}

impl Origin {
    pub(super) fn of_source(source: &dyn TableLike) -> Option<Self> {
        let text = |key: &str| string(source.get(key));
        if source.contains_key("marker") || source.contains_key("extra") || source.contains_key("group") {
            return None;
        }
        for (key, kind) in [("git", "git"), ("path", "path"), ("url", "url"), ("index", "index")] {
            if let Some(at) = text(key) {
                // An index is noted by its address.
                return Some(Self { kind, at: Some(at).filter(|_| kind != "index") });
            }
        }
        None
    }

    pub(super) fn noted(entry: &InlineTable) -> Option<Self> {
        let kinds = [
            ("git", "git"),
            ("path", "path"),
            ("directory", "path"),
            ("editable", "path"),
            ("virtual", "path"),
            ("url", "url"),
            ("index", "index"),
        ];
        kinds.into_iter().find_map(|(key, kind)| {
            let at = entry.get(key)?.as_str()?.to_owned();
            Some(Self { kind, at: Some(at) })
        })
    }

    /// Whether they are the same place, as far as that can be told.
    fn same(&self, other: &Self) -> bool {
        let plain = |at: &str| {
            let at = at.strip_prefix("git+").unwrap_or(at);
            at.split(['?', '#', '@'])
                .next()
                .unwrap_or(at)
                .trim_end_matches('/')
                .trim_start_matches("./")
                .to_owned()
        };
        let places = (self.at.as_deref().map(plain), other.at.as_deref().map(plain));
        self.kind == other.kind && (places.0.is_none() || places.1.is_none() || places.0 == places.1)
    }
}

/// What is asked of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    extras: Vec<String>,
    specifiers: Vec<String>,
    origin: Option<Origin>,
    /// Nobody says where from in a way that can be compared.
    is_open: bool,
    marker: MarkerTree,
    /// uv writes the marker another way.
    is_rewritten: bool,
}

impl Asked {
    pub(super) fn of(text: &str, extra: Option<&str>, source: Option<&Option<Origin>>) -> Option<Self> {
        let asked = Requirement::parse(text)?;
        let mut marker = asked.marker();
        if let Some(extra) = extra {
            marker.and(requirement::marker(&format!("extra == '{extra}'"))?);
        }
        let origin = match (asked.address(), source) {
            (Some(at), _) => {
                let kind = if at.starts_with("git+") {
                    "git"
                } else if at.starts_with("file:") {
                    "path"
                } else {
                    "url"
                };
                Some(Origin { kind, at: Some(at.to_owned()).filter(|_| kind != "path") })
            }
            (None, Some(origin)) => origin.clone(),
            (None, None) => None,
        };
        Some(Self {
            extras: asked.extras(),
            specifiers: asked.specifiers_text().unwrap_or_default(),
            is_open: matches!(source, Some(None)),
            origin,
            marker,
            is_rewritten: text.contains("platform_system") || text.contains("platform_release"),
        })
    }

    pub(super) fn noted(entry: &InlineTable) -> Option<Self> {
        let text = |key| entry.get(key).and_then(Value::as_str);
        let extras = entry.get("extras").and_then(Value::as_array);
        let mut extras: Vec<String> =
            extras.into_iter().flatten().filter_map(Value::as_str).map(normal).collect();
        extras.sort();
        let marker = match text("marker") {
            None => MarkerTree::default(),
            Some(text) => requirement::marker(text)?,
        };
        Some(Self {
            extras,
            specifiers: canonical_specifiers(text("specifier").unwrap_or_default())?,
            origin: Origin::noted(entry),
            is_open: false,
            marker,
            is_rewritten: false,
        })
    }

    /// What all that is asked of one package differs in from what is noted, in words.
    pub(super) fn differ(now: &BTreeSet<Self>, noted: &BTreeSet<Self>) -> Option<&'static str> {
        if now.iter().any(|a| a.is_open) {
            return None;
        }
        let origins = |all: &BTreeSet<Self>| all.iter().map(|a| a.origin.clone()).collect::<Vec<_>>();
        let (own, other) = (origins(now), origins(noted));
        let same_place = |a: &Option<Origin>, b: &Option<Origin>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same(b),
            _ => false,
        };
        let placed = |from: &[Option<Origin>], to: &[Option<Origin>]| {
            from.iter().all(|a| to.iter().any(|b| same_place(a, b)))
        };
        if !placed(&own, &other) || !placed(&other, &own) {
            return Some("from another place than the lock notes");
        }
        let set =
            |all: &BTreeSet<Self>, of: fn(&Self) -> Vec<String>| all.iter().map(of).collect::<BTreeSet<_>>();
        // What comes from a place of its own has its specifier noted by some releases only.
        if own.iter().all(Option::is_none)
            && set(now, |a| a.specifiers.clone()) != set(noted, |a| a.specifiers.clone())
        {
            return Some("in another version than the lock notes");
        }
        if set(now, |a| a.extras.clone()) != set(noted, |a| a.extras.clone()) {
            return Some("with other extras than the lock notes");
        }
        let markers = |all: &BTreeSet<Self>| all.iter().map(|a| a.marker.clone()).collect::<BTreeSet<_>>();
        if !now.iter().any(|a| a.is_rewritten) && markers(now) != markers(noted) {
            return Some("for other environments than the lock notes");
        }
        None
    }
}
