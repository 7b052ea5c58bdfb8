//! One test binary: files are named by the behaviour they prove. See `tests/README.md`.

mod signature_vectors;
mod support;
