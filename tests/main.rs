//! One test binary: files are named by the behaviour they prove. See `tests/README.md`.

mod support;
