//! `toml.dumps` of the `toml` package: tables breadth first, a blank line before each header, arrays with a
//! trailing comma, inline tables written as tables of their own.

use super::{Table, Toml};
use crate::pytext;

/// Writes a document. `None` where the package's layout is not reproduced: tables nested in arrays of tables,
/// tables inside plain arrays, and strings that begin with a control character (on which the package fails).
#[must_use]
pub fn dumps(document: &Table) -> Option<String> {
    let (mut out, mut sections) = dump_table(document, "")?;
    while !sections.is_empty() {
        let mut next: Vec<(String, &Table)> = Vec::new();
        for (name, table) in sections {
            let (text, below) = dump_table(table, &format!("{name}."))?;
            if !text.is_empty() || below.is_empty() {
                if !out.is_empty() && !out.ends_with("\n\n") {
                    out.push('\n');
                }
                out += &format!("[{name}]\n{text}");
            }
            for (sub, table) in below {
                next.push((format!("{name}.{sub}"), table));
            }
        }
        sections = next;
    }
    Some(out)
}

type Sections<'a> = Vec<(String, &'a Table)>;

fn dump_table<'a>(table: &'a Table, above: &str) -> Option<(String, Sections<'a>)> {
    let (mut text, mut arrays, mut sections) = (String::new(), String::new(), Sections::new());
    for (key, value) in &table.0 {
        let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let name = if bare { key.clone() } else { dump_str(key)? };
        match value {
            Toml::Table(sub) => sections.push((name, sub)),
            Toml::Array(items) if items.iter().any(|i| matches!(i, Toml::Table(_))) => {
                for item in items {
                    let Toml::Table(sub) = item else { return None };
                    let (body, below) = dump_table(sub, &format!("{above}{name}."))?;
                    if !below.is_empty() || body.starts_with('[') {
                        return None;
                    }
                    arrays += &format!("[[{above}{name}]]\n{body}\n");
                }
            }
            other => text += &format!("{name} = {}\n", dump_value(other)?),
        }
    }
    Some((text + &arrays, sections))
}

fn dump_value(value: &Toml) -> Option<String> {
    Some(match value {
        Toml::Bool(b) => b.to_string(),
        Toml::Int(digits) => digits.clone(),
        Toml::Float(f) => pytext::repr_float(*f).replace("e+0", "e+").replace("e-0", "e-"),
        Toml::Str(s) => dump_str(s)?,
        Toml::Date(d) => d.iso.clone(),
        Toml::Array(items) => {
            let parts: Option<Vec<_>> = items.iter().map(|i| Some(format!(" {},", dump_value(i)?))).collect();
            format!("[{}]", parts?.concat())
        }
        Toml::Table(_) => return None,
    })
}

/// A string as the package quotes it: Python's `repr`, its `\xNN` turned into `\u00NN`.
fn dump_str(s: &str) -> Option<String> {
    let repr = pytext::repr_str(s);
    let mut body = repr[1..repr.len() - 1].to_owned();
    if repr.starts_with('\'') {
        body = body.replace("\\'", "'").replace('"', "\\\"");
    }
    let mut parts = body.split("\\x").map(str::to_owned);
    let mut joined = parts.next().unwrap_or_default();
    let rest: Vec<String> = parts.collect();
    let mut pending = rest.into_iter();
    while let Some(mut part) = pending.next() {
        if joined.is_empty() {
            // The package drops an empty head and goes on with the next piece as the head.
            joined = part;
            part = pending.next()?;
        }
        joined = joined.replace("\\\\", "\\");
        let head: Vec<char> = joined.chars().collect();
        let mut at = head.len();
        let mut join_x = head.last() != Some(&'\\');
        while at > 1 && head[at - 1] == '\\' {
            join_x = !join_x;
            at -= 1;
        }
        joined = format!("{joined}{}{part}", if join_x { "x" } else { "u00" });
    }
    Some(format!("\"{joined}\""))
}
