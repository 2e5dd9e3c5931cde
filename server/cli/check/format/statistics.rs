//! `--statistics`: how many findings each rule has.

use std::collections::BTreeMap;
use std::io::Write as _;

use image_rules::{Applicability, Rule};
use serde_json::{Value, json};

use super::{Shown, document};
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>], as_json: bool) -> Result<(), CliError> {
    let mut counts: BTreeMap<&str, (&Rule, usize, usize)> = BTreeMap::new();
    for shown in findings {
        let (_, all, fixable) = counts.entry(shown.rule.code).or_insert((shown.rule, 0, 0));
        *all += 1;
        *fixable += usize::from(shown.fix().is_some_and(|f| f.applicability == Applicability::Safe));
    }
    let mut rows: Vec<_> = counts.into_values().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.code.cmp(b.0.code)));
    if as_json {
        let all: Vec<Value> = rows
            .iter()
            .map(|(rule, count, fixable)| {
                json!({ "code": rule.code, "name": rule.name, "count": count, "fixable": fixable })
            })
            .collect();
        return document(out, &all);
    }
    let width = rows.iter().map(|(_, n, _)| n.to_string().len()).max().unwrap_or(1);
    for (rule, count, fixable) in rows {
        let mark = if fixable == count {
            "[*]"
        } else if fixable > 0 {
            "[-]"
        } else {
            "[ ]"
        };
        writeln!(out, "{count:>width$}  {}  {mark} {}", rule.code, rule.name)?;
    }
    Ok(())
}
