//! Every rule by its own examples, fixes by their effect.

use std::path::Path;
use std::sync::Arc;

use image_manifests::fs::MemoryFileSystem;
use image_python::evaluate::Sources;
use image_python::inspect::inspect;
use image_python::project::{Ambient, Facts, Options};

use crate::apply::{compatible, edited, is_sound, removes_comment};
use crate::rule::FixSafety;
use crate::settings::Settings;
use crate::{Applicability, Finding, Rule, rules};

/// A folder with a module and other files.
struct Folder {
    files: Vec<(String, String)>,
    settings: Settings,
    working_directory: &'static str,
}

impl Folder {
    fn new(python: &str) -> Self {
        let files = vec![("app.py".to_owned(), python.to_owned())];
        Self { files, settings: Settings::default(), working_directory: "/w" }
    }

    fn of(rule: &Rule, python: &str) -> Self {
        let mut folder = Self::new(python);
        folder.files.extend(rule.files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())));
        if rule.opt_in {
            folder.settings.severities.insert(rule.code.to_owned(), Some(rule.severity));
        }
        folder
    }

    fn check(&self) -> Vec<Finding> {
        let interpreter = MemoryFileSystem::default()
            .with("/venv/pyvenv.cfg", "version = 3.12.1\n")
            .with("/venv/bin/python", "");
        let fs = self.files.iter().fold(interpreter, |fs, (path, text)| fs.with(&format!("/w/{path}"), text));
        let ambient = Ambient { current_directory: self.working_directory.into(), ..Ambient::default() };
        let flyte_version_setting = Some("2.12.1".into());
        let options = Options { flyte_version_setting, python: Some("/venv".into()), ..Options::default() };
        let path = Path::new("/w/app.py");
        let facts = Arc::new(Facts::find(path, &options, &ambient, &fs));
        let sources = Sources::default();
        let report = inspect(path, &sources, &fs, &facts).expect("readable");
        let mut findings = crate::check(&report, &sources, &fs, &self.settings);
        findings.extend(crate::check_workspace(&[(&report, &self.settings)], &sources, &fs));
        findings
    }

    fn text(&self, path: &str) -> &str {
        self.files.iter().find(|(p, _)| p == path).map_or("", |(_, t)| t)
    }

    /// Applies fixes until there are none; the number of rounds.
    fn fix(&mut self, with_unsafe: bool) -> usize {
        for round in 0..50 {
            let findings = self.check();
            let wanted = findings
                .iter()
                .filter_map(|f| f.fix.as_ref())
                .filter(|f| with_unsafe || f.applicability == Applicability::Safe);
            let fixes = compatible(wanted);
            if fixes.is_empty() {
                return round;
            }
            let lose = findings.iter().any(|f| f.fix.is_some() && removes_comment(f));
            let edits: Vec<_> = fixes.iter().flat_map(|f| &f.edits).collect();
            let mut paths: Vec<_> = edits.iter().map(|e| Arc::clone(&e.path)).collect();
            paths.sort();
            paths.dedup();
            for path in paths {
                let name = path.strip_prefix("/w").expect("in the folder").to_string_lossy().into_owned();
                let own: Vec<_> = edits.iter().filter(|e| e.path == path).copied().collect();
                let before = self.text(&name).to_owned();
                let after = edited(&before, &own);
                assert!(is_sound(&before, &after, name.ends_with(".py"), lose), "{before}\nbecame\n{after}");
                self.files.retain(|(p, _)| *p != name);
                self.files.push((name, after));
            }
        }
        panic!("fixes do not come to an end:\n{}", self.text("app.py"));
    }
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    let mut codes: Vec<_> = findings.iter().map(|f| f.rule.code).collect();
    codes.dedup();
    codes
}

#[test]
fn every_example_is_found_and_every_instead_is_clean() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        for (what, python, expected) in
            [("example", rule.example, vec![rule.code]), ("instead", rule.instead, vec![])]
        {
            let found = Folder::of(rule, python).check();
            if codes(&found) != expected {
                let told: Vec<_> = found.iter().map(|f| format!("{}: {}", f.rule.code, f.message)).collect();
                wrong.push(format!("{what} of {}: {told:#?}", rule.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fix_does_what_its_rule_says() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        let mut folder = Folder::of(rule, rule.example);
        // A relative path is mended where it is not found from the working directory.
        if rule.code == "IMG103" {
            folder.working_directory = "/";
        }
        let found = folder.check();
        let fix = found.iter().find(|f| f.rule.code == rule.code).and_then(|f| f.fix.as_ref());
        let safety = match fix.map(|f| f.applicability) {
            None => FixSafety::None,
            Some(Applicability::Safe) => FixSafety::Safe,
            Some(Applicability::Unsafe) => FixSafety::Unsafe,
        };
        // Its fix needs an environment.
        let expected = if rule.code == "IMG401" { FixSafety::None } else { rule.safety };
        if safety != expected {
            wrong.push(format!("{}: {safety:?}, not {expected:?}", rule.code));
        }
        if fix.is_some() {
            folder.fix(true);
            let left = folder.check();
            if codes(&left).contains(&rule.code) {
                wrong.push(format!("{}:\n{}", rule.code, folder.text("app.py")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_and_names_are_unique_and_sorted() {
    let codes: Vec<_> = rules::ALL.iter().map(|r| r.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
    assert!(rules::ALL.iter().all(|r| rules::find(r.name).is_some_and(|f| f.code == r.code)));
}

#[test]
fn every_rule_is_documented() {
    for rule in rules::ALL {
        for text in [rule.what, rule.why, rule.example, rule.instead, rule.fix] {
            assert!(!text.trim().is_empty(), "{}", rule.code);
        }
        assert!(rule.example.ends_with('\n') && rule.instead.ends_with('\n'), "{}", rule.code);
        if rule.severity == crate::Severity::Error {
            let later = matches!(rule.proof, crate::Proof::Later(_));
            assert!(!later, "{} is an error: it needs a proof", rule.code);
        }
    }
}
