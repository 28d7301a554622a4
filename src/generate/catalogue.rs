//! What the demo company sells and to whom: products, segments and the words of its tables.

/// A product, by its place in [`PRODUCTS`].
pub(super) type ProductIndex = usize;

pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) family: &'static str,
    pub(super) kind: &'static str,
    pub(super) tier: i64,
    /// Price of the line in percent of the customer's platform line when it is bought.
    pub(super) percent: i64,
}

const fn product(
    id: &'static str,
    name: &'static str,
    family_and_kind: (&'static str, &'static str),
    tier: i64,
    percent: i64,
) -> Product {
    Product { id, name, family: family_and_kind.0, kind: family_and_kind.1, tier, percent }
}

/// An upgrade of the platform is a line of its own, at the difference in price, so that the ledger
/// never shows a fall that nobody asked for. Onboarding is sold once and never recurs.
pub(super) const PRODUCTS: [Product; 12] = [
    product("p01", "Core Platform", ("Platform", "core"), 1, 100),
    product("p02", "Core Platform Pro", ("Platform", "core"), 2, 30),
    product("p03", "Core Platform Enterprise", ("Platform", "core"), 3, 35),
    product("p04", "Data Hub", ("Data", "core"), 1, 45),
    product("p05", "Automation Studio", ("Automation", "core"), 1, 40),
    product("p06", "Advanced Analytics", ("Data", "add_on"), 1, 20),
    product("p07", "AI Assistant", ("Automation", "add_on"), 2, 25),
    product("p08", "Security Pack", ("Platform", "add_on"), 1, 15),
    product("p09", "API Volume", ("Platform", "add_on"), 1, 10),
    product("p10", "Premium Support", ("Services", "service"), 1, 15),
    product("p11", "Partner Connect", ("Ecosystem", "add_on"), 1, 12),
    product("p12", "Onboarding", ("Services", "service"), 1, 0),
];

pub(super) const PLATFORM: ProductIndex = 0;
/// Upgrades of the platform, in the order they are bought.
pub(super) const UPGRADES: [ProductIndex; 2] = [1, 2];
pub(super) const CROSS_SELLS: [ProductIndex; 2] = [3, 4];
/// Add-ons that may come with the first order, and their chance there in percent.
pub(super) const FIRST_ADD_ONS: [(ProductIndex, i64); 5] =
    [(5, 13), (6, 9), (7, 14), (API_VOLUME, 7), (PARTNER_CONNECT, 6)];
/// What an add-on expansion may add.
pub(super) const ADD_ONS: [ProductIndex; 4] = [5, 6, 7, 9];
pub(super) const API_VOLUME: ProductIndex = 8;
pub(super) const PARTNER_CONNECT: ProductIndex = 10;
pub(super) const ONBOARDING: ProductIndex = 11;

/// Lines that are sold by the seat.
pub(super) const SEATED: [ProductIndex; 3] = [0, 3, 4];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    Smb,
    MidMarket,
    Enterprise,
}

/// How customers of a segment behave. Rates are per month, in parts per million, for a customer of
/// average health.
pub(super) struct SegmentTraits {
    pub(super) name: &'static str,
    pub(super) team: &'static str,
    pub(super) seats: (i64, i64),
    pub(super) seat_price_cents: (i64, i64),
    pub(super) churn: i64,
    pub(super) contraction: i64,
    pub(super) expansion: i64,
    /// Weights of [`ExpansionType::CHOSEN`].
    pub(super) expansion_weights: [u32; 9],
    pub(super) unowned_percent: i64,
    pub(super) shared_percent: i64,
    /// Weights of [`OFFER_CHANNELS`].
    pub(super) channel_weights: [u32; 4],
    pub(super) onboarding_cents: i64,
}

impl Segment {
    pub(super) const ALL: [Self; 3] = [Self::Smb, Self::MidMarket, Self::Enterprise];
    /// Shares of new customers, in percent.
    pub(super) const WEIGHTS: [u32; 3] = [60, 29, 11];

    pub(super) fn traits(self) -> &'static SegmentTraits {
        match self {
            Self::Smb => &SMB,
            Self::MidMarket => &MID_MARKET,
            Self::Enterprise => &ENTERPRISE,
        }
    }
}

const SMB: SegmentTraits = SegmentTraits {
    name: "SMB",
    team: "Scale",
    seats: (3, 60),
    seat_price_cents: (1_900, 2_900),
    churn: 18_500,
    contraction: 34_000,
    expansion: 62_000,
    expansion_weights: [36, 12, 8, 2, 5, 8, 16, 5, 8],
    unowned_percent: 35,
    shared_percent: 0,
    channel_weights: [45, 10, 45, 0],
    onboarding_cents: 50_000,
};

const MID_MARKET: SegmentTraits = SegmentTraits {
    name: "Mid-Market",
    team: "Growth",
    seats: (30, 260),
    seat_price_cents: (2_400, 3_400),
    churn: 11_000,
    contraction: 39_000,
    expansion: 78_000,
    expansion_weights: [32, 10, 10, 5, 6, 9, 15, 6, 7],
    unowned_percent: 6,
    shared_percent: 9,
    channel_weights: [35, 30, 20, 15],
    onboarding_cents: 350_000,
};

const ENTERPRISE: SegmentTraits = SegmentTraits {
    name: "Enterprise",
    team: "Strategic",
    seats: (120, 850),
    seat_price_cents: (2_800, 4_200),
    churn: 7_600,
    contraction: 54_000,
    expansion: 98_000,
    expansion_weights: [32, 9, 11, 8, 6, 9, 13, 5, 7],
    unowned_percent: 2,
    shared_percent: 28,
    channel_weights: [20, 35, 5, 40],
    onboarding_cents: 1_800_000,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movement {
    New,
    Expansion,
    Contraction,
    Churn,
    Reactivation,
}

impl Movement {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Expansion => "expansion",
            Self::Contraction => "contraction",
            Self::Churn => "churn",
            Self::Reactivation => "reactivation",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpansionType {
    Seat,
    Feature,
    UseCase,
    Organizational,
    Partnership,
    CrossSell,
    AddOn,
    TierUpgrade,
    Usage,
    Price,
    Renewal,
}

impl ExpansionType {
    /// The types a customer decides on in any month; price and renewal come with the anniversary.
    pub(super) const CHOSEN: [Self; 9] = [
        Self::Seat,
        Self::Feature,
        Self::UseCase,
        Self::Organizational,
        Self::Partnership,
        Self::CrossSell,
        Self::AddOn,
        Self::TierUpgrade,
        Self::Usage,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Seat => "seat",
            Self::Feature => "feature",
            Self::UseCase => "use_case",
            Self::Organizational => "organizational",
            Self::Partnership => "partnership",
            Self::CrossSell => "cross_sell",
            Self::AddOn => "add_on",
            Self::TierUpgrade => "tier_upgrade",
            Self::Usage => "usage",
            Self::Price => "price",
            Self::Renewal => "renewal",
        }
    }

    /// The play that offers this kind of expansion.
    pub(super) fn playbook(self) -> &'static str {
        match self {
            Self::Seat | Self::Organizational => "team_growth",
            Self::Feature | Self::TierUpgrade => "value_upgrade",
            Self::UseCase | Self::CrossSell => "land_and_expand",
            Self::Partnership => "ecosystem",
            Self::AddOn => "attach",
            Self::Usage | Self::Price | Self::Renewal => "commitment",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Declined,
    Ignored,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Ignored => "ignored",
        }
    }
}

pub(super) const OFFER_TRIGGERS: [&str; 5] =
    ["usage_limit", "milestone", "renewal", "health_score", "executive_review"];
pub(super) const OFFER_CHANNELS: [&str; 4] = ["email", "call", IN_APP, "business_review"];
/// Offers that no person presents.
pub(super) const IN_APP: &str = "in_app";

/// Milestones, their window in days after acquisition and the share of customers who reach them.
pub(super) const MILESTONES: [(&str, (i64, i64), i64); 3] = [
    ("onboarded", (3, 45), 96),
    ("first_success", (15, 150), 83),
    ("integration_live", (30, 300), 45),
];
/// The place of `first_success` in [`MILESTONES`].
pub(super) const FIRST_SUCCESS: usize = 1;

pub(super) const COUNTRIES: [(&str, &str); 13] = [
    ("EMEA", "Germany"),
    ("EMEA", "France"),
    ("EMEA", "United Kingdom"),
    ("EMEA", "Netherlands"),
    ("EMEA", "Spain"),
    ("EMEA", "Sweden"),
    ("AMER", "United States"),
    ("AMER", "Canada"),
    ("AMER", "Brazil"),
    ("APAC", "Japan"),
    ("APAC", "Australia"),
    ("APAC", "Singapore"),
    ("APAC", "India"),
];
pub(super) const COUNTRY_WEIGHTS: [u32; 13] = [10, 6, 9, 4, 3, 3, 34, 6, 4, 6, 6, 4, 5];

pub(super) const INDUSTRIES: [&str; 9] = [
    "Software",
    "Financial Services",
    "Healthcare",
    "Manufacturing",
    "Retail",
    "Education",
    "Media",
    "Logistics",
    "Professional Services",
];

/// Acquisition channels and what a customer costs there, in percent of the average.
pub(super) const CHANNELS: [(&str, i64); 6] = [
    ("inbound", 60),
    ("outbound", 150),
    ("partner", 90),
    ("referral", 40),
    ("paid_search", 130),
    ("events", 170),
];
pub(super) const CHANNEL_WEIGHTS: [u32; 6] = [30, 20, 14, 12, 16, 8];
