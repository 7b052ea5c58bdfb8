//! The one reader of wall and monotonic time.
