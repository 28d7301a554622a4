//! Aggregates and cumulatives of them: rows of one dataset by their time.

use crate::definitions::read::Text;
use crate::definitions::record::{choice, record};

choice! {
    /// How rows become one number.
    pub enum AggregateWord {
        Count = "count",
        CountDistinct = "count_distinct",
        Sum = "sum",
        Min = "min",
        Max = "max",
        Average = "average",
        Median = "median",
    }
}

record! {
    /// Rows of one dataset, aggregated by their time.
    pub struct AggregateDef is "an aggregate metric" {
        /// The dataset whose rows are aggregated.
        dataset: Text,
        /// How rows become one number.
        aggregate: AggregateWord,
        /// What is aggregated: a scalar SQL expression; not needed for count.
        expr: Option<Text>,
        /// Only rows where this scalar SQL expression is true.
        filter: Option<Text>,
        /// The column that places a row in a period; the dataset's time unless set.
        time: Option<Text>,
    }
}

record! {
    /// An aggregate accumulated over time.
    pub struct CumulativeDef is "a cumulative metric" {
        /// The aggregate metric that is accumulated.
        of: Text,
        /// all_time, `12 months`, `28 days`, year_to_date, quarter_to_date, month_to_date.
        window: Text,
    }
}
