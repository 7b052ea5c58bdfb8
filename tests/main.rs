//! One test binary: files are named by the behaviour they prove. See `tests/README.md`.

#[cfg(test)]
mod account_reset;
#[cfg(test)]
mod account_terms;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod backtest;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod book_replay;
#[cfg(test)]
mod bursts;
#[cfg(test)]
mod certify;
#[cfg(test)]
mod certify_covers;
#[cfg(test)]
mod certify_ends;
#[cfg(test)]
mod certify_faults;
#[cfg(test)]
mod client_and_sandbox;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod disk_faults;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod engine_cycle;
#[cfg(test)]
mod engine_faults;
#[cfg(test)]
mod engine_guard;
#[cfg(test)]
mod engine_income;
#[cfg(test)]
mod engine_invariants;
#[cfg(test)]
mod engine_kills;
#[cfg(test)]
mod engine_limits;
#[cfg(test)]
mod engine_proofs;
#[cfg(test)]
mod engine_protection;
#[cfg(test)]
mod engine_refusals;
#[cfg(test)]
mod engine_rules;
#[cfg(test)]
mod engine_steps;
#[cfg(test)]
mod engine_stop_loss;
#[cfg(test)]
mod engine_terms;
#[cfg(test)]
mod engine_unknown_status;
#[cfg(test)]
mod engine_weight;
#[cfg(test)]
mod engine_world;
#[cfg(test)]
mod error_table;
#[cfg(test)]
mod faults_admin;
#[cfg(test)]
mod faults_calls;
#[cfg(test)]
mod faults_daemon;
#[cfg(test)]
mod faults_guard;
#[cfg(test)]
mod faults_links;
#[cfg(test)]
mod faults_requests;
#[cfg(test)]
mod faults_streams;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod hostile_answers;
#[cfg(test)]
mod income;
#[cfg(test)]
mod kill_loop;
#[cfg(test)]
mod kill_matrix;
#[cfg(test)]
mod kill_recorder;
#[cfg(test)]
mod live_functions;
#[cfg(test)]
mod live_streams;
#[cfg(test)]
mod market_statistics;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod names;
#[cfg(test)]
mod no_lookahead;
#[cfg(test)]
mod one_writer;
#[cfg(test)]
mod order_socket;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod restart_storm;
#[cfg(test)]
mod sandbox_calls;
#[cfg(test)]
mod sandbox_candles;
#[cfg(test)]
mod sandbox_margin;
#[cfg(test)]
mod sandbox_orders;
#[cfg(test)]
mod sandbox_protocol;
#[cfg(test)]
mod sandbox_spot;
#[cfg(test)]
mod sandbox_stops;
#[cfg(test)]
mod sandbox_strictness;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod signature_vectors;
#[cfg(test)]
mod sim_exchange;
#[cfg(test)]
mod sim_margin;
#[cfg(test)]
mod sim_orders;
#[cfg(test)]
mod sim_recordings;
#[cfg(test)]
mod sim_stops;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod stop_loss;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod stream_breaks;
#[cfg(test)]
mod stream_gaps;
#[cfg(test)]
mod stream_rotation;
#[cfg(test)]
mod stream_rules;
#[cfg(test)]
mod stream_watch;
#[cfg(test)]
mod support;
#[cfg(test)]
mod symbol_status;
#[cfg(test)]
mod tls_failures;
#[cfg(test)]
mod torn_journal;
#[cfg(test)]
mod training;
#[cfg(test)]
mod unknown_values;
#[cfg(test)]
mod wire;
