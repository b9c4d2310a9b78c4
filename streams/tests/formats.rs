//! How types look on the wire: bytes that other programs read, and what comes of bytes that are none.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::format::{UuidBytes, UuidText};
use headwater_streams::prelude::*;
use proptest::prelude::*;
use std::fmt::Debug;
use std::time::Duration;

fn encoded<T, F: Format<T>>(format: &F, value: &T) -> Vec<u8> {
    // What stands before belongs to somebody else.
    let mut bytes = vec![0xee];
    format.encode(value, &mut bytes).unwrap();
    assert_eq!(bytes.remove(0), 0xee);
    bytes
}

fn check<T: Data + PartialEq + Debug>(value: T, bytes: &[u8]) {
    let format = T::Format::default();
    assert_eq!(encoded(&format, &value), bytes);
    assert_eq!(format.decode(bytes), Ok(value));
}

#[test]
fn plain_types_are_written_as_kafka_writes_them() {
    check("häh".to_owned(), b"h\xc3\xa4h");
    check(String::new(), b"");
    check(1_u64 << 40, &[0, 0, 1, 0, 0, 0, 0, 0]);
    check(-2_i32, &[0xff, 0xff, 0xff, 0xfe]);
    check(1.5_f64, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    check(true, &[1]);
    check(vec![1_u8, 2], &[1, 2]);
    check(Bytes::from(vec![3]), &[3]);
    check(uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8), b"67e55044-10b1-426f-9247-bb680e5fe0c8");
}

#[test]
fn windows_and_tuples_are_laid_out_as_documented() {
    check(("ab".to_owned(), 7_u16), b"\0\0\0\x02ab\0\x07");
    check((1_u8, "x".to_owned(), true, 2_u8), b"\0\0\0\x01\x01\0\0\0\x01x\0\0\0\x01\x01\x02");
    let windowed = Windowed { key: "k".to_owned(), start: 60, end: 120 };
    let ours = <Windowed<String> as Nullable>::Format::default();
    assert_eq!(encoded(&ours, &windowed), b"k\0\0\0\0\0\0\0\x3c\0\0\0\0\0\0\0\x78");
    assert_eq!(ours.decode(&encoded(&ours, &windowed)), Ok(windowed.clone()));
    let kafkas = TimeWindowed::<Utf8>::of(Duration::from_millis(60));
    assert_eq!(encoded(&kafkas, &windowed), b"k\0\0\0\0\0\0\0\x3c");
    assert_eq!(kafkas.decode(b"k\0\0\0\0\0\0\0\x3c"), Ok(windowed));
}

#[test]
fn bytes_that_are_no_value_say_why() {
    let fails = |result: Result<(), FormatError>, text: &str| assert_eq!(result.unwrap_err().to_string(), text);
    fails(Format::<u64>::decode(&BigEndian, &[1, 2]).map(drop), "2 bytes where 8 are expected");
    fails(Format::<bool>::decode(&BigEndian, &[2]).map(drop), "2 is neither 0 nor 1");
    fails(Format::<String>::decode(&Utf8, &[0xff]).map(drop), "invalid utf-8 sequence of 1 bytes from index 0");
    fails(Format::<(u8, u8)>::decode(&<(u8, u8) as Data>::Format::default(), &[0, 0, 0, 9, 1]).map(drop), "ends within a part of a tuple");
    fails(Format::<u64>::decode(&Bincode::<3>, &[]).map(drop), "no version");
    fails(Format::<u8>::decode(&Bincode::<3>, &[3, 1, 1]).map(drop), "1 bytes too many");
    fails(Format::<uuid::Uuid>::decode(&UuidBytes, &[1]).map(drop), "1 bytes where 16 are expected");
    assert!(Format::<uuid::Uuid>::decode(&UuidText, b"no uuid").is_err());
    fails(<Windowed<String> as Nullable>::Format::default().decode(&[0; 15]).map(drop), "too short for a window");
    fails(<u64 as Nullable>::read(None, &BigEndian).map(drop), "null value where u64 cannot be null");
}

#[test]
fn formats_have_names_that_stay() {
    let names = [
        Format::<u64>::name(&Json),
        Format::<u64>::name(&Bincode::<7>),
        Format::<u64>::name(&BigEndian),
        Format::<(u64, String)>::name(&<(u64, String) as Data>::Format::default()),
        <Windowed<String> as Nullable>::Format::default().name(),
    ];
    assert_eq!(names, ["json", "bincode/7", "big-endian/u64", "tuple(big-endian/u64,utf8)", "windowed(utf8)"]);
}

proptest! {
    #[test]
    fn what_was_written_is_read(text in ".*", number: u64, bytes: Vec<u8>, at in 0..i64::MAX / 2) {
        let value = (text.clone(), bytes, number);
        let format = <(String, Vec<u8>, u64) as Data>::Format::default();
        prop_assert_eq!(format.decode(&encoded(&format, &value)), Ok(value));
        let windowed = Windowed { key: text, start: at, end: at + 1 };
        let format = <Windowed<String> as Nullable>::Format::default();
        prop_assert_eq!(format.decode(&encoded(&format, &windowed)), Ok(windowed));
    }

    #[test]
    fn no_bytes_make_a_format_panic(bytes: Vec<u8>) {
        let _ = Format::<(String, Vec<u8>, u64)>::decode(&<(String, Vec<u8>, u64) as Data>::Format::default(), &bytes);
        let _ = Format::<Vec<String>>::decode(&Bincode::<0>, &bytes);
        let _ = <Windowed<String> as Nullable>::Format::default().decode(&bytes);
    }
}

/// Found by the test above: the process was ended for want of an exabyte.
#[test]
fn a_length_beyond_all_memory_is_malformed() {
    let mut bytes = vec![0, 1, 253];
    bytes.extend_from_slice(&1_190_783_570_086_055_716_u64.to_le_bytes());
    assert!(matches!(Format::<Vec<String>>::decode(&Bincode::<0>, &bytes), Err(FormatError::Malformed { .. })));
}
