//! Whole responses kept between requests, by the very bytes of the request (the parameters, of an
//! export) and the caller's sight: a document that is asked again is neither parsed nor walked.
//!
//! Only responses are kept that say of all their answers that they are cached, without any error,
//! and no longer than the listings that they were answered from are young enough: then the same
//! document is executed again, from kept answers where the files are the same: by whoever asks
//! first, while the others wait for it. They belong to one `Api`, and so to one model.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::planner::Scope;

/// A request as it came: its bytes, and what its sender may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    door: u8,
    sight: String,
    request: Bytes,
}

impl RequestKey {
    /// `door` tells apart texts that mean something else where they came in (a body, a query).
    #[must_use]
    pub fn new(door: u8, request: Bytes, scope: &Scope) -> Self {
        Self { door, sight: scope.sight(), request }
    }

    /// Parameters of a URL: in whatever order and spelling they came, those of one name in theirs.
    #[must_use]
    pub fn of_parameters(door: u8, parameters: &[(String, String)], scope: &Scope) -> Self {
        let mut given: Vec<&(String, String)> =
            parameters.iter().filter(|(_, text)| !text.is_empty()).collect();
        given.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut request = Vec::new();
        for text in given.into_iter().flat_map(|(name, text)| [name, text]) {
            request.extend_from_slice(&(text.len() as u64).to_le_bytes());
            request.extend_from_slice(text.as_bytes());
        }
        Self::new(door, request.into(), scope)
    }

    /// The same with bytes of its own: those that came are a part of what was read of a socket.
    fn of_its_own(self) -> Self {
        Self { request: Bytes::copy_from_slice(&self.request), ..self }
    }
}

/// A response that was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub body: Bytes,
    /// The body in gzip, once somebody wanted it.
    pub gzip: Option<Bytes>,
    /// None: as long as the model.
    until: Option<Instant>,
    /// How many kept answers had turned out to be wrong by then.
    differences: u64,
    /// One permit, for who writes it anew when it is old; closed when that one is done.
    turn: Arc<Semaphore>,
}

impl Kept {
    fn is_current(&self, differences: u64) -> bool {
        self.differences == differences && self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// The turn of writing a response anew. While it is held, others wait.
#[derive(Debug)]
pub(super) struct Turn(Arc<Semaphore>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What is to be done about a response that may not be given.
#[derive(Debug)]
pub(super) enum Renewal {
    /// Execute the request; with a turn, others wait for it.
    Ours(Option<Turn>),
    /// Another request did meanwhile.
    Theirs(Kept),
}

/// Bytes of a request and its response.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<RequestKey, Kept> for Weight {
    fn weight(&self, key: &RequestKey, kept: &Kept) -> u64 {
        const OVERHEAD: usize = 256;
        let bodies = kept.body.len() + kept.gzip.as_ref().map_or(0, Bytes::len);
        (key.sight.len() + key.request.len() + bodies + OVERHEAD) as u64
    }
}

type Hasher = foldhash::fast::RandomState;
type Store = Cache<RequestKey, Kept, Weight, Hasher, DefaultLifecycle<RequestKey, Kept>>;

/// The kept responses of one API. Cheap to clone.
///
/// Looking one up takes a lock that readers share and copies nothing: a request that is answered
/// from here costs little else.
#[derive(Clone)]
pub(super) struct Responses {
    kept: Arc<Store>,
    bytes: u64,
}

impl Responses {
    /// At most so many bytes of requests and responses.
    pub fn new(bytes: u64) -> Self {
        // The store splits into parts of at least 32 responses each. Thought of as this large, a
        // part has room for 8 MiB, and so for any usual response, on however many processors.
        const USUAL: u64 = 256 << 10;
        let responses = usize::try_from(bytes / USUAL).unwrap_or(usize::MAX).max(32);
        let (hasher, lifecycle) = (Hasher::default(), DefaultLifecycle::default());
        let kept = Arc::new(Store::with(responses, bytes, Weight, hasher, lifecycle));
        Self { kept, bytes }
    }

    /// Nothing kept, within the same bound.
    pub fn anew(&self) -> Self {
        Self::new(self.bytes)
    }

    /// What was answered before, if it may still be.
    pub fn recall(&self, key: &RequestKey, differences: u64) -> Option<Kept> {
        self.kept.get(key).filter(|kept| kept.is_current(differences))
    }

    /// Waits while another request writes anew what is old. Where that could not be kept any more,
    /// nobody waits twice: all go on by themselves.
    pub async fn renewal(&self, key: &RequestKey, differences: u64) -> Renewal {
        let Some(Kept { turn, .. }) = self.kept.get(key) else { return Renewal::Ours(None) };
        if turn.try_acquire().map(SemaphorePermit::forget).is_ok() {
            return Renewal::Ours(Some(Turn(turn)));
        }
        // No permit ever comes back, so this ends when the turn does.
        turn.acquire().await.map(drop).ok();
        self.recall(key, differences).map_or(Renewal::Ours(None), Renewal::Theirs)
    }

    pub fn keep(&self, key: RequestKey, body: Bytes, until: Option<Instant>, differences: u64) {
        let turn = Arc::new(Semaphore::new(1));
        let kept = Kept { body, gzip: None, until, differences, turn };
        if kept.is_current(differences) {
            self.kept.insert(key.of_its_own(), kept);
        }
    }

    /// Keeps a form of what is kept beside it.
    pub fn keep_gzip(&self, key: RequestKey, kept: Kept, gzip: Bytes) {
        self.kept.insert(key.of_its_own(), Kept { gzip: Some(gzip), ..kept });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::planner::{Predicate, Test};
    use crate::values::Scalar;

    fn scope(region: &str) -> Scope {
        let test = Test::Eq(Scalar::text(region));
        let dimension = crate::model::DimensionName::new("region");
        Scope::restricted("ann", Predicate::Test { dimension, test })
    }

    fn key_of(door: u8, request: &'static [u8], scope: &Scope) -> RequestKey {
        RequestKey::new(door, Bytes::from_static(request), scope)
    }

    #[test]
    fn another_sight_another_text_or_another_door_is_another_request() {
        let responses = Responses::new(1 << 20);
        let all = Scope::unrestricted("ann");
        let key = key_of(b'P', b"{ x }", &all);
        responses.keep(key.clone(), Bytes::from_static(b"1"), None, 0);
        assert_eq!(responses.recall(&key, 0).map(|kept| kept.body).as_deref(), Some(&b"1"[..]));
        let bob = key_of(b'P', b"{ x }", &Scope::unrestricted("bob"));
        assert!(responses.recall(&bob, 0).is_some(), "who sees the same is told the same");
        for other in [
            key_of(b'G', b"{ x }", &all),
            key_of(b'P', b"{ y }", &all),
            key_of(b'P', b"{ x }", &scope("EMEA")),
            key_of(b'P', b"{ x }", &scope("APAC")),
        ] {
            assert!(responses.recall(&other, 0).is_none(), "{other:?}");
        }
    }

    #[test]
    fn parameters_are_the_same_request_in_any_order_but_that_of_a_list() {
        let all = Scope::unrestricted("ann");
        let key = |query: &str| {
            let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
            RequestKey::of_parameters(b'c', &pairs.collect::<Vec<_>>(), &all)
        };
        let one = key("select=mrr&select=nrr&last=1&grain=MONTH");
        assert_eq!(one, key("grain=MONTH&select=mrr&last=1&where=&select=n%72r"));
        for other in [
            "select=nrr&select=mrr&last=1&grain=MONTH",
            "select=mrr&last=1&grain=MONTH",
            "select=mrr&select=nrr&last=1&grain=YEAR",
            "select=mrrselect&=nrr&last=1&grain=MONTH",
        ] {
            assert_ne!(one, key(other), "{other}");
        }
    }

    #[test]
    fn old_and_distrusted_responses_are_not_given() {
        let responses = Responses::new(1 << 20);
        let key = key_of(b'P', b"{ x }", &Scope::unrestricted("ann"));
        let body = Bytes::from_static(b"1");
        let soon = Instant::now() + Duration::from_millis(30);
        responses.keep(key.clone(), body.clone(), Some(soon), 0);
        let kept = responses.recall(&key, 0).unwrap();
        assert!(responses.recall(&key, 1).is_none(), "a kept answer was wrong meanwhile");
        std::thread::sleep(Duration::from_millis(40));
        assert!(responses.recall(&key, 0).is_none(), "the listing is old");
        responses.keep(key.clone(), body.clone(), Some(soon), 0);
        assert!(responses.recall(&key, 0).is_none());
        responses.keep_gzip(key.clone(), kept, body);
        assert!(responses.recall(&key, 0).is_none(), "another form is not younger");
    }

    #[tokio::test]
    async fn one_writes_anew_what_is_old_and_the_others_wait_for_it() {
        let responses = Responses::new(1 << 20);
        let key = key_of(b'P', b"{ x }", &Scope::unrestricted("ann"));
        let body = Bytes::from_static(b"1");
        assert!(matches!(responses.renewal(&key, 0).await, Renewal::Ours(None)), "none is kept");
        for kept_again in [true, false] {
            responses.keep(key.clone(), body.clone(), None, 0);
            let Renewal::Ours(Some(turn)) = responses.renewal(&key, 1).await else {
                panic!("the first has the turn");
            };
            let others = futures::future::join_all((0..8).map(|_| responses.renewal(&key, 1)));
            tokio::pin!(others);
            assert!(futures::poll!(others.as_mut()).is_pending(), "they wait");
            if kept_again {
                responses.keep(key.clone(), Bytes::from_static(b"2"), None, 1);
            }
            drop(turn);
            for other in others.await {
                match other {
                    Renewal::Theirs(kept) => assert!(kept_again && kept.body == "2"),
                    Renewal::Ours(turn) => assert!(!kept_again && turn.is_none()),
                }
            }
        }
    }

    #[test]
    fn they_stay_within_their_bytes_and_large_ones_are_kept_too() {
        let key = |number: usize| {
            let number = Bytes::copy_from_slice(&number.to_le_bytes());
            RequestKey::new(b'P', number, &Scope::unrestricted("ann"))
        };
        let of = |bytes: usize| Bytes::from(vec![b' '; bytes]);
        let responses = Responses::new(64 << 20);
        for number in 0..4_000 {
            responses.keep(key(number), of(50_000), None, 0);
        }
        let (kept, bytes) = (responses.kept.len(), responses.kept.weight());
        assert!(bytes <= 64 << 20, "{bytes}");
        assert!(kept > 1_000, "{kept} of about 1,300 are kept");
        responses.keep(key(4_000), of(5 << 20), None, 0);
        let large = responses.recall(&key(4_000), 0).unwrap();
        responses.keep_gzip(key(4_000), large, of(1 << 20));
        let large = responses.recall(&key(4_000), 0).unwrap();
        assert_eq!((large.body.len(), large.gzip.map(|gzip| gzip.len())), (5 << 20, Some(1 << 20)));
        assert!(responses.kept.weight() <= 64 << 20);
        responses.keep(key(4_001), of(65 << 20), None, 0);
        assert!(responses.recall(&key(4_001), 0).is_none(), "more than there is room for");
    }
}
