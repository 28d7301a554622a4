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

/// Everything that decides what is loaded from files, as one text; places in texts do not. Whole
/// definitions are written out, so that whatever they gain is in it.
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
    let of_metrics = model.metrics.values().flat_map(|metric| {
        let earlier = metric.versions.iter().map(|version| &version.metric.kind);
        std::iter::once(&metric.kind).chain(earlier)
    });
    // Sorted: their order in the files decides nothing.
    let mut kinds: Vec<String> =
        of_metrics.filter(|kind| reads_tables(kind)).map(|kind| format!("{kind:?}")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    text + &kinds.join("\n")
}

/// Whether a metric says itself what is loaded; the others take what balances and other metrics say.
fn reads_tables(kind: &MetricKind) -> bool {
    match kind {
        MetricKind::Ratio { .. }
        | MetricKind::Derived { .. }
        | MetricKind::Cumulative { .. }
        | MetricKind::Balance { .. }
        | MetricKind::Movement { .. }
        | MetricKind::Retention(_) => false,
        MetricKind::Aggregate(_)
        | MetricKind::Attach(_)
        | MetricKind::Duration(_)
        | MetricKind::Attribution(_)
        | MetricKind::Conversion(_)
        | MetricKind::Cohort(_) => true,
    }
}

/// A line that moved down changes nothing. What stands between quotes is somebody's text, whatever
/// it looks like.
fn without_places(text: &str) -> String {
    const PLACE: &str = "SourcePos {";
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut quoted, mut in_place) = (text, false, false);
    while let Some(next) = rest.chars().next() {
        if !quoted && !in_place && rest.starts_with(PLACE) {
            in_place = true;
            rest = &rest[PLACE.len()..];
            continue;
        }
        let escaped =
            if quoted && next == '\\' { rest.chars().nth(1).map_or(0, char::len_utf8) } else { 0 };
        let (taken, after) = rest.split_at(next.len_utf8() + escaped);
        quoted ^= next == '"';
        if !in_place {
            kept.push_str(taken);
        }
        in_place &= quoted || next != '}';
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_left_out_and_nothing_else() {
        let text = "a SourcePos { file: \"x\", line: 3 } b SourcePos { line: 4 } c";
        assert_eq!(without_places(text), "a  b  c");
        assert_ne!(without_places("sql: \"a\""), without_places("sql: \"b\""));
        let path = "a SourcePos { file: \"x}\\\"}\", line: 3 } b \"\\\"SourcePos { 1 }\" c";
        assert_eq!(without_places(path), "a  b \"\\\"SourcePos { 1 }\" c");
    }
}
