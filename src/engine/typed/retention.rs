//! The typed retention answer: waterfall, NRR and GRR of each period and group.

use std::sync::Arc;

use crate::engine::bands::{Slice, band_of, target_of};
use crate::engine::context::{Context, period_info, unmapped_classes, window_info};
use crate::engine::load::LoadedBalance;
use crate::engine::sums::Summing;
use crate::engine::{PeriodInfo, RetentionAnswerRow};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{
    Cells, LeftOutCell, RetentionAsk, RetentionCell, Slicer, Span, left_out, retention,
    retention_kept,
};
use crate::model::{
    BalanceName, BalanceShape, Metric, MetricKind, RetentionMeasure, RetentionMethod,
    RetentionUnit, Window,
};
use crate::planner::{Leaf, Period, trailing};
use crate::values::Number;

use super::groups_of;
use super::windows::{left_out_kinds, links_of};

/// A retention pass as asked.
#[derive(Debug, Clone)]
pub struct RetentionPass<'a> {
    pub balance: &'a BalanceName,
    pub window: Window,
    pub method: Option<RetentionMethod>,
    pub unit: RetentionUnit,
    /// Types of expansion that are left out.
    pub left_out: &'a [String],
    /// The months of each row's window are measured, to be multiplied.
    pub chained: bool,
    /// Whether the answer shows sums by class (the ratios alone need none).
    pub shows_classes: bool,
}

impl<'a> RetentionPass<'a> {
    /// The pass of a leaf.
    pub fn of(leaf: &'a Leaf, shows_classes: bool) -> ApiResult<Self> {
        match leaf {
            Leaf::Retention { balance, window, method, unit, left_out, chained } => Ok(Self {
                balance,
                window: *window,
                method: *method,
                unit: *unit,
                left_out,
                chained: *chained,
                shows_classes,
            }),
            _ => Err(ApiError::new(ErrorCode::Internal, "Not a pass of retention.")),
        }
    }
}

/// A measure, and whether what came back counts.
pub type Measured = (RetentionMeasure, bool);

/// Cells of a retention pass with what is needed to read them.
pub struct RetentionCells {
    pub cells: Cells<RetentionCell>,
    /// What the types left out still add, if a rule leaves any out.
    without: Option<Cells<LeftOutCell>>,
    pub slicer: Slicer,
    pub loaded: Arc<LoadedBalance>,
    pub windows: Vec<(PeriodInfo, Span)>,
    /// What the cells are of, and for each row which of them make up its window.
    spans: Vec<Span>,
    links: Vec<Vec<usize>>,
    pub method: RetentionMethod,
    /// Recorded expansions can be told apart.
    pub classes_known: bool,
}

impl RetentionCells {
    /// Whether a window's balances are known.
    #[must_use]
    pub fn known(&self, context: &Context<'_>, row: usize) -> bool {
        let known = |link: &usize| context.is_known(&self.loaded, &self.spans[*link]);
        self.links[row].iter().all(known)
            && !context.before_data(&self.loaded, self.windows[row].1.end)
    }

    /// The measure (with what came back counted or not) of a row; the product over its months where
    /// they are chained, one without a cohort making all of it null.
    #[must_use]
    pub fn value(&self, key: Option<u64>, row: usize, of: Measured) -> Option<Number> {
        self.links[row].iter().try_fold(Number::Int(1), |product, link| {
            let (numerator, denominator) = self.exact(key, *link, of)?;
            product.mul(&Number::fraction(numerator, denominator)?)
        })
    }

    /// The exact parts of a row's value; none where it is a product.
    #[must_use]
    pub fn parts(&self, key: Option<u64>, row: usize, of: Measured) -> Option<(Number, Number)> {
        let [link] = self.links[row].as_slice() else { return None };
        let (numerator, denominator) = self.exact(key, *link, of)?;
        let written = |part: i128| match of.0 {
            RetentionMeasure::Nrr | RetentionMeasure::Grr | RetentionMeasure::GrossChurnRate => {
                Number::Decimal(part, self.loaded.facts.scale)
            }
            _ => Number::Int(part),
        };
        Some((written(numerator), written(denominator)))
    }

    /// The cell of a row whose window is one.
    #[must_use]
    pub fn of_row(&self, key: Option<u64>, row: usize) -> RetentionCell {
        self.links[row].first().map_or_else(RetentionCell::default, |link| self.cell(key, *link))
    }

    fn cell(&self, key: Option<u64>, link: usize) -> RetentionCell {
        key.and_then(|key| self.cells.get(key))
            .map_or_else(RetentionCell::default, |cells| cells[link])
    }

    fn exact(
        &self,
        key: Option<u64>,
        link: usize,
        (measure, counted): Measured,
    ) -> Option<(i128, i128)> {
        let cell = &self.cell(key, link);
        let (numerator, denominator) = match measure {
            RetentionMeasure::Nrr if counted => parts::nrr_with_returns(cell),
            RetentionMeasure::Nrr => parts::nrr(cell),
            RetentionMeasure::Grr => parts::grr(cell),
            RetentionMeasure::LogoRetention => parts::logo_retention(cell),
            RetentionMeasure::LogoChurnRate => parts::logo_churn_rate(cell),
            RetentionMeasure::GrossChurnRate => parts::gross_churn_rate(cell),
            RetentionMeasure::ExpansionRate if self.classes_known => parts::expansion_rate(cell),
            RetentionMeasure::ExpansionRate => return None,
        };
        let Some(without) = &self.without else { return Some((numerator, denominator)) };
        let without =
            key.and_then(|key| without.get(key)).map_or_else(LeftOutCell::default, |w| w[link]);
        let numerator = match measure {
            RetentionMeasure::Nrr => numerator - without.amount,
            RetentionMeasure::Grr => without.gross,
            RetentionMeasure::ExpansionRate => without.expanded.into(),
            _ => numerator,
        };
        Some((numerator, denominator))
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
    let owners = context.owners(&axes).await?;
    let windows: Vec<(PeriodInfo, Span)> =
        periods.iter().map(|period| window_of(context, pass.window, period)).collect();
    let (spans, links) = links_of(context, pass, &windows)?;
    let kinds = left_out_kinds(context, &loaded, pass.left_out)?;
    let ask = RetentionAsk {
        windows: &spans,
        by_ledger: method == RetentionMethod::Ledger,
        by_product: pass.unit == RetentionUnit::CustomerProduct,
        as_of: context.as_of(),
        owners: owners.as_deref(),
    };
    let id = format!("{pass:?} {method:?} {spans:?}");
    let summing = Summing::new(&axes, format!("retention {id}"));
    let sum = |slicer: &Slicer| match context.keeps {
        true => retention_kept(&loaded.facts, &ask, slicer),
        false => retention(&loaded.facts, &ask, slicer),
    };
    let (cells, slicer) = context.sums(&summing, sum).await?;
    context.check_cells(cells.groups(), spans.len())?;
    let without = match kinds.is_empty() {
        true => None,
        false => {
            let summing = Summing::new(&axes, format!("left out {kinds:?} {id}"));
            let sum = |slicer: &Slicer| left_out(&loaded.facts, &ask, &kinds, slicer);
            Some(context.sums(&summing, sum).await?.0)
        }
    };
    Ok(RetentionCells {
        cells,
        without,
        slicer,
        loaded,
        windows,
        spans,
        links,
        method,
        classes_known,
    })
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
    let groups = groups_of(context, run.cells.found().map(|(key, _)| key), &run.slicer);
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
            let cell = run.of_row(*key, row);
            if context.query().sparse && cell == RetentionCell::default() {
                continue;
            }
            let group = context.group(values.clone());
            let known = run.known(context, row).then_some(&cell);
            let info = (period_info(period), run.windows[row].0);
            let mut row = answer_row(&run, info, group, known);
            judge(context, metric, pass, &mut row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Band and target of the row's NRR; the target holds for the window of its definition.
fn judge(
    context: &Context<'_>,
    metric: &Metric,
    pass: &RetentionPass<'_>,
    row: &mut RetentionAnswerRow,
) {
    let slice = Slice::of(context.plan, &row.group);
    row.band = band_of(metric, row.nrr.as_ref(), &slice, &row.window);
    let own = matches!(&metric.kind, MetricKind::Retention(kind) if kind.window == pass.window);
    let days = (&context.facts.model.calendar, &row.period);
    row.target = target_of(metric, row.nrr.as_ref(), &slice, days).filter(|_| own);
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
) -> RetentionAnswerRow {
    let scale = run.loaded.facts.scale;
    let money = |of: fn(&RetentionCell) -> i128| cell.map(|cell| Number::Decimal(of(cell), scale));
    let ratio = |parts: fn(&RetentionCell) -> (i128, i128)| {
        let (numerator, denominator) = parts(cell?);
        Number::fraction(numerator, denominator)
    };
    let expansion_rate = if run.classes_known { ratio(parts::expansion_rate) } else { None };
    let nrr = ratio(parts::nrr);
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
        band: None,
        target: None,
        group,
    }
}

/// Exact parts of the ratios: (numerator, denominator).
pub mod parts {
    use crate::kernels::RetentionCell;

    pub fn nrr(cell: &RetentionCell) -> (i128, i128) {
        (cell.retained, cell.cohort_starting)
    }

    /// With the net change of those who were inactive at the start and active before.
    pub fn nrr_with_returns(cell: &RetentionCell) -> (i128, i128) {
        let returned = cell.reactivation - cell.cohort_reactivation;
        (cell.retained + returned, cell.cohort_starting)
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
