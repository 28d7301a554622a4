//! A small model by hand and an engine of canned answers, for the tests of this room and of the
//! server.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::NaiveDate;
use indexmap::IndexMap;

use crate::engine::{
    Answer, AttachAnswerRow, AttributionAnswer, AttributionAnswerRow, Cell, CohortAnswerRow,
    ColumnInfo, ColumnKind, DurationAnswerRow, Engine, ExpansionAnswerRow, Freshness, PeriodInfo,
    Provenance, RetentionAnswerRow, SurvivalPoint, TableAnswer, TableStatus, VariantAnswerRow,
    VariantItem,
};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{
    Aggregate, AggregateKind, BalanceMeasure, BalanceName, Band, Deprecation, Dimension,
    DimensionName, DimensionType, DimensionValue, Metric, MetricKind, MetricName, Model,
    MovementClass, MovementMeasure, RetentionKind, RetentionMeasure, RetentionMethod,
    RetentionRules, RetentionUnit, SourcePos, Unit, Window,
};
use crate::planner::{Ask, MetricQuery, Scope};
use crate::values::{Calendar, Instant, Number, Scalar};

use super::{Api, Caller};

/// An engine that remembers what it was asked.
pub(crate) struct FakeEngine {
    model: Arc<Model>,
    /// One entry for each call of `run`.
    pub runs: Mutex<Vec<Vec<MetricQuery>>>,
    pub canned: fn(&MetricQuery) -> ApiResult<Answer>,
}

impl FakeEngine {
    pub fn new(model: Model) -> Arc<Self> {
        Arc::new(Self { model: Arc::new(model), runs: Mutex::default(), canned: answer })
    }

    pub fn answering(canned: fn(&MetricQuery) -> ApiResult<Answer>) -> Arc<Self> {
        Arc::new(Self { model: Arc::new(model()), runs: Mutex::default(), canned })
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    async fn run(&self, queries: Vec<MetricQuery>, _: &Freshness) -> Vec<ApiResult<Arc<Answer>>> {
        let canned = |query| (self.canned)(query).map(Arc::new);
        let answers = queries.iter().map(canned).collect();
        self.runs.lock().unwrap().push(queries);
        answers
    }

    async fn dimension_values(
        &self,
        _: &Scope,
        dimension: &DimensionName,
        (search, limit): (Option<&str>, usize),
        _: &Freshness,
    ) -> ApiResult<Vec<Scalar>> {
        if dimension.as_str() != "segment" {
            return Err(ApiError::new(ErrorCode::StoreUnavailable, "The storage is away."));
        }
        let all = ["Enterprise", "Mid-Market", "SMB"].into_iter();
        let found = all.filter(|value| search.is_none_or(|part| value.contains(part)));
        Ok(found.take(limit).map(Scalar::text).collect())
    }

    async fn tables(&self, _: &Freshness) -> Vec<TableStatus> {
        vec![TableStatus {
            name: "mrr_movements".into(),
            location: "mrr_movements".into(),
            available: true,
            problem: None,
            files: Some(3),
            bytes: Some(1024),
            rows: None,
            data_through: Some(Instant(0)),
        }]
    }

    async fn unavailable_because(&self, metric: &MetricName, _: &Freshness) -> Option<String> {
        (metric.as_str() == "customers").then(|| "Table `customers` has no files.".to_owned())
    }

    async fn example_sql(&self, metric: &MetricName) -> Option<String> {
        Some(format!("select {metric}"))
    }
}

/// The API over canned answers, with its engine.
pub(crate) fn api() -> (Api, Arc<FakeEngine>) {
    over(FakeEngine::new(model()))
}

pub(crate) fn over(engine: Arc<FakeEngine>) -> (Api, Arc<FakeEngine>) {
    (Api::new(Arc::clone(&engine) as Arc<dyn Engine>).unwrap(), engine)
}

pub(crate) fn caller() -> Caller {
    Caller::unrestricted("tester", "r-1")
}

/// A model without any definition.
pub(crate) fn empty_model() -> Model {
    Model {
        name: "test".into(),
        warehouse: "warehouse".into(),
        calendar: Calendar::utc(),
        currency: "EUR".into(),
        version: "v1".into(),
        datasets: IndexMap::new(),
        dimensions: IndexMap::new(),
        balances: IndexMap::new(),
        metrics: IndexMap::new(),
        tiles: Vec::new(),
        pre_aggregates: Vec::new(),
        tests: Vec::new(),
    }
}

/// Six metrics (one deprecated, one private) and five dimensions.
pub(crate) fn model() -> Model {
    let mut model = empty_model();
    for (name, data_type) in [
        ("segment", DimensionType::Text),
        ("region", DimensionType::Text),
        ("acquired_on", DimensionType::Date),
        ("seats", DimensionType::Int),
        ("list_price", DimensionType::Decimal),
    ] {
        model.dimensions.insert(DimensionName::new(name), dimension(name, data_type));
    }
    let balance = BalanceName::new("recurring_revenue");
    let retention = MetricKind::Retention(RetentionKind {
        balance: balance.clone(),
        measure: RetentionMeasure::Nrr,
        window: Window::TrailingMonths(12),
        method: None,
        unit: RetentionUnit::Customer,
        rules: RetentionRules::default(),
    });
    let movement = MetricKind::Movement {
        balance: balance.clone(),
        classes: vec![MovementClass::Expansion],
        measure: MovementMeasure::Amount,
    };
    let mrr = MetricKind::Balance { balance, measure: BalanceMeasure::Amount };
    let mut nrr = metric("nrr", retention, Unit::Ratio);
    nrr.field = Some("nrr".into());
    nrr.bands = vec![band("problem", None, Some(0.9)), band("excellent", Some(1.1), None)];
    let mut expansion = metric("expansion_mrr", movement, Unit::Currency);
    expansion.field = Some("expansionByType".into());
    let mut old = metric("old_mrr", mrr.clone(), Unit::Currency);
    old.deprecated = Some(Deprecation {
        reason: "Counts \"trials\"".into(),
        replacement: Some(MetricName::new("mrr")),
        removed_after: NaiveDate::from_ymd_opt(2027, 5, 31),
    });
    let mut secret = metric("secret", mrr.clone(), Unit::Currency);
    secret.private = true;
    let mut customers = metric("customers", count(), Unit::Count);
    customers.dimensions = vec![DimensionName::new("region")];
    let mrr = metric("mrr", mrr, Unit::Currency);
    for metric in [nrr, mrr, expansion, customers, old, secret] {
        model.metrics.insert(metric.name.clone(), metric);
    }
    model
}

fn dimension(name: &str, data_type: DimensionType) -> Dimension {
    Dimension {
        name: DimensionName::new(name),
        label: name.to_uppercase(),
        description: format!("The {name} of a customer."),
        data_type,
        dataset: crate::model::DatasetName::new("customers"),
        entity: None,
        value: DimensionValue::Key,
        history: false,
        source: SourcePos::default(),
    }
}

fn count() -> MetricKind {
    MetricKind::Aggregate(AggregateKind {
        dataset: crate::model::DatasetName::new("customers"),
        aggregate: Aggregate::Count,
        expr: None,
        filter: None,
        time: None,
    })
}

fn band(label: &str, low: Option<f64>, high: Option<f64>) -> Band {
    Band { label: label.into(), low, high, source: "handbook".into(), only: Vec::new() }
}

pub(crate) fn metric(name: &str, kind: MetricKind, unit: Unit) -> Metric {
    Metric {
        name: MetricName::new(name),
        label: name.replace('_', " "),
        description: format!("What {name} means."),
        kind,
        filter: None,
        unit,
        additive: "adds up".into(),
        good: None,
        owner: None,
        tags: Vec::new(),
        format: None,
        status: "stable".into(),
        private: false,
        deprecated: None,
        bands: Vec::new(),
        targets: Vec::new(),
        formula: "a / b".into(),
        definition: format!("name: {name}"),
        dimensions: vec![DimensionName::new("segment"), DimensionName::new("region")],
        lineage: vec![(
            crate::model::DatasetName::new("mrr_movements"),
            crate::model::ColumnName::new("amount"),
        )],
        field: None,
        versions: Vec::new(),
        source: SourcePos { file: "canonical/metrics.yml".into(), line: 12, column: 3 },
    }
}

fn period() -> PeriodInfo {
    let day = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
    PeriodInfo { start: day(1), end: day(2), complete: true }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        definition_version: "v1".into(),
        snapshot: "s1".into(),
        data_through: Some(Instant(1_767_225_600_000_000)),
        computed_at: Instant(1_767_225_600_000_000),
        cached: false,
        notes: vec!["1 row without a customer was left out.".into()],
    }
}

#[allow(clippy::unnecessary_wraps)] // the shape of a canned answer
pub(crate) fn answer(query: &MetricQuery) -> ApiResult<Answer> {
    let group: Vec<(DimensionName, Scalar)> =
        query.group_by.iter().map(|name| (name.clone(), Scalar::text("SMB"))).collect();
    Ok(match &query.ask {
        Ask::Retention { .. } => Answer::Retention(vec![retention_row(group)], provenance()),
        Ask::Expansion { .. } => Answer::Expansion(
            vec![ExpansionAnswerRow {
                period: period(),
                group,
                expansion_type: None,
                family: None,
                amount: Number::Decimal(10000, 2),
                from_opening_cohort: Number::Decimal(9000, 2),
                from_outside_cohort: Number::Decimal(1000, 2),
                events: 2,
                customers: 1,
                share: Number::fraction(1, 3),
                target: None,
            }],
            provenance(),
        ),
        Ask::Attach { .. } => Answer::Attach(
            vec![AttachAnswerRow {
                period: period(),
                group,
                attached: None,
                attached_name: None,
                base_units: 4,
                attached_units: 1,
                rate: Number::fraction(1, 4),
                mature: true,
                band: None,
                target: None,
            }],
            provenance(),
        ),
        Ask::Duration { .. } => Answer::Duration(vec![duration_row(group)], provenance()),
        Ask::Attribution { .. } => Answer::Attribution(
            AttributionAnswer {
                rows: vec![AttributionAnswerRow {
                    period: period(),
                    group,
                    owner: Some("c1".into()),
                    owner_name: None,
                    credited: Number::Decimal(500, 2),
                    events: 1,
                    customers: 1,
                    share: None,
                    accounts: Some(3),
                    cohort_mrr: None,
                    nrr: None,
                    target: None,
                }],
                warnings: vec!["2 assignments overlap.".into()],
            },
            provenance(),
        ),
        Ask::Variants { of, .. } => Answer::Variants(vec![variant_row(of, group)], provenance()),
        Ask::Cohorts { .. } => Answer::Cohorts(vec![cohort_row(group)], provenance()),
        Ask::Table(ask) => {
            let mut columns = vec![column("segment", ColumnKind::Dimension)];
            columns.extend(
                ask.select
                    .iter()
                    .map(|metric| typed(metric.as_str(), ColumnKind::Metric, "decimal")),
            );
            let row = |segment: Scalar, units| {
                let amount = Cell::Metric(Some(Number::Decimal(units, 2)));
                let mut row = vec![Cell::Dimension(segment)];
                row.extend(ask.select.iter().map(|_| amount.clone()));
                row
            };
            let rows = vec![row(Scalar::text("SMB"), 1000), row(Scalar::Null, 43050)];
            let mut table = table(columns, rows);
            table.totals = ask.totals.then(|| {
                let total =
                    |metric: &MetricName| (metric.to_string(), Some(Number::Decimal(44050, 2)));
                ask.select.iter().map(total).collect()
            });
            Answer::Table(table, provenance())
        }
    })
}

fn retention_row(group: Vec<(DimensionName, Scalar)>) -> RetentionAnswerRow {
    let amount = |units| Some(Number::Decimal(units, 2));
    RetentionAnswerRow {
        period: period(),
        window: period(),
        group,
        method: RetentionMethod::Ledger,
        starting: amount(43000),
        new: amount(0),
        reactivation: amount(0),
        expansion: amount(3000),
        contraction: amount(800),
        churn: amount(700),
        ending: amount(44500),
        cohort_starting: amount(43000),
        retained: amount(42300),
        gross_retained: None,
        cohort_reactivation: None,
        nrr: Number::fraction(423, 430),
        grr: None,
        logo_retention: Number::fraction(1, 1),
        expansion_rate: None,
        customers: Some(8),
        churned_customers: Some(1),
        expanded_customers: None,
        band: None,
        target: None,
    }
}

fn variant_row(of: &MetricName, group: Vec<(DimensionName, Scalar)>) -> VariantAnswerRow {
    VariantAnswerRow {
        period: period(),
        window: period(),
        group,
        variant: of.clone(),
        label: "Without price".into(),
        rule: "expansion of type price left out".into(),
        value: Number::fraction(415, 430),
        numerator: Some(Number::Decimal(41500, 2)),
        denominator: Some(Number::Decimal(43000, 2)),
        difference: Number::fraction(-8, 430),
        items: vec![VariantItem {
            name: "exclude_types",
            label: "Expansion of the types left out".into(),
            amount: Some(Number::Decimal(-800, 2)),
            denominator_amount: Some(Number::Decimal(0, 2)),
            ratio: Number::fraction(-8, 430),
        }],
    }
}

fn cohort_row(group: Vec<(DimensionName, Scalar)>) -> CohortAnswerRow {
    CohortAnswerRow {
        cohort: period(),
        age: 2,
        group,
        customers: Some(3),
        mrr: Some(Number::Decimal(16000, 2)),
        mrr_retention: Number::fraction(16, 15),
        logo_retention: None,
        starting_customers: None,
        starting_mrr: Some(Number::Decimal(15000, 2)),
    }
}

fn duration_row(group: Vec<(DimensionName, Scalar)>) -> DurationAnswerRow {
    let point = |day, survival| SurvivalPoint {
        day,
        survival,
        low95: None,
        high95: None,
        at_risk: 4,
        events: 1,
    };
    DurationAnswerRow {
        group,
        subjects: 4,
        events: 2,
        censored: 2,
        churned: 0,
        p25_days: Some(10),
        median_days: None,
        p75_days: None,
        band: None,
        target: None,
        observed_median_days: Some(25.5),
        curve: vec![point(10, 0.75), point(41, 0.5)],
    }
}

pub(crate) fn column(name: &str, kind: ColumnKind) -> ColumnInfo {
    typed(name, kind, "string")
}

pub(crate) fn typed(name: &str, kind: ColumnKind, data_type: &str) -> ColumnInfo {
    ColumnInfo {
        name: name.into(),
        label: name.to_uppercase(),
        kind,
        data_type: data_type.into(),
        unit: None,
        description: None,
    }
}

pub(crate) fn table(columns: Vec<ColumnInfo>, rows: Vec<Vec<Cell>>) -> TableAnswer {
    TableAnswer {
        columns,
        rows,
        totals: None,
        truncated: false,
        marks: Vec::new(),
        sql: Some("select 1".into()),
    }
}
