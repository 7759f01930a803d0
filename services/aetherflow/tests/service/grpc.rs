//! The document service in the same process: what happens there and in browsers meets in one document.

mod access;
mod client;
mod meeting;
mod stopping;

pub(crate) use client::{Reader, apply, connect, content, token, type_in};
