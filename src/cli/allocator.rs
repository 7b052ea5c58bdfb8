//! One pool of memory for all threads.
//!
//! glibc gives nearly every thread a pool of its own, up to eight a core. A task here goes on on
//! another thread after each commit, so in time every pool grows to what the busiest moment took,
//! and what is free in one is of no use to the others: measured, eleven megabytes stayed taken of
//! which four were held. A thread's own small cache spares it most of the waiting for the one pool.

/// Takes effect on threads that are started later.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the C library is told by a function of its own")]
pub(super) fn keep_one_pool() {
    // SAFETY: it takes two numbers and sets one of the allocator's, under the allocator's lock.
    let is_set = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    debug_assert_eq!(is_set, 1, "the number of pools is one that can be set");
}

/// Other C libraries have one pool.
#[cfg(not(target_env = "gnu"))]
pub(super) const fn keep_one_pool() {}
