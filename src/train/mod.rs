//! Offline fitting and honest judgement. Never linked into a decision.
