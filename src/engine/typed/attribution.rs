//! The typed attribution answer: expansion credited to owners, and each owner's book.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::bands::{Slice, target_of};
use crate::engine::context::{Context, period_info, unmapped_classes};
use crate::engine::load::{LoadedBalance, key_space_of};
use crate::engine::sums::Summing;
use crate::engine::table::GroupValues;
use crate::engine::{AttributionAnswer, AttributionAnswerRow};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{
    Attribution, AttributionAsk, Book, Code, Credit, Presenters, Slicer, Span, attribute,
};
use crate::model::{AsOfJoin, AttributionKind, AttributionRule, BalanceShape, Metric};
use crate::planner::{Ask, Axes, OwnerAxis, Period};
use crate::values::{Number, Scalar};

use super::compare_groups;

/// An attribution pass with what is needed to read it.
pub struct AttributionRun {
    found: Attribution,
    slicer: Slicer,
    loaded: Arc<LoadedBalance>,
    owner_names: Vec<Arc<str>>,
}

impl AttributionRun {
    #[must_use]
    pub fn loaded(&self) -> &LoadedBalance {
        &self.loaded
    }

    #[must_use]
    pub fn scale(&self) -> u8 {
        self.loaded.facts.scale
    }

    /// Credits of each group and period, over its owners.
    #[must_use]
    pub fn credited_by_group(&self, periods: usize) -> HashMap<GroupValues, Vec<i128>> {
        let mut by_group: HashMap<GroupValues, Vec<i128>> = HashMap::new();
        for (key, _, credits) in self.found.iter() {
            let row = by_group.entry(self.slicer.values(key)).or_insert_with(|| vec![0; periods]);
            for (sum, credit) in row.iter_mut().zip(credits) {
                *sum += credit.credited;
            }
        }
        by_group
    }
}

/// Credits every expansion of the periods to owners, with what is asked of their books beside it.
pub async fn run_attribution(
    context: &Context<'_>,
    kind: &AttributionKind,
    periods: &[Period],
    book: Book,
) -> ApiResult<AttributionRun> {
    let loaded = context.facts.balance(&kind.balance).await?;
    context.note_left_out(&loaded);
    if let BalanceShape::Ledger(ledger) = &loaded.shape
        && !loaded.unmapped.is_empty()
    {
        return Err(unmapped_classes(&loaded, ledger.class.as_str()));
    }
    let owners = context.facts.owners(&kind.owners).await?;
    context.read(&kind.owners.dataset, None);
    let presenters = presenters_of(context, kind, &loaded).await?;
    let axes = axes_of(context, kind, &loaded);
    let spans: Vec<Span> = periods.iter().map(|period| period.span).collect();
    let end = context.end_of_observation(loaded.facts.newest).map_or(i64::MAX, |at| at.0);
    let as_of = context.as_of();
    let sum = |slicer: &Slicer| {
        let (rule, owners, presenters, periods) = (kind.rule, &owners, &presenters, &spans);
        let ask = AttributionAsk { rule, owners, presenters, periods, as_of, end, book, slicer };
        attribute(&loaded.facts, &ask)
    };
    let summing = Summing::new(&axes, format!("attribution {kind:?} {book:?} {end} {spans:?}"));
    let (found, slicer) = context.sums(&summing, sum).await?;
    context.check_cells(found.iter().count(), periods.len())?;
    let dataset = context.facts.model.datasets.get(&kind.owners.dataset);
    let owner_names = context.facts.keys.of(&key_space_of(dataset, &kind.owners.owner)).names();
    Ok(AttributionRun { found, slicer, loaded, owner_names })
}

/// The balance's axes, owners being the definition's own.
fn axes_of(context: &Context<'_>, kind: &AttributionKind, loaded: &LoadedBalance) -> Axes {
    let mut axes = context.axes(loaded);
    let dimension = context.facts.model.dimensions.get(&kind.owners.id_dimension);
    if let (Some(entity), Some(customer)) =
        (dimension.and_then(|dimension| dimension.entity.clone()), axes.customer.clone())
    {
        let join = AsOfJoin {
            bridge: kind.owners.dataset.clone(),
            on: customer,
            at: kind.owners.from.clone(),
            weight: kind.owners.share.clone(),
        };
        axes.owners = vec![OwnerAxis { entity, join }];
    }
    axes
}

/// Presenters of accepted offers; a note says where an offer has several.
async fn presenters_of(
    context: &Context<'_>,
    kind: &AttributionKind,
    loaded: &LoadedBalance,
) -> ApiResult<Presenters> {
    if kind.rule != AttributionRule::OfferOwner {
        return Ok(Presenters::default());
    }
    let has_offers =
        matches!(&loaded.shape, BalanceShape::Ledger(ledger) if ledger.offer.is_some());
    let (Some(offers), Some(definition), true) =
        (context.facts.offers(kind).await?, &kind.offers, has_offers)
    else {
        return Err(ApiError::new(
            ErrorCode::Unavailable,
            "`rule: OFFER_OWNER` needs offers and a ledger that names them.",
        ));
    };
    context.read(&definition.dataset, None);
    let presenters = offers.known_by(context.as_of());
    if presenters.disputed() > 0 {
        context.note(format!(
            "{} accepted offer(s) of {} have rows of several `{}`: the latest `{}` by the expansion \
             counts, the first by key of one instant.",
            presenters.disputed(),
            definition.dataset,
            definition.presenter,
            definition.presented_at
        ));
    }
    Ok(presenters)
}

/// The rows of the typed field: per period and group a row for every owner found in any period,
/// unassigned last.
pub async fn attribution_answer(
    context: &Context<'_>,
    metric: &Metric,
    kind: &AttributionKind,
) -> ApiResult<AttributionAnswer> {
    let newest = context.facts.balance(&kind.balance).await?.facts.newest;
    let periods = context.periods(newest)?;
    let is_asked = !matches!(context.query().ask, Ask::Attribution { book: false, .. });
    let book = if is_asked { Book::Kept } else { Book::OnlyWhose };
    let run = run_attribution(context, kind, &periods, book).await?;
    let mut owners: Vec<(GroupValues, Code, &[Credit])> = run
        .found
        .iter()
        .map(|(key, owner, credits)| (run.slicer.values(key), owner, credits))
        .filter(|(_, _, credits)| credits.iter().any(is_something))
        .collect();
    owners.sort_by(|(a, a_owner, _), (b, b_owner, _)| {
        compare_groups(a, b).then_with(|| name(&run, *a_owner).total_cmp(&name(&run, *b_owner)))
    });
    context.check_rows(owners.len() * periods.len())?;
    let labels = owner_labels(context, kind).await;
    let scale = run.scale();
    let calendar = context.facts.model.calendar;
    let mut rows = Vec::new();
    let known = |period: &Period| context.knows_movements(&run.loaded, &period.span);
    context.note_unknown(periods.iter().filter(|period| !known(period)).count());
    for (place, period) in periods.iter().enumerate().filter(|(_, period)| known(period)) {
        let mut totals: HashMap<&GroupValues, i128> = HashMap::new();
        for (group, _, credits) in &owners {
            *totals.entry(group).or_default() += credits[place].credited;
        }
        for (group, owner, credits) in &owners {
            let credit = &credits[place];
            if context.query().sparse && !is_something(credit) {
                continue;
            }
            let book = run.found.has_book.then_some(credit);
            let (info, owner_key) = (period_info(period), name(&run, *owner));
            let credited = Number::Decimal(credit.credited, scale);
            let row_group = context.group(group.clone());
            let slice = Slice::of(context.plan, &row_group)
                .with(&kind.owners.id_dimension, owner_key.clone());
            rows.push(AttributionAnswerRow {
                period: info,
                group: row_group,
                target: target_of(metric, Some(&credited), &slice, (&calendar, &info)),
                owner: match owner_key {
                    Scalar::Text(text) => Some(text.to_string()),
                    _ => None,
                },
                owner_name: labels(*owner),
                credited,
                events: credit.events,
                customers: credit.customers,
                share: Number::fraction(credit.credited, totals[group]),
                accounts: book.map(|credit| credit.accounts),
                cohort_mrr: book.map(|credit| Number::Decimal(credit.cohort, scale)),
                nrr: book.and_then(|credit| Number::fraction(credit.retained, credit.cohort)),
            });
        }
    }
    let owned = context.facts.model.owned_by(&kind.owners);
    let warnings = run.found.anomalies().warnings(owned, &kind.owners);
    // Without the books only some of them were looked through, and nobody asked.
    let warnings = if is_asked { warnings } else { Vec::new() };
    Ok(AttributionAnswer { rows, warnings })
}

fn is_something(credit: &Credit) -> bool {
    credit.events > 0 || credit.accounts > 0
}

fn name(run: &AttributionRun, owner: Code) -> Scalar {
    run.owner_names.get(owner as usize).map_or(Scalar::Null, |name| Scalar::Text(Arc::clone(name)))
}

/// Names of owners, where the definition says which dimension holds them.
async fn owner_labels(
    context: &Context<'_>,
    kind: &AttributionKind,
) -> impl Fn(Code) -> Option<String> {
    let name = kind.owners.name_dimension.as_ref();
    let dimension = name.and_then(|name| context.facts.model.dimensions.get(name));
    let column = match dimension.and_then(|d| Some((d, d.entity.clone()?))) {
        Some((dimension, entity)) => context.facts.attribute(&entity, dimension).await.ok(),
        None => None,
    };
    move |owner| {
        let column = column.as_ref()?;
        let value = column.by_code.get(owner as usize)?;
        match &column.values[*value as usize] {
            Scalar::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }
}
