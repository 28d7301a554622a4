//! Metrics as written: what every metric says about itself, and the keys of its kind.

mod aggregate;
mod arithmetic;
mod attach;
mod attribution;
mod balance;
mod cohort;
mod conversion;
mod duration;
mod movement;
mod retention;
mod tests_of_metric;

use serde_json::{Value, json};

pub use aggregate::{AggregateDef, AggregateWord, CumulativeDef};
pub use arithmetic::{DerivedDef, RatioDef};
pub use attach::{AttachDef, BasisWord, OrdersDef};
pub use attribution::{AttributionDef, OffersDef, OwnersDef, RuleWord};
pub use balance::{BalanceMetricDef, BalanceWord};
pub use cohort::{CohortDef, CohortWord};
pub use conversion::{ConversionDef, EventsDef};
pub use duration::{AcquisitionDef, DurationDef, DurationWord, MilestonesDef, OriginWord};
pub use movement::{ClassWord, MovementDef, MovementWord};
pub use retention::{MethodWord, RetentionDef, RetentionWord, UnitWord, WindowWord};
pub use tests_of_metric::{AskDef, PeriodDef, TestDef, TestRow};

use super::read::{Fields, Located, MapReader, Mapping, Name, Nullable, Read, Reader, Text};
use super::record::{choice, record};
use super::schema::ObjectSchema;
use super::yaml::Node;
use crate::diagnostics::Span;

/// A metric as written.
#[derive(Debug, Clone)]
pub struct MetricDef {
    /// The whole definition.
    pub span: Span,
    pub common: CommonDef,
    pub kind: KindDef,
}

choice! {
    /// The kinds of metrics.
    pub enum KindWord {
        Aggregate = "aggregate",
        Ratio = "ratio",
        Derived = "derived",
        Cumulative = "cumulative",
        Balance = "balance",
        Movement = "movement",
        Retention = "retention",
        Attach = "attach",
        Duration = "duration",
        Attribution = "attribution",
        Conversion = "conversion",
        Cohort = "cohort",
    }
}

/// The keys of a metric's kind.
#[derive(Debug, Clone)]
pub enum KindDef {
    Aggregate(AggregateDef),
    Ratio(RatioDef),
    Derived(DerivedDef),
    Cumulative(CumulativeDef),
    Balance(BalanceMetricDef),
    Movement(MovementDef),
    Retention(RetentionDef),
    Attach(Box<AttachDef>),
    Duration(Box<DurationDef>),
    Attribution(Box<AttributionDef>),
    Conversion(Box<ConversionDef>),
    Cohort(Box<CohortDef>),
}

choice! {
    /// Which direction is good.
    pub enum GoodWord {
        Up = "up",
        Down = "down",
    }
}

record! {
    /// What every metric says about itself.
    pub struct CommonDef is "a metric" {
        /// Its name, unique over metrics and dimensions; how clients ask for it.
        name: Name,
        /// For people; the name in words unless set.
        label: Option<String>,
        /// What it means, for readers: unit, formula, source, choices.
        description: Option<String>,
        /// Who answers questions about it.
        owner: Option<String>,
        /// Words to find it by.
        tags: Vec<Text>,
        /// Where it stands: draft, active, certified …; active unless set.
        status: Option<String>,
        /// currency, ratio, count, days or a word of your own.
        unit: Option<Text>,
        /// How a client should write it, for example `0.0 %`.
        format: Option<String>,
        /// Which direction is good.
        good: Option<GoodWord>,
        /// Words for ranges of values, with their source.
        bands: Vec<BandDef>,
        /// Values to reach, by slice, with their source.
        targets: Vec<TargetDef>,
        /// It will go; what to use instead and until when.
        deprecated: Option<DeprecatedDef>,
        /// Only for use by other definitions.
        private: bool,
        /// The typed root field of the GraphQL schema that it answers.
        field: Option<Text>,
        /// Fixture rows, a question, and the answer to expect.
        tests: Vec<TestDef>,
    }
}

record! {
    /// A half-open range of values, with a word for it: [from, to).
    pub struct BandDef is "a band" {
        /// The word.
        label: String,
        /// Lower end, included.
        from: Option<Located<f64>>,
        /// Lower end, included (another word for from).
        above: Option<Located<f64>>,
        /// Upper end, not included.
        to: Option<Located<f64>>,
        /// Upper end, not included (another word for to).
        below: Option<Located<f64>>,
        /// Who says so.
        source: String,
        /// The slice it is for: dimension → value.
        only: Mapping<Text>,
    }
}

record! {
    /// A value to reach.
    pub struct TargetDef is "a target" {
        /// The value.
        value: Located<f64>,
        /// Who says so.
        source: String,
        /// First day it holds.
        from: Option<Text>,
        /// First day it no longer holds.
        to: Option<Text>,
        /// The slice it is for: dimension → value.
        only: Mapping<Text>,
    }
}

record! {
    /// Why a metric will go.
    pub struct DeprecatedDef is "`deprecated`" {
        /// Why.
        reason: String,
        /// The metric to use instead.
        replacement: Option<Text>,
        /// The day after which it may be gone.
        removed_after: Option<Text>,
    }
}

impl Read for MetricDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let mut map = MapReader::open(node, reader)?;
        let common = CommonDef::read_fields(&mut map, reader);
        // Without its kind nothing can be said about the other keys.
        let word = map.field::<KindWord>("kind", reader)?;
        let kind = read_kind(word, &mut map, reader);
        map.close(&format!("a metric of kind {}", word.as_str()), reader);
        Some(Self { span: node.span, common: common?, kind: kind? })
    }

    fn schema() -> Value {
        let variants: Vec<Value> = KindWord::WORDS.iter().map(|word| kind_schema(word)).collect();
        json!({ "oneOf": variants })
    }
}

fn read_kind(word: KindWord, map: &mut MapReader, reader: &mut Reader) -> Option<KindDef> {
    macro_rules! read {
        ($variant:ident) => {
            Fields::read_fields(map, reader).map(KindDef::$variant)
        };
        (boxed $variant:ident) => {
            Fields::read_fields(map, reader).map(|def| KindDef::$variant(Box::new(def)))
        };
    }
    match word {
        KindWord::Aggregate => read!(Aggregate),
        KindWord::Ratio => read!(Ratio),
        KindWord::Derived => read!(Derived),
        KindWord::Cumulative => read!(Cumulative),
        KindWord::Balance => read!(Balance),
        KindWord::Movement => read!(Movement),
        KindWord::Retention => read!(Retention),
        KindWord::Attach => read!(boxed Attach),
        KindWord::Duration => read!(boxed Duration),
        KindWord::Attribution => read!(boxed Attribution),
        KindWord::Conversion => read!(boxed Conversion),
        KindWord::Cohort => read!(boxed Cohort),
    }
}

fn kind_schema(word: &str) -> Value {
    let mut schema = ObjectSchema::default();
    schema.add_word("kind", word);
    match word {
        "aggregate" => AggregateDef::properties(&mut schema),
        "ratio" => RatioDef::properties(&mut schema),
        "derived" => DerivedDef::properties(&mut schema),
        "cumulative" => CumulativeDef::properties(&mut schema),
        "balance" => BalanceMetricDef::properties(&mut schema),
        "movement" => MovementDef::properties(&mut schema),
        "retention" => RetentionDef::properties(&mut schema),
        "attach" => AttachDef::properties(&mut schema),
        "duration" => DurationDef::properties(&mut schema),
        "attribution" => AttributionDef::properties(&mut schema),
        "conversion" => ConversionDef::properties(&mut schema),
        _ => CohortDef::properties(&mut schema),
    }
    schema.extending(&format!("A metric of kind {word}."), COMMON_REF)
}

/// Where the keys of every metric are in the JSON Schema.
const COMMON_REF: &str = "#/$defs/metric";

/// The keys of every metric, for [`COMMON_REF`].
pub(super) fn common_schema() -> Value {
    let mut schema = ObjectSchema::default();
    CommonDef::properties(&mut schema);
    schema.open("What every metric says about itself.")
}
