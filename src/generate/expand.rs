//! How an account grows: what is bought, what it costs and which offer led to it.

use super::account::{Cause, Change};
use super::catalogue::{
    ADD_ONS, API_VOLUME, CROSS_SELLS, ExpansionType, IN_APP, Movement, OFFER_CHANNELS,
    OFFER_TRIGGERS, Outcome, PARTNER_CONNECT, PLATFORM, ProductIndex, UPGRADES,
};
use super::life::Life;
use super::owners::owner_at;
use super::rows::OfferRow;
use super::timeline::{MICROS_PER_SECOND, Month};

/// Expansions in a hundred whose type nobody recorded.
const UNCLASSIFIED_PERCENT: i64 = 3;
/// Expansions in a hundred that follow an accepted offer.
const OFFERED_PERCENT: i64 = 55;

/// One expansion of a type that fits the segment and what is held already.
pub(super) fn expand(life: &mut Life<'_>, month: Month, at: i64) {
    let (kind, change) = choose(life);
    let offered = kind != ExpansionType::Usage && life.draw.percent(OFFERED_PERCENT);
    let offer = if offered {
        let start = life.world.timeline.start(month);
        let presented_at = start + seconds_before(life, at - start);
        Some(record_offer(life, (kind, change), presented_at, (Some(at), Outcome::Accepted)))
    } else {
        None
    };
    let unclassified = life.draw.percent(UNCLASSIFIED_PERCENT);
    let cause = Cause {
        at,
        movement: Movement::Expansion,
        expansion_type: (!unclassified).then_some(kind),
        offer,
    };
    life.account.post(cause, change);
    match kind {
        ExpansionType::Feature | ExpansionType::Usage => {}
        ExpansionType::Seat | ExpansionType::Organizational => {
            life.utilisation = life.utilisation * 85 / 100;
            order_with_add_on(life, at, change);
        }
        _ => life.account.order(at, &[change]),
    }
}

/// Some who come back for seats take an add-on along.
fn order_with_add_on(life: &mut Life<'_>, at: i64, seats: Change) {
    let mut lines = vec![seats];
    if life.draw.percent(14)
        && let Some(product) = not_held(life, &ADD_ONS)
    {
        let add_on = life.new_line(product);
        let cause = Cause {
            expansion_type: Some(ExpansionType::AddOn),
            ..Cause::new(at, Movement::Expansion)
        };
        life.account.post(cause, add_on);
        lines.push(add_on);
    }
    life.account.order(at, &lines);
}

/// A type of expansion with its change. A type that has nothing left to sell becomes seats.
fn choose(life: &mut Life<'_>) -> (ExpansionType, Change) {
    let weights = &life.profile.segment.traits().expansion_weights;
    let kind = ExpansionType::CHOSEN[life.draw.weighted(weights)];
    let new_line = match kind {
        ExpansionType::TierUpgrade => first_not_held(life, &UPGRADES),
        ExpansionType::CrossSell => not_held(life, &CROSS_SELLS),
        ExpansionType::AddOn => not_held(life, &ADD_ONS),
        ExpansionType::Partnership => not_held(life, &[PARTNER_CONNECT]),
        ExpansionType::Usage => not_held(life, &[API_VOLUME]),
        _ => None,
    };
    if let Some(product) = new_line {
        return (kind, life.new_line(product));
    }
    match kind {
        ExpansionType::UseCase => (kind, more_seats(life, 8, 20)),
        ExpansionType::Organizational => (kind, more_seats(life, 22, 50)),
        ExpansionType::Feature => {
            let percent = life.draw.between(5, 14);
            let cents = life.account.line(PLATFORM).cents * percent / 100;
            (kind, Change { product: PLATFORM, cents, seats: 0 })
        }
        ExpansionType::Usage => {
            let percent = life.draw.between(15, 45);
            let cents = life.account.line(API_VOLUME).cents * percent / 100;
            (kind, Change { product: API_VOLUME, cents: cents.max(1), seats: 0 })
        }
        _ => (ExpansionType::Seat, more_seats(life, 5, 22)),
    }
}

/// Seats of the platform, from `low` to `high` percent more, at the price paid so far.
fn more_seats(life: &mut Life<'_>, low: i64, high: i64) -> Change {
    let platform = life.account.line(PLATFORM);
    let seats = (platform.seats * life.draw.between(low, high) / 100).max(1);
    let cents = platform.cents * seats / platform.seats.max(1);
    Change { product: PLATFORM, cents, seats }
}

fn not_held(life: &mut Life<'_>, products: &[ProductIndex]) -> Option<ProductIndex> {
    let free: Vec<_> =
        products.iter().copied().filter(|product| life.account.line(*product).cents == 0).collect();
    life.draw.one_of(&free)
}

fn first_not_held(life: &Life<'_>, products: &[ProductIndex]) -> Option<ProductIndex> {
    products.iter().copied().find(|product| life.account.line(*product).cents == 0)
}

/// The anniversary: every line is ordered for another year, prices may rise and the commitment may
/// grow.
pub(super) fn renew(life: &mut Life<'_>, at: i64) {
    if life.draw.percent(42) {
        let percent = life.draw.between(2, 6);
        raise(life, at, percent);
    }
    if life.draw.percent(15) {
        let platform = life.account.line(PLATFORM);
        let percent = life.draw.between(4, 14);
        let cause = Cause {
            expansion_type: Some(ExpansionType::Renewal),
            ..Cause::new(at, Movement::Expansion)
        };
        let cents = platform.cents * percent / 100;
        life.account.post(cause, Change { product: PLATFORM, cents, seats: 0 });
    }
    let lines: Vec<_> = life
        .account
        .held()
        .map(|(product, line)| Change { product, cents: line.cents, seats: line.seats })
        .collect();
    life.account.order(at, &lines);
}

fn raise(life: &mut Life<'_>, at: i64, percent: i64) {
    let cause =
        Cause { expansion_type: Some(ExpansionType::Price), ..Cause::new(at, Movement::Expansion) };
    let lines: Vec<_> = life.account.held().collect();
    for (product, line) in lines {
        let cents = line.cents * percent / 100;
        life.account.post(cause, Change { product, cents, seats: 0 });
    }
}

/// An offer that is declined or ignored.
pub(super) fn pitch(life: &mut Life<'_>, month: Month, at: i64) {
    let offer = choose(life);
    let end = life.world.timeline.start(Month(month.0 + 1));
    let declined = life.draw.percent(42);
    let answered_at = at + seconds_before(life, end - at);
    let answer =
        if declined { (Some(answered_at), Outcome::Declined) } else { (None, Outcome::Ignored) };
    record_offer(life, offer, at, answer);
}

/// A random whole number of seconds below a length of time, in microseconds.
fn seconds_before(life: &mut Life<'_>, length: i64) -> i64 {
    life.draw.below(length / MICROS_PER_SECOND) * MICROS_PER_SECOND
}

fn record_offer(
    life: &mut Life<'_>,
    (offer_type, change): (ExpansionType, Change),
    presented_at: i64,
    (responded_at, outcome): (Option<i64>, Outcome),
) -> u32 {
    let traits = life.profile.segment.traits();
    let channel = OFFER_CHANNELS[life.draw.weighted(&traits.channel_weights)];
    let csm = if channel == IN_APP { None } else { owner_at(&life.owners, presented_at) };
    let effort = life.draw.between(5, 40);
    life.account.offer(OfferRow {
        customer: life.customer,
        number: 0,
        product: change.product,
        csm,
        offer_type,
        trigger: life.draw.one_of(&OFFER_TRIGGERS).unwrap_or(OFFER_TRIGGERS[0]),
        channel,
        presented_at,
        responded_at,
        outcome,
        cents: change.cents,
        cost_cents: if csm.is_some() { 2_000 + change.cents * effort / 100 } else { 300 },
    })
}
