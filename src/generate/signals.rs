//! Usage and health, recorded for a tenth of the customers: enough to see how signals precede
//! expansion and churn, without a row per customer and month.

use super::catalogue::{API_VOLUME, PLATFORM};
use super::draw::Draw;
use super::life::Life;
use super::rows::{HealthRow, UsageRow};
use super::timeline::Month;

/// Cents of monthly price per thousand calls of the API.
const CENTS_PER_UNIT: i64 = 25;

/// Records the month's signals of a tracked customer who is active at its end. `noise` is a stream
/// of its own: what is measured never changes what happens.
pub(super) fn record(life: &mut Life<'_>, month: Month, noise: &mut Draw) {
    if !life.profile.tracked || !life.account.is_active() {
        return;
    }
    let (customer, mood, utilisation) = (life.customer, life.mood, life.utilisation);
    let health = HealthRow {
        customer,
        score: mood,
        nps: noise.percent(35).then(|| (mood * 2 - 100 + noise.between(-20, 20)).clamp(-100, 100)),
        csat: noise
            .percent(50)
            .then(|| (10 + mood * 40 / 100 + noise.between(-4, 4)).clamp(10, 50)),
    };
    let mut usage = Vec::new();
    let platform = life.account.line(PLATFORM);
    let used = (platform.seats * utilisation / 100).max(1);
    let seats = Some((used, platform.seats));
    usage.push(UsageRow { customer, product: PLATFORM, seats, quantity: None });
    let volume = life.account.line(API_VOLUME);
    if volume.cents > 0 {
        let limit = (volume.cents / CENTS_PER_UNIT).max(1);
        let quantity = limit * (utilisation + noise.between(-10, 10)).max(1) / 100;
        let quantity = Some((quantity, limit));
        usage.push(UsageRow { customer, product: API_VOLUME, seats: None, quantity });
    }
    if let Some(rows) = life.account.month(month) {
        rows.health.push(health);
        rows.usage.append(&mut usage);
    }
}
