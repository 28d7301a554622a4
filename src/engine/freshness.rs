//! How long what a request saw of the files needs no second look.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Noted by every look at the files on behalf of one request. Whoever keeps what the request was
/// answered keeps it no longer than this says.
#[derive(Debug, Default)]
pub struct Freshness(Mutex<Option<Instant>>);

impl Freshness {
    /// The request saw files whose listing is old at `due`.
    pub fn note(&self, due: Option<Instant>) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = match (*until, due) {
            (Some(known), Some(due)) => Some(known.min(due)),
            (known, due) => known.or(due),
        };
    }

    /// When the first listing that was seen is old. None: no look at the files, or listings that
    /// never are.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_listing_to_be_old_counts() {
        let freshness = Freshness::default();
        assert_eq!(freshness.until(), None);
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        for due in [Some(later), None, Some(now), Some(later)] {
            freshness.note(due);
        }
        assert_eq!(freshness.until(), Some(now));
    }
}
