//! Sortable ids: UUIDv7 as RFC 9562 defines it, strictly monotonic within a process
