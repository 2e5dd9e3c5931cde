//! How a table of behaviours is declared: once, with everything else made from it. Each product whose releases differ
//! has a table of its own.

/// A behaviour as data, for documentation and for whoever looks for what moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name of the field.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    /// Since when (the first is the oldest release known) which value, as text.
    pub values: Vec<(&'static str, String)>,
}

/// Declares a table of behaviours: a struct with a field for each, and what it is at any version.
macro_rules! behaviours {
    (
        $(#[doc = $what:literal])+ $table:ident from $oldest:literal;
        $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $first:expr $(, $since:literal => $value:expr)*;)*
    ) => {
        $(#[doc = $what])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $table {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl $table {
            /// Those of a version: of each behaviour, the last change that is not later.
            #[must_use]
            pub fn of(version: &$crate::release::Version) -> Self {
                #[allow(unused_mut, reason = "some never changed")]
                let mut behaviours = Self { $($name: $first,)* };
                $($(if version.is_at_least($since) { behaviours.$name = $value; })*)*
                behaviours
            }

            /// All of them, in order of declaration.
            #[must_use]
            pub fn describe() -> Vec<$crate::release::Description> {
                fn shown<T: std::fmt::Debug>(value: T) -> String {
                    format!("{value:?}")
                }
                vec![$($crate::release::Description {
                    name: stringify!($name),
                    about: concat!($($doc, "\n"),+),
                    values: vec![($oldest, shown::<$type>($first)) $(, ($since, shown::<$type>($value)))*],
                },)*]
            }

            /// The names of the behaviours in which two releases differ.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name != other.$name { names.push(stringify!($name)); })*
                names
            }
        }
    };
}

pub(crate) use behaviours;
