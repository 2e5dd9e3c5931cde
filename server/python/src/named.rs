//! Which image a name means. A name can hold one image in one outcome of a file and another one in another: then it is
//! the one of the likeliest outcome, in which environment variables are what they are.

use crate::inspect::{Binding, FileReport, ImageReport};

impl ImageReport {
    /// When a name holds it.
    #[must_use]
    pub fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().find(|b| b.name == name)
    }
}

impl FileReport {
    /// The number of the image that a dotted name means: that of the likeliest outcome, else the first one.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<usize> {
        let is_likely = |i: &ImageReport| i.binding(name).is_some_and(|b| b.likely);
        let any = || self.images.iter().position(|i| i.binding(name).is_some());
        self.images.iter().position(is_likely).or_else(any)
    }

    /// The other images that a name holds in other outcomes, with when it does.
    pub fn also_named(&self, name: &str) -> impl Iterator<Item = (&ImageReport, &Binding)> {
        let own = self.named(name);
        let all = self.images.iter().enumerate().filter(move |(number, _)| Some(*number) != own);
        all.filter_map(move |(_, image)| image.binding(name).map(|b| (image, b)))
    }
}
