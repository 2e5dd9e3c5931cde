//! What was made of large texts, kept as long as somebody holds the text.
//!
//! A text is known by its place in memory: who reads a file again only when it changed has the same text, and everybody
//! else makes the same thing anew.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Things that are kept.
const KEPT: usize = 16;

/// A text, something small beside it, and what is made of the two.
type Made<T> = (Weak<str>, String, Arc<T>);

/// Things made of a text and something small beside it.
pub(crate) struct Memo<T>(Mutex<Vec<Made<T>>>);

impl<T> Memo<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// What is made of a text with something beside it.
    pub(crate) fn of(&self, text: &Arc<str>, beside: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let is_it = |(known, other, _): &&Made<T>| {
            other == beside && known.upgrade().is_some_and(|known| Arc::ptr_eq(&known, text))
        };
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, made)) = lock().iter().find(is_it) {
            return Arc::clone(made);
        }
        let made = Arc::new(make());
        let mut all = lock();
        all.retain(|(known, _, _)| known.strong_count() > 0);
        if all.len() >= KEPT {
            all.remove(0);
        }
        all.push((Arc::downgrade(text), beside.to_owned(), Arc::clone(&made)));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_for_each_text() {
        let memo: Memo<usize> = Memo::new();
        let mut made = 0;
        let text: Arc<str> = "a".into();
        let other: Arc<str> = "a".into();
        for (text, beside) in [(&text, "x"), (&text, "x"), (&other, "x"), (&text, "y"), (&text, "x")] {
            memo.of(text, beside, || {
                made += 1;
                made
            });
        }
        assert_eq!(made, 3);
    }
}
