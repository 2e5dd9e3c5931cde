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
        let fs = self.files.iter().fold(interpreter, |fs, (path, text)| fs.with(format!("/w/{path}"), text));
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

    /// Fixes as the program does: what would do harm is left out.
    fn settle(&mut self, with_unsafe: bool) {
        let up_to = if with_unsafe { Applicability::Unsafe } else { Applicability::Safe };
        let files: std::collections::BTreeMap<String, String> = self.files.iter().cloned().collect();
        let read = |path: &Path| files.get(path.strip_prefix("/w").ok()?.to_str()?).cloned();
        let check = |texts: &std::collections::BTreeMap<std::path::PathBuf, Arc<str>>| {
            let mut folder = Folder::new("");
            folder.settings = self.settings.clone();
            folder.files = self.files.clone();
            for (path, text) in texts {
                let name = path.strip_prefix("/w").unwrap_or(path).to_string_lossy().into_owned();
                folder.files.retain(|(p, _)| *p != name);
                folder.files.push((name, text.to_string()));
            }
            folder.check()
        };
        let fixed = crate::apply::fix(self.check(), up_to, &read, &check);
        for (path, text) in &fixed.texts {
            let before = read(path).unwrap_or_default();
            assert!(
                is_sound(&before, text, path.extension().is_some_and(|e| e == "py"), true),
                "{before}\n{text}"
            );
        }
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

/// What keeps an image from being hashed, and what becomes of it.
#[test]
fn lists_that_no_build_takes_become_tuples() {
    let debian = "flyte.Image.from_debian_base";
    for (call, mended) in [
        ("(name='n', python_version=[3, 12])", "(name='n', python_version=(3, 12))"),
        ("([3, 12], name='n')", "((3, 12), name='n')"),
        ("(python_version=[3, 12])", "(python_version=(3, 12))"),
        ("(name='n').clone(python_version=[3, 12])", "(name='n').clone(python_version=(3, 12))"),
        ("(name='n', platform=['linux/amd64'])", "(name='n', platform=('linux/amd64',))"),
        (
            "(name='n', platform=[\n    'linux/amd64',  # one\n])",
            "(name='n', platform=(\n    'linux/amd64',  # one\n))",
        ),
        (
            "(name='n', platform=[\n    'linux/amd64'  # one, or\n])",
            "(name='n', platform=(\n    'linux/amd64',  # one, or\n))",
        ),
        ("(name='n', platform=[('linux/amd64')])", "(name='n', platform=(('linux/amd64'),))"),
        // Told, and left alone: what others may use, and what nobody knows the meaning of.
        ("(name='n', python_version=NUMBERS)", "(name='n', python_version=NUMBERS)"),
        ("(name='n', platform=[['linux/amd64']])", "(name='n', platform=[['linux/amd64']])"),
        ("(name='n', platform=(['linux/amd64'],))", "(name='n', platform=(['linux/amd64'],))"),
        ("(name='n', platform={'linux/amd64': 1})", "(name='n', platform={'linux/amd64': 1})"),
        // flyte makes a tuple of it.
        ("(name='n').clone(platform=['linux/amd64'])", "(name='n').clone(platform=['linux/amd64'])"),
    ] {
        let mut folder = Folder::new(&format!("import flyte\n\nNUMBERS = [3, 12]\nimage = {debian}{call}\n"));
        let found = folder.check();
        let expected = if call.contains(".clone(platform") { vec![] } else { vec!["IMG007"] };
        assert_eq!(codes(&found), expected, "{call}: {found:?}");
        folder.fix(false);
        assert_eq!(
            folder.text("app.py"),
            format!("import flyte\n\nNUMBERS = [3, 12]\nimage = {debian}{mended}\n")
        );
    }
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

/// Links of chains, faulty ones and others, as they are written with `Q` for the quotes and `~` for a place where a
/// comment and a line end may stand.
const LINKS: &[&str] = &[
    ".with_pip_packages(~[~QaQ,~ QbQ~]~)",
    ".with_pip_packages([QaQ,], pre=True)",
    ".with_pip_packages([])",
    ".with_pip_packages(~QnumpyQ~)",
    ".with_pip_packages(~Qnumpy pandasQ,~ Qa=1Q)",
    ".with_pip_packages(*LIST)",
    ".with_pip_packages(LIST)",
    ".with_pip_packages()",
    ".with_pip_packages(Qgit+https://example.org/x.gitQ)",
    ".with_pip_packages(QxQ,~ index_url=Qhttps://ci:$TOKEN@example.org/simpleQ,~)",
    ".with_pip_packges(QaQ)",
    ".with_apt_packages([QgitQ]~)",
    ".with_apt_packages(~QcurlQ~)",
    ".with_apt_packages()",
    ".with_commands(Qecho aQ,~ Qecho bQ)",
    ".with_commands(Qecho aQ, Qecho bQ, Qecho cQ)",
    ".with_commands([~QRUN echo aQ,~ Qcd /xQ,~ QlsQ~])",
    ".with_commands([Qpip install torchQ])",
    ".with_commands([Qcurl https://example.org/xQ])",
    ".with_commands([])",
    ".with_commands(COMMANDS)",
    ".with_env_vars({QAQ: Qa bQ,~ QPATHQ: Q/xQ,~ QNQ: 3})",
    ".with_requirements(Qrequirements.txtQ)",
    ".with_requirements(~Qpyproject.tomlQ~)",
    ".with_source_folder(QsrcQ)",
    ".with_source_folder(Path(QsrcQ))",
    ".with_uv_project(Qpyproject.tomlQ,~ extra_index_urls=[Qhttps://example.orgQ],~ project_install_mode=Qdependency_onlyQ)",
    ".clone(name=QTestQ)",
    ".clone(extendable=False)",
    ".clone(platfrom=(Qlinux/amd64Q,))",
];

const STARTS: &[&str] = &[
    "flyte.Image.from_debian_base(~name=QTrainQ,~ platform=Qlinux/amd64Q~)",
    "flyte.Image.from_debian_base(python_version=Q3.12Q,~ registry=Qhttps://ghcr.io/acme/Q)",
    "flyte.Image.from_debian_base(3.12)",
    "flyte.Image.from_debian_base([3, 12],~ name=QnQ,~ platform=[~Qlinux/amd64Q~])",
    "flyte.Image.from_base(~Qdebian:12Q~)",
    "flyte.Image.from_base(QDebianQ).clone(extendable=True)",
    "flyte.Image(name=QxQ)",
    "flyte.Image.from_debian_base(install_flyte=False,~)",
];

/// A module of chains in the given layouts.
fn module(chains: &[(usize, Vec<usize>, u64)], single: bool, line_end: &str, imports: bool) -> String {
    let quote = if single { "'" } else { "\"" };
    let mut text = String::from("import flyte\n");
    if imports {
        text.push_str("from pathlib import Path  # paths\n");
    }
    text.push_str("\nLIST = [\"a\", \"b\"]\nCOMMANDS = (\"ls\",)\n");
    let mut comments = 0;
    for (i, (start, links, seed)) in chains.iter().enumerate() {
        let mut chain = STARTS[start % STARTS.len()].to_owned();
        for link in links {
            chain.push('~');
            chain.push_str(LINKS[link % LINKS.len()]);
        }
        let mut random = *seed;
        let mut written = String::new();
        for c in chain.chars() {
            match c {
                'Q' => written.push_str(quote),
                '~' => {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    match random >> 61 {
                        0 | 1 => written.push_str("\n    "),
                        2 => {
                            comments += 1;
                            written.push_str(&format!("  # comment {comments}\n    "));
                        }
                        _ => {}
                    }
                }
                c => written.push(c),
            }
        }
        text.push_str(&format!("image{i} = (\n    {written}\n)\n"));
    }
    text.push_str("env = flyte.TaskEnvironment(name=\"tasks\", image=image0)\n");
    text.replace('\n', line_end)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, ..Default::default() })]

    /// Fixes come to an end, leave nothing that they could mend, and every text on the way is Python with all its
    /// comments, quotes and line ends.
    #[test]
    fn fixes_of_generated_chains_are_sound(
        chains in proptest::collection::vec(
            (0_usize..100, proptest::collection::vec(0_usize..1000, 0..5), proptest::prelude::any::<u64>()), 1..4),
        single in proptest::prelude::any::<bool>(),
        windows in proptest::prelude::any::<bool>(),
        imports in proptest::prelude::any::<bool>(),
        everything in proptest::prelude::any::<bool>(),
        elsewhere in proptest::prelude::any::<bool>(),
    ) {
        let line_end = if windows { "\r\n" } else { "\n" };
        let python = module(&chains, single, line_end, imports);
        let mut folder = Folder::new(&python);
        folder.files.push(("requirements.txt".to_owned(), "httpx\n".to_owned()));
        folder.files.push(("src/x.py".to_owned(), "x = 1\n".to_owned()));
        folder.files.push(("pyproject.toml".to_owned(), "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.12\"\ndependencies = []\n".to_owned()));
        if elsewhere {
            folder.working_directory = "/";
        }
        folder.fix(everything);
        let after = folder.text("app.py").to_owned();
        // Line ends stay what they were.
        let returns = after.matches('\r').count();
        proptest::prop_assert_eq!(returns, if windows { after.matches('\n').count() } else { 0 });
        // No literal of the file changed its quotes, but where the value has quotes of its own.
        if single {
            let strings = after.matches("\"").count() - python.matches('"').count();
            proptest::prop_assert!(strings <= 2 * chains.len() * 5, "{}", after);
        }
        let left = folder.check();
        let fixable = left.iter().filter_map(|f| f.fix.as_ref()).filter(|f| everything || f.applicability == Applicability::Safe);
        proptest::prop_assert_eq!(fixable.count(), 0);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 400, ..Default::default() })]

    /// Whatever the text: no check and no fix panics, and the fixes come to an end.
    #[test]
    fn no_text_does_harm(
        rule in 0_usize..1000,
        cut in 0.0_f64..1.0,
        put in "[ -~éß\u{1F600}\n\r\t\\\\]{0,12}",
        take in 0_usize..6,
        everything in proptest::prelude::any::<bool>(),
    ) {
        let rule = rules::ALL[rule % rules::ALL.len()];
        let text: Vec<char> = rule.example.chars().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let at = (text.len() as f64 * cut) as usize;
        let rest = text.iter().skip(at + take);
        let damaged: String = text.iter().take(at).copied().chain(put.chars()).chain(rest.copied()).collect();
        let mut folder = Folder::of(rule, &damaged);
        let findings = folder.check();
        let path: Arc<Path> = Path::new("/w/app.py").into();
        let edits = crate::suppress_all(&findings, &path, &damaged);
        let _ = edited(&damaged, &edits.iter().collect::<Vec<_>>());
        folder.settle(everything);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 100, ..Default::default() })]

    /// Whatever stands in the strings: no check and no fix panics.
    #[test]
    fn no_value_does_harm(
        value in "\\PC{0,12}|[ -~]{0,24}|(RUN |cd |\\$\\{|\\$A|\\[\\[|\\{a,|pip install |https://a:|git\\+|é| && |'|=|==|@){0,6}",
        single in proptest::prelude::any::<bool>(),
    ) {
        let quote = if single { '\'' } else { '"' };
        let escaped: String = value
            .chars()
            .flat_map(|c| if c == quote || c == '\\' { vec!['\\', c] } else { vec![c] })
            .collect();
        let v = format!("{quote}{escaped}{quote}");
        let python = format!(
            "import flyte\nimage = (\n    flyte.Image.from_base({v}).clone(name={v}, registry={v}, extendable=True)\n    \
             .with_pip_packages({v}, index_url={v})\n    .with_apt_packages({v})\n    .with_commands([{v}, {v}])\n    \
             .with_env_vars({{{v}: {v}, 'A_TOKEN': {v}}})\n    .with_requirements({v} + '.txt')\n    .with_workdir({v})\n)\n\
             other = flyte.Image.from_debian_base(name={v}, platform={v}, python_version={v}).with_commands({v}, {v})\n"
        );
        let mut folder = Folder::new(&python);
        let findings = folder.check();
        let path: Arc<Path> = Path::new("/w/app.py").into();
        let edits = crate::suppress_all(&findings, &path, &python);
        let after = edited(&python, &edits.iter().collect::<Vec<_>>());
        proptest::prop_assert!(is_sound(&python, &after, true, true));
        folder.settle(true);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, ..Default::default() })]

    /// Fixes of headers come to an end, lose no comment but those that flyte misreads, and leave a header that can be read.
    #[test]
    fn fixes_of_generated_headers_are_sound(
        items in proptest::collection::vec((0_usize..12, 0_usize..4), 0..6),
        spread in proptest::prelude::any::<bool>(),
        list in proptest::prelude::any::<bool>(),
        comment in 0_usize..4,
        windows in proptest::prelude::any::<bool>(),
        everything in proptest::prelude::any::<bool>(),
    ) {
        const ITEMS: [&str; 12] = [
            "flyte", "httpx>=0.27", "HTTPX<1", "a[x]", "a[y] ; os_name == 'nt'", "a", "a>1 ; os_name == 'nt'", "b @ https://e.org/b.whl",
            "b", "c ==1", "c!=2", "d e",
        ];
        let mut toml = String::new();
        if comment == 1 {
            toml.push_str("# why\n");
        }
        if list {
            toml.push_str("dependencies = [");
            for (number, (item, how)) in items.iter().enumerate() {
                let quote = if how % 2 == 0 { '"' } else { '\'' };
                let quote = if ITEMS[*item].contains('\'') { '"' } else { quote };
                let (before, after) = match (spread, how) {
                    (false, _) => ("", " "),
                    (true, 2) => ("\n    ", ""),
                    (true, 3) => ("\n", "  # about it"),
                    (true, _) => ("\n    ", ""),
                };
                let comma = if number + 1 < items.len() || spread { "," } else { "" };
                toml.push_str(&format!("{before}{quote}{}{quote}{comma}{after}", ITEMS[*item]));
            }
            toml.push_str(if spread { "\n]" } else { "]" });
            toml.push_str(if comment == 2 { "  # all\n" } else { "\n" });
        }
        let line_end = if windows { "\r\n" } else { "\n" };
        let script = format!("{}{line_end}print(1)  # one{line_end}", image_manifests::header::written(&toml, line_end));
        let python = "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"s.py\", name=\"s\", python_version=(3, 12))\n";
        let mut folder = Folder::new(python);
        folder.files.push(("s.py".to_owned(), script.clone()));
        folder.fix(everything);
        let after = folder.text("s.py").to_owned();
        proptest::prop_assert_eq!(after.matches('\r').count(), if windows { after.matches('\n').count() } else { 0 });
        let header = image_manifests::header::find(&after).expect("a header");
        proptest::prop_assert_eq!(header.trouble, None);
        proptest::prop_assert!(image_manifests::toml_source::Source::read(&header.content.text).faults.is_empty(), "{}", after);
        for word in ["about it", "all", "one"] {
            proptest::prop_assert_eq!(after.matches(word).count(), script.matches(word).count(), "{}", after);
        }
        let fixable = folder.check().iter().filter_map(|f| f.fix.clone()).filter(|f| everything || f.applicability == Applicability::Safe).count();
        proptest::prop_assert_eq!(fixable, 0, "{}", after);
    }
}
