//! Who a customer is on the day of the first purchase, and how inclined to stay and to grow.

use super::World;
use super::catalogue::{
    CHANNEL_WEIGHTS, CHANNELS, COUNTRY_WEIGHTS, INDUSTRIES, MILESTONES, Segment,
};
use super::draw::{Draw, Purpose};
use super::timeline::{MICROS_PER_SECOND, Month};
use super::words::{NAME_FORMS, NAME_HEADS, NAME_TAILS};
use crate::values::MICROS_PER_DAY;

/// One customer in this many has usage and health records.
const TRACKED_EVERY: u32 = 10;

/// What is decided about a customer at the first purchase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) segment: Segment,
    /// False where the company never wrote the segment down.
    pub(super) segment_known: bool,
    pub(super) industry: Option<&'static str>,
    /// Place in `COUNTRIES`.
    pub(super) country: usize,
    /// Place in `CHANNELS`.
    pub(super) channel: usize,
    pub(super) born: Month,
    pub(super) acquired_at: i64,
    pub(super) acquisition_cost_cents: i64,
    pub(super) seats: i64,
    pub(super) seat_price_cents: i64,
    /// The health score that the customer tends to.
    pub(super) mood: i64,
    /// Inclination to expand, in percent of the average.
    pub(super) drive: i64,
    /// Months that the contract had run when the customer was recorded: the base of the first
    /// month signed all around the year before.
    pub(super) months_under_contract: u32,
    /// When each of `MILESTONES` is reached, if ever.
    pub(super) milestones: [Option<i64>; MILESTONES.len()],
    /// Usage and health are recorded.
    pub(super) tracked: bool,
}

impl Profile {
    pub(super) fn draw(world: &World, customer: u32) -> Self {
        let mut draw = Draw::new(world.seed, customer, Purpose::Profile);
        let born = world.timeline.birth_month(customer);
        // An hour is left before the month's end, so that what follows at once is in the month too.
        let second = draw.below(world.timeline.seconds(born) - 3600);
        let acquired_at = world.timeline.start(born) + second * MICROS_PER_SECOND;
        let segment = Segment::ALL[draw.weighted(&Segment::WEIGHTS)];
        let traits = segment.traits();
        let seats = draw.skewed(traits.seats.0, traits.seats.1);
        let seat_price_cents = draw.between(traits.seat_price_cents.0, traits.seat_price_cents.1);
        let channel = draw.weighted(&CHANNEL_WEIGHTS);
        let months_of_revenue = draw.between(7, 15);
        let channel_percent = CHANNELS.get(channel).map_or(100, |(_, percent)| *percent);
        Self {
            segment,
            segment_known: !draw.percent(2),
            industry: if draw.percent(3) { None } else { draw.one_of(&INDUSTRIES) },
            country: draw.weighted(&COUNTRY_WEIGHTS),
            channel,
            born,
            acquired_at,
            acquisition_cost_cents: seats * seat_price_cents * months_of_revenue * channel_percent
                / 100,
            seats,
            seat_price_cents,
            mood: draw.between(42, 86),
            drive: draw.between(40, 160),
            months_under_contract: months_under_contract(&mut draw, born),
            milestones: draw_milestones(&mut draw, acquired_at),
            tracked: customer % TRACKED_EVERY == TRACKED_EVERY / 2,
        }
    }
}

fn months_under_contract(draw: &mut Draw, born: Month) -> u32 {
    if born == Month(0) { u32::try_from(draw.below(12)).unwrap_or(0) } else { 0 }
}

fn draw_milestones(draw: &mut Draw, acquired_at: i64) -> [Option<i64>; MILESTONES.len()] {
    MILESTONES.map(|(_, (first, last), percent)| {
        let reached = draw.percent(percent);
        let seconds = draw.between(first * 86_400, last * 86_400);
        reached.then_some(acquired_at + seconds * MICROS_PER_SECOND)
    })
}

/// The day of the first purchase, counted from 1970-01-01.
pub(super) fn acquired_on(profile: &Profile) -> i32 {
    i32::try_from(profile.acquired_at.div_euclid(MICROS_PER_DAY)).unwrap_or(0)
}

/// A company name that no other customer has: neighbours in number differ in every word.
pub(super) fn company_name(customer: u32) -> String {
    let (heads, tails, forms) = (NAME_HEADS.len(), NAME_TAILS.len(), NAME_FORMS.len());
    let all = heads * tails * forms;
    // 7919 is prime and shares no factor with the number of combinations: a permutation.
    let place = (customer as usize % all) * 7919 % all;
    let head = NAME_HEADS[place % heads];
    let tail = NAME_TAILS[place / heads % tails];
    let form = NAME_FORMS[place / heads / tails % forms];
    match customer as usize / all {
        0 => format!("{head} {tail} {form}"),
        repeat => format!("{head} {tail} {form} {}", repeat + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn company_names_are_unique() {
        let names: HashSet<String> = (0..30_000).map(company_name).collect();
        assert_eq!(names.len(), 30_000);
    }

    #[test]
    fn customers_are_won_inside_their_month_of_birth() {
        let world = World::new(5, 400);
        for customer in 0..400 {
            let profile = Profile::draw(&world, customer);
            let month = world.timeline.month_of(crate::values::Instant(profile.acquired_at));
            assert_eq!(month, profile.born);
            assert!(profile.acquisition_cost_cents > 0);
        }
    }
}
