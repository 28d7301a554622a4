//! Which found tables are canonical ones under another name, and which are the company's own.

use crate::catalog::{FoundColumn, FoundTable};
use crate::model::{Column, ColumnName, ColumnType, Dataset, Model};

/// A found table, and what it is taken for.
#[derive(Debug)]
pub struct Recognised<'a> {
    pub table: FoundTable,
    /// The canonical dataset, and its columns → the files'.
    pub canonical: Option<(&'a Dataset, Vec<(&'a Column, FoundColumn)>)>,
}

/// Other words for canonical columns, as warehouses use them.
const WORDS: [(&str, &[&str]); 14] = [
    (
        "customer_id",
        &[
            "account_id",
            "client_id",
            "company_id",
            "cust_id",
            "acct",
            "acct_id",
            "customer_key",
            "account_key",
        ],
    ),
    ("product_id", &["plan_id", "plan_code", "sku", "item_id", "product_key", "product_code"]),
    ("csm_id", &["owner_id", "manager_id", "csm_key", "am_id"]),
    ("name", &["company", "account_name", "customer_name", "product_name", "plan_name", "title"]),
    ("segment", &["tier", "tier_name", "size", "account_segment"]),
    ("acquired_on", &["signup_date", "signed_on", "created_on", "start_date", "customer_since"]),
    (
        "occurred_at",
        &["event_ts", "event_at", "event_time", "changed_at", "effective_at", "movement_date"],
    ),
    ("movement", &["change_class", "movement_type", "change_type", "class"]),
    (
        "amount",
        &[
            "mrr_delta",
            "mrr_change",
            "delta",
            "amount_usd",
            "amount_eur",
            "mrr_delta_cents",
            "amount_cents",
            "line_amount",
        ],
    ),
    ("month", &["snap_month", "snapshot_month", "month_start", "period_month"]),
    ("mrr", &["mrr_cents", "monthly_recurring_revenue", "recurring_revenue", "mrr_usd", "mrr_eur"]),
    (
        "valid_from",
        &[
            "starts_at",
            "start_ts",
            "from_ts",
            "starts_on",
            "start_date",
            "started_at",
            "start_at",
            "from_date",
            "active_from",
            "effective_from",
        ],
    ),
    (
        "valid_to",
        &[
            "ends_at",
            "end_ts",
            "to_ts",
            "ends_on",
            "end_date",
            "ended_at",
            "end_at",
            "to_date",
            "active_to",
            "effective_to",
            "valid_until",
        ],
    ),
    ("kind", &["plan_kind", "product_kind", "product_type"]),
];

/// Words in a table's name that say what it holds, where its columns alone do not.
const TABLES: [(&str, &[&str]); 3] = [
    ("customers", &["customer", "account", "client", "compan"]),
    ("products", &["product", "plan", "sku"]),
    ("csms", &["csm", "owner", "manager"]),
];

/// Each canonical dataset is taken for one table at most: the one that has most of its columns.
pub fn recognise(canon: &Model, tables: Vec<FoundTable>) -> Vec<Recognised<'_>> {
    let mut scores: Vec<(usize, usize, &Dataset)> = Vec::new();
    for (index, found) in tables.iter().enumerate() {
        for dataset in canon.datasets.values() {
            if let Some(score) = score(dataset, found) {
                scores.push((score, index, dataset));
            }
        }
    }
    scores.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut taken: Vec<(usize, &Dataset)> = Vec::new();
    for (_, index, dataset) in scores {
        if !taken.iter().any(|(other, known)| *other == index || known.name == dataset.name) {
            taken.push((index, dataset));
        }
    }
    let tables = tables.into_iter().enumerate();
    tables
        .map(|(index, table)| {
            let dataset = taken.iter().find(|(taken, _)| *taken == index).map(|(_, known)| *known);
            let canonical = dataset.map(|dataset| (dataset, matched(dataset, &table)));
            Recognised { table, canonical }
        })
        .collect()
}

/// How well a table fits; none where a column that must be there is not.
fn score(dataset: &Dataset, found: &FoundTable) -> Option<usize> {
    let last = found.table.rsplit('/').next().unwrap_or_default().to_lowercase();
    let is_named = last == dataset.name.as_str();
    let columns = matched(dataset, found);
    let has = |column: &Column| columns.iter().any(|(known, _)| known.name == column.name);
    if !dataset.columns.values().all(|column| column.optional || has(column)) {
        return None;
    }
    let required = dataset.columns.values().filter(|column| !column.optional).count();
    let words = TABLES.iter().find(|(name, _)| *name == dataset.name.as_str());
    let is_likely = words.is_some_and(|(_, words)| words.iter().any(|word| last.contains(word)));
    // One key is no evidence: the name must say the rest.
    if !is_named && required < 2 && !(is_likely && columns.len() >= 2) {
        return None;
    }
    Some(columns.len() + 100 * usize::from(is_named))
}

/// Canonical columns with the files' column that stands behind each.
fn matched<'a>(dataset: &'a Dataset, found: &FoundTable) -> Vec<(&'a Column, FoundColumn)> {
    let columns = dataset.columns.values();
    let pairs = columns.filter_map(|column| Some((column, find(&column.name, column, found)?)));
    pairs.collect()
}

fn find(name: &ColumnName, column: &Column, found: &FoundTable) -> Option<FoundColumn> {
    let words = WORDS.iter().find(|(known, _)| *known == name.as_str());
    let words = words.map_or(&[][..], |(_, words)| words);
    let mut candidates = std::iter::once(name.as_str()).chain(words.iter().copied());
    candidates.find_map(|word| {
        let same = |other: &&FoundColumn| other.name.eq_ignore_ascii_case(word);
        found.columns.iter().find(same).filter(|other| fits(column, other)).cloned()
    })
}

/// Whether the files' type can stand behind the declared one (whole numbers for money as cents).
fn fits(column: &Column, found: &FoundColumn) -> bool {
    use ColumnType::{Date, Decimal, Float, Int, Text, Timestamp};
    match (column.data_type, found.data_type) {
        (_, None) => false,
        (Text, Some(found)) => found == Text || found == Int,
        (Int, Some(found)) => found == Int,
        (Decimal { .. }, Some(found)) => matches!(found, Decimal { .. } | Float | Int),
        (Date, Some(found)) => found == Date || found == Timestamp,
        (Timestamp, Some(found)) => found == Timestamp || found == Date,
        (declared, Some(found)) => declared == found,
    }
}
