//! Who presented the offer that an expansion came from.

use std::collections::HashMap;

use super::{Code, NONE};

/// An accepted row of an offer, as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    pub offer: Code,
    pub presenter: Code,
    /// `i64::MIN` where it is not written.
    pub at: i64,
}

/// Presenters of accepted offers, by the offer's code.
#[derive(Debug, Clone, Default)]
pub struct Presenters {
    by_offer: Vec<Code>,
    /// Offers that several presented: when and who, ascending; of one instant the first by key.
    several: HashMap<Code, Vec<(i64, Code)>>,
}

impl Presenters {
    /// `rank` orders presenters by their key's text.
    #[must_use]
    pub fn new(mut rows: Vec<Presented>, rank: &[u32]) -> Self {
        let rank_of = |presenter: Code| rank.get(presenter as usize).copied();
        rows.sort_unstable_by_key(|row| (row.offer, row.at, rank_of(row.presenter)));
        let count = rows.last().map_or(0, |row| row.offer as usize + 1);
        let mut found = Self { by_offer: vec![NONE; count], several: HashMap::new() };
        for rows in rows.chunk_by(|a, b| a.offer == b.offer) {
            let Some(first) = rows.first() else { continue };
            found.by_offer[first.offer as usize] = first.presenter;
            if rows.iter().any(|row| row.presenter != first.presenter) {
                let mut several: Vec<(i64, Code)> =
                    rows.iter().map(|row| (row.at, row.presenter)).collect();
                several.dedup_by_key(|(at, _)| *at);
                found.several.insert(first.offer, several);
            }
        }
        found
    }

    /// Who presented an offer that an expansion at an instant came from: of several the latest by
    /// then, else the first; [`NONE`] where it was not accepted.
    #[must_use]
    pub fn of(&self, offer: Code, at: i64) -> Code {
        if let Some(several) = self.several.get(&offer) {
            let until = several.partition_point(|(presented, _)| *presented <= at);
            return several.get(until.saturating_sub(1)).map_or(NONE, |(_, presenter)| *presenter);
        }
        self.by_offer.get(offer as usize).copied().unwrap_or(NONE)
    }

    /// How many offers several presented.
    #[must_use]
    pub fn disputed(&self) -> usize {
        self.several.len()
    }

    /// The presenter with the highest code.
    #[must_use]
    pub fn last(&self) -> Option<Code> {
        let several = self.several.values().flatten().map(|(_, presenter)| *presenter);
        self.by_offer.iter().copied().filter(|presenter| *presenter != NONE).chain(several).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(offer: Code, presenter: Code, at: i64) -> Presented {
        Presented { offer, presenter, at }
    }

    #[test]
    fn of_several_the_latest_by_then_counts_whatever_their_order() {
        // Presenter 0 sorts after 1. Offer 2 is presented by 0 at 10, by 1 and 0 at 20.
        let mut rows = vec![row(2, 0, 10), row(2, 0, 20), row(2, 1, 20), row(0, 1, 5)];
        for turn in 0..4 {
            rows.rotate_left(turn);
            let found = Presenters::new(rows.clone(), &[1, 0]);
            // Before anybody had presented it, the first who did.
            assert_eq!([9, 10, 19, 20, 99].map(|at| found.of(2, at)), [0, 0, 0, 1, 1]);
            assert_eq!((found.of(0, 1), found.of(1, 99), found.of(NONE, 99)), (1, NONE, NONE));
            assert_eq!((found.disputed(), found.last()), (1, Some(1)));
        }
    }

    #[test]
    fn rows_of_one_presenter_are_one() {
        let found = Presenters::new(vec![row(0, 3, 10), row(0, 3, 20)], &[0, 1, 2, 3]);
        assert_eq!((found.disputed(), found.of(0, 15)), (0, 3));
        assert_eq!(Presenters::default().of(0, 0), NONE);
    }
}
