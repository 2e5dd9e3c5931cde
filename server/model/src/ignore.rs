//! Which paths an ignore file excludes: docker-py's matcher, of which flyte carries a copy.
//!
//! Source: flyte 2.12.1, `_internal/imagebuild/docker.py` and `DockerfileIgnore`. Matching is case-insensitive,
//! anchored at the root, and the last pattern that matches decides.

use image_manifests::ignore_file;

use crate::error::{Res, unknown};
use crate::path::PyPath;
use crate::world::World;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**` before something: any number of whole folders.
    Folders,
    /// `**` at the end.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

#[derive(Debug, Clone)]
struct Pattern {
    negated: bool,
    parts: usize,
    cleaned: String,
    tokens: Vec<Token>,
}

/// The patterns of one ignore file, ready to match.
#[derive(Debug, Clone)]
pub struct Matcher {
    patterns: Vec<Pattern>,
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|p| !p.is_empty() && *p != ".")
}

impl Pattern {
    fn new(text: &str) -> Res<Self> {
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in split(image_manifests::pytext::strip(text)) {
            if part == ".." {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        let cleaned = parts.join("/");
        let tokens = tokens(&cleaned.to_lowercase())?;
        Ok(Self { negated, parts: parts.len(), cleaned, tokens })
    }

    fn matches(&self, path: &[char]) -> bool {
        matches(&self.tokens, path)
    }
}

fn tokens(pattern: &str) -> Res<Vec<Token>> {
    let c: Vec<char> = pattern.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    while i < c.len() {
        let here = c[i];
        i += 1;
        match here {
            '*' if c.get(i) == Some(&'*') => {
                i += 1;
                if c.get(i) == Some(&'/') {
                    i += 1;
                }
                out.push(if i >= c.len() { Token::Rest } else { Token::Folders });
            }
            '*' => out.push(Token::Run),
            '?' => out.push(Token::One),
            '[' => {
                let mut j = i;
                if c.get(j) == Some(&'!') {
                    j += 1;
                }
                if c.get(j) == Some(&']') {
                    j += 1;
                }
                while j < c.len() && c[j] != ']' {
                    j += 1;
                }
                if j >= c.len() {
                    out.push(Token::Literal('['));
                } else {
                    out.push(class(&c[i..j])?);
                    i = j + 1;
                }
            }
            other => out.push(Token::Literal(other)),
        }
    }
    Ok(out)
}

/// The inside of `[...]`, read as Python's `re` reads it after docker-py has escaped it.
fn class(inside: &[char]) -> Res<Token> {
    let (negated, body) = match inside.first() {
        Some('!') => (true, &inside[1..]),
        _ => (false, inside),
    };
    let mut ranges = Vec::new();
    let mut i = 0;
    while i < body.len() {
        let low = body[i];
        if body.get(i + 1) == Some(&'-') && i + 2 < body.len() {
            let high = body[i + 2];
            if high < low {
                return unknown("the ignore file has a character range that Python refuses");
            }
            ranges.push((low, high));
            i += 3;
        } else {
            ranges.push((low, low));
            i += 1;
        }
    }
    Ok(Token::Class { negated, ranges })
}

/// Matches by the set of reachable places, so that no pattern takes more than pattern × path steps.
fn matches(tokens: &[Token], path: &[char]) -> bool {
    let mut reachable = vec![false; path.len() + 1];
    reachable[0] = true;
    for token in tokens {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            if !reachable[at] {
                continue;
            }
            match token {
                Token::Rest => next[at..].fill(true),
                Token::Run => {
                    next[at] = true;
                    for (offset, c) in path[at..].iter().enumerate() {
                        if *c == '/' {
                            break;
                        }
                        next[at + offset + 1] = true;
                    }
                }
                Token::Folders => {
                    next[at] = true;
                    for (offset, c) in path[at..].iter().enumerate() {
                        if *c == '/' {
                            next[at + offset + 1] = true;
                        }
                    }
                }
                single => {
                    if path.get(at).is_some_and(|c| matches_one(single, *c)) {
                        next[at + 1] = true;
                    }
                }
            }
        }
        reachable = next;
    }
    reachable[path.len()]
}

fn matches_one(token: &Token, c: char) -> bool {
    match token {
        Token::Literal(l) => *l == c,
        Token::One => c != '/',
        Token::Class { negated, ranges } => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *negated,
        _ => false,
    }
}

impl Matcher {
    /// A matcher of the given patterns.
    ///
    /// # Errors
    /// Unknown for a pattern on which Python's regular expressions fail.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Res<Self> {
        let mut all = Vec::with_capacity(patterns.len() + 1);
        for pattern in patterns {
            let pattern = Pattern::new(pattern.as_ref())?;
            if pattern.parts > 0 {
                all.push(pattern);
            }
        }
        all.push(Pattern::new("!.dockerignore")?);
        Ok(Self { patterns: all })
    }

    /// Whether a relative path is excluded.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let chars: Vec<char> = path.to_lowercase().chars().collect();
        let parent = path.rfind('/').map_or("", |slash| &path[..slash]);
        let folders: Vec<&str> = split(parent).collect();
        let mut excluded = false;
        for pattern in &self.patterns {
            let mut hit = pattern.matches(&chars);
            if !hit && !parent.is_empty() && pattern.parts <= folders.len() {
                let start: Vec<char> = folders[..pattern.parts].join("/").to_lowercase().chars().collect();
                hit = pattern.matches(&start);
            }
            if hit {
                excluded = !pattern.negated;
            }
        }
        excluded
    }

    /// Whether something below an excluded folder may be let in again.
    #[must_use]
    pub fn may_readmit_below(&self, folder: &str) -> bool {
        self.patterns.iter().any(|p| p.negated && p.cleaned.starts_with(folder))
    }
}

/// What the hash leaves out: the patterns of `root/.dockerignore`, for paths that begin with `root`.
#[derive(Debug, Clone)]
pub struct Ignore {
    root: PyPath,
    matcher: Option<Matcher>,
}

impl Ignore {
    /// Reads `root/.dockerignore`; nothing there, or nothing in it, excludes nothing.
    ///
    /// # Errors
    /// As [`Matcher::new`].
    pub fn read(root: &PyPath, world: &World<'_>) -> Res<Self> {
        let file = root.join(".dockerignore");
        // flyte tolerates an unreadable file here.
        let text = world.fs.read_text(&world.resolve(&file)).unwrap_or_default();
        let patterns = ignore_file::patterns(&text);
        let matcher = if patterns.is_empty() { None } else { Some(Matcher::new(&patterns)?) };
        Ok(Self { root: root.clone(), matcher })
    }

    /// Whether a path is left out. Purely textual: a relative path is not under an absolute root.
    #[must_use]
    pub fn excludes(&self, path: &PyPath) -> bool {
        let Some(matcher) = &self.matcher else { return false };
        path.relative_to(&self.root).is_some_and(|relative| matcher.excludes(relative.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_match_decides_and_folders_cover_their_content() {
        let matcher =
            Matcher::new(&["*.pyc", "data", "!data/keep.txt", "**/cache/**", "a[!b-d]c"]).expect("valid");
        for (path, excluded) in [
            ("x.pyc", true),
            ("sub/x.pyc", false),
            ("data/deep/x", true),
            ("data/keep.txt", false),
            ("a/b/cache/x/y", true),
            ("DATA/x", true),
            ("abc", false),
            ("aec", true),
            (".dockerignore", false),
        ] {
            assert_eq!(matcher.excludes(path), excluded, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in any::<String>(), path in any::<String>()) {
            if let Ok(matcher) = Matcher::new(&[pattern]) {
                let _ = (matcher.excludes(&path), matcher.may_readmit_below(&path));
            }
        }
    }
}
