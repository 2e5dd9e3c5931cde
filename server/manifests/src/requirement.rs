//! Requirements as PEP 508 has them: their parts with places, also of half-typed ones, and what is wrong with them.
//!
//! What is valid, and what markers mean, `pep508_rs` decides, which has the grammar of uv.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::{MarkerTree, Pep508Error, Pep508Url, VersionOrUrl};
use version_ranges::Ranges;

use crate::pins::normalised;

/// An address as it is written: variables in it are left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address(String);

/// An address that names no place of its own.
#[derive(Debug, thiserror::Error)]
#[error("relative path without a working directory: {0}")]
struct Relative(String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pep508Url for Address {
    type Err = Relative;

    fn parse_url(url: &str, _: Option<&Path>) -> Result<Self, Relative> {
        let local = match url.split_once(':') {
            // One letter is a drive.
            Some((scheme, rest)) if scheme.len() > 1 && is_scheme(scheme) => {
                if !scheme.eq_ignore_ascii_case("file") {
                    return Ok(Self(url.to_owned()));
                }
                rest.strip_prefix("//").unwrap_or(rest)
            }
            _ => url,
        };
        if local.starts_with(['/', '$']) || local.starts_with("localhost/") {
            return Ok(Self(url.to_owned()));
        }
        Err(Relative(local.to_owned()))
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
}

type Parsed = pep508_rs::Requirement<Address>;

/// The parts of a requirement, as ranges of bytes in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The project's name.
    pub name: Range<usize>,
    /// The extras between the brackets.
    pub extras: Vec<Range<usize>>,
    /// Operators, each with the version behind it.
    pub specifiers: Vec<(Range<usize>, Range<usize>)>,
    /// The address behind `@`.
    pub address: Option<Range<usize>>,
    /// The marker behind `;`.
    pub marker: Option<Range<usize>>,
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_operator_char(c: char) -> bool {
    matches!(c, '=' | '<' | '>' | '~' | '!')
}

/// The range of a part of a text without the white space around it.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// The parts of a requirement, as far as they are there; `None` where it does not begin with a name.
#[must_use]
pub fn parts(text: &str) -> Option<Parts> {
    let start = text.len() - text.trim_start().len();
    let length = text[start..].find(|c| !is_name_char(c)).unwrap_or(text.len() - start);
    if length == 0 {
        return None;
    }
    let mut parts = Parts { name: start..start + length, ..Parts::default() };
    let mut at = parts.name.end;
    let gap = |at: usize| at + (text[at..].len() - text[at..].trim_start().len());
    at = gap(at);
    if text[at..].starts_with('[') {
        let inside = at + 1;
        let end = text[inside..].find(']').map_or(text.len(), |e| inside + e);
        let mut from = inside;
        for extra in text[inside..end].split(',') {
            let range = trimmed(text, from..from + extra.len());
            if !range.is_empty() {
                parts.extras.push(range);
            }
            from += extra.len() + 1;
        }
        at = gap((end + 1).min(text.len()));
    }
    if text[at..].starts_with('@') {
        let from = gap(at + 1);
        // A marker behind an address follows white space.
        let end = text[from..].find(" ;").or_else(|| text[from..].find("\t;")).map(|e| from + e);
        parts.address = Some(trimmed(text, from..end.unwrap_or(text.len())));
        parts.marker = end.map(|end| trimmed(text, end + 2..text.len()));
        return Some(parts);
    }
    let end = text[at..].find(';').map_or(text.len(), |e| at + e);
    if end < text.len() {
        parts.marker = Some(trimmed(text, end + 1..text.len()));
    }
    let open = usize::from(text[at..end].starts_with('('));
    let mut from = at + open;
    let close = if open == 1 { text[at..end].rfind(')').map_or(end, |e| at + e) } else { end };
    for specifier in text[from.min(close)..close].split(',') {
        let range = trimmed(text, from..from + specifier.len());
        from += specifier.len() + 1;
        let part = &text[range.clone()];
        let operator = part.find(|c| !is_operator_char(c)).unwrap_or(part.len());
        if operator > 0 {
            let operator = range.start..range.start + operator;
            let version = trimmed(text, operator.end..range.end);
            parts.specifiers.push((operator, version));
        }
    }
    Some(parts)
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In uv's words.
    pub message: String,
    /// Where, in bytes of the text.
    pub range: Range<usize>,
}

/// What is wrong with a requirement by PEP 508; `None` for a sound one.
#[must_use]
pub fn fault(text: &str) -> Option<Fault> {
    if let Some(fault) = name_fault(text) {
        return Some(fault);
    }
    let error = read(text)?.err()?;
    let start = floor(text, error.start.min(text.len()));
    let end = floor(text, start.saturating_add(error.len.max(1)).min(text.len())).max(start);
    Some(Fault { message: one_line(&error.message.to_string()), range: start..end })
}

/// Bytes above which a requirement is not read.
const LENGTH: usize = 4096;
/// Brackets, and terms of a marker, above which it is not read: the library's work and stack grow with them.
const DEPTH: usize = 40;
/// Digits in a row above which it is not read: the library's numbers have 64 bits.
const DIGITS: usize = 18;

/// Reads a requirement with the library, which panics on what its callers have to keep from it; `None` for what is not
/// read at all.
fn read(text: &str) -> Option<Result<Parsed, Pep508Error<Address>>> {
    let count = |part: &str| text.matches(part).count();
    let terms = count(" and ") + count(" or ") + count("'") / 2 + count("\"") / 2;
    if text.len() > LENGTH
        || count("(").max(terms) > DEPTH
        || digits(text) > DIGITS
        || name_fault(text).is_some()
    {
        return None;
    }
    std::panic::catch_unwind(|| Parsed::from_str(&plain(&lenient(text)))).ok()
}

/// A text of which every byte is a character: the library takes the one for the other. Places stay the same.
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    text.bytes().map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect::<String>().into()
}

/// The most digits in a row.
fn digits(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// What is wrong with the name, or the name of an extra: what they end with.
fn name_fault(text: &str) -> Option<Fault> {
    let parts = parts(text)?;
    let open = parts.name.end + text[parts.name.end..].find('[').unwrap_or(text.len() - parts.name.end);
    let close = open + text[open..].find(']').unwrap_or(text.len() - open);
    // Words between brackets, also of what is no list of extras.
    let mut words = vec![parts.name.clone()];
    let mut at = open;
    for word in text[open..close].split(|c| !is_name_char(c)) {
        // `split` takes a sign away behind each word.
        let start = at + text[at..close].find(word).unwrap_or(0);
        words.push(start..start + word.len());
        at = start + word.len();
    }
    let ends_badly = |range: &&Range<usize>| text[(*range).clone()].ends_with(['.', '-', '_']);
    let range = words.iter().find(ends_badly)?;
    let sign = text[range.clone()].chars().next_back()?;
    let what = if *range == parts.name { "Package name" } else { "The name of an extra" };
    let message = format!("{what} must end with an alphanumeric character, not '{sign}'");
    Some(Fault { message, range: range.end - 1..range.end })
}

/// A text without what uv passes over: a comma behind the last specifier. Places stay the same.
fn lenient(text: &str) -> std::borrow::Cow<'_, str> {
    let last = parts(text).and_then(|p| p.specifiers.last().map(|(_, version)| version.clone()));
    if let Some(version) = last.filter(|v| !v.is_empty())
        && let Some(rest) = text.get(version.end..)
        && rest.trim_start().starts_with(',')
        && let after = rest.trim_start()[1..].trim_start()
        && (after.is_empty() || after.starts_with([';', ')']))
    {
        let comma = version.end + (rest.len() - rest.trim_start().len());
        return format!("{} {}", &text[..comma], &text[comma + 1..]).into();
    }
    text.into()
}

/// What is wrong with a text of version specifiers, like that of `requires-python`.
#[must_use]
pub fn specifiers_fault(text: &str) -> Option<String> {
    if digits(text) > DIGITS {
        return None;
    }
    VersionSpecifiers::from_str(text).err().map(|error| {
        // The place is drawn below the message.
        one_line(error.to_string().lines().next().unwrap_or_default()).trim_end_matches(':').to_owned()
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The byte at or before another one that begins a character.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A sound requirement.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The project's name in its normal form.
    pub name: String,
    parsed: Parsed,
}

impl Requirement {
    /// Reads a requirement; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = read(text)?.ok()?;
        Some(Self { name: normalised(parsed.name.as_ref()), parsed })
    }

    /// The extras in their normal form, in order, each once.
    #[must_use]
    pub fn extras(&self) -> Vec<String> {
        let mut extras: Vec<String> = self.parsed.extras.iter().map(|e| normalised(e.as_ref())).collect();
        extras.sort();
        extras.dedup();
        extras
    }

    /// Whether it holds in some environment in which another one holds.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        !self.parsed.marker.is_disjoint(&other.parsed.marker)
    }

    /// Whether it holds with some Python that specifiers allow. Where that cannot be told, it does.
    #[must_use]
    pub fn holds_with(&self, python: &str) -> bool {
        let terms = python.split(',').filter_map(|part| {
            let part = part.trim();
            let version = part.trim_start_matches(is_operator_char);
            let operator = &part[..part.len() - version.len()];
            (!part.is_empty()).then(|| format!("python_full_version {operator} '{}'", version.trim()))
        });
        let text = terms.collect::<Vec<_>>().join(" and ");
        marker(&text).is_none_or(|python| !self.parsed.marker.is_disjoint(&python))
    }

    /// Whether the markers mean the same.
    #[must_use]
    pub fn same_marker(&self, other: &Self) -> bool {
        self.parsed.marker == other.parsed.marker
    }

    /// Whether no version satisfies both.
    #[must_use]
    pub fn clashes(&self, other: &Self) -> bool {
        match (self.specifiers(), other.specifiers()) {
            (Some(own), Some(other)) => ranges(own).intersection(&ranges(other)).is_empty(),
            _ => false,
        }
    }

    /// Whether it asks for a version, with nothing but specifiers.
    #[must_use]
    pub fn specifiers(&self) -> Option<&VersionSpecifiers> {
        static ANY: std::sync::LazyLock<VersionSpecifiers> =
            std::sync::LazyLock::new(VersionSpecifiers::default);
        match &self.parsed.version_or_url {
            None => Some(&ANY),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers),
            Some(VersionOrUrl::Url(_)) => None,
        }
    }

    /// The address that it is to be had from.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match &self.parsed.version_or_url {
            Some(VersionOrUrl::Url(address)) => Some(&address.0),
            _ => None,
        }
    }

    /// Whether a version satisfies it; `None` where that cannot be told.
    #[must_use]
    pub fn allows(&self, version: &str) -> Option<bool> {
        let version = Version::from_str(version).ok()?;
        Some(self.specifiers()?.contains(&version))
    }

    /// What it asks for, in a form in which equal requirements are equal texts.
    pub(crate) fn specifiers_text(&self) -> Option<Vec<String>> {
        let mut all: Vec<String> = self.specifiers()?.iter().map(canonical).collect();
        all.sort();
        all.dedup();
        Some(all)
    }

    pub(crate) fn marker(&self) -> MarkerTree {
        self.parsed.marker.clone()
    }
}

/// A specifier in a form in which equal ones are equal texts: `>=1.0` and `>=1` are.
fn canonical(specifier: &VersionSpecifier) -> String {
    let text: String = specifier.to_string().chars().filter(|c| !c.is_whitespace()).collect();
    let counts = text.starts_with("~=") || text.starts_with("===") || text.contains('*');
    let plain = text.trim_start_matches(is_operator_char).chars().all(|c| c.is_ascii_digit() || c == '.');
    let mut short = text.as_str();
    while let Some(rest) = short.strip_suffix(".0").filter(|_| !counts && plain) {
        short = rest;
    }
    short.to_owned()
}

/// A marker; `None` for what is none.
pub(crate) fn marker(text: &str) -> Option<MarkerTree> {
    Some(Requirement::parse(&format!("x ; {text}"))?.marker())
}

/// The specifiers of a text in the form of [`Requirement::specifiers_text`]; `None` for what is none.
pub(crate) fn canonical_specifiers(text: &str) -> Option<Vec<String>> {
    let all = specifiers_fault(text).is_none().then(|| VersionSpecifiers::from_str(text).ok())??;
    let mut all: Vec<String> = all.iter().map(canonical).collect();
    all.sort();
    all.dedup();
    Some(all)
}

/// The versions that specifiers allow.
fn ranges(specifiers: &VersionSpecifiers) -> Ranges<Version> {
    let each = specifiers.iter().map(|s| Ranges::from(s.clone()));
    each.fold(Ranges::full(), |all, one| all.intersection(&one))
}

/// Whether a bare `==3.12` or `==3.12.4` stands for a Python that should be a series, and the specifiers of that series.
#[must_use]
pub fn as_series(specifiers: &str) -> Option<String> {
    let version = specifiers.trim().strip_prefix("==")?.trim();
    let mut numbers = version.trim_end_matches(".*").split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers.all(|n| n.is_ok()).then(|| format!(">={major}.{minor},<{major}.{}", minor + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Some(parts) = parts(text) else { return String::from("none") };
        let each = |r: &Range<usize>| text[r.clone()].to_owned();
        let specifiers = parts.specifiers.iter().map(|(o, v)| format!("{}~{}", each(o), each(v)));
        format!(
            "{}|{}|{}|{}|{}",
            each(&parts.name),
            parts.extras.iter().map(each).collect::<Vec<_>>().join("+"),
            specifiers.collect::<Vec<_>>().join("+"),
            parts.address.as_ref().map(each).unwrap_or_default(),
            parts.marker.as_ref().map(each).unwrap_or_default()
        )
    }

    #[test]
    fn parts_have_their_places() {
        for (text, expected) in [
            ("httpx", "httpx||||"),
            (
                " httpx [ a , b ] >= 1.0 , <2 ; python_version > '3' ",
                "httpx|a+b|>=~1.0+<~2||python_version > '3'",
            ),
            ("x(>=1,<2)", "x||>=~1+<~2||"),
            ("x @ https://e.org/x;y ; os_name == 'nt'", "x|||https://e.org/x;y|os_name == 'nt'"),
            ("x[", "x||||"),
            ("x==", "x||==~||"),
            ("x;", "x||||"),
            ("x(", "x||||"),
            (">=1", "none"),
            ("", "none"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn faults_are_told_with_their_place() {
        assert_eq!(fault("httpx>=0.27,<1; python_version < '3.13'"), None);
        assert_eq!(fault("x @ git+https://e.org/x"), None);
        assert_eq!(fault("x @ file:///w/x"), None);
        assert_eq!(fault("x>=1, ; os_name == 'nt'"), None);
        for text in [
            "numpy=1",
            "numpy pandas",
            "a >=1.*",
            "./a",
            "git+https://e.org/x",
            "a @ file:./a",
            "",
            "é",
            "a;x",
        ] {
            let fault = fault(text).unwrap_or_else(|| panic!("{text}"));
            assert!(text.get(fault.range).is_some() && !fault.message.is_empty(), "{text}");
        }
        assert!(specifiers_fault("3.11").is_some_and(|m| m.contains("expected operator")));
        assert_eq!(specifiers_fault(">=3.11, <4"), None);
    }

    /// Each of these made the library panic, or would have it use up the stack.
    #[test]
    fn what_the_library_cannot_bear_is_kept_from_it() {
        let deep = format!("a; {}os_name == 'x'", "(".repeat(100_000));
        let long = format!("a; {}", "os_name == 'x' or ".repeat(10_000));
        for text in [
            "3.",
            "idna-;A",
            "0-!",
            "a[b-]",
            "a[ds. x]",
            "a[\u{b}ds.",
            "a==18446744073709551615.*",
            &deep,
            &long,
            &"a".repeat(1 << 20),
        ] {
            let _ = fault(text);
            assert!(Requirement::parse(text).is_none(), "{}", &text[..text.len().min(40)]);
        }
        assert_eq!(fault("idna-").map(|f| f.range), Some(4..5));
    }

    #[test]
    fn markers_and_versions_are_compared() {
        let of = |text: &str| Requirement::parse(text).expect("sound");
        assert!(!of("a; sys_platform == 'linux'").meets(&of("a; sys_platform == 'win32'")));
        assert!(of("a>=1").meets(&of("a<2")));
        assert!(!of("a; python_version < '3'").holds_with(">=3.11, <4"));
        assert!(of("a; python_version < '3.12'").holds_with(">=3.11"));
        assert!(of("a").holds_with("==3.12.*") && of("a").holds_with("") && of("a").holds_with("what"));
        assert!(of("a>=2").clashes(&of("a<2")));
        assert!(!of("a>=2").clashes(&of("a<3")));
        assert!(of("a==1.0").clashes(&of("a==1.1")));
        assert!(!of("a==1.0").clashes(&of("a==1")));
        assert_eq!(of("a>=1.0").specifiers_text(), of("a >= 1").specifiers_text());
        assert_eq!(of("a>=1,<2").allows("1.5"), Some(true));
        assert_eq!(as_series("==3.12").as_deref(), Some(">=3.12,<3.13"));
        assert_eq!(as_series(">=3.12"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[a-z]|\\[|\\]|;| and |python_version|[<>=!~]|'3.1'|@|https://|,|\\(|\\)| ){0,24}") {
            let _ = fault(&text);
            let _ = specifiers_fault(&text);
            if let Some(parts) = parts(&text) {
                let all = parts.extras.iter().chain(parts.specifiers.iter().flat_map(|(a, b)| [a, b]));
                for range in all.chain([&parts.name]).chain(&parts.address).chain(&parts.marker) {
                    proptest::prop_assert!(text.get(range.clone()).is_some());
                }
            }
        }
    }
}
