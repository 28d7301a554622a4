//! Tests that a definition carries: fixture rows, a question, the answer to expect.

use super::{Mapping, Node, Nullable, Read, Reader, Text, record};
use crate::definitions::read::OneOrMany;

/// One row: a column or metric → its value as written, or null.
pub type TestRow = Mapping<Nullable<Text>>;

record! {
    /// A test of a metric.
    pub struct TestDef is "a test" {
        /// What it shows, for the report.
        name: Option<String>,
        /// The metric that is tested; needed only where the test does not stand under its metric.
        metric: Option<Text>,
        /// Dataset → its rows; datasets not named are empty.
        given: Mapping<Vec<TestRow>>,
        /// The question.
        ask: AskDef,
        /// The answer: one row, or a list of all of them. Numbers are exact: `0.5`, `423/430`.
        expect: OneOrMany<TestRow>,
    }
}

record! {
    /// The question of a test.
    pub struct AskDef is "`ask`" {
        /// First day and the day after the last; everything unless set.
        period: Option<PeriodDef>,
        /// day, week, month, quarter or year; the whole period as one row unless set.
        grain: Option<Text>,
        /// Dimensions.
        group_by: Vec<Text>,
        /// Dimension → the value it must have.
        only as "where": Mapping<Nullable<Text>>,
        /// What is known: nothing at or after this instant.
        as_of: Option<Text>,
        /// A GraphQL document instead, for typed fields; the rows of its first field are compared.
        document: Option<Text>,
    }
}

/// `[start, end]`, half-open.
#[derive(Debug, Clone)]
pub struct PeriodDef {
    pub start: Text,
    pub end: Text,
}

impl Read for PeriodDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let pair = crate::definitions::dataset::PairDef::read(node, reader)?;
        Some(Self { start: pair.from, end: pair.to })
    }

    fn schema() -> serde_json::Value {
        crate::definitions::dataset::PairDef::schema()
    }
}
