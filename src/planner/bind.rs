//! Binding: names of a question against the model, one closed error for the first thing that does
//! not fit, and the plan if all does.

use chrono::NaiveDate;

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{
    AttachBasis, AttachKind, DimensionName, DurationKind, Metric, MetricKind, MetricName, Model,
    MovementClass, TimeOrigin,
};
use crate::values::Grain;

use super::columns::{column_keys, no_such_column};
use super::dimensions::{check_bridges, check_dimensions, unknown_dimension};
use super::plan::{Formula, Leaf, Measure, MetricPlan, Output};
use super::{Ask, MetricQuery, TableAsk};

/// Rows a flat table may ask for at once.
pub const MAX_LIMIT: i64 = 100_000;
/// Days an attachment may wait.
const MAX_WITHIN_DAYS: i64 = 36_500;
/// Repetitions of an event that can be asked for.
const MAX_NTH: i64 = 1_000;

/// Binds a question to the model.
///
/// # Errors
/// The first name, dimension or argument that does not fit, with the nearest valid choice.
pub fn bind(model: &Model, query: &MetricQuery) -> ApiResult<MetricPlan> {
    let mut query = query.clone();
    if let Some(rows) = query.scope.rows() {
        let own = query.filter.take();
        query.filter = Some(own.map_or_else(|| rows.clone(), |own| rows.clone().and(own)));
    }
    if let Ask::Cohorts { .. } = query.ask {
        // A cohort is one period of a grain, and its age is counted in it.
        query.grain = query.grain.or(Some(Grain::Month));
    }
    check_group_by(model, &query.group_by)?;
    let asked = query.filter.clone();
    let mut leaves = Leaves { model, defined_at: query.defined_at, leaves: Vec::new() };
    let mut outputs = Vec::new();
    match query.ask.clone() {
        Ask::Table(table) => {
            check_table(model, &query, &table)?;
            for name in &table.select {
                let metric = metric(model, name)?;
                let metric = query.defined_at.map_or(metric, |day| metric.as_of(day));
                check_dimensions(model, &query, metric)?;
                let formula = leaves.formula(name)?;
                outputs.push(Output { metric: name.clone(), unit: metric.unit.clone(), formula });
            }
        }
        Ask::Variants { of, .. } => {
            for metric in side_by_side(model, &of)? {
                check_dimensions(model, &query, metric)?;
                leaves.formula(&metric.name)?;
            }
        }
        typed => {
            let (metric, leaf) = typed_leaf(model, &typed, query.defined_at)?;
            check_dimensions(model, &query, metric)?;
            if let Some(filter) = &metric.filter {
                let only = filter.predicate.clone();
                query.filter = Some(query.filter.take().map_or(only.clone(), |own| only.and(own)));
            }
            leaves.leaves.push(leaf);
        }
    }
    for leaf in &leaves.leaves {
        check_leaf(model, &query, leaf)?;
    }
    Ok(MetricPlan { leaves: leaves.leaves, outputs, query, asked })
}

/// A metric and its public variants, the base first.
///
/// # Errors
/// `UNKNOWN_METRIC`, or `BAD_REQUEST` for a metric without variants.
pub fn side_by_side<'a>(model: &'a Model, of: &MetricName) -> ApiResult<Vec<&'a Metric>> {
    let base = metric(model, of)?;
    let variants: Vec<&Metric> = model.variants_of(of).filter(|metric| !metric.private).collect();
    if variants.is_empty() {
        let hint = match base.variant_of() {
            Some(base) => format!("It is a variant of `{base}`: ask for the variants of that."),
            None => {
                let public = model.metrics.values().filter(|metric| !metric.private);
                let mut bases: Vec<&str> =
                    public.filter_map(|m| m.variant_of()).map(MetricName::as_str).collect();
                bases.sort_unstable();
                bases.dedup();
                match bases.is_empty() {
                    true => "No metric of this project has any.".to_owned(),
                    false => format!("Metrics with variants: {}.", bases.join(", ")),
                }
            }
        };
        let message = format!("`{of}` has no variants. {hint}");
        return Err(ApiError::new(ErrorCode::BadRequest, message));
    }
    Ok(std::iter::once(base).chain(variants).collect())
}

/// The metric of that name, unless private.
///
/// # Errors
/// `UNKNOWN_METRIC` with the nearest name.
pub fn metric<'a>(model: &'a Model, name: &MetricName) -> ApiResult<&'a Metric> {
    match model.metrics.get(name) {
        Some(metric) if !metric.private => Ok(metric),
        _ => {
            let names = model.metrics.values().filter(|m| !m.private).map(|m| m.name.as_str());
            let hint = did_you_mean(name.as_str(), names);
            Err(ApiError::new(
                ErrorCode::UnknownMetric,
                format!(
                    "There is no metric `{name}`.{hint} `catalog {{ metrics {{ name }} }}` lists them all."
                ),
            ))
        }
    }
}

fn check_group_by(model: &Model, group_by: &[DimensionName]) -> ApiResult<()> {
    for (index, name) in group_by.iter().enumerate() {
        if !model.dimensions.contains_key(name) {
            return Err(unknown_dimension(model, name));
        }
        if group_by[..index].contains(name) {
            return Err(ApiError::new(
                ErrorCode::BadRequest,
                format!("`groupBy` names `{name}` twice."),
            ));
        }
    }
    Ok(())
}

fn check_table(model: &Model, query: &MetricQuery, table: &TableAsk) -> ApiResult<()> {
    let bad = |message: String| Err(ApiError::new(ErrorCode::BadRequest, message));
    if table.select.is_empty() {
        return bad("`select` is empty: name at least one metric.".to_owned());
    }
    for (index, name) in table.select.iter().enumerate() {
        metric(model, name)?;
        if table.select[..index].contains(name) {
            return bad(format!("`select` names `{name}` twice."));
        }
    }
    if table.limit < 0 || table.offset < 0 {
        return bad("`limit` and `offset` must not be negative.".to_owned());
    }
    if table.limit > MAX_LIMIT {
        return Err(ApiError::new(
            ErrorCode::TooManyRows,
            format!(
                "`limit` may be at most {MAX_LIMIT}; page with `offset`, or ask for fewer groups."
            ),
        ));
    }
    if query.period.is_none() && query.grain.is_some() {
        return Err(ApiError::new(
            ErrorCode::BadPeriod,
            "A `grain` needs a `period`: for example `period: {last: 12}`.",
        ));
    }
    if query.period.is_none() && !table.compare_to.is_empty() {
        return Err(ApiError::new(ErrorCode::BadPeriod, "`compareTo` needs a `period`."));
    }
    let keys = column_keys(query, table);
    for order in &table.order_by {
        if !keys.contains(&order.by) {
            return Err(no_such_column(model, "orderBy", &order.by, &keys));
        }
    }
    let metrics = &keys[keys.len() - table.select.len() * (1 + 3 * table.compare_to.len())..];
    for (key, _) in &table.having {
        if !metrics.contains(key) {
            return Err(no_such_column(model, "having", key, metrics));
        }
    }
    Ok(())
}

/// The metric and the only pass of a typed field.
fn typed_leaf<'a>(
    model: &'a Model,
    ask: &Ask,
    defined_at: Option<NaiveDate>,
) -> ApiResult<(&'a Metric, Leaf)> {
    let name = match ask {
        Ask::Retention { metric, .. }
        | Ask::Expansion { metric, .. }
        | Ask::Attach { metric, .. }
        | Ask::Duration { metric, .. }
        | Ask::Attribution { metric, .. }
        | Ask::Cohorts { metric } => metric,
        Ask::Table(_) | Ask::Variants { .. } => {
            return Err(ApiError::new(ErrorCode::Internal, "Not an ask of one pass."));
        }
    };
    let metric = model.metric_at(name, defined_at).ok_or_else(|| {
        ApiError::new(ErrorCode::UnknownMetric, format!("There is no metric `{name}`."))
    })?;
    let leaf = match (ask, &metric.kind) {
        (Ask::Retention { window, method, unit, .. }, MetricKind::Retention(kind)) => {
            Leaf::Retention {
                balance: kind.balance.clone(),
                window: *window,
                method: method.or(kind.method),
                unit: *unit,
                left_out: Vec::new(),
                chained: false,
            }
        }
        (Ask::Expansion { .. }, MetricKind::Movement { balance, .. }) => {
            Leaf::Movement { balance: balance.clone(), classes: only(&[MovementClass::Expansion]) }
        }
        (Ask::Attach { basis, within_days, .. }, MetricKind::Attach(kind)) => {
            Leaf::Attach(AttachKind {
                basis: *basis,
                within_days: u32::try_from(*within_days)
                    .ok()
                    .filter(|_| *within_days <= MAX_WITHIN_DAYS)
                    .ok_or_else(|| bad_argument("withinDays", "0", MAX_WITHIN_DAYS))?,
                ..kind.clone()
            })
        }
        (Ask::Duration { .. }, MetricKind::Duration(kind)) => duration_leaf(ask, kind)?,
        (Ask::Attribution { rule, .. }, MetricKind::Attribution(kind)) => {
            let mut kind = kind.clone();
            kind.rule = *rule;
            Leaf::Attribution(kind)
        }
        (Ask::Cohorts { .. }, MetricKind::Cohort(kind)) => Leaf::Cohort(kind.clone()),
        _ => {
            return Err(ApiError::new(
                ErrorCode::Unavailable,
                format!(
                    "`{name}` is a metric of kind {}, which this field cannot show; ask for it in `metrics`.",
                    metric.kind.as_str()
                ),
            ));
        }
    };
    Ok((metric, leaf))
}

fn duration_leaf(ask: &Ask, kind: &DurationKind) -> ApiResult<Leaf> {
    let Ask::Duration { origin, milestone, nth, types, competing, .. } = ask else {
        return Err(ApiError::new(ErrorCode::Internal, "Not a duration."));
    };
    let nth = u32::try_from(*nth)
        .ok()
        .filter(|n| *n >= 1 && i64::from(*n) <= MAX_NTH)
        .ok_or_else(|| bad_argument("nth", "1", MAX_NTH))?;
    if milestone.is_some() && *origin != TimeOrigin::Milestone {
        return Err(ApiError::new(
            ErrorCode::BadRequest,
            "`milestone` says what to count from only with `origin: MILESTONE`.",
        ));
    }
    let leaf = DurationKind {
        origin: *origin,
        milestone: milestone.clone().or_else(|| kind.milestone.clone()),
        nth,
        types: types.clone().or_else(|| kind.types.clone()),
        competing: *competing,
        ..kind.clone()
    };
    Ok(Leaf::Duration(leaf))
}

fn bad_argument(name: &str, low: &str, high: i64) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, format!("`{name}` must lie between {low} and {high}."))
}

fn only(classes: &[MovementClass]) -> [bool; 5] {
    MovementClass::ALL.map(|class| classes.contains(&class))
}

/// Rules of single kinds that dimension lists cannot say.
fn check_leaf(model: &Model, query: &MetricQuery, leaf: &Leaf) -> ApiResult<()> {
    check_bridges(model, query, leaf)?;
    match leaf {
        Leaf::Filtered { pass, .. } => check_leaf(model, query, pass),
        Leaf::Duration(kind) if kind.origin == TimeOrigin::PreviousExpansion && kind.nth < 2 => {
            Err(ApiError::new(
                ErrorCode::BadRequest,
                "From the previous expansion there is a time to the second or a later one: ask with `nth: 2` or more.",
            ))
        }
        Leaf::Duration(kind)
            if kind.origin == TimeOrigin::Milestone && kind.milestone.is_none() =>
        {
            Err(ApiError::new(
                ErrorCode::BadRequest,
                "`origin: MILESTONE` needs the `milestone`'s name, for example \"first_success\".",
            ))
        }
        Leaf::Attach(kind)
            if kind.basis == AttachBasis::WithinDays
                && i64::from(kind.within_days) > MAX_WITHIN_DAYS =>
        {
            Err(bad_argument("withinDays", "0", MAX_WITHIN_DAYS))
        }
        _ => Ok(()),
    }
}

/// Collects passes, each once.
struct Leaves<'a> {
    model: &'a Model,
    /// The day whose definitions are meant.
    defined_at: Option<NaiveDate>,
    leaves: Vec<Leaf>,
}

impl Leaves<'_> {
    fn add(&mut self, leaf: Leaf, measure: Measure) -> Formula {
        let known = self.leaves.iter().position(|other| other.same_as(&leaf));
        let index = known.unwrap_or_else(|| {
            self.leaves.push(leaf);
            self.leaves.len() - 1
        });
        Formula::Measure { leaf: index, measure }
    }

    fn formula(&mut self, name: &MetricName) -> ApiResult<Formula> {
        let metric = self.model.metric_at(name, self.defined_at).ok_or_else(|| {
            ApiError::new(ErrorCode::UnknownMetric, format!("There is no metric `{name}`."))
        })?;
        let (leaf, measure) = match &metric.kind {
            MetricKind::Ratio { numerator, denominator } => {
                let above = Box::new(self.formula(numerator)?);
                return Ok(Formula::Div(above, Box::new(self.formula(denominator)?)));
            }
            MetricKind::Derived { expr } => {
                return Formula::from_expr(expr, &mut |name: &MetricName| self.formula(name));
            }
            MetricKind::Cumulative { of, window } => return self.cumulative(name, of, *window),
            MetricKind::Balance { balance, measure } => {
                let measure = match measure {
                    crate::model::BalanceMeasure::Amount => Measure::BalanceAmount,
                    crate::model::BalanceMeasure::Customers => Measure::BalanceCustomers,
                };
                (Leaf::Balance { balance: balance.clone() }, measure)
            }
            MetricKind::Movement { balance, classes, measure } => {
                let loss = classes.iter().all(|class| class.is_loss());
                let leaf = Leaf::Movement { balance: balance.clone(), classes: only(classes) };
                (leaf, Measure::Movement { measure: *measure, loss })
            }
            MetricKind::Retention(kind) => {
                let (measure, counted) = (kind.measure, kind.rules.reactivation_counted);
                (Leaf::retention(kind), Measure::Retention { measure, counted })
            }
            MetricKind::Attach(kind) => (Leaf::Attach(kind.clone()), Measure::AttachRate),
            MetricKind::Duration(kind) => {
                (Leaf::Duration(kind.clone()), Measure::Duration(kind.measure))
            }
            MetricKind::Attribution(kind) => (Leaf::Attribution(kind.clone()), Measure::Credited),
            MetricKind::Aggregate(kind) => (Leaf::Aggregate(kind.clone()), Measure::Value),
            MetricKind::Conversion(kind) => (Leaf::Conversion(kind.clone()), Measure::Value),
            MetricKind::Cohort(kind) => (Leaf::Cohort(kind.clone()), Measure::Cohort(kind.measure)),
        };
        Ok(self.add(leaf.filtered(metric.filter.as_ref()), measure))
    }

    fn cumulative(
        &mut self,
        name: &MetricName,
        of: &MetricName,
        window: crate::model::CumulativeWindow,
    ) -> ApiResult<Formula> {
        match self.model.metric_at(of, self.defined_at).map(|metric| &metric.kind) {
            Some(MetricKind::Aggregate(kind)) => {
                Ok(self.add(Leaf::Cumulative { of: kind.clone(), window }, Measure::Value))
            }
            _ => Err(ApiError::new(
                ErrorCode::Unavailable,
                format!("`{name}` accumulates `{of}`, which is no aggregate."),
            )),
        }
    }
}
