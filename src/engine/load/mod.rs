//! Loading facts: columns of the warehouse → coded, sorted facts that kernels walk.

mod attributes;
mod balance;
mod columns;
mod reader;

pub use attributes::{AttributeColumn, Attributes, ident, load_attributes, lower_expr, to_scalar};
pub use balance::{LoadedBalance, key_space_of, load_balance};
pub use columns::{amounts, codes, instants, instants_in, scale_of};
pub use reader::{Reader, column};
