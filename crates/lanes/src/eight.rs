//! Eight lanes of AVX-512 F, DQ and IFMA: its own field, and what is written once for any number of lanes.

pub(crate) mod field;
pub(crate) mod arithmetic {
    arithmetic!("avx512f,avx512dq,avx512ifma");
}
pub(crate) mod group {
    group!("avx512f,avx512dq,avx512ifma");
}
pub(crate) mod multiply {
    multiply!("avx512f,avx512dq,avx512ifma");
}
pub(crate) mod hash {
    hash!("avx512f,avx512dq,avx512ifma");
}
pub(crate) mod batch {
    batch!("avx512f,avx512dq,avx512ifma");
}
