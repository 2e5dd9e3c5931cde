//! The headers of uv and pixi scripts, cut out as flyte cuts them.
//!
//! Neither reader is the one of PEP 723: the tag depends on flyte's, so flyte's is what stands here.

use std::sync::LazyLock;

use regex::Regex;

use crate::pytext::{is_space, split_lines};

/// The TOML text that flyte reads from a uv script, `None` when it sees no block.
///
/// The first `# /// script` anywhere in the text opens the block, the next `# ///` closes it, and every line
/// loses all its leading `#` and spaces: a comment inside the TOML becomes bare text.
///
/// Source: flyte 2.12.1, `_extract_uv_metadata_block`. The text must have universal newlines applied.
#[must_use]
pub fn uv_block(text: &str) -> Option<String> {
    const OPEN: &str = "# /// script";
    let (_, rest) = text.split_once(OPEN)?;
    let (block, _) = rest.trim_start_matches(is_space).split_once("# ///")?;
    let lines: Vec<&str> = split_lines(block)
        .into_iter()
        .map(|l| l.trim_start_matches(['#', ' ']).trim_end_matches(is_space))
        .collect();
    Some(lines.join("\n"))
}

/// The TOML text that flyte reads from a pixi script, `None` when it sees no block.
///
/// Source: flyte 2.12.1, `_extract_pep723_block`. The text must have universal newlines applied.
#[must_use]
pub fn pixi_block(text: &str) -> Option<String> {
    static BLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?m)^# /// script\s*$\s(?P<content>(?:^#(?: .*)?$\s)*?)^# ///\s*$").ok()
    });
    let content = BLOCK.as_ref()?.captures(text)?.name("content")?.as_str();
    let lines: Vec<&str> = split_lines(content)
        .into_iter()
        .map(|l| l.strip_prefix("# ").unwrap_or_else(|| l.get(1..).unwrap_or("")))
        .collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_block_is_found_anywhere_and_loses_its_comment_signs() {
        let text = "x = 1  # /// scripty\n#   # why\n# a = 1  \n#b = 2\n# ///\n";
        assert_eq!(uv_block(text).as_deref(), Some("y\nwhy\na = 1\nb = 2"));
        assert_eq!(uv_block("# /// script\n# a = 1\n"), None);
    }

    #[test]
    fn pixi_block_follows_the_anchored_lines() {
        let text = "#!/x\n# /// script\n# a = 1\n#\n#   b = 2\n# ///\nimport x\n";
        assert_eq!(pixi_block(text).as_deref(), Some("a = 1\n\n  b = 2"));
        assert_eq!(pixi_block("x = 1 # /// script\n# ///\n"), None);
    }
}
