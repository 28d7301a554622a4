//! Origins of durations: when each customer was acquired or reached a milestone.

use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::NONE;
use crate::model::{ColumnName, DatasetName, DurationKind, Model, TimeOrigin};

use super::balance::key_space_of;
use super::columns::{codes, instants_in};
use super::reader::{Reader, column};

/// An instant per customer's code; the earliest where a table has several.
#[derive(Debug, Default)]
pub struct LoadedOrigins {
    pub by_customer: Vec<Option<i64>>,
}

impl LoadedOrigins {
    fn at(&mut self, customer: u32, at: i64) {
        let place = customer as usize;
        if self.by_customer.len() <= place {
            self.by_customer.resize(place + 1, None);
        }
        let known = &mut self.by_customer[place];
        *known = Some(known.map_or(at, |known| known.min(at)));
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
    let names = Interner::default();
    let mut wanted = vec![customer.clone(), at.clone()];
    wanted.extend(milestone.map(|(column, _)| column.clone()));
    let mut origins = LoadedOrigins::default();
    reader
        .scan(dataset, &wanted, |batch| {
            let customer = codes(column(batch, 0)?, &customers)?;
            let at = instants_in(column(batch, 1)?, reader.calendar)?;
            let reached = match milestone {
                Some((_, name)) => {
                    let found = codes(column(batch, 2)?, &names)?;
                    let wanted = names.code(name);
                    found.iter().map(|code| wanted == Some(*code)).collect()
                }
                None => vec![true; customer.len()],
            };
            for row in 0..customer.len() {
                if let (Some(at), true, true) = (at[row], reached[row], customer[row] != NONE) {
                    origins.at(customer[row], at);
                }
            }
            Ok(())
        })
        .await?;
    // Every customer of the table is a candidate, with or without an origin.
    origins.by_customer.resize(customers.len().max(origins.by_customer.len()), None);
    Ok(origins)
}
