//! What every computation of one question needs at hand: plan, facts, period spine, notes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Anomalies, Bounds, Code, OwnerFacts, Sharing, Slicer, Span};
use crate::model::{DatasetName, DimensionName, EntityName, Owners};
use crate::planner::{Axes, MetricPlan, MetricQuery, OwnerAxis, Period, Predicate, Spine};
use crate::values::{Instant, Scalar};

use super::aggregate::SharedPasses;
use super::facts::Facts;
use super::load::LoadedBalance;
use super::pre_aggregates::Covered;
use super::slice::{DimensionColumns, slicer};
use super::{Group, PeriodInfo};

/// One question on its way to an answer.
pub struct Context<'a> {
    pub plan: &'a MetricPlan,
    pub facts: Facts<'a>,
    /// Most rows of a typed field.
    pub max_rows: usize,
    /// Most cells (groups × periods) a question may hold at once, and whether anybody waits for it.
    pub bounds: Bounds,
    /// Passes that the document's questions share.
    pub shared: Option<&'a SharedPasses>,
    /// How it is answered from kept sums, if it is.
    pub covered: Option<&'a Covered>,
    /// Whether anything may be kept of how it was computed.
    pub keeps: bool,
    gathered: Arc<Mutex<Gathered>>,
}

/// Customers whose shares had to be guessed, and those whose shares had to be normalised.
pub type OddShares = [BTreeSet<Code>; 2];

/// What the computation learned for the answer's provenance.
#[derive(Debug, Default)]
struct Gathered {
    notes: Vec<String>,
    /// What had odd shares in which table: passes meet the same ones, and each counts once.
    odd: Vec<(EntityName, Owners, OddShares)>,
    datasets: Vec<DatasetName>,
    data_through: Option<i64>,
}

impl<'a> Context<'a> {
    #[must_use]
    pub fn new(plan: &'a MetricPlan, facts: Facts<'a>, max_rows: usize, bounds: Bounds) -> Self {
        let gathered = Arc::default();
        Self { plan, facts, max_rows, bounds, shared: None, covered: None, keeps: false, gathered }
    }

    /// The same question, as one of a document.
    #[must_use]
    pub fn sharing(self, shared: &'a SharedPasses) -> Self {
        Self { shared: Some(shared), ..self }
    }

    /// The same question, of which something may be kept.
    #[must_use]
    pub fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    /// The same question, answered from kept sums where these allow it.
    #[must_use]
    pub fn covered_by(self, covered: Option<&'a Covered>) -> Self {
        Self { covered, ..self }
    }

    /// The same question under another plan; what is learned goes to the same answer. Passes that
    /// are shared are of the plan as it was.
    #[must_use]
    pub fn under<'p>(&'p self, plan: &'p MetricPlan) -> Context<'p> {
        Context {
            plan,
            facts: self.facts.clone(),
            max_rows: self.max_rows,
            bounds: self.bounds.clone(),
            shared: None,
            covered: self.covered,
            keeps: self.keeps,
            gathered: Arc::clone(&self.gathered),
        }
    }

    /// The plan of the question with one more condition, that of a metric's own filter.
    #[must_use]
    pub fn narrowed(&self, filter: &Predicate) -> MetricPlan {
        let mut query = self.query().clone();
        let own = query.filter.take();
        query.filter = Some(own.map_or_else(|| filter.clone(), |own| filter.clone().and(own)));
        let asked = self.plan.asked.clone();
        MetricPlan { query, asked, leaves: Vec::new(), outputs: Vec::new() }
    }

    #[must_use]
    pub fn query(&self) -> &MetricQuery {
        &self.plan.query
    }

    /// The bound of what is known, exclusive, in microseconds.
    #[must_use]
    pub fn as_of(&self) -> i64 {
        self.query().as_of.map_or(i64::MAX, |at| at.0)
    }

    /// Adds a note once.
    pub fn note(&self, note: String) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if !gathered.notes.contains(&note) {
            gathered.notes.push(note);
        }
    }

    /// Records whose shares were odd in a table of owners.
    pub fn note_odd(&self, owned: &EntityName, table: &Owners, odd: &OddShares) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = gathered.odd.iter_mut().find(|(of, other, _)| of == owned && other == table);
        match known {
            Some((_, _, known)) => {
                known.iter_mut().zip(odd).for_each(|(known, odd)| known.extend(odd));
            }
            None => gathered.odd.push((owned.clone(), table.clone(), odd.clone())),
        }
    }

    /// Records that a table was read, and how far its data reaches.
    pub fn read(&self, dataset: &DatasetName, newest: Option<i64>) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if !gathered.datasets.contains(dataset) {
            gathered.datasets.push(dataset.clone());
        }
        gathered.data_through = gathered.data_through.max(newest);
    }

    /// Notes, tables read and the newest event, for the provenance.
    #[must_use]
    pub fn gathered(&self) -> (Vec<String>, Vec<DatasetName>, Option<Instant>) {
        let gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let odd = gathered.odd.iter().flat_map(|(owned, table, odd)| {
            let mut anomalies = Anomalies::default();
            for (customers, sharing) in odd.iter().zip([Sharing::Incomplete, Sharing::NotOne]) {
                for customer in customers {
                    anomalies.note(*customer, sharing);
                }
            }
            anomalies.warnings(owned.as_str(), table)
        });
        let notes = gathered.notes.iter().cloned().chain(odd).collect();
        (notes, gathered.datasets.clone(), gathered.data_through.map(Instant))
    }

    /// T of the definition book: `asOf`, else the midnight after the newest event.
    #[must_use]
    pub fn end_of_observation(&self, newest: Option<i64>) -> Option<Instant> {
        let calendar = &self.facts.model.calendar;
        self.query().as_of.or_else(|| newest.map(|at| calendar.midnight_after(Instant(at))))
    }

    #[must_use]
    pub fn spine(&self, end_of_observation: Option<Instant>) -> Spine<'a> {
        Spine { calendar: &self.facts.model.calendar, end_of_observation }
    }

    /// The periods of the question's rows.
    pub fn periods(&self, newest: Option<i64>) -> ApiResult<Vec<Period>> {
        let ask = self.query().period.unwrap_or_default();
        let end = self.end_of_observation(newest);
        let periods = self.spine(end).cut(&ask, self.query().grain)?;
        self.note_ahead(&periods, end);
        Ok(periods)
    }

    /// Notes periods that begin where nothing is known any more.
    pub fn note_ahead(&self, periods: &[Period], end: Option<Instant>) {
        let Some(end) = end else { return };
        let ahead = periods.iter().filter(|period| period.span.start >= end.0).count();
        if ahead > 0 {
            self.note(format!(
                "{ahead} period(s) begin after the data ends ({}): balances are carried on, nothing \
                 has happened in them yet.",
                self.facts.model.calendar.day_of(end)
            ));
        }
    }

    /// Group values with their dimensions' names.
    #[must_use]
    pub fn group(&self, values: Vec<Scalar>) -> Group {
        let names: Vec<DimensionName> = self.query().group_by.clone();
        names.into_iter().zip(values).collect()
    }

    /// Refuses a typed answer of too many rows.
    pub fn check_rows(&self, rows: usize) -> ApiResult<()> {
        if rows <= self.max_rows {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::TooManyRows,
            format!(
                "The answer has {rows} rows, more than the {} a typed field gives: ask for fewer groups \
                 or periods, or use `metrics` with a `limit`.",
                self.max_rows
            ),
        ))
    }

    /// Refuses a question whose groups and periods would not fit in memory.
    pub fn check_cells(&self, groups: usize, periods: usize) -> ApiResult<()> {
        if groups.saturating_mul(periods.max(1)) <= self.bounds.cells {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::ResourceLimit,
            format!(
                "{groups} groups (or more) × {periods} periods are more than this server computes at once: ask \
                 without a grain, for a shorter period, or with a filter."
            ),
        ))
    }

    /// The question's grouping and filter over the axes, within its bounds.
    pub fn slicer(&self, axes: &Axes, columns: &DimensionColumns) -> ApiResult<Slicer> {
        let slicer = slicer(self.facts.model, axes, self.query(), columns)?;
        Ok(slicer.within(self.bounds.clone()))
    }

    /// Runs arithmetic. Where it was told to stop meanwhile, its result is not whole: an error.
    pub fn compute<R>(&self, work: impl FnOnce() -> R) -> ApiResult<R> {
        self.check_wanted()?;
        let found = compute(work);
        self.check_wanted()?;
        Ok(found)
    }

    /// Fails where nobody waits for the answer any more, to end the work.
    pub fn check_wanted(&self) -> ApiResult<()> {
        if self.bounds.stop.is_set() {
            let message = "The question was stopped: nobody waits for its answer any more.";
            return Err(ApiError::new(ErrorCode::Timeout, message));
        }
        Ok(())
    }

    /// Whether balances at both ends of a window are known.
    #[must_use]
    pub fn is_known(&self, loaded: &LoadedBalance, window: &Span) -> bool {
        loaded.facts.is_known(window.start, self.as_of())
            && loaded.facts.is_known(window.end, self.as_of())
    }

    /// Whether the movements of a period are known: recorded ones always are, derived ones only
    /// between balances that are known.
    #[must_use]
    pub fn knows_movements(&self, loaded: &LoadedBalance, period: &Span) -> bool {
        loaded.facts.recorded || self.is_known(loaded, period)
    }

    /// Notes rows that are left out because their amounts are unknown and cannot be null.
    pub fn note_unknown(&self, periods: usize) {
        if periods > 0 {
            self.note(format!(
                "{periods} period(s) begin or end between snapshots: what moved in them is unknown, \
                 and they have no rows."
            ));
        }
    }

    /// Whether a period, as far as it is known, lies before the data began (or there is no data).
    #[must_use]
    pub fn before_data(&self, loaded: &LoadedBalance, end: i64) -> bool {
        loaded.facts.first.is_none_or(|first| end.min(self.as_of()) <= first)
    }

    /// Owners, where grouping or filter name a dimension of theirs. Keys must be read before the
    /// slicer is built: it knows the keys that were met so far.
    pub async fn owners(&self, axes: &Axes) -> ApiResult<Option<Arc<OwnerFacts>>> {
        let query = self.query();
        let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
        let mut asked: Option<&OwnerAxis> = None;
        for name in query.group_by.iter().chain(filter) {
            let dimension = self.facts.model.dimensions.get(name);
            let entity = dimension.and_then(|dimension| dimension.entity.as_ref());
            let owner = axes.owners.iter().find(|owner| Some(&owner.entity) == entity);
            let Some(owner) = owner else { continue };
            if asked.is_some_and(|asked| asked.entity != owner.entity) {
                return Err(ApiError::new(
                    ErrorCode::Internal,
                    "A question that splits facts twice was not refused.",
                ));
            }
            asked = Some(owner);
        }
        let Some(owner) = asked else { return Ok(None) };
        self.read(&owner.join.bridge, None);
        self.facts.owners_of_axis(owner).await.map(Some)
    }

    /// Notes on rows that could not count.
    pub fn note_left_out(&self, loaded: &LoadedBalance) {
        let dataset = loaded.shape.dataset();
        self.read(dataset, loaded.facts.newest.map(|newest| newest.min(self.as_of())));
        if loaded.left_out > 0 {
            self.note(format!(
                "{} row(s) of {dataset} without customer, time or amount were left out.",
                loaded.left_out
            ));
        }
        if loaded.rows == 0 {
            self.note(format!("{dataset} holds no rows."));
        }
    }

    /// The axes of a loaded balance; those whose column was not read lead nowhere.
    #[must_use]
    pub fn axes(&self, loaded: &LoadedBalance) -> Axes {
        let axes = Axes::of_shape(self.facts.model, &loaded.shape);
        Axes {
            customer: axes.customer.filter(|_| loaded.by_customer),
            owners: if loaded.by_customer { axes.owners } else { Vec::new() },
            product: axes.product.filter(|_| loaded.columns.product),
            kind: axes.kind.filter(|_| loaded.columns.kind),
        }
    }
}

/// Runs arithmetic without holding up the other requests of the runtime's thread.
pub fn compute<R>(work: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let several =
        Handle::try_current().is_ok_and(|on| on.runtime_flavor() == RuntimeFlavor::MultiThread);
    if several { tokio::task::block_in_place(work) } else { work() }
}

/// A period as answers show it.
#[must_use]
pub fn period_info(period: &Period) -> PeriodInfo {
    PeriodInfo { start: period.start, end: period.end, complete: period.complete }
}

/// A window that is as complete as its row.
#[must_use]
pub fn window_info(start: NaiveDate, period: &Period) -> PeriodInfo {
    PeriodInfo { start, end: period.end, complete: period.complete }
}

/// The error of a class that no mapping names, with the mapping to write.
#[must_use]
pub fn unmapped_classes(loaded: &LoadedBalance, column: &str) -> ApiError {
    let dataset = loaded.shape.dataset();
    let named: Vec<&String> =
        loaded.unmapped.iter().filter(|name| *name != "null").take(8).collect();
    let map: Vec<String> = named.iter().map(|name| format!("{name}: <class>")).collect();
    ApiError::new(
        ErrorCode::BadData,
        if named.is_empty() {
            format!(
                "`{dataset}` has movements without a class in `{column}`; balances still answer."
            )
        } else {
            format!(
                "`{dataset}` has movement classes outside new, expansion, contraction, churn, \
                 reactivation. Map them in upswell.yml: `canonical: {{ {dataset}: {{ values: {{ \
                 {column}: {{ {} }} }} }} }}`. Balances still answer.",
                map.join(", ")
            )
        },
    )
}
