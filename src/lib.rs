//! Cresset.
#![deny(unsafe_code)]
