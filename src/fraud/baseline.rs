//! The scores that the synthetic market reaches: the scale of suspicion where a market is too small to be its own.

use super::signal::SIGNALS;

/// For each signal in order of [`Signal::ALL`](super::Signal::ALL): the scores that 30 %, 10 %, 3 %, 1 %, 0.3 % and 0.1 %
/// of the accounts of the default synthetic market (100,000 accounts, 180 days) reach.
pub(super) const SYNTHETIC_TAILS: [[f64; 6]; SIGNALS] = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],                   // loan_funded
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],                   // shared_device
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0],                   // temporal_cycle
    [0.5982, 0.7581, 0.8634, 0.9238, 0.9660, 0.9851], // round_trip
    [0.0, 0.0, 0.0, 0.0, 0.1819, 0.4598],             // payer_exclusivity
    [0.1387, 0.2071, 0.2843, 0.4501, 0.7438, 0.8427], // pass_through
    [0.0, 0.0692, 0.1296, 0.1805, 0.2441, 0.3204],    // payer_novelty_burst
    [0.0628, 0.2632, 0.3960, 0.7268, 0.8639, 0.9243], // pre_application_lift
    [0.1125, 0.2222, 0.2778, 0.3273, 0.3712, 0.4091], // payer_overlap
    [0.0, 0.0, 0.0, 0.75, 1.0, 1.0],                  // amount_trail
    [0.0, 0.0, 0.0179, 0.0972, 0.5466, 0.6959],       // equal_amounts
    [0.1667, 0.2222, 0.2903, 0.6395, 0.8790, 0.9163], // round_amounts
    [0.0, 0.0, 0.0, 0.0, 0.4550, 0.6429],             // amount_digits
    [0.2148, 0.2667, 0.3333, 0.4008, 0.5480, 0.5657], // timing_regularity
    [0.0, 0.0, 0.0001, 0.0032, 0.0051, 0.0069],       // refunds
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],                   // dense_block
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],                   // flow_through_block
    [0.6955, 0.7500, 0.7826, 0.8953, 0.9935, 0.9974], // own_circle
    [0.5, 0.6, 0.7, 0.8, 0.9, 0.95],                  // tight_group
    [0.0750, 0.1111, 0.2006, 1.0, 1.0, 1.0],          // fan_in_burst
    [0.0556, 0.0735, 0.0963, 0.2185, 0.4092, 0.5358], // fan_out_burst
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0],                   // scatter_gather
    [0.6667, 0.6667, 0.7500, 0.8750, 0.9333, 0.9565], // repeated_transfers
    [0.1808, 0.3841, 0.6060, 0.8080, 0.9011, 0.9235], // out_of_scale
    [0.0933, 0.1209, 0.1904, 0.3110, 0.4418, 0.5476], // association
];
