//! The types that follow from the definitions: names of metrics and dimensions, `Where` and
//! `MetricRecord`.

use async_graphql::dynamic::{Enum, EnumItem, Field, InputObject, InputValue, Object, TypeRef};

use crate::model::{Dimension, DimensionType, Metric, Model};

use super::super::metrics::{public_metrics, reason_of, record_scalar};
use super::read;

/// The only item of an enum without items of its own: GraphQL knows no empty enums. No definition
/// can have this name.
const NOTHING: &str = "_none";

pub(super) fn metric_names(model: &Model) -> Enum {
    let items = public_metrics(model).map(|metric| {
        let item = EnumItem::new(metric.name.as_str()).description(about_metric(metric));
        match reason_of(metric) {
            Some(reason) => item.deprecation(Some(&plain(&reason))),
            None => item,
        }
    });
    names("MetricName", "Every metric, as named in the definitions.", items.collect())
}

pub(super) fn dimension_names(model: &Model) -> Enum {
    let items = model.dimensions.values().map(|dimension| {
        let about = about(&dimension.label, &dimension.description);
        EnumItem::new(dimension.name.as_str()).description(about)
    });
    names("DimensionName", "Every dimension, as named in the definitions.", items.collect())
}

fn names(name: &str, about: &str, mut items: Vec<EnumItem>) -> Enum {
    if items.is_empty() {
        items.push(EnumItem::new(NOTHING).description("Nothing is defined yet."));
    }
    Enum::new(name).description(about).items(items)
}

pub(super) fn filter(model: &Model) -> InputObject {
    let filters = |name| TypeRef::List(Box::new(TypeRef::named_nn(name)));
    let object = InputObject::new("Where")
        .description(
            "A filter over dimensions. All fields of one object must hold; null or absent means \
             no condition. Two-valued logic: ne, notIn and not keep rows whose value is null.",
        )
        .field(InputValue::new("and", filters("Where")).description("All of these hold."))
        .field(
            InputValue::new("or", filters("Where"))
                .description("At least one of these holds. An empty list is an error."),
        )
        .field(
            InputValue::new("not", TypeRef::named("Where"))
                .description("This does not hold. No condition in it means no condition."),
        );
    model.dimensions.values().fold(object, |object, dimension| {
        let about = about(&dimension.label, &dimension.description);
        let ty = TypeRef::named(filter_type(dimension.data_type));
        object.field(InputValue::new(dimension.name.as_str(), ty).description(about))
    })
}

/// Whether a type is the filter of a kind of dimension that the model has none of.
pub(super) fn is_unused_filter(model: &Model, ty: &str) -> bool {
    let used = |dimension: &Dimension| filter_type(dimension.data_type) == ty;
    ty.ends_with("Filter") && !model.dimensions.values().any(used)
}

fn filter_type(data_type: DimensionType) -> &'static str {
    match data_type {
        DimensionType::Text => "StringFilter",
        DimensionType::Int => "IntFilter",
        DimensionType::Decimal => "DecimalFilter",
        DimensionType::Float => "FloatFilter",
        DimensionType::Bool => "BooleanFilter",
        DimensionType::Date => "DateFilter",
        DimensionType::Timestamp => "TimestampFilter",
    }
}

pub(super) fn record(model: &Model) -> Object {
    let field = |name: &str, ty: &str| read(name, TypeRef::named(ty));
    let mut object = Object::new("MetricRecord")
        .description("A row of a table: null for what was not asked.")
        .field(field("period", "Date").description("The start of the row's period."));
    for dimension in model.dimensions.values() {
        let built = field(dimension.name.as_str(), scalar_of(dimension.data_type));
        object = object.field(built.description(about(&dimension.label, &dimension.description)));
    }
    for metric in public_metrics(model) {
        let built = field(metric.name.as_str(), record_scalar(model, metric));
        object = object.field(deprecated(built.description(about_metric(metric)), metric));
    }
    object
}

fn deprecated(field: Field, metric: &Metric) -> Field {
    match reason_of(metric) {
        Some(reason) => field.deprecation(Some(&plain(&reason))),
        None => field,
    }
}

fn scalar_of(data_type: DimensionType) -> &'static str {
    match data_type {
        DimensionType::Text => "String",
        DimensionType::Int => "Int",
        DimensionType::Decimal => "Decimal",
        DimensionType::Float => "Float",
        DimensionType::Bool => "Boolean",
        DimensionType::Date => "Date",
        DimensionType::Timestamp => "DateTime",
    }
}

fn about_metric(metric: &Metric) -> String {
    about(&metric.label, &metric.description)
}

fn about(label: &str, description: &str) -> String {
    let description = description.trim();
    let text = if description.is_empty() { label.trim() } else { description };
    // What would end a block string of the exported SDL.
    text.replace("\"\"\"", "'''")
}

/// async-graphql writes reasons into the SDL without escaping quotes.
fn plain(reason: &str) -> String {
    reason.replace('"', "'")
}
