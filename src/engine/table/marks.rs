//! Bands and targets of a flat table's values, and which of them may change yet.

use crate::engine::Mark;
use crate::engine::bands::{Slice, band_of, target_of, window_of};
use crate::engine::context::{Context, period_info};
use crate::engine::maturity::waits_of;
use crate::error::ApiResult;
use crate::model::Metric;
use crate::planner::TableAsk;

use super::Row;

/// The marks of the rows shown, row by row in column order. A value has none that has neither band
/// nor target and has had its time.
pub async fn marks_of(
    context: &Context<'_>,
    table: &TableAsk,
    rows: &[Row],
) -> ApiResult<Vec<Mark>> {
    let model = context.facts.model;
    let waits = waits_of(context).await?;
    let waits = |column: usize| waits.get(column).map(Vec::as_slice).unwrap_or_default();
    let metrics: Vec<(usize, &Metric)> = table
        .select
        .iter()
        .enumerate()
        .filter_map(|(column, name)| {
            Some((column, model.metric_at(name, context.query().defined_at)?))
        })
        .filter(|(column, metric)| {
            !(metric.bands.is_empty() && metric.targets.is_empty() && waits(*column).is_empty())
        })
        .collect();
    let mut marks = Vec::new();
    if metrics.is_empty() {
        return Ok(marks);
    }
    for (place, row) in rows.iter().enumerate() {
        let slice = Slice::of(context.plan, &context.group(row.group.clone()));
        let period = period_info(&row.period);
        for (column, metric) in &metrics {
            let value = row.numbers[*column].as_ref();
            let band = band_of(metric, value, &slice, &window_of(metric, &period));
            let target = target_of(metric, value, &slice, (&model.calendar, &period));
            let waits = waits(*column);
            let mature = (!waits.is_empty() && value.is_some())
                .then(|| waits.iter().all(|wait| wait.is_over(context, &row.period)));
            if band.is_some() || target.is_some() || mature == Some(false) {
                marks.push(Mark { row: place, metric: metric.name.clone(), band, target, mature });
            }
        }
    }
    Ok(marks)
}
