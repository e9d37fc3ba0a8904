//! Bytes as lower-case hexadecimal (RFC 4648, section 8), the way files and the local API carry them.

/// Writes bytes as lower-case hexadecimal.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Reads hexadecimal of either case; `None` for an odd count or another character.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_the_rest_is_refused() {
        // RFC 4648, section 10, in lower case.
        assert_eq!(encode(b"foobar"), "666f6f626172");
        assert_eq!(decode("666F6f626172").as_deref(), Some(&b"foobar"[..]));
        assert_eq!((decode(""), decode("6"), decode("6g"), decode("é0")), (Some(vec![]), None, None, None));
    }
}
