//! Random programs: chains over all methods and parameters with nasty strings, random trees, random Python around them.

mod grammar;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::compare::{Difference, Setting, Verdict, compare};
use crate::oracle::Oracle;
use image_model::release::Release;

/// Splitmix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("small")
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// A random program: its files, and its statements, each whole lines.
#[derive(Clone)]
pub struct Program {
    pub files: Vec<(String, String)>,
    pub links: Vec<(String, String)>,
    pub statements: Vec<String>,
    pub module: Vec<String>,
    /// Images that nobody can know.
    pub unknowable: Vec<String>,
}

const HEAD: &str = "import os, sys, random, time, subprocess, socket\nimport flyte._image\nfrom pathlib import Path\nimport flyte\nfrom flyte import Image\nHERE = Path(__file__).parent\n";

impl Program {
    fn lay_out(&self, dir: &Path) {
        let _ = std::fs::remove_dir_all(dir);
        std::fs::create_dir_all(dir).expect("a folder");
        for (path, content) in &self.files {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            // A name may be taken by a folder already.
            let _ = std::fs::write(path, content);
        }
        for (path, target) in &self.links {
            let _ = std::os::unix::fs::symlink(target, dir.join(path));
        }
        std::fs::write(dir.join("m.py"), format!("{HEAD}{}\n", self.statements.join("\n"))).expect("written");
        if !self.module.is_empty() {
            std::fs::write(dir.join("other.py"), format!("{HEAD}{}\n", self.module.join("\n")))
                .expect("written");
        }
    }

    fn run(&self, dir: &Path, oracle: &mut Oracle, subject: &Subject<'_>) -> Vec<(String, Verdict)> {
        self.lay_out(dir);
        let request = serde_json::json!({ "dir": dir, "file": "m.py", "root": dir });
        let answer = oracle.ask(&request);
        self.lay_out(dir);
        let root = Some(dir.display().to_string());
        let setting = Setting {
            dir,
            file: "m.py",
            root,
            env: &BTreeMap::new(),
            python: Some(subject.environment),
            release: subject.acts_as,
        };
        let mut verdicts = compare(&answer, &setting);
        // Rules for what flyte raises are silent where it raises nothing.
        if subject.acts_as.is_none() && crate::alarms::errors(&answer).is_empty() {
            let alarms = crate::alarms::of_flyte(&setting);
            if !alarms.is_empty() {
                let difference = Difference { of: "a false alarm".to_owned(), detail: format!("{alarms:?}") };
                verdicts.push(("rules".to_owned(), Verdict::Wrong(difference)));
            }
        }
        verdicts
    }

    fn is_wrong(&self, verdicts: &[(String, Verdict)]) -> bool {
        verdicts.iter().any(|(n, v)| matches!(v, Verdict::Wrong(_)) && !self.unknowable.contains(n))
    }

    /// Leaves statements and files out as long as the program stays wrong.
    fn shrunk(&self, dir: &Path, oracle: &mut Oracle, subject: &Subject<'_>) -> Program {
        let mut best = self.clone();
        let mut changed = true;
        while changed {
            changed = false;
            for part in 0..3 {
                let mut i = 0;
                loop {
                    let mut next = best.clone();
                    let len = match part {
                        0 => next.statements.len(),
                        1 => next.files.len(),
                        _ => next.links.len(),
                    };
                    if i >= len {
                        break;
                    }
                    match part {
                        0 => drop(next.statements.remove(i)),
                        1 => drop(next.files.remove(i)),
                        _ => drop(next.links.remove(i)),
                    }
                    if next.is_wrong(&next.run(dir, oracle, subject)) {
                        best = next;
                        changed = true;
                    } else {
                        i += 1;
                    }
                }
            }
        }
        best
    }
}

#[derive(Default)]
pub struct Tally {
    pub programs: usize,
    pub images: usize,
    pub equal: usize,
    pub unknown: usize,
    pub guessed: usize,
    pub wrong: Vec<String>,
    pub reasons: BTreeMap<String, usize>,
    /// Which behaviours differ: how often, and what both say of one of them.
    pub moved: BTreeMap<String, (usize, String)>,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.programs += other.programs;
        self.images += other.images;
        self.equal += other.equal;
        self.unknown += other.unknown;
        self.guessed += other.guessed;
        self.wrong.extend(other.wrong);
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        for (of, (count, detail)) in other.moved {
            self.moved.entry(of).or_insert((0, detail)).0 += count;
        }
    }

    /// Counts a comparison.
    pub fn count(&mut self, verdict: &Verdict) {
        self.images += 1;
        match verdict {
            Verdict::Equal => self.equal += 1,
            Verdict::Unknown(reason) => {
                self.unknown += 1;
                let short: String = reason.chars().take(70).collect();
                *self.reasons.entry(short).or_default() += 1;
            }
            Verdict::Wrong(difference) => {
                let detail = || difference.detail.chars().take(300).collect();
                self.moved.entry(difference.of.clone()).or_insert_with(|| (0, detail())).0 += 1;
            }
        }
    }
}

/// What is compared: an environment with flyte, and the release that it is taken for.
pub struct Subject<'a> {
    pub environment: &'a Path,
    /// The release that decides which calls programs make.
    pub release: Release,
    /// The release whose behaviour is expected; what is installed, if not given.
    pub acts_as: Option<&'a str>,
}

pub fn run(
    subject: &Subject<'_>,
    seed: u64,
    numbers: impl Iterator<Item = u64>,
    worker: u64,
    oracle: &mut Oracle,
) -> Tally {
    let dir = PathBuf::from(crate::case::BASE).join(format!("generated-{worker}"));
    let mut tally = Tally::default();
    for number in numbers {
        let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let program = grammar::program(&mut random, &subject.release);
        let verdicts = program.run(&dir, oracle, subject);
        tally.programs += 1;
        for (name, verdict) in &verdicts {
            if program.unknowable.contains(name) || program.unknowable.iter().any(|u| name.starts_with(u)) {
                if !matches!(verdict, Verdict::Unknown(_)) {
                    tally.guessed += 1;
                    tally.wrong.push(format!(
                        "program {number}: {name} was guessed: {verdict:?}\n{}",
                        program.statements.join("\n")
                    ));
                }
                continue;
            }
            tally.count(verdict);
        }
        if program.is_wrong(&verdicts) && tally.wrong.len() < 8 {
            let small = program.shrunk(&dir, oracle, subject);
            let again = small.run(&dir, oracle, subject);
            let mut text = format!("program {number}:\n");
            for (name, verdict) in again.iter().filter(|(_, v)| matches!(v, Verdict::Wrong(_))) {
                let _ = writeln!(text, "  {name}: {verdict:?}");
            }
            let _ =
                write!(text, "{}\nfiles: {:?} {:?}", small.statements.join("\n"), small.files, small.links);
            tally.wrong.push(text);
        }
    }
    tally
}
