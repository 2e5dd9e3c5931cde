//! Numbers, dates and times of the `toml` package.

use super::{Date, Toml, ValueError, value_error};
use crate::pytext;

/// What the package checks before it believes that something is a number.
pub(super) fn strictly_valid(text: &str) -> bool {
    let n: Vec<char> = pytext::strip(text).chars().collect();
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return false };
    if *first == '_' || *last == '_' {
        return false;
    }
    let pair = |a: char, b: char| n.windows(2).any(|w| w[0] == a && w[1] == b);
    if pair('_', '.') || pair('.', '_') {
        return false;
    }
    if n.len() == 1 {
        return true;
    }
    if *first == '0' && !matches!(n[1], '.' | 'o' | 'b' | 'x') {
        return false;
    }
    let rest = if *first == '+' || *first == '-' { &n[1..] } else { &n[..] };
    if rest.len() != n.len() && rest.len() > 1 && rest[0] == '0' && rest[1] != '.' {
        return false;
    }
    !rest.windows(2).any(|w| w[0] == '_' && w[1] == '_')
}

/// `float(text)`: what Python takes for a float.
pub(super) fn python_float(text: &str) -> Option<f64> {
    let t = pytext::strip(text);
    let body = t.strip_prefix(['+', '-']).unwrap_or(t).to_ascii_lowercase();
    if matches!(body.as_str(), "inf" | "infinity" | "nan") {
        return t.parse().ok();
    }
    let starts_well = body.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts_well || !body.chars().all(|c| c.is_ascii_digit() || "._e+-".contains(c)) {
        return None;
    }
    without_underscores(t)?.parse().ok()
}

/// Python allows single underscores between digits.
fn without_underscores(t: &str) -> Option<String> {
    let chars: Vec<char> = t.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let digit = |j: Option<usize>| j.and_then(|j| chars.get(j)).is_some_and(char::is_ascii_alphanumeric);
        if *c == '_' && !(digit(i.checked_sub(1)) && digit(Some(i + 1))) {
            return None;
        }
    }
    Some(t.replace('_', ""))
}

/// `int(text)` for the short digit runs in dates.
fn python_int(text: &str) -> Option<i64> {
    let t = without_underscores(pytext::strip(text))?;
    let digits = t.strip_prefix(['+', '-']).unwrap_or(&t);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    t.strip_prefix('+').unwrap_or(&t).parse().ok()
}

/// `int(text, 0)`.
fn python_int_any_base(text: &str) -> Option<String> {
    let t = pytext::strip(text);
    let (sign, body) = match t.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", t.strip_prefix('+').unwrap_or(t)),
    };
    let lower = body.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let digits = without_underscores(digits.strip_prefix('_').unwrap_or(digits))?;
            let value = i128::from_str_radix(&digits, radix).ok()?;
            return Some(if value == 0 { "0".to_owned() } else { format!("{sign}{value}") });
        }
    }
    let digits = without_underscores(body)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    if digits.starts_with('0') {
        return digits.chars().all(|c| c == '0').then(|| "0".to_owned());
    }
    Some(format!("{sign}{digits}"))
}

fn slice(chars: &[char], from: usize, to: usize) -> String {
    chars[from.min(chars.len())..to.min(chars.len())].iter().collect()
}

/// A time of day at the start of the text, as the package's regular expression finds it.
pub(super) fn time(text: &str) -> Option<Result<Date, ValueError>> {
    let c: Vec<char> = text.chars().collect();
    let digits = |from: usize| c.get(from..from + 2).filter(|d| d.iter().all(char::is_ascii_digit));
    digits(0)?;
    digits(3)?;
    digits(6)?;
    if c[2] != ':' || c[5] != ':' {
        return None;
    }
    let mut micro = 0;
    if c.get(8) == Some(&'.') {
        let run = c[9..].iter().take_while(|d| d.is_ascii_digit()).count().min(6);
        if run >= 3 {
            micro = python_int(&slice(&c, 9, 9 + run)).unwrap_or(0);
        }
    }
    let part = |from: usize| python_int(&slice(&c, from, from + 2)).unwrap_or(0);
    let (h, m, s) = (part(0), part(3), part(6));
    for (name, value, max) in [("hour", h, 23), ("minute", m, 59), ("second", s, 59)] {
        if value > max {
            return Some(Err(ValueError::Value(format!("{name} must be in 0..{max}"))));
        }
    }
    let mut repr = format!("datetime.time({h}, {m}");
    let mut iso = format!("{h:02}:{m:02}:{s:02}");
    if s != 0 || micro != 0 {
        repr += &format!(", {s}");
    }
    if micro != 0 {
        repr += &format!(", {micro}");
        iso += &format!(".{micro:06}");
    }
    Some(Ok(Date { repr: Some(repr + ")"), iso, type_name: "time" }))
}

/// A date, with or without a time.
pub(super) fn date(text: &str) -> Option<Date> {
    let c: Vec<char> = text.chars().collect();
    let mut micro = 0;
    let mut zone: Option<String> = None;
    if c.len() > 19 {
        if c[19] == '.' {
            let (sub, tz) = if c.last().is_some_and(|z| z.eq_ignore_ascii_case(&'z')) {
                (slice(&c, 20, c.len() - 1), Some("Z".to_owned()))
            } else {
                let rest = slice(&c, 20, c.len());
                match rest.find('+').or_else(|| rest.find('-')) {
                    Some(split) => (rest[..split].to_owned(), Some(rest[split..].to_owned())),
                    None => (rest, None),
                }
            };
            zone = tz;
            match python_int(&sub) {
                Some(value) if sub.len() <= 6 => {
                    micro = value * 10_i64.pow(6 - u32::try_from(sub.len()).unwrap_or(0))
                }
                Some(value) => {
                    micro = value / 10_i64.checked_pow(u32::try_from(sub.len() - 6).unwrap_or(0))?
                }
                None => zone = None,
            }
        } else {
            zone = Some(slice(&c, 19, c.len()));
        }
    }
    let zone = zone.and_then(|z| zone_offset(&z));
    if !c.iter().skip(1).any(|x| *x == '-') {
        return None;
    }
    let part = |from: usize, to: usize| python_int(&slice(&c, from, to));
    let (y, m, d) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if !(1..=9999).contains(&y) || !(1..=12).contains(&m) || d < 1 || d > days_in_month(y, m) {
        return None;
    }
    if c.len() == 10 {
        let repr = Some(format!("datetime.date({y}, {m}, {d})"));
        return Some(Date { repr, iso: format!("{y:04}-{m:02}-{d:02}"), type_name: "date" });
    }
    let (h, min, s) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(0..24).contains(&h)
        || !(0..60).contains(&min)
        || !(0..60).contains(&s)
        || !(0..1_000_000).contains(&micro)
    {
        return None;
    }
    let mut repr = format!("datetime.datetime({y}, {m}, {d}, {h}, {min}");
    let mut iso = format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}");
    if s != 0 || micro != 0 {
        repr += &format!(", {s}");
    }
    if micro != 0 {
        repr += &format!(", {micro}");
        iso += &format!(".{micro:06}");
    }
    let repr = zone.is_none().then(|| repr + ")");
    match zone.as_deref() {
        Some("+00:00") => iso.push('Z'),
        Some(offset) => iso += offset,
        None => {}
    }
    Some(Date { repr, iso, type_name: "date" })
}

/// The offset that the package's time zone class makes of the text after the seconds.
fn zone_offset(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("+00:00".to_owned());
    }
    let c: Vec<char> = text.chars().collect();
    let sign = if c.first() == Some(&'-') { '-' } else { '+' };
    let (h, m) = (python_int(&slice(&c, 1, 3))?, python_int(&slice(&c, 4, 6))?);
    let sign = if h == 0 && m == 0 { '+' } else { sign };
    Some(format!("{sign}{h:02}:{m:02}"))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// An integer or a float: the last thing that the package tries.
pub(super) fn number(text: &str) -> Result<(Toml, &'static str), ValueError> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let v = body.replace('_', "");
    let lower = v.to_lowercase();
    let is_float = v.contains('.') || (!v.contains('x') && (v.contains('e') || v.contains('E')));
    if is_float || matches!(lower.as_str(), "inf" | "nan") {
        if is_float && v.split_once('.').is_some_and(|(_, after)| after.is_empty()) {
            return value_error("This float is missing digits after the point");
        }
        if is_float && !v.starts_with(|c: char| c.is_ascii_digit()) {
            return value_error("This float doesn't have a leading digit");
        }
        let Some(value) = python_float(&v) else {
            return value_error(&format!("could not convert string to float: {}", pytext::repr_str(&v)));
        };
        return Ok((Toml::Float(if negative { 0.0 - value } else { value }), "float"));
    }
    match python_int_any_base(&v) {
        Some(digits) if negative && digits != "0" => {
            let flipped = digits.strip_prefix('-').map_or_else(|| format!("-{digits}"), str::to_owned);
            Ok((Toml::Int(flipped), "int"))
        }
        Some(digits) => Ok((Toml::Int(digits), "int")),
        None => value_error(&format!("invalid literal for int() with base 0: {}", pytext::repr_str(&v))),
    }
}
