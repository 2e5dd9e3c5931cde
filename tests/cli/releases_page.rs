//! `docs/releases.md` is made from the table of releases: it cannot drift. IMAGE_LSP_WRITE_DOCS=1 writes it.

use std::fmt::Write as _;
use std::path::Path;

use image_model::methods::METHODS;
use image_model::release::{self, Behaviours, DECISIVE};

fn page() -> String {
    let (oldest, newest) = (release::oldest(), release::newest());
    let count = release::all().count();
    let mut page = format!(
        "# What differs between releases of flyte\n\n\
         image-lsp knows {count} releases, {oldest} to {newest}. This page is made from the table that it works with.\n\n\
         ## Behaviours\n\n| behaviour | what it is | value since |\n|---|---|---|\n"
    );
    for behaviour in Behaviours::describe() {
        let about: Vec<&str> = behaviour.about.lines().map(str::trim).collect();
        let value = |(since, value): &(&str, String)| {
            let shown = if value.len() > 60 {
                format!("{} patterns", value.matches("\", \"").count() + 1)
            } else {
                value.clone()
            };
            format!("{since}: `{shown}`")
        };
        let values: Vec<String> = behaviour.values.iter().map(value).collect();
        let _ =
            writeln!(page, "| `{}` | {} | {} |", behaviour.name, about.join(" ").trim(), values.join("<br>"));
    }
    page += "\n## Methods and parameters that came later\n\n| method | since |\n|---|---|\n";
    for method in METHODS {
        let since = |since: &str, what: String| (since != oldest).then(|| format!("| `{what}` | {since} |"));
        let own = since(method.since, method.name.to_owned());
        let parameters =
            method.parameters().filter_map(|p| since(p.since, format!("{}({}=)", method.name, p.name)));
        for line in own.into_iter().chain(parameters) {
            let _ = writeln!(page, "{line}");
        }
    }
    page += "\n## Files that decide\n\nAn installed flyte is recognised by the SHA-256 of these files of its package:\n\n";
    for file in DECISIVE {
        let _ = writeln!(page, "- `flyte/{file}`");
    }
    page + "\nWhere they are those of a release in the table, its behaviour is known whatever the version says. Where they are not,\nthe behaviour of the release that the version names (or of the newest before it) is assumed, and said to be: IMG903.\n"
}

#[test]
fn the_page_of_releases_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/releases.md");
    let page = page();
    if std::env::var_os("IMAGE_LSP_WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("written");
    }
    let stored = std::fs::read_to_string(&file).expect("docs/releases.md");
    assert!(stored == page, "docs/releases.md is not current: run this test with IMAGE_LSP_WRITE_DOCS=1");
}
