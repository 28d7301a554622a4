//! Last stage: what the catalogue says of a metric in words: its formula, over what it adds up,
//! its unit where none is written; with its dimensions and lineage.

use indexmap::IndexMap;

use super::{Resolver, graph};
use crate::model::{
    Aggregate, AggregateKind, AttachBasis, AttributionRule, BalanceMeasure, CohortKind,
    CohortMeasure, CumulativeWindow, DurationKind, DurationMeasure, Metric, MetricExpr, MetricKind,
    MetricName, MovementClass, MovementMeasure, RetentionKind, RetentionMeasure, RetentionMethod,
    RetentionUnit, TimeOrigin, Unit, Window,
};

const NOTHING: &str = "does not add up: totals are asked without grain and groupBy";

impl Resolver<'_> {
    /// Inputs come first in `order`, so that each metric can be told from theirs.
    pub(super) fn finish_metrics(&mut self, order: &[MetricName]) {
        let mut shared: IndexMap<String, usize> = IndexMap::new();
        for name in order {
            let Some(metric) = self.metrics.get(name) else { continue };
            let dimensions = self.dimensions_of(metric);
            let lineage = self.lineage_of(metric);
            let additive = self.additive(metric);
            let mut formula = formula(&metric.kind);
            if let Some(filter) = &metric.filter {
                formula.push_str("; only where ");
                formula.push_str(&filter.text);
            }
            let unit = match &metric.unit {
                Unit::Other(word) if word.is_empty() => self.usual_unit(metric),
                written => written.clone(),
            };
            if graph::inputs(metric).len() > 1 {
                shared.insert(name.to_string(), dimensions.len());
            }
            if let Some(metric) = self.metrics.get_mut(name) {
                *metric = Metric { unit, additive, formula, dimensions, lineage, ..metric.clone() };
            }
        }
        self.warn_ungroupable(&shared);
    }

    fn additive(&self, metric: &Metric) -> String {
        let text = match &metric.kind {
            MetricKind::Aggregate(kind) => match kind.aggregate {
                Aggregate::Count | Aggregate::Sum => "adds up over every dimension and over time",
                Aggregate::CountDistinct => {
                    "does not add up: one value can count in several groups"
                }
                _ => NOTHING,
            },
            MetricKind::Balance { measure: BalanceMeasure::Amount, .. } => {
                "adds up over every dimension, not over time: it is a state at the period's end"
            }
            MetricKind::Balance { measure: BalanceMeasure::Customers, .. } => {
                "adds up over attributes of customers, not over products and not over time"
            }
            MetricKind::Movement { measure: MovementMeasure::Amount, .. }
            | MetricKind::Attribution(_) => "adds up over every dimension and over time",
            MetricKind::Movement { measure: MovementMeasure::Events, .. } => {
                "adds up over time and every dimension but owners: an event of two owners counts \
                 for both"
            }
            MetricKind::Movement { measure: MovementMeasure::Customers, .. } => {
                "does not add up: a customer counts once in every period and group with a movement"
            }
            MetricKind::Cumulative { .. } => {
                "adds up over dimensions as what it accumulates does, not over time"
            }
            MetricKind::Derived { expr } if is_linear(expr) => return self.additive_of_sum(metric),
            _ => NOTHING,
        };
        text.to_owned()
    }

    /// A sum adds up as its parts do, where they do so alike.
    fn additive_of_sum(&self, metric: &Metric) -> String {
        let mut parts: Vec<&str> = graph::inputs(metric)
            .into_iter()
            .filter_map(|name| self.metrics.get(name))
            .map(|input| input.additive.as_str())
            .collect();
        parts.dedup();
        match parts.as_slice() {
            [one] => (*one).to_owned(),
            _ => "adds up only where all the metrics that it is computed from do".to_owned(),
        }
    }

    fn usual_unit(&self, metric: &Metric) -> Unit {
        match &metric.kind {
            MetricKind::Aggregate(kind) => match kind.aggregate {
                Aggregate::Count | Aggregate::CountDistinct => Unit::Count,
                _ => Unit::Other("number".to_owned()),
            },
            MetricKind::Balance { measure: BalanceMeasure::Amount, .. }
            | MetricKind::Movement { measure: MovementMeasure::Amount, .. }
            | MetricKind::Attribution(_) => Unit::Currency,
            MetricKind::Balance { .. } | MetricKind::Movement { .. } => Unit::Count,
            MetricKind::Duration(kind) => match kind.measure {
                DurationMeasure::ShareByDay(_) => Unit::Ratio,
                _ => Unit::Days,
            },
            MetricKind::Derived { expr } if is_linear(expr) => self.input_unit(metric),
            MetricKind::Cumulative { .. } => self.input_unit(metric),
            _ => Unit::Ratio,
        }
    }

    fn input_unit(&self, metric: &Metric) -> Unit {
        let first = graph::inputs(metric).into_iter().find_map(|name| self.metrics.get(name));
        first.map_or(Unit::Other("number".to_owned()), |input| input.unit.clone())
    }
}

/// Sums, differences and multiples by constants.
fn is_linear(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Metric(_) => true,
        MetricExpr::Constant(..) => false,
        MetricExpr::Neg(inner) => is_linear(inner),
        MetricExpr::Add(a, b) | MetricExpr::Sub(a, b) => is_linear(a) && is_linear(b),
        MetricExpr::Mul(a, b) => {
            (is_constant(a) && is_linear(b)) || (is_linear(a) && is_constant(b))
        }
        MetricExpr::Div(a, b) => is_linear(a) && is_constant(b),
    }
}

fn is_constant(expr: &MetricExpr) -> bool {
    expr.metrics().is_empty()
}

fn formula(kind: &MetricKind) -> String {
    match kind {
        MetricKind::Aggregate(kind) => aggregate(kind),
        MetricKind::Ratio { numerator, denominator } => format!("{numerator} / {denominator}"),
        MetricKind::Derived { expr } => arithmetic(expr, 0),
        MetricKind::Cumulative { of, window } => {
            let span = match window {
                CumulativeWindow::AllTime => "everything before the period's end".to_owned(),
                CumulativeWindow::Months(n) => format!("the {n} months before the period's end"),
                CumulativeWindow::Days(n) => format!("the {n} days before the period's end"),
                CumulativeWindow::ToDate(grain) => {
                    format!("the {} so far", grain.as_str().to_lowercase())
                }
            };
            format!("{of} over {span}")
        }
        MetricKind::Balance { balance, measure: BalanceMeasure::Amount } => {
            format!("sum of {balance} at the period's end")
        }
        MetricKind::Balance { balance, measure: BalanceMeasure::Customers } => {
            format!("customers with {balance} above zero at the period's end")
        }
        MetricKind::Movement { balance, classes, measure } => {
            let words: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
            let what = match measure {
                MovementMeasure::Amount if classes.iter().all(|class| class.is_loss()) => {
                    "sum of amounts, losses positive, of"
                }
                MovementMeasure::Amount => "sum of amounts of",
                MovementMeasure::Events => "number of",
                MovementMeasure::Customers => "distinct customers with",
            };
            format!("{what} recorded {} movements of {balance} in the period", words.join(", "))
        }
        MetricKind::Retention(kind) => retention(kind),
        MetricKind::Attach(kind) => {
            let units = match kind.basis {
                AttachBasis::Order => "orders in the period".to_owned(),
                AttachBasis::Customer => "customers at the period's end".to_owned(),
                AttachBasis::WithinDays => {
                    format!("customers {} days from their first base purchase", kind.within_days)
                }
            };
            format!(
                "{units} holding ({}) and ({}) / those holding ({})",
                kind.base.sql, kind.attached.sql, kind.base.sql
            )
        }
        MetricKind::Duration(kind) => duration(kind),
        MetricKind::Attribution(kind) => {
            let owner = match kind.rule {
                AttributionRule::OwnerAtEvent => "the customer's owners when it happened",
                AttributionRule::CurrentOwner => "the customer's owners at the end of observation",
                AttributionRule::OwnerAtPeriodStart => {
                    "the customer's owners at the period's start"
                }
                AttributionRule::OfferOwner => "who presented the accepted offer",
            };
            let event = MovementClass::Expansion.as_str();
            format!("sum of {event} movements of {}, credited to {owner} by share", kind.balance)
        }
        MetricKind::Conversion(kind) => {
            let base = rows_where(&kind.base);
            format!(
                "rows of {base} followed within {} days by a row of {} of the same {} / rows of {base}",
                kind.within_days,
                rows_where(&kind.conversion),
                kind.base_key,
            )
        }
        MetricKind::Cohort(kind) => cohort(kind),
    }
}

fn aggregate(kind: &AggregateKind) -> String {
    let word = match kind.aggregate {
        Aggregate::Count => "count",
        Aggregate::CountDistinct => "count of distinct",
        Aggregate::Sum => "sum of",
        Aggregate::Min => "smallest",
        Aggregate::Max => "largest",
        Aggregate::Average => "average of",
        Aggregate::Median => "median of",
    };
    let of = kind.expr.as_ref().map_or(String::new(), |expr| format!(" {}", expr.sql));
    let rows = if kind.expr.is_some() { "over rows" } else { "of rows" };
    let time = kind.time.as_ref().map_or(String::new(), |time| format!(", by {time}"));
    format!("{word}{of} {rows} of {}{time}", rows_where(kind))
}

/// A dataset, and which of its rows.
fn rows_where(kind: &AggregateKind) -> String {
    let filter = kind.filter.as_ref().map_or(String::new(), |expr| format!(" where {}", expr.sql));
    format!("{}{filter}", kind.dataset)
}

fn retention(kind: &RetentionKind) -> String {
    let rate = match kind.measure {
        RetentionMeasure::Nrr => "Σ cohort B(e) / Σ cohort B(s)",
        RetentionMeasure::Grr => "Σ cohort max(0, min(B(s), B(e))) / Σ cohort B(s)",
        RetentionMeasure::LogoRetention => "cohort units with B(e) > 0 / cohort units",
        RetentionMeasure::LogoChurnRate => "cohort units with B(e) ≤ 0 / cohort units",
        RetentionMeasure::GrossChurnRate => {
            "(contraction + churn of the cohort in the window) / Σ cohort B(s)"
        }
        RetentionMeasure::ExpansionRate => {
            "cohort units with an expansion in the window / cohort units"
        }
    };
    let window = match kind.window {
        Window::Period => "[s, e) = the row's own period".to_owned(),
        Window::TrailingMonths(n) => format!("e = the period's end, s = {n} months before it"),
    };
    let unit = match kind.unit {
        RetentionUnit::Customer => "customers",
        RetentionUnit::CustomerProduct => "product lines of customers",
    };
    let method = match kind.method {
        Some(RetentionMethod::Ledger) => ", by the ledger",
        Some(RetentionMethod::Endpoint) => ", by comparing both ends",
        None => "",
    };
    let mut rules = kind.rules.in_words();
    rules.insert(0, String::new());
    let rules = rules.join("; ");
    format!("{rate}; cohort = {unit} with B(s) > 0, B = {}; {window}{method}{rules}", kind.balance)
}

fn duration(kind: &DurationKind) -> String {
    let types = kind.types.as_ref().map(|types| format!(" of type {}", types.join(", ")));
    let expansion = format!("expansion {}{}", kind.nth, types.unwrap_or_default());
    let what = match kind.measure {
        DurationMeasure::QuantileDays(50) => "median days".to_owned(),
        DurationMeasure::QuantileDays(percent) => format!("days until {percent} %"),
        DurationMeasure::ShareByDay(day) => format!("share by day {day}"),
        DurationMeasure::ObservedMedianDays => {
            return format!("plain median days to {expansion} among those who expanded");
        }
    };
    let origin = match (kind.origin, &kind.milestone) {
        (TimeOrigin::Milestone, Some(name)) => format!("the milestone {name}"),
        (TimeOrigin::Milestone, None) => "a milestone".to_owned(),
        (TimeOrigin::Acquisition, _) => "acquisition".to_owned(),
        (TimeOrigin::PreviousExpansion, _) => "the previous expansion".to_owned(),
    };
    let estimate = match kind.competing {
        true => "Aalen–Johansen, churn as a competing risk",
        false => "Kaplan–Meier, customers who have not expanded and churned ones censored",
    };
    format!("{what} from {origin} to {expansion} ({estimate})")
}

fn cohort(kind: &CohortKind) -> String {
    let rate = match kind.measure {
        CohortMeasure::MrrRetention => "Σ cohort B(t) / Σ cohort B(first)",
        CohortMeasure::LogoRetention => {
            "cohort customers with B(first) > 0 and B(t) > 0 / those with B(first) > 0"
        }
    };
    let (dataset, _, date) = &kind.acquisition;
    format!(
        "{rate}; cohort = customers whose {dataset}.{date} lies in the period, B = {}, first = the \
         period's end, t = as many periods later as the cohort is old; in a flat table the end of \
         observation",
        kind.balance
    )
}

/// With as few parentheses as the operators need.
fn arithmetic(expr: &MetricExpr, outer: u8) -> String {
    let (text, rank) = match expr {
        MetricExpr::Metric(name) => (name.to_string(), 4),
        MetricExpr::Constant(units, scale) => (decimal(*units, *scale), 4),
        MetricExpr::Neg(inner) => (format!("−{}", arithmetic(inner, 3)), 3),
        MetricExpr::Add(a, b) => (format!("{} + {}", arithmetic(a, 1), arithmetic(b, 1)), 1),
        MetricExpr::Sub(a, b) => (format!("{} − {}", arithmetic(a, 1), arithmetic(b, 2)), 1),
        MetricExpr::Mul(a, b) => (format!("{} × {}", arithmetic(a, 2), arithmetic(b, 2)), 2),
        MetricExpr::Div(a, b) => (format!("{} / {}", arithmetic(a, 2), arithmetic(b, 3)), 2),
    };
    if rank < outer { format!("({text})") } else { text }
}

fn decimal(units: i128, scale: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_keep_their_meaning() {
        let metric = |name: &str| Box::new(MetricExpr::Metric(MetricName::new(name)));
        let sum = Box::new(MetricExpr::Add(metric("a"), metric("b")));
        let ratio = MetricExpr::Div(sum.clone(), Box::new(MetricExpr::Mul(metric("c"), sum)));
        assert_eq!(arithmetic(&ratio, 0), "(a + b) / (c × (a + b))");
        let rest =
            MetricExpr::Sub(metric("a"), Box::new(MetricExpr::Sub(metric("b"), metric("c"))));
        assert_eq!(arithmetic(&rest, 0), "a − (b − c)");
        assert_eq!(decimal(5, 2), "0.05");
        assert!(is_linear(&rest) && !is_linear(&ratio));
    }
}
