//! What a retention pass measures beside a row's window: the months of a chain, and the types of
//! expansion that a rule leaves out.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::engine::PeriodInfo;
use crate::engine::context::{Context, unmapped_classes};
use crate::engine::load::{LoadedBalance, key_space_of};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::Span;
use crate::model::BalanceShape;
use crate::values::shift_months;

use super::RetentionPass;

/// What is measured, and which of it makes up each row's window.
pub fn links_of(
    context: &Context<'_>,
    pass: &RetentionPass<'_>,
    windows: &[(PeriodInfo, Span)],
) -> ApiResult<(Vec<Span>, Vec<Vec<usize>>)> {
    if !pass.chained {
        let spans = windows.iter().map(|(_, span)| *span).collect();
        return Ok((spans, (0..windows.len()).map(|row| vec![row]).collect()));
    }
    let calendar = &context.facts.model.calendar;
    let mut places: HashMap<Span, usize> = HashMap::new();
    let mut spans = Vec::new();
    let mut links = Vec::with_capacity(windows.len());
    for (window, _) in windows {
        let months = months_of(window.start, window.end);
        context.check_cells(links.len() + 1, months.len())?;
        let months = months.into_iter().map(|(start, end)| {
            let span = Span { start: calendar.midnight(start).0, end: calendar.midnight(end).0 };
            *places.entry(span).or_insert_with(|| {
                spans.push(span);
                spans.len() - 1
            })
        });
        links.push(months.collect());
    }
    Ok((spans, links))
}

/// The months of a window, counted back from its end; the first may be shorter.
fn months_of(start: NaiveDate, end: NaiveDate) -> Vec<(NaiveDate, NaiveDate)> {
    let mut edges = vec![end];
    for back in 1.. {
        let edge = shift_months(end, -back);
        if edge <= start || edges.last() == Some(&edge) {
            break;
        }
        edges.push(edge);
    }
    edges.push(start);
    edges.reverse();
    edges.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The mask of the types that are left out, by code and a last entry for null.
pub fn left_out_kinds(
    context: &Context<'_>,
    loaded: &LoadedBalance,
    types: &[String],
) -> ApiResult<Vec<bool>> {
    if types.is_empty() {
        return Ok(Vec::new());
    }
    let column = match &loaded.shape {
        BalanceShape::Ledger(ledger) => ledger.expansion_type.as_ref(),
        _ => None,
    };
    let dataset = loaded.shape.dataset();
    let Some(column) = column else {
        let types = types.join(", ");
        let message =
            format!("{dataset} records no expansion types, so {types} cannot be left out.");
        return Err(ApiError::new(ErrorCode::Unavailable, message));
    };
    if !loaded.unmapped.is_empty()
        && let BalanceShape::Ledger(ledger) = &loaded.shape
    {
        return Err(unmapped_classes(loaded, ledger.class.as_str()));
    }
    let space = key_space_of(context.facts.model.datasets.get(dataset), column);
    let names = context.facts.keys.of(&space).names();
    let masked = names.iter().map(|name| types.iter().any(|left_out| **left_out == **name));
    Ok(masked.chain([false]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(start: &str, end: &str) -> Vec<String> {
        let found = months_of(start.parse().unwrap(), end.parse().unwrap());
        found.iter().map(|(start, end)| format!("{start} {end}")).collect()
    }

    #[test]
    fn months_of_a_window_are_counted_back_from_its_end() {
        assert_eq!(months("2024-01-01", "2024-02-01"), ["2024-01-01 2024-02-01"]);
        assert_eq!(
            months("2024-01-15", "2024-03-31"),
            ["2024-01-15 2024-01-31", "2024-01-31 2024-02-29", "2024-02-29 2024-03-31"]
        );
        assert_eq!(months("2024-01-03", "2024-01-10"), ["2024-01-03 2024-01-10"]);
        assert_eq!(months("2023-02-01", "2024-02-01").len(), 12);
        assert_eq!(months("0001-01-01", "0001-01-02").len(), 1);
    }
}
