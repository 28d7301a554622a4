//! How much memory an answer takes, about: what the result cache is bounded by.

use std::mem::size_of;

use super::{
    Answer, AttachAnswerRow, AttributionAnswerRow, Cell, CohortAnswerRow, DurationAnswerRow,
    ExpansionAnswerRow, Group, Mark, Provenance, RetentionAnswerRow, SurvivalPoint,
    VariantAnswerRow, VariantItem,
};

/// A short text on the heap, or the digits of a ratio's two parts.
const TEXT: usize = 32;

impl Answer {
    /// Bytes, generously.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let notes = |provenance: &Provenance| {
            provenance.notes.iter().map(|note| note.len() + TEXT).sum::<usize>()
        };
        let rows = match self {
            Self::Retention(rows, _) => sum(rows, |row| {
                // Four rates of two big integers each.
                size_of::<RetentionAnswerRow>() + group(&row.group) + 8 * TEXT
            }),
            Self::Expansion(rows, _) => {
                sum(rows, |row| size_of::<ExpansionAnswerRow>() + group(&row.group) + 4 * TEXT)
            }
            Self::Attach(rows, _) => {
                sum(rows, |row| size_of::<AttachAnswerRow>() + group(&row.group) + 4 * TEXT)
            }
            Self::Duration(rows, _) => sum(rows, |row| {
                size_of::<DurationAnswerRow>()
                    + group(&row.group)
                    + row.curve.len() * size_of::<SurvivalPoint>()
            }),
            Self::Attribution(answer, _) => {
                sum(&answer.rows, |row| {
                    size_of::<AttributionAnswerRow>() + group(&row.group) + 6 * TEXT
                }) + sum(&answer.warnings, |warning| warning.len() + TEXT)
            }
            Self::Cohorts(rows, _) => {
                sum(rows, |row| size_of::<CohortAnswerRow>() + group(&row.group) + 4 * TEXT)
            }
            Self::Variants(rows, _) => sum(rows, |row| {
                size_of::<VariantAnswerRow>()
                    + group(&row.group)
                    + row.label.len()
                    + row.rule.len()
                    + sum(&row.items, |item| size_of::<VariantItem>() + item.label.len() + TEXT)
                    + 6 * TEXT
            }),
            Self::Table(table, _) => {
                let columns = table.columns.len();
                table.marks.len() * (size_of::<Mark>() + 4 * TEXT)
                    + table.rows.len() * columns * (size_of::<Cell>() + TEXT)
                    + columns * 256
                    + table.sql.as_ref().map_or(0, String::len)
            }
        };
        size_of::<Self>() + TEXT * 4 + rows + notes(self.provenance())
    }
}

fn sum<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    items.iter().map(bytes).sum()
}

fn group(group: &Group) -> usize {
    group.len() * (size_of::<(crate::model::DimensionName, crate::values::Scalar)>() + TEXT)
}
