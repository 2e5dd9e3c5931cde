//! The table of flyte's releases: what each does differently.
//!
//! Each row says since when a behaviour holds. Code asks for a behaviour by its name and never compares versions.

use std::cmp::Ordering;

/// What a release does, as far as releases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviours {
    /// The tag of the uv image in the Dockerfile's header.
    pub header_uv: &'static str,
    /// An image without base or name fails with an ImageBuildError that says what to do; before, with an
    /// AssertionError.
    pub uri_errors_advise: bool,
}

struct Row {
    since: &'static str,
    set: fn(&mut Behaviours),
}

const FIRST: Behaviours = Behaviours { header_uv: "0.8.13", uri_errors_advise: false };

/// Releases in order; the first is the oldest one covered.
const TABLE: &[Row] = &[
    Row { since: "2.12.0", set: |_| {} },
    Row {
        since: "2.12.1",
        set: |b| {
            b.header_uv = "0.13.4";
            b.uri_errors_advise = true;
        },
    },
];

/// How a release stands to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// It is in the table.
    Known,
    /// It is newer than the table: the newest known behaviour is taken.
    Newer,
    /// It is older than the table, or no release number: nothing is known of it.
    Unknown,
}

/// A release with what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As `flyte.__version__` prints it.
    pub version: String,
    /// Whether the behaviours are known to be this release's.
    pub coverage: Coverage,
    /// What it does.
    pub behaviours: Behaviours,
}

/// The newest release in the table.
#[must_use]
pub fn newest() -> &'static str {
    TABLE.last().map_or("", |row| row.since)
}

/// The oldest release in the table.
#[must_use]
pub fn oldest() -> &'static str {
    TABLE.first().map_or("", |row| row.since)
}

impl Release {
    /// Looks a version up.
    #[must_use]
    pub fn of(version: &str) -> Self {
        let mut behaviours = FIRST;
        let mut coverage = Coverage::Unknown;
        if let Some(key) = Key::of(version) {
            for row in TABLE {
                match Key::of(row.since).map(|since| key.cmp(&since)) {
                    Some(Ordering::Less) | None => break,
                    Some(order) => {
                        (row.set)(&mut behaviours);
                        coverage = if order == Ordering::Equal { Coverage::Known } else { Coverage::Newer };
                    }
                }
            }
            // Between two rows nothing changes; only beyond the last one is anything possible.
            if coverage == Coverage::Newer && Key::of(newest()).is_some_and(|last| key < last) {
                coverage = Coverage::Known;
            }
        }
        Self { version: version.to_owned(), coverage, behaviours }
    }
}

/// A version as it sorts: pre-releases before their release.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u32, u32, u32, u32, u32);

impl Key {
    fn of(version: &str) -> Option<Self> {
        let public = version.split(['+', '-']).next()?;
        let mut numbers = public.split('.');
        let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let patch = numbers.next().unwrap_or("0");
        let digits = patch.find(|c: char| !c.is_ascii_digit()).unwrap_or(patch.len());
        let (number, pre) = patch.split_at(digits);
        let serial = pre.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
        Some(Self(major, minor, number.parse().ok()?, u32::from(pre.is_empty()), serial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_newer_or_unknown() {
        for (version, coverage) in [
            ("2.12.0", Coverage::Known),
            ("2.12.1", Coverage::Known),
            ("2.12.2", Coverage::Newer),
            ("3.0.0b1", Coverage::Newer),
            ("2.12.0b3", Coverage::Unknown),
            ("2.11.9", Coverage::Unknown),
            ("main", Coverage::Unknown),
        ] {
            assert_eq!(Release::of(version).coverage, coverage, "{version}");
        }
        assert_eq!(Release::of("2.12.0").behaviours.header_uv, "0.8.13");
        assert_eq!(Release::of("2.12.1").behaviours.header_uv, "0.13.4");
    }
}
