//! `check --data`: do the shapes of a balance describe the same facts?

use crate::error::ApiResult;
use crate::kernels::{BalanceFacts, Known, NONE, Reconciliation, reconcile};
use crate::model::{Balance, BalanceShape};
use crate::values::Instant;

use super::facts::Facts;
use super::load::{BalanceAsk, BalanceColumns, LoadedBalance, load_balance};

/// One finding per pair of shapes that disagree, for data engineers (it names keys and amounts).
pub async fn disagreements(facts: &Facts<'_>, balance: &Balance) -> ApiResult<Vec<String>> {
    let mut shapes: Vec<LoadedBalance> = Vec::new();
    for shape in &balance.shapes {
        if facts.reader.table(shape.dataset()).is_ok() {
            let columns = BalanceColumns { product: true, ..BalanceColumns::default() };
            let ask = BalanceAsk { shape, columns, only: None, by_customer: true, before: None };
            shapes.push(load_balance(&facts.reader, facts.model, facts.keys, ask).await?);
        }
    }
    let mut findings = Vec::new();
    for (index, left) in shapes.iter().enumerate() {
        for right in &shapes[index + 1..] {
            let instants = common_instants(facts, &left.facts, &right.facts);
            let found = reconcile(&left.facts, &right.facts, &instants);
            if found.differing > 0 {
                findings.push(words(facts, left, right, &found));
            }
        }
    }
    Ok(findings)
}

/// Month ends that both know: those of snapshots, else of every month up to the newest fact of
/// the one that ends first (ends of intervals may be written years ahead; a ledger's are not).
fn common_instants(facts: &Facts<'_>, left: &BalanceFacts, right: &BalanceFacts) -> Vec<i64> {
    match (&left.known, &right.known) {
        (Known::At(left), Known::At(right)) => {
            left.iter().filter(|at| right.binary_search(at).is_ok()).copied().collect()
        }
        (Known::At(instants), _) | (_, Known::At(instants)) => instants.clone(),
        (Known::Always, Known::Always) => {
            let calendar = &facts.model.calendar;
            let (Some(first), Some(newest)) =
                (left.first.min(right.first), left.newest.min(right.newest))
            else {
                return Vec::new();
            };
            let mut day =
                calendar.floor(calendar.day_of(Instant(first)), crate::values::Grain::Month);
            let mut instants = Vec::new();
            while calendar.midnight(day).0 <= newest {
                day = calendar.shift(day, crate::values::Grain::Month, 1);
                instants.push(calendar.midnight(day).0);
            }
            instants
        }
    }
}

fn words(
    facts: &Facts<'_>,
    left: &LoadedBalance,
    right: &LoadedBalance,
    found: &Reconciliation,
) -> String {
    let names = |shape: &BalanceShape| shape.dataset().to_string();
    let (left_name, right_name) = (names(&left.shape), names(&right.shape));
    let mut text = format!(
        "`{left_name}` and `{right_name}` disagree on {} balance(s) of a customer's product at a \
         month's end, by {} in all",
        found.differing,
        money(found.net, left.facts.scale)
    );
    let axes = crate::planner::Axes::of_shape(facts.model, &left.shape);
    let key = |entity: Option<&crate::model::EntityName>, code| {
        let name = entity.and_then(|entity| facts.keys.of(entity.as_str()).text(code));
        name.map(|name| name.to_string())
            .filter(|_| code != NONE)
            .unwrap_or_else(|| "(none)".to_owned())
    };
    for example in &found.examples {
        let scale = left.facts.scale;
        text.push_str(&format!(
            "\n  {} {} before {}: {} against {}",
            key(axes.customer.as_ref(), example.customer),
            key(axes.product.as_ref(), example.product),
            facts.model.calendar.day_of(Instant(example.at)),
            money(example.left.into(), scale),
            money(example.right.into(), scale)
        ));
    }
    text
}

fn money(amount: i128, scale: u8) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let unit = 10u128.pow(u32::from(scale));
    let magnitude = amount.unsigned_abs();
    if scale == 0 {
        return format!("{sign}{magnitude}");
    }
    let width = usize::from(scale);
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
}
