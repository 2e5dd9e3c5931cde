//! Drift watch: any releases of flyte against the table of releases.
//!
//! For each release it makes an environment from the package index, and compares signatures, fingerprints, the
//! hand-written cases and generated programs. It prints a table, and for a release that differs, which behaviour moved.
//!
//! ```text
//! cargo test --features live --test drift                          the releases of every test run
//! cargo test --features live --test drift -- all --programs 300    every release on the index
//! cargo test --features live --test drift -- newest                the newest release on the index
//! cargo test --features live --test drift -- 2.5.2 2.6.0 --seed 7  these
//!     --as VERSION   expect another release's behaviour: what a change looks like
//!     --jobs N       environments side by side
//!     --no-cases     only signatures, files and generated programs
//! ```

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod alarms;
mod case;
mod compare;
#[allow(dead_code, reason = "the live tests use more of it")]
mod generate;
#[allow(dead_code, reason = "only the list of releases")]
mod goldens;
#[allow(dead_code, reason = "the live tests use more of it")]
mod oracle;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use compare::{Setting, Verdict, compare};
use generate::Tally;
use goldens::RELEASES;
use image_manifests::fs::OsFileSystem;
use image_model::methods::{self, Default};
use image_model::release::{self, Coverage, Fingerprint, Release, Version};
use image_model::signature::Kind;
use image_python::project::{Ambient, Facts, Options};
use oracle::Oracle;

struct Plan {
    versions: Vec<String>,
    programs: u64,
    seed: u64,
    acts_as: Option<String>,
    jobs: usize,
    cases: bool,
}

impl Plan {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut plan = Self {
            versions: Vec::new(),
            programs: 60,
            seed: 20_261_121,
            acts_as: None,
            jobs: 2,
            cases: true,
        };
        let value = |name: &str, arguments: &mut dyn Iterator<Item = String>| {
            arguments.next().ok_or_else(|| format!("{name} needs a value"))
        };
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--programs" => plan.programs = number(value("--programs", &mut arguments)?)?,
                "--seed" => plan.seed = number(value("--seed", &mut arguments)?)?,
                "--jobs" => {
                    plan.jobs = usize::try_from(number(value("--jobs", &mut arguments)?)?).unwrap_or(1)
                }
                "--as" => plan.acts_as = Some(value("--as", &mut arguments)?),
                "--no-cases" => plan.cases = false,
                "all" => plan.versions.extend(covered()),
                "newest" => plan.versions.extend(newest()),
                // What cargo hands to every test.
                "--nocapture" | "--quiet" | "-q" => {}
                version if Version::of(version).is_some() => plan.versions.push(version.to_owned()),
                other => return Err(format!("{other} is neither a version nor an option")),
            }
        }
        if plan.versions.is_empty() {
            plan.versions = RELEASES.map(str::to_owned).to_vec();
            plan.versions.extend(newest().filter(|newest| !RELEASES.contains(&newest.as_str())));
        }
        Ok(plan)
    }
}

/// The releases on the index that the table reaches back to.
fn covered() -> impl Iterator<Item = String> {
    oracle::published()
        .into_iter()
        .filter(|version| Version::of(version).is_some_and(|v| v.is_at_least(release::oldest())))
}

/// The newest one that is no pre-release.
fn newest() -> impl Iterator<Item = String> {
    let published = oracle::published().into_iter().rev();
    published.filter(|v| Version::of(v).is_some_and(|v| !v.is_prerelease())).take(1)
}

/// How a release fares.
#[derive(std::default::Default)]
struct Row {
    version: String,
    /// Why it could not be compared.
    failure: Option<String>,
    /// How its files stand to the table, and the line to add where they are not in it.
    files: String,
    line: Option<String>,
    /// The behaviours in which, by the table, it differs from the release that it was expected to be like.
    by_table: Vec<&'static str>,
    api: Vec<String>,
    cases: Tally,
    programs: Tally,
}

impl Row {
    fn wrong(&self) -> usize {
        let moved = |tally: &Tally| tally.moved.values().map(|(count, _)| count).sum::<usize>();
        moved(&self.cases) + moved(&self.programs) + self.api.len() + self.programs.guessed
    }

    fn is_good(&self) -> bool {
        self.failure.is_none() && self.wrong() == 0 && self.line.is_none()
    }

    fn print(&self) {
        let tally = |t: &Tally| {
            let wrong: usize = t.moved.values().map(|(count, _)| count).sum();
            format!("{:>6} {:>6} {:>7} {:>5}", t.images, t.equal, t.unknown, wrong)
        };
        match &self.failure {
            Some(failure) => println!("{:<10} {failure}", self.version),
            None => println!(
                "{:<10} {:<10} {:>3}  {}  {}",
                self.version,
                self.files,
                self.api.len(),
                tally(&self.cases),
                tally(&self.programs)
            ),
        }
    }

    /// What moved, in words.
    fn explain(&self) {
        if self.is_good() {
            return;
        }
        println!("\n{}:", self.version);
        if let Some(line) = &self.line {
            println!("  the table of releases lacks this line:\n    {line}");
        }
        if !self.by_table.is_empty() {
            println!("  by the table it differs in: {}", self.by_table.join(", "));
        }
        for difference in &self.api {
            println!("  signature: {difference}");
        }
        let mut moved: BTreeMap<&String, (usize, &String)> = BTreeMap::new();
        for (of, (count, detail)) in self.cases.moved.iter().chain(&self.programs.moved) {
            moved.entry(of).or_insert((0, detail)).0 += count;
        }
        for (of, (count, detail)) in moved {
            println!("  moved: {of} ({count} times)\n    {detail}");
        }
        for program in self.programs.wrong.iter().take(2) {
            println!("  {}", program.replace('\n', "\n  "));
        }
    }
}

fn main() -> ExitCode {
    let plan = match Plan::from_arguments(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(message) => {
            println!("{message}");
            return ExitCode::from(2);
        }
    };
    let _lock = case::lock("drift");
    println!("seed {}, {} programs for each of {} releases", plan.seed, plan.programs, plan.versions.len());
    println!("                           ------ hand-written -------  ------- generated ---------");
    println!("release    files      api  images  equal unknown wrong  images  equal unknown wrong");
    let queue: Mutex<VecDeque<(usize, &String)>> = Mutex::new(plan.versions.iter().enumerate().collect());
    let rows: Mutex<BTreeMap<usize, Row>> = Mutex::default();
    std::thread::scope(|scope| {
        for worker in 0..plan.jobs.max(1) {
            let (queue, rows, plan) = (&queue, &rows, &plan);
            scope.spawn(move || {
                while let Some((place, version)) = { queue.lock().expect("a queue").pop_front() } {
                    let row = run(version, plan, worker as u64);
                    row.print();
                    rows.lock().expect("rows").insert(place, row);
                }
            });
        }
    });
    let rows = rows.into_inner().expect("rows");
    rows.values().for_each(Row::explain);
    let good = rows.values().filter(|row| row.is_good()).count();
    println!("\n{good} of {} releases are as the table says", rows.len());
    if good == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(version: &str, plan: &Plan, worker: u64) -> Row {
    let mut row = Row { version: version.to_owned(), ..Row::default() };
    let environment = match oracle::try_environment(version) {
        Ok(environment) => environment,
        Err(message) => {
            row.failure = Some(format!("cannot be installed: {message}"));
            return row;
        }
    };
    let Some(mut oracle) = Oracle::try_start(&environment) else {
        row.failure = Some("cannot be imported".to_owned());
        return row;
    };
    let installed = installed(&environment);
    if oracle.greeting["flyte"] != installed.version.as_str() {
        row.failure =
            Some(format!("flyte says {}, its files {}", oracle.greeting["flyte"], installed.version));
        return row;
    }
    row.files = match &installed.coverage {
        Coverage::Known => "known".to_owned(),
        Coverage::SameFiles => format!("={}", installed.acts_as),
        Coverage::Modified(files) => format!("{} differ", files.len()),
        _ => "unknown".to_owned(),
    };
    if installed.coverage != Coverage::Known {
        row.line = Some(fingerprint(&environment).line(version));
    }
    let by_files = installed.behaviours;
    let expected = plan.acts_as.as_deref().map_or(installed, Release::of);
    row.by_table = by_files.differences(&expected.behaviours);
    row.api = signatures(&oracle.ask(&serde_json::json!({ "signatures": true }))["signatures"], &expected);
    if plan.cases {
        row.cases = hand_written(&mut oracle, &environment, plan, worker);
    }
    let subject =
        generate::Subject { environment: &environment, release: expected, acts_as: plan.acts_as.as_deref() };
    // Each release has programs of its own.
    let own = version.bytes().fold(plan.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    row.programs = generate::run(&subject, own, 0..plan.programs, 100 + worker, &mut oracle);
    row
}

fn facts(environment: &Path) -> Facts {
    let options = Options { python: Some(environment.to_owned()), ..Options::default() };
    Facts::find(environment, &options, &Ambient::default(), &OsFileSystem)
}

/// The release as the inspection finds it.
fn installed(environment: &Path) -> Release {
    facts(environment).environment.release
}

fn fingerprint(environment: &Path) -> Fingerprint {
    let site = facts(environment).environment.site_packages.unwrap_or_default();
    Fingerprint::of(|file| std::fs::read(PathBuf::from(&site).join("flyte").join(file)).ok())
}

fn hand_written(oracle: &mut Oracle, environment: &Path, plan: &Plan, worker: u64) -> Tally {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let mut tally = Tally::default();
    for mut case in case::load(&folder) {
        case.base = Path::new(case::BASE).join(format!("drift-{worker}"));
        case.lay_out();
        let answer = oracle.ask(&case.request());
        case.lay_out();
        let dir = case.dir();
        let setting = Setting::of(&case, &dir, Some(environment), plan.acts_as.as_deref());
        for (name, verdict) in compare(&answer, &setting) {
            let verdict = match verdict {
                Verdict::Wrong(mut difference) => {
                    difference.detail = format!("{} {name}: {}", case.name, difference.detail);
                    Verdict::Wrong(difference)
                }
                other => other,
            };
            tally.count(&verdict);
        }
    }
    tally
}

/// The signatures in which flyte and the table differ.
fn signatures(theirs: &serde_json::Value, release: &Release) -> Vec<String> {
    let mut ours = BTreeMap::new();
    for method in methods::methods_of(release) {
        let shown = method.parameters_of(release).map(|p| {
            let kind = match p.kind {
                Kind::Positional => "POSITIONAL_OR_KEYWORD",
                Kind::Many => "VAR_POSITIONAL",
                Kind::KeywordOnly => "KEYWORD_ONLY",
                Kind::ManyKeywords => "VAR_KEYWORD",
            };
            let default = match p.default {
                _ if p.kind == Kind::Many => None,
                Default::Required => None,
                Default::None => Some("None".to_owned()),
                Default::True => Some("True".to_owned()),
                Default::False => Some("False".to_owned()),
                Default::Text(text) => Some(format!("'{text}'")),
            };
            serde_json::json!([p.name, kind, default])
        });
        ours.insert(method.name.to_owned(), serde_json::Value::Array(shown.collect()));
    }
    let theirs = theirs.as_object().expect("signatures");
    let names: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let differs = |name: &&String| theirs.get(*name) != ours.get(*name);
    let shown = |value: Option<&serde_json::Value>| value.map_or("nothing".to_owned(), ToString::to_string);
    names
        .into_iter()
        .filter(differs)
        .map(|name| format!("{name}: flyte {}, here {}", shown(theirs.get(name)), shown(ours.get(name))))
        .collect()
}
