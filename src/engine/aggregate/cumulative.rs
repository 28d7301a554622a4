//! Cumulative aggregates: windows that end with each period and overlap. What adds up or has
//! extremes is read once, cut at every edge of a window, and put together window by window;
//! distinct values and medians are asked for each window by itself.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::engine::context::Context;
use crate::engine::table::GroupValues;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::{Aggregate, AggregateKind, CumulativeWindow};
use crate::planner::Period;
use crate::values::{Calendar, Number, shift_months};

use super::measure::Measure;
use super::owners::RowOwners;
use super::pass::{Pass, run_pass};
use super::{AggregateValues, aggregate_spans, empty_value, value_of};

type Parts = Vec<Option<Number>>;

/// An aggregate over a window that ends with each period.
pub async fn run_cumulative(
    context: &Context<'_>,
    kind: &AggregateKind,
    window: CumulativeWindow,
    periods: &[Period],
) -> ApiResult<AggregateValues> {
    super::observed::note_left_out(context, kind).await?;
    let calendar = &context.facts.model.calendar;
    let windows: Vec<Span> = periods
        .iter()
        .map(|period| Span { start: window_start(calendar, window, period), end: period.span.end })
        .collect();
    match kind.aggregate {
        // Without a time every window is the same.
        _ if kind.time.is_none() => one_by_one(context, kind, &windows[..windows.len().min(1)])
            .await
            .map(|values| values.repeated(windows.len())),
        Aggregate::CountDistinct | Aggregate::Median => one_by_one(context, kind, &windows).await,
        _ => at_once(context, kind, &windows).await,
    }
}

fn window_start(calendar: &Calendar, window: CumulativeWindow, period: &Period) -> i64 {
    let last_day = period.end.pred_opt().unwrap_or(period.end);
    let day = match window {
        CumulativeWindow::AllTime => return i64::MIN,
        CumulativeWindow::Months(months) => {
            shift_months(period.end, -i32::try_from(months).unwrap_or(i32::MAX))
        }
        CumulativeWindow::Days(days) => {
            period.end.checked_sub_days(chrono::Days::new(days.into())).unwrap_or(period.end)
        }
        CumulativeWindow::ToDate(grain) => calendar.floor(last_day, grain),
    };
    calendar.midnight(day).0
}

async fn one_by_one(
    context: &Context<'_>,
    kind: &AggregateKind,
    windows: &[Span],
) -> ApiResult<AggregateValues> {
    let mut all = AggregateValues::default();
    let measure = Measure { kind, filter: context.query().filter.as_ref() };
    for (index, window) in windows.iter().enumerate() {
        let values = aggregate_spans(context, &[measure], Arc::from([*window])).await?;
        let Some(values) = values.into_iter().next() else { continue };
        for (group, mut value) in values.by_group {
            let row = all.by_group.entry(group).or_insert_with(|| vec![None; windows.len()]);
            row[index] = value.pop().flatten();
        }
        all.empty = values.empty;
    }
    Ok(all)
}

async fn at_once(
    context: &Context<'_>,
    kind: &AggregateKind,
    windows: &[Span],
) -> ApiResult<AggregateValues> {
    let pieces = pieces_of(windows);
    let ranges: Vec<Range<usize>> = windows.iter().map(|window| within(&pieces, window)).collect();
    let owners = RowOwners::of_question(context, &kind.dataset).await?;
    let measures = [Measure { kind, filter: context.query().filter.as_ref() }];
    let pass =
        Pass { measures: &measures, spans: Arc::from(pieces.as_slice()), owners: owners.as_ref() };
    let mut by_group: HashMap<GroupValues, Vec<Option<Parts>>> = HashMap::new();
    run_pass(context, &pass, |found| {
        if !by_group.contains_key(found.group) {
            context.check_cells(by_group.len() + 1, pieces.len())?;
            by_group.insert(found.group.clone(), vec![None; pieces.len()]);
        }
        if let (Some(row), Some(place)) = (by_group.get_mut(found.group), found.span) {
            row[place] = Some(found.parts);
        }
        Ok(())
    })
    .await?;
    if let Some(owners) = &owners {
        owners.note_odd(context);
    }
    let empty = empty_value(context, kind)?;
    let mut all = AggregateValues { by_group: HashMap::new(), empty };
    for (group, pieces) in by_group {
        let values = windows_of(kind.aggregate, &pieces, &ranges)?;
        all.by_group.insert(group, values);
    }
    Ok(all)
}

/// The spans between neighbouring edges that some window covers, ascending.
fn pieces_of(windows: &[Span]) -> Vec<Span> {
    let mut edges: Vec<i64> = windows.iter().flat_map(|span| [span.start, span.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut covered: Vec<Span> =
        windows.iter().filter(|span| span.start < span.end).copied().collect();
    covered.sort_unstable_by_key(|span| span.start);
    let (mut next, mut reach) = (0, i64::MIN);
    let mut pieces = Vec::new();
    for pair in edges.windows(2) {
        let [start, end] = *pair else { continue };
        while covered.get(next).is_some_and(|span| span.start <= start) {
            reach = reach.max(covered[next].end);
            next += 1;
        }
        if end <= reach {
            pieces.push(Span { start, end });
        }
    }
    pieces
}

fn within(pieces: &[Span], window: &Span) -> Range<usize> {
    let start = pieces.partition_point(|piece| piece.start < window.start);
    start..pieces.partition_point(|piece| piece.end <= window.end).max(start)
}

/// The value of each window from the parts of its pieces.
fn windows_of(
    aggregate: Aggregate,
    pieces: &[Option<Parts>],
    ranges: &[Range<usize>],
) -> ApiResult<Vec<Option<Number>>> {
    let count = pieces.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let parts: Vec<Parts> = (0..count)
        .map(|part| {
            let of: Parts = pieces
                .iter()
                .map(|piece| piece.as_ref().and_then(|parts| parts.get(part).cloned().flatten()))
                .collect();
            match aggregate {
                Aggregate::Min | Aggregate::Max => Ok(extremes(aggregate, &of, ranges)),
                _ => sums(&of, ranges),
            }
        })
        .collect::<ApiResult<_>>()?;
    Ok((0..ranges.len())
        .map(|window| {
            let of: Parts = parts.iter().map(|part| part[window].clone()).collect();
            value_of(aggregate, &of)
        })
        .collect())
}

fn extremes(aggregate: Aggregate, of: &[Option<Number>], ranges: &[Range<usize>]) -> Parts {
    let extreme = |range: &Range<usize>| {
        let values = of[range.clone()].iter().flatten();
        match aggregate {
            Aggregate::Min => values.min_by(|a, b| a.compare(b)),
            _ => values.max_by(|a, b| a.compare(b)),
        }
        .cloned()
    };
    ranges.iter().map(extreme).collect()
}

/// Sums of exact numbers are differences of running sums; floats are added piece by piece, since
/// a difference would lose digits. Null where nothing was summed.
fn sums(of: &[Option<Number>], ranges: &[Range<usize>]) -> ApiResult<Parts> {
    let add = |a: &Number, b: &Number| a.add(b).ok_or_else(too_large);
    if of.iter().flatten().any(|number| matches!(number, Number::Float(_))) {
        let total = |range: &Range<usize>| {
            let mut numbers = of[range.clone()].iter().flatten();
            let Some(first) = numbers.next() else { return Ok(None) };
            numbers.try_fold(first.clone(), |sum, number| add(&sum, number)).map(Some)
        };
        return ranges.iter().map(total).collect();
    }
    let mut running = vec![(Number::Int(0), 0usize)];
    for number in of {
        let (sum, count) = running.last().cloned().unwrap_or((Number::Int(0), 0));
        running.push(match number {
            Some(number) => (add(&sum, number)?, count + 1),
            None => (sum, count),
        });
    }
    let total = |range: &Range<usize>| {
        let ((before, none), (until, some)) = (&running[range.start], &running[range.end]);
        if none == some { Ok(None) } else { until.sub(before).ok_or_else(too_large).map(Some) }
    };
    ranges.iter().map(total).collect()
}

fn too_large() -> ApiError {
    ApiError::new(ErrorCode::OutOfRange, "A sum is too large to be exact (more than 38 digits).")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        Span { start, end }
    }

    #[test]
    fn windows_are_cut_at_every_edge_and_gaps_are_left_out() {
        let windows = [span(0, 10), span(5, 20), span(30, 40)];
        let pieces = pieces_of(&windows);
        assert_eq!(pieces, [span(0, 5), span(5, 10), span(10, 20), span(30, 40)]);
        let ranges: Vec<Range<usize>> =
            windows.iter().map(|window| within(&pieces, window)).collect();
        assert_eq!(ranges, [0..2, 1..3, 3..4]);
        assert_eq!(pieces_of(&[span(i64::MIN, 3), span(i64::MIN, 7)]).len(), 2);
        assert!(pieces_of(&[span(3, 3)]).is_empty());
    }

    #[test]
    fn windows_are_put_together_from_their_pieces() {
        let int = |value: i128| Some(Number::Int(value));
        let one = |value: Option<Number>| Some(vec![value]);
        let pieces = vec![one(int(3)), None, one(int(-5)), one(None)];
        let ranges = [0..2, 1..3, 3..4, 0..4];
        let of = |aggregate| windows_of(aggregate, &pieces, &ranges).unwrap();
        assert_eq!(of(Aggregate::Sum), [int(3), int(-5), None, int(-2)]);
        assert_eq!(of(Aggregate::Max), [int(3), int(-5), None, int(3)]);
        assert_eq!(of(Aggregate::Min), [int(3), int(-5), None, int(-5)]);
        let averages = vec![Some(vec![int(3), int(2)]), Some(vec![int(4), int(3)])];
        let found = windows_of(Aggregate::Average, &averages, &[0..2, 1..2]).unwrap();
        assert_eq!(found, [Number::fraction(7, 5), Number::fraction(4, 3)]);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error_never_a_null() {
        let huge = vec![Some(vec![Some(Number::Int(i128::MAX))]); 2];
        let ranges = [0..2, 0..1];
        let error =
            windows_of(Aggregate::Sum, &huge, std::slice::from_ref(&ranges[0])).unwrap_err();
        assert_eq!(error.code, ErrorCode::OutOfRange);
    }
}
