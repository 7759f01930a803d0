//! User sessions: pure decisions over a small store trait
