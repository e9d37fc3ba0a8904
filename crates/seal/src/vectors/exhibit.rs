//! The golden file of exhibits, tests/vectors/exhibit.json: written with UPDATE_VECTORS=1, read by other implementers.
//!
//! A file's bytes follow from its size: byte `i` is `i mod 251`.

use super::unhex_array;
use crate::exhibit::{ChunkTree, chunk_hash, verify_chunk};
use base::{CHUNK_BYTES, Digest};
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/exhibit.json");

fn file(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

/// Whole files around the sizes at which a chunk, and a level of the tree, begins.
fn written() -> Value {
    let sizes = [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 6 * CHUNK_BYTES + 5];
    let exhibit = |size: usize| {
        let bytes = file(size);
        let hashes: Vec<Digest> = bytes.chunks(CHUNK_BYTES).map(chunk_hash).collect();
        let tree = ChunkTree::new(hashes.clone());
        let chunks: Vec<Value> = hashes.iter().zip(0..).map(|(h, i)| json!({ "hash": h, "proof": tree.proof(i) })).collect();
        json!({ "size": size, "id": tree.root(), "chunks": chunks })
    };
    json!({ "chunk_bytes": CHUNK_BYTES, "byte_i": "i mod 251", "exhibits": sizes.map(exhibit) })
}

#[test]
fn exhibit_vectors_are_what_the_code_writes() {
    let text = serde_json::to_string_pretty(&written()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PATH).unwrap(), text, "run with UPDATE_VECTORS=1 and read the difference");
}

/// Every proof of the file holds, and with one bit of it changed holds no longer.
#[test]
fn exhibit_vectors_hold() {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    for e in all["exhibits"].as_array().unwrap() {
        let size = e["size"].as_u64().unwrap();
        let (bytes, id) = (file(size as usize), Digest(unhex_array(e["id"].as_str().unwrap())).into());
        for (i, (chunk, c)) in (0..).zip(bytes.chunks(CHUNK_BYTES).zip(e["chunks"].as_array().unwrap())) {
            let mut proof: Vec<Digest> = c["proof"].as_array().unwrap().iter().map(|p| Digest(unhex_array(p.as_str().unwrap()))).collect();
            assert!(verify_chunk(&id, size, i, chunk, &proof).is_ok());
            if let Some(first) = proof.first_mut() {
                first.0[0] ^= 1;
                assert_eq!(verify_chunk(&id, size, i, chunk, &proof).unwrap_err().code(), "peer.exhibit.chunk");
            }
        }
    }
}
