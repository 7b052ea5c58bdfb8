//! Logs to the terminal or to journald.
