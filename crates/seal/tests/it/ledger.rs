//! The Merkle tree against the published eight-leaf tree and against a naive definition.

use base::Digest;
use entente_seal::ledger::{Frontier, consistency_proof, inclusion_proof, leaf_hash, node_hash, verify_consistency, verify_inclusion};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// A tree with all its stored nodes.
#[derive(Default)]
struct Tree {
    frontier: Frontier,
    nodes: BTreeMap<(u8, u64), Digest>,
    leaves: Vec<Digest>,
    roots: Vec<Digest>,
}

impl Tree {
    fn of(leaves: impl IntoIterator<Item = Vec<u8>>) -> Tree {
        let mut tree = Tree { roots: vec![Frontier::new().root()], ..Tree::default() };
        for leaf in leaves {
            let hash = leaf_hash(&leaf);
            let nodes = &mut tree.nodes;
            tree.frontier.append(hash, |level, index, digest| assert_eq!(nodes.insert((level, index), digest), None, "a node is kept once"));
            tree.leaves.push(hash);
            tree.roots.push(tree.frontier.root());
        }
        tree
    }

    fn numbered(n: u64) -> Tree {
        Tree::of((0..n).map(|i| i.to_be_bytes().to_vec()))
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Digest> {
        inclusion_proof(index, size, &mut |level, index| Ok::<_, Infallible>(self.nodes[&(level, index)])).unwrap()
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<Digest> {
        consistency_proof(old, new, &mut |level, index| Ok::<_, Infallible>(self.nodes[&(level, index)])).unwrap()
    }

    fn includes(&self, index: u64, size: u64, proof: &[Digest]) -> bool {
        verify_inclusion(&self.leaves[index as usize], index, size, proof, &self.roots[size as usize])
    }

    fn is_consistent(&self, old: u64, new: u64, proof: &[Digest]) -> bool {
        verify_consistency(old, new, &self.roots[old as usize], &self.roots[new as usize], proof)
    }
}

/// MTH as RFC 9162, 2.1.1 defines it.
fn naive(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [one] => *one,
        many => {
            let k = many.len().next_power_of_two() / 2;
            node_hash(&naive(&many[..k]), &naive(&many[k..]))
        }
    }
}

/// PATH as RFC 9162, 2.1.3.1 defines it.
fn naive_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    if m < k {
        [naive_path(m, &leaves[..k]), vec![naive(&leaves[k..])]].concat()
    } else {
        [naive_path(m - k, &leaves[k..]), vec![naive(&leaves[..k])]].concat()
    }
}

/// SUBPROOF as RFC 9162, 2.1.4.1 defines it.
fn naive_subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    if m <= k {
        [naive_subproof(m, &leaves[..k], whole), vec![naive(&leaves[k..])]].concat()
    } else {
        [naive_subproof(m - k, &leaves[k..], false), vec![naive(&leaves[..k])]].concat()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// The leaves and roots of google/certificate-transparency's reference tree (merkletree tests).
#[test]
fn the_reference_tree_of_certificate_transparency() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let tree = Tree::of(leaves.map(unhex));
    assert_eq!(tree.roots.iter().map(Digest::to_string).collect::<Vec<_>>(), roots);
    // Proofs of the same tests.
    let shown = |proof: Vec<Digest>| proof.iter().map(|d| d.to_string()[..8].to_owned()).collect::<Vec<_>>();
    assert_eq!(shown(tree.inclusion(0, 8)), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(shown(tree.inclusion(5, 8)), ["bc1a0643", "ca854ea1", "d37ee418"]);
    assert_eq!(shown(tree.inclusion(2, 3)), ["fac54203"]);
    assert_eq!(shown(tree.inclusion(1, 5)), ["6e340b9c", "5f083f0a", "bc1a0643"]);
    assert_eq!(shown(tree.consistency(1, 8)), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(shown(tree.consistency(6, 8)), ["0ebc5d34", "ca854ea1", "d37ee418"]);
    assert_eq!(shown(tree.consistency(2, 5)), ["5f083f0a", "bc1a0643"]);
    assert!(tree.consistency(1, 1).is_empty());
}

#[test]
fn every_proof_of_a_small_tree_holds_and_no_other() {
    let tree = Tree::numbered(20);
    for size in 1..=20 {
        for index in 0..size {
            let proof = tree.inclusion(index, size);
            assert_eq!(proof, naive_path(index as usize, &tree.leaves[..size as usize]));
            assert!(tree.includes(index, size, &proof));
            assert!(!tree.includes((index + 1) % 20, size, &proof), "another leaf");
            if index > 0 {
                assert!(!verify_inclusion(&tree.leaves[index as usize], index - 1, size, &proof, &tree.roots[size as usize]), "another place");
            }
            let longer = [&proof[..], &[Digest::default()]].concat();
            assert!(!tree.includes(index, size, &longer));
            assert!(proof.is_empty() || !tree.includes(index, size, &proof[1..]));
        }
        for old in 0..=size {
            let proof = tree.consistency(old, size);
            if old > 0 {
                assert_eq!(proof, naive_subproof(old as usize, &tree.leaves[..size as usize], true));
            }
            assert!(tree.is_consistent(old, size, &proof), "{old} {size}");
            let longer = [&proof[..], &[Digest::default()]].concat();
            assert!(!tree.is_consistent(old, size, &longer));
            assert!(proof.is_empty() || !tree.is_consistent(old, size, &proof[1..]));
            let liar = Digest::of(b"another past");
            assert!(!verify_consistency(old, size, &liar, &tree.roots[size as usize], &proof), "{old} {size}");
            assert!(old == 0 || !verify_consistency(old, size, &tree.roots[old as usize], &liar, &proof), "{old} {size}");
        }
    }
    assert!(!verify_inclusion(&tree.leaves[0], 1, 1, &[], &tree.roots[1]), "beyond the tree");
    assert!(!verify_consistency(2, 4, &tree.roots[2], &tree.roots[2], &[]), "a root that stands still while the tree grows");
    assert!(!verify_consistency(3, 2, &tree.roots[3], &tree.roots[2], &[]), "a tree does not shrink");
}

#[test]
fn a_store_that_fails_fails_the_proof() {
    assert_eq!(inclusion_proof(0, 2, &mut |_, _| Err("disk")), Err("disk"));
    assert_eq!(consistency_proof(1, 2, &mut |_, _| Err("disk")), Err("disk"));
}

#[test]
fn a_frontier_reads_back_and_nothing_else_does() {
    for n in [0, 1, 7, 8, 13] {
        let frontier = Tree::numbered(n).frontier;
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes), Some(frontier));
        assert_eq!(Frontier::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()), None);
        assert_eq!(Frontier::from_bytes(&bytes[1..]), None);
    }
    let whole = Frontier::from_bytes(&[&u64::MAX.to_be_bytes()[..], &[0; 64 * 32]].concat()).unwrap();
    assert_eq!(whole.size(), u64::MAX);
}

proptest! {
    #[test]
    fn any_tree_equals_its_definition(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 0..70)) {
        let tree = Tree::of(leaves);
        prop_assert_eq!(tree.frontier.root(), naive(&tree.leaves));
        prop_assert_eq!(tree.frontier.size(), tree.leaves.len() as u64);
    }

    #[test]
    fn proofs_of_large_trees_hold_and_break(size in 1u64..600, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), bit in 0usize..256) {
        let tree = Tree::numbered(size);
        let (index, old) = (a.index(size as usize) as u64, b.index(size as usize) as u64 + 1);
        let (inclusion, consistency) = (tree.inclusion(index, size), tree.consistency(old, size));
        prop_assert!(tree.includes(index, size, &inclusion) && tree.is_consistent(old, size, &consistency));
        for place in 0..inclusion.len() {
            let mut broken = inclusion.clone();
            broken[place].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!tree.includes(index, size, &broken));
        }
        for place in 0..consistency.len() {
            let mut broken = consistency.clone();
            broken[place].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!tree.is_consistent(old, size, &broken));
        }
    }
}
