//! flyte's releases: which there are, what each does differently, and how an installed one is recognised.
//!
//! `releases.txt` lists every release from the oldest one covered, in order, one a line, with the SHA-256 of those
//! decisive files that are not the previous line's. [`Behaviours`] says what changed at which release.
//!
//! Invariants: behaviours are asked for by name, versions are compared nowhere else; what an installed flyte does is
//! decided by its files where they are known, else by its version.

mod behaviours;
mod declare;
mod fingerprint;
mod version;

pub use behaviours::{Address, Behaviours, DefaultUser, DevelopmentFallback, Footer, Header};
pub use declare::Description;
pub use fingerprint::{DECISIVE, Fingerprint};
pub use version::Version;

/// How a release stands to the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// It is in the table, and its files, where there are any, are those of the release.
    Known,
    /// Its files are those of a release in the table, though its version is another.
    SameFiles,
    /// It is in the table, but its files are not those of the release: what that release does is assumed.
    Modified(Vec<&'static str>),
    /// It is newer than the table: the newest known behaviour is assumed.
    Newer,
    /// It lies within the table but is not in it: what the release before it does is assumed.
    Unlisted,
    /// It is no version: the newest known behaviour is assumed.
    Unreadable,
    /// It is older than the table: nothing is known of it.
    Older,
}

/// A release with what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As `flyte.__version__` prints it.
    pub version: String,
    /// The release in the table whose behaviour it has, or is assumed to have.
    pub acts_as: &'static str,
    /// How it stands to the table.
    pub coverage: Coverage,
    /// What it does.
    pub behaviours: Behaviours,
    order: Version,
}

/// All releases, the oldest first.
pub fn all() -> impl DoubleEndedIterator<Item = &'static str> {
    fingerprint::TABLE.lines().filter_map(|line| line.split(' ').next())
}

/// The newest release in the table.
#[must_use]
pub fn newest() -> &'static str {
    all().next_back().unwrap_or_default()
}

/// The oldest release in the table.
#[must_use]
pub fn oldest() -> &'static str {
    OLDEST
}

/// The table's first line, as a constant: what came with it is there in every release.
const OLDEST: &str = "2.0.0b54";

impl Release {
    /// Looks a version up, by its number alone.
    #[must_use]
    pub fn of(version: &str) -> Self {
        let Some(order) = Version::of(version) else {
            return Self::acting_as(version, newest(), Coverage::Unreadable);
        };
        let mut before = None;
        let mut equal = false;
        for listed in all() {
            let Some(other) = Version::of(listed) else { continue };
            if other > order {
                break;
            }
            equal = other == order;
            before = Some(listed);
        }
        match before {
            None => Self::acting_as(version, oldest(), Coverage::Older),
            Some(listed) if equal => Self::acting_as(version, listed, Coverage::Known),
            Some(listed) if listed == newest() => Self::acting_as(version, listed, Coverage::Newer),
            Some(listed) => Self::acting_as(version, listed, Coverage::Unlisted),
        }
    }

    /// Looks an installed flyte up: its files decide, and its version where they are not known.
    #[must_use]
    pub fn installed(version: &str, fingerprint: &Fingerprint) -> Self {
        let by_version = Self::of(version);
        let same = fingerprint.releases();
        if same.contains(&by_version.acts_as) {
            let coverage = match by_version.coverage {
                Coverage::Known => Coverage::Known,
                _ => Coverage::SameFiles,
            };
            return Self { coverage, ..by_version };
        }
        if let Some(listed) = same.last() {
            return Self::acting_as(version, listed, Coverage::SameFiles);
        }
        match by_version.coverage {
            Coverage::Known => {
                let differing = fingerprint.differences(by_version.acts_as);
                Self { coverage: Coverage::Modified(differing), ..by_version }
            }
            _ => by_version,
        }
    }

    fn acting_as(version: &str, acts_as: &'static str, coverage: Coverage) -> Self {
        // Every line of the table is a version: a test says so.
        let order = Version::of(acts_as).unwrap_or_default();
        let behaviours = Behaviours::of(&order);
        Self { version: version.to_owned(), acts_as, coverage, behaviours, order }
    }

    /// Whether it has what came with a release.
    #[must_use]
    pub fn has(&self, since: &str) -> bool {
        since == OLDEST || self.order.is_at_least(since)
    }

    /// Whether what it does is known, not assumed.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.coverage, Coverage::Known | Coverage::SameFiles)
    }
}
