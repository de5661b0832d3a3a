//! AArch64: words decoded by a table of those that may stand in generated code.
