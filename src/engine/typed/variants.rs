//! A metric beside its named variants, each reconciled with it rule by rule.
//!
//! From the base to a variant the rules are changed one after another, in a fixed order; what one
//! change adds to numerator, denominator and value is an item, so that the items add up to the
//! difference exactly, whatever rules a variant combines.

use std::collections::{BTreeMap, HashMap};

use crate::engine::context::{Context, period_info};
use crate::engine::table::GroupValues;
use crate::engine::{VariantAnswerRow, VariantItem};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::RetentionCell;
use crate::model::{
    Metric, MetricFilter, MetricKind, MetricName, RetentionKind, RetentionMeasure, RetentionRules,
    Window,
};
use crate::planner::{Leaf, Period, side_by_side};
use crate::values::Number;

use super::compare_groups;
use super::retention::{Measured, RetentionCells, RetentionPass, run_retention};

/// Everything that says how a number comes about.
#[derive(Debug, Clone, PartialEq)]
struct RuleSet {
    kind: RetentionKind,
    filter: Option<MetricFilter>,
}

impl RuleSet {
    /// The rules of a metric, under another window where one is asked for.
    fn of(metric: &Metric, window: Option<Window>) -> ApiResult<Self> {
        let MetricKind::Retention(kind) = &metric.kind else {
            let message = format!("`{}` is no metric of retention.", metric.name);
            return Err(ApiError::new(ErrorCode::Internal, message));
        };
        let rules = RetentionRules { variant_of: None, ..kind.rules.clone() };
        let window = window.unwrap_or(kind.window);
        let kind = RetentionKind { window, rules, ..kind.clone() };
        Ok(Self { kind, filter: metric.filter.clone() })
    }

    fn leaf(&self) -> Leaf {
        Leaf::retention(&self.kind).filtered(self.filter.as_ref())
    }

    fn measured(&self) -> Measured {
        (self.kind.measure, self.kind.rules.reactivation_counted)
    }
}

/// A rule that a variant may change, in the order of reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Filter,
    Method,
    Unit,
    ExcludeTypes,
    Reactivation,
    Window,
    Chain,
}

impl Rule {
    const ALL: [Self; 7] = [
        Self::Filter,
        Self::Method,
        Self::Unit,
        Self::ExcludeTypes,
        Self::Reactivation,
        Self::Window,
        Self::Chain,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Method => "method",
            Self::Unit => "unit",
            Self::ExcludeTypes => "exclude_types",
            Self::Reactivation => "reactivation",
            Self::Window => "window",
            Self::Chain => "chain",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Filter => "What the variant's own filter changes",
            Self::Method => "Method of the waterfall",
            Self::Unit => "Product lines by themselves instead of whole customers",
            Self::ExcludeTypes => "Expansion of the types left out",
            Self::Reactivation => "Revenue of customers who came back",
            Self::Window => "Another window",
            Self::Chain => "Compounding of revenue gained inside the window",
        }
    }

    /// `rules` with this rule as `wanted` has it.
    fn apply(self, rules: &RuleSet, wanted: &RuleSet) -> RuleSet {
        let mut next = rules.clone();
        let (own, other) = (&mut next.kind, &wanted.kind);
        match self {
            Self::Filter => next.filter.clone_from(&wanted.filter),
            Self::Method => own.method = other.method,
            Self::Unit => own.unit = other.unit,
            Self::ExcludeTypes => own.rules.left_out.clone_from(&other.rules.left_out),
            Self::Reactivation => {
                own.rules.reactivation_counted = other.rules.reactivation_counted;
            }
            Self::Window => own.window = other.window,
            Self::Chain => own.rules.chained = other.rules.chained,
        }
        next
    }

    /// Whether numerators before and after are about the same window.
    fn keeps_the_window(self) -> bool {
        !matches!(self, Self::Window | Self::Chain)
    }
}

/// The rules that differ, each with what holds after it is changed.
fn steps(base: &RuleSet, variant: &RuleSet) -> Vec<(Rule, RuleSet)> {
    let mut rules = base.clone();
    let mut steps = Vec::new();
    for rule in Rule::ALL {
        let next = rule.apply(&rules, variant);
        if next != rules {
            steps.push((rule, next.clone()));
            rules = next;
        }
    }
    steps
}

/// One pass with its groups.
struct Run {
    cells: RetentionCells,
    keys: HashMap<GroupValues, u64>,
}

/// Passes by what they compute; one that cannot be answered says why.
type Runs = BTreeMap<String, Result<Run, ApiError>>;

/// The rows of the field: per period and group the base, then each variant.
pub async fn variant_rows(
    context: &Context<'_>,
    of: &MetricName,
    window: Option<Window>,
) -> ApiResult<Vec<VariantAnswerRow>> {
    let metrics = side_by_side(context.facts.model, of)?;
    let sets = metrics.iter().map(|metric| RuleSet::of(metric, window));
    let sets = sets.collect::<ApiResult<Vec<_>>>()?;
    let Some(base) = sets.first() else { return Ok(Vec::new()) };
    let newest = context.facts.balance(&base.kind.balance).await?.facts.newest;
    let periods = context.periods(newest)?;
    let paths: Vec<Vec<(Rule, RuleSet)>> = sets.iter().map(|set| steps(base, set)).collect();
    let all = sets.iter().chain(paths.iter().flatten().map(|(_, set)| set));
    let runs = run_all(context, all, &periods).await?;
    if let Some(Err(error)) = runs.get(&base.leaf().to_string()) {
        return Err(error.clone());
    }
    for (metric, set) in metrics.iter().zip(&sets) {
        if let Some(Err(error)) = runs.get(&set.leaf().to_string()) {
            context.note(format!("`{}` is not shown: {}", metric.name, error.message));
        }
    }
    let table = Table { context, base, runs: &runs };
    let groups = table.groups();
    context.check_rows(groups.len() * periods.len() * metrics.len())?;
    let mut rows = Vec::new();
    for (row, period) in periods.iter().enumerate() {
        for group in &groups {
            let place = (row, group);
            let found = metrics.iter().zip(sets.iter().zip(&paths)).map(|(metric, (set, path))| {
                table.row((metric, set, path.as_slice()), period, place)
            });
            let found: Vec<VariantAnswerRow> = found.collect();
            if !context.query().sparse || found.iter().any(is_something) {
                rows.extend(found);
            }
        }
    }
    Ok(rows)
}

fn is_something(row: &VariantAnswerRow) -> bool {
    row.value.is_some() || row.numerator.as_ref().is_some_and(|number| !number.is_zero())
}

/// Runs every pass once. What the warehouse does not record fails its own variants only.
async fn run_all(
    context: &Context<'_>,
    sets: impl Iterator<Item = &RuleSet>,
    periods: &[Period],
) -> ApiResult<Runs> {
    let mut runs = Runs::new();
    for set in sets {
        let key = set.leaf().to_string();
        if runs.contains_key(&key) {
            continue;
        }
        let run = match run(context, set, periods).await {
            Err(error) if !matches!(error.code, ErrorCode::Unavailable | ErrorCode::BadData) => {
                return Err(error);
            }
            run => run,
        };
        runs.insert(key, run);
    }
    Ok(runs)
}

async fn run(context: &Context<'_>, set: &RuleSet, periods: &[Period]) -> ApiResult<Run> {
    let leaf = Leaf::retention(&set.kind);
    let splits_change = set.kind.measure == RetentionMeasure::GrossChurnRate;
    let pass = RetentionPass::of(&leaf, splits_change)?;
    let cells = match &set.filter {
        None => run_retention(context, &pass, periods).await?,
        Some(filter) => {
            let plan = context.narrowed(&filter.predicate);
            run_retention(&context.under(&plan), &pass, periods).await?
        }
    };
    let keys = cells.cells.iter().map(|(key, _)| (cells.slicer.values(key), key)).collect();
    Ok(Run { cells, keys })
}

/// What rows are read from.
struct Table<'a> {
    context: &'a Context<'a>,
    base: &'a RuleSet,
    runs: &'a Runs,
}

/// What a set of rules gives in one place.
#[derive(Default)]
struct Found {
    value: Option<Number>,
    parts: Option<(Number, Number)>,
    cell: RetentionCell,
    scale: u8,
}

impl Table<'_> {
    /// Groups of any pass, nulls last; without group-by the one group is always there.
    fn groups(&self) -> Vec<GroupValues> {
        if self.context.query().group_by.is_empty() {
            return vec![Vec::new()];
        }
        let mut groups: Vec<GroupValues> =
            self.runs.values().flatten().flat_map(|run| run.keys.keys().cloned()).collect();
        groups.sort_by(|a, b| compare_groups(a, b));
        groups.dedup();
        groups
    }

    fn run_of(&self, set: &RuleSet) -> Option<&Run> {
        self.runs.get(&set.leaf().to_string())?.as_ref().ok()
    }

    fn found(&self, set: &RuleSet, (row, group): (usize, &GroupValues)) -> Found {
        let Some(run) = self.run_of(set).filter(|run| run.cells.known(self.context, row)) else {
            return Found::default();
        };
        let key = run.keys.get(group).copied();
        Found {
            value: run.cells.value(key, row, set.measured()),
            parts: run.cells.parts(key, row, set.measured()),
            cell: run.cells.of_row(key, row),
            scale: run.cells.loaded.facts.scale,
        }
    }

    fn row(
        &self,
        (metric, set, path): (&Metric, &RuleSet, &[(Rule, RuleSet)]),
        period: &Period,
        place: (usize, &GroupValues),
    ) -> VariantAnswerRow {
        let found = self.found(set, place);
        let mut before = self.found(self.base, place);
        let difference = difference(found.value.as_ref(), before.value.as_ref());
        let mut items = Vec::new();
        for (rule, rules) in path {
            let after = self.found(rules, place);
            items.extend(items_of(*rule, rules, &before, &after));
            before = after;
        }
        let window = self.run_of(set).map(|run| run.cells.windows[place.0].0);
        let (numerator, denominator) = found.parts.unzip();
        VariantAnswerRow {
            period: period_info(period),
            window: window.unwrap_or_else(|| period_info(period)),
            group: self.context.group(place.1.clone()),
            variant: metric.name.clone(),
            label: metric.label.clone(),
            rule: set.kind.in_words(),
            value: found.value,
            numerator,
            denominator,
            difference,
            items,
        }
    }
}

fn difference(after: Option<&Number>, before: Option<&Number>) -> Option<Number> {
    after.zip(before).and_then(|(after, before)| after.sub(before))
}

/// What a changed rule adds.
fn items_of(rule: Rule, rules: &RuleSet, before: &Found, after: &Found) -> Vec<VariantItem> {
    if rule == Rule::Method && after.parts.is_some() && before.parts.is_some() {
        let split = items_of_method(rules, before, after);
        if !split.is_empty() {
            return split;
        }
    }
    let part = |pick: fn(&(Number, Number)) -> &Number| {
        let both = after.parts.as_ref().zip(before.parts.as_ref());
        let (after, before) = both.filter(|_| rule.keeps_the_window())?;
        pick(after).sub(pick(before))
    };
    vec![VariantItem {
        name: rule.as_str(),
        label: rule.label().to_owned(),
        amount: part(|parts| &parts.0),
        denominator_amount: part(|parts| &parts.1),
        ratio: difference(after.value.as_ref(), before.value.as_ref()),
    }]
}

/// Both methods give the same NRR: what is netted in one part of the waterfall is missing in
/// another. The gross churn rate counts losses alone.
fn items_of_method(rules: &RuleSet, before: &Found, after: &Found) -> Vec<VariantItem> {
    type Part = (&'static str, &'static str, i128, fn(&RetentionCell) -> i128);
    let gained: [Part; 4] = [
        ("expansion", "Expansion, as the method counts it", 1, |cell| cell.expansion),
        ("contraction", "Contraction, as the method counts it", -1, |cell| cell.contraction),
        ("churn", "Churn, as the method counts it", -1, |cell| cell.churn),
        ("cohort_reactivation", "Churned and back inside the window", 1, |cell| {
            cell.cohort_reactivation
        }),
    ];
    let lost =
        [("contraction", gained[1].1, 1, gained[1].3), ("churn", gained[2].1, 1, gained[2].3)];
    let parts: &[Part] = match rules.kind.measure {
        RetentionMeasure::Nrr => &gained,
        RetentionMeasure::GrossChurnRate => &lost,
        _ => &[],
    };
    let denominator = after.parts.as_ref().map(|(_, denominator)| denominator);
    parts
        .iter()
        .map(|(name, label, sign, of)| {
            let amount = Number::Decimal(sign * (of(&after.cell) - of(&before.cell)), after.scale);
            VariantItem {
                name,
                label: (*label).to_owned(),
                ratio: denominator.and_then(|denominator| amount.div(denominator)),
                amount: Some(amount),
                denominator_amount: Some(Number::Decimal(0, after.scale)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BalanceName, RetentionMethod, RetentionUnit};

    #[test]
    fn every_changed_rule_is_a_step_and_the_last_is_the_variant() {
        let base = RuleSet {
            kind: RetentionKind {
                balance: BalanceName::new("revenue"),
                measure: RetentionMeasure::Nrr,
                window: Window::TrailingMonths(12),
                method: None,
                unit: RetentionUnit::Customer,
                rules: RetentionRules::default(),
            },
            filter: None,
        };
        let mut variant = base.clone();
        variant.kind.method = Some(RetentionMethod::Endpoint);
        variant.kind.window = Window::Period;
        variant.kind.rules.chained = true;
        variant.kind.rules.left_out = vec!["price".into()];
        variant.kind.rules.reactivation_counted = true;
        variant.kind.unit = RetentionUnit::CustomerProduct;
        let path = steps(&base, &variant);
        let names: Vec<&str> = path.iter().map(|(rule, _)| rule.as_str()).collect();
        assert_eq!(names, ["method", "unit", "exclude_types", "reactivation", "window", "chain"]);
        assert_eq!(path.last().unwrap().1, variant);
        assert!(steps(&base, &base).is_empty());
    }
}
