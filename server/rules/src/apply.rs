//! Applying fixes to texts: in rounds, until there is none left.
//!
//! Fixes that overlap wait for the next round, in which they are worked out anew. A round's text that does not parse,
//! or has lost a comment, is not taken: its fixes are tried one by one then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::header;
use image_python::syntax;

use crate::finding::{Applicability, Edit, Finding, Fix};

/// Rounds after which the fixing ends, whatever is left: no file has so many that overlap.
const ROUNDS: usize = 200;

/// What fixing came to.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The files that changed, with their new text. Files that were not there are among them.
    pub texts: BTreeMap<PathBuf, Arc<str>>,
    /// How many fixes each rule had applied.
    pub applied: BTreeMap<&'static str, usize>,
    /// The findings that are left.
    pub left: Vec<Finding>,
}

/// Gives the findings with some files replaced.
pub type Recheck<'c> = dyn Fn(&BTreeMap<PathBuf, Arc<str>>) -> Vec<Finding> + 'c;

/// Fixes findings until nothing is left that a fix can mend.
///
/// `read` gives the text of a file as it is, without a byte order mark.
pub fn fix(
    findings: Vec<Finding>,
    up_to: Applicability,
    read: &dyn Fn(&Path) -> Option<String>,
    check: &Recheck<'_>,
) -> Fixed {
    let mut fixed = Fixed { left: findings, ..Fixed::default() };
    let mut refused: Vec<Fix> = Vec::new();
    for _ in 0..ROUNDS {
        let wanted: Vec<&Finding> = fixed
            .left
            .iter()
            .filter(|f| f.fix.as_ref().is_some_and(|x| x.applicability <= up_to && !refused.contains(x)))
            .collect();
        let chosen = compatible(wanted.iter().filter_map(|f| f.fix.as_ref()));
        if chosen.is_empty() {
            break;
        }
        let may_lose = |fix: &Fix| wanted.iter().any(|f| f.fix.as_ref() == Some(fix) && removes_comment(f));
        // Fixes that take comments away get a round of their own: no other one may hide behind them.
        let (losing, keeping): (Vec<&Fix>, Vec<&Fix>) = chosen.into_iter().partition(|fix| may_lose(fix));
        let chosen = if keeping.is_empty() { losing } else { keeping };
        let texts = match together(&chosen, &fixed.texts, read, &may_lose) {
            Some(texts) => texts,
            None => {
                // One of them does harm: the first that does not is taken alone.
                let sound = chosen.iter().find_map(|fix| {
                    let texts = together(&[*fix], &fixed.texts, read, &may_lose);
                    if texts.is_none() {
                        refused.push(Fix::clone(fix));
                    }
                    texts
                });
                match sound {
                    Some(texts) => texts,
                    None => continue,
                }
            }
        };
        let counted: Vec<&'static str> = wanted
            .iter()
            .filter(|f| f.fix.as_ref().is_some_and(|x| chosen.contains(&x)))
            .map(|f| f.rule.code)
            .collect();
        for code in counted {
            *fixed.applied.entry(code).or_default() += 1;
        }
        fixed.texts.extend(texts);
        fixed.left = check(&fixed.texts);
    }
    fixed
}

/// The texts with all of some fixes; `None` where one of them would not be sound.
fn together(
    fixes: &[&Fix],
    texts: &BTreeMap<PathBuf, Arc<str>>,
    read: &dyn Fn(&Path) -> Option<String>,
    may_lose: &dyn Fn(&Fix) -> bool,
) -> Option<BTreeMap<PathBuf, Arc<str>>> {
    let lose = fixes.iter().any(|f| may_lose(f));
    let edits: Vec<&Edit> = fixes.iter().flat_map(|f| &f.edits).collect();
    let mut changed = BTreeMap::new();
    for edit in &edits {
        let path = &edit.path;
        if changed.contains_key(&**path) {
            continue;
        }
        let before = texts.get(&**path).map(|t| t.to_string()).or_else(|| read(path)).unwrap_or_default();
        let own: Vec<&Edit> = edits.iter().filter(|e| e.path == *path).copied().collect();
        let after = edited(&before, &own);
        if !is_sound(&before, &after, path.extension().is_some_and(|e| e == "py"), lose) {
            return None;
        }
        changed.insert(path.to_path_buf(), Arc::from(after));
    }
    Some(changed)
}

/// Puts edits of one file into its text. They do not overlap.
#[must_use]
pub fn edited(text: &str, edits: &[&Edit]) -> String {
    let mut sorted: Vec<&&Edit> = edits.iter().collect();
    sorted.sort();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        out.push_str(text.get(at..edit.start).unwrap_or_default());
        out.push_str(&edit.content);
        at = edit.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Whether a text may take the place of another one: what was Python stays Python, and no comment is lost.
///
/// `removed` are comments that may go.
#[must_use]
pub fn is_sound(before: &str, after: &str, is_python: bool, may_lose_comments: bool) -> bool {
    if !is_python {
        return true;
    }
    let broken = |text: &str| {
        let parsed = syntax::parse(Arc::from(Path::new("")), text.into());
        parsed.map_or(true, |module| module.first_error.is_some())
    };
    if broken(after) && !broken(before) {
        return false;
    }
    may_lose_comments || {
        let mut left = comments(after);
        comments(before)
            .into_iter()
            .all(|comment| left.iter().position(|c| *c == comment).map(|at| left.swap_remove(at)).is_some())
    }
}

/// The comments of a text; those inside of the TOML of a script's header, whose lines are none themselves.
fn comments(text: &str) -> Vec<String> {
    let header = header::find(text);
    let own = syntax::comments(text);
    let outside = own.iter().filter(|c| !header.as_ref().is_some_and(|h| h.contains(c.range().start)));
    let mut all: Vec<String> = outside.map(|c| text[c.range()].to_owned()).collect();
    for line in header.iter().flat_map(|h| h.content.text.lines()) {
        // A sign in a string is taken for a comment: it has to stay, too.
        all.extend(line.find('#').map(|at| line[at..].to_owned()));
    }
    all
}

/// The fixes that can be applied together, in the order of the findings: those that overlap wait for the next round.
pub fn compatible<'f>(fixes: impl Iterator<Item = &'f Fix>) -> Vec<&'f Fix> {
    let mut chosen: Vec<&Fix> = Vec::new();
    for fix in fixes {
        let overlaps = |edit: &Edit, other: &Edit| {
            edit.path == other.path
                && ((edit.start < other.end && other.start < edit.end)
                    || edit.start == other.start
                    || (edit.start == other.end && other.end > other.start)
                    || (other.start == edit.end && edit.end > edit.start))
        };
        let same = |other: &&Fix| other.edits == fix.edits;
        if chosen.iter().any(same) {
            continue;
        }
        let clash = chosen.iter().any(|c| c.edits.iter().any(|o| fix.edits.iter().any(|e| overlaps(e, o))));
        if !clash {
            chosen.push(fix);
        }
    }
    chosen
}

/// Whether a finding's fix takes a comment away on purpose.
#[must_use]
pub fn removes_comment(finding: &Finding) -> bool {
    matches!(finding.rule.code, "IMG503" | "IMG901")
}
