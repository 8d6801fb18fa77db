//! Who there is, where they live, and which circles they share.

use serde::{Deserialize, Serialize};

use super::config::MarketConfig;
use super::random::Stream;

/// What an account really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A private person.
    Person,
    /// A sole proprietor: a shop or stall, and its owner's private life.
    Shop,
    /// A person who lives on what several relatives send.
    FamilyHub,
    /// A person who collected for an event.
    Treasurer,
    /// An account that collects donations.
    Charity,
    /// An account that forwards what strangers send.
    PassThrough,
    /// A person whose account only serves a wash ring.
    RingHelper,
}

impl AccountKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Person,
        Self::Shop,
        Self::FamilyHub,
        Self::Treasurer,
        Self::Charity,
        Self::PassThrough,
        Self::RingHelper,
    ];

    /// The stable name used in label files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Shop => "shop",
            Self::FamilyHub => "family_hub",
            Self::Treasurer => "treasurer",
            Self::Charity => "charity",
            Self::PassThrough => "pass_through",
            Self::RingHelper => "ring_helper",
        }
    }
}

/// One layer of circles: every account is a member of exactly one circle of each layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Members of circle `c`: `members[starts[c]..starts[c + 1]]`.
    members: Vec<u32>,
    starts: Vec<u32>,
    circle_of: Vec<u32>,
}

impl Layer {
    /// Circles of `sizes.0..=sizes.1` accounts who live within `window` places of each other.
    fn new(config: &MarketConfig, purpose: u64, window: u32, sizes: (u32, u32)) -> Self {
        let mut members: Vec<u32> = (0..config.accounts).collect();
        let mut stream = Stream::new(config.seed, purpose, 0);
        // Windows of different layers are cut at different places, so that circles overlap.
        let first = stream.below(window) as usize;
        let (head, tail) = members.split_at_mut(first.min(config.accounts as usize));
        stream.shuffle(head);
        tail.chunks_mut(window as usize).for_each(|part| stream.shuffle(part));
        let mut starts = vec![0];
        let mut next = 0;
        while next < config.accounts {
            next = (next + stream.between(sizes.0, sizes.1)).min(config.accounts);
            starts.push(next);
        }
        let mut circle_of = vec![0; config.accounts as usize];
        for (circle, bounds) in starts.windows(2).enumerate() {
            for &member in &members[bounds[0] as usize..bounds[1] as usize] {
                circle_of[member as usize] = circle as u32;
            }
        }
        Self { members, starts, circle_of }
    }

    /// Everybody in the circle of `account`, itself included.
    pub(super) fn circle(&self, account: u32) -> &[u32] {
        let circle = self.circle_of[account as usize] as usize;
        &self.members[self.starts[circle] as usize..self.starts[circle + 1] as usize]
    }

    /// Somebody in the circle of `account`, near ones more often, so that ties repeat and friends of friends are friends.
    pub(super) fn acquaintance(&self, account: u32, stream: &mut Stream) -> Option<u32> {
        let circle = self.circle(account);
        if circle.len() < 2 {
            return None;
        }
        let place = circle.iter().position(|&member| member == account)?;
        let mut step = 1;
        while step < circle.len() / 2 && stream.chance(0.6) {
            step += 1;
        }
        let other = if stream.chance(0.5) { place + step } else { place + circle.len() - step };
        Some(circle[other % circle.len()]).filter(|&other| other != account)
    }
}

/// The population before anything is sent: places stand for addresses, near numbers are neighbours.
#[derive(Debug)]
pub(super) struct Population {
    /// Kind by place.
    pub(super) kinds: Vec<AccountKind>,
    /// Household, friends, work.
    pub(super) layers: [Layer; 3],
}

impl Population {
    pub(super) fn new(config: &MarketConfig) -> Self {
        let count = |share: f64| (share * f64::from(config.accounts)).round() as usize;
        let mut kinds = vec![AccountKind::Person; config.accounts as usize];
        let mut places: Vec<u32> = (0..config.accounts).collect();
        Stream::new(config.seed, 1, 0).shuffle(&mut places);
        let mut places = places.into_iter();
        for (kind, share) in [
            (AccountKind::Shop, config.shop_share),
            (AccountKind::FamilyHub, config.family_hub_share),
            (AccountKind::Treasurer, config.treasurer_share),
            (AccountKind::Charity, config.charity_share),
            (AccountKind::PassThrough, config.pass_through_share),
        ] {
            for place in places.by_ref().take(count(share)) {
                kinds[place as usize] = kind;
            }
        }
        let layers = [
            Layer::new(config, 2, 5, (1, 5)),
            Layer::new(config, 3, 900, (6, 18)),
            Layer::new(config, 4, 6_000, (8, 40)),
        ];
        Self { kinds, layers }
    }

    pub(super) fn len(&self) -> u32 {
        self.kinds.len() as u32
    }

    /// The places of one kind, in order.
    pub(super) fn of_kind(&self, kind: AccountKind) -> Vec<u32> {
        (0..self.len()).filter(|&place| self.kinds[place as usize] == kind).collect()
    }

    /// Somebody who lives within `reach` places of `place`.
    pub(super) fn neighbour(&self, place: u32, reach: u32, stream: &mut Stream) -> u32 {
        let reach = reach.min(self.len() / 2 - 1);
        let offset = stream.below(2 * reach + 1);
        (place + self.len() - reach + offset) % self.len()
    }

    /// Anybody.
    pub(super) fn anybody(&self, stream: &mut Stream) -> u32 {
        stream.below(self.len())
    }
}
