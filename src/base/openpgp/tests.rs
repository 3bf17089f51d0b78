use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::digest::{self, SHA256, SHA512};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};

use super::key::{CURVE25519 as CURVE25519_ID, Key};
use super::packet::{Reader, tag, write_head, write_number};
use super::*;
use crate::base::entropy::SeededEntropy;

/// After the keys were made.
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const RSA: &str = include_str!("../../../tests/fuzz/seeds/openpgp/rsa");
const CURVE25519: &str = include_str!("../../../tests/fuzz/seeds/openpgp/curve25519");

fn bytes(seed: &str) -> Vec<u8> {
    STANDARD.decode(unarmored(seed.trim()).unwrap()).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Recipient, OpenPgpError> {
    Recipient::parse(&STANDARD.encode(bytes), NOW, &SeededEntropy::new(1))
}

fn refusal(bytes: &[u8]) -> String {
    parse(bytes).err().expect("it is refused").to_string()
}

/// The packets of a key, anew and in the new format.
fn packets(key: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut reader = Reader(key);
    let mut packets = Vec::new();
    while let Some(packet) = reader.packet() {
        let mut bytes = Vec::new();
        write_head(&mut bytes, packet.tag, packet.body.len());
        bytes.extend(packet.body);
        packets.push((packet.tag, bytes));
    }
    assert!(reader.is_empty());
    packets
}

fn concat(packets: &[(u8, Vec<u8>)]) -> Vec<u8> {
    packets.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

#[test]
fn both_formats_of_packets_are_one_key() {
    for (seed, fingerprint) in [
        (RSA, "6ba67cde332f7783ed12974191e2b6aabc3deeff"),
        (CURVE25519, "bd3153227d6c8876c3d2853360fc590c8330364b"),
    ] {
        let old = bytes(seed);
        let new = concat(&packets(&old));
        assert_ne!(old, new);
        for key in [old, new] {
            assert_eq!(parse(&key).unwrap().fingerprint(), fingerprint);
        }
    }
}

#[test]
fn a_head_that_is_written_is_read() {
    for len in [0, 1, 191, 192, 8383, 8384, 70_000] {
        let mut bytes = Vec::new();
        write_head(&mut bytes, tag::LITERAL_DATA, len);
        bytes.resize(bytes.len() + len, 7);
        let mut reader = Reader(&bytes);
        let packet = reader.packet().unwrap();
        assert_eq!((packet.tag, packet.body.len()), (tag::LITERAL_DATA, len));
        assert!(reader.is_empty());
    }
    for (number, written) in
        [(&[0, 0][..], &[0, 0][..]), (&[0, 1, 2], &[0, 9, 1, 2]), (&[0xff], &[0, 8, 0xff])]
    {
        let mut bytes = Vec::new();
        write_number(&mut bytes, number);
        assert_eq!(bytes, written);
        assert_eq!(Reader(&bytes).number().unwrap(), &number[number.len() + 2 - written.len()..]);
    }
}

#[test]
fn only_what_the_key_signed_counts() {
    let key = packets(&bytes(CURVE25519));
    let tags: Vec<u8> = key.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, [6, 13, 2, 14, 2]);

    assert!(refusal(&concat(&key[..2])).contains("is not signed by itself"));
    assert!(refusal(&concat(&key[..4])).contains("no part that may encrypt"));
    // A signature that says something else, the user that it is about, and a signature over them.
    for place in [1, 2, 4] {
        let mut forged = key.clone();
        let len = forged[place].1.len();
        forged[place].1[len - 1] ^= 1;
        let why = refusal(&concat(&forged));
        let expected =
            if place == 4 { "no part that may encrypt" } else { "is not signed by itself" };
        assert!(why.contains(expected), "{place}: {why}");
    }
    let mut stranger = packets(&bytes(RSA));
    stranger.truncate(1);
    stranger.extend_from_slice(&key[1..]);
    assert!(refusal(&concat(&stranger)).contains("is not signed by itself"));
}

#[test]
fn signatures_without_number_are_not_verified() {
    let key = packets(&bytes(CURVE25519));
    let many = [&key[..3], &vec![key[2].clone(); 256], &key[3..]].concat();
    assert!(refusal(&concat(&many)).contains("over 256 signatures"));
}

#[test]
fn armor_is_opened_and_must_end() {
    let body = CURVE25519.trim();
    let begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let end = "-----END PGP PUBLIC KEY BLOCK-----";
    let read = |text: &str| Recipient::parse(text, NOW, &SeededEntropy::new(1)).map(|_| ());
    for good in [
        format!("{begin}\n\n{body}\n=AAAA\n{end}\n"),
        format!("{begin}\r\nVersion: 1\r\nComment:\r\n\r\n{body}\r\n{end}"),
    ] {
        assert_eq!(read(&good), Ok(()));
    }
    let cut = read(&format!("{begin}\n\n{body}\n"));
    assert!(matches!(cut, Err(OpenPgpError::Encoding(_))), "{cut:?}");
}

#[test]
fn a_changed_or_cut_key_is_read_without_a_panic_and_not_as_another() {
    for seed in [RSA, CURVE25519] {
        let whole = bytes(seed);
        let recipient = parse(&whole).unwrap();
        for at in 0..whole.len() {
            assert!(parse(&whole[..at]).is_err(), "cut at {at}");
            for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff, whole[at] ^ 1, whole[at] ^ 0x40] {
                let mut changed = whole.clone();
                changed[at] = value;
                // Only what no signature covers may change: then it is the same key.
                if let Ok(read) = parse(&changed) {
                    assert_eq!(read.fingerprint(), recipient.fingerprint(), "byte {at}");
                }
            }
        }
    }
}

#[test]
fn names_of_keybase_are_refused_with_what_to_do() {
    let error = Recipient::parse("keybase:someone", NOW, &SeededEntropy::new(1)).err().unwrap();
    assert!(error.to_string().contains("send the public key itself"), "{error}");
}

/// GnuPG's keys use one pair of hash and cipher; other programs' keys use others.
#[test]
fn a_session_key_is_wrapped_as_the_key_says() {
    let secret = PrivateKey::from_private_key(&X25519, &[7; 32]).unwrap();
    let public = secret.compute_public_key().unwrap();
    let recipient = [&[1, 7, 0x40], public.as_ref()].concat();
    for (hash, cipher, hash_of, wrap) in
        [(8, 7, &SHA256, &AES_128), (8, 9, &SHA256, &AES_256), (10, 9, &SHA512, &AES_256)]
    {
        let id = [&[CURVE25519_ID.len() as u8], CURVE25519_ID].concat();
        let kdf = [3, 1, hash, cipher];
        let body = [&[4, 0, 0, 0, 1, 18], &id[..], &recipient, &kdf].concat();
        let key = Key::parse(&body).unwrap();
        let entropy = SeededEntropy::new(1);
        let message = EncryptionKey::new(&key).unwrap().encrypt(b"a share", &entropy).unwrap();

        let mut sent = Reader(Reader(&message).packet().unwrap().body);
        assert_eq!(sent.byte(), Some(3));
        assert_eq!(sent.take(8), Some(&key.fingerprint()[12..]));
        assert_eq!(sent.byte(), Some(18));
        let ephemeral = sent.number().unwrap().strip_prefix(&[0x40]).unwrap();
        let wrapped = sent.short().unwrap();
        let peer = UnparsedPublicKey::new(&X25519, ephemeral);
        let shared = agreement::agree(&secret, peer, (), |shared| Ok(shared.to_vec())).unwrap();
        let sender = b"Anonymous Sender    ";
        let input: [&[u8]; 7] =
            [&[0, 0, 0, 1], &shared, &id, &[18], &kdf, sender, &key.fingerprint()];
        let kek = digest::digest(hash_of, &input.concat());
        let len = if cipher == 7 { 16 } else { 32 };
        let kek = AesKek::new(wrap, &kek.as_ref()[..len]).unwrap();
        let mut opened = [0; 48];
        let opened = kek.unwrap(wrapped, &mut opened).unwrap();
        assert_eq!((opened[0], &opened[35..]), (9, &[5; 5][..]));
        let sum: u16 = opened[1..33].iter().map(|byte| u16::from(*byte)).sum();
        assert_eq!(opened[33..35], sum.to_be_bytes());
    }
}
