//! Laws and figures of the verdict.

use dandelion_credit::features::{Feature, FeatureConfig, FeatureTable, extract};
use dandelion_credit::merchant::{AccountLabel, MerchantClassifier, MerchantFitConfig, VerdictConfig, VerdictKind};
use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
use dandelion_credit::{AccountIndex, Progress};

fn town(seed: u64) -> (Market, FeatureTable) {
    let config = MarketConfig { seed, accounts: 6_000, days: 120, ..MarketConfig::default() };
    let market = Market::generate(&config).unwrap();
    let features = FeatureConfig {
        utc_offset: config.utc_offset,
        ..FeatureConfig::of_features(MerchantClassifier::default_model().needed_features())
    };
    let table = extract(&market.transfers().columns(), 6_000, &features, Progress::silent()).unwrap();
    (market, table)
}

fn labels(market: &Market) -> Vec<AccountLabel> {
    let label = |kind: &AccountKind| match kind {
        AccountKind::Shop => AccountLabel::Merchant,
        AccountKind::Treasurer | AccountKind::Charity => AccountLabel::Collector,
        AccountKind::PassThrough => AccountLabel::PassThrough,
        _ => AccountLabel::Individual,
    };
    market.kinds().iter().map(label).collect()
}

#[test]
fn the_model_that_ships_knows_shops_mules_and_treasurers_of_a_town_it_has_not_seen() {
    let (market, table) = town(1_234);
    let verdicts = MerchantClassifier::default_model().judge(&table, Progress::silent()).unwrap();
    let share = |kind: AccountKind, verdict: VerdictKind| {
        let of_kind = market.kinds().iter().zip(&verdicts.kinds).filter(|(truth, _)| **truth == kind);
        let known: Vec<_> = of_kind.filter(|(_, found)| **found != VerdictKind::Unknown).collect();
        known.iter().filter(|(_, found)| **found == verdict).count() as f64 / known.len() as f64
    };
    assert!(share(AccountKind::Shop, VerdictKind::Merchant) > 0.9);
    assert!(share(AccountKind::Person, VerdictKind::Individual) > 0.99);
    assert!(share(AccountKind::PassThrough, VerdictKind::PassThrough) > 0.9);
    assert!(share(AccountKind::Treasurer, VerdictKind::Collector) > 0.9);
}

#[test]
fn one_account_is_judged_as_in_the_batch_and_its_reasons_fall_in_weight() {
    let (_, table) = town(77);
    let classifier = MerchantClassifier::default_model();
    let verdicts = classifier.judge(&table, Progress::silent()).unwrap();
    for account in (0..6_000).step_by(41) {
        let verdict = classifier.explain(&table, AccountIndex::new(account)).unwrap();
        assert_eq!(verdict.kind, verdicts.kinds[account as usize]);
        assert_eq!(verdict.probabilities.merchant as f32, verdicts.merchant_probability[account as usize]);
        assert!(verdict.reasons.len() <= 4);
        assert!(verdict.reasons.windows(2).all(|pair| pair[0].log_odds.abs() >= pair[1].log_odds.abs()));
        assert!(verdict.reasons.iter().all(|reason| !reason.sentence().is_empty()));
    }
    assert!(classifier.explain(&table, AccountIndex::new(6_000)).unwrap_err().is_unknown());
}

#[test]
fn verdicts_have_the_same_bits_on_any_number_of_threads() {
    let (_, table) = town(5);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| MerchantClassifier::default_model().judge(&table, Progress::silent()).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn ones_own_model_takes_three_lines_and_kinds_without_examples_are_never_given() {
    let (market, table) = town(6);
    let mut labels = labels(&market);
    let own = MerchantClassifier::fit(&table, &labels, &MerchantFitConfig::default(), Progress::silent()).unwrap();
    assert!(own.judge(&table, Progress::silent()).unwrap().count(VerdictKind::Merchant) > 100);

    labels
        .iter_mut()
        .filter(|label| **label == AccountLabel::PassThrough)
        .for_each(|label| *label = AccountLabel::Collector);
    let fewer = MerchantClassifier::fit(&table, &labels, &MerchantFitConfig::default(), Progress::silent()).unwrap();
    assert!(fewer.models()[1].is_none());
    assert_eq!(fewer.judge(&table, Progress::silent()).unwrap().count(VerdictKind::PassThrough), 0);

    let short = MerchantClassifier::fit(&table, &labels[1..], &MerchantFitConfig::default(), Progress::silent());
    assert!(short.unwrap_err().is_invalid());
}

#[test]
fn half_known_labels_without_a_prior_are_refused_rather_than_called_a_probability() {
    let (market, table) = town(8);
    let registered = |(row, label): (usize, AccountLabel)| match label {
        AccountLabel::Individual if row % 2 == 0 => AccountLabel::Individual,
        AccountLabel::Merchant if row % 2 == 0 => AccountLabel::Merchant,
        _ => AccountLabel::Unlabelled,
    };
    let half: Vec<AccountLabel> = labels(&market).into_iter().enumerate().map(registered).collect();
    let error = MerchantClassifier::fit(&table, &half, &MerchantFitConfig::default(), Progress::silent()).unwrap_err();
    assert!(error.to_string().contains("prior"), "{error}");
}

#[test]
fn a_table_without_a_needed_feature_says_which() {
    let (market, _) = town(9);
    let features = FeatureConfig::of_features([Feature::InCount, Feature::InDegree]);
    let table = extract(&market.transfers().columns(), 6_000, &features, Progress::silent()).unwrap();
    let error = MerchantClassifier::default_model().judge(&table, Progress::silent()).unwrap_err();
    assert!(error.is_unknown() && error.to_string().contains("unacquainted_share"), "{error}");
}

#[test]
fn thinner_files_are_judged_when_the_caller_says_so() {
    let (_, table) = town(10);
    let unknown = |config| {
        let classifier = MerchantClassifier::default_model().with_config(config).unwrap();
        classifier.judge(&table, Progress::silent()).unwrap().count(VerdictKind::Unknown)
    };
    let strict = unknown(VerdictConfig::default());
    let lenient =
        unknown(VerdictConfig { min_in_count: 3, min_payers: 2, min_active_days: 2, ..VerdictConfig::default() });
    assert!(lenient < strict);
    let wrong = VerdictConfig { min_probability: 2.0, ..VerdictConfig::default() };
    assert!(MerchantClassifier::default_model().with_config(wrong).unwrap_err().is_invalid());
}
