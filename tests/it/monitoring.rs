//! Laws and figures of the `monitoring` room, seen from outside.
