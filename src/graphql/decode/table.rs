//! The arguments of the flat table.

use async_graphql::Value;

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{MetricName, Model};
use crate::planner::{Compare, Nulls, OrderBy, TableAsk, Test};

use super::super::metrics::{public_metric, public_metrics};
use super::args::{Args, bad, choice, flag, name_of, text};
use super::filter::{number_tests, object, present};

const COMPARES: [(&str, Compare); 2] =
    [("PREVIOUS_PERIOD", Compare::PreviousPeriod), ("PREVIOUS_YEAR", Compare::PreviousYear)];
const NULLS: [(&str, Nulls); 2] = [("FIRST", Nulls::First), ("LAST", Nulls::Last)];

pub(super) fn table_ask(model: &Model, args: &Args, totals: bool) -> ApiResult<TableAsk> {
    let select = args.items("select");
    if select.is_empty() {
        return Err(bad("`select` names no metric.".to_owned()));
    }
    let compares = args.items("compareTo").into_iter();
    Ok(TableAsk {
        select: select
            .into_iter()
            .map(|(at, item)| metric(model, item, &at))
            .collect::<ApiResult<_>>()?,
        having: args.get("having").map_or_else(|| Ok(Vec::new()), |value| having(model, value))?,
        compare_to: compares
            .map(|(at, item)| choice(item, &at, &COMPARES))
            .collect::<ApiResult<_>>()?,
        order_by: args
            .items("orderBy")
            .into_iter()
            .map(|(at, item)| order_by(item, &at))
            .collect::<ApiResult<_>>()?,
        limit: args.counted("limit")?.unwrap_or(1000),
        offset: args.counted("offset")?.unwrap_or(0),
        totals,
    })
}

pub(super) fn metric(model: &Model, value: &Value, at: &str) -> ApiResult<MetricName> {
    let name = name_of(value).unwrap_or_default();
    public_metric(model, name).map(|metric| metric.name.clone()).ok_or_else(|| {
        let hint = did_you_mean(name, public_metrics(model).map(|metric| metric.name.as_str()));
        let message = format!("`{at}`: metric `{name}` is not defined.{hint}");
        ApiError::new(ErrorCode::UnknownMetric, message)
    })
}

fn having(model: &Model, value: &Value) -> ApiResult<Vec<(String, Test)>> {
    let mut all = Vec::new();
    for (key, value) in present(object(value, "having")?) {
        if ["and", "or", "not"].contains(&key.as_str()) {
            let message = format!("`having` knows no `{key}`: all of its conditions must hold.");
            return Err(bad(message));
        }
        if model.dimensions.contains_key(key.as_str()) {
            let message = format!(
                "`having` names `{key}`, which is a dimension and no metric: filter it in `where`."
            );
            return Err(bad(message));
        }
        let tests = number_tests(value, &format!("having.{key}"))?;
        all.extend(tests.into_iter().map(|test| (key.to_string(), test)));
    }
    Ok(all)
}

fn order_by(value: &Value, at: &str) -> ApiResult<OrderBy> {
    let mut order = OrderBy { by: String::new(), descending: false, nulls: None };
    for (key, value) in present(object(value, at)?) {
        match key.as_str() {
            "by" => order.by = text(value, &format!("{at}.by"))?,
            "descending" => order.descending = flag(value, &format!("{at}.descending"))?,
            "nulls" => order.nulls = Some(choice(value, &format!("{at}.nulls"), &NULLS)?),
            other => {
                let hint = did_you_mean(other, ["by", "descending", "nulls"]);
                return Err(bad(format!("`{at}` has no field `{other}`.{hint}")));
            }
        }
    }
    if order.by.is_empty() {
        return Err(bad(format!("`{at}.by` must be a column's key.")));
    }
    Ok(order)
}
