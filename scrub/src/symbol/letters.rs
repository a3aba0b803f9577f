//! What a character is to a reader of host names.
//!
//! The URL standard maps a host before it looks it up (UTS 46): `ａｎｅｘ`, `𝕒`, `ⓐ` and `㎩` are letters there, `。` is a full stop,
//! and a soft hyphen or a zero-width space is nothing at all. The tables hold what Unicode calls the compatibility form
//! (NFKC, in lower case), as far as it is made of what a host name is made of.

/// What stands for all characters that no host name has.
pub const OTHER: &[u8] = b"\xFF";

/// ASCII in lower case.
const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut code: u8 = 0;
    while code < 128 {
        table[code as usize] = code.to_ascii_lowercase();
        code += 1;
    }
    table
};

/// Runs of characters, from the first one's code on, and what each is; `?` for those that are nothing of the kind.
const RUNS: [(u32, &str); 49] = [
    (0xAA, "a"),
    (0xB2, "2 3"),
    (0xB9, "1 o"),
    (0x132, "ij ij"),
    (0x17F, "s"),
    (0x1C7, "lj lj lj nj nj nj"),
    (0x1F1, "dz dz dz"),
    (0x2B0, "h ? j r ? ? ? w y"),
    (0x2E1, "l s x"),
    (0x1D2C, "a ? b ? d e ? g h i j k l m n ? o ? p r t u w a ? ? ? b d e ? ? ? g ? k m ? o ? ? ? p t u ? ? v"),
    (0x1D62, "i r u v"),
    (0x1D9C, "c ? ? ? f"),
    (0x1DBB, "z"),
    (0x2024, ". .. ..."),
    (0x2070, "0 i ? ? 4 5 6 7 8 9"),
    (0x207F, "n 0 1 2 3 4 5 6 7 8 9"),
    (0x2090, "a e o x ? h k l m n p s t w y z"),
    (0x20A8, "rs"),
    (0x2102, "c"),
    (0x210A, "g h h h h ? i i l l ? n no ? ? p q r r r ? ? sm tel tm ? z ? ? ? z ? k ? b c ? e e f ? m o"),
    (0x2139, "i ? fax"),
    (0x2145, "d d e i j"),
    (0x2160, "i ii iii iv v vi vii viii ix x xi xii l c d m i ii iii iv v vi vii viii ix x xi xii l c d m"),
    (0x2460, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"),
    (0x2488, "1. 2. 3. 4. 5. 6. 7. 8. 9. 10. 11. 12. 13. 14. 15. 16. 17. 18. 19. 20."),
    (0x24EA, "0"),
    (0x2C7C, "j v"),
    (0x3002, "."),
    (0x3250, "pte 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35"),
    (0x32B1, "36 37 38 39 40 41 42 43 44 45 46 47 48 49 50"),
    (0x32CC, "hg erg ev ltd"),
    (0x3371, "hpa da au bar ov pc dm dm2 dm3 iu ? ? ? ? ? pa na ? ma ka kb mb gb cal kcal pf nf ? ? mg kg hz khz mhz ghz thz"),
    (0x3396, "ml dl kl fm nm ? mm cm km mm2 cm2 m2 km2 mm3 cm3 m3 km3 ? ? pa kpa mpa gpa rad ? ? ps ns ? ms pv nv ? mv kv mv"),
    (0x33BA, "pw nw ? mw kw mw ? ? a.m. bq cc cd ? co. db gy ha hp in kk km kt lm ln log lx mb mil mol ph p.m. ppm pr sr sv wb"),
    (0x33FF, "gal"),
    (0xA7F1, "s c f q"),
    (0xFB00, "ff fi fl ffi ffl st st"),
    (0xFE12, "."),
    (0xFE19, "..."),
    (0xFE30, ".."),
    (0xFE52, "."),
    (0xFE63, "-"),
    (0xFF61, "."),
    (0x107A5, "q"),
    (0x1F100, "0."),
    (0x1F12B, "c r cd wz"),
    (0x1F14A, "hv mv sd ss ppv wc"),
    (0x1F16A, "mc md mr"),
    (0x1F190, "dj"),
];

/// The letters, digits and signs that a character stands for in a host name, in lower case; none for a character that is
/// dropped there, and [`OTHER`] for one that has no place there.
#[must_use]
pub fn of(code: u32) -> &'static [u8] {
    let nth = |first: u8, from: u32, count: u32| u32::from(first) + (code - from) % count;
    let ascii = match code {
        _ if is_dropped(code) => return b"",
        0..0x80 => code,
        0xFF01..=0xFF5E => code - 0xFEE0,
        0x24B6..=0x24E9 => nth(b'a', 0x24B6, 26),
        0x1CCD6..=0x1CCEF => nth(b'a', 0x1CCD6, 26),
        0x1CCF0..=0x1CCF9 => nth(b'0', 0x1CCF0, 10),
        0x1D400..=0x1D6A3 => nth(b'a', 0x1D400, 26),
        0x1D7CE..=0x1D7FF => nth(b'0', 0x1D7CE, 10),
        0x1F130..=0x1F149 => nth(b'a', 0x1F130, 26),
        0x1FBF0..=0x1FBF9 => nth(b'0', 0x1FBF0, 10),
        _ => return of_run(code),
    };
    one(ascii)
}

/// Shows `visit` every character that stands for letters, digits or signs, with these, and some others.
pub fn each(visit: &mut dyn FnMut(u32, &'static [u8])) {
    for (first, words) in RUNS {
        (first..).zip(words.split(' ')).for_each(|(code, word)| visit(code, word.as_bytes()));
    }
    for range in
        [0..0x80, 0xFF01..0xFF5F, 0x24B6..0x24EA, 0x1_CCD6..0x1_CCFA, 0x1_D400..0x1_D800, 0x1_F130..0x1_F14A, 0x1_FBF0..0x1_FBFA]
    {
        range.for_each(|code| visit(code, of(code)));
    }
}

/// What a single byte stands for; [`OTHER`] beyond ASCII.
#[must_use]
pub fn of_byte(byte: u8) -> &'static [u8] {
    if is_white(u32::from(byte)) { b"" } else { one(u32::from(byte)) }
}

/// A single ASCII character; [`OTHER`] for any other code.
fn one(code: u32) -> &'static [u8] {
    let at = usize::try_from(code).unwrap_or(usize::MAX);
    ASCII.get(at..).and_then(|rest| rest.get(..1)).unwrap_or(OTHER)
}

fn of_run(code: u32) -> &'static [u8] {
    let run = RUNS.partition_point(|(first, _)| *first <= code).checked_sub(1).and_then(|at| RUNS.get(at));
    let word = run.and_then(|(first, words)| words.split(' ').nth(usize::try_from(code - first).ok()?));
    word.filter(|word| *word != "?").map_or(OTHER, str::as_bytes)
}

/// White space that the URL parser removes wherever it stands, and zeros.
const fn is_white(code: u32) -> bool {
    matches!(code, 0 | 9 | 0xA | 0xD)
}

/// What has no place in a host name and is not seen there, by the URL parser and by Unicode.
const fn is_dropped(code: u32) -> bool {
    is_white(code)
        || matches!(
            code,
                0xAD
                | 0x34F
                | 0x61C
                | 0x115F
                | 0x1160
                | 0x17B4
                | 0x17B5
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x202A..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFF8
                | 0x1BCA0..=0x1BCA3
                | 0x1D173..=0x1D17A
                | 0xE0000..=0xE0FFF
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization as _;

    fn is_of_host(letters: &str) -> bool {
        !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
    }

    /// Every character of Unicode, by a library's tables.
    #[test]
    fn every_character_is_what_its_compatibility_form_says() {
        let (mut compared, mut wrong) = (0, Vec::new());
        for character in '\u{80}'..=char::MAX {
            let form: String = character.nfkc().flat_map(char::to_lowercase).nfkc().collect();
            let form = form.replace('。', ".");
            if is_of_host(&form) {
                compared += 1;
                if of(character.into()) != form.as_bytes() {
                    wrong.push((u32::from(character), form));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:x?}");
        assert!(compared > 1100, "{compared}");
    }

    #[test]
    fn each_character_with_letters_is_told() {
        let mut told = std::collections::BTreeSet::new();
        each(&mut |code, _| {
            told.insert(code);
        });
        for code in (0..=0x11_0000).filter(|code| is_of_host(&String::from_utf8_lossy(of(*code)))) {
            assert!(code < 0x2_0000 && told.contains(&code), "{code:x}");
        }
    }

    #[test]
    fn other_characters_are_nobody() {
        for character in "éßжñ中の‐–※한ا".chars() {
            assert_eq!(of(character.into()), OTHER, "{character}");
        }
        assert_eq!(of(u32::MAX), OTHER);
    }

    #[test]
    fn what_is_invisible_is_dropped() {
        for character in "\u{ad}\u{200b}\u{200d}\u{2060}\u{feff}\u{fe0f}\t\n\r\0\u{e0061}".chars() {
            assert_eq!(of(character.into()), b"", "{character:?}");
        }
    }
}
