//! Names that data engineers give, as distinct types so that one cannot stand for another.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A metric, as written in its definition (`nrr`).
    MetricName
);
name!(
    /// A dimension, as written in its definition (`segment`).
    DimensionName
);
name!(
    /// A dataset: one table of the warehouse under its own name (`mrr_movements`).
    DatasetName
);
name!(
    /// A column of a dataset, under the dataset's (not the file's) name for it.
    ColumnName
);
name!(
    /// A thing that keys identify across datasets (`customer`, `product`, `csm`).
    EntityName
);

impl EntityName {
    /// Whether it stands for a bridge's own column: a dot is in no name that somebody can write.
    #[must_use]
    pub fn is_attribute(&self) -> bool {
        self.as_str().contains('.')
    }
}

name!(
    /// A balance: recurring revenue in one or more shapes (`recurring_revenue`).
    BalanceName
);
