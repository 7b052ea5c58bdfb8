#![doc = include_str!("README.md")]
#![deny(missing_docs)]

pub mod domain;

pub mod book;

pub mod features;

pub mod predict;
pub mod trading;

pub mod engine;
pub mod train;

pub mod clock;
pub mod config;
pub mod fail_point;
pub mod sign;
pub mod sim;
pub mod telemetry;
pub mod venue;

pub mod binance;
pub mod sandbox;
pub mod store;

pub mod actors;

pub mod app;

pub mod cli;
