//! TOML in its usual form, as in the header of a script.
//!
//! What it means stays the same, and every comment: else nothing is given.

use toml_edit::{Array, DocumentMut, Item, RawString, Table, Value};

/// Columns that a list may take on one line, with the comment signs of a header.
const WIDTH: usize = 88;

/// A TOML text in its usual form; `None` where it cannot be read, or would not say the same.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    table(document.as_table_mut(), true);
    let trailing = lines(document.trailing().as_str().unwrap_or_default(), "");
    document.set_trailing(trailing.trim_end().to_owned());
    let out = document.to_string();
    let out = out.trim_end().trim_start_matches('\n');
    let same = meaning(out)? == meaning(text)? && comments(out) == comments(text);
    same.then(|| out.to_owned())
}

/// What a text says, without its form.
fn meaning(text: &str) -> Option<String> {
    fn of(item: &Item, out: &mut String) {
        use std::fmt::Write as _;
        if let Some(tables) = item.as_array_of_tables() {
            out.push('[');
            tables.iter().for_each(|t| of(&Item::Table(t.clone()), out));
            out.push(']');
        } else if let Some(table) = item.as_table_like() {
            out.push('{');
            for (key, item) in table.iter() {
                let _ = write!(out, "{key:?}:");
                of(item, out);
            }
            out.push('}');
        } else if let Some(array) = item.as_array() {
            out.push('[');
            array.iter().for_each(|v| of(&Item::Value(v.clone()), out));
            out.push(']');
        } else if let Some(value) = item.as_value() {
            let mut plain = value.clone();
            plain.decor_mut().clear();
            let _ = write!(out, "{plain},");
        }
    }
    let document: DocumentMut = text.parse().ok()?;
    let mut out = String::new();
    of(document.as_item(), &mut out);
    Some(out)
}

/// The comments, in order; text in strings that looks like one counts, too.
fn comments(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.find('#').map(|at| line[at..].trim_end().to_owned())).collect()
}

/// Comment lines of a text between values, each behind an indentation; of several empty lines one is left.
fn lines(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut empty = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            empty += 1;
        } else {
            if empty > 1 || (empty > 0 && !out.is_empty()) {
                out.push('\n');
            }
            empty = 0;
            out.push_str(indent);
            out.push_str(line);
            out.push('\n');
        }
    }
    // One that is left before what follows.
    if text.ends_with("\n\n") || (empty > 1 && !out.is_empty()) {
        out.push('\n');
    }
    out
}

fn table(table: &mut Table, is_first: bool) {
    let mut is_first = is_first;
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Value(value) => {
                let prefix =
                    key.leaf_decor().prefix().and_then(|p| p.as_str()).unwrap_or_default().to_owned();
                let comments = lines(&prefix, "");
                let comments = if is_first { comments.trim_start_matches('\n').to_owned() } else { comments };
                let gap = if !is_first && prefix.starts_with('\n') && comments.trim().is_empty() {
                    "\n"
                } else {
                    ""
                };
                let before = if comments.trim().is_empty() { gap.to_owned() } else { comments };
                key.leaf_decor_mut().set_prefix(before);
                key.leaf_decor_mut().set_suffix(" ");
                self::value(value, key.get().len());
                is_first = false;
            }
            Item::Table(inner) => {
                section(inner, is_first);
                is_first = false;
            }
            Item::ArrayOfTables(all) => {
                for inner in all.iter_mut() {
                    section(inner, is_first);
                    is_first = false;
                }
            }
            Item::None => {}
        }
    }
}

/// A table with its header: an empty line before it.
fn section(inner: &mut Table, is_first: bool) {
    if !inner.is_implicit() {
        let prefix = inner.decor().prefix().and_then(|p| p.as_str()).unwrap_or_default().to_owned();
        let comments = lines(&prefix, "").trim_matches('\n').to_owned();
        let comments = if comments.is_empty() { comments } else { comments + "\n" };
        let gap = if is_first { "" } else { "\n" };
        inner.decor_mut().set_prefix(format!("{gap}{comments}"));
        trailing(inner.decor_mut());
    }
    let is_first = is_first || !inner.is_implicit();
    table(inner, is_first);
}

/// A comment behind something: two spaces before it.
fn trailing(decor: &mut toml_edit::Decor) {
    let comment = decor.suffix().and_then(|s| s.as_str()).unwrap_or_default().trim().to_owned();
    decor.set_suffix(if comment.is_empty() { String::new() } else { format!("  {comment}") });
}

fn value(value: &mut Value, key: usize) {
    value.decor_mut().set_prefix(" ");
    trailing(value.decor_mut());
    let written = value.to_string();
    if let Value::Array(array) = value {
        let commented = written.contains('#') && has_comment(array);
        let is_long = written.contains('\n') || key + written.len() + 3 > WIDTH;
        if (is_long || commented) && !array.is_empty() {
            spread(array)
        } else if !commented {
            join(array)
        }
    }
}

fn has_comment(array: &Array) -> bool {
    let of = |text: Option<&str>| text.is_some_and(|t| t.contains('#'));
    let decor = |v: &Value| {
        of(v.decor().prefix().and_then(|p| p.as_str())) || of(v.decor().suffix().and_then(|p| p.as_str()))
    };
    array.iter().any(decor) || of(array.trailing().as_str())
}

/// Each item on a line of its own.
fn spread(array: &mut Array) {
    const INDENT: &str = "    ";
    // A comment between an item and its comma goes behind the comma.
    let mut before = String::new();
    for item in array.iter_mut() {
        let around = |raw: Option<&RawString>| raw.and_then(|r| r.as_str()).unwrap_or_default().to_owned();
        let prefix = before + &around(item.decor().prefix());
        before = around(item.decor().suffix());
        item.decor_mut().set_prefix(format!("{}{INDENT}", between(&prefix, INDENT)));
        item.decor_mut().set_suffix("");
    }
    let last = before + array.trailing().as_str().unwrap_or_default();
    array.set_trailing(between(&last, INDENT));
    array.set_trailing_comma(true);
}

/// What stands between two items: a comment behind the first one, comments on lines of their own, the line's end.
fn between(text: &str, indent: &str) -> String {
    let (behind, rest) = text.split_once('\n').unwrap_or((text, ""));
    let behind = match behind.trim() {
        "" => String::new(),
        comment => format!("  {comment}"),
    };
    let comments = lines(rest, indent);
    let comments = comments.trim_matches('\n');
    let gap = if comments.is_empty() { "" } else { "\n" };
    format!("{behind}\n{comments}{gap}")
}

/// All items on one line.
fn join(array: &mut Array) {
    for (number, item) in array.iter_mut().enumerate() {
        item.decor_mut().set_prefix(if number == 0 { "" } else { " " });
        item.decor_mut().set_suffix("");
    }
    array.set_trailing("");
    array.set_trailing_comma(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_get_their_usual_form() {
        for (text, expected) in [
            ("dependencies=['a' ,\"b\"  ]", "dependencies = ['a', \"b\"]"),
            ("dependencies = [\n\"a\",\n  \"b\"\n]", "dependencies = [\n    \"a\",\n    \"b\",\n]"),
            (
                "# why\n\n\nrequires-python   = \">=3\"  # c\ndependencies = [\n \"a\", # one\n # two\n \"b\" # three\n]",
                "# why\n\nrequires-python = \">=3\"  # c\ndependencies = [\n    \"a\",  # one\n    # two\n    \"b\",  # three\n]",
            ),
            (
                "a = 1\n[tool.uv]\nb=2\n\n\n[[tool.uv.index]]\nc = 3",
                "a = 1\n\n[tool.uv]\nb = 2\n\n[[tool.uv.index]]\nc = 3",
            ),
            ("dependencies = []", "dependencies = []"),
            ("", ""),
        ] {
            let formatted = format(text).unwrap_or_else(|| panic!("nothing for {text:?}"));
            assert_eq!(formatted, expected, "{text:?}");
            assert_eq!(format(&formatted).as_deref(), Some(expected), "{text:?} again");
        }
        assert_eq!(format("a = ["), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost(
            items in proptest::collection::vec("[a-z]{1,12}(>=1)?", 0..5),
            comments in proptest::collection::vec("[ a-z]{0,8}", 0..5),
            spread in proptest::prelude::any::<bool>(),
            gaps in proptest::collection::vec(0_usize..3, 6),
        ) {
            let mut text = String::new();
            for (n, comment) in comments.iter().enumerate() {
                text.push_str(&format!("#{comment}\n{}", "\n".repeat(gaps[n % gaps.len()])));
            }
            let gap = if spread { "\n  " } else { " " };
            let list: Vec<String> = items.iter().map(|i| format!("{gap}\"{i}\"")).collect();
            text.push_str(&format!("dependencies=[{}{}]\n\n\n[tool.uv]\noffline=true # x\n", list.join(" ,"), if spread { "\n" } else { "" }));
            let formatted = format(&text);
            proptest::prop_assert!(formatted.is_some(), "{}", text);
            let formatted = formatted.unwrap_or_default();
            proptest::prop_assert_eq!(format(&formatted), Some(formatted.clone()));
        }
    }
}
