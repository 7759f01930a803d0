//! Linear equations between symbols: what repairs say of packets that are missing.
//!
//! Kept in reduced row echelon form, each with an unknown of its own (the first) that no other
//! equation has: one that has no further unknown gives its symbol at once.

use smallvec::SmallVec;

use super::field;

/// A sum of multiples of unknown symbols, and what it amounts to.
#[derive(Clone, Debug, Default)]
pub(super) struct Equation {
    /// Unknowns by rising number, with their factors, none of which is 0.
    unknowns: SmallVec<[(u64, u8); 8]>,
    /// Shorter values stand for ones that end in zeros.
    value: Vec<u8>,
}

impl Equation {
    pub(super) fn new(value: Vec<u8>) -> Self {
        Self {
            unknowns: SmallVec::new(),
            value,
        }
    }

    /// The value, to take what is known off it.
    pub(super) fn value_mut(&mut self) -> &mut [u8] {
        &mut self.value
    }

    /// `number` is unknown as well: larger than all before.
    pub(super) fn push(&mut self, number: u64, factor: u8) {
        self.unknowns.push((number, factor));
    }

    fn factor(&self, number: u64) -> Option<u8> {
        let at = self.position(number).ok()?;
        self.unknowns.get(at).map(|(_, factor)| *factor)
    }

    fn position(&self, number: u64) -> Result<usize, usize> {
        self.unknowns
            .binary_search_by_key(&number, |(number, _)| *number)
    }

    fn first(&self) -> Option<(u64, u8)> {
        self.unknowns.first().copied()
    }

    /// Adds a multiple of another equation.
    fn add_multiple(&mut self, other: &Self, factor: u8) {
        if self.value.len() < other.value.len() {
            self.value.resize(other.value.len(), 0);
        }
        field::add_multiple(&mut self.value, &other.value, factor);
        for (number, theirs) in &other.unknowns {
            let added = field::multiply(*theirs, factor);
            match self.position(*number) {
                Ok(at) if self.unknowns[at].1 == added => drop(self.unknowns.remove(at)),
                Ok(at) => self.unknowns[at].1 ^= added,
                Err(at) => self.unknowns.insert(at, (*number, added)),
            }
        }
    }

    /// Puts the symbol in the place of `number`.
    fn substitute(&mut self, number: u64, symbol: &[u8]) {
        let Ok(at) = self.position(number) else {
            return;
        };
        let (_, factor) = self.unknowns.remove(at);
        if self.value.len() < symbol.len() {
            self.value.resize(symbol.len(), 0);
        }
        field::add_multiple(&mut self.value, symbol, factor);
    }

    /// Bytes that are held.
    fn bytes(&self) -> usize {
        let unknowns = match self.unknowns.spilled() {
            true => self.unknowns.capacity() * size_of::<(u64, u8)>(),
            false => 0,
        };
        self.value.capacity() + unknowns
    }
}

/// The equations that are left.
#[derive(Debug, Default)]
pub(super) struct Equations(Vec<Equation>);

impl Equations {
    /// Adds an equation. One that says nothing new vanishes; beyond [`EQUATIONS_MAX`], the one with
    /// the oldest unknown does.
    pub(super) fn insert(&mut self, mut equation: Equation) {
        for known in &self.0 {
            if let Some(factor) = known
                .first()
                .and_then(|(number, _)| equation.factor(number))
            {
                equation.add_multiple(known, factor);
            }
        }
        let Some((number, factor)) = equation.first() else {
            return;
        };
        let inverse = field::inverse(factor);
        field::scale(&mut equation.value, inverse);
        for (_, factor) in &mut equation.unknowns {
            *factor = field::multiply(*factor, inverse);
        }
        for known in &mut self.0 {
            if let Some(factor) = known.factor(number) {
                known.add_multiple(&equation, factor);
            }
        }
        if self.0.len() == EQUATIONS_MAX {
            let oldest = (0..self.0.len()).min_by_key(|at| self.0[*at].first());
            oldest.map(|at| self.0.swap_remove(at));
        }
        self.0.push(equation);
    }

    /// The symbol `number` has arrived after all.
    pub(super) fn substitute(&mut self, number: u64, symbol: &[u8]) {
        let own = |equation: &Equation| equation.first().is_some_and(|(first, _)| first == number);
        let own = self.0.iter().position(own).map(|at| self.0.swap_remove(at));
        for equation in &mut self.0 {
            equation.substitute(number, symbol);
        }
        // It has lost the unknown that was its own, and needs another.
        if let Some(mut equation) = own {
            equation.substitute(number, symbol);
            self.insert(equation);
        }
    }

    /// Takes out a symbol that is known by now: its number and its bytes, zeros at the end.
    pub(super) fn take_solved(&mut self) -> Option<(u64, Vec<u8>)> {
        let at = self.0.iter().position(|known| known.unknowns.len() == 1)?;
        let Equation { unknowns, value } = self.0.swap_remove(at);
        unknowns.first().map(|(number, _)| (*number, value))
    }

    /// Drops what has an unknown below `number`.
    pub(super) fn forget_below(&mut self, number: u64) {
        self.0
            .retain(|known| known.first().is_none_or(|(first, _)| first >= number));
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Equation::bytes).sum()
    }
}

/// Equations that are kept: as many packets in a row can be rebuilt.
pub(super) const EQUATIONS_MAX: usize = 16;
