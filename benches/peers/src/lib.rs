//! Nothing of its own: the tests beside it let foreign clients talk to `lobd exchange`.
