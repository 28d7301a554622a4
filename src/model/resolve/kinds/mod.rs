//! Kinds of metrics, bound to datasets, columns, balances and other metrics.

mod attach;
mod attribution;
mod cohort;
mod conversion;
mod duration;
mod retention;

use super::Resolver;
use crate::definitions::Text;
use crate::definitions::metric::{
    AggregateDef, AggregateWord, BalanceWord, ClassWord, CumulativeDef, KindDef, MovementDef,
    MovementWord,
};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::{
    Aggregate, AggregateKind, BalanceMeasure, BalanceName, CumulativeWindow, MetricKind,
    MovementClass, MovementMeasure,
};
use crate::values::Grain;

/// More days than a century are a slip.
const MAX_DAYS: u32 = 36_525;

impl Resolver<'_> {
    pub(super) fn bind_kind(&mut self, def: &KindDef, span: Span) -> Option<MetricKind> {
        Some(match def {
            KindDef::Aggregate(def) => MetricKind::Aggregate(self.bind_aggregate(def)?),
            KindDef::Ratio(def) => {
                let numerator = self.metric_name(&def.numerator);
                let denominator = self.metric_name(&def.denominator)?;
                MetricKind::Ratio { numerator: numerator?, denominator }
            }
            KindDef::Derived(def) => {
                MetricKind::Derived { expr: self.bind_metric_expr(&def.expr)? }
            }
            KindDef::Cumulative(def) => self.bind_cumulative(def)?,
            KindDef::Balance(def) => MetricKind::Balance {
                balance: self.balance(def.balance.as_ref(), span)?,
                measure: match def.measure {
                    BalanceWord::Amount => BalanceMeasure::Amount,
                    BalanceWord::Customers => BalanceMeasure::Customers,
                },
            },
            KindDef::Movement(def) => self.bind_movement(def, span)?,
            KindDef::Retention(def) => MetricKind::Retention(self.bind_retention(def, span)?),
            KindDef::Attach(def) => MetricKind::Attach(self.bind_attach(def, span)?),
            KindDef::Duration(def) => MetricKind::Duration(self.bind_duration(def, span)?),
            KindDef::Attribution(def) => MetricKind::Attribution(self.bind_attribution(def, span)?),
            KindDef::Conversion(def) => MetricKind::Conversion(self.bind_conversion(def)?),
            KindDef::Cohort(def) => MetricKind::Cohort(self.bind_cohort(def, span)?),
        })
    }

    /// The named balance, else the only one there is.
    fn balance(&mut self, named: Option<&Text>, span: Span) -> Option<BalanceName> {
        if let Some(text) = named {
            if let Some((name, _)) = self.balances.get_key_value(text.value.as_str()) {
                return Some(name.clone());
            }
            let known = self.balances.keys().map(ToString::to_string).collect();
            self.unknown(Code::UnknownBalance, "balance", text, known);
            return None;
        }
        if let [name] = self.balances.keys().collect::<Vec<_>>().as_slice() {
            return Some((*name).clone());
        }
        let known: Vec<String> = self.balances.keys().map(ToString::to_string).collect();
        let found = Diagnostic::new(Code::MissingKey, span, "`balance` is missing");
        self.out.push(found.help(match known.is_empty() {
            true => "define a balance first".to_owned(),
            false => format!("say which: {}", known.join(", ")),
        }));
        None
    }

    fn bind_aggregate(&mut self, def: &AggregateDef) -> Option<AggregateKind> {
        let aggregate = match def.aggregate {
            AggregateWord::Count => Aggregate::Count,
            AggregateWord::CountDistinct => Aggregate::CountDistinct,
            AggregateWord::Sum => Aggregate::Sum,
            AggregateWord::Min => Aggregate::Min,
            AggregateWord::Max => Aggregate::Max,
            AggregateWord::Average => Aggregate::Average,
            AggregateWord::Median => Aggregate::Median,
        };
        if def.expr.is_none() && aggregate != Aggregate::Count {
            let message = format!("{} needs an `expr`", def.aggregate.as_str());
            let found = Diagnostic::new(Code::MissingKey, def.span, message);
            self.out.push(found.help("add `expr:` with the column to aggregate"));
            return None;
        }
        let dataset = self.dataset_name(&def.dataset)?;
        let expr = self.optional_scalar(&dataset, def.expr.as_ref());
        if let (Some(text), Some(Some(_))) = (&def.expr, &expr) {
            self.check_aggregated(&dataset, text, aggregate);
        }
        let filter = self.row_condition(&dataset, def.filter.as_ref());
        let time = match &def.time {
            Some(text) => Some(self.use_time(&dataset, text)?),
            None => self.datasets.get(&dataset).and_then(|found| found.time.clone()),
        };
        Some(AggregateKind { dataset, aggregate, expr: expr?, filter: filter?, time })
    }

    /// None: it cannot be bound; Some(None): there is none.
    #[allow(clippy::option_option)]
    fn optional_scalar(
        &mut self,
        dataset: &crate::model::DatasetName,
        text: Option<&Text>,
    ) -> Option<Option<crate::model::ScalarExpr>> {
        match text {
            None => Some(None),
            Some(text) => self.bind_scalar(dataset, text).map(Some),
        }
    }

    /// The same of a condition on a row.
    #[allow(clippy::option_option)]
    fn row_condition(
        &mut self,
        dataset: &crate::model::DatasetName,
        text: Option<&Text>,
    ) -> Option<Option<crate::model::ScalarExpr>> {
        let bound = self.optional_scalar(dataset, text)?;
        if let Some(text) = text {
            self.check_condition(dataset, text);
        }
        Some(bound)
    }

    fn bind_cumulative(&mut self, def: &CumulativeDef) -> Option<MetricKind> {
        let of = self.metric_name(&def.of);
        let window = parse_window(&def.window.value);
        if window.is_none() {
            let message = format!("`{}` is not a window", def.window.value);
            let found = Diagnostic::new(Code::UnknownChoice, def.window.span, message);
            self.out.push(found.help(
                "write all_time, `12 months`, `28 days`, year_to_date, quarter_to_date, \
                 month_to_date or week_to_date",
            ));
        }
        let of = of?;
        let found = self.definitions.metrics.iter().rev();
        let kind = found.map(|metric| (metric.common.name.as_str(), &metric.kind));
        let mut kinds = kind.filter(|(name, _)| *name == of.as_str());
        if let Some((_, kind)) = kinds.next()
            && !matches!(kind, KindDef::Aggregate(_))
        {
            let message = format!("`{of}` is not an aggregate and cannot be accumulated");
            self.report(Code::WrongMetricKind, def.of.span, message);
            return None;
        }
        Some(MetricKind::Cumulative { of, window: window? })
    }

    fn bind_movement(&mut self, def: &MovementDef, span: Span) -> Option<MetricKind> {
        let balance = self.balance(def.balance.as_ref(), span)?;
        let classes = def.classes.0.iter().map(|class| match class {
            ClassWord::New => MovementClass::New,
            ClassWord::Expansion => MovementClass::Expansion,
            ClassWord::Contraction => MovementClass::Contraction,
            ClassWord::Churn => MovementClass::Churn,
            ClassWord::Reactivation => MovementClass::Reactivation,
        });
        Some(MetricKind::Movement {
            balance,
            classes: classes.collect(),
            measure: match def.measure {
                MovementWord::Amount => MovementMeasure::Amount,
                MovementWord::Events => MovementMeasure::Events,
                MovementWord::Customers => MovementMeasure::Customers,
            },
        })
    }

    /// A number within its bounds, both included.
    fn number(
        &mut self,
        written: Option<&crate::definitions::Located<u32>>,
        default: u32,
        (low, high): (u32, u32),
    ) -> u32 {
        let Some(number) = written else { return default };
        if !(low..=high).contains(&number.value) {
            let message = format!("{} is not between {low} and {high}", number.value);
            self.report(Code::InvalidValue, number.span, message);
        }
        number.value
    }
}

fn parse_window(text: &str) -> Option<CumulativeWindow> {
    let word = text.trim().to_lowercase();
    let to_date = |grain| Some(CumulativeWindow::ToDate(grain));
    match word.as_str() {
        "all_time" => return Some(CumulativeWindow::AllTime),
        "year_to_date" => return to_date(Grain::Year),
        "quarter_to_date" => return to_date(Grain::Quarter),
        "month_to_date" => return to_date(Grain::Month),
        "week_to_date" => return to_date(Grain::Week),
        _ => {}
    }
    let (number, unit) = word.split_once(' ')?;
    let number: u32 = number.parse().ok().filter(|number| (1..=MAX_DAYS).contains(number))?;
    match unit.trim() {
        "month" | "months" if number <= 1_200 => Some(CumulativeWindow::Months(number)),
        "day" | "days" => Some(CumulativeWindow::Days(number)),
        _ => None,
    }
}
