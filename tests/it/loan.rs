//! Laws and figures of the `loan` room, seen from outside.
