//! Loading facts: columns of the warehouse → coded, sorted facts that kernels walk.

mod attributes;
mod balance;
mod columns;
mod expression;
mod kept;
mod movements;
mod orders;
mod origins;
mod owners;
mod reader;
mod runs;
mod snapshots;
mod whole;

pub use attributes::{AttributeColumn, load_attribute, load_known_from, to_scalar};
pub use balance::{BalanceAsk, BalanceColumns, LoadedBalance, key_space_of, load_balance};
pub use columns::{codes, instants_in};
pub use expression::{ident, lower_condition, lower_dimension, lower_expr};
pub use kept::KeptBalance;
pub use orders::{LoadedOrders, LoadedProducts, load_orders, load_products};
pub use origins::{LoadedOrigins, OriginColumns, load_origins};
pub use owners::{LoadedOffers, load_offers, load_owners};
pub use reader::{Reader, column};
