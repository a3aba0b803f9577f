//! Character references of HTML, as far as they can spell a host name or hide inside of one.

/// Names that HTML knows without a semicolon, too, and the letters they stand for.
const BARE: [(&[u8], &str); 6] = [(b"amp", "&"), (b"AMP", "&"), (b"num", "#"), (b"ordf", "a"), (b"ordm", "o"), (b"shy", "")];

/// Names of what a URL or an escape is made of, and of characters that are the same to a reader of hosts: `name=letters`.
/// Letters in other typefaces follow a rule: see [`typeface`].
const NAMED: &str = "percnt=% bsol=\\ period=. colon=: sol=/ lowbar=_ UnderBar=_ commat=@ nldr=.. mldr=... hellip=... \
    Tab= NewLine= zwj= zwnj= lrm= rlm= NoBreak= ZeroWidthSpace= NegativeVeryThinSpace= NegativeThinSpace= \
    NegativeMediumSpace= NegativeThickSpace= ApplyFunction= af= InvisibleTimes= it= InvisibleComma= ic= \
    sup1=1 sup2=2 sup3=3 bernou=b Bernoullis=b Cayleys=c complexes=c CapitalDifferentialD=d DifferentialD=d DD=d dd=d \
    ee=e expectation=e ExponentialE=e exponentiale=e Fouriertrf=f hamilt=h HilbertSpace=h planckh=h Poincareplane=h \
    quaternions=h ii=i Im=i image=i ImaginaryI=i imagline=i imagpart=i ell=l lagran=l Laplacetrf=l Mellintrf=m phmmat=m \
    naturals=n order=o orderof=o primes=p rationals=q Re=r real=r realine=r realpart=r reals=r circledS=s oS=s integers=z \
    zeetrf=z ijlig=ij IJlig=ij fjlig=fj fflig=ff filig=fi fllig=fl ffilig=ffi ffllig=ffl numero=no trade=tm TRADE=tm";

/// All names but those of other typefaces, with their letters.
pub fn all() -> impl Iterator<Item = (&'static [u8], &'static [u8])> + Clone {
    let entries = NAMED.split(' ').filter_map(|entry| entry.split_once('='));
    entries
        .map(|(name, letters)| (name.as_bytes(), letters.as_bytes()))
        .chain(BARE.map(|(name, letters)| (name, letters.as_bytes())))
}

/// The letters that a named reference stands for, and its length behind the `&`.
pub fn named(rest: &[u8]) -> Option<(&'static [u8], usize)> {
    let word = rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let name = rest.get(..word)?;
    if rest.get(word) == Some(&b';') {
        let mut known = NAMED.as_bytes().split(|b| *b == b' ');
        let letters = known.find_map(|entry| entry.strip_prefix(name)?.strip_prefix(b"="));
        if let Some(letters) = letters.or_else(|| typeface(name)) {
            return Some((letters, word + 1));
        }
    }
    let (known, letters) = BARE.iter().find(|(known, _)| name.starts_with(known))?;
    let semicolon = rest.get(known.len()) == Some(&b';');
    Some((letters.as_bytes(), known.len() + usize::from(semicolon)))
}

/// `aopf`, `afr` and `ascr`: the letter in double-struck, black-letter and script type.
fn typeface(name: &[u8]) -> Option<&'static [u8]> {
    let (letter, style) = name.split_first()?;
    matches!(style, b"opf" | b"fr" | b"scr").then(|| super::letters::of_byte(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization as _;

    /// Every name that HTML has, by a library's list.
    #[test]
    fn every_named_letter_is_known() {
        let mut compared = 0;
        for entity in entities::ENTITIES.iter().filter(|entity| entity.entity.ends_with(';')) {
            let form: String = entity.characters.nfkc().flat_map(char::to_lowercase).nfkc().collect();
            let is_of_host = !form.is_empty() && form.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
            if is_of_host {
                let reference = &entity.entity.as_bytes()[1..];
                assert_eq!(named(reference), Some((form.as_bytes(), reference.len())), "{}", entity.entity);
                compared += 1;
            }
        }
        assert!(compared > 200, "{compared}");
    }

    #[test]
    fn other_names_are_none() {
        for text in ["nbsp;", "quot;", "", ";", "period", "xopf", "eacute;", "\u{e9};"] {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
    }
}
