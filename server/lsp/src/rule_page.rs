//! The documentation of a rule as a virtual document: `image-lsp-rule:/IMG103.md`.

use image_rules::{Rule, rules};

/// The scheme of the addresses.
pub(crate) const SCHEME: &str = "image-lsp-rule";

/// The address of a rule's page.
pub(crate) fn address(rule: &Rule) -> String {
    format!("{SCHEME}:/{}.md", rule.code)
}

/// The page of an address.
pub(crate) fn text(address: &str) -> Option<String> {
    let name =
        address.strip_prefix(SCHEME)?.strip_prefix(':')?.trim_start_matches('/').strip_suffix(".md")?;
    rules::find(name).map(Rule::markdown)
}
