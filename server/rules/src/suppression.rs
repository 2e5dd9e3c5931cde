//! Suppression comments: `# image-lsp: ignore[IMG103] reason` and `# image-lsp: ignore-file[IMG103]`.
//!
//! At the end of a line a comment holds for findings that begin or end on that line. Alone on a line it holds for the
//! whole statement that begins on the next line of code; above a link of a chain, for that line. Without brackets
//! it holds for every rule. A comment that suppresses nothing is IMG901, a code that no rule has is IMG902.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use image_manifests::header;
use image_manifests::manifest::Format;
use image_manifests::position::{LineIndex, Unit};
use image_model::origin::Site;
use image_python::syntax;
use image_python::syntax::ast::Module;

use crate::checker::Checker;
use crate::finding::{Edit, Finding, Fix};
use crate::rule::Rule;
use crate::rules::{self, unknown_rule, unused_suppression};

const MARK: &str = "image-lsp:";

/// A code in a comment.
struct Code {
    text: String,
    range: Range<usize>,
    used: Cell<bool>,
}

/// A suppression comment.
struct Suppression {
    /// All of it, from the `#`.
    comment: Range<usize>,
    /// The codes; empty for all rules.
    codes: Vec<Code>,
    /// The bytes for which it holds; `None` for the whole file.
    extent: Option<Range<usize>>,
    /// Only findings that begin or end in the extent, not those that reach over it.
    used: Cell<bool>,
}

impl Suppression {
    fn suppresses(&self, finding: &Finding) -> bool {
        let held = self.extent.as_ref().is_none_or(|extent| {
            let last = finding.site.end.saturating_sub(1).max(finding.site.start);
            extent.contains(&finding.site.start) || extent.contains(&last)
        });
        if !held {
            return false;
        }
        if self.codes.is_empty() {
            self.used.set(true);
            return true;
        }
        let mut any = false;
        for code in self.codes.iter().filter(|c| matches(&c.text, finding.rule)) {
            code.used.set(true);
            any = true;
        }
        any
    }
}

fn matches(code: &str, rule: &Rule) -> bool {
    rule.code.eq_ignore_ascii_case(code) || rule.name == code
}

/// Takes suppressed findings out, and adds what is wrong with the comments of the checker's own file.
pub(crate) fn apply(checker: &Checker<'_>, findings: &mut Vec<Finding>) {
    let own: &Arc<Path> = &checker.report.path;
    let mut by_file: BTreeMap<Arc<Path>, (Arc<Module>, Vec<Suppression>)> = BTreeMap::new();
    let mut paths: Vec<Arc<Path>> = findings.iter().map(|f| Arc::clone(&f.site.path)).collect();
    paths.push(Arc::clone(own));
    for path in paths {
        if !by_file.contains_key(&path)
            && is_python(&path)
            && let Some(source) = checker.source(&path)
        {
            let found = of(&source.module);
            by_file.insert(path, (source.module, found));
        }
    }
    let mut others: BTreeMap<Arc<Path>, Vec<Suppression>> = BTreeMap::new();
    for path in findings.iter().map(|f| &f.site.path).filter(|p| !is_python(p)) {
        let read = || checker.manifest(path).map(|read| of_lines(&read.text)).unwrap_or_default();
        others.entry(Arc::clone(path)).or_insert_with(read);
    }
    findings.retain(|finding| {
        let of_python = by_file.get(&finding.site.path).map(|(_, all)| all.as_slice());
        let of_other = || others.get(&finding.site.path).map(Vec::as_slice);
        let suppressions = of_python.or_else(of_other).unwrap_or_default();
        // Each is asked, so that each knows whether it is used.
        let held = suppressions.iter().filter(|s| s.suppresses(finding)).count();
        held == 0
    });
    if let Some((module, suppressions)) = by_file.get(own) {
        for suppression in suppressions {
            own_findings(checker, module, suppression, findings);
        }
    }
    unknown_rule::in_settings(checker, findings);
}

fn own_findings(
    checker: &Checker<'_>,
    module: &Module,
    suppression: &Suppression,
    findings: &mut Vec<Finding>,
) {
    let site =
        |range: Range<usize>| Site { path: Arc::clone(&module.path), start: range.start, end: range.end };
    let mut add = |rule: &'static Rule, site: Site, message: String, fix: Option<Fix>| {
        if let Some(severity) = checker.settings.severity(rule)
            && !checker.settings.is_ignored_in(rule, &site.path)
        {
            findings.push(Finding { severity, ..Finding::new(rule, site, message).fix(fix) });
        }
    };
    let known = |code: &&Code| rules::find(&code.text).is_some();
    for code in suppression.codes.iter().filter(|c| !known(c)) {
        let message = unknown_rule::message(&code.text);
        add(&unknown_rule::RULE, site(code.range.clone()), message, None);
    }
    // Of a rule that is off nobody knows whether it would be needed.
    let is_on =
        |code: &&Code| rules::find(&code.text).is_some_and(|r| checker.settings.severity(r).is_some());
    let unused: Vec<&Code> = suppression.codes.iter().filter(is_on).filter(|c| !c.used.get()).collect();
    let all_unused = unused.len() == suppression.codes.len() && !suppression.used.get();
    if !all_unused && unused.is_empty() {
        return;
    }
    if checker.report.syntax_error.is_some() {
        return;
    }
    let names: Vec<&str> = unused.iter().map(|c| c.text.as_str()).collect();
    let message = unused_suppression::message(&names);
    let (place, edit) = if all_unused {
        let range = without_line(&module.text, suppression.comment.clone());
        (suppression.comment.clone(), Edit::replace(&site(range), ""))
    } else {
        let kept: Vec<&str> = suppression
            .codes
            .iter()
            .filter(|c| !names.contains(&c.text.as_str()))
            .map(|c| c.text.as_str())
            .collect();
        let first = suppression.codes.first().map_or(0, |c| c.range.start);
        let last = suppression.codes.last().map_or(0, |c| c.range.end);
        let place = unused.first().map_or(first..last, |c| c.range.clone());
        (place, Edit::replace(&site(first..last), kept.join(", ")))
    };
    let fix = Fix::safe("remove the suppression", vec![edit]);
    add(&unused_suppression::RULE, site(place), message, fix);
}

/// A comment with the white space before it; with its whole line where nothing else is on it.
fn without_line(text: &str, comment: Range<usize>) -> Range<usize> {
    let start = text[..comment.start].trim_end_matches([' ', '\t', '\u{c}']).len();
    let alone = start == 0 || text[..start].ends_with(['\n', '\r']);
    let rest = &text[comment.end..];
    let end = match rest {
        _ if !alone => comment.end,
        rest if rest.starts_with("\r\n") => comment.end + 2,
        rest if rest.starts_with(['\n', '\r']) => comment.end + 1,
        _ => comment.end,
    };
    start..end
}

/// The suppressions of a file.
fn of(module: &Module) -> Vec<Suppression> {
    let text = &*module.text;
    if !text.contains(MARK) {
        return Vec::new();
    }
    let lines = LineIndex::new(text);
    let mut found = Vec::new();
    for comment in syntax::comments(text) {
        let comment = comment.range();
        if let Some((start, codes, is_file)) = parse(text, comment.clone()) {
            let comment = start..comment.end;
            let extent = if is_file { None } else { Some(extent(module, &lines, comment.clone())) };
            found.push(Suppression { comment, codes, extent, used: Cell::new(false) });
        }
    }
    found
}

/// Whether a file's comments are Python's; else they begin with a `#` in a line.
fn is_python(path: &Path) -> bool {
    !matches!(Format::of(path), Some(format) if format != Format::Script)
}

/// The suppressions of a file of lines: at the end of one it holds for that line, alone for the next one.
fn of_lines(text: &str) -> Vec<Suppression> {
    let mut found = Vec::new();
    if !text.contains(MARK) {
        return found;
    }
    let lines: Vec<Range<usize>> = lines(text).collect();
    for (number, line) in lines.iter().enumerate() {
        let content = &text[line.clone()];
        let Some(sign) = content.find(MARK).and_then(|at| content[..at].rfind('#')) else { continue };
        if let Some((start, codes, is_file)) = parse(text, line.start + sign..line.end) {
            let is_alone = content[..sign].trim().is_empty();
            let next = lines[number + 1..].iter().find(|l| {
                let next = text[(*l).clone()].trim();
                !next.is_empty() && !next.starts_with('#')
            });
            let extent = if is_alone { next.unwrap_or(line).clone() } else { line.clone() };
            let extent = (!is_file).then_some(extent);
            found.push(Suppression { comment: start..line.end, codes, extent, used: Cell::new(false) });
        }
    }
    found
}

/// The lines of a text, without their breaks.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..start + line.trim_end_matches(['\n', '\r']).len()
    })
}

/// Where a comment's suppression begins, which may stand behind other words, with a `#` of its own; its codes; and whether
/// it holds for the file.
fn parse(text: &str, comment: Range<usize>) -> Option<(usize, Vec<Code>, bool)> {
    let content = text.get(comment.clone())?;
    let at = content.find(MARK)?;
    let sign = content[..at].trim_end_matches([' ', '\t']).strip_suffix('#')?.trim_end_matches('#').len();
    let begin = comment.start + sign;
    let rest = &content[at + MARK.len()..];
    let word = rest.trim_start();
    let (rest, is_file) = match word.strip_prefix("ignore-file") {
        Some(rest) => (rest, true),
        None => (word.strip_prefix("ignore")?, false),
    };
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_') {
        return None;
    }
    let Some(inner) = rest.strip_prefix('[').and_then(|r| r.split_once(']')).map(|(inner, _)| inner) else {
        return Some((begin, Vec::new(), is_file));
    };
    let base = comment.start + (inner.as_ptr() as usize - content.as_ptr() as usize);
    let mut codes = Vec::new();
    let mut offset = 0;
    for part in inner.split(',') {
        let code = part.trim();
        if !code.is_empty() {
            let start = base + offset + (part.len() - part.trim_start().len());
            let range = start..start + code.len();
            codes.push(Code { text: code.to_owned(), range, used: Cell::new(false) });
        }
        offset += part.len() + 1;
    }
    Some((begin, codes, is_file))
}

/// The bytes for which a comment holds.
fn extent(module: &Module, lines: &LineIndex, comment: Range<usize>) -> Range<usize> {
    let text = &*module.text;
    let (line, _) = lines.position(text, comment.start, Unit::Bytes);
    let line_range = |line: usize| {
        lines.byte(text, line, 0, Unit::Bytes)..lines.byte(text, line + 1, 0, Unit::Bytes).max(1)
    };
    let own = line_range(line);
    let before = text[own.start..comment.start].trim();
    // In a script's header something may stand between two signs.
    let in_header = header::find(text).filter(|h| h.contains(comment.start));
    if !before.is_empty() && (in_header.is_some() || !before.starts_with('#')) {
        return own;
    }
    if let Some(header) = in_header {
        let next = line_range(line + 1);
        return if header.contains(next.start) { next } else { own };
    }
    let mut next = line + 1;
    let start = loop {
        let range = line_range(next);
        if range.start >= text.len() {
            return own;
        }
        let content = text[range.clone()].trim_start();
        if !content.is_empty() && !content.starts_with('#') {
            break range.start + (text[range.clone()].len() - content.len());
        }
        next += 1;
    };
    let statements = module.statements();
    let beginning = statements.iter().filter(|s| s.span.range().start == start);
    match beginning.map(|s| s.span.range()).max_by_key(|r| r.end) {
        Some(range) => range,
        None => line_range(next),
    }
}

/// The edit that suppresses a finding where it stands: at the end of the line on which it begins.
#[must_use]
pub fn suppress(finding: &Finding, text: &str) -> Edit {
    insertion(&finding.site.path, finding.site.start, &[finding.rule.code], text)
}

/// The edits that suppress all findings of one file, one comment a line.
#[must_use]
pub fn suppress_all(findings: &[Finding], path: &Arc<Path>, text: &str) -> Vec<Edit> {
    let lines = LineIndex::new(text);
    let mut by_line: BTreeMap<usize, (usize, Vec<&str>)> = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.site.path == *path && !unsuppressible(f.rule)) {
        let (line, _) = lines.position(text, finding.site.start, Unit::Bytes);
        let (_, codes) = by_line.entry(line).or_insert((finding.site.start, Vec::new()));
        if !codes.contains(&finding.rule.code) {
            codes.push(finding.rule.code);
        }
    }
    by_line.into_values().map(|(at, codes)| insertion(path, at, &codes, text)).collect()
}

/// Findings about suppressions are mended, not suppressed.
fn unsuppressible(rule: &Rule) -> bool {
    matches!(rule.code, "IMG901" | "IMG902")
}

fn insertion(path: &Arc<Path>, at: usize, codes: &[&str], text: &str) -> Edit {
    if !is_python(path) {
        return in_line(path, at, codes, text);
    }
    let rest = text.get(at..).unwrap_or_default();
    let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len());
    let line_start = text[..at].rfind(['\n', '\r']).map_or(0, |i| i + 1);
    let line = &text[line_start..end];
    // A line that has a suppression already gets the codes into it.
    let comments = syntax::comments(text);
    let own = comments.iter().map(|c| c.range()).find(|c| c.start >= line_start && c.end <= end);
    if let Some((_, known, false)) = own.clone().and_then(|c| parse(text, c))
        && let Some(last) = known.last()
    {
        return Edit::insert(path, last.range.end, format!(", {}", codes.join(", ")));
    }
    let comment = format!("# image-lsp: ignore[{}]", codes.join(", "));
    // Inside a string, or before a line joined by a backslash, a comment is none: it goes above the statement.
    let joined = line.trim_end().ends_with('\\');
    // A header's first and last line end as they do.
    let is_edge = matches!(line, header::OPENER | header::CLOSER);
    if is_edge && let Some(header) = header::find(text).filter(|h| h.contains(at)) {
        let comment = format!("# image-lsp: ignore-file[{}]{}", codes.join(", "), line_break(text));
        return Edit::insert(path, header.opener.start, comment);
    }
    if joined || ends_in_string(text, end) {
        let start = statement_start(text, at);
        let line_start = text[..start].rfind(['\n', '\r']).map_or(0, |i| i + 1);
        let line_end = line_break(text);
        return Edit::insert(path, line_start, format!("{}{comment}{line_end}", &text[line_start..start]));
    }
    let gap = if line.ends_with([' ', '\t']) { "" } else { "  " };
    Edit::insert(path, end, format!("{gap}{comment}"))
}

fn line_break(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The same in a file of lines.
fn in_line(path: &Arc<Path>, at: usize, codes: &[&str], text: &str) -> Edit {
    let rest = text.get(at..).unwrap_or_default();
    let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len());
    let start = text.get(..at).and_then(|t| t.rfind(['\n', '\r'])).map_or(0, |i| i + 1);
    let line = text.get(start..end).unwrap_or_default();
    if let Some(known) = of_lines(text).iter().find(|s| s.comment.start >= start && s.comment.end <= end)
        && let Some(last) = known.codes.last()
    {
        return Edit::insert(path, last.range.end, format!(", {}", codes.join(", ")));
    }
    let comment = format!("# image-lsp: ignore[{}]", codes.join(", "));
    // A line that goes on has no place for a comment.
    if line.trim_end().ends_with('\\') {
        return Edit::insert(path, start, format!("{comment}{}", line_break(text)));
    }
    let gap = if line.ends_with([' ', '\t']) { "" } else { "  " };
    Edit::insert(path, end, format!("{gap}{comment}"))
}

/// Whether a line end lies inside of a string.
fn ends_in_string(text: &str, end: usize) -> bool {
    let Ok(module) = syntax::parse(Arc::from(Path::new("")), text.into()) else { return false };
    module.expressions.iter().zip(&module.spans).any(|(expression, span)| {
        use image_python::syntax::ast::Expression;
        let is_string =
            matches!(expression, Expression::Str(_) | Expression::Format(_) | Expression::Bytes(_));
        let range = span.range();
        // Literals joined by juxtaposition may have a line end between them, which is no harm.
        is_string && range.start < end && end < range.end && text[range].contains("\"\"\"")
    })
}

/// Where the statement that holds a byte begins.
fn statement_start(text: &str, at: usize) -> usize {
    let Ok(module) = syntax::parse(Arc::from(Path::new("")), text.into()) else { return at };
    let holding = module.statements().into_iter().map(|s| s.span.range()).filter(|r| r.contains(&at));
    holding.min_by_key(|r| r.end - r.start).map_or(at, |r| r.start)
}
