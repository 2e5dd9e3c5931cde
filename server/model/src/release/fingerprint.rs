//! Fingerprints: the SHA-256 of those files of an installed flyte that decide tags, addresses, Dockerfiles, contexts
//! and the errors on the way.

use sha2::{Digest, Sha256};

/// One line for each release; see the module above.
pub(super) static TABLE: &str = include_str!("releases.txt");

/// The decisive files, relative to flyte's package folder.
pub const DECISIVE: [&str; 13] = [
    "_image.py",
    "_secret.py",
    "_code_bundle/_ignore.py",
    "_internal/imagebuild/docker.py",
    "_internal/imagebuild/docker_builder.py",
    "_internal/imagebuild/image_builder.py",
    "_internal/imagebuild/utils.py",
    "_utils/file_handling.py",
    "_utils/pixi_script_parser.py",
    "_utils/uv_script_parser.py",
    "config/_config.py",
    "config/_internal.py",
    "config/_reader.py",
];

/// The digests of an installation's decisive files, in lower-case hexadecimal digits; `None` for a file that is not
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint([Option<String>; DECISIVE.len()]);

impl Fingerprint {
    /// Digests the files; the given function reads one of [`DECISIVE`].
    #[must_use]
    pub fn of(mut read: impl FnMut(&'static str) -> Option<Vec<u8>>) -> Self {
        Self(DECISIVE.map(|file| {
            let digest = Sha256::digest(read(file)?);
            Some(digest.iter().map(|b| format!("{b:02x}")).collect())
        }))
    }

    /// The releases in the table that have exactly these files.
    #[must_use]
    pub fn releases(&self) -> Vec<&'static str> {
        rows().filter(|(_, row)| self.equals(row)).map(|(version, _)| version).collect()
    }

    /// The files that are not those of a release in the table.
    #[must_use]
    pub fn differences(&self, release: &str) -> Vec<&'static str> {
        let Some((_, row)) = rows().find(|(version, _)| *version == release) else { return Vec::new() };
        let pairs = DECISIVE.iter().zip(self.0.iter().zip(row));
        pairs.filter(|(_, (own, listed))| own.as_deref() != *listed).map(|(file, _)| *file).collect()
    }

    /// The line of the table for a release with these files, when it follows the table's last one.
    #[must_use]
    pub fn line(&self, version: &str) -> String {
        let last = rows().last().map(|(_, row)| row).unwrap_or_default();
        let mut line = version.to_owned();
        for (file, (own, listed)) in DECISIVE.iter().zip(self.0.iter().zip(last)) {
            if own.as_deref() != listed {
                line += &format!(" {file}={}", own.as_deref().unwrap_or("-"));
            }
        }
        line
    }

    fn equals(&self, row: &Row) -> bool {
        self.0.iter().zip(row).all(|(own, listed)| own.as_deref() == *listed)
    }
}

/// The digests of a release's files.
type Row = [Option<&'static str>; DECISIVE.len()];

/// Each release with its files: a line of the table says only what is not the previous line's.
fn rows() -> impl Iterator<Item = (&'static str, Row)> {
    let mut row: Row = [None; DECISIVE.len()];
    TABLE.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        let version = words.next().filter(|v| !v.is_empty())?;
        for (file, digest) in words.filter_map(|word| word.split_once('=')) {
            if let Some(place) = DECISIVE.iter().position(|f| *f == file) {
                row[place] = (digest != "-").then_some(digest);
            }
        }
        Some((version, row))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Behaviours, Coverage, Release, Version, all, newest, oldest};

    fn listed(version: &str) -> Fingerprint {
        let (_, row) = rows().find(|(v, _)| *v == version).expect("in the table");
        Fingerprint(row.map(|digest| digest.map(str::to_owned)))
    }

    #[test]
    fn the_table_is_in_order_and_well_formed() {
        let versions: Vec<Version> = all().map(|v| Version::of(v).expect("a version")).collect();
        assert!(versions.is_sorted());
        assert_eq!(all().next(), Some(oldest()));
        // The tables say from where on they hold.
        assert!(Behaviours::describe().iter().all(|b| b.values[0].0 == oldest()));
        for (since, _) in Behaviours::describe().iter().flat_map(|b| &b.values) {
            // 2.5.19 has a tag but was never published.
            assert!(all().any(|listed| listed == *since) || *since == "2.5.19", "{since} is no release");
        }
        for line in TABLE.lines() {
            for word in line.split(' ').skip(1) {
                let (file, digest) = word.split_once('=').expect("file=digest");
                assert!(DECISIVE.contains(&file), "{file}");
                assert!(digest == "-" || digest.len() == 64, "{line}");
            }
        }
    }

    #[test]
    fn files_decide_before_versions() {
        let newest_files = listed(newest());
        for version in all() {
            let release = Release::installed(version, &listed(version));
            assert_eq!((release.coverage, release.acts_as), (Coverage::Known, version));
        }
        // A development install of what became a release.
        let release = Release::installed("2.99.0.dev3+g1234", &newest_files);
        assert_eq!((release.coverage, release.acts_as), (Coverage::SameFiles, newest()));
        // A wrong version does not hide what is there.
        let release = Release::installed("2.12.1", &listed("2.0.0"));
        assert_eq!((release.coverage, release.acts_as), (Coverage::SameFiles, "2.0.1"));
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_some_release(text in "\\PC{0,20}|[0-9]{1,25}[.][0-9]{1,3}([.][0-9]+)?(a|b|rc|[.]dev|[.]post|[+])?[0-9a-z.]{0,6}") {
            let release = Release::of(&text);
            proptest::prop_assert!(all().any(|listed| listed == release.acts_as));
            proptest::prop_assert_eq!(release.version, text);
        }
    }

    #[test]
    fn changed_files_are_named() {
        let mut patched = listed("2.5.2");
        patched.0[0] = Some("0".repeat(64));
        let release = Release::installed("2.5.2", &patched);
        assert_eq!(release.coverage, Coverage::Modified(vec!["_image.py"]));
        assert_eq!(release.acts_as, "2.5.2");
        let release = Release::installed("2.99.0", &patched);
        assert_eq!((release.coverage, release.acts_as), (Coverage::Newer, newest()));
        assert!(patched.line("2.99.0").starts_with("2.99.0 _image.py=0000"));
    }

    #[test]
    fn a_version_is_known_newer_older_or_none() {
        for (version, coverage, acts_as) in [
            ("2.12.0", Coverage::Known, "2.12.0"),
            ("v2.5.2", Coverage::Known, "2.5.2"),
            ("3.0.0", Coverage::Newer, newest()),
            ("2.5.19", Coverage::Unlisted, "2.5.18"),
            ("2.3.0", Coverage::Unlisted, "2.3.0b0"),
            ("2.0.0b53", Coverage::Older, "2.0.0b54"),
            ("1.16.0", Coverage::Older, "2.0.0b54"),
            ("main", Coverage::Unreadable, newest()),
        ] {
            let release = Release::of(version);
            assert_eq!((release.coverage, release.acts_as), (coverage, acts_as), "{version}");
        }
        assert_eq!(Release::of("2.12.0").behaviours.header_uv, "0.8.13");
        assert_eq!(Release::of("2.12.1").behaviours.header_uv, "0.13.4");
    }
}
