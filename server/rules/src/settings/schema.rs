//! What editors and schema stores need of the settings and rules, made from their declarations.

use serde_json::{Map, Value, json};

use super::declare::{Kind, SETTINGS, Setting};
use crate::rules;

/// The JSON schema of `image-lsp.toml` and of `[tool.image-lsp]`.
#[must_use]
pub fn schema() -> Value {
    let mut properties = Map::new();
    for setting in SETTINGS {
        let own = definition(setting, true);
        match setting.name.split_once('.') {
            None => {
                properties.insert(setting.name.to_owned(), own);
            }
            Some((table, name)) => {
                let table = properties.entry(table).or_insert_with(
                    || json!({ "type": "object", "properties": {}, "additionalProperties": false }),
                );
                table["properties"][name] = own;
            }
        }
    }
    let codes: Vec<Value> = rules::ALL
        .iter()
        .map(
            |rule| json!({ "const": rule.code, "description": format!("{}: {}", rule.name, rule.summary()) }),
        )
        .collect();
    let names: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of image-lsp",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": {
            "selector": {
                "description": "A rule's code or name, the beginning of codes, or ALL.",
                "anyOf": [
                    { "oneOf": codes },
                    { "enum": names },
                    { "type": "string", "pattern": "^(ALL|IMG[0-9]{0,3})$" }
                ]
            }
        }
    })
}

/// The settings as an editor's extension contributes them, under `imageLsp`.
#[must_use]
pub fn editor_configuration() -> Value {
    let mut properties = Map::new();
    for setting in SETTINGS {
        properties.insert(format!("imageLsp.{}", setting.name), definition(setting, false));
    }
    json!({ "title": "image-lsp", "properties": properties })
}

/// `references` stand for the list of rules, which an editor's settings have no place for.
fn definition(setting: &Setting, references: bool) -> Value {
    let selector = || {
        if references { json!({ "$ref": "#/definitions/selector" }) } else { json!({ "type": "string" }) }
    };
    let mut value = match setting.kind {
        Kind::Text | Kind::Path => json!({ "type": "string" }),
        Kind::Switch(default) => json!({ "type": "boolean", "default": default }),
        Kind::Choice(choices, default) => {
            let mut value = json!({ "enum": choices });
            if let Some(default) = default {
                value["default"] = json!(default);
            }
            value
        }
        Kind::Globs => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Rules => json!({ "type": "array", "items": selector() }),
        Kind::RulesByGlob => {
            json!({ "type": "object", "additionalProperties": { "type": "array", "items": selector() } })
        }
        Kind::Severities => {
            let levels = json!({ "enum": ["error", "warning", "hint", "off"] });
            let properties: Map<String, Value> = rules::ALL
                .iter()
                .map(|rule| {
                    let default = if rule.opt_in { "off" } else { rule.severity.name() };
                    let mut level = levels.clone();
                    level["description"] = json!(format!("{}: {}", rule.name, rule.summary()));
                    level["default"] = json!(default);
                    (rule.code.to_owned(), level)
                })
                .collect();
            json!({ "type": "object", "properties": properties, "additionalProperties": levels })
        }
        Kind::Size => json!({ "type": ["string", "integer"], "default": "50MB" }),
    };
    value["description"] = json!(setting.what);
    value
}

/// The settings as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Settings\n\nIn `image-lsp.toml`, or under `[tool.image-lsp]` in `pyproject.toml`; the nearest one above a \
         file holds for it. Editors have the same names under `imageLsp`. The command line goes before the file, the \
         file before the editor.\n\n| setting | takes | what it does |\n|---|---|---|\n",
    );
    for setting in SETTINGS {
        let takes = match setting.kind {
            Kind::Text => "text".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Switch(default) => format!("`true` or `false` (`{default}`)"),
            Kind::Choice(choices, default) => {
                let shown: Vec<String> = choices.iter().map(|c| format!("`{c}`")).collect();
                let default = default.map_or_else(String::new, |d| format!(" (`{d}`)"));
                format!("{}{default}", shown.join(", "))
            }
            Kind::Globs => "a list of globs".to_owned(),
            Kind::Rules => "a list of rules".to_owned(),
            Kind::RulesByGlob => "a table of globs with lists of rules".to_owned(),
            Kind::Severities => "a table of rules with `error`, `warning`, `hint`, `off`".to_owned(),
            Kind::Size => "a size (`\"50MB\"`)".to_owned(),
        };
        out.push_str(&format!("| `{}` | {takes} | {} |\n", setting.name, setting.what));
    }
    out
}
