//! The catalogue itself: every feature once, in the order of the columns.

use crate::features::catalogue::FeatureGroup;
use crate::features::catalogue::FeatureInfo;
use crate::features::catalogue::Unit;

macro_rules! catalogue {
    ($($feature:ident $name:literal $group:ident $unit:ident $live:literal
        $meaning:literal $range:literal $undefined:literal $cost:literal $source:literal;)*) => {
        /// A column of the feature table. [`info`](Self::info) is its catalogue entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Feature {
            $(
                #[doc = $meaning]
                $feature,
            )*
        }

        pub(super) const ENTRIES: &[(Feature, FeatureInfo)] = &[
            $((Feature::$feature, FeatureInfo {
                name: $name,
                group: FeatureGroup::$group,
                unit: Unit::$unit,
                meaning: $meaning,
                range: $range,
                undefined: $undefined,
                cost: $cost,
                source: $source,
                live: $live,
            }),)*
        ];
    };
}

catalogue! {
    Degree "degree" Structure Count true
        "Distinct counterparties, k."
        "0.." "never" "O(relations)" "graph theory";
    InDegree "in_degree" Structure Count true
        "Distinct payers."
        "0.." "never" "O(relations)" "graph theory";
    OutDegree "out_degree" Structure Count true
        "Distinct payees."
        "0.." "never" "O(relations)" "graph theory";
    MutualDegree "mutual_degree" Structure Count true
        "Counterparties that are both payer and payee."
        "0.." "never" "O(relations)" "graph theory";
    Reciprocity "reciprocity" Structure Ratio true
        "Share of counterparties that are both payer and payee: mutual_degree / degree."
        "0..1" "degree 0" "O(relations)" "graph theory";
    Triangles "triangles" Structure Count true
        "Relations among the counterparties, t."
        "0.." "never" "O(relations x arboricity)" "Chiba and Nishizeki 1985";
    LocalClustering "local_clustering" Structure Ratio true
        "Share of pairs of counterparties that know each other: 2t / k(k-1)."
        "0..1" "degree below 2" "with triangles" "Watts and Strogatz 1998";
    PayerClustering "payer_clustering" Structure Ratio true
        "Share of pairs of payers that know each other."
        "0..1" "below 2 payers" "with triangles" "own, after Watts and Strogatz 1998";
    OneSidedPayerClustering "one_sided_payer_clustering" Structure Ratio false
        "Share of pairs that know each other among payers that are not payees."
        "0..1" "below 2 such payers" "with triangles" "own, after Watts and Strogatz 1998";
    EffectiveSize "effective_size" Structure Ratio true
        "Counterparties that do not repeat each other: k - 2t/k."
        "0..k" "degree 0" "with triangles" "Borgatti 1997";
    Constraint "constraint" Structure Ratio false
        "How much the account is tied down by counterparties that know each other, ties weighed by transfers."
        "0.." "degree 0" "with triangles" "Burt 1992";
    ConstraintAmount "constraint_amount" Structure Ratio false
        "The same, ties weighed by amounts."
        "0.." "degree 0, no amounts, or no weight" "with triangles" "Burt 1992";
    CoreNumber "core_number" Structure Count false
        "The largest c for which the account is in a group whose members each know c others of it."
        "0.." "never" "O(relations)" "Batagelj and Zaversnik 2003";
    UnacquaintedShare "unacquainted_share" Structure Ratio true
        "Share of counterparties that know none of the others."
        "0..1" "degree 0" "with triangles" "own";
    AlterComponents "alter_components" Structure Count false
        "Groups the counterparties fall into once the account is taken away."
        "0..k" "never" "with triangles" "Burt 1992";
    MeanNeighbourDegree "mean_neighbour_degree" Structure Ratio false
        "Mean degree of the counterparties."
        "1.." "degree 0" "O(relations)" "Pastor-Satorras et al. 2001";
    CycleTriangles "cycle_triangles" Structure Count false
        "Directed triangles through the account in which money can go round."
        "0.." "never" "with triangles" "Fagiolo 2007";
    MiddlemanTriangles "middleman_triangles" Structure Count false
        "Directed triangles in which the account stands between a payer and that payer's own payee."
        "0.." "never" "with triangles" "Fagiolo 2007";
    InTriangles "in_triangles" Structure Count false
        "Directed triangles in which both others pay the account."
        "0.." "never" "with triangles" "Fagiolo 2007";
    OutTriangles "out_triangles" Structure Count false
        "Directed triangles in which the account pays both others."
        "0.." "never" "with triangles" "Fagiolo 2007";
    CycleClustering "cycle_clustering" Structure Ratio false
        "Cycle triangles over those the degrees would allow."
        "0..1" "the degrees allow none" "with triangles" "Fagiolo 2007";
    MiddlemanClustering "middleman_clustering" Structure Ratio false
        "Middleman triangles over those the degrees would allow."
        "0..1" "the degrees allow none" "with triangles" "Fagiolo 2007";
    InClustering "in_clustering" Structure Ratio false
        "In triangles over those the degrees would allow."
        "0..1" "below 2 payers" "with triangles" "Fagiolo 2007";
    OutClustering "out_clustering" Structure Ratio false
        "Out triangles over those the degrees would allow."
        "0..1" "below 2 payees" "with triangles" "Fagiolo 2007";
    EgonetResidual "egonet_residual" Structure Ratio false
        "Logarithm of how many times more relations the account and its counterparties have among them than is usual for so many accounts in this population."
        "any" "degree 0" "O(accounts) after triangles" "Akoglu, McGlohon and Faloutsos 2010";
    Butterflies "butterflies" Structure Count false
        "2x2 groups of payers and payees, all of whom paid, that hold the account in either role."
        "0.." "never" "O(relations x smaller degree)" "Sanei-Mehri et al. 2018";
    BipartiteClustering "bipartite_clustering" Structure Ratio false
        "As payee: share of paths of three relations through the account that a fourth closes, which says how often its payers also share other payees."
        "0..1" "no such path" "with butterflies" "Robins and Alexander 2004";
    InCount "in_count" Flow Count true
        "Transfers in, refunds included."
        "0.." "never" "one pass" "accounting";
    OutCount "out_count" Flow Count true
        "Transfers out, refunds included."
        "0.." "never" "one pass" "accounting";
    InAmount "in_amount" Flow Money true
        "Sum of transfers in, refunds with their sign."
        "any" "no amounts" "one pass" "accounting";
    OutAmount "out_amount" Flow Money true
        "Sum of transfers out, refunds with their sign."
        "any" "no amounts" "one pass" "accounting";
    NetReceiverShare "net_receiver_share" Flow Ratio true
        "in_amount / (in_amount + out_amount); by counts without amounts."
        "0..1 without refunds" "nothing came or went" "one pass" "accounting";
    CountReciprocity "count_reciprocity" Flow Ratio true
        "Share of transfers that a transfer with the same counterparty the other way matches."
        "0..1" "no transfers" "one pass and a sort by counterparty" "Squartini et al. 2013";
    AmountReciprocity "amount_reciprocity" Flow Ratio true
        "Share of the money exchanged that money with the same counterparty the other way matches, counterparty by counterparty."
        "0..1" "no counterparty with a positive sum" "one pass and a sort by counterparty" "Squartini et al. 2013";
    PayerHhi "payer_hhi" Flow Ratio true
        "Concentration of payers: sum of squared shares of in_amount (of in_count without amounts)."
        "0..1 without refunds" "in_amount 0" "one pass and a sort by counterparty" "Herfindahl and Hirschman";
    PayeeHhi "payee_hhi" Flow Ratio true
        "Concentration of payees: sum of squared shares of out_amount (of out_count without amounts)."
        "0..1 without refunds" "out_amount 0" "one pass and a sort by counterparty" "Herfindahl and Hirschman";
    TopPayerShare "top_payer_share" Flow Ratio false
        "Share of the largest payer in what payers with a positive sum brought."
        "0..1" "no payer with a positive sum" "one pass and a sort by counterparty" "cash-flow scoring";
    TopFivePayerShare "top5_payer_share" Flow Ratio false
        "Share of the five largest payers in what payers with a positive sum brought."
        "0..1" "no payer with a positive sum" "one pass and a sort by counterparty" "cash-flow scoring";
    TopPayeeShare "top_payee_share" Flow Ratio false
        "Share of the largest payee in what payees with a positive sum got."
        "0..1" "no payee with a positive sum" "one pass and a sort by counterparty" "cash-flow scoring";
    EffectivePayers "effective_payers" Flow Ratio true
        "How many equal payers would be as mixed: the exponential of the entropy of payer shares."
        "1..in_degree" "no payer with a positive sum" "one pass and a sort by counterparty" "Hill 1973";
    PayerReturnRate "payer_return_rate" Flow Ratio true
        "Share of payers with more than one transfer in."
        "0..1" "no payers" "one pass and a sort by counterparty" "cash-flow scoring";
    RefundShare "refund_share" Flow Ratio true
        "Share of transfers in that are refunds (negative amounts)."
        "0..1" "no transfers in" "one pass" "card schemes";
    RefundAmountShare "refund_amount_share" Flow Ratio true
        "Money refunded over money taken."
        "0.." "nothing taken" "one pass" "card schemes";
    PassThrough "pass_through" Timing Ratio true
        "Money that leaves on the day it comes: sum over days of min(received, sent) / received."
        "0..1 without refunds" "in_amount 0" "one pass in time order" "Mattsson 2021";
    PassThroughHour "pass_through_1h" Timing Ratio false
        "Share of money in that leaves within 1 hour, first in first out."
        "0..1" "no money in, or all times are midnight" "one pass in time order" "Mattsson 2021";
    PassThroughDay "pass_through_24h" Timing Ratio false
        "Share of money in that leaves within 24 hours, first in first out."
        "0..1" "no money in" "one pass in time order" "Mattsson 2021";
    PassThroughThreeDays "pass_through_72h" Timing Ratio false
        "Share of money in that leaves within 72 hours, first in first out."
        "0..1" "no money in" "one pass in time order" "Mattsson 2021";
    DwellP10 "dwell_p10" Timing Hours false
        "Hours within which the fastest tenth of the money that came and left was gone, first in first out."
        "0.." "no money came and left" "one pass in time order and a sort" "Mattsson 2021";
    DwellP50 "dwell_p50" Timing Hours false
        "Hours within which half of the money that came and left was gone."
        "0.." "no money came and left" "one pass in time order and a sort" "Mattsson 2021";
    DwellP90 "dwell_p90" Timing Hours false
        "Hours within which nine tenths of the money that came and left were gone."
        "0.." "no money came and left" "one pass in time order and a sort" "Mattsson 2021";
    ActiveDays "active_days" Timing Count true
        "Distinct days with any transfer."
        "0.." "never" "one pass in time order" "cash-flow scoring";
    ReceiptDays "receipt_days" Timing Count true
        "Distinct days with a transfer in."
        "0.." "never" "one pass in time order" "cash-flow scoring";
    TenureDays "tenure_days" Timing Days true
        "Days from the first day with a transfer to the as-of day, both counted."
        "1.." "no transfers" "one pass in time order" "cash-flow scoring";
    RecencyDays "recency_days" Timing Days true
        "Days from the last day with a transfer to the as-of day."
        "0.." "no transfers" "one pass in time order" "cash-flow scoring";
    ReceiptRecencyDays "receipt_recency_days" Timing Days true
        "Days from the last day with a transfer in to the as-of day."
        "0.." "no transfers in" "one pass in time order" "cash-flow scoring";
    ActiveDayShare "active_day_share" Timing Ratio true
        "active_days / tenure_days."
        "0..1" "no transfers" "one pass in time order" "cash-flow scoring";
    WeekdayEntropy "weekday_entropy" Timing Ratio true
        "How evenly transfers in fall on the days of the week: entropy over ln 7."
        "0..1" "no transfers in" "one pass" "Shannon 1948";
    HourEntropy "hour_entropy" Timing Ratio true
        "How evenly transfers in fall on the hours of the day: entropy over ln 24."
        "0..1" "no transfers in, or all times are midnight" "one pass" "Shannon 1948";
    NightShare "night_share" Timing Ratio true
        "Share of transfers in between 00:00 and 06:00."
        "0..1" "no transfers in, or all times are midnight" "one pass" "cash-flow scoring";
    WeekendShare "weekend_share" Timing Ratio true
        "Share of transfers in on Saturdays and Sundays."
        "0..1" "no transfers in" "one pass" "cash-flow scoring";
    GapMeanHours "gap_mean" Timing Hours true
        "Mean gap between one transfer in and the next."
        "0.." "below 2 transfers in" "one pass in time order" "point processes";
    GapVariation "gap_variation" Timing Ratio true
        "Standard deviation of the gaps over their mean."
        "0.." "below 3 transfers in, or all at one instant" "one pass in time order" "point processes";
    Burstiness "burstiness" Timing Ratio true
        "(s - m) / (s + m) of the gaps between transfers in, m their mean and s their (population) standard deviation: -1 a clock, 0 chance, 1 bursts."
        "-1..1" "below 3 transfers in, or all at one instant" "one pass in time order" "Goh and Barabasi 2008";
    TopWeekShare "top_week_share" Timing Ratio true
        "Largest sum of transfers in over 7 consecutive days / in_amount."
        "0..1 without refunds" "in_amount 0" "one pass in time order" "cash-flow scoring";
    PayerReturnDayRate "payer_return_day_rate" Timing Ratio false
        "Share of payers seen on two or more days."
        "0..1" "no payers" "one pass and a sort by counterparty" "customer mix of card acquirers";
    VisitGapDays "visit_gap_days" Timing Days false
        "Mean days between a payer's transfer in and the same payer's next."
        "0.." "no payer came twice" "one pass and a sort by counterparty" "customer mix of card acquirers";
    NewPayerShare "new_payer_share" Timing Ratio false
        "Share of payers first seen in the 30 days up to the as-of day."
        "0..1" "no payers" "one pass and a sort by counterparty" "pre-application pumping";
    RecentReceiptShare "recent_receipt_share" Timing Ratio false
        "Share of in_amount that came in the 30 days up to the as-of day."
        "0..1 without refunds" "in_amount 0" "one pass" "pre-application pumping";
    TicketMean "ticket_mean" Amount Money true
        "Mean of the positive transfers in."
        "0.." "no positive transfer in" "one pass" "card schemes";
    TicketLogMean "ticket_log_mean" Amount LogMoney true
        "Mean logarithm of the positive transfers in."
        "any" "no positive transfer in" "one pass" "card schemes";
    TicketVariation "ticket_variation" Amount Ratio true
        "(Population) standard deviation of the positive transfers in over their mean."
        "0.." "below 2 positive transfers in" "one pass" "card schemes";
    TicketP10 "ticket_p10" Amount Money false
        "The positive transfer in that a tenth do not exceed."
        "0.." "no positive transfer in" "one pass and a sort by amount" "card schemes";
    TicketP50 "ticket_p50" Amount Money false
        "The positive transfer in that half do not exceed."
        "0.." "no positive transfer in" "one pass and a sort by amount" "card schemes";
    TicketP90 "ticket_p90" Amount Money false
        "The positive transfer in that nine tenths do not exceed."
        "0.." "no positive transfer in" "one pass and a sort by amount" "card schemes";
    TicketMax "ticket_max" Amount Money false
        "The largest positive transfer in."
        "0.." "no positive transfer in" "one pass and a sort by amount" "card schemes";
    OutTicketMean "out_ticket_mean" Amount Money true
        "Mean of the positive transfers out."
        "0.." "no positive transfer out" "one pass" "card schemes";
    RoundAmountShare "round_amount_share" Amount Ratio true
        "Share of transfers in whose amount is a whole multiple of 10 major units."
        "0..1" "no transfers in" "one pass" "fraud practice";
    OutRoundAmountShare "out_round_amount_share" Amount Ratio true
        "Share of transfers out whose amount is a whole multiple of 10 major units."
        "0..1" "no transfers out" "one pass" "fraud practice";
    RepeatedAmountShare "repeated_amount_share" Amount Ratio false
        "Share of positive transfers in whose exact amount occurs more than once."
        "0..1" "no positive transfer in" "one pass and a sort by amount" "fraud practice";
    TopAmountShare "top_amount_share" Amount Ratio false
        "Share of the most common exact amount among positive transfers in."
        "0..1" "no positive transfer in" "one pass and a sort by amount" "fraud practice";
    AmountEntropy "amount_entropy" Amount Ratio false
        "How varied the exact amounts in are: entropy over the logarithm of their number; 0 all equal, 1 all different."
        "0..1" "below 2 positive transfers in" "one pass and a sort by amount" "Shannon 1948";
    AlterMeanDegree "alter_mean_degree" Neighbourhood Ratio false
        "Mean of degree over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadDegree "alter_spread_degree" Neighbourhood Ratio false
        "(Population) standard deviation of degree over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxDegree "alter_max_degree" Neighbourhood Ratio false
        "Maximum of degree over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMeanLocalClustering "alter_mean_local_clustering" Neighbourhood Ratio false
        "Mean of local_clustering over the counterparties where it is defined."
        "0..1" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadLocalClustering "alter_spread_local_clustering" Neighbourhood Ratio false
        "(Population) standard deviation of local_clustering over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxLocalClustering "alter_max_local_clustering" Neighbourhood Ratio false
        "Maximum of local_clustering over the counterparties where it is defined."
        "0..1" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMeanInCount "alter_mean_in_count" Neighbourhood Ratio false
        "Mean of in_count over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadInCount "alter_spread_in_count" Neighbourhood Ratio false
        "(Population) standard deviation of in_count over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxInCount "alter_max_in_count" Neighbourhood Ratio false
        "Maximum of in_count over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMeanInAmount "alter_mean_in_amount" Neighbourhood Money false
        "Mean of in_amount over the counterparties where it is defined."
        "any" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadInAmount "alter_spread_in_amount" Neighbourhood Money false
        "(Population) standard deviation of in_amount over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxInAmount "alter_max_in_amount" Neighbourhood Money false
        "Maximum of in_amount over the counterparties where it is defined."
        "any" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMeanPassThrough "alter_mean_pass_through" Neighbourhood Ratio false
        "Mean of pass_through over the counterparties where it is defined."
        "0..1 without refunds" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadPassThrough "alter_spread_pass_through" Neighbourhood Ratio false
        "(Population) standard deviation of pass_through over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxPassThrough "alter_max_pass_through" Neighbourhood Ratio false
        "Maximum of pass_through over the counterparties where it is defined."
        "0..1 without refunds" "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMeanActiveDays "alter_mean_active_days" Neighbourhood Days false
        "Mean of active_days over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterSpreadActiveDays "alter_spread_active_days" Neighbourhood Days false
        "(Population) standard deviation of active_days over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
    AlterMaxActiveDays "alter_max_active_days" Neighbourhood Days false
        "Maximum of active_days over the counterparties where it is defined."
        "0.." "no counterparty has one" "one sweep over relations" "Henderson et al. 2011 (ReFeX)";
}
