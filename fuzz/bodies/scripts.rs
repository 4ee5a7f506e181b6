//! Scripts: every line is a request or an error, and a server reads each request as intended.

use std::path::Path;

use wharf::client::address::ServerAddress;
use wharf::http::head_end::EndFinder;
use wharf::http::request::{FieldSpace, HEAD_LIMIT, Head, write_head};
use wharf::replay::script::{ScriptRequest, parse};

/// The bytes are a script.
pub(crate) fn check(data: &[u8]) {
    let address = ServerAddress::parse("h:1").expect("an address");
    let (steps, wrong) = parse(data, Path::new("/folder"), &address);
    let lines = data.split(|&byte| byte == b'\n').count();
    let told = steps.iter().map(|step| step.line).chain(wrong.iter().map(|(line, _)| *line));
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "a line is a request or an error, once");
    assert!(told.iter().all(|&line| (1..=lines).contains(&line)));
    for (_, error) in &wrong {
        assert!(!error.to_string().contains(['\n', '\x1b']), "an error names one line");
    }
    for step in &steps {
        is_one_request(&step.request);
    }
}

/// A script's request cannot end its own head and start another request.
fn is_one_request(request: &ScriptRequest) {
    let mut bytes = Vec::new();
    write_head(&mut bytes, request.method.name(), &request.target, &request.server.host_field(), &[]);
    if bytes.len() > HEAD_LIMIT {
        return;
    }
    assert_eq!(EndFinder::default().find(&bytes), Ok(Some(bytes.len())), "{request:?}");
    if let Ok(head) = Head::parse(&bytes, &mut FieldSpace::new()) {
        let path = head.target.path().expect("a path");
        let query = path.query().map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(format!("{}{query}", path.raw()), request.target);
    }
}
