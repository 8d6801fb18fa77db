//! The calendars that ship with the crate, as rules and lists of facts.
//!
//! Rules come from the statutes and the exchanges' notices as QuantLib collects them; lists of decreed days (China, India)
//! are the yearly notices of the State Council, the exchanges and the interbank market.

use super::business::{BusinessCalendar, Holiday, HolidayRule, WeekendShift};
use super::{Date, Weekday};
use crate::error::{Error, Result};

const WEEKEND: [Weekday; 2] = [Weekday::Saturday, Weekday::Sunday];
const TO_MONDAY: WeekendShift = WeekendShift { saturday: 2, sunday: 1 };
const SUNDAY_TO_MONDAY: WeekendShift = WeekendShift { saturday: 0, sunday: 1 };
const TO_NEAREST: WeekendShift = WeekendShift { saturday: -1, sunday: 1 };
const TWO_DAYS: WeekendShift = WeekendShift { saturday: 2, sunday: 2 };
const GOOD_FRIDAY: i16 = -2;
const EASTER_MONDAY: i16 = 1;

pub(super) fn named(name: &str) -> Result<BusinessCalendar> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let key = letters(name);
    for (aliases, build) in MARKETS {
        if aliases.iter().any(|alias| letters(alias) == key) {
            return build(aliases[0]);
        }
    }
    Err(Error::unknown("calendar", name))
}

type Build = fn(&str) -> Result<BusinessCalendar>;

const MARKETS: &[(&[&str], Build)] = &[
    (&["none", "null"], |name| BusinessCalendar::new(name, &[])),
    (&["weekends", "weekends_only"], |name| BusinessCalendar::new(name, &WEEKEND)),
    (&["target", "euro"], target),
    (
        &["united_kingdom", "uk", "uk_settlement", "united_kingdom_settlement", "uk_exchange", "uk_metals"],
        united_kingdom,
    ),
    (&["germany_frankfurt", "frankfurt", "germany_xetra", "xetra"], frankfurt),
    (&["united_states_bonds", "us_bonds", "united_states_government_bond", "us_government_bond"], us_bonds),
    (&["united_states_federal", "united_states", "us", "us_settlement", "united_states_settlement"], us_federal),
    (&["brazil", "brazil_settlement"], brazil),
    (&["japan"], japan),
    (&["india", "india_nse"], india),
    (&["russia", "ru"], russia),
    (&["china_sse", "china"], china_sse),
    (&["china_interbank", "china_ib"], china_interbank),
];

/// A rule being written down.
struct Rule(HolidayRule);

fn fixed(month: i8, day: i8) -> Rule {
    Rule(HolidayRule::new(Holiday::Fixed { month, day }))
}

fn easter(offset_days: i16) -> Rule {
    Rule(HolidayRule::new(Holiday::Easter { offset_days }))
}

/// The first, second, … (negative: last, …) such weekday, Monday 1 to Sunday 7.
fn nth(nth: i8, weekday: i8, month: i8) -> Rule {
    Rule(HolidayRule::new(Holiday::NthWeekday { month, nth, weekday }))
}

impl Rule {
    fn shift(mut self, shift: WeekendShift) -> Self {
        self.0.shift = shift;
        self
    }

    fn from(mut self, year: i16) -> Self {
        self.0.from_year = Some(year);
        self
    }

    fn until(mut self, year: i16) -> Self {
        self.0.to_year = Some(year);
        self
    }

    fn except(mut self, years: &[i16]) -> Self {
        self.0.except_years = years.to_vec();
        self
    }
}

fn closed_at_weekends(name: &str, rules: impl IntoIterator<Item = Rule>) -> Result<BusinessCalendar> {
    rules.into_iter().try_fold(BusinessCalendar::new(name, &WEEKEND)?, |calendar, rule| calendar.with_rule(rule.0))
}

/// Dates written as a year and its days: `2024 0101 0212-0216`.
fn days(years: &[&str]) -> Result<Vec<Date>> {
    let malformed = |word: &str| Error::invalid("calendar day", word, "MMDD or MMDD-MMDD after a year");
    let mut dates = Vec::new();
    for line in years {
        let mut words = line.split(' ');
        let year = words.next().and_then(|year| year.parse::<i16>().ok()).ok_or_else(|| malformed(line))?;
        for word in words {
            let day = |text: &str| -> Option<Date> {
                Date::new(year, text.get(..2)?.parse().ok()?, text.get(2..)?.parse().ok()?).ok()
            };
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (mut first, last) = day(first).zip(day(last)).ok_or_else(|| malformed(word))?;
            while first <= last {
                dates.push(first);
                first = first.tomorrow().map_err(|_| malformed(word))?;
            }
        }
    }
    Ok(dates)
}

/// Trans-European automated real-time gross settlement.
fn target(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1),
        easter(GOOD_FRIDAY).from(2000),
        easter(EASTER_MONDAY).from(2000),
        fixed(5, 1).from(2000),
        fixed(12, 25),
        fixed(12, 26).from(2000),
    ];
    Ok(closed_at_weekends(name, rules)?.with_holidays(days(&["1998 1231", "1999 1231", "2001 1231"])?))
}

fn united_kingdom(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1).shift(TO_MONDAY),
        easter(GOOD_FRIDAY),
        easter(EASTER_MONDAY),
        nth(1, 1, 5).except(&[1995, 2020]),
        nth(-1, 1, 5).except(&[2002, 2012, 2022]),
        nth(-1, 1, 8),
        fixed(12, 25).shift(TWO_DAYS),
        fixed(12, 26).shift(TWO_DAYS),
    ];
    let decreed = [
        "1995 0508",
        "1999 1231",
        "2002 0603-0604",
        "2011 0429",
        "2012 0604-0605",
        "2020 0508",
        "2022 0602-0603 0919",
        "2023 0508",
    ];
    Ok(closed_at_weekends(name, rules)?.with_holidays(days(&decreed)?))
}

fn frankfurt(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1),
        easter(GOOD_FRIDAY),
        easter(EASTER_MONDAY),
        fixed(5, 1),
        fixed(12, 24),
        fixed(12, 25),
        fixed(12, 26),
    ];
    closed_at_weekends(name, rules)
}

fn us_bonds(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1).shift(SUNDAY_TO_MONDAY),
        nth(3, 1, 1).from(1983),
        nth(3, 1, 2).from(1971),
        fixed(2, 22).shift(TO_NEAREST).until(1970),
        easter(GOOD_FRIDAY).except(&[2015, 2021, 2023]),
        nth(-1, 1, 5).from(1971),
        fixed(5, 30).shift(TO_NEAREST).until(1970),
        fixed(6, 19).shift(TO_NEAREST).from(2022),
        fixed(7, 4).shift(TO_NEAREST),
        nth(1, 1, 9),
        nth(2, 1, 10).from(1971),
        fixed(11, 11).shift(SUNDAY_TO_MONDAY),
        nth(4, 4, 11),
        fixed(12, 25).shift(TO_NEAREST),
    ];
    // Storms and days of mourning.
    let decreed = ["2004 0611", "2012 1030", "2018 1205"];
    Ok(closed_at_weekends(name, rules)?.with_holidays(days(&decreed)?))
}

fn us_federal(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1).shift(TO_NEAREST),
        nth(3, 1, 1).from(1983),
        nth(3, 1, 2).from(1971),
        fixed(2, 22).shift(TO_NEAREST).until(1970),
        nth(-1, 1, 5).from(1971),
        fixed(5, 30).shift(TO_NEAREST).until(1970),
        fixed(6, 19).shift(TO_NEAREST).from(2022),
        fixed(7, 4).shift(TO_NEAREST),
        nth(1, 1, 9),
        nth(2, 1, 10).from(1971),
        fixed(11, 11).shift(TO_NEAREST).except(&[1971, 1972, 1973, 1974, 1975, 1976, 1977]),
        nth(4, 4, 11),
        fixed(12, 25).shift(TO_NEAREST),
    ];
    closed_at_weekends(name, rules)
}

fn brazil(name: &str) -> Result<BusinessCalendar> {
    let rules = [
        fixed(1, 1),
        easter(-48),
        easter(-47),
        easter(GOOD_FRIDAY),
        fixed(4, 21),
        fixed(5, 1),
        easter(60),
        fixed(9, 7),
        fixed(10, 12),
        fixed(11, 2),
        fixed(11, 15),
        fixed(11, 20).from(2024),
        fixed(12, 25),
    ];
    closed_at_weekends(name, rules)
}

fn japan(name: &str) -> Result<BusinessCalendar> {
    let happy = |n, month, year| nth(n, 1, month).from(year);
    let rules = [
        fixed(1, 1),
        fixed(1, 2),
        fixed(1, 3),
        happy(2, 1, 2000),
        fixed(1, 15).shift(SUNDAY_TO_MONDAY).until(1999),
        fixed(2, 11).shift(SUNDAY_TO_MONDAY),
        fixed(2, 23).shift(SUNDAY_TO_MONDAY).from(2020),
        Rule(HolidayRule::new(Holiday::TokyoVernalEquinox)).shift(SUNDAY_TO_MONDAY),
        fixed(4, 29).shift(SUNDAY_TO_MONDAY),
        fixed(5, 3).shift(WeekendShift { saturday: 0, sunday: 3 }),
        fixed(5, 4).shift(WeekendShift { saturday: 0, sunday: 2 }),
        fixed(5, 5).shift(SUNDAY_TO_MONDAY),
        happy(3, 7, 2003).except(&[2020, 2021]),
        fixed(7, 20).shift(SUNDAY_TO_MONDAY).from(1996).until(2002),
        fixed(8, 11).shift(SUNDAY_TO_MONDAY).from(2016).except(&[2020, 2021]),
        happy(3, 9, 2003),
        fixed(9, 15).shift(SUNDAY_TO_MONDAY).until(2002),
        Rule(HolidayRule::new(Holiday::TokyoAutumnalEquinox)).shift(SUNDAY_TO_MONDAY),
        happy(2, 10, 2000).except(&[2020, 2021]),
        fixed(10, 10).shift(SUNDAY_TO_MONDAY).until(1999),
        fixed(11, 3).shift(SUNDAY_TO_MONDAY),
        fixed(11, 23).shift(SUNDAY_TO_MONDAY),
        fixed(12, 23).shift(SUNDAY_TO_MONDAY).from(1989).until(2018),
        fixed(12, 31),
    ];
    // Coronations, weddings, the days between two holidays in September, and the summer of the games.
    let decreed = [
        "1989 0224",
        "1990 1112",
        "1993 0609",
        "2009 0922",
        "2015 0922",
        "2019 0430-0502 1022",
        "2020 0723-0724 0810",
        "2021 0722-0723 0809",
        "2026 0922",
    ];
    Ok(closed_at_weekends(name, rules)?.with_holidays(days(&decreed)?))
}

fn india(name: &str) -> Result<BusinessCalendar> {
    let rules =
        [fixed(1, 26), easter(GOOD_FRIDAY), fixed(4, 14), fixed(5, 1), fixed(8, 15), fixed(10, 2), fixed(12, 25)];
    Ok(closed_at_weekends(name, rules)?.with_holidays(days(&INDIA)?))
}

/// The labour code's holidays; days moved by decree are those of 2018 and 2019.
fn russia(name: &str) -> Result<BusinessCalendar> {
    let new_year = (1..=8).map(|day| fixed(1, day));
    let others = [(2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)];
    let others = others.map(|(month, day)| fixed(month, day).shift(TO_MONDAY));
    let decreed = ["2018 0309 0430 0502 0611 1231", "2019 0502-0503 0510"];
    let worked = ["2018 0428 0609 1229"];
    let calendar = closed_at_weekends(name, new_year.chain(others))?;
    Ok(calendar.with_holidays(days(&decreed)?).with_working_days(days(&worked)?))
}

fn china_sse(name: &str) -> Result<BusinessCalendar> {
    Ok(BusinessCalendar::new(name, &WEEKEND)?.with_holidays(days(&CHINA)?))
}

/// The exchange's holidays, with the weekends worked to make up for them.
fn china_interbank(name: &str) -> Result<BusinessCalendar> {
    Ok(china_sse(name)?.with_working_days(days(&CHINA_MADE_UP)?))
}

const CHINA: [&str; 22] = [
    "2005 0103 0207-0211 0214-0215 0502-0506 1003-1007",
    "2006 0102-0103 0126-0127 0130-0203 0501-0505 1002-1006",
    "2007 0101-0103 0219-0223 0501-0504 0507 1001-1005 1231",
    "2008 0101 0206-0208 0211-0212 0404 0501-0502 0609 0915 0929-1003",
    "2009 0101-0102 0126-0130 0406 0501 0528-0529 1001-1002 1005-1008",
    "2010 0101 0215-0219 0405 0503 0614-0616 0922-0924 1001 1004-1007",
    "2011 0103 0202-0204 0207-0208 0404-0405 0502 0606 0912 1003-1007",
    "2012 0102-0103 0123-0127 0402-0404 0430-0501 0622 1001-1005",
    "2013 0101-0103 0211-0215 0404-0405 0429-0501 0610-0612 0919-0920 1001-1004 1007",
    "2014 0101 0131 0203-0206 0407 0501-0502 0602 0908 1001-1003 1006-1007",
    "2015 0101-0102 0218-0220 0223-0224 0406 0501 0622 0903-0904 1001-1002 1005-1007",
    "2016 0101 0208-0212 0404 0502 0609-0610 0915-0916 1003-1007",
    "2017 0102 0127 0130-0202 0403-0404 0501 0529-0530 1002-1006",
    "2018 0101 0215-0216 0219-0221 0405-0406 0430-0501 0618 0924 1001-1005 1231",
    "2019 0101 0204-0208 0405 0501-0503 0607 0913 1001-1004 1007",
    "2020 0101 0124 0127-0131 0406 0501 0504-0505 0625-0626 1001-1002 1005-1008",
    "2021 0101 0211-0212 0215-0217 0405 0503-0505 0614 0920-0921 1001 1004-1007",
    "2022 0103 0131-0204 0404-0405 0502-0504 0603 0912 1003-1007",
    "2023 0102 0123-0127 0405 0501-0503 0622-0623 0929 1002-1006",
    "2024 0101 0209 0212-0216 0404-0405 0501-0503 0610 0916-0917 1001-1004 1007",
    "2025 0101 0128-0131 0203-0204 0404 0501-0502 0505 0602 1001-1003 1006-1008",
    "2026 0101-0102 0216-0220 0223 0406 0501 0504-0505 0619 0925 1001-1002 1005-1007",
];

const CHINA_MADE_UP: [&str; 22] = [
    "2005 0205 0206 0430 0508 1008 1009 1231",
    "2006 0128 0429 0430 0930 1230 1231",
    "2007 0217 0225 0428 0429 0929 0930 1229",
    "2008 0202 0203 0504 0927 0928",
    "2009 0104 0124 0201 0531 0927 1010",
    "2010 0220 0221 0612 0613 0919 0925 0926 1009",
    "2011 0130 0212 0402 1008 1009 1231",
    "2012 0121 0129 0331 0401 0428 0929",
    "2013 0105 0106 0216 0217 0407 0427 0428 0608 0609 0922 0929 1012",
    "2014 0126 0208 0504 0928 1011",
    "2015 0104 0215 0228 0906 1010",
    "2016 0206 0214 0612 0918 1008 1009",
    "2017 0122 0204 0401 0527 0930",
    "2018 0211 0224 0408 0428 0929 0930 1229",
    "2019 0202 0203 0428 0505 0929 1012",
    "2020 0119 0426 0509 0628 0927 1010",
    "2021 0207 0220 0425 0508 0918 0926 1009",
    "2022 0129 0130 0402 0424 0507 1008 1009",
    "2023 0128 0129 0423 0506 0625 1007 1008",
    "2024 0204 0209 0218 0407 0428 0511 0914 0929 1012",
    "2025 0126 0208 0427 0928 1011",
    "2026 0104 0214 0228 0509 0920 1010",
];

const INDIA: [&str; 8] = [
    "2019 0219 0304 0321 0401 0417 0429 0605 0812 0902 0910 1008 1021 1028 1112",
    "2020 0219 0221 0310 0325 0401 0402 0406 0507 0525 1030 1116 1130",
    "2021 0219 0311 0329 0413 0421 0526 0721 0910 1015 1019 1105 1119",
    "2022 0301 0318 0503 0516 0831 1005 1026 1108",
    "2023 0308 0322 0330 0404 0505 0628 0919 0928 1024 1114 1127",
    "2024 0219 0308 0325 0409 0417 0421 0523 0617 0827 0916 1115",
    "2025 0219 0226 0314 0331 0410 0512 0905 1002 1022 1105",
    "2026 0115 0219 0303 0319 0326 0331 0401 0528 0626 0826 0914 1020 1110 1124",
];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_market_opens_and_answers_to_each_of_its_names() {
        for (aliases, _) in MARKETS {
            for alias in *aliases {
                let calendar = named(&alias.to_uppercase().replace('_', " ")).unwrap();
                assert_eq!(calendar.name(), aliases[0]);
                assert!(calendar.is_business_day(date(2024, 6, 4)), "{alias}: an ordinary Tuesday");
            }
        }
        assert!(named("atlantis").unwrap_err().is_unknown());
    }

    #[test]
    fn days_known_to_be_closed_are_closed() {
        let known = [
            ("uk", date(2022, 12, 27)),
            ("uk", date(2021, 12, 28)),
            ("us", date(2021, 12, 24)),
            ("japan", date(2009, 5, 6)),
            ("japan", date(2024, 9, 23)),
            ("brazil", date(2025, 3, 4)),
            ("china_sse", date(2024, 2, 16)),
            ("india", date(2024, 8, 15)),
            ("target", date(2001, 12, 31)),
        ];
        for (market, day) in known {
            assert!(!named(market).unwrap().is_business_day(day), "{market} {day}");
        }
        assert!(named("china_ib").unwrap().is_business_day(date(2024, 2, 4)), "a Sunday worked before the new year");
        assert!(!named("china_sse").unwrap().is_business_day(date(2024, 2, 4)));
    }
}
