//! Recurring revenue in any of its shapes → [`BalanceFacts`].

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::catalog::{DataFile, TableSnapshot};
use crate::engine::context::compute;
use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::{BalanceFacts, Changes, Code, NONE};
use crate::model::{BalanceShape, ColumnName, Dataset, Intervals, Ledger, Model};
use crate::values::Calendar;

use super::columns::{codes, instants_in, money, scale_of};
use super::kept::{KeptBalance, sorted};
use super::movements::{Movements, Taken, UnmappedClasses};
use super::reader::{Reader, Visit, column};
use super::snapshots::load_snapshots;

/// The columns of a balance that only some questions read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BalanceColumns {
    pub product: bool,
    /// The kind of movement (expansion type).
    pub kind: bool,
    pub offer: bool,
}

impl BalanceColumns {
    pub const ALL: Self = Self { product: true, kind: true, offer: true };

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            product: self.product || other.product,
            kind: self.kind || other.kind,
            offer: self.offer || other.offer,
        }
    }

    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// Every choice of columns.
    pub fn choices() -> impl Iterator<Item = Self> {
        (0..8u8).map(|bits| Self {
            product: bits & 1 != 0,
            kind: bits & 2 != 0,
            offer: bits & 4 != 0,
        })
    }
}

/// Facts with what their reading left out.
#[derive(Debug)]
pub struct LoadedBalance {
    pub facts: BalanceFacts,
    pub shape: BalanceShape,
    pub columns: BalanceColumns,
    /// The versions of the files that were read.
    pub files: BTreeSet<String>,
    /// Rows that count, of all customers.
    pub rows: usize,
    /// The rows of a customer lie together; otherwise nobody knows whose they are.
    pub by_customer: bool,
    /// Rows without customer, time or amount.
    pub left_out: usize,
    /// Movement classes that no mapping names.
    pub unmapped: Vec<String>,
}

/// What is to be read of a balance.
#[derive(Clone, Copy)]
pub struct BalanceAsk<'a> {
    pub shape: &'a BalanceShape,
    pub columns: BalanceColumns,
    /// Of a ledger: keep these customers' movements only. What is told of the table (its range, rows
    /// left out, classes without a name) is of all of it.
    pub only: Option<&'a BTreeSet<Arc<str>>>,
    /// Of a ledger: whether it matters whose movements they are.
    pub by_customer: bool,
    /// What is kept of earlier files: where all of these are still there, only the others are read.
    pub before: Option<&'a KeptBalance>,
}

/// Reads one shape of a balance.
pub async fn load_balance(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    ask: BalanceAsk<'_>,
) -> ApiResult<LoadedBalance> {
    let files: BTreeSet<String> =
        reader.table(ask.shape.dataset())?.files.iter().map(|file| file.version()).collect();
    let known = ask.before.and_then(KeptBalance::get).filter(|known| {
        known.shape == *ask.shape
            && known.columns == ask.columns
            && known.files.is_subset(&files)
            && is_alike(reader, known)
    });
    let load = Load { reader, model, keys, ask, known: known.as_deref() };
    let read = match ask.shape {
        BalanceShape::Ledger(ledger) => load.ledger(ledger).await?,
        BalanceShape::Intervals(intervals) => load.intervals(intervals).await?,
        BalanceShape::Snapshots(snapshots) => {
            load_snapshots(reader, model, keys, (snapshots, ask.columns.product)).await?
        }
    };
    let read = match ask.before.zip(known) {
        Some((before, known)) => before.grown(known, read)?,
        None => read,
    };
    let unmapped = read.unmapped.into_iter().collect();
    let (facts, left_out) = (read.facts, read.left_out);
    Ok(LoadedBalance {
        rows: read.others + facts.time.len(),
        by_customer: ask.by_customer,
        facts,
        shape: ask.shape.clone(),
        columns: ask.columns,
        files,
        left_out,
        unmapped,
    })
}

/// Whether amounts still have as many decimal places. Snapshots, of which each is set against the one
/// before, are always read as a whole.
fn is_alike(reader: &Reader<'_>, known: &LoadedBalance) -> bool {
    let amount = match &known.shape {
        BalanceShape::Ledger(ledger) => &ledger.amount,
        BalanceShape::Intervals(intervals) => &intervals.amount,
        BalanceShape::Snapshots(_) => return false,
    };
    let table = reader.table(known.shape.dataset());
    table.is_ok_and(|table| scale_of(table.column_type(amount)) == known.facts.scale)
}

/// What a shape's rows came to: of the files that are not known yet.
pub struct Read {
    pub facts: BalanceFacts,
    pub left_out: usize,
    pub unmapped: BTreeSet<String>,
    /// Rows of customers that were not asked for.
    pub others: usize,
}

/// The name of the interner of a key column: its entity, so that tables share codes.
#[must_use]
pub fn key_space_of(dataset: Option<&Dataset>, column: &ColumnName) -> String {
    dataset
        .and_then(|dataset| dataset.keys.iter().find(|(_, key)| *key == column))
        .map_or_else(|| format!("column {column}"), |(entity, _)| entity.as_str().to_owned())
}

/// A column of codes: its place in the batch and its interner.
pub type Coded = (usize, Arc<Interner>);

struct Load<'a> {
    reader: &'a Reader<'a>,
    model: &'a Model,
    keys: &'a KeySpace,
    ask: BalanceAsk<'a>,
    /// What is known of the files that need not be read.
    known: Option<&'a LoadedBalance>,
}

impl Load<'_> {
    fn interner(&self, dataset: &crate::model::DatasetName, column: &ColumnName) -> Arc<Interner> {
        self.keys.of(&key_space_of(self.model.datasets.get(dataset), column))
    }

    async fn ledger(&self, ledger: &Ledger) -> ApiResult<Read> {
        let mut columns = vec![ledger.time.clone(), ledger.amount.clone(), ledger.class.clone()];
        // Without a customer a row does not count, whoever asks.
        let table = self.reader.table(&ledger.dataset)?;
        let customer =
            (self.ask.by_customer || table.may_have_nulls(&ledger.customer)).then(|| {
                columns.push(ledger.customer.clone());
                columns.len() - 1
            });
        let mut coded = |wanted: bool, name: &Option<ColumnName>| -> Option<Coded> {
            let name = name.as_ref().filter(|_| wanted)?;
            columns.push(name.clone());
            Some((columns.len() - 1, self.interner(&ledger.dataset, name)))
        };
        let product = coded(self.ask.columns.product, &ledger.product);
        let kind = coded(self.ask.columns.kind, &ledger.expansion_type);
        let offer = coded(self.ask.columns.offer, &ledger.offer);
        let scale = scale_of(table.column_type(&ledger.amount));
        let taken = match (self.ask.only, self.known) {
            (None, None) => Taken::expecting(table.rows),
            _ => Taken::default(),
        };
        let visitor = Movements {
            customer,
            customers: self.interner(&ledger.dataset, &ledger.customer),
            calendar: *self.reader.calendar,
            scale,
            product,
            kind,
            offer,
            anonymous: !self.ask.by_customer,
            only: self.ask.only.map(|names| names.iter().cloned().collect()),
            taken,
            unmapped: BTreeSet::new(),
        };
        let mut compact = vec![ledger.customer.clone(), ledger.amount.clone()];
        compact.extend(ledger.offer.clone());
        if let Some(only) = self.ask.only
            && let Some(range) = whole_range(table, ledger)
        {
            let found = self.found(ledger, only, (&columns, &compact), visitor).await?;
            return self.with_the_table_s(range, table.rows, found, scale);
        }
        let parts = self.visit(&ledger.dataset, (&columns, &compact), visitor).await?;
        let unmapped: BTreeSet<String> =
            parts.iter().flat_map(|part| part.unmapped.iter().cloned()).collect();
        if !self.ask.by_customer {
            return Ok(self.as_they_come(parts, unmapped, scale));
        }
        let others = parts.iter().map(|part| part.taken.others).sum();
        let ranges: Vec<_> = parts.iter().filter_map(|part| part.taken.range).collect();
        let (mut facts, left_out) =
            of_taken(parts.into_iter().map(|part| part.taken).collect(), scale)?;
        facts.recorded = true;
        if self.ask.only.is_some() {
            facts.first = ranges.iter().map(|range| range.0).min();
            facts.newest = ranges.iter().map(|range| range.1).max();
        }
        Ok(Read { facts, left_out, unmapped, others })
    }

    /// The movements of a few customers, read without the others', and the classes without a name
    /// of everybody's.
    async fn found(
        &self,
        ledger: &Ledger,
        only: &BTreeSet<Arc<str>>,
        (columns, compact): (&[ColumnName], &[ColumnName]),
        visitor: Movements,
    ) -> ApiResult<(Vec<Movements>, BTreeSet<String>)> {
        let table = self.reader.table(&ledger.dataset)?;
        let only: Vec<Arc<str>> = only.iter().cloned().collect();
        let plan = table.scan_only(columns, compact, (&ledger.customer, &only))?;
        let tables = [table];
        let theirs = self.reader.visit(plan, &tables, || visitor.clone());
        let classes = std::slice::from_ref(&ledger.class);
        let visitor = UnmappedClasses::default();
        let all = self.reader.read(&ledger.dataset, classes, &[], &visitor);
        let (theirs, all) = futures::try_join!(theirs, all)?;
        Ok((theirs, all.into_iter().flat_map(|part| part.0).collect()))
    }

    /// What was found of a few customers in a table of so many rows, all of which count.
    fn with_the_table_s(
        &self,
        (first, newest): (i64, i64),
        rows: u64,
        (parts, unmapped): (Vec<Movements>, BTreeSet<String>),
        scale: u8,
    ) -> ApiResult<Read> {
        let (mut facts, left_out) =
            of_taken(parts.into_iter().map(|part| part.taken).collect(), scale)?;
        facts.recorded = true;
        (facts.first, facts.newest) = (Some(first), Some(newest));
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        Ok(Read { others: rows.saturating_sub(facts.time.len()), facts, left_out, unmapped })
    }

    /// The rows as they were read, of nobody.
    fn as_they_come(&self, parts: Vec<Movements>, unmapped: BTreeSet<String>, scale: u8) -> Read {
        let left_out = parts.iter().map(|part| part.taken.left_out).sum();
        let changes = parts.into_iter().map(|part| part.taken.changes).collect();
        let facts = compute(|| BalanceFacts::as_they_come(changes));
        let facts = BalanceFacts { recorded: true, scale, ..facts };
        Read { facts, left_out, unmapped, others: 0 }
    }

    async fn intervals(&self, shape: &Intervals) -> ApiResult<Read> {
        let mut columns = vec![
            shape.customer.clone(),
            shape.from.clone(),
            shape.to.clone(),
            shape.amount.clone(),
        ];
        let product = shape.product.as_ref().filter(|_| self.ask.columns.product).map(|name| {
            columns.push(name.clone());
            (columns.len() - 1, self.interner(&shape.dataset, name))
        });
        let scale = scale_of(self.reader.table(&shape.dataset)?.column_type(&shape.amount));
        let visitor = Spans {
            customers: self.interner(&shape.dataset, &shape.customer),
            calendar: *self.reader.calendar,
            scale,
            product,
            taken: Taken::default(),
            began: (None, None),
        };
        let compact = [shape.customer.clone(), shape.amount.clone()];
        let parts = self.visit(&shape.dataset, (&columns, &compact), visitor).await?;
        let began = || parts.iter().map(|part| part.began);
        let first = began().filter_map(|(first, _)| first).min();
        let newest = began().filter_map(|(_, newest)| newest).max();
        let (mut facts, left_out) =
            of_taken(parts.into_iter().map(|part| part.taken).collect(), scale)?;
        // Ends may lie in the future (contracts); what was observed are beginnings.
        facts.first = first;
        facts.newest = newest;
        Ok(Read { facts, left_out, unmapped: BTreeSet::new(), others: 0 })
    }

    /// Reads the files that are not known.
    async fn visit<V: Visit + Clone>(
        &self,
        dataset: &crate::model::DatasetName,
        (columns, compact): (&[ColumnName], &[ColumnName]),
        visitor: V,
    ) -> ApiResult<Vec<V>> {
        let is_new =
            |file: &DataFile| self.known.is_none_or(|known| !known.files.contains(&file.version()));
        self.reader.read_files(dataset, (columns, compact), is_new, &visitor).await
    }
}

/// The rows that were taken in, sorted, and how many were left out.
fn of_taken(taken: Vec<Taken>, scale: u8) -> ApiResult<(BalanceFacts, usize)> {
    let left_out = taken.iter().map(|part| part.left_out).sum();
    let changes: Vec<Changes> = taken.into_iter().map(|part| part.changes).collect();
    Ok((BalanceFacts { scale, ..sorted(&changes)? }, left_out))
}

/// The first and newest time of a ledger, where the files' footers know it and know that every row
/// counts.
fn whole_range(table: &TableSnapshot, ledger: &Ledger) -> Option<(i64, i64)> {
    let needed = [&ledger.customer, &ledger.time, &ledger.amount];
    if needed.into_iter().any(|column| table.may_have_nulls(column)) {
        return None;
    }
    table.time_range(&ledger.time).map(|(first, newest)| (first.0, newest.0))
}

/// Takes in intervals: a change where each begins, and one where it ends.
#[derive(Clone)]
struct Spans {
    customers: Arc<Interner>,
    calendar: Calendar,
    scale: u8,
    product: Option<Coded>,
    taken: Taken,
    /// The first and newest beginning.
    began: (Option<i64>, Option<i64>),
}

impl Visit for Spans {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let from = instants_in(column(batch, 1)?, &self.calendar)?;
        let to = instants_in(column(batch, 2)?, &self.calendar)?;
        let beginnings = || from.iter().flatten().copied().chain(self.began.0).chain(self.began.1);
        self.began = (beginnings().min(), beginnings().max());
        let customer = codes(column(batch, 0)?, &self.customers)?;
        let amount = money(column(batch, 3)?, self.scale)?;
        let product = coded(batch, self.product.as_ref())?;
        let changes = &mut self.taken.changes;
        for row in 0..from.len() {
            let known = amount.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let (Some(from), true) = (from[row], known && customer[row] != NONE) else {
                self.taken.left_out += 1;
                continue;
            };
            if to[row].is_some_and(|to| to <= from) {
                self.taken.left_out += 1;
                continue;
            }
            let amount = amount.values[row];
            for (at, amount) in [(from, amount)].into_iter().chain(to[row].map(|to| (to, -amount)))
            {
                changes.customer.push(customer[row]);
                changes.time.push(at);
                changes.amount.push(amount);
                changes.product.extend(product.get(row));
            }
        }
        Ok(())
    }
}

/// Codes of a column, nothing where it is not read.
pub fn coded(batch: &[ArrayRef], from: Option<&Coded>) -> ApiResult<Vec<Code>> {
    match from {
        Some((place, interner)) => codes(column(batch, *place)?, interner),
        None => Ok(Vec::new()),
    }
}
