//! The door on processors of another kind: closed.

/// Proof that this processor has the instructions of a kernel; here there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {}

/// Group elements; here there are none.
#[derive(Clone)]
pub struct Group(Lanes);

/// Where a hash stands; here nowhere.
#[derive(Clone, Copy)]
pub struct Begun(Lanes);

impl Lanes {
    /// Finds nothing on this kind of processor.
    pub fn eight() -> Option<Lanes> {
        None
    }

    /// Finds nothing on this kind of processor.
    pub fn four() -> Option<Lanes> {
        None
    }

    /// Cannot be called.
    pub fn name(self) -> &'static str {
        match self {}
    }

    /// Cannot be called.
    pub fn map(self, _: &[[u8; 64]]) -> Group {
        match self {}
    }

    /// Cannot be called.
    pub fn decode(self, _: &[[u8; 32]]) -> Result<Group, usize> {
        match self {}
    }

    /// Cannot be called.
    pub fn sha512_begin(self, _: &[u8]) -> Begun {
        match self {}
    }

    /// Cannot be called.
    pub fn sha512(self, _: &Begun, _: &[&[u8]]) -> Vec<[u8; 64]> {
        match self {}
    }
}

impl Group {
    /// Cannot be called.
    pub fn double(&self) -> Group {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn times(&self, _: &[u8; 32]) -> Group {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn times_each(&self, _: &[[u8; 32]]) -> Group {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn encode_doubles(&self) -> Vec<[u8; 32]> {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn sum_products(&self, _: &[[u8; 32]]) -> Vec<[u8; 32]> {
        match self.0 {}
    }
}
