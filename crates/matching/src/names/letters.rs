//! Words as sounds: each letter or group of letters that is one sound becomes one symbol, in Latin, Arabic and Tifinagh script.
//!
//! What stands at the beginning or the end of a word has symbols of its own, because there it is written, or left out, by other habits.
//! Nothing is thrown away here: what two symbols have to do with each other is learned (`costs`).

use base::fold::{fold_char, is_arabic};

/// A sound as it is written: an index into [`SYMBOLS`].
pub(crate) type Symbol = u8;

/// All symbols. Latin groups, then single letters, then what stands first or last in a word; Arabic letters, then the same.
pub(crate) const SYMBOLS: &[&str] = &[
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", //
    "sch", "tch", "ch", "sh", "kh", "gh", "th", "dh", "dj", "ou", "ai", "zh", "cz", "sz", "ts", "oua", "ge", "ce", // groups: 26..
    "^a", "^e", "^i", "^o", "^u", "^y", "^ou", // 44..
    "a$", "e$", "i$", "o$", "ah$", "eh$", "h$", "ou$", "t$", // 51..
    "rh", "ş", "ç", "č", "ğ", "ž", // 60..
    "ا", "ب", "ت", "ث", "ج", "ح", "خ", "د", "ذ", "ر", "ز", "س", "ش", "ص", "ض", "ط", "ظ", "ع", "غ", "ف", "ق", "ك", "ل", "م", "ن", "ه", "و", "ي", "گ", "پ", "چ",
    "ڤ", // 66..
    "^ا", "^ع", "^و", "^ي", "ا$", "ه$", "ي$", "و$", // 98..
];
/// How many symbols there are.
pub(crate) const COUNT: usize = SYMBOLS.len();
/// Symbols in one word; what is longer is cut.
pub(crate) const WORD_MAX: usize = 24;
const ARABIC_FROM: Symbol = 66;

/// Tells whether a symbol is written in Arabic script.
pub(crate) fn is_arabic_symbol(s: Symbol) -> bool {
    s >= ARABIC_FROM
}

/// Finds a symbol of ours by what it stands for, while this is compiled.
const fn at(text: &str) -> Symbol {
    let text = text.as_bytes();
    let mut i = 0;
    while i < SYMBOLS.len() {
        let s = SYMBOLS[i].as_bytes();
        let mut j = 0;
        while j < s.len() && j < text.len() && s[j] == text[j] {
            j += 1;
        }
        if j == s.len() && j == text.len() {
            return i as Symbol;
        }
        i += 1;
    }
    panic!("no such symbol")
}

/// For each sign of Unicode's block 0600 its symbol, or 255.
const ARABIC: [Symbol; 256] = {
    let mut table = [255; 256];
    let mut i = ARABIC_FROM as usize;
    while i < SYMBOLS.len() {
        let s = SYMBOLS[i].as_bytes();
        if s.len() == 2 {
            // Two bytes of UTF-8: 110xxxxx 10xxxxxx.
            let c = (s[0] as usize & 0x1f) << 6 | (s[1] as usize & 0x3f);
            table[c - 0x600] = i as Symbol;
        }
        i += 1;
    }
    table
};

/// What a symbol becomes where it opens a word, and where it ends one.
const OPENS: [Symbol; COUNT] =
    changed(&[("a", "^a"), ("e", "^e"), ("i", "^i"), ("o", "^o"), ("u", "^u"), ("y", "^y"), ("ou", "^ou"), ("ا", "^ا"), ("ع", "^ع"), ("و", "^و"), ("ي", "^ي")]);
const ENDS: [Symbol; COUNT] = changed(&[
    ("a", "a$"),
    ("e", "e$"),
    ("i", "i$"),
    ("y", "i$"),
    ("o", "o$"),
    ("u", "ou$"),
    ("ou", "ou$"),
    ("t", "t$"),
    ("h", "h$"),
    ("ا", "ا$"),
    ("ه", "ه$"),
    ("ي", "ي$"),
    ("و", "و$"),
]);

const fn changed(list: &[(&str, &str)]) -> [Symbol; COUNT] {
    let mut table = [0; COUNT];
    let mut i = 0;
    while i < COUNT {
        table[i] = i as Symbol;
        i += 1;
    }
    let mut i = 0;
    while i < list.len() {
        table[at(list[i].0) as usize] = at(list[i].1);
        i += 1;
    }
    table
}

/// Tells whether a letter is Arabic and folding leaves it as it is: alef to waw and yeh, but teh marbuta and tatweel.
fn is_plain_arabic(c: char) -> bool {
    matches!(c, '\u{627}' | '\u{628}' | '\u{62a}'..='\u{63a}' | '\u{641}'..='\u{648}' | '\u{64a}')
}

/// Splits a name into folded words, one script each. Apostrophes join, everything else that is no letter parts.
///
/// A letter whose sign changes a consonant stays apart from the bare one, as a capital letter (see [`signed`]).
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut arabic = false;
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            all.push(std::mem::take(word));
        }
    };
    let mut added = String::new();
    for c in name.chars() {
        // Most letters are plain ones, and go on as they are.
        if c.is_ascii_alphabetic() || is_plain_arabic(c) {
            let is = is_arabic(c);
            if is != arabic && !word.is_empty() {
                end(&mut word);
            }
            arabic = is;
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʿ' | 'ʾ' | '`' | '´' | 'ء') {
            continue;
        }
        // A sign that is written as a character of its own belongs to the letter before it.
        if matches!(c, '\u{327}' | '\u{30c}' | '\u{306}') {
            if let Some(with) = word.chars().next_back().and_then(|last| combined(last, c)) {
                word.pop();
                word.push(with);
            }
            continue;
        }
        added.clear();
        match tifinagh(c).or_else(|| presentation(c)).or_else(|| signed(c)) {
            Some(plain) => added.push_str(plain),
            None => fold_char(joined(c), &mut added),
        }
        for f in added.chars() {
            let is_letter = f.is_ascii_alphabetic() || is_arabic(f);
            if !is_letter || (is_arabic(f) != arabic && !word.is_empty()) {
                end(&mut word);
            }
            if is_letter {
                arabic = is_arabic(f);
                word.push(f);
            }
        }
    }
    end(&mut word);
    all
}

/// Keeps what a sign says of a consonant: Turkish, Slavic, Maltese and scholarly letters that are another sound than the bare one.
fn signed(c: char) -> Option<&'static str> {
    Some(match c {
        'ş' | 'Ş' | 'š' | 'Š' | 'ș' | 'Ș' | 'ś' | 'Ś' => "S",
        'ç' | 'Ç' => "C",
        'č' | 'Č' | 'ć' | 'Ć' => "K",
        'ğ' | 'Ğ' | 'ġ' | 'Ġ' => "G",
        'ž' | 'Ž' | 'ż' | 'Ż' | 'ź' | 'Ź' => "Z",
        'ḫ' | 'Ḫ' | 'ẖ' => "kh",
        'ṯ' | 'Ṯ' => "th",
        'ḏ' | 'Ḏ' => "dh",
        'ǧ' | 'Ǧ' => "j",
        _ => return None,
    })
}

/// The same, where the sign is a character of its own (Unicode's decomposed form).
fn combined(letter: char, sign: char) -> Option<char> {
    match (letter, sign) {
        ('s', '\u{327}' | '\u{30c}') => Some('S'),
        ('c', '\u{327}') => Some('C'),
        ('c', '\u{30c}') => Some('K'),
        ('g', '\u{306}') => Some('G'),
        ('z', '\u{30c}') => Some('Z'),
        _ => None,
    }
}

/// Returns the bare letters of a word of [`words`].
pub(crate) fn bare(word: String) -> String {
    if !word.bytes().any(|b| b.is_ascii_uppercase()) {
        return word;
    }
    word.chars().map(|c| if c == 'K' { 'c' } else { c.to_ascii_lowercase() }).collect()
}

/// Writes one folded word in symbols.
pub(crate) fn symbols(word: &str, out: &mut Vec<Symbol>) {
    if word.chars().next().is_some_and(is_arabic) {
        arabic(word, out)
    } else {
        latin(word, out)
    }
    out.truncate(WORD_MAX);
}

const fn place(of: u8) -> Symbol {
    of - b'a'
}

fn latin(word: &str, out: &mut Vec<Symbol>) {
    // A doubled letter is written once; "ss" and "ch" keep what they are.
    let mut letters: Vec<u8> = word.bytes().collect();
    letters.dedup();
    let begin = out.len();
    let mut i = 0;
    while i < letters.len() {
        let rest = &letters[i..];
        let (sound, length) = group(rest);
        if rest[0] == b'x' {
            out.push(place(b'k'));
            out.push(place(b's'));
        } else {
            out.push(sound);
        }
        i += length;
    }
    let last = out.len() - 1;
    if last > begin {
        out[begin] = OPENS[usize::from(out[begin])];
        let joined = match out[last - 1] {
            _ if out[last] != place(b'h') || last - 1 == begin => None,
            A => Some(at("ah$")),
            E => Some(at("eh$")),
            _ => None,
        };
        match joined {
            Some(both) => {
                out.pop();
                out[last - 1] = both;
            }
            None => out[last] = ENDS[usize::from(out[last])],
        }
    }
}

/// Groups with an h that within a word may be two sounds, and the first of them.
const PARTED: [(Symbol, Symbol); 6] =
    [(at("kh"), place(b'k')), (at("sh"), place(b's')), (at("gh"), place(b'g')), (at("th"), place(b't')), (at("dh"), place(b'd')), (at("rh"), place(b'r'))];

/// Reads each such group behind the first sound as two; none where there is none.
pub(crate) fn parted(symbols: &[Symbol]) -> Option<Vec<Symbol>> {
    let first = |s: &Symbol| PARTED.iter().find(|p| p.0 == *s).map(|p| p.1);
    symbols.iter().skip(1).any(|s| first(s).is_some()).then(|| {
        let mut out: Vec<Symbol> = Vec::with_capacity(symbols.len() + 2);
        for (i, s) in symbols.iter().enumerate() {
            match first(s).filter(|_| i > 0) {
                Some(one) => out.extend([one, place(b'h')]),
                None => out.push(*s),
            }
        }
        out.truncate(WORD_MAX);
        out
    })
}

const A: Symbol = place(b'a');
const E: Symbol = place(b'e');

/// Takes the longest group at the front: its symbol, and how many letters it is. What no group has in its second place begins none.
fn group(rest: &[u8]) -> (Symbol, usize) {
    const GROUPS: &[(&[u8], Symbol)] = &[
        (b"tsch", at("tch")),
        (b"dsch", at("dj")),
        (b"sch", at("sch")),
        (b"tch", at("tch")),
        (b"ch", at("ch")),
        (b"sh", at("sh")),
        (b"kh", at("kh")),
        (b"gh", at("gh")),
        (b"rh", at("rh")),
        (b"th", at("th")),
        (b"dh", at("dh")),
        (b"dj", at("dj")),
        (b"ph", at("f")),
        (b"ck", at("k")),
        (b"oua", at("oua")),
        (b"ou", at("ou")),
        (b"ai", at("ai")),
        (b"ay", at("ai")),
        (b"ei", at("ai")),
        (b"ey", at("ai")),
        (b"zh", at("zh")),
        (b"cz", at("cz")),
        (b"sz", at("sz")),
        (b"tz", at("ts")),
        (b"ts", at("ts")),
    ];
    if let [_, b's' | b'c' | b'h' | b'j' | b'k' | b'u' | b'y' | b'i' | b'z', ..] = rest {
        for (letters, symbol) in GROUPS {
            if rest.starts_with(letters) {
                return (*symbol, letters.len());
            }
        }
    }
    match rest {
        // French and Spanish write the u only to keep the sound hard.
        [b'g', b'u', b'e' | b'i', ..] => (place(b'g'), 2),
        [b'q', b'u', b'e' | b'i', ..] => (place(b'q'), 2),
        [b'S', ..] => (const { at("ş") }, 1),
        [b'C', ..] => (const { at("ç") }, 1),
        [b'K', ..] => (const { at("č") }, 1),
        [b'G', ..] => (const { at("ğ") }, 1),
        [b'Z', ..] => (const { at("ž") }, 1),
        // Before a light vowel both letters are often soft; what they then stand for is learned.
        [b'g', b'e' | b'i' | b'y', ..] => (const { at("ge") }, 1),
        [b'c', b'e' | b'i' | b'y', ..] => (const { at("ce") }, 1),
        [c, ..] => (place(*c), 1),
        [] => unreachable!("a word has letters"),
    }
}

fn arabic(word: &str, out: &mut Vec<Symbol>) {
    let begin = out.len();
    let mut before = None;
    for c in word.chars() {
        // In foreign names two letters write one sound.
        if before.replace(c) == Some('ت') && c == 'ش' {
            out.pop();
            out.push(const { at("چ") });
            continue;
        }
        let c = match c {
            'ڭ' | 'ڨ' | 'ݣ' | 'گ' => 'گ',
            'ژ' => 'ج',
            'ۋ' | 'ۆ' | 'ۇ' | 'ۈ' => 'و',
            'ۓ' | 'ے' | 'ێ' | 'ۍ' => 'ي',
            'ڵ' => 'ل',
            'ڕ' => 'ر',
            'ڥ' => 'ڤ',
            'ټ' => 'ت',
            'ډ' => 'د',
            'ړ' => 'ر',
            'ښ' => 'ش',
            'ځ' | 'څ' => 'ز',
            'ڼ' => 'ن',
            'ٹ' => 'ت',
            'ڈ' => 'د',
            'ڑ' => 'ر',
            'ں' => 'ن',
            'ھ' => 'ه',
            other => other,
        };
        // A letter of another language that has no symbol says nothing here.
        let place = (c as usize).checked_sub(0x600).filter(|p| *p < ARABIC.len());
        out.extend(place.map(|p| ARABIC[p]).filter(|s| *s != 255));
    }
    if out.len() > begin + 1 {
        let last = out.len() - 1;
        out[begin] = OPENS[usize::from(out[begin])];
        out[last] = ENDS[usize::from(out[last])];
    }
}

/// Writes Tifinagh as Moroccan Latin spelling does (IRCAM's alphabet, Unicode block 2D30).
fn tifinagh(c: char) -> Option<&'static str> {
    Some(match c {
        'ⴰ' => "a",
        'ⴱ' | 'ⴲ' => "b",
        'ⴳ' | 'ⴴ' | 'ⴵ' => "g",
        'ⴷ' | 'ⴹ' | 'ⴸ' | 'ⴺ' => "d",
        'ⴻ' => "e",
        'ⴼ' => "f",
        'ⴽ' | 'ⴾ' => "k",
        'ⵀ' | 'ⵃ' => "h",
        'ⵄ' => "a",
        'ⵅ' => "kh",
        'ⵇ' => "q",
        'ⵉ' => "i",
        'ⵊ' => "j",
        'ⵍ' => "l",
        'ⵎ' => "m",
        'ⵏ' => "n",
        'ⵓ' => "ou",
        'ⵔ' | 'ⵕ' => "r",
        'ⵖ' => "gh",
        'ⵙ' | 'ⵚ' => "s",
        'ⵛ' => "ch",
        'ⵜ' | 'ⵟ' => "t",
        'ⵡ' => "w",
        'ⵢ' => "y",
        'ⵣ' | 'ⵥ' => "z",
        'ⵯ' => "w",
        _ => return None,
    })
}

/// Turns the shapes that old documents hold (Unicode block FE80) into letters.
fn joined(c: char) -> char {
    // Each letter has two shapes, or four where it joins on both sides, in the order of the block.
    const LETTERS: &str = "ا2ب4ة2ت4ث4ج4ح4خ4د2ذ2ر2ز2س4ش4ص4ض4ط4ظ4ع4غ4ف4ق4ك4ل4م4ن4ه4و2ى2ي4";
    match c {
        '\u{fe80}'..='\u{fe8c}' => ['ء', 'آ', 'آ', 'أ', 'أ', 'ؤ', 'ؤ', 'إ', 'إ', 'ئ', 'ئ', 'ئ', 'ئ'][c as usize - 0xfe80],
        '\u{fe8d}'..='\u{fef4}' => {
            let (mut place, mut letter) = (c as u32 - 0xfe8d, c);
            for l in LETTERS.chars() {
                match l.to_digit(10) {
                    None => letter = l,
                    Some(shapes) if place < shapes => return letter,
                    Some(shapes) => place -= shapes,
                }
            }
            letter
        }
        'ݣ' => 'گ',
        'ۃ' => 'ة',
        other => other,
    }
}

/// Writes the joined forms that old documents hold as plain letters; ligatures that occur in names only.
fn presentation(c: char) -> Option<&'static str> {
    match c {
        'ﷲ' => Some("الله"),
        'ﷴ' => Some("محمد"),
        'ﻻ' | 'ﻼ' | 'ﻷ' | 'ﻸ' | 'ﻹ' | 'ﻺ' | 'ﻵ' | 'ﻶ' => Some("لا"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(word: &str) -> String {
        let mut out = Vec::new();
        symbols(word, &mut out);
        out.iter().map(|s| SYMBOLS[usize::from(*s)]).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_table_is_where_it_says() {
        assert_eq!(SYMBOLS[usize::from(ARABIC_FROM)], "ا");
        assert!((0..COUNT).all(|i| usize::from(at(SYMBOLS[i])) == i), "every symbol once");
        assert_eq!(SYMBOLS[usize::from(place(b'z'))], "z");
    }

    #[test]
    fn words_are_folded_and_parted() {
        assert_eq!(words("Saïd El-Khadir d’Arcy"), ["said", "el", "khadir", "darcy"]);
        assert_eq!(words("عبد الرّحمٰن Ben-علي"), ["عبد", "الرحمن", "ben", "علي"]);
        assert_eq!(words("ⵎⵓⵃⴰ"), ["mouha"]);
        assert_eq!(words("3rd, …"), ["rd"]);
        assert!(words("٣ 4 -").is_empty());
    }

    #[test]
    fn groups_ends_and_beginnings_have_symbols_of_their_own() {
        assert_eq!(written("boutchich"), "b ou tch i ch");
        assert_eq!(written("cherifah"), "ch e r i f ah$");
        assert_eq!(written("guerrouj"), "g e r ou j");
        assert_eq!(written("abdallah"), "^a b d a l ah$");
        assert_eq!(written("ا"), "ا");
        assert_eq!(written("فاطمه"), "ف ا ط م ه$");
        assert_eq!(written("علي"), "^ع ل ي$");
        assert_eq!(written("a"), "a");
    }
}
