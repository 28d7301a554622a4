//! Assignments of owners, and who presented which offer.

use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::engine::context::compute;
use crate::engine::keys::{Interner, KeySpace};
use crate::error::ApiResult;
use crate::kernels::{NONE, OwnerColumns, OwnerFacts, Presented, Presenters};
use crate::model::{AttributionKind, Model, Offers, Owners};
use crate::values::Calendar;

use super::balance::key_space_of;
use super::columns::{amounts, codes, instants_in, scale_of, times};
use super::reader::{Reader, Visit, column};

/// Reads assignments. Rows without a start are no assignments.
pub async fn load_owners(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    owners: &Owners,
) -> ApiResult<OwnerFacts> {
    let dataset = model.datasets.get(&owners.dataset);
    let customers = keys.of(&key_space_of(dataset, &owners.customer));
    let owner_keys = keys.of(&key_space_of(dataset, &owners.owner));
    let mut wanted =
        vec![owners.customer.clone(), owners.owner.clone(), owners.from.clone(), owners.to.clone()];
    wanted.extend(owners.share.clone());
    let share_type = owners
        .share
        .as_ref()
        .map(|share| reader.table(&owners.dataset).map(|table| scale_of(table.column_type(share))));
    let scale = share_type.transpose()?.unwrap_or(0);
    let assignments = Assignments {
        customers,
        owners: Arc::clone(&owner_keys),
        calendar: *reader.calendar,
        shares: owners.share.is_some(),
        columns: OwnerColumns { scale, ..OwnerColumns::default() },
    };
    let parts = reader.read(&owners.dataset, &wanted, &wanted[..1], &assignments).await?;
    let mut columns = assignments.columns;
    for part in parts {
        columns.customer.extend(part.columns.customer);
        columns.owner.extend(part.columns.owner);
        columns.share.extend(part.columns.share);
        columns.from.extend(part.columns.from);
        columns.to.extend(part.columns.to);
    }
    let customers = columns.customer.iter().max().map_or(0, |last| *last as usize + 1);
    Ok(compute(|| OwnerFacts::new(customers, &columns, owner_keys.ranks())))
}

/// Takes in assignments.
#[derive(Clone)]
struct Assignments {
    customers: Arc<Interner>,
    owners: Arc<Interner>,
    calendar: Calendar,
    shares: bool,
    columns: OwnerColumns,
}

impl Visit for Assignments {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let customer = codes(column(batch, 0)?, &self.customers)?;
        let owner = codes(column(batch, 1)?, &self.owners)?;
        let from = times(column(batch, 2)?, &self.calendar)?;
        let to = instants_in(column(batch, 3)?, &self.calendar)?;
        let share = match self.shares {
            true => amounts(column(batch, 4)?, self.columns.scale)?,
            false => vec![None; customer.len()],
        };
        for row in 0..customer.len() {
            let begins = from.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            if !begins || customer[row] == NONE {
                continue;
            }
            self.columns.customer.push(customer[row]);
            self.columns.owner.push(owner[row]);
            self.columns.share.push(share[row]);
            self.columns.from.push(from.values[row]);
            self.columns.to.push(to[row].unwrap_or(i64::MAX));
        }
        Ok(())
    }
}

/// Accepted offers: who presented them when, and since when the acceptance is known.
#[derive(Debug, Default)]
pub struct LoadedOffers {
    pub accepted: Vec<(Presented, i64)>,
    rank: Vec<u32>,
}

impl LoadedOffers {
    /// The presenters of accepted offers, as known by `as_of`.
    #[must_use]
    pub fn known_by(&self, as_of: i64) -> Presenters {
        let known = self.accepted.iter().filter(|(_, at)| *at < as_of);
        Presenters::new(known.map(|(row, _)| *row).collect(), &self.rank)
    }
}

/// Reads offers that were accepted.
pub async fn load_offers(
    reader: &Reader<'_>,
    model: &Model,
    keys: &KeySpace,
    offers: &Offers,
    kind: &AttributionKind,
) -> ApiResult<LoadedOffers> {
    let dataset = model.datasets.get(&offers.dataset);
    let offer_keys = keys.of(&key_space_of(dataset, &offers.offer));
    let owner_space = model.datasets.get(&kind.owners.dataset);
    let owner_keys = keys.of(&key_space_of(owner_space, &kind.owners.owner));
    let wanted = [
        offers.offer.clone(),
        offers.presenter.clone(),
        offers.outcome.clone(),
        offers.responded_at.clone(),
        offers.presented_at.clone(),
    ];
    let acceptances = Acceptances {
        offers: offer_keys,
        owners: Arc::clone(&owner_keys),
        calendar: *reader.calendar,
        accepted: offers.accepted.clone(),
        rows: Vec::new(),
    };
    let parts = reader.read(&offers.dataset, &wanted, &wanted[..1], &acceptances).await?;
    let accepted = parts.into_iter().flat_map(|part| part.rows).collect();
    Ok(LoadedOffers { accepted, rank: owner_keys.ranks() })
}

/// Takes in who presented accepted offers.
#[derive(Clone)]
struct Acceptances {
    offers: Arc<Interner>,
    owners: Arc<Interner>,
    calendar: Calendar,
    accepted: String,
    rows: Vec<(Presented, i64)>,
}

impl Visit for Acceptances {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let outcomes = Interner::default();
        let offer = codes(column(batch, 0)?, &self.offers)?;
        let presenter = codes(column(batch, 1)?, &self.owners)?;
        let outcome = codes(column(batch, 2)?, &outcomes)?;
        let responded = instants_in(column(batch, 3)?, &self.calendar)?;
        let presented = instants_in(column(batch, 4)?, &self.calendar)?;
        let accepted = outcomes.code(&self.accepted);
        for row in 0..offer.len() {
            let is_accepted = accepted == Some(outcome[row]);
            if !is_accepted || offer[row] == NONE || presenter[row] == NONE {
                continue;
            }
            let at = presented[row].unwrap_or(i64::MIN);
            let known = responded[row].unwrap_or(at);
            self.rows.push((Presented { offer: offer[row], presenter: presenter[row], at }, known));
        }
        Ok(())
    }
}
