//! Signed notes (C2SP signed-note): a text, an empty line, and signature lines of the form `— name base64(key id || signature)`.

use base::Digest;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// Bytes of a note with its signatures.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines in a note; C2SP asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;
const KEY_ID_BYTES: usize = 4;

/// The kinds of signature line that this node makes and judges; others are ignored, as the format demands.
///
/// C2SP's ML-DSA-44 cosignature (0x06) becomes a third variant once cards carry such a key: its key id and signed message
/// differ, the line does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKey {
    /// Ed25519 over the text.
    Ed25519,
    /// Ed25519 with a time, over "cosignature/v1" and the text (C2SP tlog-cosignature).
    Cosignature,
}

impl NoteKey {
    fn byte(self) -> u8 {
        match self {
            NoteKey::Ed25519 => 0x01,
            NoteKey::Cosignature => 0x04,
        }
    }

    /// Returns the first four bytes of `SHA-256(name || 0x0A || type || public key)`.
    pub fn id(self, name: &str, public: &[u8]) -> [u8; KEY_ID_BYTES] {
        let digest = Digest::of(&[name.as_bytes(), b"\n", &[self.byte()], public].concat());
        *digest.0.first_chunk().expect("a digest has more than four bytes")
    }
}

/// A note, read but not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text with its last newline.
    pub text: &'a str,
    /// The signature lines in order.
    pub signatures: Vec<NoteSignature<'a>>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature<'a> {
    /// Who claims to sign.
    pub name: &'a str,
    /// The key's short id, which collides easily and proves nothing.
    pub key_id: [u8; KEY_ID_BYTES],
    /// What the key made.
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads a note; `None` if it is none or exceeds the limits.
    pub fn parse(note: &'a str) -> Option<Note<'a>> {
        let control = |b: u8| b < 0x20 && b != b'\n';
        if note.len() > NOTE_BYTES_MAX || note.bytes().any(control) {
            return None;
        }
        let (text, lines) = note.split_at(note.rfind("\n\n")? + 1);
        let lines = lines.strip_prefix('\n')?.strip_suffix('\n')?;
        let signatures: Option<Vec<_>> = lines.split('\n').take(NOTE_SIGNATURES_MAX + 1).map(signature).collect();
        let signatures = signatures.filter(|s| s.len() <= NOTE_SIGNATURES_MAX)?;
        Some(Note { text, signatures })
    }
}

fn signature(line: &str) -> Option<NoteSignature<'_>> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    let named = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
    named.then(|| NoteSignature { name, key_id: *key_id, signature: signature.to_vec() })
}

/// Writes one signature line with its newline.
pub fn line(name: &str, key_id: [u8; KEY_ID_BYTES], signature: &[u8]) -> String {
    format!("— {name} {}\n", BASE64.encode([&key_id[..], signature].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ed25519::PublicKey;

    /// The example in the documentation of Go's golang.org/x/mod/sumdb/note, the origin of the format.
    #[test]
    fn the_reference_implementations_example_verifies() {
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let note = format!("{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n");
        let key = BASE64.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let note = Note::parse(&note).unwrap();
        assert_eq!((note.text, note.signatures[0].name), (text, "PeterNeumann"));
        assert_eq!(note.signatures[0].key_id, [0xc7, 0x4f, 0x20, 0xa3]);
        assert_eq!(NoteKey::Ed25519.id("PeterNeumann", &key[1..]), [0xc7, 0x4f, 0x20, 0xa3]);
        let public = PublicKey::new(key[1..].try_into().unwrap()).unwrap();
        assert!(public.holds(text.as_bytes(), &note.signatures[0].signature));
        assert_eq!(
            line("PeterNeumann", note.signatures[0].key_id, &note.signatures[0].signature).trim_end(),
            "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
        );
    }

    /// The example of C2SP tlog-cosignature; its public keys are not published there, so form and time are what can be checked.
    #[test]
    fn the_example_of_tlog_cosignature_reads() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
            — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let note = Note::parse(note).unwrap();
        assert_eq!(note.signatures.iter().map(|s| s.signature.len()).collect::<Vec<_>>(), [64, 72]);
        assert_eq!(u64::from_be_bytes(*note.signatures[1].signature.first_chunk().unwrap()), 1_679_315_147);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = "t\n\n— n AAAAAAAA\n";
        assert!(Note::parse(good).is_some());
        assert_eq!(Note::parse("a\n\nb\n\n— n AAAAAAAA\n").unwrap().text, "a\n\nb\n", "the last empty line parts");
        let long = "x".repeat(NOTE_BYTES_MAX);
        let many = format!("t\n\n{}", "— n AAAAAAAA\n".repeat(NOTE_SIGNATURES_MAX + 1));
        for bad in [
            "",
            "t",
            "t\n",
            "t\n\n",
            "t\n\n\n",
            "t\n\n— n AAAAAAAA",
            "t\n\n- n AAAAAAAA\n",
            "t\n\n—  AAAAAAAA\n",
            "t\n\n— n AAA\n",
            "t\n\n— n AAAAAAB=\n",
            "t\n\n— n+m AAAAAAAA\n",
            "t\n\n— n m AAAAAAAA\n",
            "t\r\n\n— n AAAAAAAA\n",
            &long,
            &many,
        ] {
            assert!(Note::parse(bad).is_none(), "{:?}", &bad[..bad.len().min(40)]);
        }
        assert!(Note::parse(&format!("t\n\n{}", "— n AAAAAAAA\n".repeat(NOTE_SIGNATURES_MAX))).is_some());
    }
}
