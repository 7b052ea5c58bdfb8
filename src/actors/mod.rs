//! I/O tasks that carry events and commands. They decide nothing.
