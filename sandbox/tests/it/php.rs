//! How PHP reads names and values.

use livery_sandbox::php::Parameters;

#[test]
fn names_are_what_php_takes_them_for() {
    let cases = [
        ("a=1", "a", Some("1")),
        ("%61=1", "a", Some("1")),
        ("++a=1", "a", Some("1")),
        ("%20a=1", "a", Some("1")),
        ("a+b=1", "a_b", Some("1")),
        ("a.b=1", "a_b", Some("1")),
        ("a%2Eb=1", "a_b", Some("1")),
        ("a%00b=1", "a", Some("1")),
        ("a=1&a=2", "a", Some("2")),
        ("a=1&+a=2", "a", Some("2")),
        ("a[]=1", "a", None),
        ("a%5Bx%5D=1", "a", None),
        ("a=1&a[]=2", "a", None),
        ("a[]=2&a=1", "a", Some("1")),
        ("a[b=1", "a_b", Some("1")),
        ("a[b[c.d+e=1", "a_b_c_d_e", Some("1")),
        ("a[%00]=1", "a_", Some("1")),
        ("a[0][b=1", "a", None),
        ("a[0]_b=1", "a_b", None),
        ("[a]=1", "a", None),
        ("[a=1", "_a", None),
        (".[_Host-a=1", "___Host-a", Some("1")),
        ("_.Host-a=1", "__Host-a", None),
        ("__Host-a=1", "__Host-a", Some("1")),
        ("=1", "", None),
        ("a", "a", Some("")),
        ("A=1", "a", None),
        ("a;b=1", "a;b", Some("1")),
    ];
    for (query, name, value) in cases {
        assert_eq!(Parameters::read(query).get(name), value, "{query}");
    }
}

#[test]
fn values_are_decoded_once() {
    let cases = [
        ("v=a+b", "a b"),
        ("v=a%2Bb", "a+b"),
        ("v=%252F", "%2F"),
        ("v=100%", "100%"),
        ("v=%zz", "%zz"),
        ("v=a=b", "a=b"),
        ("v=%c3%a9", "é"),
        ("v=%ff", "\u{fffd}"),
    ];
    for (query, value) in cases {
        assert_eq!(Parameters::read(query).get("v"), Some(value), "{query}");
    }
}

#[test]
fn order_is_that_of_first_sight() {
    let read = Parameters::read("b=1&a=2&b=3");
    assert_eq!(read.texts().collect::<Vec<_>>(), [("b", "3"), ("a", "2")]);
}
