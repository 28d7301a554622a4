//! Random draws that mean the same on every machine: integers only, and nothing whose values may
//! change with a version of a library of distributions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a stream of random numbers is for. A customer's streams are independent of each other, so
/// that a change to one part of a life leaves the others as they were.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Profile = 0,
    Owners = 1,
    Life = 2,
    Signals = 3,
}

/// Streams per customer, the next power of two above the purposes.
const STREAMS: u64 = 4;

/// One stream of random numbers.
#[derive(Debug)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a customer for a purpose: a function of the arguments alone.
    pub(super) fn new(seed: u64, customer: u32, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(u64::from(customer) * STREAMS + purpose as u64);
        Self(rng)
    }

    /// Uniform in `0..bound` (0 for an empty range). The bias of taking the high half of a product
    /// is below `bound / 2^64`.
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        let bound = u128::from(bound.max(0).unsigned_abs());
        let high = (u128::from(self.0.next_u64()) * bound) >> 64;
        i64::try_from(high).unwrap_or(0)
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True in `ppm` of a million draws.
    pub(super) fn chance(&mut self, ppm: i64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// True in `percent` of a hundred draws.
    pub(super) fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// In `low..=high` with most of the weight near `low`, as sizes of companies are.
    pub(super) fn skewed(&mut self, low: i64, high: i64) -> i64 {
        let unit = self.below(1000);
        low + (high - low) * unit * unit / 1_000_000
    }

    /// The index of one of the weights, in proportion to them.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.iter().enumerate() {
            left -= i64::from(*weight);
            if left < 0 {
                return index;
            }
        }
        0
    }

    /// One of the choices, each as likely.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let len = i64::try_from(choices.len()).unwrap_or(0);
        usize::try_from(self.below(len)).ok().and_then(|index| choices.get(index)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_customer_and_purpose() {
        let take = |customer, purpose| {
            let mut draw = Draw::new(7, customer, purpose);
            [(); 8].map(|()| draw.below(1 << 40))
        };
        assert_eq!(take(3, Purpose::Life), take(3, Purpose::Life));
        assert_ne!(take(3, Purpose::Life), take(4, Purpose::Life));
        assert_ne!(take(3, Purpose::Life), take(3, Purpose::Owners));
    }

    #[test]
    fn draws_stay_in_range_and_follow_their_weights() {
        let mut draw = Draw::new(1, 0, Purpose::Life);
        let mut hits = [0; 3];
        for _ in 0..10_000 {
            assert!((5..=9).contains(&draw.between(5, 9)));
            assert!((5..=90).contains(&draw.skewed(5, 90)));
            hits[draw.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(hits[1], 0);
        assert!((2300..2700).contains(&hits[0]), "{hits:?}");
        assert_eq!(draw.one_of::<u8>(&[]), None);
    }
}
