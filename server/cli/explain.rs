//! `image-lsp explain`

use std::io::Write as _;

use image_rules::{Proof, Rule, rules};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{Explain, Format};
use crate::error::CliError;
use crate::paint::Output;

#[derive(Serialize)]
struct RuleJson {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    enabled: bool,
    summary: String,
    fix: &'static str,
    since: &'static str,
    example: &'static str,
    instead: &'static str,
    files: &'static [(&'static str, &'static str)],
    proof: Value,
    documentation: String,
}

/// What shows that the example fails.
fn proof(rule: &Rule) -> Value {
    match rule.proof {
        Proof::Flyte { stage, error } => json!({ "kind": "flyte", "stage": stage.name(), "error": error }),
        Proof::Dockerfile { line, then } => json!({ "kind": "dockerfile", "line": line, "then": then }),
        Proof::Engine { error } => json!({ "kind": "engine", "error": error }),
        Proof::Uv { error } => json!({ "kind": "uv", "error": error }),
        Proof::Later(why) => json!({ "kind": "later", "why": why }),
    }
}

pub(crate) fn run(arguments: &Explain) -> Result<u8, CliError> {
    let chosen: Vec<&'static Rule> = if arguments.all || arguments.rules.is_empty() {
        rules::ALL.to_vec()
    } else {
        let find = |name: &String| rules::find(name).ok_or_else(|| CliError::NoSuchRule(name.clone()));
        arguments.rules.iter().map(find).collect::<Result<_, _>>()?
    };
    let mut out = Output::new();
    if arguments.output_format == Format::Json {
        let all: Vec<RuleJson> = chosen
            .iter()
            .map(|rule| RuleJson {
                code: rule.code,
                name: rule.name,
                severity: rule.severity.name(),
                enabled: !rule.opt_in,
                summary: rule.summary(),
                fix: rule.safety.name(),
                since: rule.since,
                example: rule.example,
                instead: rule.instead,
                files: rule.files,
                proof: proof(rule),
                documentation: rule.markdown(),
            })
            .collect();
        serde_json::to_writer_pretty(&mut out, &all).map_err(std::io::Error::from)?;
        writeln!(out)?;
        out.finish()?;
        return Ok(0);
    }
    if arguments.rules.is_empty() && !arguments.all {
        for rule in chosen {
            let severity = if rule.opt_in { "off" } else { rule.severity.name() };
            let fix = rule.safety.name().replace("none", "");
            writeln!(out, "{}  {:<36}{severity:<9}{fix}", rule.code, rule.name)?;
        }
        out.finish()?;
        return Ok(0);
    }
    for (i, rule) in chosen.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        write!(out, "{}", rule.markdown())?;
    }
    out.finish()?;
    Ok(0)
}
