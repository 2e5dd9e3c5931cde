//! All rules, one file each.

mod layer_after_dockerfile;
mod layer_on_frozen_image;
mod layer_on_nameless_image;
mod list_instead_of_arguments;
mod missing_file;
mod requirements_not_txt;
mod unknown_argument;
mod unverified_release;

use image_python::inspect::StageError;

use crate::rule::Rule;

/// Every rule, in the order of the codes.
pub static ALL: &[&Rule] = &[
    &layer_after_dockerfile::RULE,
    &layer_on_frozen_image::RULE,
    &layer_on_nameless_image::RULE,
    &requirements_not_txt::RULE,
    &list_instead_of_arguments::RULE,
    &unknown_argument::RULE,
    &missing_file::RULE,
    &unverified_release::RULE,
];

/// The rule of a code or a name.
#[must_use]
pub fn find(code_or_name: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(code_or_name) || rule.name == code_or_name)
}

/// What is called at an error, in words.
fn called(error: &StageError) -> &'static str {
    error.method.unwrap_or("the method called here")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image_manifests::fs::MemoryFileSystem;
    use image_python::evaluate::Sources;
    use image_python::inspect::inspect;
    use image_python::project::{Ambient, Facts, Options};

    use super::*;

    fn codes(python: &str) -> Vec<&'static str> {
        let fs = MemoryFileSystem::default().with("/w/a.py", python).with("/w/Dockerfile", "FROM scratch\n");
        let ambient = Ambient { current_directory: "/w".into(), ..Ambient::default() };
        let options = Options { flyte_version_setting: Some("2.12.1".into()), ..Options::default() };
        let facts = std::sync::Arc::new(Facts::find(Path::new("/w/a.py"), &options, &ambient, &fs));
        let report = inspect(Path::new("/w/a.py"), &Sources::default(), &fs, &facts).expect("readable");
        crate::check(&report).into_iter().map(|f| f.rule.code).collect()
    }

    #[test]
    fn every_example_is_found_and_every_instead_is_clean() {
        for rule in ALL {
            assert_eq!(codes(rule.example), [rule.code], "example of {}", rule.code);
            assert_eq!(codes(rule.instead), [""; 0], "instead of {}", rule.code);
        }
    }

    #[test]
    fn codes_and_names_are_unique_and_sorted() {
        let codes: Vec<_> = ALL.iter().map(|r| r.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        assert!(ALL.iter().all(|r| find(r.name).is_some_and(|f| f.code == r.code)));
    }
}
