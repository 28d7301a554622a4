//! Assignments of owners, and who presented which offer.

use std::collections::HashMap;

use crate::engine::keys::KeySpace;
use crate::error::ApiResult;
use crate::kernels::{Code, NONE, OwnerColumns, OwnerFacts};
use crate::model::{AttributionKind, Model, Offers, Owners};

use super::balance::key_space_of;
use super::columns::{amounts, codes, instants_in, scale_of};
use super::reader::{Reader, column};

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
    let mut columns = OwnerColumns { scale, ..OwnerColumns::default() };
    reader
        .scan(&owners.dataset, &wanted, |batch| {
            let customer = codes(column(batch, 0)?, &customers)?;
            let owner = codes(column(batch, 1)?, &owner_keys)?;
            let from = instants_in(column(batch, 2)?, reader.calendar)?;
            let to = instants_in(column(batch, 3)?, reader.calendar)?;
            let share = match &owners.share {
                Some(_) => amounts(column(batch, 4)?, scale)?,
                None => vec![None; customer.len()],
            };
            for row in 0..customer.len() {
                let Some(from) = from[row].filter(|_| customer[row] != NONE) else { continue };
                columns.customer.push(customer[row]);
                columns.owner.push(owner[row]);
                columns.share.push(share[row]);
                columns.from.push(from);
                columns.to.push(to[row].unwrap_or(i64::MAX));
            }
            Ok(())
        })
        .await?;
    let customers = columns.customer.iter().max().map_or(0, |last| *last as usize + 1);
    Ok(OwnerFacts::new(customers, &columns, owner_keys.ranks()))
}

/// Accepted offers by code: who presented them, and when the acceptance was known.
#[derive(Debug, Default)]
pub struct LoadedOffers {
    pub presenter: HashMap<Code, (Code, i64)>,
}

impl LoadedOffers {
    /// The presenter of each accepted offer, as known by `as_of`.
    #[must_use]
    pub fn known_by(&self, as_of: i64) -> HashMap<Code, Code> {
        let known = self.presenter.iter().filter(|(_, (_, at))| *at < as_of);
        known.map(|(offer, (presenter, _))| (*offer, *presenter)).collect()
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
    let outcomes = crate::engine::keys::Interner::default();
    let wanted = [
        offers.offer.clone(),
        offers.presenter.clone(),
        offers.outcome.clone(),
        offers.responded_at.clone(),
        offers.presented_at.clone(),
    ];
    let mut loaded = LoadedOffers::default();
    reader
        .scan(&offers.dataset, &wanted, |batch| {
            let offer = codes(column(batch, 0)?, &offer_keys)?;
            let presenter = codes(column(batch, 1)?, &owner_keys)?;
            let outcome = codes(column(batch, 2)?, &outcomes)?;
            let responded = instants_in(column(batch, 3)?, reader.calendar)?;
            let presented = instants_in(column(batch, 4)?, reader.calendar)?;
            let accepted = outcomes.code(&offers.accepted);
            for row in 0..offer.len() {
                let is_accepted = accepted == Some(outcome[row]);
                if !is_accepted || offer[row] == NONE || presenter[row] == NONE {
                    continue;
                }
                let at = responded[row].or(presented[row]).unwrap_or(i64::MIN);
                loaded.presenter.insert(offer[row], (presenter[row], at));
            }
            Ok(())
        })
        .await?;
    Ok(loaded)
}
