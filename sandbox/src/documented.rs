//! The samples printed in the gateway's document, kept to the letter.
//!
//! A client written against the document must meet the same values here: the documented callbacks lead to the documented
//! receiving addresses and tokens, and the documented encrypted addresses are accepted.

/// One documented wallet answer.
pub struct Sample {
    /// The callback that was sent, decoded.
    pub callback: &'static str,
    /// The encrypted address that came back, percent-encoded.
    pub address_in: &'static str,
    /// The receiving address that came back.
    pub polygon_address_in: &'static str,
    /// The token that came back, percent-encoded.
    pub ipn_token: &'static str,
}

/// The payout wallet of every documented request.
pub const PAYOUT_WALLET: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";

/// The four documented wallet answers: plain, affiliate, custom affiliate, sub-affiliate.
pub const WALLETS: [Sample; 4] = [
    Sample {
        callback: "https://www.example.com/orders.php?number=8271468415326",
        address_in: "eE5A43DAkczRwxoW3IL7sGsRh6CiMx4kkTCccr6n%2FYMTGhy9b1eeIJLTr9Lho64fJTIeOfgsnJNNc%2FarqtR1jw%3D%3D",
        polygon_address_in: "0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B",
        ipn_token: "ZEE2cW8zb1N0N2otZEc3eHh3MDNUU1lTMEExYmVvcDBVNlVBcEl5Y01RcmFTMUtpbExHX0V2QTJucXpQRVdGRnQ3dzhmUVhYZUE%3D",
    },
    Sample {
        callback: "https://www.example.com/order?number=82176413628089",
        address_in: "aV9oMn9gnOq8ykVfkWzIiNiDqS4Cx2sPmepd0v%2F%2BOX5WJ9AZsUBWqlYsOQxuOy1%2FhlP%2BEDkctFyu6HYFpfOMlg%3D%3D",
        polygon_address_in: "0x82b1d4439e0dcB404aCC3b1aDfA4b00d11Ec5df8",
        ipn_token: "ZEE2cW8zb1N0N2otZEc3eHh3MDNUU1lTMEExYmVvcDBVNlVBcEl6UWNRX2ZXUWktM09UdlJyVTlrcV9MRm1kTHY3QTA%3D",
    },
    Sample {
        callback: "https://www.example.com/order?number=82173313628090",
        address_in: "PSHb7nNwS2o06r0DqAWrXmB8wc8IM%2Fww8An%2F6NnshnsSq0ng%2Bpi4%2B6BIjNg2J8mI67Nt1mtagMetMw93izaXbg%3D%3D",
        polygon_address_in: "0xA7Eba8e2e69CEe6e2AAB875B2Dd97F8698Dd8BAb",
        ipn_token: "ZEE2cW8zb1N0N2otZEc3eHh3MDNUU1lTMEExYmVvcDBVNlVBcEl6UWNRX2ZXUWktM09UdlJyVTRsYV9MRm1kTHY3RTk%3D",
    },
    Sample {
        callback: "https://www.example.com/order?number=82173314628191",
        address_in: "wBWnsV63iw08CXjZ%2BYQwKYMRz5K4mpBRZwHuGe5PUKmpVyBLgI5PXJqvs4X11%2F6zRrqtAnyI3kYvE1J0SSUaYA%3D%3D",
        polygon_address_in: "0x1a65e22d1A8e3001574446D6d92632D5E075073a",
        ipn_token: "ZEE2cW8zb1N0N2otZEc3eHh3MDNUU1lTMEExYmVvcDBVNlVBcEl6UWNRX2ZXUWktM09UdlJyVTRsYV9NRm1kTHZyRTg%3D",
    },
];

/// The token of the documented `payment-status.php` request, percent-encoded.
pub const PAID_TOKEN: &str = "ZEE2cW8zb1N0N2o2ZDJ1LTFoQTZRVFFObTBwTE9wQXJFYjBYcnBEQWJ4dkxYQXk0aExpeUFfWmt3Zi1NUlNJUzlxZDdlUm1WTDdMbEdJNlNOU1lmREVEXzJqLS1zYVZjMGY4OTBQbTNoWkxWQm1qSW5NeFg2ZE5NRmpxUV9OODR6cTBFQVMyd08wZVkzdEFoUlpBV25MbE81eHFKS2NoOU43eENfM2s%3D";

/// The amount the documented payment-status answer reports.
pub const PAID_VALUE: &str = "117.59";

/// The payout transaction the documented payment-status answer reports.
pub const PAID_TXID_OUT: &str = "0xe85ed56174785b0bb9fcb522655f961675ad236f2aad2f5bb4fa2f074ac09726";
