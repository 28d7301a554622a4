//! Arguments → [`MetricQuery`], the same for GraphQL and for the parameters of the HTTP exports.
//! What is wrong with one field's arguments is that field's own error.

mod args;
mod dates;
mod filter;
mod table;

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use chrono::NaiveDate;

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{
    AttachBasis, AttributionRule, DimensionName, MetricName, Model, RetentionMethod, RetentionUnit,
    TimeOrigin, Window,
};
use crate::planner::{Ask, MetricQuery, PeriodAsk, Scope};
use crate::values::Grain;

use super::contract::{Contract, QUERY};
pub(super) use args::Args;
pub(super) use filter::{COMBINING, hint_of, no_operator};

use args::name_of;
use dates::Edge;

const WINDOWS: [(&str, Window); 4] = [
    ("PERIOD", Window::Period),
    ("TRAILING_3_MONTHS", Window::TrailingMonths(3)),
    ("TRAILING_6_MONTHS", Window::TrailingMonths(6)),
    ("TRAILING_12_MONTHS", Window::TrailingMonths(12)),
];
const METHODS: [(&str, RetentionMethod); 2] =
    [("LEDGER", RetentionMethod::Ledger), ("ENDPOINT", RetentionMethod::Endpoint)];
const UNITS: [(&str, RetentionUnit); 2] =
    [("CUSTOMER", RetentionUnit::Customer), ("CUSTOMER_PRODUCT", RetentionUnit::CustomerProduct)];
const BASES: [(&str, AttachBasis); 3] = [
    ("ORDER", AttachBasis::Order),
    ("CUSTOMER", AttachBasis::Customer),
    ("WITHIN_DAYS", AttachBasis::WithinDays),
];
const ORIGINS: [(&str, TimeOrigin); 3] = [
    ("ACQUISITION", TimeOrigin::Acquisition),
    ("MILESTONE", TimeOrigin::Milestone),
    ("PREVIOUS_EXPANSION", TimeOrigin::PreviousExpansion),
];
const RULES: [(&str, AttributionRule); 4] = [
    ("OWNER_AT_EVENT", AttributionRule::OwnerAtEvent),
    ("CURRENT_OWNER", AttributionRule::CurrentOwner),
    ("OWNER_AT_PERIOD_START", AttributionRule::OwnerAtPeriodStart),
    ("OFFER_OWNER", AttributionRule::OfferOwner),
];

/// Decodes the questions of one request.
pub(super) struct Decoder<'d> {
    model: &'d Model,
    contract: &'d Contract,
    scope: &'d Scope,
}

impl<'d> Decoder<'d> {
    pub fn new(model: &'d Model, contract: &'d Contract, scope: &'d Scope) -> Self {
        Self { model, contract, scope }
    }

    /// The question of a root field; `totals` says whether a table's totals are wanted.
    pub fn question(
        &self,
        field: &str,
        arguments: IndexMap<String, Value>,
        totals: bool,
    ) -> ApiResult<MetricQuery> {
        let args = Args::new(arguments, &self.contract.arguments(QUERY, field));
        let grains = Grain::ALL.map(|grain| (grain.as_str(), grain));
        let period = if field == "timeToExpansion" { "cohort" } else { "period" };
        let filter = args.get("where").map(|value| filter::predicate(self.model, value, "where"));
        Ok(MetricQuery {
            scope: self.scope.clone(),
            ask: self.ask(field, &args, totals)?,
            period: self.period(&args, period)?,
            grain: args.choice("grain", &grains)?,
            group_by: self.group_by(&args)?,
            filter: filter.transpose()?.flatten(),
            sparse: args.flag("sparse")?.unwrap_or(false),
            as_of: match args.get("asOf") {
                Some(value) => Some(dates::instant(value, self.model.calendar, "asOf")?),
                None => None,
            },
            defined_at: args.get("definedAt").map(|day| day_of(self.model, day)).transpose()?,
        })
    }

    fn ask(&self, field: &str, args: &Args, totals: bool) -> ApiResult<Ask> {
        if field == "metrics" {
            return Ok(Ask::Table(table::table_ask(self.model, args, totals)?));
        }
        if field == "variants" {
            let of =
                args.get("of").map(|value| table::metric(self.model, value, "of")).transpose()?;
            let window = args.choice("window", &WINDOWS)?;
            return of
                .map(|of| Ask::Variants { of, window })
                .ok_or_else(|| ApiError::new(ErrorCode::BadRequest, "`of` names no metric."));
        }
        let metric = self.metric_of(field)?;
        Ok(match field {
            "nrr" => Ask::Retention {
                metric,
                window: args.choice("window", &WINDOWS)?.unwrap_or(Window::TrailingMonths(12)),
                method: args.choice("method", &METHODS)?,
                unit: args.choice("unit", &UNITS)?.unwrap_or(RetentionUnit::Customer),
            },
            "expansionByType" => Ask::Expansion { metric, by_customer: true },
            "attachRate" => Ask::Attach {
                metric,
                basis: args.choice("basis", &BASES)?.unwrap_or(AttachBasis::Order),
                within_days: args.counted("withinDays")?.unwrap_or(90),
            },
            "timeToExpansion" => Ask::Duration {
                metric,
                origin: args.choice("origin", &ORIGINS)?.unwrap_or(TimeOrigin::Acquisition),
                milestone: args.text("milestone")?,
                nth: args.counted("nth")?.unwrap_or(1),
                types: args.texts("types")?,
                competing: args.flag("competing")?.unwrap_or(false),
            },
            "csmExpansionAttribution" => Ask::Attribution {
                metric,
                rule: args.choice("rule", &RULES)?.unwrap_or(AttributionRule::OwnerAtEvent),
                book: true,
            },
            "cohorts" => Ask::Cohorts { metric },
            other => {
                let message = format!("`{other}` is not a question.");
                return Err(ApiError::new(ErrorCode::BadRequest, message));
            }
        })
    }

    fn metric_of(&self, field: &str) -> ApiResult<MetricName> {
        let metric = self.model.metric_of_field(field).ok_or_else(|| {
            let message = format!(
                "`{field}` cannot be answered: no metric of this project's definitions says \
                 `field: {field}`."
            );
            ApiError::new(ErrorCode::Unavailable, message)
        })?;
        Ok(metric.name.clone())
    }

    fn group_by(&self, args: &Args) -> ApiResult<Vec<DimensionName>> {
        let items = args.items("groupBy").into_iter();
        items.map(|(at, item)| dimension(self.model, item, &at)).collect()
    }

    fn period(&self, args: &Args, name: &str) -> ApiResult<Option<PeriodAsk>> {
        let Some(value) = args.get(name) else { return Ok(None) };
        let Value::Object(fields) = value else {
            let message = format!("`{name}` must be an object of start, end or last.");
            return Err(ApiError::new(ErrorCode::BadPeriod, message));
        };
        let mut period = PeriodAsk::default();
        for (key, value) in fields.iter().filter(|(_, value)| **value != Value::Null) {
            let at = format!("{name}.{key}");
            let calendar = self.model.calendar;
            match key.as_str() {
                "start" => {
                    period.start = Some(dates::period_day(value, calendar, &at, Edge::Start)?);
                }
                "end" => period.end = Some(dates::period_day(value, calendar, &at, Edge::End)?),
                "last" => period.last = Some(args::whole(value, &at)?),
                other => {
                    let hint = did_you_mean(other, ["start", "end", "last"]);
                    let message = format!("`{name}` has no field `{other}`.{hint}");
                    return Err(ApiError::new(ErrorCode::BadPeriod, message));
                }
            }
        }
        Ok(Some(period))
    }
}

/// A day as callers write it.
pub(super) fn day_of(model: &Model, value: &Value) -> ApiResult<NaiveDate> {
    dates::day(value, model.calendar, "definedAt")
}

/// A dimension by its name.
fn dimension(model: &Model, value: &Value, at: &str) -> ApiResult<DimensionName> {
    let name = name_of(value).unwrap_or_default();
    model.dimensions.get(name).map(|dimension| dimension.name.clone()).ok_or_else(|| {
        let hint = match did_you_mean(name, model.dimensions.keys().map(DimensionName::as_str)) {
            none if none.is_empty() => " `catalog { dimensions { name } }` lists them all.".into(),
            hint => hint,
        };
        let message = format!("`{at}`: dimension `{name}` is not defined.{hint}");
        ApiError::new(ErrorCode::UnknownDimension, message)
    })
}
