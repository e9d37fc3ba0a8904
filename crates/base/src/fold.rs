//! Folds letters so that spellings of one word meet: Latin without case and accents, Arabic without signs and with one form of a letter.
//!
//! For comparison only: whatever is shown is the text as given.

/// Appends the folded form of one character; marks that only decorate fall out.
pub fn fold_char(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' | 'Ǎ' | 'ǎ' | 'Ạ'..='ặ' => out.push('a'),
        'Æ' | 'æ' => out.push_str("ae"),
        'Ç' | 'ç' | 'Ć'..='č' => out.push('c'),
        'Ď'..='đ' | 'Ð' | 'ð' | 'Ḍ' | 'ḍ' | 'Ḏ' | 'ḏ' => out.push('d'),
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' | 'Ə' | 'ə' | 'Ẹ'..='ệ' => out.push('e'),
        'Ĝ'..='ģ' | 'Ǧ' | 'ǧ' | 'Ḡ' | 'ḡ' => out.push('g'),
        'Ĥ'..='ħ' | 'Ḥ' | 'ḥ' | 'Ḩ' | 'ḩ' | 'Ḫ' | 'ḫ' => out.push('h'),
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' | 'Ỉ'..='ị' => out.push('i'),
        'Ĵ' | 'ĵ' | 'ǰ' => out.push('j'),
        'Ķ' | 'ķ' | 'Ḳ' | 'ḳ' | 'Ḵ' | 'ḵ' => out.push('k'),
        'Ĺ'..='ł' => out.push('l'),
        'Ñ' | 'ñ' | 'Ń'..='ň' => out.push('n'),
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' | 'Ơ' | 'ơ' | 'Ọ'..='ợ' => out.push('o'),
        'Œ' | 'œ' => out.push_str("oe"),
        'Ŕ'..='ř' => out.push('r'),
        'ß' => out.push_str("ss"),
        'Ś'..='š' | 'Ș' | 'ș' | 'Ṣ' | 'ṣ' => out.push('s'),
        'Ţ'..='ŧ' | 'Ț' | 'ț' | 'Ṭ' | 'ṭ' | 'Ṯ' | 'ṯ' => out.push('t'),
        'Þ' | 'þ' => out.push_str("th"),
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' | 'Ư' | 'ư' | 'Ụ'..='ự' => out.push('u'),
        'Ŵ' | 'ŵ' | 'Ẁ'..='ẅ' => out.push('w'),
        'Ý' | 'ý' | 'ÿ' | 'Ÿ' | 'Ŷ' | 'ŷ' | 'Ỳ'..='ỹ' => out.push('y'),
        'Ź'..='ž' | 'Ẓ' | 'ẓ' => out.push('z'),
        'أ' | 'إ' | 'آ' | 'ٱ' => out.push('ا'),
        'ى' | 'ئ' | 'ی' | 'ې' => out.push('ي'),
        'ؤ' => out.push('و'),
        'ة' | 'ۀ' | 'ہ' | 'ە' => out.push('ه'),
        'ک' => out.push('ك'),
        '٠'..='٩' => out.push((b'0' + (c as u32 - '٠' as u32) as u8) as char),
        '۰'..='۹' => out.push((b'0' + (c as u32 - '۰' as u32) as u8) as char),
        _ if is_mark(c) => {}
        _ => out.extend(c.to_lowercase()),
    }
}

/// Returns the folded form of a whole string; spaces and punctuation stay.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| fold_char(c, &mut out));
    out
}

/// Tells whether a character only decorates the one before it: combining accents, Arabic vowel signs, tatweel, bidi marks.
pub fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{200b}'..='\u{200f}' | '\u{61c}' | '\u{ad}' | '\u{feff}')
}

/// Tells whether a character is Arabic script.
pub fn is_arabic(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{64a}' | '\u{66e}'..='\u{6d3}' | '\u{6fa}'..='\u{6ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_vowel_signs_fall() {
        assert_eq!(fold("Sûreté ÉTÉ Straße cœur"), "surete ete strasse coeur");
        assert_eq!(fold("e\u{301}te\u{301} Ḥasan Łukasz Đặng Şahin Þór"), "ete hasan lukasz dang sahin thor");
        assert_eq!(fold("مُحَمَّد"), "محمد");
        assert_eq!(fold("أمن إلى آخر مسؤول ة"), "امن الي اخر مسوول ه");
        assert_eq!(fold("١٦ ۱۶"), "16 16");
        assert!(is_arabic('ش') && is_arabic('گ') && !is_arabic('s') && !is_arabic('\u{64e}'));
    }
}
