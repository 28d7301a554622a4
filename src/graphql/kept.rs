//! Whole responses kept between requests, by the very bytes of the request (the parameters, of an
//! export) and the caller's sight: a document that is asked again is neither parsed nor walked.
//!
//! Only responses are kept that say of all their answers that they are cached, without any error,
//! and no longer than the listings that they were answered from are young enough: then the same
//! document is executed again, from kept answers where the files are the same. They belong to one
//! `Api`, and so to one model.

use std::time::Instant;

use bytes::Bytes;
use moka::future::Cache;

use crate::planner::Scope;

/// A request as it came: its bytes, and what its sender may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey(Box<[u8]>);

impl RequestKey {
    /// `door` tells apart texts that mean something else where they came in (a body, a query).
    #[must_use]
    pub fn new(door: u8, request: &[u8], scope: &Scope) -> Self {
        let sight = scope.sight();
        let mut key = Vec::with_capacity(request.len() + sight.len() + 9);
        key.push(door);
        key.extend_from_slice(&(sight.len() as u64).to_le_bytes());
        key.extend_from_slice(sight.as_bytes());
        key.extend_from_slice(request);
        Self(key.into())
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
        Self::new(door, &request, scope)
    }
}

#[derive(Debug, Clone)]
struct Kept {
    body: Bytes,
    /// None: as long as the model.
    until: Option<Instant>,
    /// How many kept answers had turned out to be wrong by then.
    differences: u64,
}

/// The kept responses of one API. Cheap to clone.
#[derive(Clone)]
pub(super) struct Responses {
    kept: Cache<RequestKey, Kept, foldhash::fast::RandomState>,
    bytes: u64,
}

impl Responses {
    /// At most so many bytes of requests and responses.
    pub fn new(bytes: u64) -> Self {
        const OVERHEAD: usize = 256;
        let weight = |key: &RequestKey, kept: &Kept| {
            u32::try_from(key.0.len() + kept.body.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(bytes).weigher(weight);
        Self { kept: kept.build_with_hasher(foldhash::fast::RandomState::default()), bytes }
    }

    /// Nothing kept, within the same bound.
    pub fn anew(&self) -> Self {
        Self::new(self.bytes)
    }

    /// The body that was answered before, if it may still be.
    pub async fn recall(&self, key: &RequestKey, differences: u64) -> Option<Bytes> {
        let kept = self.kept.get(key).await?;
        let current = kept.until.is_none_or(|until| Instant::now() < until)
            && kept.differences == differences;
        current.then_some(kept.body)
    }

    pub async fn keep(
        &self,
        key: RequestKey,
        body: Bytes,
        until: Option<Instant>,
        differences: u64,
    ) {
        if until.is_none_or(|until| Instant::now() < until) {
            self.kept.insert(key, Kept { body, until, differences }).await;
        }
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

    #[tokio::test]
    async fn another_sight_another_text_or_another_door_is_another_request() {
        let responses = Responses::new(1 << 20);
        let all = Scope::unrestricted("ann");
        let key = RequestKey::new(b'P', b"{ x }", &all);
        responses.keep(key.clone(), Bytes::from_static(b"1"), None, 0).await;
        assert_eq!(responses.recall(&key, 0).await.as_deref(), Some(&b"1"[..]));
        let bob = RequestKey::new(b'P', b"{ x }", &Scope::unrestricted("bob"));
        assert!(responses.recall(&bob, 0).await.is_some(), "who sees the same is told the same");
        for other in [
            RequestKey::new(b'G', b"{ x }", &all),
            RequestKey::new(b'P', b"{ y }", &all),
            RequestKey::new(b'P', b"{ x }", &scope("EMEA")),
            RequestKey::new(b'P', b"{ x }", &scope("APAC")),
        ] {
            assert!(responses.recall(&other, 0).await.is_none(), "{other:?}");
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

    #[tokio::test]
    async fn old_and_distrusted_responses_are_not_given() {
        let responses = Responses::new(1 << 20);
        let key = RequestKey::new(b'P', b"{ x }", &Scope::unrestricted("ann"));
        let body = Bytes::from_static(b"1");
        let soon = Instant::now() + Duration::from_millis(30);
        responses.keep(key.clone(), body.clone(), Some(soon), 0).await;
        assert!(responses.recall(&key, 0).await.is_some());
        assert!(responses.recall(&key, 1).await.is_none(), "a kept answer was wrong meanwhile");
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert!(responses.recall(&key, 0).await.is_none(), "the listing is old");
        responses.keep(key.clone(), body, Some(soon), 0).await;
        assert!(responses.recall(&key, 0).await.is_none());
    }
}
