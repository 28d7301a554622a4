//! Instants in order, and where another instant lies among them: found by its bucket of time
//! instead of by halving, since every fact asks.

use super::Span;

/// Ascending instants, none twice.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    instants: Vec<i64>,
    first: i64,
    /// Width of a bucket: 2^shift microseconds.
    shift: u32,
    /// How many instants lie before each bucket.
    before: Vec<u32>,
}

impl Timeline {
    /// Few enough to stay near the core, enough that months fall into buckets of their own.
    const BUCKETS: u64 = 4_096;

    pub fn new(mut instants: Vec<i64>) -> Self {
        instants.sort_unstable();
        instants.dedup();
        let (first, last) = match (instants.first(), instants.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (0, 0),
        };
        let width = last.abs_diff(first);
        let shift = (0..63).find(|shift| width >> shift < Self::BUCKETS).unwrap_or(63);
        let buckets = usize::try_from(width >> shift).unwrap_or_default() + 1;
        let mut before = vec![0u32; buckets + 1];
        for at in &instants {
            let bucket = usize::try_from(at.abs_diff(first) >> shift).unwrap_or_default();
            before[bucket + 1] += 1;
        }
        for bucket in 0..buckets {
            before[bucket + 1] += before[bucket];
        }
        Self { instants, first, shift, before }
    }

    pub fn instants(&self) -> &[i64] {
        &self.instants
    }

    /// The place of an instant that is one of them.
    pub fn place(&self, at: i64) -> usize {
        self.after(at).saturating_sub(1)
    }

    /// How many of them are at or before `at`: the place of the first one after it.
    #[inline]
    pub fn after(&self, at: i64) -> usize {
        if at < self.first {
            return 0;
        }
        let bucket = usize::try_from(at.abs_diff(self.first) >> self.shift).unwrap_or(usize::MAX);
        let Some(before) = self.before.get(bucket).filter(|_| bucket + 1 < self.before.len())
        else {
            return self.instants.len();
        };
        let mut place = *before as usize;
        while self.instants.get(place).is_some_and(|instant| *instant <= at) {
            place += 1;
        }
        place
    }
}

/// Periods, ascending and none overlapping another, and which of them holds an instant.
#[derive(Debug, Clone)]
pub(super) struct Periods<'a> {
    spans: &'a [Span],
    /// None: two of them end at once or out of order.
    ends: Option<Timeline>,
}

impl<'a> Periods<'a> {
    pub fn new(spans: &'a [Span]) -> Self {
        let in_order = spans.windows(2).all(|pair| pair[0].end < pair[1].end);
        let ends = in_order.then(|| Timeline::new(spans.iter().map(|span| span.end).collect()));
        Self { spans, ends }
    }

    #[inline]
    pub fn of(&self, at: i64) -> Option<usize> {
        match &self.ends {
            Some(ends) => {
                let place = ends.after(at);
                self.spans.get(place)?.contains(at).then_some(place)
            }
            None => super::period_of(self.spans, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_is_found_as_by_halving(
            instants in prop::collection::vec(prop_oneof![-50..50_i64, any::<i64>()], 0..40),
            asked in prop::collection::vec(prop_oneof![-60..60_i64, any::<i64>()], 0..40),
        ) {
            let timeline = Timeline::new(instants.clone());
            let mut sorted = instants;
            sorted.sort_unstable();
            sorted.dedup();
            for at in asked.iter().chain(&sorted) {
                prop_assert_eq!(timeline.after(*at), sorted.partition_point(|other| other <= at));
            }
            for (place, at) in sorted.iter().enumerate() {
                prop_assert_eq!(timeline.place(*at), place);
            }
        }

        #[test]
        fn a_period_is_found_as_by_halving(
            lengths in prop::collection::vec((0..5_i64, 0..5_i64), 0..20),
            asked in prop::collection::vec(-5..200_i64, 0..40),
        ) {
            let mut at = 0;
            let spans: Vec<Span> = lengths
                .iter()
                .map(|(gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    Span { start, end: at }
                })
                .collect();
            let periods = Periods::new(&spans);
            for at in asked {
                prop_assert_eq!(periods.of(at), crate::kernels::period_of(&spans, at));
            }
        }
    }
}
