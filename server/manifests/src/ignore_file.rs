//! The lines of an ignore file (`.dockerignore`). What a pattern matches is the model's business.

use crate::pytext;

/// The patterns of an ignore file in order: lines stripped, blank lines and comments dropped.
///
/// Source: flyte 2.12.1, `DockerfileIgnore._load_matcher` and `get_and_list_dockerignore`, which agree.
#[must_use]
pub fn patterns(text: &str) -> Vec<String> {
    pytext::universal_newlines(text)
        .split('\n')
        .map(pytext::strip)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn comments_and_blank_lines_are_no_patterns() {
        assert_eq!(super::patterns("# all\r\n\n  *.pyc  \n!keep.pyc\n #x\n"), ["*.pyc", "!keep.pyc"]);
    }
}
