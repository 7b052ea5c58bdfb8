//! Settings from `.env` and the environment: typed, range-checked, all problems reported at once.
