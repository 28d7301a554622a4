//! Bands and targets of a flat table's values.

use crate::engine::Mark;
use crate::engine::bands::{Slice, band_of, target_of, window_of};
use crate::engine::context::{Context, period_info};
use crate::model::Metric;
use crate::planner::TableAsk;

use super::Row;

/// The marks of the rows shown, row by row in column order; values without either have none.
pub fn marks_of(context: &Context<'_>, table: &TableAsk, rows: &[Row]) -> Vec<Mark> {
    let model = context.facts.model;
    let metrics: Vec<(usize, &Metric)> = table
        .select
        .iter()
        .enumerate()
        .filter_map(|(column, name)| {
            Some((column, model.metric_at(name, context.query().defined_at)?))
        })
        .filter(|(_, metric)| !(metric.bands.is_empty() && metric.targets.is_empty()))
        .collect();
    let mut marks = Vec::new();
    if metrics.is_empty() {
        return marks;
    }
    for (place, row) in rows.iter().enumerate() {
        let slice = Slice::of(context.plan, &context.group(row.group.clone()));
        let period = period_info(&row.period);
        for (column, metric) in &metrics {
            let value = row.numbers[*column].as_ref();
            let band = band_of(metric, value, &slice, &window_of(metric, &period));
            let target = target_of(metric, value, &slice, (&model.calendar, &period));
            if band.is_some() || target.is_some() {
                marks.push(Mark { row: place, metric: metric.name.clone(), band, target });
            }
        }
    }
    marks
}
