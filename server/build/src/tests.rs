//! What tests of this crate share, and that nothing panics on any input.

use std::path::PathBuf;
use std::time::SystemTime;

use proptest::prelude::*;

use crate::engine::host::Host;
use crate::instructions::{instructions, step_name};
use crate::known::explain;
use crate::patterns::{Patterns, clean};
use crate::registry::Reference;
use crate::surroundings::Surroundings;

/// Surroundings with some variables and nothing else.
pub(crate) fn around(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        current_directory: PathBuf::from("/w"),
        umask: 0o022,
        now: SystemTime::UNIX_EPOCH,
    }
}

/// A fresh folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("image-build-{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

proptest! {
    #[test]
    fn instructions_cover_lines_in_order(text in "((FROM|RUN|COPY <<E|E|#|\\\\|ENV| )[ -~]{0,12}(\\\\)?\n){0,12}") {
        let lines = text.lines().count();
        let mut before = 0;
        for instruction in instructions(&text) {
            prop_assert!(before < instruction.lines.0 && instruction.lines.0 <= instruction.lines.1);
            prop_assert!(instruction.lines.1 <= lines);
            before = instruction.lines.1;
        }
    }

    #[test]
    fn whatever_an_engine_says_is_read(text in ".{0,80}", sign in "[\\[\\]/ 0-9a-z\n:\"]{0,40}") {
        for text in [&text, &sign] {
            instructions(text);
            step_name(text);
            explain(std::slice::from_ref(text), text);
            Reference::parse(text);
            drop(Host::parse(text, None));
        }
    }

    #[test]
    fn patterns_take_anything(patterns in prop::collection::vec("[!*?\\[\\]a-z./\\\\ -]{0,8}", 0..5), path in "[a-z./]{0,12}") {
        let patterns = Patterns::new(&patterns);
        let matches = patterns.matches(&path);
        prop_assert!(!matches || !patterns.is_empty());
        patterns.may_match_below(&path);
        prop_assert_eq!(clean(&clean(&path)), clean(&path));
    }
}
