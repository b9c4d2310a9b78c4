//! Decimal numbers as text, without a float on the way.

/// The number with exactly `scale` digits behind the point, no needless zeros before it and no sign at zero. `None` where it is no
/// decimal number, or has more digits than `precision` and `scale` leave room for: nothing is rounded.
pub(crate) fn exact(text: &str, precision: u8, scale: u8) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let scale = usize::from(scale);
    if whole.len() + scale > usize::from(precision) || fraction.len() > scale {
        return None;
    }
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if scale == 0 { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction:0<scale$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_form_and_nothing_is_rounded() {
        let cases = [
            ("1", 4, 2, Some("1.00")),
            ("0012.3400", 4, 2, Some("12.34")),
            ("-0.50", 4, 2, Some("-0.50")),
            ("-0.00", 4, 2, Some("0.00")),
            ("99.99", 4, 2, Some("99.99")),
            ("100", 4, 2, None),
            ("0.001", 4, 2, None),
            ("0.5", 2, 2, Some("0.50")),
            ("7", 1, 0, Some("7")),
            ("7.0", 1, 0, Some("7")),
            ("9999999999999999.99", 18, 2, Some("9999999999999999.99")),
        ];
        for (text, precision, scale, expected) in cases {
            assert_eq!(exact(text, precision, scale).as_deref(), expected, "{text}");
        }
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "NaN", "Infinity", " 1", "1,5", "1_0", "--1", "1.2.3", "\u{661}"] {
            assert_eq!(exact(text, 18, 2), None, "{text:?}");
        }
    }
}
