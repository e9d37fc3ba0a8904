//! Prints what one element costs, in microseconds: the least of some rounds, beside curve25519-dalek in the same run.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use entente_lanes::Eight;
use std::hint::black_box;
use std::time::Instant;

fn least<T>(elements: u32, mut work: impl FnMut() -> T) -> f64 {
    let mut round = || {
        let begun = Instant::now();
        for _ in 0..50 {
            black_box(work());
        }
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(50 * elements)
    };
    (0..20).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let uniform: [[u8; 64]; 8] = core::array::from_fn(|l| core::array::from_fn(|i| (i * 7 + l * 31 + 1) as u8));
    let scalar = Scalar::from_bytes_mod_order_wide(&uniform[5]);
    let point = RistrettoPoint::from_uniform_bytes(&uniform[0]);
    println!("dalek: map {:.2}", least(1, || RistrettoPoint::from_uniform_bytes(black_box(&uniform[0]))));
    println!("dalek: multiply {:.2}", least(1, || black_box(point) * scalar));
    println!("dalek: encode {:.2}", least(1, || black_box(point).compress()));
    let Some(eight) = Eight::find() else { return println!("this processor has no AVX-512 IFMA") };
    let points = eight.from_uniform(&uniform);
    let bytes = [scalar.to_bytes(); 8];
    let group = vec![points; 128];
    let encoded = eight.encode_doubles(&group)[0];
    println!("eight: map {:.2}", least(8, || eight.from_uniform(black_box(&uniform))));
    println!("eight: multiply {:.2}", least(8, || eight.multiply(black_box(&points), &bytes[0])));
    println!("eight: multiply each {:.2}", least(8, || eight.multiply_each(black_box(&points), &bytes)));
    println!("eight: encode, 1,024 at a time {:.3}", least(1024, || eight.encode_doubles(black_box(&group))));
    let begun = eight.sha512_begin(&[0; 128]);
    println!("eight: one block of SHA-512 {:.3}", least(8, || eight.sha512(black_box(&begun), [&uniform[0]; 8].map(|m| &m[..]))));
    println!("eight: decode {:.2}", least(8, || eight.decode(black_box(&encoded))));
    let (many, scalars) = (vec![points; 32], vec![bytes; 32]);
    println!("eight: sum of products {:.2}", least(256, || eight.sum_products(black_box(&many), &scalars)));
}
