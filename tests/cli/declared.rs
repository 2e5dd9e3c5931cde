//! What is made from the declarations of rules and settings cannot drift from them. IMAGE_LSP_WRITE_DOCS=1 writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use image_rules::rules::ALL;
use image_rules::settings::schema;
use image_rules::{FixSafety, Rule};

/// The groups of rules, by the beginning of their codes.
const GROUPS: &[(&str, &str)] = &[
    ("IMG0", "Chains: flyte or Python raises when the module is imported"),
    ("IMG1", "Files and folders"),
    ("IMG2", "Builds"),
    ("IMG3", "At run time"),
    ("IMG4", "Hygiene: off by default"),
    ("IMG9", "The tool itself"),
];

fn index() -> String {
    let mut page = String::from(
        "# Rules\n\n`image-lsp explain RULE` prints the same pages. Fixes: *safe* ones are applied by `--fix`, *unsafe* ones with\n\
         `--unsafe-fixes`, too.\n",
    );
    for (start, title) in GROUPS {
        let _ = writeln!(
            page,
            "\n## {start}xx: {title}\n\n| rule | name | severity | fix | what it does |\n|---|---|---|---|---|"
        );
        for rule in ALL.iter().filter(|r| r.code.starts_with(start)) {
            let fix = if rule.safety == FixSafety::None { "" } else { rule.safety.name() };
            let severity = if rule.opt_in { "off" } else { rule.severity.name() };
            let Rule { code, name, .. } = rule;
            let _ = writeln!(
                page,
                "| [{code}](rules/{code}.md) | {name} | {severity} | {fix} | {} |",
                rule.summary()
            );
        }
    }
    page
}

/// Every file that is made.
fn made() -> BTreeMap<String, String> {
    let pretty =
        |value: &serde_json::Value| format!("{}\n", serde_json::to_string_pretty(value).expect("JSON"));
    let mut files = BTreeMap::from([
        ("docs/rules.md".to_owned(), index()),
        ("docs/settings.md".to_owned(), schema::markdown()),
        ("docs/image-lsp.schema.json".to_owned(), pretty(&schema::schema())),
        ("editors/vscode/configuration.json".to_owned(), pretty(&schema::editor_configuration())),
    ]);
    files.extend(ALL.iter().map(|rule| (format!("docs/rules/{}.md", rule.code), rule.markdown())));
    files
}

#[test]
fn pages_and_schemas_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = made();
    if std::env::var_os("IMAGE_LSP_WRITE_DOCS").is_some() {
        for (path, text) in &files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
    }
    let stale: Vec<&String> = files
        .iter()
        .filter(|(p, t)| std::fs::read_to_string(root.join(p)).ok().as_ref() != Some(t))
        .map(|(p, _)| p)
        .collect();
    assert!(stale.is_empty(), "not current: {stale:?}; run this test with IMAGE_LSP_WRITE_DOCS=1");
    let pages = std::fs::read_dir(root.join("docs/rules")).expect("the pages").count();
    assert_eq!(pages, ALL.len(), "a page of a rule that is none");
}

#[test]
fn the_schema_is_printed() {
    let output = crate::image_lsp(Path::new("/"), &["config-schema"]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(printed, schema::schema());
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = crate::image_lsp(Path::new("/"), &["completions", shell]);
        let text = crate::text(&output.stdout);
        assert!(output.status.success() && text.contains("image-lsp") && text.contains("inspect"), "{shell}");
    }
    assert_eq!(crate::image_lsp(Path::new("/"), &["completions", "cmd"]).status.code(), Some(2));
}
