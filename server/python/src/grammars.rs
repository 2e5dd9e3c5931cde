//! The queries in `grammars/tree-sitter`, run on the grammar of Python: what they hand to other languages.

use image_manifests::toml_source::Source;
use tree_sitter::{Parser, Query, QueryCursor, QueryPredicateArg, StreamingIterator};

const NEOVIM: &str = include_str!("../../../grammars/tree-sitter/neovim/python/injections.scm");
const HELIX: &str = include_str!("../../../grammars/tree-sitter/helix/python/injections.scm");

/// The texts that a query hands to a language, in order, each without the bytes that `#offset!` cuts off.
fn injected(query: &str, language: &str, text: &str) -> Vec<String> {
    let python = tree_sitter_python::LANGUAGE.into();
    let mut parser = Parser::new();
    parser.set_language(&python).expect("the grammar");
    let tree = parser.parse(text, None).expect("a tree");
    let query = Query::new(&python, query).expect("a sound query");
    let content = query.capture_index_for_name("injection.content").expect("content");
    let mut found = Vec::new();
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.matches(&query, tree.root_node(), text.as_bytes());
    while let Some(m) = matches.next() {
        let settings = query.property_settings(m.pattern_index);
        let is_of =
            settings.iter().any(|s| &*s.key == "injection.language" && s.value.as_deref() == Some(language));
        let predicates = query.general_predicates(m.pattern_index);
        let offset = predicates.iter().find(|p| &*p.operator == "offset!").map_or(0, |p| match &p.args[2] {
            QueryPredicateArg::String(columns) => columns.parse().expect("a number"),
            QueryPredicateArg::Capture(_) => 0,
        });
        if is_of {
            found.extend(m.nodes_for_capture_index(content).map(|n| {
                let part = &text[n.byte_range()];
                (n.start_byte(), part.get(offset..).unwrap_or_default().to_owned())
            }));
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn the_lines_of_a_header_are_toml() {
    let header = "# /// script\n# requires-python = \">=3.12\"\n#\n# dependencies = [\n#     \"flyte\",  # why\n# ]\n# ///\n# more\nimport flyte  # /// script\n# dependencies = 1\n# ///\n";
    for before in ["", "#!/usr/bin/env -S uv run\n"] {
        let found = injected(NEOVIM, "toml", &format!("{before}{header}"));
        assert_eq!(
            found,
            ["requires-python = \">=3.12\"", "", "dependencies = [", "    \"flyte\",  # why", "]"],
            "{before}"
        );
        assert!(Source::read(&found.join("\n")).faults.is_empty());
    }
    assert_eq!(injected(NEOVIM, "toml", "# a comment\n# and more\n# ///\n"), [""; 0]);
    assert_eq!(injected(NEOVIM, "toml", "# /// script\n# x = 1\n"), [""; 0]);
}

#[test]
fn commands_of_images_are_shell() {
    let text = "image = base.with_commands([\"a && b\", 'c' \"d\", f\"e {x} f\"]).with_commands((\"g\",)).with_commands(commands=[\"h\"], secret_mounts=[\"no\"])\nbase.with_commands(\"i \\\"j\\\"\")\nbase.with_pip_packages(\"no\")\nwith_commands([\"no\"])\n";
    let expected = ["a && b", "c", "d", "e ", " f", "g", "h", "i \\\"j\\\""];
    for query in [NEOVIM, HELIX] {
        assert_eq!(injected(query, "bash", text), expected);
    }
}
