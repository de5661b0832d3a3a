//! x86-64: instructions decoded by iced-x86, and the list of forms that may stand in generated code.
