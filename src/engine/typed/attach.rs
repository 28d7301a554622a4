//! The typed attach answer: base units, attached units and rate, per attached product and for any.

use std::sync::Arc;

use crate::engine::AttachAnswerRow;
use crate::engine::bands::{Slice, band_of, target_of};
use crate::engine::context::{Context, period_info};
use crate::engine::load::{LoadedBalance, LoadedProducts};
use crate::engine::maturity::Wait;
use crate::engine::sums::Summing;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{
    AttachAsk, AttachCell, Cells, Code, Slicer, Span, attach_by_customer, attach_by_order,
    attach_within_days,
};
use crate::model::{AttachBasis, AttachKind, Dataset, DimensionValue, Metric};
use crate::planner::{Axes, Leaf, Period};
use crate::values::{Instant, MICROS_PER_DAY, Number, Scalar};

use super::groups_of;

/// Cells of an attach pass with what is needed to read them.
pub struct AttachCells {
    pub cells: Cells<AttachCell>,
    pub slicer: Slicer,
    products: Arc<LoadedProducts>,
}

impl AttachCells {
    /// The rate of any attached product.
    #[must_use]
    pub fn rate(&self, key: Option<u64>, period: usize) -> Option<Number> {
        let cell = key.and_then(|key| self.cells.get(key)).map(|cells| &cells[period])?;
        Number::fraction(cell.any.into(), cell.base.into())
    }
}

/// Computes an attach pass over the periods.
pub async fn run_attach(
    context: &Context<'_>,
    kind: &AttachKind,
    periods: &[Period],
) -> ApiResult<AttachCells> {
    let products = context.facts.products(kind).await?;
    context.read(&kind.products, None);
    let axes = axes_of(context, kind);
    let spans: Vec<Span> = periods.iter().map(|period| period.span).collect();
    let calendar = context.facts.model.calendar;
    let asked = (&*products, spans.as_slice(), context.as_of());
    let summing = Summing::new(&axes, format!("attach {kind:?} {spans:?}"));
    let (cells, slicer) = if kind.basis == AttachBasis::Customer {
        let loaded = context.facts.balance(&kind.balance).await?;
        context.note_left_out(&loaded);
        check_known(context, &loaded, periods)?;
        let sum = |slicer: &Slicer| attach_by_customer(&loaded.facts, &ask(asked, slicer));
        context.sums(&summing, sum).await?
    } else {
        let orders = context.facts.orders(kind).await?;
        context.read(&kind.orders.dataset, orders.newest.filter(|at| *at < context.as_of()));
        if orders.left_out > 0 {
            context.note(format!(
                "{} row(s) of {} without order, customer or time were left out.",
                orders.left_out, kind.orders.dataset
            ));
        }
        let day_of = |at: i64| day_number(&calendar, at);
        let within = kind.within_days;
        let sum = |slicer: &Slicer| match kind.basis {
            AttachBasis::Order => attach_by_order(&orders.facts, &ask(asked, slicer)),
            _ => attach_within_days(&orders.facts, &ask(asked, slicer), within, &day_of),
        };
        context.sums(&summing, sum).await?
    };
    context.check_cells(cells.groups(), periods.len())?;
    Ok(AttachCells { cells, slicer, products })
}

/// Between snapshots nobody knows who holds what.
fn check_known(context: &Context<'_>, loaded: &LoadedBalance, periods: &[Period]) -> ApiResult<()> {
    let unknown =
        periods.iter().find(|period| !loaded.facts.is_known(period.span.end, context.as_of()));
    let Some(period) = unknown else { return Ok(()) };
    Err(ApiError::new(
        ErrorCode::Unavailable,
        format!(
            "{} holds no snapshot at {}, so who held what then is not known: ask for periods that end \
             with a month that has one.",
            loaded.shape.dataset(),
            period.end
        ),
    ))
}

fn ask<'a>(
    (products, periods, as_of): (&'a LoadedProducts, &'a [Span], i64),
    slicer: &'a Slicer,
) -> AttachAsk<'a> {
    AttachAsk { roles: &products.roles, periods, as_of, slicer }
}

/// Days since 1970-01-01 in the reporting zone.
#[must_use]
pub fn day_number(calendar: &crate::values::Calendar, at: i64) -> i32 {
    if calendar.zone == chrono_tz::Tz::UTC {
        // Every fact of a duration asks.
        return i32::try_from(at.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX);
    }
    let day = calendar.day_of(Instant(at)).signed_duration_since(chrono::NaiveDate::default());
    i32::try_from(day.num_days()).unwrap_or(i32::MAX)
}

/// Attachment is of customers: their attributes alone slice it.
fn axes_of(context: &Context<'_>, kind: &AttachKind) -> Axes {
    let dataset = context.facts.model.datasets.get(&kind.orders.dataset);
    let customer = dataset.and_then(|dataset: &Dataset| {
        dataset.keys.iter().find(|(_, key)| **key == kind.orders.customer)
    });
    Axes { customer: customer.map(|(entity, _)| entity.clone()), ..Axes::default() }
}

/// The rows of the typed field: per period and group one row a product, and one for any.
pub async fn attach_rows(
    context: &Context<'_>,
    metric: &Metric,
    kind: &AttachKind,
) -> ApiResult<Vec<AttachAnswerRow>> {
    let leaf = Leaf::Attach(kind.clone());
    let (_, newest) = crate::engine::aggregate::newest_of(context, &leaf).await?;
    let wait = Wait::of_attach(kind, context.end_of_observation(newest));
    let periods = context.periods(newest)?;
    let run = run_attach(context, kind, &periods).await?;
    let names = product_names(context, kind).await;
    let products = sorted_products(&run);
    let groups = groups_of(context, run.cells.found().map(|(key, _)| key), &run.slicer);
    context.check_rows(groups.len() * periods.len() * (products.len() + 1))?;
    let calendar = context.facts.model.calendar;
    let mut rows = Vec::new();
    for (place, period) in periods.iter().enumerate() {
        let mature = wait.is_none_or(|wait| wait.is_over(context, period));
        let info = period_info(period);
        for (values, key) in &groups {
            let cell = key.and_then(|key| run.cells.get(key)).map(|cells| cells[place].clone());
            let cell = cell.unwrap_or_default();
            if context.query().sparse && cell.base == 0 {
                continue;
            }
            let slots = products.iter().map(|(slot, code)| (Some(*code), cell.attached(*slot)));
            for (product, attached) in slots.chain([(None, cell.any)]) {
                let group = context.group(values.clone());
                let slice = Slice::of(context.plan, &group);
                let rate = Number::fraction(attached.into(), cell.base.into());
                rows.push(AttachAnswerRow {
                    period: info,
                    attached: product.and_then(|code| {
                        run.products.names.get(code as usize).map(ToString::to_string)
                    }),
                    attached_name: product.and_then(&names),
                    base_units: cell.base,
                    attached_units: attached,
                    band: band_of(metric, rate.as_ref(), &slice, &info),
                    target: target_of(metric, rate.as_ref(), &slice, (&calendar, &info)),
                    rate,
                    mature,
                    group,
                });
            }
        }
    }
    Ok(rows)
}

/// Attached products by key: (slot, code).
fn sorted_products(run: &AttachCells) -> Vec<(usize, Code)> {
    let attached = run.products.roles.attached_products();
    let mut products: Vec<(usize, Code)> = attached.iter().copied().enumerate().collect();
    products.sort_by_key(|(_, code)| run.products.names.get(*code as usize).cloned());
    products
}

/// Names of products, where the model has a dimension for them (a text that is no key, named
/// after the entity: `product_name`).
async fn product_names(
    context: &Context<'_>,
    kind: &AttachKind,
) -> impl Fn(Code) -> Option<String> {
    let dimension = context.facts.model.dimensions.values().find(|dimension| {
        dimension.dataset == kind.products
            && matches!(dimension.value, DimensionValue::Expr(_))
            && dimension.name.as_str().ends_with("_name")
    });
    let column = match dimension.and_then(|d| Some((d, d.entity.clone()?))) {
        Some((dimension, entity)) => context.facts.attribute(&entity, dimension).await.ok(),
        None => None,
    };
    move |code| {
        let column = column.as_ref()?;
        let value = column.by_code.get(code as usize)?;
        match &column.values[*value as usize] {
            Scalar::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }
}
