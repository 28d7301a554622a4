//! Runs of rows with one key → which of them belong together.
//!
//! Nearly always each key has one run. A bit per hash tells which runs might share theirs with
//! another one; only these are compared.

use std::num::NonZero;

use hashbrown::HashTable;

use crate::engine::keys::KeyList;
use crate::kernels::Code;

/// The key and its hash of each run of a part.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    pub keys: KeyList,
    pub hashes: Vec<u64>,
}

/// The order of each run, over all parts; none where every run has a key of its own.
#[must_use]
pub fn orders_of_runs(parts: &[Runs]) -> Option<Vec<Code>> {
    let count: usize = parts.iter().map(|part| part.hashes.len()).sum();
    let mut table: HashTable<(u64, usize, usize, Code)> = HashTable::new();
    let mut repeated: Vec<(usize, Code)> = Vec::new();
    let mut base = Vec::with_capacity(parts.len());
    let mut sum = 0;
    for part in parts {
        base.push(sum);
        sum += part.hashes.len();
    }
    for (part, place) in suspects(parts, count) {
        let hash = parts[part].hashes[place];
        let Some(key) = parts[part].keys.get(place) else { continue };
        let same = |other: &(u64, usize, usize, Code)| {
            other.0 == hash && parts[other.1].keys.is(other.2, &key)
        };
        let run = base[part] + place;
        if let Some((.., first)) = table.find(hash, same) {
            repeated.push((run, *first));
        } else {
            let code = Code::try_from(run).unwrap_or(Code::MAX);
            table.insert_unique(hash, (hash, part, place, code), |other| other.0);
        }
    }
    if repeated.is_empty() {
        return None;
    }
    let mut orders: Vec<Code> =
        (0..count).map(|run| Code::try_from(run).unwrap_or(Code::MAX)).collect();
    for (run, first) in repeated {
        orders[run] = first;
    }
    Some(orders)
}

/// Runs whose hash may be another one's too, as (part, place), a part of the hashes on each core.
fn suspects(parts: &[Runs], count: usize) -> Vec<(usize, usize)> {
    const BITS_A_RUN: usize = 32;
    let bits = (count * BITS_A_RUN).next_power_of_two().max(64);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let shares = if count < 1 << 14 { 1 } else { cores.next_power_of_two() };
    let of_share = |share: usize| {
        let mut bits = Bits::new(bits / shares);
        // The top of the hash says whose it is, the rest which bit.
        let own = |hash: u64| shares == 1 || (hash >> 32) as usize % shares == share;
        let hashes = || parts.iter().flat_map(|part| &part.hashes).filter(|hash| own(**hash));
        hashes().for_each(|hash| bits.meet(*hash));
        let mut found = Vec::new();
        for (part, runs) in parts.iter().enumerate() {
            for (place, hash) in runs.hashes.iter().enumerate() {
                if own(*hash) && bits.is_met_again(*hash) {
                    found.push((part, place));
                }
            }
        }
        found
    };
    std::thread::scope(|scope| {
        let of_share = &of_share;
        let others: Vec<_> =
            (1..shares).map(|share| scope.spawn(move || of_share(share))).collect();
        let mut found = of_share(0);
        for other in others {
            match other.join() {
                Ok(more) => found.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    })
}

/// Which hashes were met, and which again.
struct Bits {
    once: Vec<u64>,
    again: Vec<u64>,
    mask: u64,
}

impl Bits {
    fn new(bits: usize) -> Self {
        let words = bits.div_ceil(64).max(1);
        let mask = (words as u64 * 64).next_power_of_two() - 1;
        let words = usize::try_from(mask / 64).unwrap_or_default() + 1;
        Self { once: vec![0; words], again: vec![0; words], mask }
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        let bit = hash & self.mask;
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    }

    fn meet(&mut self, hash: u64) {
        let (word, bit) = self.place(hash);
        if self.once[word] & bit != 0 {
            self.again[word] |= bit;
        }
        self.once[word] |= bit;
    }

    fn is_met_again(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.again[word] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::keys::{Key, KeyHasher};

    fn runs(hasher: &KeyHasher, keys: &[String]) -> Runs {
        let mut runs = Runs::default();
        for key in keys {
            let key = Key::new(key);
            runs.hashes.push(hasher.hash(&key));
            runs.keys.push(&key);
        }
        runs
    }

    #[test]
    fn keys_of_their_own_need_no_orders() {
        let hasher = KeyHasher::default();
        let keys: Vec<String> =
            (0..40_000).map(|n| format!("order-{n:0width$}", width = n % 17)).collect();
        let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
        let keys: Vec<String> = distinct.into_iter().cloned().collect();
        let (left, right) = keys.split_at(17_000);
        assert_eq!(orders_of_runs(&[runs(&hasher, left), runs(&hasher, right)]), None);
        assert_eq!(orders_of_runs(&[]), None);
    }

    #[test]
    fn runs_of_one_key_are_one_order() {
        let hasher = KeyHasher::default();
        let text = |n: usize| format!("an order with a long number {n}");
        let keys: Vec<String> = (0..30_000).map(|n| text(n % 29_990)).collect();
        let (left, right) = keys.split_at(10_000);
        let orders = orders_of_runs(&[runs(&hasher, left), runs(&hasher, right)]).unwrap();
        for (run, order) in orders.iter().enumerate() {
            assert_eq!(*order as usize, run % 29_990);
        }
        // However the hashes fall: all the same.
        let mut same = runs(&hasher, &keys[..50]);
        same.hashes.fill(7);
        assert_eq!(orders_of_runs(&[same]), None);
    }
}
