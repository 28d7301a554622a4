//! Windows, and the runs of them over which a unit is the same.

use std::ops::Range;

use crate::kernels::Span;
use crate::kernels::timeline::Timeline;
use crate::kernels::units::UnitState;

/// Windows by the places of their starts and ends among all instants.
pub(super) struct Windows {
    pub timeline: Timeline,
    /// Positions of each window's start and end.
    ends: Vec<(usize, usize)>,
    /// By instant, the first window that starts (ends) at or after it; none where windows do not
    /// follow each other in time.
    first: Option<Vec<(usize, usize)>>,
    /// Each window begins where the one before ends: window w lies between the instants w and w + 1.
    pub follow_on: bool,
}

impl Windows {
    pub fn new(windows: &[Span]) -> Self {
        let timeline =
            Timeline::new(windows.iter().flat_map(|window| [window.start, window.end]).collect());
        let place = |window: &Span| (timeline.place(window.start), timeline.place(window.end));
        let ends: Vec<(usize, usize)> = windows.iter().map(place).collect();
        let in_order = ends.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        let first = |instant: usize| {
            (
                ends.partition_point(|(start, _)| *start < instant),
                ends.partition_point(|(_, end)| *end < instant),
            )
        };
        let first = in_order.then(|| (0..timeline.instants().len()).map(first).collect());
        let follow_on = (0..).zip(&ends).all(|(place, ends)| *ends == (place, place + 1));
        Self { timeline, ends, first, follow_on }
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// A step of a unit at an instant of the timeline.
    pub fn step(&self, instant: usize, state: &UnitState) -> Step {
        let first = self.first.as_ref().and_then(|first| first.get(instant));
        let (starts, ends) = first.copied().unwrap_or_default();
        Step { instant, starts, ends, state: *state }
    }

    /// Visits the runs of windows over which a unit is the same. Windows that see nothing of it are
    /// left out.
    pub fn for_each_run(&self, steps: &[Step], mut visit: impl FnMut(Run)) {
        let state = |count: usize| count.checked_sub(1).map_or(&NEVER, |last| &steps[last].state);
        if self.first.is_none() {
            let seen = |instant: usize| steps.partition_point(|step| step.instant <= instant);
            for (window, (start, end)) in self.ends.iter().enumerate() {
                let (start, end) = (seen(*start), seen(*end));
                let is_same = start == end;
                let (start, end) = (state(start), state(end));
                visit(Run { windows: window..window + 1, is_same, start, end });
            }
            return;
        }
        let count = self.ends.len();
        let next_start = |start: usize| steps.get(start).map_or(count, |step| step.starts);
        let next_end = |end: usize| steps.get(end).map_or(count, |step| step.ends);
        // Windows that end before the first step see nothing.
        let (mut start, mut end, mut window) = (0, 0, next_end(0));
        while window < count {
            while next_start(start) <= window && start < steps.len() {
                start += 1;
            }
            while next_end(end) <= window && end < steps.len() {
                end += 1;
            }
            let until = next_start(start).min(next_end(end));
            let is_same = start == end;
            visit(Run { windows: window..until, is_same, start: state(start), end: state(end) });
            window = until;
        }
    }
}

/// Before anything happened.
const NEVER: UnitState = UnitState {
    balance: 0,
    ever_active: false,
    expansion: 0,
    contraction: 0,
    churn: 0,
    returned: 0,
    expansions: 0,
};

/// The state of a unit from an instant on.
pub(super) struct Step {
    pub instant: usize,
    /// The first windows that start, and that end, at or after it.
    starts: usize,
    ends: usize,
    pub state: UnitState,
}

/// Windows over which a unit is the same: its states at their starts and ends.
pub(super) struct Run<'a> {
    pub windows: Range<usize>,
    /// Nothing happens between them.
    pub is_same: bool,
    pub start: &'a UnitState,
    pub end: &'a UnitState,
}
