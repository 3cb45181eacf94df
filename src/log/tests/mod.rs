//! Tests of whole logs, on the simulated disk and on the machine's.

mod basics;
mod support;
