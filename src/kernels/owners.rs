//! Who owned a customer when, and with what weight.

use super::grouped::group_rows;
use super::{Code, NONE};

/// An owner's weight at a moment, relative to the sum over the owners of that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub owner: Code,
    pub weight: i128,
}

/// Assignments as read, in any order. `to` is `i64::MAX` where open, `share` in units of
/// `10^-scale` (at most 18 places).
#[derive(Debug, Clone, Default)]
pub struct OwnerColumns {
    pub customer: Vec<Code>,
    pub owner: Vec<Code>,
    pub share: Vec<Option<i64>>,
    pub scale: u8,
    pub from: Vec<i64>,
    pub to: Vec<i64>,
}

/// Assignments sorted by customer and time. Owner and customer are never [`NONE`].
#[derive(Debug, Clone, Default)]
pub struct OwnerFacts {
    /// Rows of customer `c` are `offsets[c]..offsets[c + 1]`.
    offsets: Vec<usize>,
    rows: Vec<Assignment>,
    /// A share of 1.
    one: i128,
    rank: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Assignment {
    from: i64,
    to: i64,
    owner: Code,
    share: Option<i64>,
}

impl Assignment {
    /// When it ends, as known by `as_of`.
    fn end(&self, as_of: i64) -> i64 {
        if self.to >= as_of { i64::MAX } else { self.to }
    }
}

/// How the shares of one moment were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody, one owner without a share, or shares that sum to 1.
    Clean,
    /// Several owners at once, not each with a share.
    Incomplete,
    /// Each has a share, and they do not sum to 1.
    NotOne,
}

/// Marks an owner without a share until the rest of 1 is known; given shares are never negative.
const MISSING: i128 = -1;

impl OwnerFacts {
    /// `rank` orders owners by their key's text, one entry per owner's code. Rows without a
    /// customer or an owner are no assignments.
    #[must_use]
    pub fn new(customers: usize, columns: &OwnerColumns, rank: Vec<u32>) -> Self {
        let (offsets, rows) = group_rows(&columns.customer, customers, |row| {
            (columns.owner[row] != NONE).then(|| Assignment {
                from: columns.from[row],
                to: columns.to[row],
                owner: columns.owner[row],
                share: columns.share[row],
            })
        });
        Self { offsets, rows, one: 10i128.pow(u32::from(columns.scale.min(18))), rank }
    }

    /// Size in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.len() * size_of::<Assignment>() + self.offsets.len() * 8 + self.rank.len() * 4
    }

    /// How many owners' codes there are.
    #[must_use]
    pub fn owners(&self) -> usize {
        self.rank.len()
    }

    /// Fills `shares` with the owners of a customer at an instant, as known by `as_of`, in the
    /// order of their keys; empty means unassigned.
    ///
    /// Rows of one owner count as one. Owners without a share divide equally what the others
    /// leave up to 1 (nothing, where they reach it); shares that sum to zero become equal ones.
    /// An owner with a share of zero is listed. A negative share counts as zero.
    pub fn owners_at(
        &self,
        customer: Code,
        at: i64,
        as_of: i64,
        shares: &mut Vec<Share>,
    ) -> Sharing {
        shares.clear();
        for row in self.known(customer, as_of).take_while(|row| row.from <= at) {
            if at < row.end(as_of) {
                add(shares, row);
            }
        }
        if shares.len() > 1 {
            shares.sort_unstable_by_key(|share| self.rank.get(share.owner as usize));
        }
        self.weigh(shares)
    }

    /// The first instant after `at` at which the owners of a customer may be others.
    #[must_use]
    pub fn owners_until(&self, customer: Code, at: i64, as_of: i64) -> i64 {
        let edges = self.known(customer, as_of).flat_map(|row| [row.from, row.end(as_of)]);
        edges.filter(|edge| *edge > at).min().unwrap_or(i64::MAX)
    }

    /// Everybody who ever owned a customer, as known by `as_of`.
    pub fn ever(&self, customer: Code, as_of: i64) -> impl Iterator<Item = Code> {
        self.known(customer, as_of).map(|row| row.owner)
    }

    /// A customer's assignments that exist by `as_of`, ascending by start.
    fn known(&self, customer: Code, as_of: i64) -> impl Iterator<Item = &Assignment> {
        let customer = customer as usize;
        let bounds = (self.offsets.get(customer), self.offsets.get(customer.saturating_add(1)));
        let rows = if let (Some(start), Some(end)) = bounds { *start..*end } else { 0..0 };
        self.rows[rows].iter().take_while(move |row| row.from < as_of)
    }

    fn weigh(&self, shares: &mut [Share]) -> Sharing {
        let several = shares.len() > 1;
        let missing = shares.iter().filter(|share| share.weight == MISSING).count();
        if missing > 0 {
            self.fill_missing(shares, missing as i128);
        }
        let sum: i128 = shares.iter().map(|share| share.weight).sum();
        if sum == 0 {
            for share in shares.iter_mut() {
                share.weight = 1;
            }
        }
        match missing {
            0 if !shares.is_empty() && sum != self.one => Sharing::NotOne,
            1.. if several => Sharing::Incomplete,
            _ => Sharing::Clean,
        }
    }

    /// Everything times the number of missing ones, so that their parts are whole numbers.
    fn fill_missing(&self, shares: &mut [Share], missing: i128) {
        let given: i128 = shares.iter().map(|share| share.weight.max(0)).sum();
        let left = (self.one - given).max(0);
        for share in shares {
            share.weight = if share.weight == MISSING { left } else { share.weight * missing };
        }
    }
}

fn add(shares: &mut Vec<Share>, row: &Assignment) {
    let weight = row.share.map_or(MISSING, |share| i128::from(share.max(0)));
    match shares.iter_mut().find(|share| share.owner == row.owner) {
        Some(known) if known.weight == MISSING => known.weight = weight,
        Some(known) => known.weight += weight.max(0),
        None => shares.push(Share { owner: row.owner, weight }),
    }
}

/// Customers whose shares had to be guessed or normalised, each counted once a question. Noted
/// customer by customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Anomalies {
    incomplete: Customers,
    not_one: Customers,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Customers {
    count: u64,
    last: Option<Code>,
}

impl Customers {
    fn note(&mut self, customer: Code) {
        self.count += u64::from(self.last != Some(customer));
        self.last = Some(customer);
    }
}

impl Anomalies {
    pub fn note(&mut self, customer: Code, sharing: Sharing) {
        match sharing {
            Sharing::Clean => {}
            Sharing::Incomplete => self.incomplete.note(customer),
            Sharing::NotOne => self.not_one.note(customer),
        }
    }

    /// One sentence per kind of anomaly that occurred.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let sentence = |count: u64, what: &str| {
            let customers = if count == 1 { "customer" } else { "customers" };
            (count > 0).then(|| format!("{count} {customers} had {what}"))
        };
        let incomplete = sentence(
            self.incomplete.count,
            "several owners at once without a share for each; those without one split equally \
             what the others leave",
        );
        let not_one = sentence(
            self.not_one.count,
            "owners whose shares do not sum to 1; they were normalised",
        );
        incomplete.into_iter().chain(not_one).collect()
    }
}

impl super::Merge for Anomalies {
    fn merge(&mut self, other: Self) {
        self.incomplete.count += other.incomplete.count;
        self.not_one.count += other.not_one.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Merge;

    const ALWAYS: i64 = i64::MAX;

    /// (owner, share in cents, from, to) of customer 0; owner 0 sorts after owner 1.
    fn facts(rows: &[(Code, Option<i64>, i64, i64)]) -> OwnerFacts {
        let columns = OwnerColumns {
            customer: vec![0; rows.len()],
            owner: rows.iter().map(|row| row.0).collect(),
            share: rows.iter().map(|row| row.1).collect(),
            scale: 2,
            from: rows.iter().map(|row| row.2).collect(),
            to: rows.iter().map(|row| row.3).collect(),
        };
        OwnerFacts::new(1, &columns, vec![1, 0, 2])
    }

    fn owners(facts: &OwnerFacts, at: i64, as_of: i64) -> (Vec<(Code, i128)>, Sharing) {
        let mut shares = Vec::new();
        let sharing = facts.owners_at(0, at, as_of, &mut shares);
        (shares.iter().map(|share| (share.owner, share.weight)).collect(), sharing)
    }

    #[test]
    fn assignments_are_half_open_and_known_by_as_of() {
        let handover = facts(&[(1, Some(100), 50, ALWAYS), (0, Some(100), 10, 50)]);
        assert_eq!(owners(&handover, 9, ALWAYS), (vec![], Sharing::Clean));
        assert_eq!(owners(&handover, 49, ALWAYS), (vec![(0, 100)], Sharing::Clean));
        assert_eq!(owners(&handover, 50, ALWAYS), (vec![(1, 100)], Sharing::Clean));
        // Asked as of 50 neither the end of the first nor the start of the second is known.
        assert_eq!(owners(&handover, 50, 50), (vec![(0, 100)], Sharing::Clean));
        assert_eq!(owners(&handover, 51, 51), (vec![(1, 100)], Sharing::Clean));
        let until = |at, as_of| handover.owners_until(0, at, as_of);
        assert_eq!([until(0, ALWAYS), until(10, ALWAYS), until(50, ALWAYS)], [10, 50, ALWAYS]);
        assert_eq!(until(10, 50), ALWAYS);
    }

    #[test]
    fn a_row_without_owner_or_customer_is_no_assignment() {
        let unowned = facts(&[(NONE, Some(100), 0, ALWAYS)]);
        assert_eq!(owners(&unowned, 5, ALWAYS), (vec![], Sharing::Clean));
        let mut shares = vec![Share { owner: 0, weight: 1 }];
        assert_eq!(unowned.owners_at(NONE, 5, ALWAYS, &mut shares), Sharing::Clean);
        assert!(shares.is_empty());
    }

    #[test]
    fn owners_come_in_the_order_of_their_keys() {
        let shared = facts(&[(0, Some(60), 0, ALWAYS), (1, Some(40), 0, ALWAYS)]);
        assert_eq!(owners(&shared, 5, ALWAYS), (vec![(1, 40), (0, 60)], Sharing::Clean));
    }

    #[test]
    fn missing_shares_split_what_is_left() {
        let some = facts(&[(0, Some(40), 0, 9), (1, None, 0, 9), (2, None, 0, 9)]);
        // 0.4, 0.3, 0.3, everything doubled.
        let weights = vec![(1, 60), (0, 80), (2, 60)];
        assert_eq!(owners(&some, 5, ALWAYS), (weights, Sharing::Incomplete));
        let reached = facts(&[(0, Some(120), 0, 9), (1, None, 0, 9)]);
        assert_eq!(owners(&reached, 5, ALWAYS), (vec![(1, 0), (0, 120)], Sharing::Incomplete));
        let zero = facts(&[(0, Some(0), 0, 9), (1, None, 0, 9)]);
        assert_eq!(owners(&zero, 5, ALWAYS), (vec![(1, 100), (0, 0)], Sharing::Incomplete));
    }

    #[test]
    fn no_shares_or_none_but_zeros_are_equal() {
        let none = facts(&[(0, None, 0, 9), (1, None, 0, 9)]);
        assert_eq!(owners(&none, 5, ALWAYS), (vec![(1, 100), (0, 100)], Sharing::Incomplete));
        let zeros = facts(&[(0, Some(0), 0, 9), (1, Some(0), 0, 9)]);
        assert_eq!(owners(&zeros, 5, ALWAYS), (vec![(1, 1), (0, 1)], Sharing::NotOne));
        let alone = facts(&[(0, None, 0, 9)]);
        assert_eq!(owners(&alone, 5, ALWAYS), (vec![(0, 100)], Sharing::Clean));
    }

    #[test]
    fn rows_of_one_owner_count_as_one() {
        let twice = facts(&[(0, Some(30), 0, 9), (1, Some(50), 0, 9), (0, Some(20), 3, 9)]);
        assert_eq!(owners(&twice, 5, ALWAYS), (vec![(1, 50), (0, 50)], Sharing::Clean));
        let doubled = facts(&[(0, None, 0, 9), (0, None, 3, 9), (1, None, 0, 9)]);
        assert_eq!(owners(&doubled, 5, ALWAYS).0, vec![(1, 100), (0, 100)]);
    }

    #[test]
    fn each_customer_is_warned_about_once() {
        let mut anomalies = Anomalies::default();
        anomalies.note(3, Sharing::NotOne);
        anomalies.note(3, Sharing::NotOne);
        anomalies.note(4, Sharing::Clean);
        let mut others = Anomalies::default();
        others.note(7, Sharing::NotOne);
        others.note(7, Sharing::Incomplete);
        anomalies.merge(others);
        assert_eq!(
            anomalies.warnings(),
            [
                "1 customer had several owners at once without a share for each; those without \
                 one split equally what the others leave",
                "2 customers had owners whose shares do not sum to 1; they were normalised",
            ]
        );
        assert!(Anomalies::default().warnings().is_empty());
    }
}
