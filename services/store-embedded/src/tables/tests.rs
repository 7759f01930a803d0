use super::*;
use crate::rows::Rows;

fn put_into(tables: &Tables, commit: u64, value: &[u8]) {
    let (mut rows, mut payload) = (Rows::default(), Vec::new());
    rows.put(b"key", &[value]);
    rows.append_to(&mut payload);
    tables.apply(commit, &payload).unwrap();
}

#[test]
fn what_was_flushed_is_let_go_as_soon_as_nobody_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(directory.path(), 1024 * 1024).unwrap();
    put_into(&tables, 1, b"first");
    let view = tables.now();
    put_into(&tables, 2, b"second");
    tables.seal().unwrap();
    assert_eq!(tables.flush(2).unwrap(), 2);
    let seen = view.value(b"key").unwrap();
    assert_eq!(seen.as_deref(), Some(b"first".as_slice()));
    assert!(tables.tree.version_free_list_len() > 0);
    drop(view);

    put_into(&tables, 3, b"third");
    tables.seal().unwrap();
    assert_eq!(tables.flush(3).unwrap(), 3);
    assert_eq!(tables.tree.version_free_list_len(), 0);
    let seen = tables.now().value(b"key").unwrap();
    assert_eq!(seen.as_deref(), Some(b"third".as_slice()));
}
