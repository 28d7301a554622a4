//! The catalogue: what can be asked, and whether it can be answered now.
#![allow(clippy::needless_pass_by_value, reason = "resolvers are given their context")]

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};

use crate::engine::{BandHit, TableStatus, bands_of};
use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{
    Dimension, DimensionName, GoodDirection, Metric, MetricKind, MetricName, MetricVersion, Model,
    Target, Tile, Window,
};
use crate::values::{Grain, Instant, Scalar};

use super::super::ProblemInfo;
use super::super::answers::{Fields, band, group_value, too_long};
use super::super::decode::day_of;
use super::super::execution::Execution;
use super::super::metrics::{public_metric, public_metrics, reason_of};
use super::super::values::{TooLong, float, integer, scalar, text};
use super::{Resolvers, execution, or_fail};

/// Most values that `dimensionValues` gives.
const MOST_VALUES: i64 = 1_000;

pub(super) struct CatalogRoot;

pub(super) fn register(resolvers: &mut Resolvers) {
    resolvers
        .of::<CatalogRoot>("Catalog")
        .field("metrics", metrics)
        .field("metric", metric)
        .field("dimensions", dimensions)
        .field("dimensionValues", dimension_values)
        .field("tables", tables)
        .field("name", |context| of_model(context, |model| &model.name))
        .field("currency", |context| of_model(context, |model| &model.currency))
        .field("timeZone", |context| {
            let zone = execution(&context).map(|found| found.model().calendar.zone.name());
            FieldFuture::from_value(zone.map(Value::from))
        })
        .field("definitionVersion", |context| of_model(context, |model| &model.version))
        .field("tiles", |context| {
            let tiles = execution(&context).map_or(&[][..], |found| &found.model().tiles);
            let items = tiles.iter().map(|tile| FieldValue::borrowed_any(tile));
            FieldFuture::Value(Some(FieldValue::list(items)))
        })
        .field("problems", |context| {
            let problems = execution(&context).map_or(&[][..], |found| found.problems());
            let items = problems.iter().map(|problem| FieldValue::borrowed_any(problem));
            FieldFuture::Value(Some(FieldValue::list(items)))
        });
    metric_fields(resolvers);
    metric_state(resolvers);
    judgement_fields(resolvers);
    dimension_fields(resolvers);
    table_fields(resolvers);
}

/// A text of the model itself.
fn of_model(context: ResolverContext<'_>, read: fn(&Model) -> &String) -> FieldFuture<'_> {
    let found = execution(&context).map(|found| Value::from(read(found.model()).as_str()));
    FieldFuture::from_value(found)
}

/// An argument, absent where null.
fn argument<'c>(context: &'c ResolverContext<'_>, name: &str) -> Option<&'c Value> {
    context.args.as_index_map().get(name).filter(|value| **value != Value::Null)
}

/// The name in a literal (enum item) or a variable (text).
fn name_of(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(name) => Some(name),
        _ => None,
    }
}

fn metrics(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let search = argument(&context, "search").and_then(name_of).map(str::to_lowercase);
    let matches = |metric: &&Metric| {
        search.as_ref().is_none_or(|wanted| {
            [metric.name.as_str(), &metric.label, &metric.description]
                .iter()
                .any(|text| text.to_lowercase().contains(wanted))
        })
    };
    FieldFuture::Value(execution(&context).map(|execution| {
        let found = public_metrics(execution.model()).filter(matches);
        FieldValue::list(found.map(|metric| FieldValue::borrowed_any(metric)))
    }))
}

fn metric(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let found = execution(&context).and_then(|execution| {
        let name = argument(&context, "name").and_then(name_of)?;
        let metric = public_metric(execution.model(), name)?;
        match argument(&context, "definedAt") {
            None => Some(metric),
            Some(day) => match day_of(execution.model(), day) {
                Ok(day) => Some(metric.as_of(day)),
                Err(error) => {
                    execution.fail(&context, error);
                    None
                }
            },
        }
    });
    FieldFuture::Value(found.map(|metric| FieldValue::borrowed_any(metric)))
}

fn dimensions(context: ResolverContext<'_>) -> FieldFuture<'_> {
    let of: Vec<&str> = match argument(&context, "of") {
        Some(Value::List(names)) => names.iter().filter_map(name_of).collect(),
        Some(name) => name_of(name).into_iter().collect(),
        None => Vec::new(),
    };
    FieldFuture::Value(execution(&context).map(|execution| {
        let model = execution.model();
        let goes_with_all = |dimension: &&Dimension| {
            of.iter()
                .filter_map(|name| public_metric(model, name))
                .all(|metric| metric.dimensions.contains(&dimension.name))
        };
        let found = model.dimensions.values().filter(goes_with_all);
        FieldValue::list(found.map(|dimension| FieldValue::borrowed_any(dimension)))
    }))
}

fn dimension_values(context: ResolverContext<'_>) -> FieldFuture<'_> {
    FieldFuture::new(async move {
        let Some(execution) = execution(&context) else { return Ok(None) };
        match find_values(execution, &context).await {
            Ok(values) => Ok(Some(values)),
            Err(error) => {
                execution.fail(&context, error);
                Ok(None)
            }
        }
    })
}

async fn find_values(
    execution: &Arc<Execution>,
    context: &ResolverContext<'_>,
) -> ApiResult<Value> {
    let wanted = argument(context, "dimension").and_then(name_of).unwrap_or_default();
    let Some(dimension) = execution.model().dimensions.get(wanted) else {
        let names = execution.model().dimensions.keys().map(DimensionName::as_str);
        let hint = did_you_mean(wanted, names);
        let message = format!("Dimension `{wanted}` is not defined.{hint}");
        return Err(ApiError::new(ErrorCode::UnknownDimension, message));
    };
    let limit = match argument(context, "limit") {
        Some(Value::Number(limit)) => limit.as_i64().unwrap_or(-1),
        _ => 50,
    };
    let limit = usize::try_from(limit.min(MOST_VALUES)).map_err(|_| {
        ApiError::new(ErrorCode::BadRequest, "`limit` must be a whole number from 0.")
    })?;
    let search = argument(context, "search").and_then(name_of);
    let values = execution.dimension_values(&dimension.name, search, limit).await?;
    let written = values.iter().map(|value| {
        let value = scalar(value).map_err(|TooLong| too_long(dimension.name.as_str()));
        or_fail(context, value)
    });
    Ok(Value::List(written.collect()))
}

fn tables(context: ResolverContext<'_>) -> FieldFuture<'_> {
    FieldFuture::new(async move {
        let Some(execution) = execution(&context) else { return Ok(None) };
        let tables = execution.tables().await;
        Ok(Some(FieldValue::list(tables.into_iter().map(FieldValue::owned_any))))
    })
}

fn metric_fields(resolvers: &mut Resolvers) {
    resolvers
        .of::<Metric>("Metric")
        .value("name", |metric| Value::from(metric.name.as_str()))
        .value("label", |metric| Value::from(metric.label.as_str()))
        .value("description", |metric| Value::from(metric.description.as_str()))
        .value("kind", |metric| Value::from(metric.kind.as_str()))
        .value("unit", |metric| Value::from(metric.unit.as_str()))
        .value("additive", |metric| Value::from(metric.additive.as_str()))
        .value("goodDirection", |metric| {
            text(metric.good.map(|good| match good {
                GoodDirection::Up => "up",
                GoodDirection::Down => "down",
            }))
        })
        .value("owner", |metric| text(metric.owner.as_deref()))
        .value("tags", |metric| metric.tags.iter().map(String::as_str).collect())
        .value("format", |metric| text(metric.format.as_deref()))
        .value("filter", |metric| text(metric.filter.as_ref().map(|filter| filter.text.as_str())))
        .value("variantOf", |metric| text(metric.variant_of().map(MetricName::as_str)))
        .field("variants", |context| {
            let metric = context.parent_value.downcast_ref::<Metric>();
            let names = execution(&context).zip(metric).map(|(execution, metric)| {
                let variants = execution.model().variants_of(&metric.name);
                variants.filter(|found| !found.private).map(|found| found.name.as_str()).collect()
            });
            FieldFuture::from_value(names)
        })
        .parts("targets", |metric| &metric.targets)
        .parts("versions", |metric| &metric.versions)
        .value("status", |metric| Value::from(metric.status.as_str()))
        .value("deprecated", |metric| text(reason_of(metric).as_deref()))
        .value("formula", |metric| Value::from(metric.formula.as_str()))
        .value("definition", |metric| Value::from(metric.definition.as_str()))
        .value("file", |metric| Value::from(metric.source.file.as_str()))
        .value("line", |metric| Value::from(metric.source.line))
        .value("dimensions", |metric| metric.dimensions.iter().map(DimensionName::as_str).collect())
        .value("lineage", |metric| {
            metric.lineage.iter().map(|(dataset, column)| format!("{dataset}.{column}")).collect()
        })
        .value("windowMonths", |metric| match &metric.kind {
            MetricKind::Retention(kind) => match kind.window {
                Window::TrailingMonths(months) => Value::from(months),
                Window::Period => Value::Null,
            },
            _ => Value::Null,
        })
        .field("bands", |context| {
            let bands = context.parent_value.downcast_ref::<Metric>().map(bands_of);
            let bands = bands.map(|bands| bands.into_iter().map(FieldValue::owned_any));
            FieldFuture::Value(bands.map(FieldValue::list))
        });
}

fn judgement_fields(resolvers: &mut Resolvers) {
    band(resolvers.of::<BandHit>("Band"));
    group_value(resolvers.of::<(DimensionName, Scalar)>("GroupValue"));
    resolvers
        .of::<Target>("MetricTarget")
        .value("value", |target| float(target.value))
        .value("source", |target| Value::from(target.source.as_str()))
        .value("from", |target| text(target.from.map(|day| day.to_string()).as_deref()))
        .value("to", |target| text(target.to.map(|day| day.to_string()).as_deref()))
        .value("grain", |target| text(target.grain.map(Grain::as_str)))
        .field("only", |context| {
            let target = context.parent_value.downcast_ref::<Target>();
            FieldFuture::Value(target.map(|target| {
                let only = target.only.iter();
                let values = only.map(|(name, value)| (name.clone(), Scalar::text(value.as_str())));
                FieldValue::list(values.map(FieldValue::owned_any))
            }))
        });
    resolvers
        .of::<MetricVersion>("MetricVersion")
        .value("until", |version| Value::from(version.until.to_string()))
        .value("because", |version| text(version.because.as_deref()))
        .value("formula", |version| Value::from(version.metric.formula.as_str()))
        .value("definition", |version| Value::from(version.metric.definition.as_str()))
        .value("file", |version| Value::from(version.metric.source.file.as_str()))
        .value("line", |version| Value::from(version.metric.source.line));
}

/// The fields that look at more than the definition: only when they are selected.
fn metric_state(resolvers: &mut Resolvers) {
    resolvers
        .of::<Metric>("Metric")
        .field("sql", |context| {
            FieldFuture::new(async move {
                let sql = match asked(&context) {
                    Some((execution, metric)) => execution.example_sql(&metric.name).await,
                    None => None,
                };
                Ok(Some(text(sql.as_deref())))
            })
        })
        .field("available", |context| {
            FieldFuture::new(async move {
                let reason = why_unavailable(&context).await;
                Ok(Some(Value::from(reason.is_none())))
            })
        })
        .field("unavailableBecause", |context| {
            FieldFuture::new(
                async move { Ok(Some(text(why_unavailable(&context).await.as_deref()))) },
            )
        });
}

async fn why_unavailable(context: &ResolverContext<'_>) -> Option<String> {
    let (execution, metric) = asked(context)?;
    execution.unavailable_because(&metric.name).await
}

fn asked<'a>(context: &ResolverContext<'a>) -> Option<(&'a Arc<Execution>, &'a Metric)> {
    execution(context).zip(context.parent_value.downcast_ref::<Metric>())
}

fn dimension_fields(resolvers: &mut Resolvers) {
    resolvers
        .of::<Dimension>("Dimension")
        .value("name", |dimension| Value::from(dimension.name.as_str()))
        .value("label", |dimension| Value::from(dimension.label.as_str()))
        .value("description", |dimension| Value::from(dimension.description.as_str()))
        .value("dataType", |dimension| Value::from(dimension.data_type.as_str()))
        .value("history", |dimension| Value::from(dimension.history))
        .field("metrics", |context| {
            let dimension = context.parent_value.downcast_ref::<Dimension>();
            let names = execution(&context).zip(dimension).map(|(execution, dimension)| {
                public_metrics(execution.model())
                    .filter(|metric| metric.dimensions.contains(&dimension.name))
                    .map(|metric| metric.name.as_str())
                    .collect()
            });
            FieldFuture::from_value(names)
        });
}

fn table_fields(resolvers: &mut Resolvers) {
    resolvers
        .of::<TableStatus>("Table")
        .value("name", |table| Value::from(table.name.as_str()))
        .value("location", |table| Value::from(table.location.as_str()))
        .value("available", |table| Value::from(table.available))
        .value("problem", |table| text(table.problem.as_deref()))
        .value("files", |table| integer(table.files))
        .value("bytes", |table| table.bytes.map_or(Value::Null, Value::from))
        .value("rows", |table| table.rows.map_or(Value::Null, Value::from))
        .value("dataThrough", |table| text(table.data_through.map(Instant::to_rfc3339).as_deref()));
    resolvers
        .of::<ProblemInfo>("Problem")
        .value("code", |problem| Value::from(problem.code.as_str()))
        .value("severity", |problem| Value::from(problem.severity.as_str()))
        .value("message", |problem| Value::from(problem.message.as_str()))
        .value("file", |problem| text(problem.file.as_deref()))
        .value("line", |problem| integer(problem.line.map(i64::from)));
    resolvers
        .of::<Tile>("Tile")
        .value("metric", |tile| Value::from(tile.metric.as_str()))
        .value("label", |tile| Value::from(tile.label.as_str()))
        .value("groupBy", |tile| tile.group_by.iter().map(DimensionName::as_str).collect());
}
