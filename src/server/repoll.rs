//! Polling again at once what woke itself, instead of by way of the scheduler.
//!
//! hyper wakes its own connection while it hands a request's body over, though nothing is left to
//! do. The scheduler takes that for another round behind all connections that are ready, and
//! wakes a thread to share the work.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in a row, before others have their turn.
const MOST: usize = 4;

/// Nobody polls; who wakes, wakes the task.
const PENDING: u8 = 0;
/// The future is being polled.
const POLLING: u8 = 1;
/// It was woken meanwhile.
const WOKEN: u8 = 2;

/// Polls one future.
#[derive(Default)]
pub(super) struct Repoll {
    /// What the future wakes, and the same as its waker.
    heard: Option<(Arc<Heard>, Waker)>,
}

impl Repoll {
    /// Polls until the future is ready or waits for something else than itself.
    pub fn poll<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let task = context.waker();
        let heard = self.heard.take().filter(|(heard, _)| heard.task.will_wake(task));
        let (heard, waker) = self.heard.insert(heard.unwrap_or_else(|| Heard::of(task)));
        for _ in 0..MOST {
            heard.state.swap(POLLING, Ordering::SeqCst);
            let polled = future.as_mut().poll(&mut Context::from_waker(waker));
            if polled.is_ready() || heard.is_still() {
                return polled;
            }
        }
        heard.state.store(PENDING, Ordering::SeqCst);
        task.wake_by_ref();
        Poll::Pending
    }
}

/// What hears that the future is to be polled.
struct Heard {
    task: Waker,
    state: AtomicU8,
}

impl Heard {
    fn of(task: &Waker) -> (Arc<Self>, Waker) {
        let heard = Arc::new(Self { task: task.clone(), state: AtomicU8::new(PENDING) });
        (Arc::clone(&heard), Waker::from(heard))
    }

    /// Nobody woke the future while it was polled: whoever does from now on wakes the task.
    fn is_still(&self) -> bool {
        let (order, state) = (Ordering::SeqCst, &self.state);
        state.compare_exchange(POLLING, PENDING, order, order).is_ok()
    }
}

impl Wake for Heard {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // While it is polled, whoever polls looks at this afterwards.
        if self.state.swap(WOKEN, Ordering::SeqCst) == PENDING {
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// A future that wakes itself in its first polls and is ready in the one after those, or else
    /// leaves its waker behind and stays pending.
    fn waking<'a>(
        times: usize,
        polls: &'a Cell<usize>,
        left: Option<&'a Cell<Option<Waker>>>,
    ) -> impl Future<Output = ()> + 'a {
        poll_fn(move |context| {
            polls.set(polls.get() + 1);
            if polls.get() <= times {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(left) = left else { return Poll::Ready(()) };
            left.set(Some(context.waker().clone()));
            Poll::Pending
        })
    }

    #[test]
    fn what_woke_itself_is_polled_again_without_waking_its_task() {
        let (task, polls) = (Arc::new(Woken::default()), Cell::new(0));
        let (waker, mut repoll) = (Waker::from(Arc::clone(&task)), Repoll::default());
        let future = pin!(waking(2, &polls, None));
        assert!(repoll.poll(future, &mut Context::from_waker(&waker)).is_ready());
        assert_eq!((polls.get(), task.times()), (3, 0));
    }

    #[test]
    fn what_wakes_itself_for_ever_lets_others_have_their_turn() {
        let (task, polls) = (Arc::new(Woken::default()), Cell::new(0));
        let (waker, mut repoll) = (Waker::from(Arc::clone(&task)), Repoll::default());
        let mut future = pin!(waking(usize::MAX, &polls, None));
        for turn in 1..=3 {
            assert!(repoll.poll(future.as_mut(), &mut Context::from_waker(&waker)).is_pending());
            assert_eq!((polls.get(), task.times()), (turn * MOST, turn));
        }
    }

    #[test]
    fn who_wakes_it_while_it_waits_wakes_the_task_that_polled_last() {
        let (polls, left) = (Cell::new(0), Cell::new(None));
        let mut repoll = Repoll::default();
        let mut future = pin!(waking(1, &polls, Some(&left)));
        for _ in 0..2 {
            let task = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&task));
            for times in 1..=2 {
                assert!(
                    repoll.poll(future.as_mut(), &mut Context::from_waker(&waker)).is_pending()
                );
                let left = left.take().unwrap();
                left.wake_by_ref();
                left.wake();
                assert_eq!(task.times(), times, "once, however many wake it");
            }
        }
        assert_eq!(polls.get(), 5);
    }
}
