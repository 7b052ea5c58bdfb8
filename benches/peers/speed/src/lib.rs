//! Nothing of its own: the benches beside it compare lobd with others.
