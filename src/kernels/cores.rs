//! Work on every core: parts of customers that weigh about the same.

use std::num::NonZero;
use std::ops::Range;

/// Fewer customers are not worth a thread.
const SMALLEST_PART: usize = 4_096;

/// How many parts so many customers are worth.
fn parts_worth(customers: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(customers / SMALLEST_PART).max(1)
}

/// Consecutive parts of `count` customers, so many a core. A customer weighs as much as its rows, which
/// are `offsets[c]..offsets[c + 1]`, and one more; early customers of a growing company have most.
#[must_use]
pub fn parts_of(count: usize, offsets: &[u32], a_core: usize) -> Vec<Range<usize>> {
    let parts = match parts_worth(count) {
        1 => 1,
        cores => cores * a_core,
    };
    let weight = |customer: usize| customer + rows_before(offsets, customer) as usize;
    // The first customer before which lies that much.
    let from = |wanted: usize| {
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if weight(middle) < wanted { low = middle + 1 } else { high = middle }
        }
        low
    };
    let bounds: Vec<usize> = (0..=parts).map(|part| from(weight(count) * part / parts)).collect();
    bounds.windows(2).map(|bounds| bounds[0]..bounds[1]).collect()
}

/// How many rows lie before a customer's, who may come after all that have rows.
#[must_use]
pub fn rows_before(offsets: &[u32], customer: usize) -> u32 {
    offsets.get(customer).or(offsets.last()).copied().unwrap_or(0)
}

/// Runs every job on a thread of its own, the first on this one; results in the order of the jobs.
pub fn on_every_core<J: Send, R: Send>(jobs: Vec<J>, run: impl Fn(J) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let run = &run;
        let mut jobs = jobs.into_iter();
        let first = jobs.next();
        let others: Vec<_> = jobs.map(|job| scope.spawn(move || run(job))).collect();
        let first = first.map(run);
        let joined = others.into_iter().map(|other| match other.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        first.into_iter().chain(joined.collect::<Vec<_>>()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_consecutive_and_weigh_about_the_same() {
        // The first tenth of the customers has ten rows each, the others have one.
        let rows =
            |customer: u32| if customer <= 10_000 { 10 * customer } else { 90_000 + customer };
        let offsets: Vec<u32> = (0..=100_000).map(rows).collect();
        for offsets in [&offsets[..], &[]] {
            // More customers than have rows.
            for count in [0, 1, 5_000, 100_000, 120_000] {
                let parts = parts_of(count, offsets, 1);
                assert_eq!(parts.len(), parts_worth(count));
                assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, count));
                assert!(parts.windows(2).all(|two| two[0].end == two[1].start));
            }
        }
        let weight =
            |part: &Range<usize>| part.len() + (offsets[part.end] - offsets[part.start]) as usize;
        let weights: Vec<usize> = parts_of(100_000, &offsets, 3).iter().map(weight).collect();
        let (least, most) = (weights.iter().min().unwrap(), weights.iter().max().unwrap());
        assert!(most - least <= 2 * 11, "{weights:?}");
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        assert_eq!(on_every_core(vec![3, 1, 2], |job| job * 2), [6, 2, 4]);
        assert!(on_every_core(Vec::<i32>::new(), |job| job).is_empty());
    }
}
