//! Seconds of the record to named feature vectors: the same code online and offline.
//!
//! One row an instrument-second goes into a [`Window`]; once the window has seen enough consecutive
//! valid seconds, each further one yields a vector. Offline, [`DatasetBuilder`] feeds the very same
//! window and joins the label [`label::move_bps`], the mid-price's return over the horizon.
//!
//! | name | formula over the window that ends at second T | unit | source |
//! |---|---|---|---|
//! | `imbalance_m`, m = 1..10 | (bid − ask) / (bid + ask) of level m's quantities | −1..1 | Xu, Gould & Howison 2018, per level |
//! | `spread_bps` | (best ask − best bid) / mid | bps | |
//! | `micro_price_deviation_bps` | (quantity-weighted mid − mid) / mid | bps | Stoikov 2018 |
//! | `imbalance_mean_ks` | mean of `imbalance_1` over k seconds | −1..1 | |
//! | `imbalance_change_ks` | `imbalance_1` at T less that at T − k | −2..2 | |
//! | `ofi_ks` | event order flow imbalance at the best level summed over k s / mean best quantity | best-level quantities | Cont, Kukanov & Stoikov 2014 |
//! | `multi_level_ofi_ks` | order flow imbalance between consecutive snapshots, summed over levels and k s / mean ten-level quantity | book depths | Xu, Gould & Howison 2018 |
//! | `trade_imbalance_ks` | (bought − sold) / (bought + sold) by aggressors over k s; 0 without trades | −1..1 | |
//! | `trade_pressure_ks` | (bought − sold) over k s / mean best quantity | best-level quantities | |
//! | `return_ks_bps` | mid at T over mid at T − k, less one | bps | |
//! | `volatility_ks_bps` | root of the sum of squared one-second returns over k s | bps | |
//!
//! A set's schema hash (SHA-256 of its ordered names and their versions) ties a model to its inputs:
//! a formula that changes gets a new version.
//!
//! Deliberately absent: files, clocks, fitting beyond means and scales.
//!
//! Invariants: **1** a vector at T depends on nothing later than T and only on the last
//! [`FeatureSet::rows_needed`] rows, bit for bit, whenever the window was started; **2** a second
//! that is not valid or not the next one empties the window; **3** every value is finite; **4** no
//! label's window leaves a gap-free run (I14), and none crosses a [`Split`].

mod dataset;
mod feature;
pub mod label;
mod measures;
mod scaler;
mod set;
mod split;
mod window;

pub use dataset::{Dataset, DatasetBuilder, DatasetError};
pub use feature::Feature;
pub use measures::{Measures, snapshot_order_flow_imbalance};
pub use scaler::{Clip, Scaler};
pub use set::{FeatureSet, UnknownFeatureSet};
pub use split::{Purge, Split, SplitError};
pub use window::{FeatureVector, Window};

/// A count as a float, for means and rates.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) const fn float(count: usize) -> f64 {
    count as f64
}
