//! Versions as Python orders them (PEP 440).

use std::str::FromStr;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pep440_rs::Version);

impl Default for Version {
    /// `0`: earlier than all releases.
    fn default() -> Self {
        Self(pep440_rs::Version::new([0]))
    }
}

impl Version {
    /// Reads a version; `None` for what Python's `packaging` refuses.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        pep440_rs::Version::from_str(text.trim()).ok().map(Self)
    }

    /// Whether it is not earlier than another one. A text that is no version is later than all.
    #[must_use]
    pub fn is_at_least(&self, other: &str) -> bool {
        Self::of(other).is_some_and(|other| *self >= other)
    }

    /// Whether it is a pre-release or a development release.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.0.any_prerelease()
    }

    /// `packaging.version.Version.base_version`: the numbers alone.
    #[must_use]
    pub fn base(&self) -> String {
        let numbers: Vec<String> = self.0.release().iter().map(u64::to_string).collect();
        let epoch = if self.0.epoch() == 0 { String::new() } else { format!("{}!", self.0.epoch()) };
        format!("{epoch}{}", numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_ordered_as_python_orders_them() {
        let ordered = [
            "2.0.0b54",
            "2.0.0b60",
            "2.0.0",
            "2.0.10a0",
            "2.0.10",
            "2.12.1",
            "2.12.1+local",
            "2.13.0.dev3+g1",
            "2.13.0b1",
        ];
        for pair in ordered.windows(2) {
            assert!(Version::of(pair[0]) < Version::of(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn only_versions_are_versions() {
        for text in ["", "main", "2.x", "2.0.0-5-gabc", "v", "2.0.0 x", "latest"] {
            assert_eq!(Version::of(text), None, "{text:?}");
        }
        let base = |text: &str| Version::of(text).map(|v| (v.base(), v.is_prerelease()));
        assert_eq!(base("v2.13.0.dev3+g1234"), Some(("2.13.0".to_owned(), true)));
        assert_eq!(base("1!2.0rc1"), Some(("1!2.0".to_owned(), true)));
        assert_eq!(base(" 2.0.0.post1 "), Some(("2.0.0".to_owned(), false)));
    }
}
