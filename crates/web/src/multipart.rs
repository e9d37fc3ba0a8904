//! Forms with files (RFC 7578), read from memory: names and values in their order, a file's name beside its content.

/// Reads a form; nothing where it is none. A file gives two fields: `name` with what stands in it, `name:file` with its own name; a place
/// in which no file was chosen gives none. Bytes that are no UTF-8 become replacement characters: no page here takes other than text.
pub(crate) fn read(content_type: &str, body: &[u8], fields_max: usize) -> Option<Vec<(String, String)>> {
    let boundary = content_type.split(';').skip(1).find_map(|p| p.trim().strip_prefix("boundary="))?.trim_matches('"');
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let mark = [b"--", boundary.as_bytes()].concat();
    let mut rest = body.strip_prefix(mark.as_slice())?;
    let mark = [b"\r\n", mark.as_slice()].concat();
    let mut out = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, &mark)?;
        let (part, after) = (&part[..end], &part[end + mark.len()..]);
        let head = find(part, b"\r\n\r\n")?;
        let (head, content) = (String::from_utf8_lossy(&part[..head]), &part[head + 4..]);
        let said = head.lines().find(|l| l.to_ascii_lowercase().starts_with("content-disposition:"))?;
        let name = quoted(said, "; name=\"")?;
        let content = String::from_utf8_lossy(content);
        match quoted(said, "; filename=\"") {
            None => out.push((name, content.replace("\r\n", "\n"))),
            Some(file) if file.is_empty() => {}
            Some(file) => {
                out.push((format!("{name}:file"), file));
                out.push((name, content.into_owned()));
            }
        }
        if out.len() > fields_max {
            return None;
        }
        rest = after;
    }
    rest.starts_with(b"--").then_some(out)
}

fn find(all: &[u8], what: &[u8]) -> Option<usize> {
    all.windows(what.len()).position(|w| w == what)
}

/// Browsers write quotes and line ends of a name as `%22`, `%0D` and `%0A` (HTML, multipart form data).
fn quoted(said: &str, before: &str) -> Option<String> {
    let (_, rest) = said.split_once(before)?;
    Some(rest.split_once('"')?.0.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x";

    fn form(parts: &[(&str, &str)]) -> String {
        parts.iter().map(|(head, body)| format!("------x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")).collect::<String>() + "------x--\r\n"
    }

    fn pairs(body: &str) -> Option<Vec<(String, String)>> {
        read(KIND, body.as_bytes(), 10)
    }

    #[test]
    fn fields_and_files_come_out_as_they_went_in() {
        let body = form(&[
            ("name=\"csrf\"", "t"),
            ("name=\"text\"", "a\r\nb"),
            ("name=\"file\"; filename=\"say %22x%22.txt\"\r\nContent-Type: text/plain", "c\r\n\r\nd\r\n--no"),
            ("name=\"file\"; filename=\"\"", ""),
        ]);
        let of = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let wanted = [of("csrf", "t"), of("text", "a\nb"), of("file:file", "say \"x\".txt"), of("file", "c\r\n\r\nd\r\n--no")];
        assert_eq!(pairs(&body).unwrap(), wanted, "a file keeps its line ends, a text area has ours");
        assert_eq!(pairs("------x--\r\n").unwrap(), []);
    }

    #[test]
    fn what_is_cut_or_too_much_is_no_form() {
        let body = form(&[("name=\"a\"", "1"), ("name=\"b\"", "2")]);
        for end in 0..body.len() - 4 {
            assert_eq!(pairs(&body[..end]), None, "cut at {end}");
        }
        assert_eq!(read("multipart/form-data", body.as_bytes(), 10), None);
        assert_eq!(read("multipart/form-data; boundary=y", body.as_bytes(), 10), None);
        assert_eq!(read(KIND, body.as_bytes(), 1), None);
    }
}
