//! The scalar function that places a time in a period: one binary search a row, right for every
//! calendar and zone because the bounds are instants.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf};

use crate::engine::context::Context;
use crate::engine::load::ident;
use crate::kernels::Span;
use crate::model::ColumnName;
use crate::values::Calendar;

/// The place of a time among spans.
pub fn place(
    context: &Context<'_>,
    found: Option<&DataType>,
    time: &ColumnName,
    spans: Arc<[Span]>,
) -> Expr {
    let found = found.cloned().unwrap_or(DataType::Null);
    period_index(ident(time), &found, spans, context.facts.model.calendar)
}

/// `period_index(time)`: the place of the span that holds the time, null outside all of them.
/// Spans ascend and do not overlap. A date counts as its midnight in the reporting zone.
#[must_use]
fn period_index(time: Expr, found: &DataType, spans: Arc<[Span]>, calendar: Calendar) -> Expr {
    let is_date = found == &DataType::Date32;
    let argument =
        if is_date { DataType::Date32 } else { DataType::Timestamp(TimeUnit::Microsecond, None) };
    let place = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [times] = arrays.as_slice() else {
            return Err(DataFusionError::Internal("period_index takes one argument".to_owned()));
        };
        let index: Int32Array = if is_date {
            let days = times.as_primitive::<Date32Type>();
            days.iter()
                .map(|day| day.and_then(|day| index_of_day(&spans, &calendar, day)))
                .collect()
        } else {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            times.iter().map(|at| at.and_then(|at| index_of(&spans, at))).collect()
        };
        Ok(ColumnarValue::Array(Arc::new(index) as ArrayRef))
    };
    create_udf(
        "period_index",
        vec![argument],
        DataType::Int32,
        Volatility::Immutable,
        Arc::new(place),
    )
    .call(vec![time])
}

fn index_of(spans: &[Span], at: i64) -> Option<i32> {
    let index = spans.partition_point(|span| span.end <= at);
    spans.get(index).filter(|span| span.contains(at))?;
    i32::try_from(index).ok()
}

fn index_of_day(spans: &[Span], calendar: &Calendar, day: i32) -> Option<i32> {
    let day =
        chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(i64::from(day)))?;
    index_of(spans, calendar.midnight(day).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_half_open_spans() {
        let spans = [Span { start: 0, end: 10 }, Span { start: 20, end: 30 }];
        assert_eq!(index_of(&spans, 0), Some(0));
        assert_eq!(index_of(&spans, 10), None);
        assert_eq!(index_of(&spans, 29), Some(1));
        assert_eq!(index_of(&spans, 30), None);
        assert_eq!(index_of(&spans, -1), None);
    }
}
