//! The door on processors of another kind: closed.

/// Proof that this processor has the instructions; here there is none.
#[derive(Clone, Copy, Debug)]
pub enum Eight {}

/// Eight group elements; here there are none.
#[derive(Clone, Copy)]
pub struct Points(Eight);

/// Where a hash stands; here nowhere.
#[derive(Clone, Copy)]
pub struct Begun(Eight);

impl Eight {
    /// Finds nothing on this kind of processor.
    pub fn find() -> Option<Eight> {
        None
    }

    /// Cannot be called.
    pub fn from_uniform(self, _: &[[u8; 64]; 8]) -> Points {
        match self {}
    }

    /// Cannot be called.
    pub fn decode(self, _: &[[u8; 32]; 8]) -> (u8, Points) {
        match self {}
    }

    /// Cannot be called.
    pub fn encode_doubles(self, _: &[Points]) -> Vec<[[u8; 32]; 8]> {
        match self {}
    }

    /// Cannot be called.
    pub fn double(self, _: &Points) -> Points {
        match self {}
    }

    /// Cannot be called.
    pub fn sha512_begin(self, _: &[u8]) -> Begun {
        match self {}
    }

    /// Cannot be called.
    pub fn sha512(self, _: &Begun, _: [&[u8]; 8]) -> [[u8; 64]; 8] {
        match self {}
    }

    /// Cannot be called.
    pub fn multiply(self, _: &Points, _: &[u8; 32]) -> Points {
        match self {}
    }

    /// Cannot be called.
    pub fn multiply_each(self, _: &Points, _: &[[u8; 32]; 8]) -> Points {
        match self {}
    }

    /// Cannot be called.
    pub fn sum_products(self, _: &[Points], _: &[[[u8; 32]; 8]]) -> Points {
        match self {}
    }
}
