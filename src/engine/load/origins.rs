//! Origins of durations: when each customer was acquired or reached a milestone.

use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::NONE;
use crate::model::{DurationKind, Model, TimeOrigin};

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

/// Reads the origins that the duration starts from.
pub async fn load_origins(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    kind: &DurationKind,
) -> ApiResult<LoadedOrigins> {
    let (dataset, customer, at, milestone) = match (&kind.milestones, &kind.milestone) {
        (Some(table), Some(name)) if kind.origin == TimeOrigin::Milestone => {
            (&table.dataset, &table.customer, &table.time, Some((&table.milestone, name)))
        }
        _ => (&kind.acquisition.0, &kind.acquisition.1, &kind.acquisition.2, None),
    };
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
