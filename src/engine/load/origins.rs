//! Origins of durations: when each customer was acquired or reached a milestone.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::{Code, NONE, on_every_core, parts_of};
use crate::model::{ColumnName, Dataset, DatasetName, DurationKind, Model, TimeOrigin};
use crate::values::Calendar;

use super::balance::key_space_of;
use super::columns::{codes, times};
use super::reader::{Reader, Visit, column};

/// An instant per customer's code; the earliest where a table has several.
#[derive(Debug, Default)]
pub struct LoadedOrigins {
    pub by_customer: Vec<Option<i64>>,
    /// Customers with origins at several instants.
    several: BTreeSet<Code>,
}

impl LoadedOrigins {
    /// Every customer with a code is a candidate, with or without an origin.
    fn of(customers: usize, reached: &[Vec<(Code, i64)>]) -> Self {
        let mut by_customer = vec![None; customers];
        let (parts, mut rest) = (parts_of(customers, &[], 1), by_customer.as_mut_slice());
        let jobs = parts.into_iter().map(|part| {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(part.len());
            rest = others;
            (part.start, own)
        });
        let several = on_every_core(jobs.collect(), |(first, own)| {
            let mut several = BTreeSet::new();
            for (customer, at) in reached.iter().flatten() {
                let Some(known) = own.get_mut((*customer as usize).wrapping_sub(first)) else {
                    continue;
                };
                if known.is_some_and(|known| known != *at) {
                    several.insert(*customer);
                }
                *known = Some(known.map_or(*at, |known: i64| known.min(*at)));
            }
            several
        });
        Self { by_customer, several: several.into_iter().flatten().collect() }
    }
}

/// Where origins are written.
#[derive(Debug)]
pub struct OriginColumns<'a> {
    pub dataset: &'a DatasetName,
    customer: &'a ColumnName,
    at: &'a ColumnName,
    /// The column of the milestone's name, and the name that counts.
    milestone: Option<(&'a ColumnName, &'a str)>,
}

impl<'a> OriginColumns<'a> {
    #[must_use]
    pub fn of_acquisition(
        (dataset, customer, at): &'a (DatasetName, ColumnName, ColumnName),
    ) -> Self {
        Self { dataset, customer, at, milestone: None }
    }

    /// What the duration starts from.
    #[must_use]
    pub fn of_duration(kind: &'a DurationKind) -> Self {
        match (&kind.milestones, &kind.milestone) {
            (Some(table), Some(name)) if kind.origin == TimeOrigin::Milestone => Self {
                dataset: &table.dataset,
                customer: &table.customer,
                at: &table.time,
                milestone: Some((&table.milestone, name)),
            },
            _ => Self::of_acquisition(&kind.acquisition),
        }
    }

    /// What is odd about the origins: a customer is acquired once, and can reach a milestone again.
    #[must_use]
    pub fn note(&self, found: &LoadedOrigins) -> Option<String> {
        let several = found.several.len();
        (several > 0 && self.milestone.is_none()).then(|| {
            format!(
                "{several} customer(s) have rows in {} that differ in `{}`: the earliest counts.",
                self.dataset, self.at
            )
        })
    }

    /// Names what is read, to tell cached origins apart.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{} {} {} {:?}", self.dataset, self.customer, self.at, self.milestone)
    }
}

/// Reads the origins.
pub async fn load_origins(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    columns: &OriginColumns<'_>,
) -> ApiResult<LoadedOrigins> {
    let OriginColumns { dataset, customer, at, milestone } = *columns;
    let customers = keys.of(&key_space_of(model.datasets.get(dataset), customer));
    let mut wanted = vec![customer.clone(), at.clone()];
    wanted.extend(milestone.map(|(column, _)| column.clone()));
    let rows = Rows {
        customers: Arc::clone(&customers),
        calendar: *reader.calendar,
        milestone: milestone.map(|(_, name)| name.to_owned()),
        reached: Vec::new(),
    };
    let is_key = |dataset: &Dataset| dataset.primary_key.as_slice() == [customer.clone()];
    if model.datasets.get(dataset).is_some_and(is_key) {
        // What a file says of its rows is believed only within the bound.
        let table = reader.table(dataset)?;
        reader.check_bound(table, wanted.len())?;
        customers.make_room(table.rows);
    }
    let parts = reader.read(dataset, &wanted, std::slice::from_ref(customer), &rows).await?;
    let reached: Vec<_> = parts.into_iter().map(|part| part.reached).collect();
    Ok(LoadedOrigins::of(customers.len(), &reached))
}

/// Takes in when customers reached what is asked for.
#[derive(Clone)]
struct Rows {
    customers: Arc<Interner>,
    calendar: Calendar,
    milestone: Option<String>,
    reached: Vec<(Code, i64)>,
}

impl Visit for Rows {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let customer = codes(column(batch, 0)?, &self.customers)?;
        let at = times(column(batch, 1)?, &self.calendar)?;
        let reached: Option<Vec<bool>> = match &self.milestone {
            Some(name) => {
                let names = Interner::default();
                let found = codes(column(batch, 2)?, &names)?;
                let wanted = names.code(name);
                Some(found.iter().map(|code| wanted == Some(*code)).collect())
            }
            None => None,
        };
        for (row, customer) in customer.into_iter().enumerate() {
            let known = customer != NONE
                && at.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && reached.as_ref().is_none_or(|reached| reached[row]);
            if known {
                self.reached.push((customer, at.values[row]));
            }
        }
        Ok(())
    }
}
