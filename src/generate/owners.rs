//! Who looks after an account: the whole chain of owners is decided when the customer is won, so
//! that a later hand-over never changes a row that an earlier month's file holds.

use super::World;
use super::catalogue::Segment;
use super::draw::{Draw, Purpose};
use super::profile::Profile;
use super::rows::AssignmentRow;
use super::timeline::MICROS_PER_SECOND;

/// Accounts that one manager of each segment's team looks after.
const ACCOUNTS_PER_CSM: [u32; 3] = [300, 60, 25];
/// Owners in a hundred who keep the account for good.
const STAYS_PERCENT: i64 = 35;
const TEAM_SIZES: (u32, u32) = (2, 40);

/// Shares of the two owners of a shared account, in percent; missing where nobody wrote one down.
const SHARES: [(Option<i64>, Option<i64>); 5] = [
    (Some(60), Some(40)),
    (Some(50), Some(50)),
    (Some(70), Some(30)),
    (None, None),
    (Some(60), None),
];
const SHARE_WEIGHTS: [u32; 5] = [40, 25, 20, 10, 5];

/// The customer success managers: one team per segment, numbered one team after the other.
#[derive(Debug)]
pub(super) struct Roster {
    sizes: [u32; 3],
}

impl Roster {
    pub(super) fn new(customers: u32) -> Self {
        let size = |team: usize| {
            let accounts = u64::from(customers) * u64::from(Segment::WEIGHTS[team]) / 100;
            let needed = accounts / u64::from(ACCOUNTS_PER_CSM[team]);
            u32::try_from(needed).unwrap_or(u32::MAX).clamp(TEAM_SIZES.0, TEAM_SIZES.1)
        };
        Self { sizes: [size(0), size(1), size(2)] }
    }

    /// Every manager with the segment of the team.
    pub(super) fn members(&self) -> impl Iterator<Item = (u32, Segment)> + '_ {
        let segments = Segment::ALL.into_iter().zip(self.sizes);
        let teams = segments.flat_map(|(segment, size)| (0..size).map(move |_| segment));
        (0..).zip(teams)
    }

    /// A member of the segment's team, other than `besides`.
    fn pick(&self, segment: Segment, draw: &mut Draw, besides: Option<u32>) -> u32 {
        let team = segment as usize;
        let first: u32 = self.sizes[..team].iter().sum();
        let size = self.sizes[team];
        let member = u32::try_from(draw.below(i64::from(size))).unwrap_or(0);
        if besides == Some(first + member) {
            return first + (member + 1) % size;
        }
        first + member
    }
}

/// All assignments of a customer up to the horizon, in the order they begin.
pub(super) fn assignments(world: &World, customer: u32, profile: &Profile) -> Vec<AssignmentRow> {
    let mut draw = Draw::new(world.seed, customer, Purpose::Owners);
    let traits = profile.segment.traits();
    let mut rows = Vec::new();
    if draw.percent(traits.unowned_percent) {
        return rows;
    }
    let shared = draw.percent(traits.shared_percent);
    let days = |count: i64| count * 86_400 * MICROS_PER_SECOND;
    let mut from = profile.acquired_at;
    if draw.percent(30) {
        from += days(draw.between(1, 20));
    }
    let mut previous = None;
    while from < world.timeline.horizon() {
        let end = from + days(draw.between(180, 1100));
        let stays = draw.percent(STAYS_PERCENT) || end >= world.timeline.horizon();
        let to = (!stays).then_some(end);
        let csm = world.roster.pick(profile.segment, &mut draw, previous);
        let (share, second_share) = SHARES[draw.weighted(&SHARE_WEIGHTS)];
        let share = if shared { share } else { None };
        rows.push(AssignmentRow { customer, csm, share, from, to });
        if shared {
            let csm = world.roster.pick(profile.segment, &mut draw, Some(csm));
            rows.push(AssignmentRow { customer, csm, share: second_share, from, to });
        }
        if stays {
            break;
        }
        previous = rows.last().map(|row| row.csm);
        from = end + if draw.percent(12) { days(draw.between(5, 60)) } else { 0 };
    }
    rows
}

/// The (first) owner at an instant.
pub(super) fn owner_at(assignments: &[AssignmentRow], at: i64) -> Option<u32> {
    let valid = |row: &&AssignmentRow| row.from <= at && row.to.is_none_or(|to| at < to);
    assignments.iter().find(valid).map(|row| row.csm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_handed_over_shared_and_left_alone() {
        let world = World::new(11, 2000);
        let (mut unowned, mut shared, mut handed_over) = (0, 0, 0);
        for customer in 0..2000 {
            let profile = Profile::draw(&world, customer);
            let rows = assignments(&world, customer, &profile);
            unowned += usize::from(rows.is_empty());
            shared += usize::from(rows.windows(2).any(|pair| pair[0].from == pair[1].from));
            handed_over +=
                usize::from(rows.windows(2).any(|pair| pair[0].to == Some(pair[1].from)));
            for pair in rows.windows(2) {
                assert_ne!(pair[0].csm, pair[1].csm, "a hand-over or a share goes to someone else");
            }
            assert_eq!(owner_at(&rows, profile.acquired_at - 1), None);
        }
        assert!(
            unowned > 200 && shared > 50 && handed_over > 500,
            "{unowned} {shared} {handed_over}"
        );
    }

    #[test]
    fn teams_grow_with_the_customers() {
        assert_eq!(Roster::new(1).members().count(), 6);
        assert_eq!(Roster::new(20_000).members().count(), 120);
        let members: Vec<_> = Roster::new(1).members().collect();
        assert_eq!(members.last(), Some(&(5, Segment::Enterprise)));
    }
}
