//! The typed retention answer: waterfall, NRR and GRR of each period and group.

use std::sync::Arc;

use crate::engine::bands::band_of;
use crate::engine::context::{Context, compute, period_info, unmapped_classes, window_info};
use crate::engine::load::LoadedBalance;
use crate::engine::slice::slicer;
use crate::engine::{PeriodInfo, RetentionAnswerRow};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Axis, Cells, RetentionAsk, RetentionCell, Span, retention};
use crate::model::{BalanceName, BalanceShape, Metric, RetentionMethod, RetentionUnit, Window};
use crate::planner::{Period, trailing};
use crate::values::Number;

use super::groups_of;

/// A retention pass as asked.
#[derive(Debug, Clone)]
pub struct RetentionPass<'a> {
    pub balance: &'a BalanceName,
    pub window: Window,
    pub method: Option<RetentionMethod>,
    pub unit: RetentionUnit,
    /// Whether the answer shows sums by class (the ratios alone need none).
    pub shows_classes: bool,
}

/// Cells of a retention pass with what is needed to read them.
pub struct RetentionCells {
    pub cells: Cells<RetentionCell>,
    pub slicer: crate::kernels::Slicer,
    pub loaded: Arc<LoadedBalance>,
    pub windows: Vec<(PeriodInfo, Span)>,
    pub method: RetentionMethod,
    /// Recorded expansions can be told apart.
    pub classes_known: bool,
}

impl RetentionCells {
    /// Whether a window's balances are known.
    #[must_use]
    pub fn known(&self, context: &Context<'_>, row: usize) -> bool {
        let window = &self.windows[row].1;
        context.is_known(&self.loaded, window) && !context.before_data(&self.loaded, window.end)
    }
}

/// Computes the windows of the given periods.
pub async fn run_retention(
    context: &Context<'_>,
    pass: &RetentionPass<'_>,
    periods: &[Period],
) -> ApiResult<RetentionCells> {
    let loaded = context.facts.balance(pass.balance).await?;
    context.note_left_out(&loaded);
    let (method, classes_known) = method_of(&loaded, pass)?;
    let axes = context.axes(&loaded);
    let columns = context.facts.dimension_columns(context.query(), &axes).await?;
    let slicer = slicer(context.facts.model, &axes, context.query(), &columns)?;
    let owners = match (&axes.owner, slicer.uses(Axis::Owner)) {
        (Some(owner), true) => {
            context.read(&owner.join.bridge, None);
            Some(context.facts.owners_of_axis(owner).await?)
        }
        _ => None,
    };
    let windows: Vec<(PeriodInfo, Span)> =
        periods.iter().map(|period| window_of(context, pass.window, period)).collect();
    let spans: Vec<Span> = windows.iter().map(|(_, span)| *span).collect();
    let ask = RetentionAsk {
        windows: &spans,
        by_ledger: method == RetentionMethod::Ledger,
        by_product: pass.unit == RetentionUnit::CustomerProduct,
        as_of: context.as_of(),
        owners: owners.as_deref(),
    };
    let cells = compute(|| retention(&loaded.facts, &ask, &slicer));
    context.check_cells(cells.groups(), periods.len())?;
    Ok(RetentionCells { cells, slicer, loaded, windows, method, classes_known })
}

fn window_of(context: &Context<'_>, window: Window, period: &Period) -> (PeriodInfo, Span) {
    match window {
        Window::Period => (period_info(period), period.span),
        Window::TrailingMonths(months) => {
            let (start, _, span) = trailing(&context.facts.model.calendar, period, months);
            (window_info(start, period), span)
        }
    }
}

/// The ledger method where a ledger is recorded, else endpoint. Classes that nobody mapped refuse
/// what needs classes.
fn method_of(
    loaded: &LoadedBalance,
    pass: &RetentionPass<'_>,
) -> ApiResult<(RetentionMethod, bool)> {
    let BalanceShape::Ledger(ledger) = &loaded.shape else {
        if pass.method == Some(RetentionMethod::Ledger) {
            return Err(ApiError::new(
                ErrorCode::Unavailable,
                format!(
                    "`method: LEDGER` sums recorded movements, and {} records none: ask with `method: \
                     ENDPOINT`, or leave `method` out.",
                    loaded.shape.dataset()
                ),
            ));
        }
        return Ok((RetentionMethod::Endpoint, true));
    };
    let mapped = loaded.unmapped.is_empty();
    match pass.method {
        Some(RetentionMethod::Endpoint) => Ok((RetentionMethod::Endpoint, mapped)),
        _ if mapped => Ok((RetentionMethod::Ledger, true)),
        _ if pass.shows_classes => Err(unmapped_classes(loaded, ledger.class.as_str())),
        // NRR, GRR and logo retention are the same under both methods and need no classes.
        _ => Ok((RetentionMethod::Endpoint, false)),
    }
}

/// The rows of the typed field.
pub async fn retention_rows(
    context: &Context<'_>,
    metric: &Metric,
    pass: &RetentionPass<'_>,
) -> ApiResult<Vec<RetentionAnswerRow>> {
    let newest = context.facts.balance(pass.balance).await?.facts.newest;
    let periods = context.periods(newest)?;
    let run = run_retention(context, pass, &periods).await?;
    let groups = groups_of(context, &run.cells, &run.slicer);
    context.check_rows(groups.len() * periods.len())?;
    let unknown = (0..periods.len()).filter(|row| !run.known(context, *row)).count();
    if unknown > 0 {
        context.note(format!(
            "{unknown} period(s) lie before the data began or between snapshots: their amounts are null."
        ));
    }
    note_negative(context, &run);
    let mut rows = Vec::with_capacity(groups.len() * periods.len());
    for (row, period) in periods.iter().enumerate() {
        for (values, key) in &groups {
            let cell = key
                .and_then(|key| run.cells.get(key))
                .map_or_else(RetentionCell::default, |cells| cells[row]);
            if context.query().sparse && cell == RetentionCell::default() {
                continue;
            }
            let group = context.group(values.clone());
            let known = run.known(context, row).then_some(&cell);
            let info = (period_info(period), run.windows[row].0);
            rows.push(answer_row(&run, info, group, known, (metric, pass)));
        }
    }
    Ok(rows)
}

fn note_negative(context: &Context<'_>, run: &RetentionCells) {
    let negative: i64 =
        run.cells.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.negative)).sum();
    if negative > 0 {
        context.note(format!(
            "{negative} time(s) a balance was below zero; starting and ending include it."
        ));
    }
}

fn answer_row(
    run: &RetentionCells,
    (period, window): (PeriodInfo, PeriodInfo),
    group: crate::engine::Group,
    cell: Option<&RetentionCell>,
    (metric, pass): (&Metric, &RetentionPass<'_>),
) -> RetentionAnswerRow {
    let scale = run.loaded.facts.scale;
    let money = |of: fn(&RetentionCell) -> i128| cell.map(|cell| Number::Decimal(of(cell), scale));
    let ratio = |parts: fn(&RetentionCell) -> (i128, i128)| {
        let (numerator, denominator) = parts(cell?);
        Number::fraction(numerator, denominator)
    };
    let expansion_rate = if run.classes_known { ratio(parts::expansion_rate) } else { None };
    let nrr = ratio(parts::nrr);
    let twelve_months = crate::values::shift_months(window.start, 12) == window.end;
    let band =
        if twelve_months && matches!(pass.window, Window::TrailingMonths(12) | Window::Period) {
            band_of(metric, nrr.as_ref(), &group)
        } else {
            None
        };
    RetentionAnswerRow {
        period,
        window,
        method: run.method,
        starting: money(|cell| cell.starting),
        new: money(|cell| cell.new),
        reactivation: money(|cell| cell.reactivation),
        expansion: money(|cell| cell.expansion),
        contraction: money(|cell| cell.contraction),
        churn: money(|cell| cell.churn),
        ending: money(|cell| cell.ending),
        cohort_starting: money(|cell| cell.cohort_starting),
        retained: money(|cell| cell.retained),
        gross_retained: money(|cell| cell.gross_retained),
        cohort_reactivation: money(|cell| cell.cohort_reactivation),
        nrr,
        grr: ratio(parts::grr),
        logo_retention: ratio(parts::logo_retention),
        expansion_rate,
        customers: cell.map(|cell| cell.customers),
        churned_customers: cell.map(|cell| cell.churned_customers),
        expanded_customers: cell.filter(|_| run.classes_known).map(|cell| cell.expanded_customers),
        band,
        group,
    }
}

/// Exact parts of the ratios: (numerator, denominator).
pub mod parts {
    use crate::kernels::RetentionCell;

    pub fn nrr(cell: &RetentionCell) -> (i128, i128) {
        (cell.retained, cell.cohort_starting)
    }

    pub fn grr(cell: &RetentionCell) -> (i128, i128) {
        (cell.gross_retained, cell.cohort_starting)
    }

    pub fn logo_retention(cell: &RetentionCell) -> (i128, i128) {
        (i128::from(cell.customers - cell.churned_customers), i128::from(cell.customers))
    }

    pub fn logo_churn_rate(cell: &RetentionCell) -> (i128, i128) {
        (i128::from(cell.churned_customers), i128::from(cell.customers))
    }

    /// By the ledger: gross of what came back.
    pub fn gross_churn_rate(cell: &RetentionCell) -> (i128, i128) {
        (cell.contraction + cell.churn, cell.cohort_starting)
    }

    pub fn expansion_rate(cell: &RetentionCell) -> (i128, i128) {
        (i128::from(cell.expanded_customers), i128::from(cell.customers))
    }
}
