//! The numbers of both versions over the last 12 complete months, by month and in total.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Value as Json, json};

use crate::engine::{Answer, Cell, Engine, Freshness, LocalEngine};
use crate::error::ApiResult;
use crate::model::MetricName;
use crate::planner::{Ask, MetricQuery, PeriodAsk, Scope, TableAsk};
use crate::values::{Grain, Number, show_number};

const MONTHS: i64 = 12;

/// A number that is another one in the new version.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    metric: MetricName,
    /// The month's first day; none: the total of all months.
    month: Option<NaiveDate>,
    old: Result<Option<Number>, String>,
    new: Result<Option<Number>, String>,
}

/// By month, then the total under `None`; or why there is no answer.
type Numbers = Result<BTreeMap<Option<NaiveDate>, Option<Number>>, String>;

impl Moved {
    fn period(&self) -> String {
        self.month.map_or_else(|| "total".to_owned(), |month| month.format("%Y-%m").to_string())
    }

    fn change(&self) -> Option<Number> {
        match (&self.old, &self.new) {
            (Ok(Some(old)), Ok(Some(new))) => new.sub(old),
            _ => None,
        }
    }

    pub fn cells(&self) -> Vec<String> {
        let text = |side: &Result<Option<Number>, String>| match side {
            Ok(Some(number)) => show_number(number),
            Ok(None) => "null".to_owned(),
            Err(code) => code.clone(),
        };
        let change = self.change().map_or_else(String::new, |change| show_number(&change));
        vec![self.metric.to_string(), self.period(), text(&self.old), text(&self.new), change]
    }

    pub fn json(&self) -> Json {
        let [metric, period, old, new, change] = self.cells().try_into().unwrap_or_default();
        json!({ "metric": metric, "period": period, "old": old, "new": new, "change": change })
    }
}

/// Every number that moves, of every metric that both versions offer.
pub async fn moved(old: &LocalEngine, new: &LocalEngine) -> Vec<Moved> {
    let offered = |engine: &LocalEngine, name: &MetricName| {
        engine.model().metrics.get(name).is_some_and(|metric| !metric.private)
    };
    let names = new.model().metrics.keys().filter(|name| offered(old, name) && offered(new, name));
    let names: Vec<MetricName> = names.cloned().collect();
    let (before, after) = (numbers(old, &names).await, numbers(new, &names).await);
    let mut found = Vec::new();
    for (name, (before, after)) in names.iter().zip(before.into_iter().zip(after)) {
        let mut months: Vec<Option<NaiveDate>> =
            [&before, &after].into_iter().flatten().flat_map(BTreeMap::keys).copied().collect();
        months.sort_unstable();
        months.dedup();
        if months.is_empty() {
            months.push(None);
        }
        let at = |numbers: &Numbers, month| match numbers {
            Ok(known) => Ok(known.get(month).cloned().flatten()),
            Err(code) => Err(code.clone()),
        };
        let rows = months.iter().map(|month| Moved {
            metric: name.clone(),
            month: *month,
            old: at(&before, month),
            new: at(&after, month),
        });
        found.extend(rows.filter(|row| !same(&row.old, &row.new)));
    }
    found
}

fn same(old: &Result<Option<Number>, String>, new: &Result<Option<Number>, String>) -> bool {
    match (old, new) {
        (Ok(Some(old)), Ok(Some(new))) => old.compare(new).is_eq(),
        (old, new) => old == new,
    }
}

/// One question a metric, so that one that cannot be answered hides no other.
async fn numbers(engine: &LocalEngine, names: &[MetricName]) -> Vec<Numbers> {
    let query = |name: &MetricName| MetricQuery {
        scope: Scope::unrestricted("diff"),
        ask: Ask::Table(TableAsk {
            select: vec![name.clone()],
            limit: MONTHS + 1,
            totals: true,
            ..TableAsk::default()
        }),
        period: Some(PeriodAsk { start: None, end: None, last: Some(MONTHS) }),
        grain: Some(Grain::Month),
        group_by: Vec::new(),
        filter: None,
        sparse: false,
        as_of: None,
        defined_at: None,
    };
    let answers = engine.run(names.iter().map(query).collect(), &Freshness::default()).await;
    answers.into_iter().map(of_answer).collect()
}

fn of_answer(answer: ApiResult<Arc<Answer>>) -> Numbers {
    let answer = answer.map_err(|error| error.code.as_str().to_owned())?;
    let Answer::Table(table, _) = answer.as_ref() else { return Err("INTERNAL".to_owned()) };
    let mut numbers = BTreeMap::new();
    for row in &table.rows {
        if let [Cell::Period(month), Cell::Metric(value)] = &row[..] {
            numbers.insert(Some(*month), value.clone());
        }
    }
    if let Some((_, total)) = table.totals.as_ref().and_then(|totals| totals.first()) {
        numbers.insert(None, total.clone());
    }
    Ok(numbers)
}
