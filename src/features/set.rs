//! Named lists of features: data, not code.

use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::feature::Feature::{
    self, Imbalance, ImbalanceChange, ImbalanceMean, MicroPriceDeviation, MultiLevelOfi, Ofi,
    Return, Spread, TradeImbalance, TradePressure, Volatility,
};

/// Ten plain per-level imbalances: the reference that published and shared figures use.
const IMBALANCE10: [Feature; 10] = [
    Imbalance(0),
    Imbalance(1),
    Imbalance(2),
    Imbalance(3),
    Imbalance(4),
    Imbalance(5),
    Imbalance(6),
    Imbalance(7),
    Imbalance(8),
    Imbalance(9),
];

/// Chosen by walk-forward validation inside the training part of NEXOUSDT 2024-07: the imbalances'
/// 0.0168 became 0.0250, most of it by trade pressure; adding everything fell back to 0.0174.
const FLOW: [Feature; 6] =
    [Spread, ImbalanceMean(30), Ofi(10), MultiLevelOfi(10), TradePressure(30), Return(10)];

/// What else there is; for LASSO to choose from.
const REST: [Feature; 14] = [
    MicroPriceDeviation,
    ImbalanceMean(10),
    ImbalanceChange(10),
    Ofi(1),
    Ofi(30),
    MultiLevelOfi(1),
    MultiLevelOfi(30),
    TradeImbalance(10),
    TradePressure(10),
    TradePressure(60),
    Return(1),
    Return(5),
    Return(30),
    Volatility(60),
];

/// A named, ordered list of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeatureSet {
    /// `imbalance10`: ten plain per-level imbalances.
    Imbalance10,
    /// `flow`, also `default`: the imbalances, the spread and the flow of orders and trades.
    #[default]
    Flow,
    /// `full`: every feature; a set for LASSO.
    Full,
}

/// There is no feature set of that name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no feature set {0:?}; there are imbalance10, flow (default) and full")]
pub struct UnknownFeatureSet(pub String);

impl FeatureSet {
    /// The features in their order.
    #[must_use]
    pub fn features(self) -> Vec<Feature> {
        match self {
            Self::Imbalance10 => IMBALANCE10.to_vec(),
            Self::Flow => [&IMBALANCE10[..], &FLOW].concat(),
            Self::Full => [&IMBALANCE10[..], &FLOW, &REST].concat(),
        }
    }

    /// The features' names in their order.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        self.features().into_iter().map(Feature::name).collect()
    }

    /// The set's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imbalance10 => "imbalance10",
            Self::Flow => "flow",
            Self::Full => "full",
        }
    }

    /// How many consecutive valid seconds, the newest included, a vector needs.
    #[must_use]
    pub fn rows_needed(self) -> usize {
        self.features().into_iter().map(Feature::rows_needed).max().unwrap_or(1)
    }

    /// SHA-256 (hex) of the ordered names and versions: equal hashes mean equal inputs.
    #[must_use]
    pub fn schema_hash(self) -> String {
        let mut hasher = Sha256::new();
        for feature in self.features() {
            hasher.update(format!("{}@{}\n", feature.name(), feature.version()));
        }
        hex::encode(hasher.finalize())
    }
}

impl FromStr for FeatureSet {
    type Err = UnknownFeatureSet;

    fn from_str(text: &str) -> Result<Self, UnknownFeatureSet> {
        match text {
            "imbalance10" => Ok(Self::Imbalance10),
            "flow" | "default" => Ok(Self::Flow),
            "full" => Ok(Self::Full),
            _ => Err(UnknownFeatureSet(text.chars().take(40).collect())),
        }
    }
}

impl std::fmt::Display for FeatureSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_each_set_has_its_own_hash() {
        let sets = [FeatureSet::Imbalance10, FeatureSet::Flow, FeatureSet::Full];
        for set in sets {
            let mut names = set.names();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), set.features().len(), "{set}");
            assert_eq!(set.name().parse(), Ok(set));
        }
        assert_ne!(sets[0].schema_hash(), sets[1].schema_hash());
        assert_eq!("default".parse(), Ok(FeatureSet::Flow));
        assert!("nonsense".parse::<FeatureSet>().is_err());
    }

    #[test]
    fn the_schema_of_the_reference_set_never_changes_unnoticed() {
        expect_test::expect!["f4ac02242ab5556704a281dab154604815729c25f89a3ee26f34e3581c0db9ff"]
            .assert_eq(&FeatureSet::Imbalance10.schema_hash());
    }
}
