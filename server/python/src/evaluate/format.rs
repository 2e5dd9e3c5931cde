//! Text made of values: f-strings, `str.format`, `%`, `str()` and `repr()`.

use std::sync::Arc;

use super::Evaluator;
use super::call::{Call, Frame};
use super::exception::Exception;
use super::value::{Kind, Place, Value};
use crate::syntax::ast::Part;

impl Evaluator<'_> {
    pub(crate) fn format_string(
        &mut self,
        parts: &[Part],
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        let mut text = String::new();
        let mut rests_on = 0;
        let mut unknown: Option<Value> = None;
        for part in parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::Value { value, conversion, format, label } => {
                    let value = self.evaluate(*value, frame)?;
                    let spec = self.format_string(format, frame, place)?;
                    rests_on |= value.rests_on | spec.rests_on;
                    if let Some(label) = label {
                        text.push_str(label);
                    }
                    match (self.formatted(&value, *conversion, &spec, place), &unknown) {
                        (Ok(shown), _) => text.push_str(&shown),
                        (Err(why), None) => unknown = Some(why),
                        _ => {}
                    }
                }
            }
        }
        Ok(unknown.unwrap_or_else(|| Value::str(text)).resting_on(rests_on))
    }

    fn formatted(
        &self,
        value: &Value,
        conversion: Option<char>,
        spec: &Value,
        place: Place,
    ) -> Result<String, Value> {
        let Kind::Str(spec) = &spec.kind else { return Err(spec.clone()) };
        let shown = |text: Option<String>| text.ok_or_else(|| self.unshowable(value, place));
        match conversion {
            Some('r') => {
                return pad(&shown(self.repr(value))?, spec).ok_or_else(|| self.unshowable(value, place));
            }
            Some('a') => return Err(self.unknown("ascii() is not followed", Some(place))),
            Some(_) => {
                return pad(&shown(self.str(value))?, spec).ok_or_else(|| self.unshowable(value, place));
            }
            None => {}
        }
        if spec.is_empty() {
            return shown(self.str(value));
        }
        let formatted = match &value.kind {
            Kind::Str(s) => pad(s, spec),
            Kind::Int(i) => format_int(*i, spec),
            Kind::Float(f) => format_float(*f, spec),
            _ => None,
        };
        shown(formatted)
    }

    fn unshowable(&self, value: &Value, place: Place) -> Value {
        match &value.kind {
            Kind::Unknown(why) => {
                Value::unknown_again(why, value.origin.or(Some(place))).resting_on(value.rests_on)
            }
            _ => self
                .unknown("how this is written as text is not followed", Some(value.origin.unwrap_or(place))),
        }
    }

    /// `str(value)`, as far as it is known.
    pub(crate) fn str(&self, value: &Value) -> Option<String> {
        match &value.kind {
            Kind::Str(s) => Some(s.to_string()),
            _ => self.model_text(value, |v| v.str()),
        }
    }

    /// `repr(value)`, as far as it is known.
    pub(crate) fn repr(&self, value: &Value) -> Option<String> {
        self.model_text(value, |v| v.repr())
    }

    fn model_text(
        &self,
        value: &Value,
        text: impl Fn(&image_model::value::Value) -> image_model::error::Res<String>,
    ) -> Option<String> {
        match &value.kind {
            Kind::Image(_) | Kind::Instance(_) | Kind::Function(_) | Kind::Class(_) | Kind::External(_) => {
                None
            }
            _ => text(&self.to_model(value).0).ok(),
        }
    }

    /// `str.format`
    pub(crate) fn format_method(&self, template: &str, call: &Call, place: Place) -> Value {
        let mut text = String::new();
        let mut rests_on = 0;
        let mut automatic = 0;
        let mut chars = template.chars().peekable();
        let odd = || self.unknown("this format is not followed", Some(place));
        if !call.is_closed() {
            return odd();
        }
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.peek() == Some(&'{') => {
                    chars.next();
                    text.push('{');
                }
                '}' if chars.peek() == Some(&'}') => {
                    chars.next();
                    text.push('}');
                }
                '{' => {
                    let mut field = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some('{') | None => return odd(),
                            Some(c) => field.push(c),
                        }
                    }
                    let (name, spec) = field.split_once(':').unwrap_or((&field, ""));
                    let (name, conversion) = match name.split_once('!') {
                        Some((name, conversion)) => (name, conversion.chars().next()),
                        None => (name, None),
                    };
                    let value = if name.is_empty() {
                        automatic += 1;
                        call.positional().get(automatic - 1)
                    } else if let Ok(index) = name.parse::<usize>() {
                        call.positional().get(index)
                    } else {
                        call.keyword(name)
                    };
                    let Some(value) = value else { return odd() };
                    rests_on |= value.rests_on;
                    match self.formatted(value, conversion, &Value::str(spec), place) {
                        Ok(shown) => text.push_str(&shown),
                        Err(unknown) => return unknown,
                    }
                }
                '}' => return odd(),
                other => text.push(other),
            }
        }
        Value::str(text).resting_on(rests_on)
    }

    /// `template % values`
    pub(crate) fn percent(&self, template: &Arc<str>, values: &Value, place: Place) -> Value {
        let odd = || self.unknown("this % format is not followed", Some(place));
        let items = match &values.kind {
            Kind::Tuple(items) => items.to_vec(),
            Kind::Dict(_) => return odd(),
            _ => vec![values.clone()],
        };
        let mut items = items.into_iter();
        let mut text = String::new();
        let mut rests_on = 0;
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let kind = chars.next();
            if kind == Some('%') {
                text.push('%');
                continue;
            }
            let Some(value) = items.next() else { return odd() };
            rests_on |= value.rests_on;
            let shown = match (kind, &value.kind) {
                (Some('s'), _) => self.str(&value),
                (Some('r'), _) => self.repr(&value),
                (Some('d' | 'i'), Kind::Int(i)) => Some(i.to_string()),
                _ => return odd(),
            };
            match shown {
                Some(shown) => text.push_str(&shown),
                None => return self.unshowable(&value, place),
            }
        }
        if items.next().is_some() {
            return odd();
        }
        Value::str(text).resting_on(rests_on)
    }
}

/// A format's alignment, sign and width; `None` for what is not followed.
struct Spec {
    fill: char,
    align: Option<char>,
    zero: bool,
    width: usize,
    comma: bool,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse(spec: &str) -> Option<Spec> {
    let mut c: std::collections::VecDeque<char> = spec.chars().collect();
    let mut parsed =
        Spec { fill: ' ', align: None, zero: false, width: 0, comma: false, precision: None, kind: None };
    if c.len() > 1 && "<>^".contains(c[1]) {
        parsed.fill = c.pop_front()?;
        parsed.align = c.pop_front();
    } else if c.front().is_some_and(|a| "<>^".contains(*a)) {
        parsed.align = c.pop_front();
    }
    if c.front() == Some(&'0') {
        c.pop_front();
        parsed.zero = true;
    }
    let number = |c: &mut std::collections::VecDeque<char>| {
        let mut digits = String::new();
        while c.front().is_some_and(char::is_ascii_digit) {
            digits.extend(c.pop_front());
        }
        digits
    };
    parsed.width = Some(number(&mut c)).filter(|d| !d.is_empty()).map_or(Some(0), |d| d.parse().ok())?;
    if c.front() == Some(&',') {
        c.pop_front();
        parsed.comma = true;
    }
    if c.front() == Some(&'.') {
        c.pop_front();
        parsed.precision = Some(number(&mut c).parse().ok()?);
    }
    parsed.kind = c.pop_front();
    (c.is_empty() && parsed.width < 10_000).then_some(parsed)
}

fn aligned(text: &str, spec: &Spec, default: char) -> String {
    let missing = spec.width.saturating_sub(text.chars().count());
    let fill = |n: usize| std::iter::repeat_n(spec.fill, n).collect::<String>();
    match spec.align.unwrap_or(default) {
        '>' => format!("{}{text}", fill(missing)),
        '^' => format!("{}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
        _ => format!("{text}{}", fill(missing)),
    }
}

fn pad(text: &str, spec: &str) -> Option<String> {
    let spec = parse(spec)?;
    if spec.zero || spec.comma || !matches!(spec.kind, None | Some('s')) {
        return None;
    }
    let cut: String = match spec.precision {
        Some(n) => text.chars().take(n).collect(),
        None => text.to_owned(),
    };
    Some(aligned(&cut, &spec, '<'))
}

fn format_int(value: i64, spec: &str) -> Option<String> {
    let spec = parse(spec)?;
    if spec.precision.is_some() || value < 0 && (spec.zero || spec.comma) {
        return None;
    }
    let mut digits = match spec.kind {
        None | Some('d') => value.to_string(),
        Some('x') if value >= 0 => format!("{value:x}"),
        Some('b') if value >= 0 => format!("{value:b}"),
        _ => return None,
    };
    if spec.comma {
        if spec.zero || spec.kind == Some('x') {
            return None;
        }
        let mut grouped = String::new();
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(c);
        }
        digits = grouped;
    }
    if spec.zero && spec.align.is_none() {
        return Some(format!("{digits:0>width$}", width = spec.width));
    }
    Some(aligned(&digits, &spec, '>'))
}

fn format_float(value: f64, spec: &str) -> Option<String> {
    let spec = parse(spec)?;
    if spec.zero || spec.comma || spec.kind != Some('f') || !value.is_finite() {
        return None;
    }
    Some(aligned(&format!("{value:.prec$}", prec = spec.precision.unwrap_or(6)), &spec, '>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected texts are those of Python's format().
    #[test]
    fn formats_are_pythons() {
        for (value, spec, text) in
            [(7, "02d", "07"), (1234567, ",", "1,234,567"), (5, ">4", "   5"), (255, "x", "ff")]
        {
            assert_eq!(format_int(value, spec).as_deref(), Some(text), "{spec}");
        }
        assert_eq!(format_float(1.005, ".2f").as_deref(), Some("1.00"));
        assert_eq!(pad("ab", "*^6").as_deref(), Some("**ab**"));
        assert_eq!(pad("abc", ".2").as_deref(), Some("ab"));
        assert_eq!(format_int(5, "e"), None);
    }
}
