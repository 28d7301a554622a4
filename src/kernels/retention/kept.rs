//! Walks that are kept with the facts they went through, so that facts which grow at their end are
//! walked again only where they grew.

use std::sync::{Arc, Mutex, PoisonError};

use crate::kernels::{Added, Axis, BalanceFacts, Cells, Filter, Slicer, Span};

use super::turns::{Turn, add_up, walk};
use super::windows::Windows;
use super::{NARROW, RetentionAsk, RetentionCell, retention};

/// Walks that one set of facts keeps, and windows of one.
const MOST_WALKS: usize = 8;
const MOST_WINDOWS: usize = 600;

/// The walks of some facts, the newest last. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Walks(Arc<Mutex<Vec<Arc<Walked>>>>);

/// What changes in each of some windows that follow on each other, over all units.
#[derive(Debug)]
struct Walked {
    by_ledger: bool,
    by_product: bool,
    windows: Vec<Span>,
    /// One before the first window, and one a window.
    turns: Vec<Turn<i64>>,
}

impl Walked {
    /// What happens from here on changes nothing of it.
    fn end(&self) -> i64 {
        self.windows.last().map_or(i64::MIN, |last| last.end)
    }

    /// Whether a question asks for these windows first.
    fn begins(&self, ask: &RetentionAsk) -> bool {
        self.by_ledger == ask.by_ledger
            && self.by_product == ask.by_product
            && ask.windows.starts_with(&self.windows)
    }
}

impl Walks {
    /// Those that rows at and after an instant leave as they are.
    #[must_use]
    pub fn until(&self, at: i64) -> Self {
        let mut kept = self.all();
        kept.retain(|walked| walked.end() <= at);
        Self(Arc::new(Mutex::new(kept)))
    }

    fn all(&self) -> Vec<Arc<Walked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one that knows most of a question's windows.
    fn longest(&self, ask: &RetentionAsk) -> Option<Arc<Walked>> {
        let begins = self.all().into_iter().filter(|walked| walked.begins(ask));
        begins.max_by_key(|walked| walked.windows.len())
    }

    /// Keeps a walk in place of those that it goes on from.
    fn keep(&self, walked: Walked) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| {
            known.by_ledger != walked.by_ledger
                || known.by_product != walked.by_product
                || !walked.windows.starts_with(&known.windows)
        });
        if kept.len() == MOST_WALKS {
            kept.remove(0);
        }
        kept.push(Arc::new(walked));
    }
}

/// The waterfall of every window, as [`retention`] gives it: windows that were walked through before
/// are not again. What is sliced is not kept.
#[must_use]
pub fn retention_kept(
    facts: &BalanceFacts,
    ask: &RetentionAsk,
    slicer: &Slicer,
) -> Cells<RetentionCell> {
    let windows = Windows::new(ask.windows);
    let is_whole = slicer.is_whole() && ask.owners.is_none() && ask.as_of == i64::MAX;
    let is_narrow = facts.gross.is_some_and(|gross| gross < NARROW);
    let count = windows.count();
    if !is_whole || !is_narrow || !windows.follow_on || !(1..=MOST_WINDOWS).contains(&count) {
        return retention(facts, ask, slicer);
    }
    let known = facts.walks.longest(ask);
    let from = known.as_ref().map_or(i64::MIN, |known| known.end());
    let walked: Cells<Turn<i64>> =
        walk(facts, (ask, &those_from(facts, from, slicer)), &windows, from);
    let mut cells = slicer.cells(count);
    let mut turns = match (walked.get(0), &known) {
        (Some(turns), _) => turns.to_vec(),
        (None, Some(_)) => vec![Turn::default(); count + 1],
        (None, None) => return cells,
    };
    if let Some(known) = known {
        turns[..known.turns.len()].copy_from_slice(&known.turns);
    }
    cells.of(0).copy_from_slice(&add_up(&turns));
    if !slicer.bounds().stop.is_set() {
        let RetentionAsk { by_ledger, by_product, .. } = *ask;
        let windows = ask.windows.to_vec();
        facts.walks.keep(Walked { by_ledger, by_product, windows, turns });
    }
    cells
}

/// The same slices of the customers alone who can have rows from an instant on, where they are known.
fn those_from(facts: &BalanceFacts, from: i64, slicer: &Slicer) -> Slicer {
    let Added { all_before, customers } = &facts.added;
    match all_before {
        Some(before) if *before <= from => {
            let only = Filter::Only(Axis::Customer, customers.clone());
            Slicer::new(Vec::new(), Some(only)).within(slicer.bounds().clone())
        }
        _ => slicer.clone(),
    }
}
