//! Arguments of `uv pip install`, as far as their first look tells what is wrong with them.
//!
//! Only what neither PEP 508 nor uv's leniency takes is called wrong.

use std::ops::Range;

pub(crate) use image_manifests::pins::normalised as normal;

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Several requirements in one argument.
    Several(Vec<String>),
    /// `name=1`: the place of the `=`.
    SingleEquals(usize),
    /// No requirement, and why.
    Invalid(&'static str),
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Something else than a named requirement: an option, a URL, a path.
pub(crate) fn is_special(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('-')
        || text.contains("://")
        || text.contains('/')
        || text.contains('\\')
        || text.contains('$')
        || text.starts_with('.')
        || text.starts_with('~')
        || text.starts_with("git+")
        || [".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".txt", ".toml"]
            .iter()
            .any(|end| text.ends_with(end))
}

/// The project's name, in PyPI's normal form; `None` for what has none.
#[must_use]
pub fn name(text: &str) -> Option<String> {
    let text = text.trim();
    if is_special(text) && !text.contains(" @ ") {
        return None;
    }
    let end = text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    (end > 0).then(|| normal(&text[..end]))
}

/// The place and the text of the specifiers, with brackets of extras before them.
fn after_name(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let mut at = end;
    let rest = &text[at..];
    at += rest.len() - rest.trim_start().len();
    if let Some(inner) = text[at..].strip_prefix('[') {
        let close = inner.find(']')?;
        at += close + 2;
        let rest = &text[at..];
        at += rest.len() - rest.trim_start().len();
    }
    Some((at, &text[at..]))
}

/// What is wrong with an argument; `None` where nothing certainly is.
pub(crate) fn trouble(text: &str) -> Option<Trouble> {
    if text.trim().is_empty() {
        return Some(Trouble::Invalid("it is empty"));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > 1 && words.iter().all(|w| is_plain(w)) {
        return Some(Trouble::Several(words.iter().map(|w| (*w).to_owned()).collect()));
    }
    if is_special(text) {
        return None;
    }
    let offset = text.len() - text.trim_start().len();
    let trimmed = text.trim();
    let first = trimmed.chars().next()?;
    if !first.is_ascii_alphanumeric() {
        return Some(Trouble::Invalid("a name begins with a letter or a digit"));
    }
    let (at, rest) = after_name(trimmed)?;
    if trimmed[..at].trim_end().ends_with(['-', '_', '.']) {
        return Some(Trouble::Invalid("a name ends with a letter or a digit"));
    }
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (None, _) | (Some('<' | '>' | '@' | ';' | '('), _) => None,
        (Some('=' | '~' | '!'), Some('=')) => None,
        (Some('='), Some('>' | '<')) => Some(Trouble::Invalid("the operators are >= and <=")),
        (Some('='), _) => Some(Trouble::SingleEquals(offset + at)),
        (Some(','), _) => Some(Trouble::Invalid("requirements are separate arguments, without commas")),
        _ => Some(Trouble::Invalid("after the name an operator such as == is expected")),
    }
}

/// A requirement of one word: a name, perhaps with extras and specifiers.
fn is_plain(word: &str) -> bool {
    !is_special(word)
        && !word.contains([';', '@', ','])
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(word, "and" | "or" | "in" | "not")
        && trouble_of_one(word)
}

fn trouble_of_one(word: &str) -> bool {
    let Some((_, rest)) = after_name(word) else { return false };
    rest.is_empty()
        || [">=", "<=", "==", "~=", "!=", ">", "<"]
            .iter()
            .any(|op| rest.starts_with(op) && rest.len() > op.len())
}

/// What a requirement asks for besides the project's name, in words; nothing for one that takes any version.
#[must_use]
pub fn in_words(text: &str) -> String {
    let (requirement, marker) = match text.split_once(';') {
        Some((requirement, marker)) => (requirement.trim(), Some(marker.trim())),
        None => (text.trim(), None),
    };
    let mut words: Vec<String> = Vec::new();
    if let Some((_, rest)) = requirement.split_once('[')
        && let Some((extras, _)) = rest.split_once(']')
    {
        words.push(format!("with {}", extras.trim()));
    }
    match requirement.split_once(" @ ") {
        Some((_, url)) => words.push(format!("from {}", url.trim())),
        None => {
            let specifiers = after_name(requirement).map_or("", |(_, rest)| rest);
            let each = specifiers.trim_matches(['(', ')', ' ']).split(',').map(str::trim);
            words.extend(each.filter(|s| !s.is_empty()).map(specifier));
        }
    }
    if let Some(marker) = marker {
        words.push(format!("only where {marker}"));
    }
    words.join(", ")
}

/// One specifier. Source: the version specifiers of PEP 440.
fn specifier(text: &str) -> String {
    const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", ">=", "<=", ">", "<"];
    let Some(operator) = OPERATORS.into_iter().find(|o| text.starts_with(o)) else { return text.to_owned() };
    let version = text[operator.len()..].trim();
    match (operator, version.strip_suffix(".*")) {
        ("===", _) => format!("exactly the text {version}"),
        ("==", None) => format!("exactly {version}"),
        ("==", Some(series)) => format!("any {series}"),
        ("!=", None) => format!("not {version}"),
        ("!=", Some(series)) => format!("no {series}"),
        ("~=", _) => match version.rsplit_once('.') {
            Some((series, _)) => format!("{version} or later, but still {series}"),
            None => format!("{version} or later"),
        },
        (">=", _) => format!("{version} or later"),
        ("<=", _) => format!("{version} or earlier"),
        (">", _) => format!("later than {version}"),
        _ => format!("before {version}"),
    }
}

/// Whether a requirement allows one version only.
pub(crate) fn is_pinned(text: &str) -> bool {
    let requirement = text.split(';').next().unwrap_or(text);
    requirement.contains(" @ ") || (requirement.contains("==") && !requirement.contains(".*"))
}

/// The variables that a text names, with the place of each: `${NAME}` and, where asked for, `$NAME`.
pub(crate) fn variables(text: &str, bare: bool) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find('$') {
        let start = at + offset;
        let rest = &text[start + 1..];
        at = start + 1;
        let (inner, braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let name = &inner[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        if braced && inner[end..].starts_with('}') {
            found.push((name, start..start + end + 3));
        } else if !braced && bare {
            found.push((name, start..start + end + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_takes_is_no_trouble() {
        for text in [
            "numpy",
            "numpy>=1.2",
            "numpy >= 1.2, <2",
            "a.b_c-d",
            "ray[default]==2.1",
            "x [a,b] >=1; python_version<'3.12'",
            "x @ https://e.org/x.whl",
            "git+https://e.org/x",
            "./x",
            "-e .",
            "--pre",
            "x.whl",
            "numpy(>=1)",
            "a;os_name=='nt'",
            "$PACKAGE",
            "torch>=2.0,<3 ; sys_platform == 'linux'",
            "numpy~=1.0",
            "x===1",
        ] {
            assert_eq!(trouble(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_certainly_wrong_is() {
        let several =
            |words: &[&str]| Some(Trouble::Several(words.iter().map(|w| (*w).to_owned()).collect()));
        assert_eq!(trouble("numpy pandas"), several(&["numpy", "pandas"]));
        assert_eq!(trouble("numpy>=1 pandas[x]==2"), several(&["numpy>=1", "pandas[x]==2"]));
        assert_eq!(trouble("numpy=1.2"), Some(Trouble::SingleEquals(5)));
        assert!(matches!(trouble("numpy=>1"), Some(Trouble::Invalid(_))));
        assert!(matches!(trouble("numpy, pandas"), Some(Trouble::Invalid(_))));
        assert!(matches!(trouble("numpy 1.2"), Some(Trouble::Invalid(_))));
        assert!(matches!(trouble(""), Some(Trouble::Invalid(_))));
    }

    #[test]
    fn variables_are_found() {
        assert_eq!(variables("https://${A}:$B@e/${c-}", true), [("A", 8..12), ("B", 13..15)]);
        assert_eq!(variables("$1 $$ ${", true), []);
    }
}
