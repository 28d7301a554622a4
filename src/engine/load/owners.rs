//! Assignments of owners, with their shares in whatever type the files have them, and who presented
//! which offer.

use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::engine::context::compute;
use crate::engine::keys::{Interner, KeySpace};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{NONE, OwnerColumns, OwnerFacts, Presented, Presenters};
use crate::model::{AttributionKind, ColumnName, DatasetName, Model, Offers, Owners};
use crate::values::Calendar;

use super::balance::key_space_of;
use super::columns::{codes, instants_in, times, weight_scale, weights};
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
    let share = owners.share.as_ref();
    let asked =
        [&owners.customer, &owners.owner, &owners.from, &owners.to].into_iter().chain(share);
    // What rows lead to may be their share or an end of their validity too: each is read once.
    let (mut wanted, mut places): (Vec<ColumnName>, Vec<usize>) = (Vec::new(), Vec::new());
    for name in asked {
        places.push(wanted.iter().position(|known| known == name).unwrap_or(wanted.len()));
        if !wanted.contains(name) {
            wanted.push(name.clone());
        }
    }
    let scale = match share {
        Some(share) => {
            let found = reader.table(&owners.dataset)?.column_type(share);
            weight_scale(found).ok_or_else(|| no_number(&owners.dataset, share))?
        }
        None => 0,
    };
    let assignments = Assignments {
        customers,
        owners: Arc::clone(&owner_keys),
        calendar: *reader.calendar,
        places,
        share: share.map(|share| (owners.dataset.clone(), share.clone())),
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

/// The error of a share that is not a number.
fn no_number(dataset: &DatasetName, share: &ColumnName) -> ApiError {
    ApiError::new(
        ErrorCode::BadData,
        format!(
            "`{share}` of `{dataset}` is the weight of its rows and holds values that are no numbers: \
             write decimals like 0.25, or leave a cell empty for a share of what the others leave."
        ),
    )
}

/// Takes in assignments.
#[derive(Clone)]
struct Assignments {
    customers: Arc<Interner>,
    owners: Arc<Interner>,
    calendar: Calendar,
    /// Where in a batch customer, owner, from, to and the share are.
    places: Vec<usize>,
    share: Option<(DatasetName, ColumnName)>,
    columns: OwnerColumns,
}

impl Visit for Assignments {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
        let of = |what: usize| column(batch, self.places.get(what).copied().unwrap_or(usize::MAX));
        let customer = codes(of(0)?, &self.customers)?;
        let owner = codes(of(1)?, &self.owners)?;
        let from = times(of(2)?, &self.calendar)?;
        let to = instants_in(of(3)?, &self.calendar)?;
        let share = match &self.share {
            Some((dataset, name)) => {
                weights(of(4)?, self.columns.scale)?.ok_or_else(|| no_number(dataset, name))?
            }
            None => vec![None; customer.len()],
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
