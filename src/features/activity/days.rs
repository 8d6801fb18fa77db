//! What depends on when transfers took place: days, weeks, hours and gaps.

use crate::features::activity::RECENT_DAYS;
use crate::features::activity::Way;
use crate::features::activity::ahead::Ahead;
use crate::features::activity::day_of;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::NIGHT;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::WEEKEND;
use crate::features::sums::moment;
use crate::features::sums::ratio;
use crate::features::sums::top_week;

/// A day later than any.
const NEVER: i64 = i64::MAX;

/// Buffers of this look.
#[derive(Debug, Default)]
pub(super) struct Days {
    sent: ByDay,
    received: ByDay,
}

/// Days with transfers of one direction, ascending, each with the sum of its amounts.
#[derive(Debug, Default)]
struct ByDay {
    days: Vec<(i64, i64)>,
}

impl ByDay {
    /// Starts with room for a day for each of `transfers`.
    fn begin(&mut self, transfers: usize) -> Filling<'_> {
        if self.days.len() < transfers + 1 {
            self.days.resize(transfers + 1, (NEVER, 0));
        }
        Filling { days: &mut self.days, len: 0, day: NEVER, minor: 0 }
    }
}

/// [`ByDay`] while days are put in: place 0 takes what is written before the first.
struct Filling<'a> {
    days: &'a mut [(i64, i64)],
    len: usize,
    day: i64,
    minor: i64,
}

impl<'a> Filling<'a> {
    #[inline]
    fn push(&mut self, day: i64, minor: i64) {
        let is_new = day != self.day;
        self.len += usize::from(is_new);
        self.minor = if is_new { 0 } else { self.minor } + minor;
        self.day = day;
        self.days[self.len] = (day, self.minor);
    }

    fn end(self) -> &'a [(i64, i64)] {
        &self.days[1..=self.len]
    }
}

impl Days {
    pub(super) fn look(
        &mut self,
        [outs, ins]: [Way<'_>; 2],
        context: &Context<'_>,
        sums: &mut Sums,
        row: &mut impl Row,
    ) {
        let mut filling = self.sent.begin(outs.len());
        for &Leg { at_seconds: at, amount_minor: minor, .. } in outs {
            filling.push(day_of(at, context.utc_offset), minor);
        }
        let sent = filling.end();
        let mut filling = self.received.begin(ins.len());
        let (mut by_hour, mut by_weekday) = ([0u32; 24], [0u32; 7]);
        let mut recent_minor = 0;
        for &Leg { at_seconds: at, amount_minor: minor, .. } in ins {
            let day = day_of(at, context.utc_offset);
            filling.push(day, minor);
            let (hour, weekday) = moment(at, day, context);
            by_hour[hour] += 1;
            by_weekday[weekday] += 1;
            recent_minor += if day > context.as_of_day - RECENT_DAYS { minor } else { 0 };
        }
        let received = filling.end();
        let of = |count: &u32| context.logarithms.x_ln_x(u64::from(*count));
        sums.in_hour_ln = by_hour.iter().map(of).sum();
        sums.in_weekday_ln = by_weekday.iter().map(of).sum();
        let of = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum();
        (sums.in_night, sums.in_weekend) = (of(&by_hour[NIGHT]), of(&by_weekday[WEEKEND]));
        add_gaps(ins, sums);
        add_days([sent, received], sums);
        if context.has_amounts {
            row.set(Feature::RecentReceiptShare, ratio(recent_minor as f64, sums.in_minor() as f64));
        }
    }
}

fn add_gaps(ins: Way<'_>, sums: &mut Sums) {
    let ([first, ..], [.., last]) = (ins, ins) else { return };
    (sums.first_in_seconds, sums.last_in_seconds) = (first.at_seconds, last.at_seconds);
    let gap = |pair: &[Leg]| i128::from(pair[1].at_seconds - pair[0].at_seconds);
    sums.gap_square = ins.windows(2).map(|pair| gap(pair) * gap(pair)).sum();
}

/// Both directions side by side.
fn add_days([sent, received]: [&[(i64, i64)]; 2], sums: &mut Sums) {
    let get = |days: &[(i64, i64)], place| Some(days.get(place).copied().unwrap_or((NEVER, 0)));
    let (mut out, mut come) = (Ahead::new(|place| get(sent, place)), Ahead::new(|place| get(received, place)));
    let (mut active, mut matched) = (0u64, 0i64);
    while out.place < sent.len() || come.place < received.len() {
        let ((sent_day, sent_minor), (received_day, received_minor)) = (out.now, come.now);
        let (sends, receives) = (sent_day <= received_day, received_day <= sent_day);
        matched += if sends { sent_minor } else { 0 }.min(if receives { received_minor } else { 0 });
        out.step(sends);
        come.step(receives);
        active += 1;
    }
    let [first, last] =
        [<[_]>::first, <[_]>::last].map(|end| [end(sent), end(received)].map(|day| day.map(|&(day, _)| day)));
    let first = first.into_iter().flatten().min().unwrap_or(0);
    let last = last.into_iter().flatten().max().unwrap_or(0);
    (sums.active_days, sums.receipt_days, sums.matched_day_minor) = (active, received.len() as u64, matched.into());
    (sums.first_day, sums.last_day) = (first, last);
    sums.last_receipt_day = received.last().map_or(0, |&(day, _)| day);
    sums.top_week_minor = top_week(received.iter().copied());
}
