//! pyproject.toml, as far as arguments of installers name things in it.

use toml_edit::{Document, Item};

/// The names of the extras and of the dependency groups, in order. Nothing of a file that is no TOML.
#[must_use]
pub fn extras_and_groups(text: &str) -> (Vec<String>, Vec<String>) {
    let Ok(document) = Document::parse(text) else { return (Vec::new(), Vec::new()) };
    let names = |item: Option<&Item>| -> Vec<String> {
        let table = item.and_then(Item::as_table_like);
        table.map(|t| t.iter().map(|(name, _)| name.to_owned()).collect()).unwrap_or_default()
    };
    let root = document.as_table();
    let project = root.get("project").and_then(Item::as_table_like);
    (names(project.and_then(|p| p.get("optional-dependencies"))), names(root.get("dependency-groups")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let text = "[project]\nname = \"x\"\n[project.optional-dependencies]\ngpu = []\n[dependency-groups]\ndev = []\n";
        assert_eq!(extras_and_groups(text), (vec!["gpu".to_owned()], vec!["dev".to_owned()]));
        assert_eq!(extras_and_groups("["), (Vec::new(), Vec::new()));
    }
}
