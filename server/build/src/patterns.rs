//! docker's patterns for parts of a context, as BuildKit asks for them.
//!
//! Not the matcher of flyte's ignore files, which differs; this one is docker's own.
//! Source: github.com/moby/patternmatcher 0.6 (`PatternMatcher.MatchesOrParentMatches`).

use regex::Regex;

/// Patterns, of which later ones overrule earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    all: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// It takes back what others match.
    negated: bool,
    expression: Regex,
    /// Its parts, for [`Patterns::may_match_below`].
    parts: Vec<String>,
}

impl Patterns {
    /// Patterns that are none are left out.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let all = patterns.iter().filter_map(|text| {
            let text = text.trim();
            let (negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
            if text.is_empty() {
                return None;
            }
            let cleaned = clean(text);
            let parts = cleaned.split('/').map(str::to_owned).collect();
            Some(Pattern { negated, expression: expression(&cleaned)?, parts })
        });
        Self { all: all.collect() }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether some take back what others match.
    pub(crate) fn has_negated(&self) -> bool {
        self.all.iter().any(|p| p.negated)
    }

    /// Whether a path or a folder above it matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut matched = false;
        for pattern in &self.all {
            if pattern.negated != matched {
                continue;
            }
            let above = path.match_indices('/').map(|(at, _)| &path[..at]);
            if std::iter::once(path).chain(above).any(|p| pattern.expression.is_match(p)) {
                matched = !pattern.negated;
            }
        }
        matched
    }

    /// Whether something in a folder may match.
    pub(crate) fn may_match_below(&self, folder: &str) -> bool {
        self.all.iter().any(|pattern| {
            for (part, name) in pattern.parts.iter().zip(folder.split('/')) {
                if part.contains("**") {
                    return true;
                }
                if !expression(part).is_some_and(|e| e.is_match(name)) {
                    return false;
                }
            }
            true
        })
    }
}

/// Whether a name has signs that stand for others.
pub(crate) fn has_wildcards(name: &str) -> bool {
    name.contains(['*', '?', '[', '\\'])
}

/// Whether a name matches one part of a pattern.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    expression(pattern).is_some_and(|e| e.is_match(name))
}

/// A path without needless parts, as Go's `filepath.Clean` gives it.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn expression(pattern: &str) -> Option<Regex> {
    let mut text = String::from("^");
    let mut signs = pattern.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '*' if signs.next_if_eq(&'*').is_some() => {
                signs.next_if_eq(&'/');
                text.push_str(if signs.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '\\' => match signs.next() {
                Some(next) => text.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => text.push_str("\\\\"),
            },
            '[' | ']' => text.push(sign),
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push('$');
    Regex::new(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::new(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn later_patterns_overrule() {
        let patterns = patterns(&["*.txt", "!keep.txt", "dir", "**/x.o", "sub/*", "!sub/a", "a+b", " "]);
        for (path, expected) in [
            ("a.txt", true),
            ("keep.txt", false),
            ("d/a.txt", false),
            ("dir/z/q", true),
            ("a/b/x.o", true),
            ("x.o", true),
            ("sub/b", true),
            ("sub/a", false),
            ("sub", false),
            ("a+b", true),
            ("aab", false),
        ] {
            assert_eq!(patterns.matches(path), expected, "{path}");
        }
        assert!(patterns.has_negated());
    }

    #[test]
    fn folders_that_cannot_hold_a_match_are_not_entered() {
        let patterns = patterns(&["src/*.py", "pyproject.toml", "lib/**/x"]);
        for (folder, expected) in
            [("src", true), ("src/deep", false), ("node_modules", false), ("lib", true), ("lib/a/b", true)]
        {
            assert_eq!(patterns.may_match_below(folder), expected, "{folder}");
        }
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in
            [("a//b/./c", "a/b/c"), ("", "."), ("/..", "/"), ("a/../../b", "../b"), ("/a/", "/a")]
        {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }
}
