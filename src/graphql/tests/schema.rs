//! The schema itself: complete, described, valid, introspectable.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use super::super::testing::{FakeEngine, api, empty_model, over};
use super::{answer, execute, text};

/// The query that graphql-js sends (`getIntrospectionQuery` with every option on).
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name kind } mutationType { name kind } subscriptionType { name kind } types { ...FullType } directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } } fragment FullType on __Type { kind name description specifiedByURL isOneOf fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } } fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason } fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

fn definition<'s>(sdl: &'s str, head: &str) -> &'s str {
    let start = sdl.find(head).unwrap_or_else(|| panic!("{head} is missing"));
    let end = sdl[start..].find("\n}").unwrap();
    &sdl[start..start + end]
}

#[test]
fn the_names_of_the_definitions_are_in_the_schema() {
    let sdl = api().0.sdl();
    let metrics = definition(&sdl, "enum MetricName");
    assert!(metrics.contains("What nrr means.") && metrics.contains("\n  nrr\n"), "{metrics}");
    assert!(!sdl.contains("secret"));
    let deprecated =
        "old_mrr @deprecated(reason: \"Counts 'trials'. Use `mrr`. Removed after 2027-05-31.\")";
    assert!(metrics.contains(deprecated), "{metrics}");
    let record = definition(&sdl, "type MetricRecord");
    for field in [
        "period: Date",
        "nrr: Float",
        "mrr: Decimal",
        "customers: Int",
        "seats: Int",
        "acquired_on: Date",
        "list_price: Decimal",
        "old_mrr: Decimal @deprecated",
    ] {
        assert!(record.contains(&format!("\n  {field}")), "{field} is not in {record}");
    }
    let filter = definition(&sdl, "input Where");
    for field in [
        "and: [Where!]",
        "or: [Where!]",
        "not: Where",
        "segment: StringFilter",
        "seats: IntFilter",
        "list_price: DecimalFilter",
        "acquired_on: DateFilter",
    ] {
        assert!(filter.contains(&format!("\n  {field}")), "{field} is not in {filter}");
    }
}

#[test]
fn the_contract_is_in_the_schema_with_its_defaults() {
    let sdl = api().0.sdl();
    let query = definition(&sdl, "type Query");
    for part in [
        "window: Window = TRAILING_12_MONTHS",
        "unit: RetentionUnit = CUSTOMER",
        "withinDays: Int = 90",
        "limit: Int = 1000",
        "groupBy: [DimensionName!] = []",
        "): Retention",
        "): MetricTable",
        "catalog: Catalog",
    ] {
        assert!(query.contains(part), "{part} is not in {query}");
    }
    assert!(sdl.contains("days: [Int!]! = [30, 90, 180, 365]"));
    assert!(sdl.contains("churned: Int!"));
    assert!(!sdl.contains("FloatFilter"), "no dimension is a float");
}

#[test]
fn everything_is_described() {
    for sdl in [api().0.sdl(), over(FakeEngine::new(empty_model())).0.sdl()] {
        let document = parse_schema(&sdl).unwrap();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(ty) = definition else { continue };
            let ty = ty.node;
            let name = ty.name.node.as_str();
            assert!(ty.description.is_some(), "{name}");
            match ty.kind {
                TypeKind::Object(object) => {
                    for field in object.fields {
                        assert!(
                            field.node.description.is_some(),
                            "{name}.{}",
                            field.node.name.node
                        );
                        for argument in field.node.arguments {
                            let argument = argument.node;
                            assert!(
                                argument.description.is_some(),
                                "{name} {}",
                                argument.name.node
                            );
                        }
                    }
                }
                TypeKind::InputObject(object) => {
                    for field in object.fields {
                        assert!(
                            field.node.description.is_some(),
                            "{name}.{}",
                            field.node.name.node
                        );
                    }
                }
                TypeKind::Enum(found) => {
                    assert!(!found.values.is_empty());
                    for value in found.values {
                        assert!(
                            value.node.description.is_some(),
                            "{name}.{}",
                            value.node.value.node
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn introspecting_clients_work_under_the_default_limits() {
    let (api, _) = api();
    let response = execute(&api, INTROSPECTION, "{}").await;
    let body = text(&response);
    assert!(body.starts_with(r#"{"data":{"__schema":{"#), "{}", &body[..200]);
    assert!(!body.contains(r#""errors""#));
    assert!(body.contains(r#""name":"expansion_mrr""#));
}

#[tokio::test]
async fn introspection_answers_beside_questions() {
    let found = answer(
        "{ __type(name: \"Grain\") { enumValues { name } } catalog { definitionVersion } missing: __type(name: \"Nope\") { name } }",
    )
    .await;
    let expected = r#"{"data":{"__type":{"enumValues":[{"name":"DAY"},{"name":"WEEK"},{"name":"MONTH"},{"name":"QUARTER"},{"name":"YEAR"}]},"catalog":{"definitionVersion":"v1"},"missing":null}}"#;
    assert_eq!(found, expected);
}

#[test]
fn the_schema_depends_on_the_definitions_alone() {
    assert_eq!(api().0.sdl(), api().0.sdl());
    let empty = over(FakeEngine::new(empty_model())).0.sdl();
    assert!(definition(&empty, "enum MetricName").contains("_none"));
    assert!(definition(&empty, "enum DimensionName").contains("_none"));
}
