//! Facts of one request: loaded once a snapshot, shared by every question that reads the same
//! table, kept across requests within the memory setting.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use moka::future::Cache;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{NONE, OwnerFacts};
use crate::model::{
    AttachKind, AttributionKind, Balance, BalanceName, BalanceShape, ColumnName, Dataset,
    Dimension, DimensionName, DimensionType, DimensionValue, EntityName, Model, Owners,
};
use crate::planner::{Axes, MetricQuery, OwnerAxis};
use crate::values::Scalar;

use super::aggregate::Observed;
use super::keys::KeySpace;
use super::load::{
    AttributeColumn, BalanceAsk, BalanceColumns, KeptBalance, LoadedBalance, LoadedOffers,
    LoadedOrders, LoadedOrigins, LoadedProducts, OriginColumns, Reader, load_attribute,
    load_balance, load_known_from, load_offers, load_orders, load_origins, load_owners,
    load_products,
};
use super::reads::{Read, Reads};
use super::slice::{DimensionColumn, DimensionColumns};
use super::subject::named;
use super::sums::KeptSums;

/// A question about more customers by name reads all of them.
const MOST_NAMED: usize = 16;

/// Ends the key of a balance whose rows are nobody's.
const AS_THEY_COME: &str = "as they come";

/// Facts in memory, by what they are and the exact files they come from.
pub type FactCache = Cache<String, Fact>;

#[derive(Clone)]
pub enum Fact {
    Balance(Arc<KeptBalance>),
    /// Not a fact: the key of the newest facts of a balance, and these. Where files are added, only
    /// the added ones are read.
    Newest(String, Weak<KeptBalance>),
    /// Not a fact: it was asked for a few customers of a balance.
    Asked,
    Attribute(Arc<AttributeColumn>),
    KnownFrom(Arc<Vec<Option<i64>>>),
    Owners(Arc<OwnerFacts>),
    Orders(Arc<LoadedOrders>),
    Products(Arc<LoadedProducts>),
    Offers(Arc<LoadedOffers>),
    Origins(Arc<LoadedOrigins>),
    Observed(Arc<Observed>),
    /// Of a pass, by the dimensions of a pre-aggregate.
    Sums(Arc<KeptSums>),
    /// Not a fact: the bytes of the keys that the facts are coded by, so that they count as well.
    Keys(u64),
}

impl Fact {
    /// Rough size in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const ATTRIBUTE: usize = 4;
        const VALUE: usize = 48;
        match self {
            Self::Balance(kept) => kept.bytes(),
            Self::Attribute(column) => {
                column.by_code.len() * ATTRIBUTE + column.values.len() * VALUE
            }
            Self::KnownFrom(known) => known.len() * 16,
            Self::Owners(owners) => owners.bytes(),
            Self::Orders(orders) => orders.facts.bytes(),
            Self::Products(products) => products.names.len() * 64,
            Self::Offers(offers) => offers.accepted.len() * 32,
            Self::Origins(origins) => origins.by_customer.len() * 16,
            Self::Sums(kept) => kept.bytes(),
            Self::Observed(_) | Self::Newest(..) | Self::Asked => 64,
            Self::Keys(bytes) => usize::try_from(*bytes).unwrap_or(usize::MAX),
        }
    }
}

/// A cache of at most `bytes`.
#[must_use]
pub fn fact_cache(bytes: u64) -> FactCache {
    let kib = |fact: &Fact| u32::try_from(fact.bytes() / 1024 + 1).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(bytes / 1024).weigher(move |_, fact| kib(fact)).build()
}

/// Counts the keys' bytes against the bound of the facts.
pub async fn weigh_keys(cache: &FactCache, bytes: u64) {
    const KEY: &str = "keys";
    match cache.get(KEY).await {
        Some(Fact::Keys(known)) if known == bytes => {}
        _ => cache.insert(KEY.to_owned(), Fact::Keys(bytes)).await,
    }
}

/// Bytes of the facts that are kept, about.
#[must_use]
pub fn kept_bytes(cache: &FactCache) -> u64 {
    cache.weighted_size() * 1024
}

/// The facts of one request, against one view of the warehouse.
#[derive(Clone)]
pub struct Facts<'a> {
    pub model: &'a Model,
    pub reader: Reader<'a>,
    pub keys: &'a KeySpace,
    pub cache: &'a FactCache,
    /// What the questions of the document read of balances.
    pub reads: Arc<Reads>,
}

macro_rules! cached {
    ($self:ident, $key:expr, $variant:ident, $load:expr) => {{
        // On the heap, for what loads is deep.
        let load = Box::pin(async { $load.await.map(|loaded| Fact::$variant(Arc::new(loaded))) });
        match $self.cache.try_get_with($key, load).await {
            Ok(Fact::$variant(fact)) => Ok(fact),
            Ok(_) => {
                Err(ApiError::new(ErrorCode::Internal, "A fact was stored under a wrong key."))
            }
            Err(error) => Err(error.as_ref().clone()),
        }
    }};
}

impl Facts<'_> {
    /// A balance in the first shape whose table is there.
    pub async fn balance(&self, name: &BalanceName) -> ApiResult<Arc<LoadedBalance>> {
        let balance =
            self.model.balances.get(name).ok_or_else(|| unknown("balance", name.as_str()))?;
        let (index, shape) = self.shape(balance)?;
        let table = self.reader.table(shape.dataset())?;
        let key = |columns: BalanceColumns| {
            let BalanceColumns { product, kind, offer } = columns;
            format!("balance {name} {index} {product} {kind} {offer} {}", table.id)
        };
        let Read { mut columns, only, by_customer } = self.reads.of_balance(name);
        for choice in BalanceColumns::choices() {
            if let Some(Fact::Balance(kept)) = self.cache.get(&key(choice)).await
                && let Some(known) = kept.get()
            {
                if choice.contains(columns) {
                    return Ok(known);
                }
                // Reading once what anybody asked for keeps one set of facts, not one for each.
                columns = columns.and(choice);
            }
        }
        let newest = format!("newest balance {name} {index} {columns:?}");
        let before = match self.cache.get(&newest).await {
            Some(Fact::Newest(key, known)) => known.upgrade().map(|known| (key, known)),
            _ => None,
        };
        if let Some(only) = only.filter(|only| only.len() <= MOST_NAMED && before.is_none()) {
            let first = format!("one customer's {}", key(columns));
            let asked =
                matches!(shape, BalanceShape::Ledger(_)) && !self.cache.contains_key(&first);
            if asked || self.cache.contains_key(&format!("{} {only:?}", key(columns))) {
                self.cache.insert(first, Fact::Asked).await;
                return self.balance_of(shape, columns, (&key(columns), &only)).await;
            }
        }
        if !by_customer && matches!(shape, BalanceShape::Ledger(_)) && before.is_none() {
            let id = format!("{} {AS_THEY_COME}", key(columns));
            let ask = BalanceAsk { shape, columns, only: None, by_customer, before: None };
            return self.loaded(id, ask).await.map(|(_, loaded)| loaded);
        }
        let known = before.as_ref().map(|(_, known)| known.as_ref());
        let ask = BalanceAsk { shape, columns, only: None, by_customer: true, before: known };
        let (kept, loaded) = self.loaded(key(columns), ask).await?;
        tracing::debug!(rows = loaded.rows, key_bytes = self.keys.bytes(), "balance read");
        self.cache.insert(newest, Fact::Newest(key(columns), Arc::downgrade(&kept))).await;
        // What these were made from, and what they hold more than.
        let less = BalanceColumns::choices().filter(|c| columns.contains(*c) && *c != columns);
        let outdated = less.map(key).chain(before.map(|(key, _)| key));
        for old in outdated.filter(|old| *old != key(columns)) {
            self.cache.invalidate(&old).await;
        }
        for choice in BalanceColumns::choices() {
            self.cache.invalidate(&format!("{} {AS_THEY_COME}", key(choice))).await;
        }
        Ok(loaded)
    }

    /// A balance of a few customers, read without the others. Worth it once: whoever asks again will
    /// ask for other customers.
    async fn balance_of(
        &self,
        shape: &BalanceShape,
        columns: BalanceColumns,
        (key, only): (&str, &BTreeSet<Arc<str>>),
    ) -> ApiResult<Arc<LoadedBalance>> {
        let ask = BalanceAsk { shape, columns, only: Some(only), by_customer: true, before: None };
        self.loaded(format!("{key} {only:?}"), ask).await.map(|(_, loaded)| loaded)
    }

    /// A balance under its key, read where it is not kept.
    async fn loaded(
        &self,
        id: String,
        ask: BalanceAsk<'_>,
    ) -> ApiResult<(Arc<KeptBalance>, Arc<LoadedBalance>)> {
        let load = |ask| async move {
            load_balance(&self.reader, self.model, self.keys, ask).await.map(KeptBalance::new)
        };
        let kept: ApiResult<Arc<KeptBalance>> = cached!(self, id, Balance, load(ask));
        let kept = kept?;
        if let Some(loaded) = kept.get() {
            return Ok((kept, loaded));
        }
        // Newer facts have just grown out of it: it is read for this question alone.
        let alone = Arc::new(Box::pin(load(BalanceAsk { before: None, ..ask })).await?);
        let loaded = alone.get().ok_or_else(|| {
            ApiError::new(ErrorCode::Internal, "A balance was gone before it was read.")
        })?;
        Ok((alone, loaded))
    }

    /// The first shape whose table is there; a table that is there but damaged is an error, never
    /// silently replaced by another shape.
    fn shape<'b>(&self, balance: &'b Balance) -> ApiResult<(usize, &'b BalanceShape)> {
        let mut first = None;
        for (index, shape) in balance.shapes.iter().enumerate() {
            match self.reader.table(shape.dataset()) {
                Ok(_) => return Ok((index, shape)),
                Err(error) if error.code == ErrorCode::Unavailable => {
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(first.unwrap_or_else(|| unknown("shape of balance", balance.name.as_str())))
    }

    /// One attribute of an entity, by the entity's code.
    pub async fn attribute(
        &self,
        entity: &EntityName,
        dimension: &Dimension,
    ) -> ApiResult<Arc<AttributeColumn>> {
        let (dataset, key) = self.table_of(entity)?;
        if dimension.dataset != dataset.name {
            return Ok(Arc::new(AttributeColumn::unknown()));
        }
        let interner = self.keys.of(entity.as_str());
        let id = format!("attribute {entity} {} {}", dimension.name, self.table_id(dataset)?);
        let load = load_attribute(&self.reader, (dataset, key), dimension, &interner);
        let loaded: ApiResult<_> = cached!(self, id, Attribute, load);
        loaded.map_err(|error| match &dimension.value {
            DimensionValue::Expr(expr) => named(self.model, (expr, &dataset.name), error),
            _ => error,
        })
    }

    /// When each of an entity's keys became known; empty where its table does not say. Checks that
    /// no key is there twice.
    pub async fn known_from(&self, entity: &EntityName) -> ApiResult<Arc<Vec<Option<i64>>>> {
        let (dataset, key) = self.table_of(entity)?;
        let interner = self.keys.of(entity.as_str());
        let id = format!("known from {entity} {}", self.table_id(dataset)?);
        cached!(self, id, KnownFrom, load_known_from(&self.reader, (dataset, key), &interner))
    }

    fn table_id(&self, dataset: &Dataset) -> ApiResult<&str> {
        self.reader.table(&dataset.name).map(|table| table.id.as_str())
    }

    /// The table of an entity, and its key.
    fn table_of(&self, entity: &EntityName) -> ApiResult<(&Dataset, &ColumnName)> {
        let dataset = self
            .model
            .dataset_of_entity(entity)
            .ok_or_else(|| unknown("dataset of entity", entity.as_str()))?;
        let key = dataset
            .primary_key
            .first()
            .ok_or_else(|| unknown("primary key of dataset", dataset.name.as_str()))?;
        Ok((dataset, key))
    }

    pub async fn owners(&self, owners: &Owners) -> ApiResult<Arc<OwnerFacts>> {
        let table = self.reader.table(&owners.dataset)?;
        // Every column that is read; what they are called in the API is not.
        let Owners { dataset, customer, owner, share, from, to, .. } = owners;
        let columns = (customer, owner, share, from, to);
        let id = format!("owners {dataset} {columns:?} {}", table.id);
        cached!(self, id, Owners, load_owners(&self.reader, self.model, self.keys, owners))
    }

    /// The owners that an as-of join leads to.
    pub async fn owners_of_axis(&self, axis: &OwnerAxis) -> ApiResult<Arc<OwnerFacts>> {
        let owners = self.model.owners_of_join(&axis.entity, &axis.join);
        let owners = owners.ok_or_else(|| unknown("bridge", axis.join.bridge.as_str()))?;
        self.owners(&owners).await
    }

    pub async fn orders(&self, kind: &AttachKind) -> ApiResult<Arc<LoadedOrders>> {
        let table = self.reader.table(&kind.orders.dataset)?;
        let whole = format!("orders {:?} {}", kind.orders, table.id);
        let alone = format!("{whole} {AS_THEY_COME}");
        let load = |by_customer: bool| {
            load_orders(&self.reader, self.model, self.keys, (&kind.orders, by_customer))
        };
        if !self.reads.orders_by_customer && !self.cache.contains_key(&whole) {
            return cached!(self, alone, Orders, load(false));
        }
        let loaded: ApiResult<Arc<LoadedOrders>> = cached!(self, whole, Orders, load(true));
        self.cache.invalidate(&alone).await;
        loaded
    }

    pub async fn products(&self, kind: &AttachKind) -> ApiResult<Arc<LoadedProducts>> {
        let table = self.reader.table(&kind.products)?;
        let (base, attached) = (&kind.base.sql, &kind.attached.sql);
        let id = format!("products {} {base:?} {attached:?} {}", kind.products, table.id);
        let load = |kind| load_products(&self.reader, self.model, self.keys, kind);
        let loaded: ApiResult<_> = cached!(self, id, Products, load(kind));
        match loaded {
            Err(error) if error.is_of_expression() => {
                // The engine says that a condition failed, not which.
                let base = AttachKind { attached: kind.base.clone(), ..kind.clone() };
                let is_base = load(&base).await.is_err();
                let expr = if is_base { &kind.base } else { &kind.attached };
                Err(named(self.model, (expr, &kind.products), error))
            }
            loaded => loaded,
        }
    }

    pub async fn offers(&self, kind: &AttributionKind) -> ApiResult<Option<Arc<LoadedOffers>>> {
        let Some(offers) = &kind.offers else { return Ok(None) };
        let table = self.reader.table(&offers.dataset)?;
        // Presenters are coded as owners are.
        let Owners { dataset, owner, .. } = &kind.owners;
        let id = format!("offers {offers:?} {dataset} {owner} {}", table.id);
        let loaded = cached!(
            self,
            id,
            Offers,
            load_offers(&self.reader, self.model, self.keys, offers, kind)
        );
        loaded.map(Some)
    }

    pub async fn origins(&self, columns: &OriginColumns<'_>) -> ApiResult<Arc<LoadedOrigins>> {
        let table = self.reader.table(columns.dataset)?;
        let id = format!("origins {} {}", columns.id(), table.id);
        cached!(self, id, Origins, load_origins(&self.reader, self.model, self.keys, columns))
    }

    /// How far a table reaches, observed once a snapshot.
    pub async fn observed(
        &self,
        key: String,
        observe: impl Future<Output = ApiResult<Observed>>,
    ) -> ApiResult<Arc<Observed>> {
        cached!(self, key, Observed, observe)
    }

    /// Values of every dimension of grouping and filter, as known at `as_of`.
    pub async fn dimension_columns(
        &self,
        query: &MetricQuery,
        axes: &Axes,
    ) -> ApiResult<DimensionColumns> {
        let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
        let mut columns = DimensionColumns::new();
        let as_of = query.as_of.map_or(i64::MAX, |at| at.0);
        for name in &query.group_by {
            if !columns.contains_key(name) {
                let values = self.dimension(name, axes, as_of).await?;
                columns.insert(name.clone(), DimensionColumn::Values(values));
            }
        }
        for name in filter {
            if !columns.contains_key(name) {
                let column = match self.key_space(name) {
                    Some(keys) => DimensionColumn::Keys(self.keys.of(keys)),
                    None => DimensionColumn::Values(self.dimension(name, axes, as_of).await?),
                };
                columns.insert(name.clone(), column);
            }
        }
        Ok(columns)
    }

    /// The interner of a dimension that is an entity's key.
    fn key_space(&self, name: &DimensionName) -> Option<&str> {
        let dimension = self.model.dimensions.get(name)?;
        let is_text = dimension.data_type == DimensionType::Text;
        (is_text && matches!(dimension.value, DimensionValue::Key)).then_some(())?;
        dimension.entity.as_ref().map(EntityName::as_str)
    }

    /// One dimension's values by the code of its axis.
    pub async fn dimension(
        &self,
        name: &DimensionName,
        axes: &Axes,
        as_of: i64,
    ) -> ApiResult<AttributeColumn> {
        let dimension =
            self.model.dimensions.get(name).ok_or_else(|| unknown("dimension", name.as_str()))?;
        match (&dimension.value, &dimension.entity) {
            (DimensionValue::Key, Some(entity)) => {
                let mut keys = self.identity(entity.as_str());
                for value in &mut keys.values {
                    *value = read_back(std::mem::replace(value, Scalar::Null), dimension.data_type);
                }
                Ok(keys)
            }
            (DimensionValue::Expr(_), Some(entity)) => {
                let column = self.attribute(entity, dimension).await?;
                if as_of == i64::MAX {
                    return Ok(column.as_ref().clone());
                }
                Ok(column.known_by(&self.known_from(entity).await?, as_of))
            }
            (DimensionValue::RollUp { of, map }, _) => {
                let parent = Box::pin(self.dimension(of, axes, as_of)).await?;
                let values = parent.values.iter().map(|value| match value {
                    Scalar::Text(text) => map
                        .get(text.as_ref())
                        .map_or(Scalar::Null, |family| Scalar::text(family.as_str())),
                    _ => Scalar::Null,
                });
                Ok(distinct(&parent, values.collect()))
            }
            _ => match &axes.kind {
                Some((dataset, column)) => {
                    let dataset = self.model.datasets.get(dataset);
                    Ok(self.identity(&super::load::key_space_of(dataset, column)))
                }
                None => Ok(AttributeColumn::unknown()),
            },
        }
    }

    /// A key itself: every code its own value.
    fn identity(&self, key_space: &str) -> AttributeColumn {
        let names = self.keys.of(key_space).names();
        let count = u32::try_from(names.len()).unwrap_or(NONE);
        let values = names.into_iter().map(Scalar::Text).chain([Scalar::Null]).collect();
        AttributeColumn { by_code: (0..=count).collect(), values }
    }
}

/// A key's text as a value of the dimension's type.
fn read_back(key: Scalar, data_type: DimensionType) -> Scalar {
    let Scalar::Text(text) = &key else { return key };
    match data_type {
        DimensionType::Int => text.parse().map_or(Scalar::Null, Scalar::Int),
        DimensionType::Bool => text.parse().map_or(Scalar::Null, Scalar::Bool),
        DimensionType::Date => text.parse().map_or(Scalar::Null, Scalar::Date),
        _ => key,
    }
}

/// The same column with other values, equal ones folded into one.
pub(super) fn distinct(column: &AttributeColumn, values: Vec<Scalar>) -> AttributeColumn {
    let mut folded: Vec<Scalar> = Vec::new();
    let places: Vec<u32> = values
        .into_iter()
        .map(|value| {
            let known = folded.iter().position(|other| *other == value);
            let place = known.unwrap_or_else(|| {
                folded.push(value);
                folded.len() - 1
            });
            u32::try_from(place).unwrap_or(0)
        })
        .collect();
    let by_code = column.by_code.iter().map(|value| places[*value as usize]).collect();
    AttributeColumn { by_code, values: folded }
}

fn unknown(what: &str, name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        format!("There is no {what} `{name}` in the definitions."),
    )
}
