//! What several targets share: codes computed a second time, independently of the product, and devices and
//! states drawn from a fuzzer's bytes.

#![forbid(unsafe_code)]

pub mod drawn;
pub mod rfc;
