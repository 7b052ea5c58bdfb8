//! Promotion gates: pure judgement of figures they are given.
//!
//! On the sandbox the gate is predictive skill; economics are shown, not gated. Elsewhere a
//! backtest with the account's own fees must have been run and must not lose.

use crate::domain::{Amount, Environment};
use crate::predict::Evaluation;

/// What promotion is judged on.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures<'a> {
    /// Where the model would trade.
    pub environment: Environment,
    /// Its evaluation on the test part.
    pub evaluation: &'a Evaluation,
    /// Profit of the backtest after the account's fees, if one was run and traded.
    pub backtest_pnl: Option<Amount>,
    /// Skill over zero of the model now trading, on the same span, if there is one.
    pub current_skill: Option<f64>,
}

/// The fewest minutes (blocks) of test for an interval to mean something.
const FEWEST_BLOCKS: usize = 30;

/// One gate's judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// What is asked.
    pub name: &'static str,
    /// Whether it is so.
    pub passed: bool,
    /// The figures it was judged on.
    pub reason: String,
}

/// Judges every gate that applies; the model is promoted only if all pass.
#[must_use]
pub fn judge(figures: &Figures<'_>) -> Vec<Gate> {
    let mut gates = vec![sample(figures), skill(figures)];
    if let Some(current) = figures.current_skill {
        let candidate = figures.evaluation.model.r2_vs_zero;
        gates.push(Gate {
            name: "not worse than the current model",
            passed: candidate.is_some_and(|candidate| candidate >= current),
            reason: format!("r2_vs_zero {} against {current:.4}", text(candidate)),
        });
    }
    if figures.environment != Environment::Sandbox {
        gates.push(Gate {
            name: "backtest does not lose after fees",
            passed: figures.backtest_pnl.is_some_and(|pnl| pnl >= Amount::ZERO),
            reason: figures
                .backtest_pnl
                .map_or_else(|| "no backtest has traded".to_owned(), |pnl| format!("{pnl} USDT")),
        });
    }
    gates
}

/// Whether every gate passed.
#[must_use]
pub fn all_passed(gates: &[Gate]) -> bool {
    gates.iter().all(|gate| gate.passed)
}

fn sample(figures: &Figures<'_>) -> Gate {
    let evaluation = figures.evaluation;
    let block = usize::try_from(evaluation.block_s).unwrap_or(usize::MAX);
    let needed = FEWEST_BLOCKS.saturating_mul(block);
    Gate {
        name: "enough test rows",
        passed: evaluation.model.n >= needed,
        reason: format!("{} rows, {needed} needed", evaluation.model.n),
    }
}

fn skill(figures: &Figures<'_>) -> Gate {
    let evaluation = figures.evaluation;
    let reason = evaluation.skill_interval.map_or_else(
        || "no interval could be drawn".to_owned(),
        |interval| {
            format!(
                "r2_vs_zero {}, {:.0} % interval {:.4} to {:.4}",
                text(evaluation.model.r2_vs_zero),
                evaluation.level * 100.0,
                interval.lower,
                interval.upper
            )
        },
    );
    Gate {
        name: "skill over the zero forecast",
        passed: evaluation.skill_interval.is_some_and(|interval| interval.lower > 0.0),
        reason,
    }
}

fn text(figure: Option<f64>) -> String {
    figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{figure:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::{Interval, Metrics};

    fn evaluation(lower: f64) -> Evaluation {
        let metrics = Metrics {
            n: 5_000,
            mse: 1.0,
            r2: Some(0.05),
            r2_vs_zero: Some(0.05),
            correlation: Some(0.2),
            mae_bps: 1.0,
            rmse_bps: 1.0,
            sign_hit_rate: Some(0.6),
            non_zero: 3_000,
        };
        Evaluation {
            model: metrics.clone(),
            zero: metrics,
            r2_interval: None,
            skill_interval: Some(Interval { lower, upper: 0.1 }),
            level: 0.95,
            block_s: 60,
            resamples: 500,
        }
    }

    #[test]
    fn skill_decides_on_the_sandbox_and_money_decides_elsewhere() {
        let cases = [
            (Environment::Sandbox, 0.01, None, true),
            (Environment::Sandbox, -0.01, None, false),
            (Environment::Testnet, 0.01, None, false),
            (Environment::Testnet, 0.01, Some("-0.5"), false),
            (Environment::Production, 0.01, Some("0.5"), true),
        ];
        for (environment, lower, pnl, expected) in cases {
            let evaluation = evaluation(lower);
            let gates = judge(&Figures {
                environment,
                evaluation: &evaluation,
                backtest_pnl: pnl.map(|text| text.parse().unwrap()),
                current_skill: None,
            });
            assert_eq!(all_passed(&gates), expected, "{environment} {lower} {pnl:?}");
        }
    }

    #[test]
    fn a_worse_model_does_not_replace_a_better_one() {
        let evaluation = evaluation(0.01);
        let gates = judge(&Figures {
            environment: Environment::Sandbox,
            evaluation: &evaluation,
            backtest_pnl: None,
            current_skill: Some(0.06),
        });
        assert!(!all_passed(&gates));
    }
}
