//! Codes by the letter of RFC 4226 5.3, over other crates than the product's.

use hmac::{Hmac, KeyInit as _, Mac as _};
use totp_core::otp::Algorithm;

/// The code of a counter or step.
pub fn code(secret: &[u8], algorithm: Algorithm, digits: u8, counter: u64) -> String {
    let message = counter.to_be_bytes();
    macro_rules! digest {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(secret).expect("any key will do");
            mac.update(&message);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    let digest = match algorithm {
        Algorithm::Sha1 => digest!(sha1::Sha1),
        Algorithm::Sha256 => digest!(sha2::Sha256),
        Algorithm::Sha512 => digest!(sha2::Sha512),
    };
    let offset = usize::from(digest[digest.len() - 1] & 0xf);
    let four: [u8; 4] = digest[offset..offset + 4].try_into().expect("four bytes");
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    let digits = usize::from(digits);
    format!("{:0digits$}", u64::from(number) % 10u64.pow(digits as u32))
}

/// Bytes of unpadded Base32 (RFC 4648 6); `None` for anything else.
pub fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0u32);
    for letter in text.bytes() {
        let five = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        held = held << 5 | u32::from(five);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}
