//! Rows that cannot count, classes and signs, keys that are there twice: counted by DataFusion.

use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};
use datafusion::prelude::cast;
use datafusion::scalar::ScalarValue;

use crate::engine::facts::Facts;
use crate::engine::load::to_scalar;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{BalanceShape, ColumnName, DatasetName, Ledger, MovementClass};
use crate::values::Scalar;

use super::{DataCheck, DataFinding};

/// Examples that a finding names.
pub(super) const EXAMPLES: usize = 5;

/// Rows of a shape without customer, time or amount.
pub async fn left_out(facts: &Facts<'_>, shape: &BalanceShape) -> ApiResult<Vec<DataFinding>> {
    let (customer, time, amount) = match shape {
        BalanceShape::Ledger(shape) => (&shape.customer, &shape.time, &shape.amount),
        BalanceShape::Intervals(shape) => (&shape.customer, &shape.from, &shape.amount),
        BalanceShape::Snapshots(shape) => (&shape.customer, &shape.month, &shape.amount),
    };
    let columns = [customer.clone(), time.clone(), amount.clone()];
    let missing = [customer, time, amount].map(|name| column(name).is_null());
    let any = missing.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
    let dataset = shape.dataset();
    let plan = scan(facts, dataset, &columns)?
        .filter(any)
        .and_then(|rows| rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("rows")]));
    let rows = read(facts, dataset, plan.and_then(LogicalPlanBuilder::build)).await?;
    let left_out = rows.first().map_or(0, |row| number(&row[0]));
    if left_out == 0 {
        return Ok(Vec::new());
    }
    let message = format!(
        "`{dataset}` holds {left_out} row(s) without {customer}, {time} or {amount}; they count nowhere"
    );
    Ok(vec![DataFinding::new(DataCheck::LeftOut, dataset, message)])
}

/// Classes outside the five, and amounts whose sign contradicts their class.
pub async fn classes(facts: &Facts<'_>, ledger: &Ledger) -> ApiResult<Vec<DataFinding>> {
    let dataset = &ledger.dataset;
    let sign = |is_odd: Expr| when(is_odd, lit(1i64)).otherwise(lit(0i64));
    let zero = || cast(lit(0i64), datafusion::arrow::datatypes::DataType::Decimal128(38, 0));
    let parts = sign(column(&ledger.amount).lt(zero())).and_then(|negative| {
        let positive = sign(column(&ledger.amount).gt(zero()))?;
        Ok(vec![count(lit(1i64)).alias("rows"), sum(negative), sum(positive)])
    });
    let plan = parts.and_then(|parts| {
        let class = cast(column(&ledger.class), datafusion::arrow::datatypes::DataType::Utf8);
        let columns = [ledger.class.clone(), ledger.amount.clone()];
        let rows = scan(facts, dataset, &columns)
            .map_err(|error| datafusion::error::DataFusionError::Plan(error.message))?;
        rows.aggregate(vec![class.alias("class")], parts)?.build()
    });
    let mut rows = read(facts, dataset, plan).await?;
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut findings = Vec::new();
    let (mut unmapped, mut odd) = (Vec::new(), Vec::new());
    for row in &rows {
        let name = shown(&row[0]);
        match MovementClass::parse(&name) {
            None => unmapped.push(format!("{name} ({} rows)", number(&row[1]))),
            Some(class) => {
                let against = number(if class.is_loss() { &row[3] } else { &row[2] });
                if against > 0 {
                    odd.push(format!("{name} ({against} rows)"));
                }
            }
        }
    }
    if !unmapped.is_empty() {
        let message = format!(
            "`{dataset}` has classes in `{}` outside new, expansion, contraction, churn, \
             reactivation: {}; map them under `canonical.{dataset}.values.{}`",
            ledger.class,
            unmapped.join(", "),
            ledger.class
        );
        findings.push(DataFinding::new(DataCheck::UnmappedClass, dataset, message));
    }
    if !odd.is_empty() {
        let message = format!(
            "`{dataset}` has movements whose sign contradicts their class: {}; they count as recorded",
            odd.join(", ")
        );
        findings.push(DataFinding::new(DataCheck::SignAgainstClass, dataset, message));
    }
    Ok(findings)
}

/// Rows that share their primary key with another row.
pub async fn duplicate_rows(facts: &Facts<'_>, name: &DatasetName) -> ApiResult<Vec<DataFinding>> {
    let Some(dataset) = facts.model.datasets.get(name) else { return Ok(Vec::new()) };
    let key = &dataset.primary_key;
    // A key that the files need not have identifies nothing where they lack it.
    let optional = |name: &ColumnName| dataset.columns.get(name).is_none_or(|c| c.optional);
    if key.is_empty() || key.iter().all(optional) {
        return Ok(Vec::new());
    }
    let text = |name: &ColumnName| {
        cast(column(name), datafusion::arrow::datatypes::DataType::Utf8).alias(name.as_str())
    };
    let there = key.iter().filter(|name| !optional(name)).map(|name| column(name).is_not_null());
    let there = there.reduce(Expr::and).unwrap_or_else(|| lit(true));
    let rows = Expr::Column(Column::new_unqualified("times"));
    let plan = scan(facts, name, key)?
        .filter(there)
        .and_then(|all| {
            all.aggregate(
                key.iter().map(text).collect::<Vec<_>>(),
                vec![count(lit(1i64)).alias("times")],
            )
        })
        .and_then(|keys| keys.filter(rows.gt(lit(1i64)))?.build());
    let mut found = read(facts, name, plan).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let count = found.len();
    found.sort_by_key(|row| row.iter().map(shown).collect::<Vec<_>>());
    let examples = found.iter().take(EXAMPLES).map(|row| {
        let (times, key) = row.split_last().map_or((0, &[][..]), |(n, key)| (number(n), key));
        format!("{} ({times} times)", key.iter().map(shown).collect::<Vec<_>>().join(" "))
    });
    let columns: Vec<&str> = key.iter().map(ColumnName::as_str).collect();
    let message = format!(
        "`{name}` holds {count} key(s) ({}) more than once: {}",
        columns.join(", "),
        examples.collect::<Vec<_>>().join(", ")
    );
    Ok(vec![DataFinding::new(DataCheck::DuplicateRows, name, message)])
}

pub(super) fn column(name: &ColumnName) -> Expr {
    Expr::Column(Column::new_unqualified(name.as_str()))
}

pub(super) fn scan(
    facts: &Facts<'_>,
    dataset: &DatasetName,
    columns: &[ColumnName],
) -> ApiResult<LogicalPlanBuilder> {
    let mut distinct = columns.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    Ok(LogicalPlanBuilder::from(facts.reader.table(dataset)?.scan(&distinct, None)?))
}

/// All rows of a plan over one table.
pub(super) async fn read(
    facts: &Facts<'_>,
    dataset: &DatasetName,
    plan: datafusion::error::Result<LogicalPlan>,
) -> ApiResult<Vec<Vec<Scalar>>> {
    let failed = |error: datafusion::error::DataFusionError| {
        tracing::error!(%error, table = %dataset, "a check cannot be planned");
        ApiError::new(ErrorCode::Internal, format!("table `{dataset}` could not be checked"))
    };
    let table = facts.reader.table(dataset)?;
    let mut rows = Vec::new();
    facts
        .reader
        .execute(plan.map_err(failed)?, &[table], |batch| {
            for row in 0..batch.first().map_or(0, |array| array.len()) {
                let cells = batch.iter().map(|array| {
                    ScalarValue::try_from_array(array, row).map(|value| to_scalar(&value))
                });
                rows.push(cells.collect::<Result<Vec<_>, _>>().map_err(failed)?);
            }
            Ok(())
        })
        .await?;
    Ok(rows)
}

pub(super) fn number(value: &Scalar) -> i64 {
    match value {
        Scalar::Int(value) => *value,
        _ => 0,
    }
}

pub(super) fn shown(value: &Scalar) -> String {
    match value {
        Scalar::Null => "(null)".to_owned(),
        Scalar::Text(text) => text.to_string(),
        Scalar::Date(day) => day.to_string(),
        Scalar::Timestamp(at) => at.to_rfc3339(),
        other => format!("{other:?}"),
    }
}
