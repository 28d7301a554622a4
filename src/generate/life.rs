//! A customer's life, month by month: a function of the seed, the customers setting and the
//! customer's number alone. How many months are written only decides what is kept of it.

use super::World;
use super::account::{Account, Cause, Change};
use super::catalogue::{
    FIRST_ADD_ONS, FIRST_SUCCESS, MILESTONES, Movement, ONBOARDING, PLATFORM, PRODUCTS,
    ProductIndex, SEATED,
};
use super::draw::{Draw, Purpose};
use super::expand;
use super::owners;
use super::profile::Profile;
use super::rows::{AssignmentRow, ChunkRows, CustomerRow, MilestoneRow};
use super::signals;
use super::timeline::{HORIZON, MICROS_PER_SECOND, Month};

/// Months after a churn in which a customer may come back, and the chance of each.
const WIN_BACK_MONTHS: u32 = 18;
const WIN_BACK_PPM: i64 = 14_000;

/// Chance a month of an offer that leads nowhere.
const PITCH_PPM: i64 = 45_000;

/// One customer while being followed.
pub(super) struct Life<'a> {
    pub(super) world: &'a World,
    pub(super) customer: u32,
    pub(super) profile: Profile,
    pub(super) owners: Vec<AssignmentRow>,
    pub(super) draw: Draw,
    pub(super) account: Account<'a>,
    /// Health score, 1 to 100.
    pub(super) mood: i64,
    /// Seats used, in percent of the seats paid for.
    pub(super) utilisation: i64,
    left: Option<Month>,
    seats_when_left: i64,
}

/// What happens to an active customer within a month.
#[derive(Debug, Clone, Copy)]
enum Step {
    Renew,
    Contract,
    Expand,
    Pitch,
}

/// Follows one customer and records what falls into the months that are written.
pub(super) fn live(world: &World, customer: u32, rows: &mut ChunkRows) {
    let profile = Profile::draw(world, customer);
    let owners = owners::assignments(world, customer, &profile);
    record_owners(world, &owners, rows);
    if let Some(rows) = rows.month(profile.born) {
        rows.customers.push(CustomerRow { customer, profile });
    }
    let mut life = Life {
        world,
        customer,
        profile,
        owners,
        draw: Draw::new(world.seed, customer, Purpose::Life),
        account: Account::new(customer, &world.timeline, rows),
        mood: profile.mood,
        utilisation: 60,
        left: None,
        seats_when_left: 0,
    };
    let mut noise = Draw::new(world.seed, customer, Purpose::Signals);
    life.buy_first();
    for month in (profile.born.0..HORIZON).map(Month) {
        if life.account.is_settled(month) {
            break;
        }
        if month > profile.born {
            life.pass_month(month);
        }
        life.reach_milestones(month);
        signals::record(&mut life, month, &mut noise);
        life.account.end_month(month);
    }
    life.account.close();
}

fn record_owners(world: &World, owners: &[AssignmentRow], rows: &mut ChunkRows) {
    for row in owners {
        let month = world.timeline.month_of(crate::values::Instant(row.from));
        if let Some(rows) = rows.month(month) {
            rows.assignments.push(AssignmentRow { ..*row });
        }
    }
}

impl Life<'_> {
    /// The first order: the platform, perhaps add-ons, perhaps onboarding.
    fn buy_first(&mut self) {
        let at = self.profile.acquired_at;
        let cents = self.profile.seats * self.profile.seat_price_cents;
        let mut lines = vec![Change { product: PLATFORM, cents, seats: self.profile.seats }];
        for (product, percent) in FIRST_ADD_ONS {
            if self.draw.percent(percent) {
                lines.push(self.new_line(product));
            }
        }
        for line in &lines {
            self.account.post(Cause::new(at, Movement::New), *line);
        }
        self.account.order(at, &lines);
        if self.draw.percent(40) {
            let price = self.profile.segment.traits().onboarding_cents;
            self.account.order_line(at, ONBOARDING, 1, price);
        }
    }

    /// A line as it is bought: priced after the platform line, a fifth up or down.
    pub(super) fn new_line(&mut self, product: ProductIndex) -> Change {
        let platform = self.account.line(PLATFORM);
        let (base, seats) = if platform.cents > 0 {
            (platform.cents, platform.seats)
        } else {
            (self.profile.seats * self.profile.seat_price_cents, self.profile.seats)
        };
        let percent = PRODUCTS[product].percent * self.draw.between(80, 120);
        let seats = if SEATED.contains(&product) { (seats / 2).max(1) } else { 0 };
        Change { product, cents: (base * percent / 10_000).max(1), seats }
    }

    fn pass_month(&mut self, month: Month) {
        self.drift();
        let Some(left) = self.left else {
            return self.pass_active_month(month);
        };
        if month.0 - left.0 <= WIN_BACK_MONTHS && self.draw.chance(WIN_BACK_PPM) {
            let at = self.moment(month);
            let seats = (self.seats_when_left * self.draw.between(60, 100) / 100).max(1);
            let cents = seats * self.profile.seat_price_cents;
            let line = Change { product: PLATFORM, cents, seats };
            self.account.post(Cause::new(at, Movement::Reactivation), line);
            self.account.order(at, &[line]);
            self.left = None;
        }
    }

    fn pass_active_month(&mut self, month: Month) {
        let anniversary = self.contract_months(month).is_multiple_of(12);
        if self.draw.chance(self.churn_ppm(anniversary)) {
            let at = self.moment(month);
            return self.churn(month, at);
        }
        let traits = self.profile.segment.traits();
        let mut steps = Vec::new();
        if anniversary {
            steps.push((self.anniversary(month), Step::Renew));
        }
        if self.draw.chance(traits.contraction * self.gloom() / 100) {
            steps.push((self.moment(month), Step::Contract));
        }
        if self.draw.chance(self.expansion_ppm(month)) {
            steps.push((self.moment(month), Step::Expand));
            if self.draw.percent(7) {
                steps.push((self.moment(month), Step::Expand));
            }
        }
        if self.draw.chance(PITCH_PPM) {
            steps.push((self.moment(month), Step::Pitch));
        }
        steps.sort_by_key(|(at, _)| *at);
        for (at, step) in steps {
            match step {
                Step::Renew => expand::renew(self, at),
                Step::Contract => self.contract(at),
                Step::Expand => expand::expand(self, month, at),
                Step::Pitch => expand::pitch(self, month, at),
            }
        }
    }

    /// Months that the contract has run, those before the records included.
    fn contract_months(&self, month: Month) -> u32 {
        month.0 - self.profile.born.0 + self.profile.months_under_contract
    }

    /// Health wanders around the customer's own level; utilisation creeps up with it.
    fn drift(&mut self) {
        self.mood += (self.profile.mood - self.mood) / 6 + self.draw.between(-8, 8);
        self.mood = self.mood.clamp(1, 100);
        let pull = i64::from(self.mood > 60) + i64::from(self.mood > 45);
        self.utilisation = (self.utilisation + self.draw.between(-4, 4) + pull).clamp(15, 108);
    }

    /// A random instant of the month.
    fn moment(&mut self, month: Month) -> i64 {
        let second = self.draw.below(self.world.timeline.seconds(month));
        self.world.timeline.start(month) + second * MICROS_PER_SECOND
    }

    /// The anniversary of the first purchase, or the month's last second where the month is short.
    fn anniversary(&self, month: Month) -> i64 {
        let timeline = &self.world.timeline;
        let into = self.profile.acquired_at - timeline.start(self.profile.born);
        let last = (timeline.seconds(month) - 1) * MICROS_PER_SECOND;
        timeline.start(month) + into.min(last)
    }

    /// How much likelier losses are at this health, in percent.
    fn gloom(&self) -> i64 {
        match self.mood {
            ..40 => 220,
            40..55 => 125,
            55..70 => 80,
            _ => 50,
        }
    }

    fn churn_ppm(&self, anniversary: bool) -> i64 {
        let season = if anniversary { 270 } else { 85 };
        self.profile.segment.traits().churn * self.gloom() * season / 10_000
    }

    fn expansion_ppm(&self, month: Month) -> i64 {
        let young = if self.contract_months(month) < 3 { 50 } else { 100 };
        let full = if self.utilisation >= 85 { 140 } else { 90 };
        let start = self.world.timeline.start(month);
        let success = match self.profile.milestones[FIRST_SUCCESS] {
            Some(reached) if reached < start => 110,
            _ => 75,
        };
        let base = self.profile.segment.traits().expansion * self.profile.drive / 100;
        base * young * full / 10_000 * success / 100
    }

    fn churn(&mut self, month: Month, at: i64) {
        self.seats_when_left = self.account.line(PLATFORM).seats;
        let lines: Vec<_> = self.account.held().collect();
        for (product, line) in lines {
            let loss = Change { product, cents: -line.cents, seats: -line.seats };
            self.account.post(Cause::new(at, Movement::Churn), loss);
        }
        self.left = Some(month);
    }

    /// Drops a line besides the platform, or gives seats of the platform back.
    fn contract(&mut self, at: i64) {
        let cause = Cause::new(at, Movement::Contraction);
        let others: Vec<_> = self.account.held().filter(|(p, _)| *p != PLATFORM).collect();
        if self.draw.percent(35)
            && let Some((product, line)) = self.draw.one_of(&others)
        {
            let loss = Change { product, cents: -line.cents, seats: -line.seats };
            return self.account.post(cause, loss);
        }
        let line = self.account.line(PLATFORM);
        let percent = self.draw.between(6, 28);
        let seats = (line.seats * percent / 100).max(1).min(line.seats - 1);
        if seats > 0 {
            let cents = line.cents * seats / line.seats;
            let loss = Change { product: PLATFORM, cents: -cents, seats: -seats };
            self.account.post(cause, loss);
            self.utilisation = (self.utilisation * 100 / (100 - percent)).min(100);
        }
    }

    fn reach_milestones(&mut self, month: Month) {
        if !self.account.is_active() {
            return;
        }
        let customer = self.customer;
        for ((milestone, ..), reached) in MILESTONES.into_iter().zip(self.profile.milestones) {
            let Some(at) = reached else { continue };
            if self.world.timeline.month_of(crate::values::Instant(at)) == month
                && let Some(rows) = self.account.month(month)
            {
                rows.milestones.push(MilestoneRow { customer, milestone, at });
            }
        }
    }
}
