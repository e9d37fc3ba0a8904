//! Four lanes of AVX2: its own field, and what is written once for any number of lanes.

pub(crate) mod field;
pub(crate) mod arithmetic {
    arithmetic!("avx2");
}
pub(crate) mod group {
    group!("avx2");
}
pub(crate) mod multiply {
    multiply!("avx2");
}
pub(crate) mod hash {
    hash!("avx2");
}
pub(crate) mod batch {
    batch!("avx2");
}
