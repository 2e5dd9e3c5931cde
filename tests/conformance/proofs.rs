//! Every rule's example, handed to the real thing: the error that its declaration shows is the one that flyte or uv gives.
//!
//! The other way round: every place in flyte's image modules that raises is in `rules/raises.txt`, with the rule that
//! covers it or the reason why none can.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use image_rules::rules::{ALL, find};
use image_rules::{Proof, Rule, Severity};
use serde_json::{Value, json};

use crate::alarms::{self, errors, is_of_flyte};
use crate::goldens::RELEASE;
use crate::oracle::{self, Oracle};

/// Lays a rule's example out.
fn lay_out(rule: &Rule, python: &str, folder: &Path) {
    for (path, text) in rule.files.iter().copied().chain([("m.py", python)]) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

fn of_flyte(rule: &Rule, python: &str, oracle: &mut Oracle) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    lay_out(rule, python, folder.path());
    let refs: BTreeMap<&str, &str> = BTreeMap::from([("cpu", "ghcr.io/acme/cpu:1")]);
    let folder = folder.path().canonicalize().expect("there");
    let later = matches!(rule.code, "IMG213" | "IMG310");
    oracle.ask(&json!({ "dir": folder, "file": "m.py", "root": folder, "refs": refs, "later": later }))
}

pub(crate) fn every_error_is_the_real_one() {
    let mut oracle = Oracle::start(&oracle::environment(RELEASE));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for rule in ALL {
        let (kind, trouble) = match rule.proof {
            Proof::Flyte { stage, error } => {
                let found = errors(&of_flyte(rule, rule.example, &mut oracle));
                let fits = found.iter().any(|(s, e)| *s == stage.name() && e.starts_with(error));
                ("flyte", (!fits).then(|| format!("flyte says {found:?}")))
            }
            Proof::Dockerfile { line, .. } => {
                let answer = of_flyte(rule, rule.example, &mut oracle);
                let text = answer["images"]["image"]["dockerfile"]["ok"]["text"].as_str().unwrap_or_default();
                ("Dockerfile", (!text.contains(line)).then(|| format!("the Dockerfile is\n{text}")))
            }
            Proof::Uv { error } => {
                let said = of_uv(rule);
                ("uv", (!said.contains(error)).then(|| format!("uv says {said}")))
            }
            Proof::Engine { .. } => ("engine, see engine.rs", None),
            Proof::Later(_) => {
                ("later", (rule.severity == Severity::Error).then(|| "an error needs a proof".to_owned()))
            }
        };
        *counts.entry(kind).or_default() += 1;
        wrong.extend(trouble.map(|t| format!("{}: {t}", rule.code)));
        // What to write in its place does not fail.
        let instead = errors(&of_flyte(rule, rule.instead, &mut oracle));
        // flyte's call of uv asks for the project's Python, which need not be on this machine.
        let interpreter = rule.code == "IMG309" && instead.iter().all(|(_, e)| e.contains("`uv export"));
        if !interpreter && !instead.is_empty() {
            wrong.push(format!("{} instead: flyte says {instead:?}", rule.code));
        }
    }
    println!("rules by proof: {counts:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What uv says of an example: the command that the image's build would run, without a network.
fn of_uv(rule: &Rule) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    lay_out(rule, rule.example, folder.path());
    let python = oracle::environment(RELEASE).join("bin/python").display().to_string();
    let arguments: Vec<&str> = match rule.code {
        "IMG106" => vec!["lock", "--check"],
        "IMG208" => vec!["pip", "install", "--dry-run", "--python", &python],
        "IMG209" => vec!["pip", "install", "--dry-run", "--python", &python, "numpy pandas"],
        "IMG309" => vec!["sync", "--python", &python],
        "IMG507" => vec!["export", "--script", "m.py"],
        "IMG601" | "IMG602" | "IMG603" => {
            // Only the one file is mounted into the build.
            let _ = std::fs::remove_file(folder.path().join("base.txt"));
            vec!["pip", "install", "--dry-run", "--python", &python, "-r", "requirements.txt"]
        }
        other => panic!("no uv command for {other}"),
    };
    uv(&arguments, folder.path())
}

fn uv(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(oracle::tools().join("bin/uv"))
        .args(arguments)
        .current_dir(folder)
        .env("UV_OFFLINE", "1")
        .env("UV_NO_PROGRESS", "1")
        .output()
        .expect("uv");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Requirements that IMG209 is asked about, and uv: where the rule speaks, uv fails to parse; where uv parses, the rule
/// is silent.
pub(crate) fn requirements_agree_with_uv() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/rules/requirements.txt");
    let text = std::fs::read_to_string(file).expect("the table");
    let python = oracle::environment(RELEASE).join("bin/python").display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut refused, mut all, mut wrong) = (0, 0, Vec::new());
    for requirement in text.lines().filter(|l| !l.starts_with("# ")) {
        all += 1;
        let said = uv(
            &["pip", "install", "--dry-run", "--no-deps", "--python", &python, "--", requirement],
            folder.path(),
        );
        let fails = said.contains("Failed to parse");
        let quoted = requirement.replace('\\', "\\\\").replace('"', "\\\"");
        let module = format!(
            "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"x\").with_pip_packages(\"{quoted}\")\n"
        );
        let speaks = codes(&module).contains(&"IMG209".to_owned());
        refused += usize::from(fails);
        if speaks && !fails {
            wrong.push(format!("{requirement:?}: IMG209, but uv says {said}"));
        }
    }
    println!("{all} requirements, {refused} refused by uv, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 10);
}

/// The codes that the program finds in a module.
fn codes(module: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.py"), module).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(["check", "m.py", "--output-format", "json", "--flyte-version", RELEASE])
        .current_dir(folder.path())
        .output()
        .expect("the program");
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let codes = findings.as_array().expect("a list").iter().filter_map(|f| f["code"].as_str());
    codes.map(str::to_owned).collect()
}

/// The modules in which images are defined, hashed, checked and built.
const MODULES: &[&str] =
    &["_image.py", "_secret.py", "_build.py", "_internal/imagebuild/*.py", "_utils/*script_parser.py"];

pub(crate) fn every_raise_is_accounted_for() {
    let mut oracle = Oracle::start(&oracle::environment(RELEASE));
    let answer = oracle.ask(&json!({ "raises": MODULES }));
    let raises: Vec<String> = answer["raises"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| {
            let text = |i: usize| r[i].as_str().unwrap_or_default().replace('\n', " ");
            format!("{} | {} | {} | {}", text(0), text(1), text(2), text(3))
        })
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/rules/raises.txt");
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for line in stored.lines().filter(|l| !l.starts_with("# ") && !l.is_empty()) {
        let (place, why) = line.rsplit_once(" -> ").unwrap_or_else(|| panic!("no arrow in {line}"));
        known.insert(place, why);
    }
    let mut wrong = Vec::new();
    for raise in &raises {
        if !known.contains_key(raise.as_str()) {
            wrong.push(format!("not in the table: {raise}"));
        }
    }
    for (place, why) in &known {
        if !raises.iter().any(|r| r == place) {
            wrong.push(format!("flyte {RELEASE} does not raise any more: {place}"));
        }
        let rule = why.split(' ').next().unwrap_or_default();
        if rule.starts_with("IMG") && find(rule).is_none() {
            wrong.push(format!("{place}: there is no rule {rule}"));
        }
        if !rule.starts_with("IMG") && why.split(' ').count() < 3 {
            wrong.push(format!("{place}: neither a rule nor a reason"));
        }
    }
    let by_rule = known.values().filter(|w| w.starts_with("IMG")).count();
    println!(
        "{} places raise: {by_rule} covered by a rule, {} with a reason",
        raises.len(),
        known.len() - by_rule
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The hand-written cases, both ways: where flyte raises, a rule speaks; where it does not, the rules for what it raises
/// are silent.
pub(crate) fn cases_agree_with_rules(release: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let _lock = crate::case::lock("cases");
    let environment = oracle::environment(release);
    let mut oracle = Oracle::start(&environment);
    let (mut both, mut silent, mut without, mut alarms) = (0, 0, Vec::new(), Vec::new());
    for case in crate::case::load(&folder.join("cases")) {
        case.lay_out();
        let answer = oracle.ask(&case.request());
        case.lay_out();
        let dir = case.dir();
        let setting = crate::compare::Setting::of(&case, &dir, Some(&environment), None);
        let found = alarms::check(&setting.inspect().0);
        let codes: Vec<&str> = found.iter().map(|f| f.rule.code).collect();
        let errors = errors(&answer);
        let speaks = found.iter().any(|f| f.severity == Severity::Error || f.rule.code == "IMG103");
        match (errors.first(), speaks) {
            (Some(_), true) => both += 1,
            (Some((stage, error)), false) => {
                without.push(format!("{} ({stage}): {error}", case.name));
            }
            (None, _) => {
                let alarm: Vec<&&str> = codes.iter().filter(|c| is_of_flyte(c)).collect();
                if alarm.is_empty() {
                    silent += 1;
                } else {
                    alarms.push(format!("{}: {alarm:?}", case.name));
                }
            }
        }
    }
    println!(
        "flyte {release}: {both} cases where flyte raises and a rule speaks, {silent} where neither does"
    );
    println!("  {} where flyte raises and no rule speaks, each with its reason", without.len());
    assert!(alarms.is_empty(), "flyte {release}: false alarms:\n{}", alarms.join("\n"));
    let stored = std::fs::read_to_string(folder.join("rules/silent.txt")).unwrap_or_default();
    let known: Vec<&str> =
        stored.lines().filter(|l| !l.starts_with("# ")).filter_map(|l| l.split(" -> ").next()).collect();
    let new: Vec<&String> = without
        .iter()
        .filter(|w| !known.iter().any(|k| !k.is_empty() && w.starts_with(&format!("{k} "))))
        .collect();
    assert!(new.is_empty(), "flyte raises, and no rule speaks:\n{new:#?}");
}

/// The table of `rules/errors.txt`: a definition, flyte's error, our rule.
pub(crate) fn the_table_of_errors_holds() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/rules/errors.txt");
    let table = std::fs::read_to_string(file).expect("the table");
    let mut oracle = Oracle::start(&oracle::environment(RELEASE));
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in table.lines().filter(|l| !l.starts_with("# ")) {
        let parts: Vec<&str> = line.splitn(4, " | ").collect();
        let [code, stage, error, image] = parts.as_slice() else { panic!("not four parts: {line}") };
        rows += 1;
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().canonicalize().expect("there");
        let builder = if *code == "IMG213" { "remote" } else { "local" };
        let config = format!(
            "image:\n  builder: {builder}\n  registry: r.example/a\n  image_refs:\n    cpu: debian:12\n"
        );
        let module = format!(
            "import flyte as F\nfrom pathlib import Path as P\n\nHERE = P(__file__).parent\nimage = {image}\n"
        );
        for (path, text) in [
            ("m.py", module.as_str()),
            ("config.yaml", config.as_str()),
            ("Dockerfile", "FROM debian:12\n"),
            (
                "pixi.py",
                "# /// script\n# dependencies = [\"flyte\"]\n# [tool.pixi.workspace]\n# channels = [\"conda-forge\"]\n# platforms = \
                 [\"linux-64\"]\n# ///\n",
            ),
            ("requirements.in", "httpx\n"),
            ("other.toml", "[workspace]\n"),
            ("pyproject.toml", "[project]\nname = \"n\"\nversion = \"1\"\ndependencies = []\n"),
            ("src/x.py", ""),
            ("a/x.py", ""),
            ("b/x.py", ""),
        ] {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let request = json!({ "dir": folder, "file": "m.py", "root": folder, "refs": { "cpu": "debian:12" }, "later": true });
        let found = errors(&oracle.ask(&request));
        if !found.iter().any(|(s, e)| s == stage && e.starts_with(error)) {
            wrong.push(format!("{line}\n  flyte: {found:?}"));
        }
        let output = Command::new(env!("CARGO_BIN_EXE_image-lsp"))
            .args(["check", "m.py", "--output-format", "json", "--python"])
            .arg(oracle::environment(RELEASE))
            .current_dir(&folder)
            .env_remove("VIRTUAL_ENV")
            .output()
            .expect("the program");
        let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let codes: Vec<&str> =
            findings.as_array().expect("a list").iter().filter_map(|f| f["code"].as_str()).collect();
        if !codes.contains(code) {
            wrong.push(format!("{line}\n  found: {codes:?}"));
        }
    }
    println!("{rows} definitions: flyte's error and our rule, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
