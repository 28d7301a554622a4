//! A reload makes a new engine; what the old one knows of the same files goes on to it.

use std::fmt::Write;

use crate::model::{Balance, Dataset, Dimension, MetricKind, Model, SourcePos};

use super::LocalEngine;

impl LocalEngine {
    /// Takes over what the engine of the model before remembers: footers of files and, where the
    /// definitions read tables in the same way, keys, loaded facts and kept answers (which carry
    /// the version of the definitions that they are answers of).
    #[must_use]
    pub fn succeeding(mut self, previous: &Self) -> Self {
        self.catalog.adopt(&previous.catalog);
        if reads_alike(&self.model, &previous.model) {
            self.memory = previous.memory.clone();
        }
        self
    }
}

/// Facts are named by the dataset and files they come from: they hold as long as the definitions
/// say the same of how tables are read.
fn reads_alike(left: &Model, right: &Model) -> bool {
    without_places(&reading(left)) == without_places(&reading(right))
}

/// Everything that decides what is loaded from files, as one text; places in texts do not.
fn reading(model: &Model) -> String {
    let source = SourcePos::default;
    let mut text = format!("{} {:?}\n", model.warehouse, model.calendar);
    for dataset in model.datasets.values() {
        let _ = writeln!(text, "{:?}", Dataset { source: source(), ..dataset.clone() });
    }
    for dimension in model.dimensions.values() {
        let _ = writeln!(text, "{:?}", Dimension { source: source(), ..dimension.clone() });
    }
    for balance in model.balances.values() {
        let _ = writeln!(text, "{:?}", Balance { source: source(), ..balance.clone() });
    }
    let kinds = model.metrics.values().map(|metric| &metric.kind).filter(|kind| {
        !matches!(
            kind,
            MetricKind::Ratio { .. }
                | MetricKind::Derived { .. }
                | MetricKind::Balance { .. }
                | MetricKind::Movement { .. }
                | MetricKind::Retention(_)
        )
    });
    // Sorted: their order in the files decides nothing.
    let mut kinds: Vec<String> = kinds.map(|kind| format!("{kind:?}")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    text + &kinds.join("\n")
}

/// A line that moved down changes nothing.
fn without_places(text: &str) -> String {
    let mut parts = text.split("SourcePos {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('}').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_left_out_and_nothing_else() {
        let text = "a SourcePos { file: \"x\", line: 3 } b SourcePos { line: 4 } c";
        assert_eq!(without_places(text), "a  b  c");
        assert_ne!(without_places("sql: \"a\""), without_places("sql: \"b\""));
    }
}
