//! Data at rest: the tape and the journal (`SQLite`), model files, exports. The only room that knows SQL.

pub mod import;
