//! A ledger's movements, batch by batch: of everybody, of a few customers, or of nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::take_arrays;
use arrow::datatypes::Int32Type;

use crate::engine::keys::{Interner, Key};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{BalanceFacts, Changes, Code, NONE};
use crate::model::MovementClass;
use crate::values::Calendar;

use super::balance::{Coded, coded};
use super::columns::{by_dictionary, codes, for_each_key, money, times};
use super::reader::{Visit, column};

/// The changes that a part of a table gave.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    pub changes: Changes,
    pub left_out: usize,
    /// Rows of customers that were not asked for.
    pub others: usize,
    /// First and newest time of all rows that count, where only some are kept.
    pub range: Option<(i64, i64)>,
    /// About how many rows a part will give.
    pub expected: usize,
}

impl Taken {
    /// Of a table of so many rows, all of which are taken.
    #[must_use]
    pub fn expecting(rows: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let rows = usize::try_from(rows).unwrap_or_default();
        Self { expected: rows.div_ceil(cores), ..Self::default() }
    }

    fn add(&mut self, changes: &Changes) {
        if self.changes.time.is_empty() {
            self.changes.make_room(self.expected, changes);
        }
        self.changes.append(changes);
    }
}

/// Takes in a ledger's movements.
#[derive(Clone)]
pub struct Movements {
    /// The customer's place in a batch, behind time, amount and class; none: everyone has one.
    pub customer: Option<usize>,
    pub customers: Arc<Interner>,
    pub calendar: Calendar,
    pub scale: u8,
    pub product: Option<Coded>,
    pub kind: Option<Coded>,
    pub offer: Option<Coded>,
    /// Nobody asks whose movements they are.
    pub anonymous: bool,
    /// Keys of the customers to keep.
    pub only: Option<Vec<Arc<str>>>,
    pub taken: Taken,
    pub unmapped: BTreeSet<String>,
}

impl Visit for Movements {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let time = times(column(batch, 0)?, &self.calendar)?;
        let amount = money(column(batch, 1)?, self.scale)?;
        let nulls = NullBuffer::union(time.nulls.as_ref(), amount.nulls.as_ref());
        let class = classes_in(column(batch, 2)?)?;
        if self.anonymous {
            return self.take_as_they_come(batch, (time.values, amount.values), nulls, class);
        }
        let is_there = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        if let Some(only) = &self.only {
            let found = rows_of(self.customers_of(batch)?, only)?;
            let counts: Vec<bool> =
                (0..found.len()).map(|row| found[row].is_some() && is_there(row)).collect();
            self.taken.left_out += counts.iter().filter(|counts| !**counts).count();
            self.note_unmapped(column(batch, 2)?, (&class, Some(&counts)))?;
            let kept: Vec<u32> = (0u32..)
                .zip(&found)
                .filter(|(row, found)| **found == Some(true) && counts[*row as usize])
                .map(|(row, _)| row)
                .collect();
            let counted = || (0..counts.len()).filter(|row| counts[*row]);
            let times = || counted().map(|row| time.values[row]);
            if let (Some(first), Some(newest)) = (times().min(), times().max()) {
                let known = self.taken.range.unwrap_or((first, newest));
                self.taken.range = Some((known.0.min(first), known.1.max(newest)));
            }
            self.taken.others += counted().count() - kept.len();
            return if kept.is_empty() { Ok(()) } else { self.keep(batch, kept) };
        }
        let mut changes = Changes {
            customer: codes(self.customers_of(batch)?, &self.customers)?,
            time: time.values.to_vec(),
            amount: amount.values.to_vec(),
            product: coded(batch, self.product.as_ref())?,
            class,
            kind: coded(batch, self.kind.as_ref())?,
            offer: coded(batch, self.offer.as_ref())?,
        };
        let mut counts: Option<Vec<bool>> = None;
        if nulls.is_some() || changes.customer.contains(&NONE) {
            let customer = &changes.customer;
            let rows: Vec<bool> =
                (0..customer.len()).map(|row| customer[row] != NONE && is_there(row)).collect();
            self.taken.left_out += rows.iter().filter(|counts| !**counts).count();
            self.note_unmapped(column(batch, 2)?, (&changes.class, Some(&rows)))?;
            changes.keep(&rows);
            counts = Some(rows);
        }
        if counts.is_none() {
            self.note_unmapped(column(batch, 2)?, (&changes.class, None))?;
        }
        self.taken.add(&changes);
        Ok(())
    }
}

/// Whether each row's key is one of these; none where it has no key.
fn rows_of(keys: &ArrayRef, only: &[Arc<str>]) -> ApiResult<Vec<Option<bool>>> {
    let only: Vec<Key> = only.iter().map(|name| Key::new(name)).collect();
    let mut found = Vec::with_capacity(keys.len());
    for_each_key(keys, |_, key| {
        found.push(key.map(|key| only.iter().any(|name| name.same(&key))));
    })?;
    Ok(found)
}

impl Movements {
    fn customers_of<'b>(&self, batch: &'b [ArrayRef]) -> ApiResult<&'b ArrayRef> {
        let none = || ApiError::new(ErrorCode::Internal, "The customers were not read.");
        column(batch, self.customer.ok_or_else(none)?)
    }

    /// Takes in rows without their customers; one without a customer does not count even so.
    fn take_as_they_come(
        &mut self,
        batch: &[ArrayRef],
        (time, amount): (ScalarBuffer<i64>, ScalarBuffer<i64>),
        nulls: Option<NullBuffer>,
        class: Vec<u8>,
    ) -> ApiResult<()> {
        let customers = match self.customer {
            Some(place) => column(batch, place)?.logical_nulls(),
            None => None,
        };
        let nulls = NullBuffer::union(nulls.as_ref(), customers.as_ref());
        let mut changes = Changes {
            time: time.to_vec(),
            amount: amount.to_vec(),
            product: coded(batch, self.product.as_ref())?,
            class,
            kind: coded(batch, self.kind.as_ref())?,
            ..Changes::default()
        };
        let counts = nulls.filter(|nulls| nulls.null_count() > 0);
        let counts: Option<Vec<bool>> = counts.map(|nulls| nulls.iter().collect());
        self.note_unmapped(column(batch, 2)?, (&changes.class, counts.as_deref()))?;
        if let Some(counts) = counts {
            self.taken.left_out += counts.iter().filter(|counts| !**counts).count();
            changes.keep(&counts);
        }
        self.taken.add(&changes);
        Ok(())
    }

    /// Takes in these rows of a batch.
    fn keep(&mut self, batch: &[ArrayRef], rows: Vec<u32>) -> ApiResult<()> {
        let rows = UInt32Array::from(rows);
        let kept = take_arrays(batch, &rows, None).map_err(|error| {
            tracing::error!(%error, "rows of a batch are not taken");
            ApiError::new(ErrorCode::Internal, "A table could not be read.")
        })?;
        self.taken.add(&Changes {
            customer: codes(self.customers_of(&kept)?, &self.customers)?,
            time: times(column(&kept, 0)?, &self.calendar)?.values.to_vec(),
            amount: money(column(&kept, 1)?, self.scale)?.values.to_vec(),
            product: coded(&kept, self.product.as_ref())?,
            class: classes_in(column(&kept, 2)?)?,
            kind: coded(&kept, self.kind.as_ref())?,
            offer: coded(&kept, self.offer.as_ref())?,
        });
        Ok(())
    }

    /// Names of classes that are none of the five, among the rows that count.
    fn note_unmapped(
        &mut self,
        array: &ArrayRef,
        (class, counts): (&[u8], Option<&[bool]>),
    ) -> ApiResult<()> {
        add_unmapped(&mut self.unmapped, array, (class, counts))
    }
}

/// Takes in nothing but the names of classes that are none of the five.
#[derive(Debug, Clone, Default)]
pub struct UnmappedClasses(pub BTreeSet<String>);

impl Visit for UnmappedClasses {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let classes = column(batch, 0)?;
        add_unmapped(&mut self.0, classes, (&classes_in(classes)?, None))
    }
}

fn classes_in(array: &ArrayRef) -> ApiResult<Vec<u8>> {
    let index = |name: Option<&str>| name.map_or(BalanceFacts::UNMAPPED, class_index);
    if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
        && let Some(values) = dictionary.values().as_string_opt::<i32>()
    {
        let values: Vec<u8> = values.iter().map(index).collect();
        return Ok(by_dictionary(dictionary, &values, BalanceFacts::UNMAPPED));
    }
    let names = Interner::default();
    let found = codes(array, &names)?;
    let names = names.names();
    let of = |code: &Code| index(names.get(*code as usize).map(AsRef::as_ref));
    Ok(found.iter().map(of).collect())
}

fn add_unmapped(
    unmapped: &mut BTreeSet<String>,
    array: &ArrayRef,
    (class, counts): (&[u8], Option<&[bool]>),
) -> ApiResult<()> {
    if !class.contains(&BalanceFacts::UNMAPPED) {
        return Ok(());
    }
    let counts = |row: usize| counts.is_none_or(|counts| counts[row]);
    let is_unmapped = |row: &usize| class[*row] == BalanceFacts::UNMAPPED && counts(*row);
    let names = Interner::default();
    let found = codes(array, &names)?;
    let names = names.names();
    for row in (0..found.len()).filter(is_unmapped) {
        let name = names.get(found[row] as usize).map_or("null", AsRef::as_ref);
        if !unmapped.contains(name) {
            unmapped.insert(name.to_owned());
        }
    }
    Ok(())
}

fn class_index(name: &str) -> u8 {
    MovementClass::parse(name)
        .and_then(|class| MovementClass::ALL.iter().position(|other| *other == class))
        .and_then(|index| u8::try_from(index).ok())
        .unwrap_or(BalanceFacts::UNMAPPED)
}
