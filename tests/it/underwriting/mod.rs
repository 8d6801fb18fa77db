//! Laws and figures of the `underwriting` room, seen from outside.

mod laws;
